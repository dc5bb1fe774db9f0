//! Tables that are renamed, parts of others, or changed by others: what they hold stays known.

use datasus::sink::postgres::Mode;
use datasus::{Code, Postgres, col};

use crate::reloads::{by_month, client_of, of, rd, refused};
use crate::server::shared;
use crate::*;

fn count(table: &str) -> String {
    shared().psql(&format!("SELECT count(*) FROM {table}"))[0][0].clone()
}

#[test]
fn a_table_that_had_the_name_before_keeps_its_record() {
    let server = shared();
    let (_folder, client) = client_of(&[("RDAC2401.parquet", 4), ("RDRR2401.parquet", 3)]);
    load(&client, &rd(), to("trocada.t", Mode::Append)).unwrap();
    server.psql("ALTER TABLE trocada.t RENAME TO velha");
    for _ in 0..2 {
        load(&client, &of("AC", "202401"), to("trocada.t", Mode::ReplaceBy)).unwrap();
    }
    let error = refused(load(&client, &of("AC", "202401"), to("trocada.velha", Mode::Append)));
    assert!(error.detail().contains("already holds"), "{error:?}");
    assert_eq!((count("trocada.velha").as_str(), count("trocada.t").as_str()), ("7", "4"));
    // An empty one of the old name, made by hand, holds nothing, and takes nothing from the other.
    load(&client, &rd(), to("trocada.u", Mode::Append)).unwrap();
    server.psql("ALTER TABLE trocada.u RENAME TO antiga; CREATE TABLE trocada.u (LIKE trocada.antiga)");
    load(&client, &of("AC", "202401"), to("trocada.u", Mode::Append)).unwrap();
    for uf in ["AC", "RR"] {
        let error = refused(load(&client, &of(uf, "202401"), to("trocada.antiga", Mode::Append)));
        assert!(error.detail().contains("already holds"), "{error:?}");
    }
}

#[test]
fn a_renamed_table_without_its_mark_is_known_by_its_number() {
    let server = shared();
    let (_folder, client) = client_of(&[("RDAC2401.parquet", 4), ("RDRR2401.parquet", 3)]);
    load(&client, &of("AC", "202401"), to("numero.t", Mode::Append)).unwrap();
    server.psql("COMMENT ON TABLE numero.t IS 'Da equipe'; ALTER TABLE numero.t RENAME TO nova");
    refused(load(&client, &of("AC", "202401"), to("numero.nova", Mode::Append)));
    load(&client, &of("RR", "202401"), to("numero.nova", Mode::Append)).unwrap();
    refused(load(&client, &of("AC", "202401"), to("numero.nova", Mode::Append)));
    assert_eq!(count("numero.nova"), "7");
}

/// An upsert may change rows of any month, and they keep the month that they had.
#[test]
fn rows_that_an_upsert_may_have_changed_are_not_replaced() {
    let server = shared();
    let (_folder, client) = client_of(&[("RDAC2401.parquet", 4), ("RDRR2401.parquet", 3)]);
    let replace_by = || load(&client, &of("AC", "202401"), to("alterada.t", Mode::ReplaceBy));
    replace_by().unwrap();
    server.psql("CREATE UNIQUE INDEX ON alterada.t (n_aih)");
    let upsert = Postgres { key: vec!["n_aih".into()], ..to("alterada.t", Mode::Upsert) };
    load(&client, &sql("SELECT 'RDAC2401.parquet 0' AS n_aih, '9' AS sexo"), upsert).unwrap();
    let error = refused(replace_by());
    assert!(error.detail().contains("upsert"), "{error:?}");
    assert_eq!(server.psql("SELECT count(*) FROM alterada.t WHERE sexo = '9'"), [["1"]]);
    // What the message says to do is enough.
    let way_out = error.detail().split_once("(DROP TABLE ").unwrap().1.split_once(')').unwrap().0.to_owned();
    server.psql(&format!("DROP TABLE {way_out}"));
    replace_by().unwrap();
    replace_by().unwrap();
    assert_eq!(by_month("alterada.t"), [["AC", "202401", "4"]]);
}

/// The same after any other first load.
#[test]
fn a_table_of_another_mode_says_how_replace_by_can_take_it() {
    let (_folder, client) = client_of(&[("RDAC2401.parquet", 4), ("RDRR2401.parquet", 3)]);
    for (mode, table) in [(Mode::Create, "primeira.c"), (Mode::Replace, "primeira.r"), (Mode::Append, "primeira.a")] {
        load(&client, &rd(), to(table, mode)).unwrap();
        let error = refused(load(&client, &of("AC", "202401"), to(table, Mode::ReplaceBy)));
        let way_out = error.detail().split_once("(DROP TABLE ").unwrap().1.split_once(')').unwrap().0.to_owned();
        shared().psql(&format!("DROP TABLE {way_out}"));
        load(&client, &rd(), to(table, Mode::ReplaceBy)).unwrap();
        load(&client, &of("AC", "202401"), to(table, Mode::ReplaceBy)).unwrap();
        assert_eq!(by_month(table), [["AC", "202401", "4"], ["RR", "202401", "3"]]);
    }
}

#[test]
fn what_a_partition_holds_its_table_holds() {
    let server = shared();
    let (_folder, client) = client_of(&[("RDAC2401.parquet", 4), ("RDRR2401.parquet", 3)]);
    server.psql(
        "CREATE SCHEMA parte; CREATE TABLE parte.t (n_aih text, sexo text) PARTITION BY LIST (sexo);
        CREATE TABLE parte.t1 PARTITION OF parte.t FOR VALUES IN ('1'); CREATE TABLE parte.t3 PARTITION OF parte.t DEFAULT;
        CREATE TABLE parte.avo (n_aih text, sexo text); CREATE TABLE parte.filha () INHERITS (parte.avo);
        CREATE TABLE parte.mes (n_aih text, sexo text, datasus_arquivo text, datasus_uf text, datasus_competencia text)
            PARTITION BY LIST (datasus_uf);
        CREATE TABLE parte.mes_ac PARTITION OF parte.mes FOR VALUES IN ('AC'); CREATE TABLE parte.mes_x PARTITION OF parte.mes DEFAULT",
    );
    let men = of("AC", "202401").filter(col("SEXO").eq("1"));
    load(&client, &men, to("parte.t1", Mode::Append)).unwrap();
    let error = refused(load(&client, &of("AC", "202401"), to("parte.t", Mode::Append)));
    assert!(error.detail().contains("already holds"), "{error:?}");
    load(&client, &of("RR", "202401"), to("parte.t", Mode::Append)).unwrap();
    refused(load(&client, &of("RR", "202401").filter(col("SEXO").eq("1")), to("parte.t1", Mode::Append)));
    load(&client, &of("AC", "202401"), to("parte.filha", Mode::Append)).unwrap();
    refused(load(&client, &of("AC", "202401"), to("parte.avo", Mode::Append)));
    assert_eq!((count("parte.t").as_str(), count("parte.avo").as_str()), ("5", "4"));
    // The rows would be gone from the table that is read.
    for part in ["parte.t1", "parte.filha"] {
        let error = refused(load(&client, &of("AC", "202401"), to(part, Mode::Replace)));
        assert!(error.detail().contains("replace_by"), "{error:?}");
    }
    assert_eq!((count("parte.t").as_str(), count("parte.avo").as_str()), ("5", "4"));
    // Emptied, it holds nothing.
    server.psql("TRUNCATE parte.t");
    load(&client, &rd(), to("parte.t", Mode::Append)).unwrap();
    assert_eq!(count("parte.t"), "7");
    // A month is renewed wherever its rows lie, and never by half.
    for _ in 0..2 {
        load(&client, &rd(), to("parte.mes", Mode::ReplaceBy)).unwrap();
    }
    refused(load(&client, &of("AC", "202401"), to("parte.mes_ac", Mode::ReplaceBy)));
    assert_eq!(by_month("parte.mes"), [["AC", "202401", "4"], ["RR", "202401", "3"]]);
    assert_eq!(stages("parte"), [[""; 0]; 0]);
}

/// Rows of which nothing is known do not become known by others.
#[test]
fn a_record_that_was_lost_stays_lost_after_again() {
    let server = shared();
    let (_folder, client) = client_of(&[("RDAC2401.parquet", 4), ("RDRR2401.parquet", 3)]);
    let append = |uf: &str, again| {
        load(&client, &of(uf, "202401"), Postgres { allow_reload: again, ..to("perdida.t", Mode::Append) })
    };
    append("AC", false).unwrap();
    server.psql("DELETE FROM datasus.loads WHERE schema_name = 'perdida'");
    refused(append("RR", false));
    append("RR", true).unwrap();
    refused(append("AC", false));
    server.psql("ALTER TABLE perdida.t RENAME TO u; ALTER TABLE perdida.u RENAME TO t");
    refused(append("AC", false));
    assert_eq!(count("perdida.t"), "7");
    server.psql("TRUNCATE perdida.t");
    append("AC", false).unwrap();
    append("RR", false).unwrap();
    refused(append("RR", false));
}

/// Files that were unpacked together have one time, and months of as many rows may have one size.
#[test]
fn files_of_one_size_and_time_are_not_taken_for_one() {
    let (folder, client) = client_of(&[("RDAC2401.parquet", 4), ("RDAC2402.parquet", 4)]);
    drop(client);
    let paths = ["RDAC2401.parquet", "RDAC2402.parquet"].map(|name| folder.path().join(name));
    for path in &paths {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000)).unwrap();
    }
    let [one, other] = paths.map(|path| std::fs::metadata(path).unwrap().len());
    assert_eq!(one, other);
    let client = open(folder.path(), &shared().url());
    load(&client, &of("AC", "202401"), to("gemeas.t", Mode::Append)).unwrap();
    load(&client, &of("AC", "202402"), to("gemeas.t", Mode::Append)).unwrap();
    assert_eq!(count("gemeas.t"), "8");
}

#[test]
fn a_result_with_our_own_column_is_refused_where_it_would_be_taken_for_it() {
    let (_folder, client) = client();
    let rows = sql("SELECT 1 AS k, 2 AS datasus_ordem");
    load(&client, &rows, to("ordem_deles.t", Mode::Create)).unwrap();
    let upsert = Postgres { key: vec!["k".into()], ..to("ordem_deles.u", Mode::Upsert) };
    let error = load(&client, &rows, upsert).unwrap_err();
    assert_eq!((error.code(), error.context().column.as_deref()), (Code::InvalidParams, Some("datasus_ordem")));
    assert_eq!(shared().psql("SELECT datasus_ordem FROM ordem_deles.t"), [["2"]]);
}

#[test]
fn names_that_differ_in_case_are_two() {
    let server = shared();
    let (_folder, client) = client_of(&[("RDAC2401.parquet", 4), ("RDRR2401.parquet", 3)]);
    for table in ["Mista.T", "mista.T", "Mista.t"] {
        for _ in 0..2 {
            load(&client, &of("AC", "202401"), to(table, Mode::ReplaceBy)).unwrap();
        }
        load(&client, &of("RR", "202401"), to(table, Mode::ReplaceBy)).unwrap();
        refused(load(&client, &of("RR", "202401"), to(table, Mode::Append)));
    }
    let [schema, other] = ["\"Mista\".\"T\"", "mista.\"T\""];
    assert_eq!((count(schema).as_str(), count(other).as_str(), count("\"Mista\".t").as_str()), ("7", "7", "7"));
    // A dead letter goes into the column that its row was meant for.
    server.psql("CREATE SCHEMA caixa; CREATE TABLE caixa.t (n_aih text, \"N_AIH\" text CONSTRAINT dois CHECK (\"N_AIH\" NOT LIKE '% 2'), sexo text)");
    let some = datasus::Options { dead_letter_limit: Some(1.0), ..datasus::Options::default() };
    let report = load(&client, &of("AC", "202401").options(some), to("caixa.t", Mode::Append)).unwrap();
    assert_eq!((report.records_processed, report.dead_letters), (3, 1));
    server.psql("ALTER TABLE caixa.t DROP CONSTRAINT dois");
    assert_eq!(client.replay(&report.job_id).unwrap().loaded, 1);
    assert_eq!(server.psql("SELECT count(n_aih), count(\"N_AIH\") FROM caixa.t"), [["0", "4"]]);
}
