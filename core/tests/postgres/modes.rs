//! `create`, `append`, `replace`, `replace_by`, `upsert`: what each leaves behind, run once and run again.

use datasus::sink::postgres::Mode;
use datasus::{Code, Options, Postgres, QueryParams, col};

use crate::server::shared;
use crate::*;

#[test]
fn a_new_table_has_the_catalogues_names_types_comments_and_indexes() {
    let (_folder, client) = client();
    let params = january().filter(col("SEXO").is_in(["1", "3"]));
    let sorted = params.clone().order_by("DT_INTER", false).order_by("SEXO", false);
    let in_order = Postgres { table: Some("sih_data.em_ordem".into()), ..Default::default() };
    load(&client, &sorted, in_order).unwrap();
    let report = load(&client, &params, Postgres::default()).unwrap().to_json();
    assert_eq!(
        (report["storage"]["postgres"].as_str(), report["records_processed"].as_u64()),
        (Some("sih_data.rd_202401"), Some(40))
    );
    let server = shared();
    let types = server.psql(
        "SELECT a.attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum) FROM pg_attribute a \
         WHERE attrelid = 'sih_data.rd_202401'::regclass AND attnum > 0 ORDER BY attnum",
    );
    let of = |name: &str| types.iter().find(|row| row[0] == name).unwrap_or_else(|| panic!("{name}: {types:?}"));
    assert_eq!((of("cnes")[1].as_str(), of("idade")[1].as_str()), ("text", "integer"));
    assert_eq!((of("val_tot")[1].as_str(), of("dt_inter")[1].as_str()), ("numeric(14,2)", "date"));
    assert!(of("val_tot")[2].starts_with("Valor total da AIH (fonte: "), "{:?}", of("val_tot"));
    let about = &server.psql("SELECT obj_description('sih_data.rd_202401'::regclass)")[0][0];
    assert!(about.contains("linhas de SIH-RD, competência 202401") && about.contains("job "), "{about}");
    assert_eq!(
        server.psql("SELECT indexdef FROM pg_indexes WHERE schemaname = 'sih_data' AND tablename = 'rd_202401'"),
        [["CREATE INDEX rd_202401_sexo_idx ON sih_data.rd_202401 USING btree (sexo)"]]
    );
    assert_eq!(
        server.psql("SELECT indexdef FROM pg_indexes WHERE tablename = 'em_ordem' ORDER BY indexname"),
        [
            ["CREATE INDEX em_ordem_dt_inter_idx ON sih_data.em_ordem USING brin (dt_inter)"],
            ["CREATE INDEX em_ordem_sexo_idx ON sih_data.em_ordem USING btree (sexo)"],
        ]
    );
    assert_eq!(
        server.psql(
            "SELECT count(*), sum(val_tot), min(dt_inter), max(cnes), bool_and(reltuples = 40) \
             FROM sih_data.rd_202401, pg_class WHERE oid = 'sih_data.rd_202401'::regclass"
        ),
        [["40", "5068.60", "2024-01-01", "2000002", "t"]],
        "rows, exact money, dates, codes with their zeros, and ANALYZE has run"
    );
    assert_eq!(
        server.psql("SELECT source, period, mode, rows FROM datasus.loads WHERE table_name = 'rd_202401'"),
        [["RDAC2401.dbc", "202401", "create", "40"]]
    );
    let again = load(&client, &params, Postgres::default()).unwrap_err();
    assert_eq!((again.code(), again.context().stage), (Code::Conflict, Some("postgres")));
    assert_eq!(server.psql("SELECT count(*) FROM sih_data.rd_202401"), [["40"]]);

    let report = load(&client, &both_months(), Postgres::default()).unwrap().to_json();
    assert_eq!(report["storage"]["postgres"], "sih_data.rd");
    assert_eq!(
        server.psql("SELECT count(*), count(val_tot), sum(val_tot) FROM sih_data.rd"),
        [["60", "59", "7228.90"]]
    );
    assert_eq!(stages("sih_data"), [[""; 0]; 0]);
}

#[test]
fn aggregates_and_sql_name_their_table() {
    let (_folder, client) = client();
    let params = january().group_by(["CNES"]).aggregate(datasus::AggregateFn::Sum, "VAL_TOT", "valor");
    let error = load(&client, &params, Postgres::default()).unwrap_err();
    assert_eq!(error.code(), Code::InvalidParams);
    assert!(error.detail().contains("Name the table"), "{error:?}");
    load(&client, &params, to("custo.por_cnes", Mode::Create)).unwrap();
    assert_eq!(shared().psql("SELECT count(*), sum(valor) FROM custo.por_cnes"), [["3", "5068.60"]]);
    let nothing = january().filter(col("CNES").eq("9999999"));
    assert_eq!(load(&client, &nothing, to("custo.vazia", Mode::Create)).unwrap().records_processed, 0);
    assert_eq!(shared().psql("SELECT count(*) FROM custo.vazia"), [["0"]]);
}

#[test]
fn append_adds_once_and_takes_new_columns() {
    let (_folder, client) = client();
    let table = || to("acrescenta.rd", Mode::Append);
    let few = ["N_AIH", "VAL_TOT"];
    load(&client, &january().columns(few), table()).unwrap();
    let error = load(&client, &january().columns(few), table()).unwrap_err();
    assert_eq!(
        (error.code(), error.diagnostic()["sources"].clone()),
        (Code::Conflict, serde_json::json!(["RDAC2401.dbc"]))
    );
    // A query that overlaps is refused whole, not loaded in part.
    assert_eq!(load(&client, &both_months().columns(few), table()).unwrap_err().code(), Code::Conflict);
    let february = QueryParams::dataset("SIH-RD").uf(["AC"]).competencia("202402");
    load(&client, &february.columns(["N_AIH", "VAL_TOT", "CNES"]), table()).unwrap();
    let count = "SELECT count(*), count(cnes), count(val_tot) FROM acrescenta.rd";
    assert_eq!(shared().psql(count), [["60", "20", "59"]]);
    load(&client, &january().columns(few), Postgres { allow_reload: true, ..table() }).unwrap();
    assert_eq!(shared().psql(count), [["100", "20", "99"]]);
    assert_eq!(stages("acrescenta"), [[""; 0]; 0]);
}

#[test]
fn a_table_made_by_others_keeps_its_own_types() {
    let (_folder, client) = client();
    let server = shared();
    server.psql(
        "CREATE SCHEMA deles; CREATE DOMAIN deles.aih AS varchar(13); CREATE TABLE deles.rd (id bigserial PRIMARY KEY, \
         \"N_AIH\" deles.aih NOT NULL, cnes char(7), val_tot numeric(20,4), idade smallint, dias_perm bigint, quando timestamptz DEFAULT now())",
    );
    let params = january().columns(["CNES", "N_AIH", "IDADE", "VAL_TOT", "DIAS_PERM"]);
    load(&client, &params, to("deles.rd", Mode::Append)).unwrap();
    assert_eq!(
        server.psql("SELECT count(DISTINCT id), count(quando), sum(val_tot), sum(idade), min(\"N_AIH\"), max(cnes) FROM deles.rd"),
        [["40", "40", "5068.6000", "780", "1200000000000", "2000002"]]
    );
    server.psql("CREATE TABLE deles.outra (val_tot integer); CREATE TABLE deles.curta (n_aih varchar(5)); CREATE TABLE deles.cheia (n_aih text, obrigatoria text NOT NULL)");
    let only = |column: &str| january().columns([column]);
    let error = load(&client, &only("VAL_TOT"), to("deles.outra", Mode::Append)).unwrap_err();
    assert_eq!((error.code(), error.context().column.as_deref()), (Code::Conflict, Some("val_tot")));
    let error = load(&client, &only("N_AIH"), to("deles.curta", Mode::Append)).unwrap_err();
    assert_eq!(
        (error.code(), error.context().row, error.context().column.as_deref()),
        (Code::TooManyDeadLetters, Some(0), Some("N_AIH"))
    );
    assert_eq!(error.diagnostic()["received"], "1200000000000");
    let error = load(&client, &only("N_AIH"), to("deles.cheia", Mode::Append)).unwrap_err();
    assert_eq!((error.code(), error.context().column.as_deref()), (Code::Conflict, Some("obrigatoria")));
    server.psql("ALTER TABLE deles.cheia DROP COLUMN obrigatoria, ADD CHECK (n_aih <> '1200000000007')");
    let error = load(&client, &only("N_AIH"), to("deles.cheia", Mode::Append)).unwrap_err();
    assert_eq!((error.code(), error.context().sqlstate.as_deref()), (Code::TooManyDeadLetters, Some("23514")));
    assert_eq!(server.psql("SELECT count(*) FROM deles.cheia"), [["0"]]);
}

#[test]
fn replace_swaps_the_table_in_one_act() {
    let (_folder, client) = client();
    let server = shared();
    load(&client, &january(), to("troca.rd", Mode::Replace)).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = std::collections::BTreeSet::new();
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                seen.insert(server.psql("SELECT count(*) FROM troca.rd")[0][0].clone());
            }
            seen
        });
        for _ in 0..5 {
            load(&client, &both_months(), to("troca.rd", Mode::Replace)).unwrap();
            load(&client, &january(), to("troca.rd", Mode::Replace)).unwrap();
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(seen.iter().all(|rows| rows == "40" || rows == "60"), "{seen:?}");
    server.psql("CREATE VIEW troca.v AS SELECT cnes FROM troca.rd");
    let error = load(&client, &january(), to("troca.rd", Mode::Replace)).unwrap_err();
    assert_eq!((error.code(), error.context().sqlstate.as_deref()), (Code::Conflict, Some("2BP01")));
    assert_eq!(server.psql("SELECT count(*) FROM troca.v"), [["40"]]);
    assert_eq!(stages("troca"), [[""; 0]; 0]);
}

#[test]
fn upsert_updates_by_key_and_the_last_row_of_a_key_counts() {
    let (_folder, client) = client();
    let upsert = |table: &str, key: &[&str]| Postgres {
        key: key.iter().map(|k| (*k).to_owned()).collect(),
        ..to(table, Mode::Upsert)
    };
    // 100,000 rows of 1,000 keys: the last row of each counts, whatever connection carried it.
    let rows =
        |plus: i64| sql(&format!("SELECT range % 1000 AS k, range + {plus} AS v FROM range(100000) ORDER BY range"));
    load(&client, &rows(0), upsert("chave.t", &["K"])).unwrap();
    let check = "SELECT count(*), min(v), max(v), bool_and(v % 1000 = k), sum(v) FROM chave.t";
    assert_eq!(shared().psql(check), [["1000", "99000", "99999", "t", "99499500"]]);
    load(&client, &rows(1_000_000), upsert("chave.t", &["k"])).unwrap();
    assert_eq!(shared().psql(check), [["1000", "1099000", "1099999", "t", "1099499500"]]);
    load(&client, &sql("SELECT 5000 AS k, 1 AS v, 'nova' AS extra"), upsert("chave.t", &["k"])).unwrap();
    assert_eq!(shared().psql("SELECT count(*), count(extra) FROM chave.t"), [["1001", "1"]]);

    assert_eq!(load(&client, &rows(0), upsert("chave.u", &[])).unwrap_err().code(), Code::InvalidParams);
    let error = load(&client, &rows(0), upsert("chave.u", &["kk"])).unwrap_err();
    assert_eq!((error.code(), error.diagnostic()["did_you_mean"][0].as_str()), (Code::InvalidParams, Some("k")));
    // A row of the result, and of a file, whatever the units.
    let units = || Options { checkpoint_rows: Some(100), ..Options::default() };
    let with_null = sql("SELECT nullif(range, 495) AS k FROM range(1000) ORDER BY range").options(units());
    let error = load(&client, &with_null, upsert("chave.u", &["k"])).unwrap_err();
    assert_eq!((error.code(), error.context().row), (Code::InvalidParams, Some(495)));
    assert!(error.detail().contains("row 495 of the result"), "{error:?}");
    let units = || Options { checkpoint_rows: Some(7), ..Options::default() };
    let of_a_file = both_months().filter(col("SEXO").eq("1")).options(units());
    let error = load(&client, &of_a_file, upsert("chave.u", &["n_aih", "dt_inter"])).unwrap_err();
    let place = (error.context().file.as_deref(), error.context().row);
    assert_eq!((error.code(), place), (Code::InvalidParams, (Some("RDAC2402.dbc"), Some(0))), "{error:?}");
    // The same of a row that a key refuses.
    let keyed = sql("SELECT CASE range WHEN 495 THEN 3 ELSE range END AS k FROM range(1000) ORDER BY range");
    let units = Options { checkpoint_rows: Some(100), dead_letter_limit: Some(0.0), ..Options::default() };
    shared().psql("CREATE TABLE chave.unica (k bigint UNIQUE)");
    let error = load(&client, &keyed.options(units), to("chave.unica", Mode::Append)).unwrap_err();
    assert_eq!((error.code(), error.context().row), (Code::TooManyDeadLetters, Some(495)), "{error:?}");
    shared().psql("CREATE TABLE chave.sem (k bigint, v bigint)");
    let error = load(&client, &rows(0), upsert("chave.sem", &["k"])).unwrap_err();
    assert_eq!(error.code(), Code::Conflict);
    assert!(error.detail().contains("CREATE UNIQUE INDEX ON chave.sem (\"k\")"), "{error:?}");
    assert_eq!(stages("chave"), [[""; 0]; 0]);
}

/// Which of several rows of a key comes last must be said, or they must be equal.
#[test]
fn an_upsert_of_rows_that_differ_needs_an_order() {
    let (_folder, client) = client();
    let upsert = |table: &str| Postgres { key: vec!["k".into()], ..to(table, Mode::Upsert) };
    let rows = "SELECT range % 10 AS k, range // 10 AS v, 'x' AS t FROM range(20)";
    let error = load(&client, &sql(rows), upsert("sem_ordem.t")).unwrap_err();
    assert_eq!((error.code(), error.diagnostic()["keys"].as_u64()), (Code::InvalidParams, Some(10)), "{error:?}");
    assert!(error.detail().contains("ORDER BY"), "{error:?}");
    // An order within is none of the result.
    let within = format!("SELECT * FROM ({rows} ORDER BY range)");
    assert_eq!(load(&client, &sql(&within), upsert("sem_ordem.t")).unwrap_err().code(), Code::InvalidParams);
    assert_eq!(shared().psql("SELECT to_regclass('sem_ordem.t')"), [["<NULL>"]]);
    load(&client, &sql(&format!("{rows} ORDER BY v")), upsert("sem_ordem.t")).unwrap();
    let sums = "SELECT count(*), sum(v) FROM sem_ordem.t";
    assert_eq!(shared().psql(sums), [["10", "10"]]);
    // Rows that are equal have no last one, and NULL is a value like others.
    let equal = sql("SELECT range % 10 AS k, NULL::BIGINT AS v, 'y' AS t FROM range(20)");
    load(&client, &equal, upsert("sem_ordem.t")).unwrap();
    assert_eq!(shared().psql("SELECT count(*), count(v), min(t) FROM sem_ordem.t"), [["10", "0", "y"]]);
    let null = sql("SELECT range % 10 AS k, CASE WHEN range < 10 THEN 1 END AS v, 'y' AS t FROM range(20)");
    assert_eq!(load(&client, &null, upsert("sem_ordem.t")).unwrap_err().code(), Code::InvalidParams);
    // Groups are in the order of their keys, and the rows of files in theirs.
    let groups = january().group_by(["CNES", "SEXO"]).aggregate(datasus::AggregateFn::Count, "*", "n");
    let by_cnes = || Postgres { key: vec!["cnes".into()], ..to("sem_ordem.cnes", Mode::Upsert) };
    load(&client, &groups, by_cnes()).unwrap();
    assert_eq!(shared().psql("SELECT count(*), min(sexo) FROM sem_ordem.cnes"), [["3", "3"]]);
    load(&client, &january().columns(["CNES", "N_AIH"]), by_cnes()).unwrap();
    assert_eq!(
        shared().psql("SELECT cnes, n_aih FROM sem_ordem.cnes ORDER BY 1"),
        [["2000000", "1200000000039"], ["2000001", "1200000000037"], ["2000002", "1200000000038"]]
    );
    assert_eq!(stages("sem_ordem"), [[""; 0]; 0]);
}
