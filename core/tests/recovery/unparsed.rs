//! `on_bad_value` = dead_letter, killed in the middle: every row is there once, and every letter.

use std::collections::BTreeSet;
use std::fs::File;
use std::sync::atomic::Ordering::SeqCst;

use datasus::sink::postgres::Mode;
use datasus::source::dbc::{DbcWriter, WriteOptions};
use datasus::{Csv, Destination, OnBadValue, Options, Postgres, Standing};

use crate::server::shared;
use crate::*;

const MONTHS: usize = 3;
const OF_MONTH: usize = 20_000;

fn is_bad(row: usize) -> bool {
    row.is_multiple_of(100)
}

/// Admission `row` of all is of a day that is none where it [`is_bad`]; each file begins with a deleted record.
fn write(folder: &Path) {
    let fields = [("N_AIH", b'C', 13, 0), ("DT_INTER", b'C', 8, 0), ("VAL_TOT", b'N', 14, 2)];
    for month in 0..MONTHS {
        let file = File::create(folder.join(format!("RDAC24{:02}.dbc", month + 1))).unwrap();
        let mut writer = DbcWriter::create(file, &fields, WriteOptions::default()).unwrap();
        writer.write_flagged(b'*', &["9", "20240101", "1.00"]).unwrap();
        for row in month * OF_MONTH..(month + 1) * OF_MONTH {
            let day = if is_bad(row) { "20240230" } else { "20240115" };
            writer.write(&[&format!("{row:013}"), day, &format!("{row}.00")]).unwrap();
        }
        writer.finish().unwrap();
    }
}

fn params() -> QueryParams {
    let options = Options {
        on_bad_value: OnBadValue::DeadLetter,
        dead_letter_limit: Some(0.05),
        checkpoint_rows: Some(2_000),
        ..Options::default()
    };
    all().options(options)
}

fn destinations() -> [Destination; 2] {
    let table =
        Postgres { table: Some("ilegivel.t".into()), mode: Mode::Create, connections: 1, ..Postgres::default() };
    [Csv::to("a.csv").into(), table.into()]
}

/// Runs in a child process.
#[test]
#[ignore = "runs in a child process"]
fn export_and_die() {
    let of = |name: &str| std::env::var(name).ok();
    let (Some(source), Some(place), url) =
        (of("DATASUS_TEST_SOURCE"), of("DATASUS_TEST_PLACE"), of("DATASUS_TEST_URL"))
    else {
        return;
    };
    client(Path::new(&source), Path::new(&place), url.as_deref()).export(&params(), destinations()).unwrap();
}

#[test]
fn a_killed_load_that_leaves_rows_out_goes_on_with_every_row_and_every_letter_once() {
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(source.path());
    let server = shared();
    server.psql("CREATE SCHEMA ilegivel");
    let hold = proxy::Hold::after(1 << 20);
    let port = proxy::holding(server.port, hold.clone());
    let url = server.url().replace(&format!(":{}/", server.port), &format!(":{port}/"));
    let mut running = child(
        "unparsed::export_and_die",
        &[
            ("DATASUS_TEST_SOURCE", source.path().to_str().unwrap()),
            ("DATASUS_TEST_PLACE", place.path().to_str().unwrap()),
            ("DATASUS_TEST_URL", &url),
        ],
        Stdio::null(),
    );
    until("the load is held", || hold.held.load(SeqCst) > 0 || running.try_wait().unwrap().is_some());
    running.kill().unwrap();
    running.wait().unwrap();
    hold.release();
    let client = client(source.path(), place.path(), Some(&server.url()));
    let left = client.jobs().unwrap();
    let [job] = left.as_slice() else { panic!("{left:?}") };
    assert_eq!(job.standing, Standing::Crashed);
    let report = client.resume(&job.job_id).unwrap().wait().unwrap();
    let all = MONTHS * OF_MONTH;
    let good = || (0..all).filter(|row| !is_bad(*row));
    let bad = (0..all).filter(|row| is_bad(*row)).count() as u64;
    let held = report.resumed_from.clone().unwrap_or_default();
    assert!(held.iter().any(|(sink, rows)| sink.contains("postgres") && *rows > 0), "killed with work done: {held:?}");
    assert_eq!((report.records_processed, report.dead_letters), (good().count() as u64, bad), "{report}");
    let counts = "SELECT count(*), count(DISTINCT n_aih), sum(val_tot)::bigint FROM ilegivel.t";
    let expected = [good().count(), good().count(), good().sum()].map(|number| number.to_string());
    assert_eq!(server.psql(counts), [expected]);
    let csv = std::fs::read_to_string(place.path().join("out/a.csv")).unwrap();
    let rows: Vec<usize> = csv.lines().skip(1).map(|line| line[..13].parse().unwrap()).collect();
    assert!(rows.iter().copied().eq(good()), "{} rows", rows.len());
    let letters = client.dead_letters(&report.job_id).unwrap();
    assert_eq!(letters.len() as u64, bad);
    let places: BTreeSet<(String, u64)> =
        letters.iter().map(|one| (one.source_file.clone().unwrap(), one.source_row.unwrap())).collect();
    // The first record of each file is deleted.
    let place = |row: usize| (format!("RDAC24{:02}.dbc", row / OF_MONTH + 1), (row % OF_MONTH + 1) as u64);
    assert_eq!(places, (0..all).filter(|row| is_bad(*row)).map(place).collect());
    assert_eq!(report.bad_values.iter().map(|one| one.count).sum::<u64>(), bad);
}
