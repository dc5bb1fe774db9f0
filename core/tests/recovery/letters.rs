//! Rows that a table does not take: exactly those are dead letters, and all others are loaded.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Int32Array, RecordBatch, StringArray};
use datasus::sink::postgres::Mode;
use datasus::{Code, Postgres};
use parquet::arrow::ArrowWriter;

use crate::server::shared;
use crate::*;

const GOOD: usize = 100_000;

/// What is wrong with a row, by its number; the rest is good.
fn poison() -> BTreeMap<usize, &'static str> {
    // The first and the last row of units and of the file among them.
    BTreeMap::from([
        (0, "nul"),
        (9_999, "null"),
        (10_000, "check"),
        (33_333, "overflow"),
        (33_334, "overflow"),
        (50_000, "long"),
        (77_777, "twice"),
        (90_001, "there"),
        (99_999, "nul"),
    ])
}

fn write(folder: &Path) {
    let poison = poison();
    let is = |n: usize, what: &str| poison.get(&n) == Some(&what);
    let aih = |n: usize| match n {
        n if is(n, "twice") => "1200000000005".to_owned(),
        n if is(n, "long") => "12000000000500000".to_owned(),
        n => format!("{}", 1_200_000_000_000 + n),
    };
    let cnes = |n: usize| match n {
        n if is(n, "null") => None,
        // Behind the last character it would be padding.
        n if is(n, "nul") => Some("2\u{0}0".to_owned()),
        _ => Some("2000001".to_owned()),
    };
    let diag = |n: usize| if is(n, "check") { "RUIM" } else { "J189" };
    let cents = |n: usize| if is(n, "overflow") { 123_456_789_012 } else { n as i128 };
    let columns: [(&str, ArrayRef); 5] = [
        ("N_AIH", Arc::new(StringArray::from_iter_values((0..GOOD).map(aih)))),
        ("CNES", Arc::new(StringArray::from_iter((0..GOOD).map(cnes)))),
        ("DIAG_PRINC", Arc::new(StringArray::from_iter_values((0..GOOD).map(diag)))),
        ("IDADE", Arc::new(Int32Array::from_iter_values((0..GOOD).map(|n| n as i32 % 100)))),
        (
            "VAL_TOT",
            Arc::new(Decimal128Array::from_iter_values((0..GOOD).map(cents)).with_precision_and_scale(14, 2).unwrap()),
        ),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(folder.join("RDAC2401.parquet")).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn exactly_the_poisoned_rows_are_dead_letters_and_a_replay_loads_them_after_a_fix() {
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(source.path());
    let server = shared();
    server.psql(
        "CREATE SCHEMA veneno; CREATE TABLE veneno.t (n_aih varchar(13) UNIQUE, cnes text NOT NULL, \
         diag_princ text CONSTRAINT sem_ruim CHECK (diag_princ <> 'RUIM'), idade smallint, val_tot numeric(10,2)); \
         INSERT INTO veneno.t VALUES ('1200000090001', '9', 'A', 1, 1)",
    );
    let client = client(source.path(), place.path(), Some(&server.url()));
    let to = Postgres { table: Some("veneno.t".into()), mode: Mode::Append, ..Postgres::default() };
    let report = client.export(&all(), to.clone()).unwrap();
    let poison = poison();
    assert_eq!(report.dead_letters, poison.len() as u64, "{report}");
    assert_eq!(report.records_processed as usize, GOOD - poison.len());
    assert!(report.warnings.iter().any(|warning| warning.contains("dead_letters")), "{report}");
    assert_eq!(server.psql("SELECT count(*) FROM veneno.t")[0][0], (GOOD - poison.len() + 1).to_string());

    let letters = client.dead_letters(&report.job_id).unwrap();
    let found: BTreeMap<u64, (Option<&str>, Option<&str>)> =
        letters.iter().map(|l| (l.source_row.unwrap(), (l.sqlstate.as_deref(), l.column.as_deref()))).collect();
    assert_eq!(found.keys().map(|row| *row as usize).collect::<Vec<_>>(), poison.keys().copied().collect::<Vec<_>>());
    for letter in &letters {
        let what = poison[&(letter.source_row.unwrap() as usize)];
        let (state, column) = (letter.sqlstate.as_deref(), letter.column.as_deref().unwrap_or_default().to_uppercase());
        let expected = match what {
            "nul" => (None, "CNES"),
            "null" => (Some("23502"), "CNES"),
            "check" => (Some("23514"), ""),
            "overflow" => (None, "VAL_TOT"),
            "long" => (None, "N_AIH"),
            _ => (Some("23505"), "N_AIH"),
        };
        assert_eq!((state, column.as_str()), expected, "{what}: {letter:?}");
        assert_eq!(letter.source_file.as_deref(), Some("RDAC2401.parquet"));
        assert_eq!(letter.trace_id, report.trace_id);
        if what == "overflow" {
            assert_eq!(letter.value.as_deref(), Some("1234567890.12"));
        }
    }
    assert_eq!(client.export_dead_letters(&report.job_id, "recusadas.parquet").unwrap(), 9);
    assert!(place.path().join("out/recusadas.parquet").exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let file = place.path().join("jobs").join(&report.job_id).join("dead_letters.log");
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    // Nothing mended: all are refused again. Then what can be mended is.
    assert_eq!(client.replay(&report.job_id).unwrap().left, 9);
    server.psql(
        "ALTER TABLE veneno.t DROP CONSTRAINT sem_ruim, ALTER cnes DROP NOT NULL, ALTER n_aih TYPE text, \
         ALTER val_tot TYPE numeric(14,2), DROP CONSTRAINT t_n_aih_key",
    );
    let replayed = client.replay(&report.job_id).unwrap();
    assert_eq!((replayed.loaded, replayed.left), (7, 2));
    let left = client.dead_letters(&report.job_id).unwrap();
    assert!(
        left.iter().all(|letter| letter.value.as_deref() == Some("2\u{0}0") || letter.sqlstate.is_some()),
        "{left:?}"
    );
    assert_eq!(server.psql("SELECT count(*) FROM veneno.t")[0][0], (GOOD - 2 + 1).to_string());
    assert_eq!(server.psql("SELECT val_tot FROM veneno.t WHERE n_aih = '1200000033333'"), [["1234567890.12"]]);
    client.discard(&report.job_id).unwrap();
    assert_eq!(server.psql("SELECT count(*) FROM veneno.t")[0][0], (GOOD - 2 + 1).to_string());
}

/// Loads rows 9,990 to 10,010 into `table`, whose check is not valid for its old row; number 10,000 breaks it.
pub fn load_past_a_check(source: &Path, place: &Path, schema: &str) -> datasus::Report {
    write(source);
    let server = shared();
    server.psql(&format!(
        "CREATE SCHEMA {schema}; CREATE TABLE {schema}.t (n_aih text, cnes text, diag_princ text, idade int, val_tot numeric); \
         INSERT INTO {schema}.t VALUES ('velha', '1', 'RUIM', 1, 1); \
         ALTER TABLE {schema}.t ADD CONSTRAINT sem_ruim CHECK (diag_princ <> 'RUIM') NOT VALID"
    ));
    let to = Postgres { table: Some(format!("{schema}.t")), mode: Mode::Append, ..Postgres::default() };
    let any = datasus::params::Options { dead_letter_limit: Some(1.0), ..Default::default() };
    let params = all().filter(datasus::col("N_AIH").between("1200000009990", "1200000010010")).options(any);
    client(source, place, Some(&server.url())).export(&params, to).unwrap()
}

#[test]
fn a_check_that_lets_old_rows_be_still_makes_dead_letters_of_new_ones() {
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let report = load_past_a_check(source.path(), place.path(), "antigas");
    assert_eq!((report.records_processed, report.dead_letters), (20, 1), "{report}");
    let letters = client(source.path(), place.path(), None).dead_letters(&report.job_id).unwrap();
    assert_eq!((letters[0].source_row, letters[0].sqlstate.as_deref()), (Some(10_000), Some("23514")), "{letters:?}");
    let counted = "SELECT count(*), count(*) FILTER (WHERE diag_princ = 'RUIM') FROM antigas.t";
    assert_eq!(shared().psql(counted), [["21", "1"]]);
}

#[test]
fn a_replay_without_a_server_says_what_to_set_and_keeps_the_letters() {
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let job = load_past_a_check(source.path(), place.path(), "sem_servidor").job_id;
    let nowhere = client(source.path(), place.path(), None);
    let error = nowhere.replay(&job).unwrap_err();
    assert_eq!((error.code(), error.context().stage), (Code::InvalidParams, Some("postgres")), "{error:?}");
    assert!(error.detail().contains("DATASUS_POSTGRES"), "{error:?}");
    // The same that a load says.
    let load = nowhere.export(&all(), Postgres::default()).unwrap_err();
    assert_eq!((load.code(), load.detail()), (error.code(), error.detail()));

    assert_eq!(nowhere.dead_letters(&job).unwrap().len(), 1);
    shared().psql("ALTER TABLE sem_servidor.t DROP CONSTRAINT sem_ruim");
    let replayed = client(source.path(), place.path(), Some(&shared().url())).replay(&job).unwrap();
    assert_eq!((replayed.loaded, replayed.left), (1, 0));
    assert_eq!(shared().psql("SELECT count(*) FROM sem_servidor.t WHERE diag_princ = 'RUIM'"), [["2"]]);
}

#[test]
fn too_many_dead_letters_end_the_job_and_leave_the_table_alone() {
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(source.path());
    let server = shared();
    server.psql("CREATE SCHEMA demais; CREATE TABLE demais.t (n_aih text, cnes text, diag_princ text, idade int CHECK (idade <> 7), val_tot numeric)");
    let client = client(source.path(), place.path(), Some(&server.url()));
    let to = Postgres { table: Some("demais.t".into()), mode: Mode::Append, connections: 1, ..Postgres::default() };
    let few = datasus::params::Options { dead_letter_limit: Some(0.00002), ..Default::default() };
    // One row with a NUL is one too many of these three.
    let params = all().filter(datasus::col("VAL_TOT").lt("0.03")).options(few);
    let error = client.export(&params, to).unwrap_err();
    assert_eq!(error.code(), Code::TooManyDeadLetters, "{error:?}");
    assert_eq!((error.diagnostic()["dead_letters"].as_u64(), error.diagnostic()["rows"].as_u64()), (Some(1), Some(3)));
    assert_eq!(error.context().file.as_deref(), Some("RDAC2401.parquet"));
    assert_eq!(server.psql("SELECT count(*) FROM demais.t"), [["0"]]);
    // The letters say what to mend; the job itself is over.
    let job = client.jobs().unwrap()[0].job_id.clone();
    assert_eq!(client.dead_letters(&job).unwrap().len(), 1);
    assert_eq!(client.resume(&job).unwrap_err().code(), Code::Conflict);
}
