//! What a level of zstd costs and saves: prints the table of `docs/cache.md`.
//!
//! Time is that of the processor, over all threads, which other programs on the machine change little; the least of several runs.

use std::time::Duration;

use arrow::array::RecordBatch;
use datasus::sink::pipe::{Encoder, Format};
use datasus::source::write_example_data;
use datasus::{CacheMode, Client, Config, Csv, Parquet, QueryParams};
use tempfile::TempDir;

use crate::{config, with};

const LEVELS: [i32; 5] = [1, 3, 6, 9, 19];

/// What this process has had of the processors.
fn processor() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a timespec that is written to and nothing else.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut now) }, 0);
    Duration::new(u64::try_from(now.tv_sec).unwrap(), u32::try_from(now.tv_nsec).unwrap())
}

/// The least of five runs; of what takes longer than seconds, one does.
fn least(mut run: impl FnMut()) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..5 {
        let before = processor();
        run();
        least = least.min((processor() - before).as_secs_f64());
        if least > 5.0 {
            break;
        }
    }
    least
}

#[test]
#[ignore = "minutes of measuring"]
fn levels() {
    let (place, source) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    write_example_data(source.path(), 30_000).unwrap();
    let client = Client::open_with(source.path(), config(place.path())).unwrap();
    let params = QueryParams::dataset("SIH-RD").uf(["AC"]);
    let plain = client.export(&params, Csv::to("plain.csv")).unwrap();
    let size = |name: &str| std::fs::metadata(place.path().join("out").join(name)).unwrap().len() as f64 / 1e6;
    let batches: Vec<RecordBatch> = client.query(&params).unwrap().map(Result::unwrap).collect();
    let stream = |how: &str| {
        let mut encoder = Encoder::new(&Format::from_json(how).unwrap(), &batches[0].schema()).unwrap();
        let mut bytes = encoder.begin().unwrap().len();
        bytes += batches.iter().map(|batch| encoder.encode(batch).unwrap().len()).sum::<usize>();
        (bytes + encoder.end().unwrap().len()) as f64 / 1e6
    };
    let csv = least(|| drop(client.export(&params, Csv { overwrite: true, ..Csv::to("plain.csv") }).unwrap()));
    println!("{} rows: CSV {:.1} MB, {csv:.2} s", plain.records_processed, size("plain.csv"));
    println!("Arrow stream {:.1} MB, {:.2} s", stream(r#""arrow""#), least(|| assert!(stream(r#""arrow""#) > 0.0)));
    println!("| level | Parquet | CSV | Arrow stream | an answer (Arrow IPC) |\n|---|---|---|---|---|");
    let sql = QueryParams::sql("SELECT * FROM sih_rd WHERE SEXO = '1' ORDER BY N_AIH LIMIT 20000").uf(["AC"]);
    for level in LEVELS {
        let parquet = Parquet { zstd: level, overwrite: true, ..Parquet::to("a.parquet") };
        let parquet = least(|| drop(client.export(&params, parquet.clone()).unwrap()));
        let csv = Csv { zstd: Some(level), overwrite: true, ..Csv::to("a.csv.zst") };
        let csv = least(|| drop(client.export(&params, csv.clone()).unwrap()));
        let arrow = format!(r#"{{"arrow": {{"zstd": {level}}}}}"#);
        let streamed = least(|| assert!(stream(&arrow) > 0.0));
        let folder = place.path().join(format!("answers-{level}"));
        let kept = Config {
            cache_level: level,
            cache_folder: Some(folder.clone()),
            cache_entry_limit: 1 << 30,
            lake: Some(place.path().join("lake")),
            ..config(place.path())
        };
        let client = Client::open_with(source.path(), kept).unwrap();
        let time =
            |mode| least(|| client.query(&with(sql.clone(), mode)).unwrap().for_each(|batch| drop(batch.unwrap())));
        let (run, kept, given) = (time(CacheMode::Off), time(CacheMode::Refresh), time(CacheMode::Use));
        let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().metadata().unwrap().len() as f64 / 1e6;
        println!(
            "| {level} | {:.1} MB, {parquet:.2} s | {:.1} MB, {csv:.2} s | {:.1} MB, {streamed:.2} s | {file:.2} MB: run in {run:.2} s, kept in {:.2} s, given in {given:.3} s |",
            size("a.parquet"),
            size("a.csv.zst"),
            stream(&arrow),
            (kept - run).max(0.0),
        );
    }
}
