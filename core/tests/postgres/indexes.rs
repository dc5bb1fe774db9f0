//! Indexes: made after the load, from what this client's queries look for, and never a reason for a load to fail.
//!
//! On a server of their own: what builds an index waits for every transaction of its database, and other tests hold some.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use datasus::sink::postgres::Mode;
use datasus::{CacheMode, Code, IndexState, Options, Postgres, QueryParams, col};

use crate::server::{PASSWORD, Server};
use crate::*;

pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(""))
}

/// One in which transactions are held for long.
fn held_up() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(""))
}

pub fn made_folder() -> tempfile::TempDir {
    canary::listen();
    let folder = tempfile::tempdir().unwrap();
    made::write(folder.path());
    folder
}

fn february() -> QueryParams {
    QueryParams::dataset("SIH-RD").uf(["AC"]).competencia("202402")
}

pub fn of(server: &Server, table: &str) -> Vec<String> {
    let sql =
        format!("SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = '{table}'::regclass ORDER BY 1");
    server.psql(&sql).into_iter().map(|mut row| row.remove(0)).collect()
}

pub fn invalid(server: &Server) -> String {
    server.psql("SELECT count(*) FROM pg_index WHERE NOT indisvalid")[0][0].clone()
}

pub fn told(report: &Report) -> Vec<(&str, &str, IndexState)> {
    report.indexes.iter().map(|one| (one.column.as_str(), one.method.as_str(), one.state)).collect()
}

pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + crate::quiet::HANGS;
    while !done() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn ask(client: &Client, params: QueryParams) {
    let params = params.options(Options { cache: CacheMode::Off, ..Options::default() });
    client.query(&params).unwrap().for_each(drop);
}

#[test]
fn a_table_gets_indexes_by_what_this_clients_queries_look_for_and_never_twice() {
    let folder = made_folder();
    let client = open(folder.path(), &server().url());
    assert_eq!(client.explain(&january()).unwrap().indexes, []);
    (0..3).for_each(|_| ask(&client, january().filter(col("CNES").eq("2000002"))));
    let sql =
        "SELECT a.N_AIH FROM sih_rd a JOIN sih_rd b ON a.DIAG_PRINC = b.DIAG_PRINC WHERE b.IDADE > 3 ORDER BY a.N_AIH";
    (0..3).for_each(|_| ask(&client, QueryParams::sql(sql).uf(["AC"]).competencia("202401")));
    ask(&client, january().filter(col("ESPEC").eq("03")));
    let planned = client.explain(&january()).unwrap().indexes;
    let columns: Vec<&str> = planned.iter().map(|one| one.column.as_str()).collect();
    assert_eq!(columns, ["CNES", "DIAG_PRINC", "IDADE", "N_AIH"], "{planned:?}");
    assert_eq!(planned[0].why, "this client's queries use it: 3 in conditions, 0 in joins, 0 in orders");
    assert!(planned[1].why.contains("3 in joins") && planned[3].why.contains("3 in orders"), "{planned:?}");
    let few = client.explain(&january().columns(["CNES", "SEXO"])).unwrap().indexes;
    assert_eq!(few.len(), 1, "{few:?}");

    // Another process of the same state knows it too.
    drop(client);
    let client = open(folder.path(), &server().url());
    let report = load(&client, &january().filter(col("SEXO").is_in(["1", "3"])), to("auto.t", Mode::Append)).unwrap();
    let made = IndexState::Made;
    // N_AIH grows from row to row.
    let all = [("sexo", "btree"), ("cnes", "btree"), ("diag_princ", "btree"), ("idade", "brin"), ("n_aih", "brin")];
    assert_eq!(told(&report), all.map(|(column, method)| (column, method, made)), "{report}");
    assert_eq!(report.indexes[0].why, "this query puts a condition on it");
    assert_eq!((report.indexes[0].table.as_str(), report.indexes[0].name.as_deref()), ("auto.t", Some("t_sexo_idx")));
    assert!(report.warnings.iter().all(|warning| !warning.contains("index")), "{report}");
    assert_eq!(
        of(server(), "auto.t"),
        [
            "CREATE INDEX t_cnes_idx ON auto.t USING btree (cnes)",
            "CREATE INDEX t_diag_princ_idx ON auto.t USING btree (diag_princ)",
            "CREATE INDEX t_idade_idx ON auto.t USING brin (idade)",
            "CREATE INDEX t_n_aih_idx ON auto.t USING brin (n_aih)",
            "CREATE INDEX t_sexo_idx ON auto.t USING btree (sexo)",
        ]
    );
    // What is there is known by what it is, whatever it is called.
    server()
        .psql("DROP INDEX auto.t_cnes_idx; CREATE INDEX da_equipe ON auto.t (cnes, sexo); DROP INDEX auto.t_idade_idx");
    let report = load(&client, &february(), to("auto.t", Mode::Append)).unwrap();
    let present = IndexState::Present;
    // Rows of two loads lie in no known order: a new index is a btree, and one that is there stays what it is.
    let second = [
        ("cnes", "btree", present),
        ("diag_princ", "btree", present),
        ("idade", "btree", made),
        ("n_aih", "brin", present),
    ];
    assert_eq!(told(&report), second, "{report}");
    assert_eq!((report.indexes[0].name.as_deref(), of(server(), "auto.t").len()), (Some("da_equipe"), 5));
}

#[test]
fn indexes_are_left_out_or_named_and_tables_of_others_get_none_unasked() {
    let folder = made_folder();
    let client = open(folder.path(), &server().url());
    let filtered = january().filter(col("SEXO").is_in(["1", "3"]));
    let with = |table: &str, indexes: &[&str]| Postgres {
        indexes: Some(indexes.iter().map(|one| (*one).to_owned()).collect()),
        ..to(table, Mode::Append)
    };
    for (table, indexes) in [("pedido.vazio", &[][..]), ("pedido.palavra", &["none"])] {
        let report = load(&client, &filtered, with(table, indexes)).unwrap();
        assert_eq!((report.indexes.len(), of(server(), table).len()), (0, 0), "{table}");
    }
    let report = load(&client, &filtered, with("pedido.auto", &["auto"])).unwrap();
    assert_eq!(told(&report), [("sexo", "btree", IndexState::Made)]);
    let report = load(&client, &filtered, with("pedido.nomes", &["N_AIH", "dias_perm", "n_aih"])).unwrap();
    assert_eq!(told(&report), [("n_aih", "brin", IndexState::Made), ("dias_perm", "btree", IndexState::Made)]);
    assert_eq!(report.indexes[0].why, "asked for in `indexes`");
    let error = load(&client, &filtered, with("pedido.falta", &["CNEZ"])).unwrap_err();
    assert!(
        error.code() == Code::InvalidParams && error.diagnostic()["did_you_mean"].to_string().contains("cnes"),
        "{error:?}"
    );
    // In JSON one word, or one column, does for a list.
    let of_json = |indexes: &str| {
        let form = format!(r#"{{"postgres": {{"table": "pedido.x", "indexes": {indexes}}}}}"#);
        match Destination::list_from_json(&form).unwrap().remove(0) {
            Destination::Postgres(postgres) => postgres.indexes,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(of_json("null"), None);
    assert_eq!(
        (of_json(r#""none""#), of_json(r#"["a", "b"]"#)),
        (Some(vec!["none".into()]), Some(vec!["a".into(), "b".into()]))
    );

    // A partitioned one is named after the dataset, and not after the month.
    let parts = Some(datasus::sink::postgres::PartitionBy::Competencia);
    let unnamed = Postgres { partition_by: parts, mode: Mode::Append, ..Postgres::default() };
    assert_eq!(load(&client, &january(), unnamed).unwrap().to_json()["storage"]["postgres"], "sih_data.rd");

    server().psql("CREATE SCHEMA deles; CREATE TABLE deles.t (n_aih text, sexo text)");
    let two = |params: QueryParams| params.columns(["N_AIH", "SEXO"]);
    let report = load(&client, &two(filtered.clone()), to("deles.t", Mode::Append)).unwrap();
    assert_eq!((report.indexes.len(), of(server(), "deles.t").len()), (0, 0));
    let report = load(&client, &two(february()), with("deles.t", &["sexo"])).unwrap();
    assert_eq!(told(&report), [("sexo", "btree", IndexState::Made)]);
    // Who is not its owner loads it all the same, and is told.
    server().psql(
        "CREATE ROLE leitora LOGIN PASSWORD 'x'; GRANT ALL ON SCHEMA deles, datasus TO leitora;
         CREATE TABLE deles.u (LIKE deles.t); GRANT ALL ON ALL TABLES IN SCHEMA deles, datasus TO leitora",
    );
    let other = open(folder.path(), &server().url_of("leitora", "x", "postgres", ""));
    let report = load(&other, &two(filtered), with("deles.u", &["sexo"])).unwrap();
    assert_eq!((told(&report), report.records_processed), (vec![("sexo", "btree", IndexState::Failed)], 40));
    assert!(report.indexes[0].why.contains("must be owner"), "{report}");
    assert!(report.warnings.iter().any(|warning| warning.contains("deles.u.sexo")), "{report}");
    assert_eq!((invalid(server()), of(server(), "deles.u").len()), ("0".into(), 0));
}

/// A transaction that began before an index is built, and that the build waits for.
struct Older(Option<JoinHandle<()>>);

impl Older {
    fn begin() -> Self {
        let sql = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 'older'; SELECT pg_sleep(600)";
        let thread = std::thread::spawn(move || drop(held_up().try_psql("postgres", PASSWORD, sql)));
        until("the older transaction has begun", || Older::sleeps() == "1");
        Older(Some(thread))
    }

    fn sleeps() -> String {
        held_up()
            .psql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%''older''%' AND wait_event = 'PgSleep'")[0]
            [0]
        .clone()
    }

    fn end(&mut self) {
        if let Some(thread) = self.0.take() {
            held_up().psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%''older''%' AND pid <> pg_backend_pid()");
            thread.join().unwrap();
        }
    }
}

fn building() -> String {
    held_up().psql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%'")[0][0].clone()
}

/// The test below runs this one in a process of its own, and kills it.
#[test]
#[ignore = "runs in a child process"]
fn index_and_die() {
    let (Ok(url), Ok(folder)) = (std::env::var("DATASUS_TEST_URL"), std::env::var("DATASUS_TEST_FOLDER")) else {
        return;
    };
    let client = open(Path::new(&folder), &url);
    let table = Postgres { indexes: Some(vec!["cnes".into()]), ..to("morto.t", Mode::Append) };
    let _ = load(&client, &january(), table);
}

/// One after the other, since each holds up every build of the server.
#[test]
fn a_build_that_is_cut_short_leaves_the_rows_and_no_invalid_index() {
    let folder = made_folder();
    let client = open(folder.path(), &held_up().url());
    let cnes = |table: &str| Postgres { indexes: Some(vec!["cnes".into()]), ..to(table, Mode::Append) };

    // It waits for no longer than the role's own patience.
    let mut older = Older::begin();
    let impatient =
        open(folder.path(), &held_up().url_of("postgres", PASSWORD, "postgres", "?options=-c%20lock_timeout%3D300ms"));
    let two = Postgres { indexes: Some(vec!["cnes".into(), "sexo".into()]), ..to("corte.espera", Mode::Append) };
    let report = load(&impatient, &january(), two).unwrap();
    assert_eq!((report.records_processed, report.indexes.len()), (40, 2), "{report}");
    assert!(report.indexes.iter().all(|one| one.state == IndexState::Failed && one.name.is_none()), "{report}");
    assert!(report.indexes[0].why.contains("lock timeout"), "{report}");
    assert!(report.warnings.iter().any(|warning| warning.contains("2 index(es) are not")), "{report}");
    assert_eq!((invalid(held_up()).as_str(), of(held_up(), "corte.espera").len()), ("0", 0));

    // A cancel ends the build, and the rows are there.
    let job = client.submit(&january(), cnes("corte.parada")).unwrap();
    until("the index is being built", || building() == "1");
    job.cancel();
    let report = job.wait().unwrap();
    assert_eq!((report.records_processed, told(&report)[0].2), (40, IndexState::Failed), "{report}");
    assert_eq!((invalid(held_up()).as_str(), building().as_str()), ("0", "0"));
    assert_eq!(held_up().psql("SELECT count(*) FROM corte.parada"), [["40"]]);

    // So does a session that the server ends.
    let job = client.submit(&january(), cnes("corte.fim")).unwrap();
    until("the index is being built", || building() == "1");
    held_up()
        .psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%'");
    let report = job.wait().unwrap();
    assert_eq!((report.records_processed, told(&report)[0].2), (40, IndexState::Failed), "{report}");
    assert_eq!(invalid(held_up()), "1", "nobody could drop it");
    older.end();
    let report = load(&client, &february(), cnes("corte.fim")).unwrap();
    assert_eq!(
        (told(&report)[0].2, invalid(held_up()).as_str(), of(held_up(), "corte.fim").len()),
        (IndexState::Made, "0", 1)
    );

    // And a process that is killed.
    let mut older = Older::begin();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "indexes::index_and_die"])
        .env("DATASUS_TEST_URL", held_up().url())
        .env("DATASUS_TEST_FOLDER", folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the index is being built", || building() == "1");
    child.kill().unwrap();
    child.wait().unwrap();
    until("the server notices", || building() == "0");
    assert_eq!(invalid(held_up()), "1");
    older.end();
    // The next load drops it, whatever it asks for itself.
    let none = Postgres { indexes: Some(Vec::new()), ..to("morto.t", Mode::Append) };
    load(&client, &february(), none).unwrap();
    assert_eq!((invalid(held_up()).as_str(), of(held_up(), "morto.t").len()), ("0", 0));
    // The job itself goes on with what is left of it.
    let left = client.jobs().unwrap();
    assert_eq!((left.len(), left[0].standing), (1, datasus::Standing::Crashed), "{left:?}");
    let report = client.resume(&left[0].job_id).unwrap().wait().unwrap();
    assert_eq!((report.records_processed, told(&report)), (40, vec![("cnes", "btree", IndexState::Made)]), "{report}");
    assert_eq!((invalid(held_up()).as_str(), of(held_up(), "morto.t").len()), ("0", 1));
    assert_eq!(held_up().psql("SELECT count(*) FROM morto.t"), [["60"]]);
}
