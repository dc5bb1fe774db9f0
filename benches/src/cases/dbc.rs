//! DBC files: to DBF bytes, to a DBF file, to typed Parquet, to a few columns.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use datasus::source::dbc::{Layout, OutputColumn, ReadOptions, RecordFile, dbc_to_dbf};
use datasus::{Catalog, Client, Config, QueryParams};
use serde_json::{Value, json};

use super::versions;
use crate::arguments::Arguments;

const TIMES: usize = 15;

/// Memory to memory with the CRC on, on one thread: the best of several, as the C peer takes its own.
pub fn explode(arguments: &Arguments) -> Result<Value, String> {
    let bytes = read(&arguments.path("file")?)?;
    let (mut best, mut decoded, mut rows) = (f64::INFINITY, Vec::new(), 0);
    for _ in 0..TIMES {
        decoded.clear();
        let began = Instant::now();
        let summary = open(&bytes)?.write_dbf(&mut decoded, Path::new("memory")).map_err(said)?;
        best = best.min(began.elapsed().as_secs_f64());
        rows = summary.rows_read;
    }
    Ok(json!({"seconds": best, "rows": rows, "bytes": decoded.len(), "sums": {}, "versions": versions()}))
}

pub fn file(arguments: &Arguments) -> Result<Value, String> {
    let (from, to) = (arguments.path("file")?, arguments.path("out")?);
    let began = Instant::now();
    let summary = dbc_to_dbf(&from, &to, &ReadOptions::default()).map_err(said)?;
    let seconds = began.elapsed().as_secs_f64();
    let bytes = std::fs::metadata(&to).map_err(|error| error.to_string())?.len();
    Ok(json!({"seconds": seconds, "rows": summary.rows_read, "bytes": bytes, "sums": {}, "versions": versions()}))
}

/// One file into an empty lake.
pub fn parquet(arguments: &Arguments) -> Result<Value, String> {
    let out = arguments.path("out")?;
    let (seconds, rows, bytes) = convert(&[arguments.path("file")?], &out, 2)?;
    Ok(json!({"seconds": seconds, "rows": rows, "bytes": bytes, "sums": {}, "versions": versions()}))
}

/// Two files on two cores, against the same two on one.
pub fn two(arguments: &Arguments) -> Result<Value, String> {
    let files: Vec<PathBuf> = arguments.text("files")?.split(',').map(PathBuf::from).collect();
    let (mut two, mut one, mut rows) = (f64::INFINITY, f64::INFINITY, 0);
    for _ in 0..5 {
        for (threads, best) in [(1, &mut one), (2, &mut two)] {
            let out = tempfile::tempdir().map_err(|error| error.to_string())?;
            let (seconds, found, _) = convert(&files, out.path(), threads)?;
            *best = best.min(seconds);
            rows = found;
        }
    }
    Ok(json!({"seconds": two, "one_seconds": one, "rows": rows, "sums": {}, "versions": versions()}))
}

/// Eight columns to Arrow, against the bare explode (CRC on, nothing kept).
pub fn columns(arguments: &Arguments) -> Result<Value, String> {
    const EIGHT: [&str; 8] = ["N_AIH", "CNES", "MUNIC_RES", "SEXO", "DIAG_PRINC", "VAL_TOT", "DT_INTER", "IDADE"];
    let bytes = read(&arguments.path("file")?)?;
    let catalog = Catalog::builtin().dataset("SIH-RD").ok_or("no SIH-RD")?;
    let (mut eight, mut bare, mut rows) = (f64::INFINITY, f64::INFINITY, 0);
    for _ in 0..TIMES {
        for (names, best) in [(&EIGHT[..], &mut eight), (&[][..], &mut bare)] {
            let began = Instant::now();
            let file = open(&bytes)?;
            let fields =
                file.header().fields.iter().enumerate().filter(|(_, field)| names.contains(&field.name.as_str()));
            let columns: Vec<OutputColumn> = fields
                .filter_map(|(index, field)| {
                    let kind = catalog.column(&field.name)?.kind.clone();
                    Some(OutputColumn { field: index, name: field.name.clone(), kind, form: None })
                })
                .collect();
            if columns.len() != names.len() {
                return Err(format!("{} of the columns {names:?} are in the file", columns.len()));
            }
            let layout = Layout { columns, batch_rows: 65_536, filter: None, reference_year: 2024 };
            rows = 0;
            for batch in file.batches(layout).map_err(said)? {
                rows += batch.map_err(said)?.num_rows();
            }
            *best = best.min(began.elapsed().as_secs_f64());
        }
    }
    Ok(json!({"seconds": eight, "explode_seconds": bare, "rows": rows, "sums": {}, "versions": versions()}))
}

fn convert(files: &[PathBuf], out: &Path, threads: usize) -> Result<(f64, u64, u64), String> {
    let source = out.join("source");
    std::fs::create_dir_all(&source).map_err(|error| error.to_string())?;
    for file in files {
        let name = file.file_name().ok_or("expected a file")?;
        std::fs::copy(file, source.join(name)).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    let name = files.first().and_then(|file| file.file_name()).unwrap_or_default().to_string_lossy();
    let dataset = Catalog::builtin().identify(&name).ok_or_else(|| format!("{name}: not a DATASUS name"))?.dataset;
    let lake = out.join(format!("lake-{threads}"));
    let config = Config { lake: Some(lake), threads: Some(threads), ..Config::default() };
    let began = Instant::now();
    let client = Client::open_with(&source, config).map_err(said)?;
    let done = client.sync(&QueryParams::dataset(dataset.to_string())).map_err(said)?;
    Ok((began.elapsed().as_secs_f64(), done.rows, done.bytes))
}

fn open(bytes: &Arc<[u8]>) -> Result<RecordFile, String> {
    RecordFile::from_reader(Cursor::new(bytes.clone()), "file.dbc", &ReadOptions::default()).map_err(said)
}

fn read(path: &Path) -> Result<Arc<[u8]>, String> {
    std::fs::read(path).map(Into::into).map_err(|error| format!("{}: {error}", path.display()))
}

fn said(error: datasus::Error) -> String {
    error.to_json().to_string()
}
