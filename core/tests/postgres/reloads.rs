//! Loads of what a table holds already: nothing is doubled, and nothing goes but what comes again.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use datasus::sink::postgres::{Mode, ReplaceBy};
use datasus::{Code, Options, Postgres, Priority, QueryParams, col};

use crate::server::{PASSWORD, shared};
use crate::*;

/// A client on files of SIH-RD, each with rows of one text column.
pub fn client_of(files: &[(&str, usize)]) -> (tempfile::TempDir, Client) {
    canary::listen();
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, rows)| write(&folder.path().join(name), *rows));
    let client = open(folder.path(), &shared().url());
    (folder, client)
}

fn write(path: &Path, rows: usize) {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let values: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("{name} {row}"))));
    let sexo: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|row| ["1", "3"][row % 2])));
    let batch = RecordBatch::try_from_iter([("N_AIH", values), ("SEXO", sexo)]).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

pub fn rd() -> QueryParams {
    QueryParams::dataset("SIH-RD")
}

pub fn of(uf: &str, month: &str) -> QueryParams {
    rd().uf([uf]).competencia(month)
}

pub fn by_month(table: &str) -> Vec<Vec<String>> {
    let sql = format!("SELECT datasus_uf, datasus_competencia, count(*) FROM {table} GROUP BY 1, 2 ORDER BY 1, 2");
    shared().psql(&sql)
}

pub fn refused(outcome: Result<Report, Error>) -> Error {
    let error = outcome.unwrap_err();
    assert_eq!((error.code(), error.context().stage), (Code::Conflict, Some("postgres")), "{error:?}");
    error
}

#[test]
fn replace_by_renews_what_the_load_brings_and_nothing_else() {
    let (_folder, client) = client_of(&[("RDAC2401.parquet", 40), ("RDAC2402.parquet", 20), ("RDRR2401.parquet", 10)]);
    for (table, by) in [("renova.mes", ReplaceBy::Competencia), ("renova.arquivo", ReplaceBy::SourceFile)] {
        let load =
            |params: &QueryParams| load(&client, params, Postgres { replace_by: by, ..to(table, Mode::ReplaceBy) });
        load(&rd()).unwrap();
        load(&of("AC", "202401")).unwrap();
        load(&of("AC", "202401")).unwrap();
        let all = [["AC", "202401", "40"], ["AC", "202402", "20"], ["RR", "202401", "10"]];
        assert_eq!(by_month(table), all);
        // Rows that would be others than those they take the place of.
        let few = of("AC", "202401").filter(col("SEXO").eq("1"));
        for other in [few, of("AC", "202401").columns(["N_AIH"])] {
            let error = refused(load(&other));
            assert!(error.detail().contains("DROP TABLE \"renova\""), "{error:?}");
            assert_eq!(error.diagnostic()["held"], "SIH-RD AC 202401");
        }
        assert_eq!(by_month(table), all);
        let limited = load(&of("AC", "202401").limit(5)).unwrap_err();
        assert_eq!(limited.code(), Code::InvalidParams, "{limited:?}");
    }
    // The same conditions, written otherwise, are the same; a new month is nobody's.
    let filtered = |month: &str, sexos: [&str; 2]| of("AC", month).filter(col("SEXO").is_in(sexos));
    let table = || to("renova.filtro", Mode::ReplaceBy);
    load(&client, &filtered("202401", ["1", "3"]), table()).unwrap();
    load(&client, &filtered("202401", ["3", "1"]), table()).unwrap();
    load(&client, &filtered("202402", ["3", "1"]), table()).unwrap();
    load(&client, &of("RR", "202401"), table()).unwrap();
    assert_eq!(by_month("renova.filtro"), [["AC", "202401", "40"], ["AC", "202402", "20"], ["RR", "202401", "10"]]);
    let error =
        load(&client, &sql("SELECT 1 AS x FROM sih_rd").uf(["AC"]), to("renova.x", Mode::ReplaceBy)).unwrap_err();
    assert_eq!(error.code(), Code::InvalidParams);
    assert_eq!(stages("renova"), [[""; 0]; 0]);
}

#[test]
fn replace_by_refuses_rows_of_which_it_does_not_know_how_they_came() {
    let (_folder, client) = client_of(&[("RDAC2401.parquet", 4), ("RDRR2401.parquet", 3)]);
    let table = || to("alheia.t", Mode::ReplaceBy);
    load(&client, &of("AC", "202401"), table()).unwrap();
    // Appended rows do not say where they come from.
    load(&client, &of("RR", "202401"), to("alheia.t", Mode::Append)).unwrap();
    refused(load(&client, &of("RR", "202401"), table()));
    load(&client, &of("AC", "202401"), table()).unwrap();
    assert_eq!(shared().psql("SELECT count(*), count(datasus_uf) FROM alheia.t"), [["7", "4"]]);
    // Rows that somebody put there.
    shared().psql("INSERT INTO alheia.t (n_aih, datasus_arquivo, datasus_uf, datasus_competencia) VALUES ('x', 'y', 'AC', '202401')");
    refused(load(&client, &of("AC", "202401"), table()));
    assert_eq!(shared().psql("SELECT count(*) FROM alheia.t"), [["8"]]);
    // A table of others that has the columns, and no record.
    shared().psql("CREATE TABLE alheia.sem AS SELECT * FROM alheia.t");
    refused(load(&client, &of("AC", "202401"), to("alheia.sem", Mode::ReplaceBy)));
    // One without them.
    shared().psql("CREATE TABLE alheia.nua (n_aih text, sexo text)");
    let error = refused(load(&client, &of("AC", "202401"), to("alheia.nua", Mode::ReplaceBy)));
    assert_eq!(error.context().column.as_deref(), Some("datasus_arquivo"));
    assert_eq!(stages("alheia"), [[""; 0]; 0]);
}

/// In a national file the UF is a condition, and the key is the country.
#[test]
fn replace_by_of_a_national_file_takes_uf_for_a_condition() {
    let (_folder, client) = client();
    let zika = || QueryParams::dataset("SINAN-ZIKA").competencia("2020");
    let table = || to("nacional.zika", Mode::ReplaceBy);
    load(&client, &zika().uf(["SP"]), table()).unwrap();
    load(&client, &zika().uf(["SP"]), table()).unwrap();
    assert_eq!(by_month("nacional.zika"), [["BR", "2020", "5"]]);
    refused(load(&client, &zika().uf(["BA"]), table()));
    refused(load(&client, &zika(), table()));
    assert_eq!(by_month("nacional.zika"), [["BR", "2020", "5"]]);
}

/// Files of partitions are all called `part-0.parquet`.
#[test]
fn a_source_is_what_it_is_and_not_what_its_file_is_called() {
    let (folder, client) = client_of(&[("RDAC2401.parquet", 4), ("RDAC2402.parquet", 2)]);
    let sources = |table: &str| {
        shared().psql(&format!(
            "SELECT dataset, uf, period, part FROM datasus.loads WHERE schema_name || '.' || table_name = '{table}' ORDER BY 3"
        ))
    };
    load(&client, &rd(), to("identidade.t", Mode::Append)).unwrap();
    assert_eq!(sources("identidade.t"), [["SIH-RD", "AC", "202401", ""], ["SIH-RD", "AC", "202402", ""]]);
    // The same month under another name and with other rows.
    std::fs::remove_file(folder.path().join("RDAC2401.parquet")).unwrap();
    write(&folder.path().join("rdac2401.PARQUET"), 5);
    let client = open(folder.path(), &shared().url());
    let error = refused(load(&client, &of("AC", "202401"), to("identidade.t", Mode::Append)));
    assert!(error.detail().contains("SIH-RD AC 202401"), "{error:?}");
    assert_eq!(shared().psql("SELECT count(*) FROM identidade.t"), [["6"]]);

    // Of a DBC it is known that its rows are others.
    let (folder, client) = crate::client();
    load(&client, &january(), to("identidade.dbc", Mode::Append)).unwrap();
    std::fs::copy(folder.path().join("RDAC2402.dbc"), folder.path().join("RDAC2401.dbc")).unwrap();
    let client = open(folder.path(), &shared().url());
    let error = refused(load(&client, &january(), to("identidade.dbc", Mode::Append)));
    assert!(error.detail().contains("another version") && error.diagnostic()["other_versions"] == 1, "{error:?}");
    // The same rows under the name of another month are refused too.
    load(&client, &january().competencia("202402"), to("identidade.gemea", Mode::Append)).unwrap();
    let error = refused(load(&client, &january(), to("identidade.gemea", Mode::Append)));
    assert!(error.detail().contains("the same rows"), "{error:?}");

    // By name, two files of two months are one to a careless table.
    let (_folder, client) = client_of(&[("RDAC2401.parquet", 5), ("RDAC2402.parquet", 2)]);
    let table = || Postgres { replace_by: ReplaceBy::SourceFile, ..to("identidade.nomes", Mode::ReplaceBy) };
    load(&client, &rd(), table()).unwrap();
    shared().psql("UPDATE identidade.nomes SET datasus_arquivo = 'part-0.parquet'");
    shared().psql("UPDATE datasus.loads SET source = 'part-0.parquet' WHERE table_name = 'nomes'");
    load(&client, &of("AC", "202401"), table()).unwrap();
    assert_eq!(by_month("identidade.nomes"), [["AC", "202401", "5"], ["AC", "202402", "2"]]);
}

#[test]
fn parts_and_wholes_are_never_both() {
    let (folder, client) = client();
    let pa = || QueryParams::dataset("SIA-PA");
    let table = || Postgres { replace_by: ReplaceBy::SourceFile, ..to("partes.pa", Mode::ReplaceBy) };
    load(&client, &pa(), table()).unwrap();
    load(&client, &pa(), table()).unwrap();
    assert_eq!(by_month("partes.pa"), [["SP", "2401", "30"]].map(|[uf, _, n]| [uf, "202401", n]));
    load(&client, &pa(), to("partes.soma", Mode::Append)).unwrap();
    // The month comes as one file now.
    for part in ["a", "b"] {
        std::fs::remove_file(folder.path().join(format!("PASP2401{part}.dbc"))).unwrap();
    }
    write(&folder.path().join("PASP2401.parquet"), 7);
    let client = open(folder.path(), &shared().url());
    refused(load(&client, &pa(), to("partes.soma", Mode::Append)));
    load(&client, &pa(), table()).unwrap();
    assert_eq!(by_month("partes.pa"), [["SP", "202401", "7"]]);
}

/// What could not be read is not taken for gone.
#[test]
fn a_month_of_which_a_part_cannot_be_read_replaces_nothing() {
    let (folder, client) = client();
    let pa = || QueryParams::dataset("SIA-PA").options(Options { partial: true, ..Options::default() });
    load(&client, &pa(), to("metade.pa", Mode::ReplaceBy)).unwrap();
    let damaged = folder.path().join("PASP2401b.dbc");
    let bytes = std::fs::read(&damaged).unwrap();
    std::fs::write(&damaged, &bytes[..bytes.len() - 60]).unwrap();
    let client = open(folder.path(), &shared().url());
    refused(load(&client, &pa(), to("metade.pa", Mode::ReplaceBy)));
    assert_eq!(by_month("metade.pa"), [["SP", "202401", "30"]]);
}

fn dump(server: &crate::server::Server, schemas: &[&str]) -> std::path::PathBuf {
    let path = server.folder.join(format!("dump-{}", schemas.join("-")));
    let done = Command::new(server.program("pg_dump"))
        .env("PGPASSWORD", PASSWORD)
        .args(["-h", "127.0.0.1", "-p", &server.port.to_string(), "-U", "postgres", "-d", "postgres"])
        .args(schemas.iter().flat_map(|schema| ["-n", schema]))
        .stdout(Stdio::from(std::fs::File::create(&path).unwrap()))
        .status()
        .unwrap();
    assert!(done.success());
    path
}

fn restore(server: &crate::server::Server, dump: &Path, database: &str) {
    let done = Command::new(server.program("psql"))
        .env("PGPASSWORD", PASSWORD)
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", &server.port.to_string()])
        .args(["-U", "postgres", "-d", database, "-f"])
        .arg(dump)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(done.success());
}

#[test]
fn a_table_that_was_dumped_and_restored_is_known_again() {
    let server = shared();
    let (folder, client) = client_of(&[("RDAC2401.parquet", 4), ("RDRR2401.parquet", 3)]);
    load(&client, &of("AC", "202401"), to("copia.t", Mode::Append)).unwrap();
    load(&client, &of("AC", "202401"), to("copia.mes", Mode::ReplaceBy)).unwrap();
    server.psql("CREATE DATABASE copia; ");
    server.psql("CREATE DATABASE copia_nua");
    restore(server, &dump(server, &["copia", "datasus"]), "copia");
    restore(server, &dump(server, &["copia"]), "copia_nua");
    let at = |database: &str| open(folder.path(), &server.url_of("postgres", PASSWORD, database, ""));
    let whole = at("copia");
    refused(load(&whole, &of("AC", "202401"), to("copia.t", Mode::Append)));
    load(&whole, &of("RR", "202401"), to("copia.t", Mode::Append)).unwrap();
    refused(load(&whole, &of("RR", "202401"), to("copia.t", Mode::Append)));
    refused(load(&whole, &of("AC", "202401"), to("copia.t", Mode::Append)));
    load(&whole, &of("AC", "202401"), to("copia.mes", Mode::ReplaceBy)).unwrap();
    // The record was left behind: what the table holds is not known.
    let bare = at("copia_nua");
    let error = refused(load(&bare, &of("AC", "202401"), to("copia.t", Mode::Append)));
    assert!(error.detail().contains("datasus.loads"), "{error:?}");
    refused(load(&bare, &of("AC", "202401"), to("copia.mes", Mode::ReplaceBy)));
    load(&bare, &of("AC", "202401"), to("copia.t", Mode::Replace)).unwrap();
    refused(load(&bare, &of("AC", "202401"), to("copia.t", Mode::Append)));
}

#[test]
fn a_table_is_known_by_its_mark_when_it_is_renamed_and_forgotten_when_it_is_emptied_or_made_anew() {
    let server = shared();
    let (_folder, client) = client_of(&[("RDAC2401.parquet", 4), ("RDRR2401.parquet", 3)]);
    let append = |table: &str| load(&client, &of("AC", "202401"), to(table, Mode::Append));
    append("marca.t").unwrap();
    assert!(server.psql("SELECT obj_description('marca.t'::regclass)")[0][0].contains(" [datasus:"));
    server.psql("ALTER TABLE marca.t RENAME TO outra");
    refused(append("marca.outra"));
    append("marca.t").unwrap();
    assert_eq!(server.psql("SELECT count(*) FROM marca.t"), [["4"]]);
    assert!(refused(append("marca.outra")).detail().contains("already holds"));
    server.psql("TRUNCATE marca.t");
    append("marca.t").unwrap();
    refused(append("marca.t"));
    server.psql("DROP TABLE marca.t");
    append("marca.t").unwrap();
    assert_eq!(server.psql("SELECT count(*) FROM marca.t"), [["4"]]);
    // A comment of the user's stays, and whoever loses the mark is known by name and number.
    server.psql("COMMENT ON TABLE marca.t IS 'Da equipe'");
    refused(append("marca.t"));
    load(&client, &of("RR", "202401"), to("marca.t", Mode::Append)).unwrap();
    let comment = &server.psql("SELECT obj_description('marca.t'::regclass)")[0][0];
    assert!(comment.starts_with("Da equipe [datasus:"), "{comment}");
    refused(append("marca.t"));
    // A copy of the table goes its own way.
    let mark = comment.clone();
    server.psql(&format!("CREATE TABLE marca.copia AS TABLE marca.t; COMMENT ON TABLE marca.copia IS '{mark}'"));
    refused(append("marca.copia"));
    load(&client, &of("AC", "202401"), Postgres { allow_reload: true, ..to("marca.copia", Mode::Append) }).unwrap();
    refused(append("marca.t"));
    assert_ne!(server.psql("SELECT obj_description('marca.copia'::regclass)")[0][0], mark);
}

/// The record as the version before wrote it: by number, with names of files, and nothing of what they are.
#[test]
fn a_record_of_the_version_before_is_understood() {
    let (_folder, client) = client_of(&[("RDAC2401.parquet", 4), ("RDRR2401.parquet", 3)]);
    shared().psql("CREATE DATABASE antes");
    let server = shared();
    let run = |sql: &str| {
        let done = Command::new(server.program("psql"))
            .env("PGPASSWORD", PASSWORD)
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", &server.port.to_string()])
            .args(["-U", "postgres", "-d", "antes", "-c", sql])
            .status()
            .unwrap();
        assert!(done.success());
    };
    run("CREATE SCHEMA datasus; CREATE SCHEMA velha; CREATE TABLE velha.t (n_aih text, sexo text);
        INSERT INTO velha.t VALUES ('1', '1'); COMMENT ON TABLE velha.t IS 'DATASUS: linhas de SIH-RD';
        CREATE TABLE velha.mes (n_aih text, sexo text, datasus_arquivo text, datasus_competencia text);
        CREATE TABLE datasus.loads (table_oid oid NOT NULL, schema_name text NOT NULL, table_name text NOT NULL,
            source text NOT NULL, hash text NOT NULL, period text NOT NULL, job text NOT NULL, mode text NOT NULL,
            rows bigint NOT NULL, loaded_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (table_oid, job, source, hash));
        INSERT INTO datasus.loads VALUES ('velha.t'::regclass, 'velha', 't', 'RDAC2401.dbc', 'abc', '202401', 'j', 'append', 1)");
    let client_of_antes = open(_folder.path(), &server.url_of("postgres", PASSWORD, "antes", ""));
    drop(client);
    refused(load(&client_of_antes, &of("AC", "202401"), to("velha.t", Mode::Append)));
    load(&client_of_antes, &of("RR", "202401"), to("velha.t", Mode::Append)).unwrap();
    refused(load(&client_of_antes, &of("RR", "202401"), to("velha.t", Mode::Append)));
    refused(load(&client_of_antes, &of("AC", "202401"), to("velha.t", Mode::Append)));
    let error = refused(load(&client_of_antes, &of("AC", "202401"), to("velha.mes", Mode::ReplaceBy)));
    assert_eq!(error.context().column.as_deref(), Some("datasus_uf"));
}

/// Both have their rows on the server before either publishes.
#[test]
fn two_first_loads_of_one_table_both_end_well() {
    let server = shared();
    for mode in [Mode::Append, Mode::ReplaceBy] {
        let (folder, client) = client_of(&[("RDAC2401.parquet", 4), ("RDRR2401.parquet", 3)]);
        drop(client);
        // The first waits for as long as the second takes to come.
        let client = open(folder.path(), &format!("{}?options=-c%20lock_timeout%3D600000", server.url()));
        let table = format!("primeiras.{}", if mode == Mode::Append { "a" } else { "r" });
        let gate = format!("SELECT pg_advisory_lock(hashtextextended('datasus {table}', 0)), pg_sleep(600)");
        let holder = std::thread::spawn(move || drop(server.try_psql("postgres", PASSWORD, &gate)));
        let locks = |granted: bool| {
            let sql = format!(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted = {granted} AND (classid::bigint << 32) + objid::bigint = hashtextextended('datasus {table}', 0)"
            );
            server.psql(&sql)[0][0].clone()
        };
        let wait = |granted: bool, count: &str| {
            let until = std::time::Instant::now() + std::time::Duration::from_secs(300);
            while locks(granted) != count {
                assert!(std::time::Instant::now() < until, "{table}: {granted} {count}");
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        };
        wait(true, "1");
        // One core has one slot; the class `health` has another.
        let jobs = [("AC", Priority::User), ("RR", Priority::Health)].map(|(uf, priority)| {
            let options = Options { priority, ..Options::default() };
            client.submit(&of(uf, "202401").options(options), to(&table, mode)).unwrap()
        });
        wait(false, "2");
        server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND query LIKE '%primeiras.%' AND pid <> pg_backend_pid()");
        holder.join().unwrap();
        jobs.iter().for_each(|job| assert_eq!(job.wait().unwrap().attempts, 1));
        assert_eq!(server.psql(&format!("SELECT count(*) FROM {table}")), [["7"]]);
        refused(load(&client, &rd(), to(&table, Mode::Append)));
    }
    assert_eq!(stages("primeiras"), [[""; 0]; 0]);
}

#[test]
fn a_target_that_is_dropped_meanwhile_is_made_anew_without_our_own_column() {
    let server = shared();
    let (_folder, client) = client_of(&[("RDAC2401.parquet", 4)]);
    server.psql("CREATE SCHEMA sumida; CREATE TABLE sumida.t (n_aih text UNIQUE, sexo text)");
    // The load waits before it publishes.
    let gate = "SELECT pg_advisory_lock(hashtextextended('datasus sumida.t', 0)), pg_sleep(600)";
    let holder = std::thread::spawn(move || drop(server.try_psql("postgres", PASSWORD, gate)));
    let waiting = |granted: bool| {
        let sql = format!(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted = {granted} AND (classid::bigint << 32) + objid::bigint = hashtextextended('datasus sumida.t', 0)"
        );
        let until = std::time::Instant::now() + quiet::HANGS;
        while server.psql(&sql) != [["1"]] {
            assert!(std::time::Instant::now() < until, "{granted}");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    };
    waiting(true);
    let job = client.submit(&rd(), to("sumida.t", Mode::Append)).unwrap();
    waiting(false);
    server.psql("DROP TABLE sumida.t");
    server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%datasus sumida.t%pg_sleep(600)%' AND pid <> pg_backend_pid()");
    holder.join().unwrap();
    job.wait().unwrap();
    let columns = "SELECT string_agg(attname::text, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'sumida.t'::regclass AND attnum > 0 AND NOT attisdropped";
    assert_eq!(server.psql(columns), [["n_aih sexo"]]);
    assert_eq!(server.psql("SELECT count(*) FROM sumida.t"), [["4"]]);
    assert_eq!(stages("sumida"), [[""; 0]; 0]);
}

#[test]
fn unique_keys_are_checked_or_known_before_the_load() {
    let server = shared();
    let (_folder, client) = client();
    server.psql("CREATE SCHEMA chaves");
    let rows = |text: &str| {
        sql(&format!("SELECT * FROM (VALUES {text}) t(a, b) ORDER BY 1, 2"))
            .options(Options { dead_letter_limit: Some(1.0), ..Options::default() })
    };
    let append = |table: &str, text: &str| load(&client, &rows(text), to(&format!("chaves.{table}"), Mode::Append));
    // NULLs that are equal, columns that are only carried along, an index that is not valid yet: all can be asked.
    if server.psql("SELECT current_setting('server_version_num')::int >= 150000")[0][0] == "t" {
        server.psql("CREATE TABLE chaves.nulos (a int, b text, UNIQUE NULLS NOT DISTINCT (a)); INSERT INTO chaves.nulos VALUES (NULL, 'x')");
        let report = append("nulos", "(1, 'p'), (1, 'q'), (NULL, 'r')").unwrap();
        assert_eq!((report.records_processed, report.dead_letters, report.warnings.len()), (1, 2, 1), "{report}");
    }
    server.psql("CREATE TABLE chaves.leva (a int, b text); CREATE UNIQUE INDEX ON chaves.leva (a) INCLUDE (b)");
    let report = append("leva", "(1, 'p'), (1, 'q'), (2, 'r')").unwrap();
    assert_eq!((report.records_processed, report.dead_letters), (2, 1), "{report}");
    // The others are named, and what they refuse ends the load and changes nothing.
    for (table, index) in [
        ("parcial", "CREATE UNIQUE INDEX parcial_key ON chaves.parcial (a) WHERE b = 'p'"),
        ("expressao", "CREATE UNIQUE INDEX expressao_key ON chaves.expressao (lower(b))"),
        ("alheia", "CREATE UNIQUE INDEX alheia_key ON chaves.alheia (a, c)"),
    ] {
        server.psql(&format!("CREATE TABLE chaves.{table} (a int, b text, c int DEFAULT 0); {index}"));
        let report = append(table, "(1, 'p'), (2, 'q')").unwrap();
        let named = report.warnings.iter().any(|warning| warning.contains(&format!("{table}_key")));
        assert!(named && report.dead_letters == 0, "{report}");
        let error = append(table, "(1, 'p'), (5, 'r')").unwrap_err();
        assert_eq!(
            (error.code(), error.context().sqlstate.as_deref()),
            (Code::InvalidParams, Some("23505")),
            "{error:?}"
        );
        assert_eq!(server.psql(&format!("SELECT count(*) FROM chaves.{table}")), [["2"]]);
    }
    // One that the table fills in itself is none of ours.
    server.psql("CREATE TABLE chaves.propria (id serial PRIMARY KEY, a int, b text)");
    assert_eq!(append("propria", "(1, 'p')").unwrap().warnings, [""; 0]);
    // A key that would be asked at COMMIT is asked before; `upsert` cannot stand on it.
    server.psql("CREATE TABLE chaves.adiada (a int UNIQUE DEFERRABLE INITIALLY DEFERRED, b text)");
    let report = append("adiada", "(1, 'p'), (1, 'q')").unwrap();
    assert_eq!((report.records_processed, report.dead_letters), (1, 1));
    let upsert = Postgres { key: vec!["a".into()], ..to("chaves.adiada", Mode::Upsert) };
    assert!(refused(load(&client, &rows("(1, 'z')"), upsert)).detail().contains("CREATE UNIQUE INDEX"));
    assert_eq!(stages("chaves"), [[""; 0]; 0]);
}

/// A row that was refused once would be one too many among those that took the place of its load.
#[test]
fn a_dead_letter_of_rows_that_were_replaced_is_not_loaded() {
    let server = shared();
    let (_folder, client) = client_of(&[("RDAC2401.parquet", 4), ("RDRR2401.parquet", 3)]);
    let table = || to("carta.t", Mode::ReplaceBy);
    load(&client, &of("RR", "202401"), table()).unwrap();
    server.psql("ALTER TABLE carta.t ADD CONSTRAINT quatro CHECK (n_aih NOT LIKE 'RDAC% 2')");
    let some = Options { dead_letter_limit: Some(1.0), ..Options::default() };
    let report = load(&client, &of("AC", "202401").options(some), table()).unwrap();
    assert_eq!((report.records_processed, report.dead_letters), (3, 1));
    server.psql("ALTER TABLE carta.t DROP CONSTRAINT quatro");
    load(&client, &of("AC", "202401"), table()).unwrap();
    let replayed = client.replay(&report.job_id).unwrap();
    assert_eq!((replayed.loaded, replayed.left), (0, 1));
    assert!(client.dead_letters(&report.job_id).unwrap()[0].reason.contains("taken the place"));
    assert_eq!(by_month("carta.t"), [["AC", "202401", "4"], ["RR", "202401", "3"]]);
}

/// SIH-RD of Acre and Roraima, with the ministry's own rows: 4,315 and 1,690, of layouts ten years apart.
#[test]
fn genuine_months_of_two_states_stay_two() {
    let Some(real) = genuine::folder() else { return };
    canary::listen();
    let folder = tempfile::tempdir().unwrap();
    // Roraima's is of December 2014; one name makes it the same competência.
    for (from, to) in [("RDAC2401.dbc", "RDAC2401.dbc"), ("RDRR1412.dbc", "RDRR2401.dbc")] {
        std::fs::copy(real.join("sih").join(from), folder.path().join(to)).unwrap();
    }
    let client = open(folder.path(), &shared().url());
    let table = || to("genuina.rd", Mode::ReplaceBy);
    load(&client, &rd(), table()).unwrap();
    load(&client, &of("AC", "202401"), table()).unwrap();
    assert_eq!(by_month("genuina.rd"), [["AC", "202401", "4315"], ["RR", "202401", "1690"]]);
    let sums = shared().psql("SELECT count(*), sum(val_tot) FILTER (WHERE datasus_uf = 'AC') FROM genuina.rd");
    assert_eq!(sums, [["6005", "4308072.76"]]);
    // Under another name it is the same month with the same rows.
    let append = |client: &Client| load(client, &of("AC", "202401"), to("genuina.soma", Mode::Append));
    append(&client).unwrap();
    std::fs::rename(folder.path().join("RDAC2401.dbc"), folder.path().join("rdac2401.DBC")).unwrap();
    let error = refused(append(&open(folder.path(), &shared().url())));
    assert!(error.detail().contains("the same rows"), "{error:?}");
    // And so it is as a Parquet: 8,630 rows would be twice those of January.
    let apart = tempfile::tempdir().unwrap();
    let client = open(folder.path(), &shared().url());
    client.export(&of("AC", "202401"), datasus::Parquet::to("a.parquet")).unwrap();
    // Written anew, so that it is nobody's answer.
    let answer = std::fs::File::open(folder.path().join("out/a.parquet")).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(answer).unwrap();
    let file = std::fs::File::create(apart.path().join("RDAC2401.parquet")).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, reader.schema().clone(), None).unwrap();
    reader.build().unwrap().for_each(|batch| writer.write(&batch.unwrap()).unwrap());
    writer.close().unwrap();
    refused(append(&open(apart.path(), &shared().url())));
    assert_eq!(shared().psql("SELECT count(*) FROM genuina.soma"), [["4315"]]);
}
