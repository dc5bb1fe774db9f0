//! kill -9 at random instants, and a resume that may be killed too.

use std::path::Path;
use std::time::Duration;

use datasus::sink::postgres::Mode;
use datasus::{Csv, Destination, Parquet, Postgres, Standing};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::server::shared;
use crate::*;

fn destination(kind: &str, table: &str) -> Destination {
    match kind {
        "csv" => Csv::to("a.csv").into(),
        "csv.zst" => Csv { zstd: Some(1), ..Csv::to("a.csv.zst") }.into(),
        "parquet" => Parquet { row_group_rows: 30_000, ..Parquet::to("a.parquet") }.into(),
        _ => Postgres { table: Some(table.into()), mode: Mode::Create, analyze: false, ..Postgres::default() }.into(),
    }
}

/// Runs in a child process: goes on with the job that is there, or begins one.
#[test]
#[ignore = "runs in a child process"]
fn export_and_die() {
    let of = |name: &str| std::env::var(name).ok();
    let (Some(source), Some(place), Some(kind)) =
        (of("DATASUS_TEST_SOURCE"), of("DATASUS_TEST_PLACE"), of("DATASUS_TEST_KIND"))
    else {
        return;
    };
    let client = client(Path::new(&source), Path::new(&place), of("DATASUS_TEST_URL").as_deref());
    match client.jobs().unwrap().first() {
        Some(left) => drop(client.resume(&left.job_id).unwrap().wait().unwrap()),
        None => {
            let table = of("DATASUS_TEST_TABLE").unwrap_or_default();
            drop(client.export(&all(), [destination(&kind, &table)]).unwrap());
        }
    }
}

fn kills(short: u64) -> u64 {
    let kills = std::env::var("DATASUS_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(short);
    println!("DATASUS_KILLS={kills}");
    kills
}

/// Kills children until one gets to the end; gives how often one died with work done.
fn killed_until_done(kind: &str, kills: u64, most_millis: u64, finished: impl Fn(&Path, usize)) {
    let mut random = Random::seeded();
    let (mut died, mut round) = (0, 0);
    while died < kills {
        round += 1;
        let place = tempfile::tempdir().unwrap();
        let table = format!("mata_{}.t{round}", kind.replace('.', "_"));
        let variables = [
            ("DATASUS_TEST_SOURCE", data().to_str().unwrap()),
            ("DATASUS_TEST_PLACE", place.path().to_str().unwrap()),
            ("DATASUS_TEST_KIND", kind),
            ("DATASUS_TEST_URL", &if kind == "postgres" { shared().url() } else { String::new() }),
            ("DATASUS_TEST_TABLE", &table),
        ];
        let looker = client(data(), place.path(), None);
        // Longer each time: on a machine at work a child may need more than another needs for the whole.
        for most_millis in (0..).map(|tries| most_millis + most_millis * tries / 8) {
            let said = place.path().join("said");
            let mut running = child("kill::export_and_die", &variables, std::fs::File::create(&said).unwrap().into());
            let wait = Duration::from_micros(random.below(most_millis * 1_000));
            let until = std::time::Instant::now() + wait;
            while running.try_wait().unwrap().is_none() && std::time::Instant::now() < until {
                std::thread::sleep(Duration::from_micros(300));
            }
            let alive = running.try_wait().unwrap().is_none();
            running.kill().unwrap();
            let ended = running.wait().unwrap();
            if alive {
                let left = looker.jobs().unwrap();
                if let [job] = left.as_slice() {
                    assert_eq!(job.standing, Standing::Crashed);
                    died += 1;
                }
                if !left.is_empty() {
                    continue;
                }
            }
            // Either it came to its end, or it died before it had a job, or after it had none any more.
            assert!(alive || ended.success(), "{}", std::fs::read_to_string(&said).unwrap());
            let out = place.path().join("out");
            let there = out.join(format!("a.{kind}")).exists()
                || (kind == "postgres" && shared().psql(&format!("SELECT to_regclass('{table}')")) != [["<NULL>"]]);
            if there {
                finished(&out, round);
                break;
            }
            assert!(!ended.success(), "a child came to its end and left nothing");
        }
        if kind != "postgres" {
            let names: Vec<_> =
                std::fs::read_dir(place.path().join("out")).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!(names, [format!("a.{kind}").as_str()]);
        }
        assert_eq!(std::fs::read_dir(place.path().join("jobs")).unwrap().count(), 0);
    }
}

/// What an undisturbed run writes.
fn undisturbed(kind: &str) -> Vec<u8> {
    let place = tempfile::tempdir().unwrap();
    client(data(), place.path(), None).export(&all(), [destination(kind, "")]).unwrap();
    std::fs::read(place.path().join("out").join(format!("a.{kind}"))).unwrap()
}

#[test]
fn a_csv_is_byte_by_byte_what_an_undisturbed_run_writes() {
    let expected = undisturbed("csv");
    assert_eq!(expected.iter().filter(|byte| **byte == b'\n').count() as u64, ROWS + 1);
    killed_until_done("csv", kills(8), 250, |out, round| {
        assert!(std::fs::read(out.join("a.csv")).unwrap() == expected, "round {round}");
    });
}

#[test]
fn a_compressed_csv_holds_what_an_undisturbed_run_writes() {
    let expected = zstd::decode_all(&undisturbed("csv.zst")[..]).unwrap();
    killed_until_done("csv.zst", kills(8), 250, |out, round| {
        let text = zstd::decode_all(std::fs::File::open(out.join("a.csv.zst")).unwrap()).unwrap();
        assert!(text == expected, "round {round}");
    });
}

#[test]
fn a_parquet_has_the_rows_and_the_row_groups_of_an_undisturbed_run() {
    let read = |file: bytes::Bytes| {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let groups: Vec<i64> = builder.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        let schema = builder.schema().clone();
        let batches: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
        (groups, arrow::compute::concat_batches(&schema, &batches).unwrap())
    };
    let expected = read(undisturbed("parquet").into());
    assert_eq!(expected.0, [30_000; 10]);
    killed_until_done("parquet", kills(8), 300, |out, round| {
        let found = read(std::fs::read(out.join("a.parquet")).unwrap().into());
        assert_eq!(found.0, expected.0, "round {round}");
        assert!(found.1.columns() == expected.1.columns(), "round {round}");
    });
}

#[test]
fn a_table_has_every_row_once() {
    killed_until_done("postgres", kills(8), 700, |_, round| {
        check(shared(), &format!("mata_postgres.t{round}"));
        shared().psql(&format!("DROP TABLE mata_postgres.t{round}"));
        nothing_left(shared(), "mata_postgres");
    });
}
