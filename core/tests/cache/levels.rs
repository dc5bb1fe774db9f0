//! What a level of zstd costs and saves: prints the table of `docs/cache.md`.

use std::time::Instant;

use datasus::source::write_example_data;
use datasus::{CacheMode, Client, Config, Csv, Parquet, QueryParams};
use tempfile::TempDir;

use crate::{ask, config, with};

const LEVELS: [i32; 5] = [1, 3, 6, 9, 19];

#[test]
#[ignore = "half a minute of measuring"]
fn levels() {
    let (place, source) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    write_example_data(source.path(), 30_000).unwrap();
    let client = Client::open_with(source.path(), config(place.path())).unwrap();
    let params = QueryParams::dataset("SIH-RD").uf(["AC"]);
    let plain = client.export(&params, Csv::to("plain.csv")).unwrap();
    let bytes = |name: &str| std::fs::metadata(place.path().join("out").join(name)).unwrap().len() as f64 / 1e6;
    println!("{} rows, CSV without zstd {:.1} MB", plain.records_processed, bytes("plain.csv"));
    println!("| level | Parquet | CSV | an answer (Arrow IPC) |\n|---|---|---|---|");
    let sql = QueryParams::sql("SELECT * FROM sih_rd WHERE SEXO = '1' ORDER BY N_AIH LIMIT 20000").uf(["AC"]);
    for level in LEVELS {
        let mut took = Vec::new();
        let mut sizes = Vec::new();
        for kind in ["parquet", "csv"] {
            let name = format!("{level}.{kind}");
            let began = Instant::now();
            match kind {
                "parquet" => client.export(&params, Parquet { zstd: level, ..Parquet::to(&name) }).unwrap(),
                _ => client.export(&params, Csv { zstd: Some(level), ..Csv::to(&name) }).unwrap(),
            };
            took.push(began.elapsed());
            sizes.push(bytes(&name));
        }
        let folder = place.path().join(format!("answers-{level}"));
        let kept = Config {
            cache_level: level.min(19),
            cache_folder: Some(folder.clone()),
            cache_entry_limit: 1 << 30,
            lake: Some(place.path().join("lake")),
            ..config(place.path())
        };
        let client = Client::open_with(source.path(), kept).unwrap();
        ask(&client, &with(sql.clone(), CacheMode::Off));
        let time = |params: &QueryParams| {
            let began = Instant::now();
            client.query(params).unwrap().for_each(drop);
            began.elapsed()
        };
        let (run, miss, hit) = (time(&with(sql.clone(), CacheMode::Off)), time(&sql), time(&sql));
        let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().metadata().unwrap().len() as f64 / 1e6;
        println!(
            "| {level} | {:.1} MB, {:.2} s | {:.1} MB, {:.2} s | {file:.2} MB: run in {:.2} s, kept in {:.2} s, given in {:.2} s |",
            sizes[0],
            took[0].as_secs_f64(),
            sizes[1],
            took[1].as_secs_f64(),
            run.as_secs_f64(),
            miss.saturating_sub(run).as_secs_f64(),
            hit.as_secs_f64()
        );
    }
}
