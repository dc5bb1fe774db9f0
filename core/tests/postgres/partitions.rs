//! Tables with a partition for each competência: loads keep every promise that they keep of other tables.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use datasus::sink::postgres::{Mode, PartitionBy};
use datasus::{Code, IndexState, Options, Postgres};

use crate::reloads::{by_month, client_of, of, rd, refused};
use crate::server::{PASSWORD, shared};
use crate::*;

fn by_competencia(table: &str, mode: Mode) -> Postgres {
    Postgres { partition_by: Some(PartitionBy::Competencia), ..to(table, mode) }
}

fn partitions(table: &str) -> Vec<Vec<String>> {
    shared().psql(&format!(
        "SELECT c.relname, pg_get_expr(relpartbound, c.oid), (xpath('/row/n/text()', query_to_xml('SELECT count(*) AS n FROM ' || c.oid::regclass, false, true, '')))[1]
         FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = '{table}'::regclass ORDER BY 1"
    ))
}

fn part(name: &str, month: &str, rows: &str) -> [String; 3] {
    [name.to_owned(), format!("FOR VALUES IN ('{month}')"), rows.to_owned()]
}

const FILES: &[(&str, usize)] =
    &[("RDAC2401.parquet", 40), ("RDAC2402.parquet", 20), ("RDRR2401.parquet", 10), ("RDRR2403.parquet", 5)];

#[test]
fn each_month_has_a_partition_that_a_plan_reads_alone_and_that_is_renewed_in_place() {
    let (_folder, client) = client_of(FILES);
    let server = shared();
    let table = || by_competencia("parts.rd", Mode::ReplaceBy);
    load(&client, &rd().competencia("202401".."202402"), table()).unwrap();
    let two = [part("rd_p202401", "202401", "50"), part("rd_p202402", "202402", "20")];
    assert_eq!(partitions("parts.rd"), two);
    // Each load of a month finds its partition, and the third makes one.
    for params in [of("AC", "202401"), of("RR", "202401"), of("AC", "202402"), of("RR", "202403"), rd()] {
        load(&client, &params, table()).unwrap();
    }
    let three = [&two[..], &[part("rd_p202403", "202403", "5")]].concat();
    assert_eq!(partitions("parts.rd"), three);
    let all = [["AC", "202401", "40"], ["AC", "202402", "20"], ["RR", "202401", "10"], ["RR", "202403", "5"]];
    assert_eq!(by_month("parts.rd"), all);
    // The option is of the table: who replaces by competência needs not say it again.
    load(&client, &of("RR", "202403"), to("parts.rd", Mode::ReplaceBy)).unwrap();
    assert_eq!(by_month("parts.rd"), all);
    for sql in [
        "SELECT count(*) FROM parts.rd WHERE datasus_competencia = '202402'",
        "DELETE FROM parts.rd WHERE datasus_uf = 'AC' AND datasus_competencia = '202402'",
    ] {
        let plan = server.psql(&format!("EXPLAIN {sql}")).concat().join("\n");
        assert!(plan.contains("rd_p202402") && !plan.contains("rd_p202401") && !plan.contains("rd_p202403"), "{plan}");
    }
    assert_eq!(
        server.psql("SELECT reltuples FROM pg_class WHERE oid IN ('parts.rd'::regclass, 'parts.rd_p202401'::regclass) ORDER BY 1"),
        [["50"], ["75"]],
        "ANALYZE has seen them"
    );
    assert_eq!(stages("parts"), [[""; 0]; 0]);
    // A query that is not the one of the rows, or a source once more, is refused as of any table.
    refused(load(&client, &of("AC", "202401").columns(["N_AIH"]), table()));
    refused(load(&client, &of("AC", "202401"), by_competencia("parts.rd", Mode::Append)));
    assert_eq!(by_month("parts.rd"), all);
}

/// Who reads one month in a transaction keeps no new month away, and nobody has to wait for the load.
#[test]
fn a_month_that_is_new_waits_for_no_reader() {
    let (_folder, client) = client_of(FILES);
    let server = shared();
    let table = || by_competencia("leitor.rd", Mode::ReplaceBy);
    load(&client, &of("AC", "202401"), table()).unwrap();
    let reads = "BEGIN; SELECT count(*) FROM leitor.rd; SELECT pg_sleep(600)";
    let reader = std::thread::spawn(|| shared().try_psql("postgres", PASSWORD, reads));
    let sleeps =
        "SELECT pid FROM pg_stat_activity WHERE query LIKE '%leitor.rd; SELECT pg_sleep%' AND pid <> pg_backend_pid()";
    while server.psql(sleeps).is_empty()
        || server.psql("SELECT 1 FROM pg_locks WHERE relation = 'leitor.rd'::regclass AND granted").is_empty()
    {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    load(&client, &of("RR", "202403"), table()).unwrap();
    assert_eq!(by_month("leitor.rd"), [["AC", "202401", "40"], ["RR", "202403", "5"]]);
    server.psql(&sleeps.replace("SELECT pid", "SELECT pg_terminate_backend(pid)"));
    assert!(reader.join().unwrap().is_err());
}

#[test]
fn it_comes_with_any_mode_that_has_rows_of_files_and_a_table_without_it_says_the_way_out() {
    let (_folder, client) = client_of(FILES);
    let server = shared();
    load(&client, &of("AC", "202401"), by_competencia("cada.rd", Mode::Create)).unwrap();
    load(&client, &of("AC", "202402"), by_competencia("cada.rd", Mode::Append)).unwrap();
    let error = refused(load(&client, &of("RR", "202401"), to("cada.rd", Mode::Append)));
    assert!(error.detail().contains("partition_by"), "{error:?}");
    assert_eq!(by_month("cada.rd"), [["AC", "202401", "40"], ["AC", "202402", "20"]]);
    // What `append` brought so says where it comes from.
    load(&client, &of("AC", "202402"), by_competencia("cada.rd", Mode::ReplaceBy)).unwrap();
    load(&client, &rd(), by_competencia("cada.rd", Mode::Replace)).unwrap();
    assert_eq!(partitions("cada.rd").len(), 3);
    assert_eq!(server.psql("SELECT count(*) FROM datasus.loads WHERE schema_name = 'cada'"), [["4"]]);

    load(&client, &of("AC", "202401"), to("cada.lisa", Mode::ReplaceBy)).unwrap();
    let error = refused(load(&client, &of("AC", "202402"), by_competencia("cada.lisa", Mode::ReplaceBy)));
    assert!(error.detail().contains("DROP TABLE \"cada\".\"lisa\""), "{error:?}");
    assert_eq!(by_month("cada.lisa"), [["AC", "202401", "40"]]);
    load(&client, &rd(), by_competencia("cada.lisa", Mode::Replace)).unwrap();
    assert_eq!(partitions("cada.lisa").len(), 3);
    for (params, to) in [
        (rd(), Postgres { key: vec!["n_aih".into()], ..by_competencia("cada.chave", Mode::Upsert) }),
        (sql("SELECT count(*) AS n FROM sih_rd"), by_competencia("cada.sql", Mode::Create)),
    ] {
        let error = load(&client, &params, to).unwrap_err();
        assert_eq!(error.code(), Code::InvalidParams, "{error:?}");
        assert!(error.detail().contains("partition_by"), "{error:?}");
    }
    let form = r#"{"postgres": {"table": "a.b", "partition_by": "competencia"}}"#;
    let expected: Destination =
        Postgres { partition_by: Some(PartitionBy::Competencia), ..to("a.b", Mode::Create) }.into();
    assert_eq!(Destination::list_from_json(form).unwrap(), [expected]);
}

/// What only the owner of a table may do is asked before the first row, and not found when all of them are there.
#[test]
fn a_role_that_may_not_make_partitions_is_told_before_the_first_row_what_to_ask_for() {
    let (_folder, admin) = client_of(FILES);
    let server = shared();
    load(&admin, &of("AC", "202401"), by_competencia("alheia.rd", Mode::ReplaceBy)).unwrap();
    server.psql(&format!(
        "CREATE ROLE visita LOGIN PASSWORD '{PASSWORD}'; GRANT USAGE ON SCHEMA datasus TO visita; \
         GRANT ALL ON datasus.loads, datasus.jobs, datasus.ledger TO visita; GRANT ALL ON SCHEMA alheia TO visita; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON alheia.rd TO visita"
    ));
    let (folder, _) = client_of(FILES);
    let client = open(folder.path(), &server.url_of("visita", PASSWORD, "postgres", ""));
    // A month whose partition is there needs no more than that.
    load(&client, &of("RR", "202401"), by_competencia("alheia.rd", Mode::ReplaceBy)).unwrap();
    let held = by_month("alheia.rd");
    let denied = |params: &QueryParams, to: Postgres, grant: &str| {
        let error = load(&client, params, to).unwrap_err();
        assert_eq!((error.code(), error.diagnostic()["grant"].as_str()), (Code::Forbidden, Some(grant)), "{error:?}");
        assert!(error.detail().contains("Nothing was loaded"), "{error:?}");
        assert_eq!(
            (stages("alheia"), by_month("alheia.rd")),
            (Vec::<Vec<String>>::new(), held.clone()),
            "no row was sent"
        );
    };
    let owner = "GRANT \"postgres\" TO \"visita\"";
    denied(&of("AC", "202402"), by_competencia("alheia.rd", Mode::ReplaceBy), owner);
    denied(&of("AC", "202401"), by_competencia("alheia.rd", Mode::Replace), owner);
    server.psql("ALTER TABLE alheia.rd DROP COLUMN sexo");
    denied(&of("AC", "202401"), by_competencia("alheia.rd", Mode::ReplaceBy), owner);
    server.psql("ALTER TABLE alheia.rd ADD COLUMN sexo text");
    for right in ["DELETE", "SELECT"] {
        server.psql(&format!("REVOKE {right} ON alheia.rd FROM visita"));
        let grant = format!("GRANT {right} ON \"alheia\".\"rd\" TO \"visita\"");
        denied(&of("AC", "202401"), by_competencia("alheia.rd", Mode::ReplaceBy), &grant);
        server.psql(&format!("GRANT {right} ON alheia.rd TO visita"));
    }
    // Its owner has made the partition.
    load(&admin, &of("AC", "202402"), by_competencia("alheia.rd", Mode::ReplaceBy)).unwrap();
    load(&client, &of("AC", "202402"), by_competencia("alheia.rd", Mode::ReplaceBy)).unwrap();
}

#[test]
fn partitions_have_the_indexes_and_refused_rows_go_back_to_their_own() {
    let (_folder, client) = client_of(FILES);
    let server = shared();
    let table = || Postgres {
        indexes: Some(vec!["sexo".into(), "n_aih".into()]),
        ..by_competencia("indice.rd", Mode::ReplaceBy)
    };
    let told = |report: &Report| {
        let one = |one: &datasus::TableIndex| format!("{} {} {} {:?}", one.table, one.column, one.method, one.state);
        report.indexes.iter().map(one).collect::<Vec<_>>()
    };
    let report = load(&client, &of("AC", "202401"), table()).unwrap();
    assert_eq!(told(&report), ["indice.rd_p202401 sexo btree Made", "indice.rd_p202401 n_aih btree Made"]);
    let report = load(&client, &of("RR", "202403"), table()).unwrap();
    let states: Vec<IndexState> = report.indexes.iter().map(|one| one.state).collect();
    let (present, made) = (IndexState::Present, IndexState::Made);
    assert_eq!(states, [present, present, made, made], "{report}");
    assert_eq!(report.indexes[3].method, "brin", "five names in their order");

    server.psql("ALTER TABLE indice.rd ADD CONSTRAINT poucas CHECK (n_aih <> 'RDAC2402.parquet 7')");
    let all = Options { dead_letter_limit: Some(1.0), ..Options::default() };
    let report = load(&client, &of("AC", "202402").options(all), table()).unwrap();
    assert_eq!((report.records_processed, report.dead_letters), (19, 1), "{report}");
    server.psql("ALTER TABLE indice.rd DROP CONSTRAINT poucas");
    assert_eq!(client.replay(&report.job_id).unwrap().loaded, 1);
    assert_eq!(by_month("indice.rd"), [["AC", "202401", "40"], ["AC", "202402", "20"], ["RR", "202403", "5"]]);
    assert_eq!(partitions("indice.rd")[1], part("rd_p202402", "202402", "20"));
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + quiet::HANGS;
    while !done() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The test below runs this one in a process of its own, and kills it.
#[test]
#[ignore = "runs in a child process"]
fn load_and_die() {
    let (Ok(url), Ok(folder)) = (std::env::var("DATASUS_TEST_URL"), std::env::var("DATASUS_TEST_FOLDER")) else {
        return;
    };
    let client = open(std::path::Path::new(&folder), &url);
    let _ = load(&client, &rd(), by_competencia("parte_morta.t", Mode::ReplaceBy));
}

#[test]
fn after_kill_9_the_months_that_were_there_are_untouched_and_the_job_goes_on() {
    canary::listen();
    let folder = tempfile::tempdir().unwrap();
    many::write(folder.path(), 3, 100_000);
    let client = open(folder.path(), &shared().url());
    let first = rd().competencia("202301");
    load(&client, &first, by_competencia("parte_morta.t", Mode::ReplaceBy)).unwrap();
    let before = by_month("parte_morta.t");
    assert_eq!(before, [["AC", "202301", "100000"]]);
    let hold = proxy::Hold::after(2 << 20);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "partitions::load_and_die"])
        .env("DATASUS_TEST_URL", held(&hold))
        .env("DATASUS_TEST_FOLDER", folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("rows flow", || hold.held.load(std::sync::atomic::Ordering::SeqCst) > 0 && !stages("parte_morta").is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    hold.release();
    assert_eq!((by_month("parte_morta.t"), partitions("parte_morta.t").len()), (before, 1));
    let left = client.jobs().unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
    let report = client.resume(&left[0].job_id).unwrap().wait().unwrap();
    assert_eq!(report.records_processed, 300_000);
    assert_eq!(
        shared()
            .psql("SELECT count(*), count(DISTINCT n_aih), sum(val_tot), count(DISTINCT tableoid) FROM parte_morta.t"),
        [["300000", "300000", "449998500.00", "3"]]
    );
    assert_eq!(stages("parte_morta"), [[""; 0]; 0]);
    // Run again, the same.
    load(&client, &rd(), by_competencia("parte_morta.t", Mode::ReplaceBy)).unwrap();
    assert_eq!(shared().psql("SELECT count(*), count(DISTINCT n_aih) FROM parte_morta.t"), [["300000", "300000"]]);
}

#[test]
fn a_new_partition_lies_where_the_table_says() {
    let (_folder, client) = client_of(FILES);
    let server = shared();
    server.psql_all(&[
        "ALTER SYSTEM SET allow_in_place_tablespaces = on",
        "SELECT pg_reload_conf()",
        "SET allow_in_place_tablespaces = on",
        "CREATE TABLESPACE grande LOCATION ''",
    ]);
    load(&client, &of("AC", "202401"), by_competencia("lugar.rd", Mode::ReplaceBy)).unwrap();
    server.psql("ALTER TABLE lugar.rd SET TABLESPACE grande");
    load(&client, &of("AC", "202402"), by_competencia("lugar.rd", Mode::ReplaceBy)).unwrap();
    let places = "SELECT relname, (SELECT spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace) FROM pg_class c
        WHERE relnamespace = 'lugar'::regnamespace AND relispartition AND relkind = 'r' ORDER BY relname";
    assert_eq!(server.psql(places), [["rd_p202401", "<NULL>"], ["rd_p202402", "grande"]]);
}
