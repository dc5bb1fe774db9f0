//! A folder of thousands of files, of which a query wants one.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use datasus::source::dbc::{DbcWriter, WriteOptions};
use datasus::{Client, Config, QueryParams};
use serde_json::{Value, json};

use super::versions;
use crate::arguments::Arguments;

const TIMES: usize = 40;
const UFS: [&str; 27] = [
    "AC", "AL", "AM", "AP", "BA", "CE", "DF", "ES", "GO", "MA", "MG", "MS", "MT", "PA", "PB", "PE", "PI", "PR", "RJ",
    "RN", "RO", "RR", "RS", "SC", "SE", "SP", "TO",
];
/// A folder that was changed a moment ago is read by every query.
const SETTLES: Duration = Duration::from_secs(4);

/// Medians, warm, of what a query of one UF and month takes until it is planned and queued, and of what a program takes that lists the
/// folder and asks the system for each file.
pub fn planning(arguments: &Arguments) -> Result<Value, String> {
    let wanted = arguments.number("files", 6_000)?;
    let place = tempfile::tempdir().map_err(|error| error.to_string())?;
    let source = place.path().join("source");
    let files = write(&source, wanted).map_err(|error| error.to_string())?;
    let said = |error: datasus::Error| error.to_json().to_string();
    let config = Config { lake: Some(place.path().join("lake")), cache_memory: 0, ..Config::default() };
    let client = Client::open_with(&source, config).map_err(said)?;
    let params = QueryParams::dataset("SIH-RD").uf(["AC"]).competencia("200801");
    std::thread::sleep(SETTLES);
    let (mut ours, mut theirs, mut rows) = (Vec::new(), Vec::new(), 0);
    for _ in 0..TIMES {
        let began = Instant::now();
        let pending = client.begin_query(&params).map_err(said)?;
        ours.push(began.elapsed());
        let answer = pending.wait().map_err(said)?;
        rows = answer.map(|batch| batch.map_or(0, |batch| batch.num_rows())).sum::<usize>();
        let began = Instant::now();
        let found = listed(&source).map_err(|error| error.to_string())?;
        theirs.push(began.elapsed());
        if found != files {
            return Err(format!("{files} files were written, {found} found"));
        }
    }
    // The first queries read the folder and sort its names.
    let (first, warm) = ours.split_at_mut(2);
    Ok(json!({
        "seconds": median(warm),
        "first_seconds": first[0].as_secs_f64(),
        "listing_seconds": median(&mut theirs),
        "rows": rows,
        "sums": {},
        "versions": versions(),
    }))
}

/// So many months of all UFs from 2008-01 on, one record each.
fn write(source: &Path, wanted: usize) -> datasus::Result<usize> {
    let at = |error, path: &Path| datasus::Error::io(error, path);
    std::fs::create_dir(source).map_err(|error| at(error, source))?;
    let first = source.join("RDAC0801.dbc");
    let fields = [("N_AIH", b'C', 13, 0), ("UF_ZI", b'C', 6, 0)];
    let file = File::create(&first).map_err(|error| at(error, &first))?;
    let mut writer = DbcWriter::create(file, &fields, WriteOptions::default())?;
    writer.write(&["1200000000001", "120000"])?;
    writer.finish()?;
    let names = (0..wanted.div_ceil(UFS.len()))
        .flat_map(|month| UFS.iter().map(move |uf| format!("RD{uf}{:02}{:02}.dbc", 8 + month / 12, month % 12 + 1)));
    let mut files = 0;
    for path in names.take(wanted).map(|name| source.join(name)) {
        files += 1;
        if path != first {
            std::fs::copy(&first, &path).map_err(|error| at(error, &path))?;
        }
    }
    Ok(files)
}

/// What a program without an index does.
fn listed(source: &Path) -> std::io::Result<usize> {
    let mut last = SystemTime::UNIX_EPOCH;
    let mut files = 0;
    for entry in std::fs::read_dir(source)? {
        let path = entry?.path();
        // By path, as whoever opens them does.
        last = last.max(std::fs::metadata(&path)?.modified()?);
        files += usize::from(path.extension().is_some_and(|extension| extension == "dbc"));
    }
    std::hint::black_box(last);
    Ok(files)
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64)
}
