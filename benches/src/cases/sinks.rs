//! Parquet files to a table, a CSV, a Parquet file.

use std::time::Instant;

use datasus::params::Options;
use datasus::sink::postgres::Mode;
use datasus::{Csv, Destination, Parquet, Postgres, QueryParams, Secret};
use serde_json::{Value, json};

use super::mode::InMode;
use super::versions;
use crate::arguments::Arguments;
use crate::job;

pub fn postgres(arguments: &Arguments) -> Result<Value, String> {
    load(arguments, job_of(arguments)?)
}

/// Whatever `params` asks for, to a table.
pub(super) fn load(arguments: &Arguments, params: QueryParams) -> Result<Value, String> {
    let table = Postgres {
        url: Some(Secret::new(arguments.text("url")?)),
        table: Some(arguments.text("table")?.to_owned()),
        mode: Mode::Replace,
        connections: arguments.number("connections", 2)?,
        indexes: Some(Vec::new()),
        // The clock ends at the commit, as for the peers, who do not analyse.
        analyze: arguments.number("analyze", 0)? == 1,
        ..Postgres::default()
    };
    export(arguments, None, params, table.into())
}

pub fn csv(arguments: &Arguments, zstd: Option<i32>) -> Result<Value, String> {
    let out = arguments.path("out")?;
    export(arguments, out.parent(), job_of(arguments)?, Csv { zstd, overwrite: true, ..Csv::to(name(&out)) }.into())
}

pub fn parquet(arguments: &Arguments) -> Result<Value, String> {
    let out = arguments.path("out")?;
    export(arguments, out.parent(), job_of(arguments)?, Parquet { overwrite: true, ..Parquet::to(name(&out)) }.into())
}

fn name(path: &std::path::Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn job_of(arguments: &Arguments) -> Result<QueryParams, String> {
    Ok(if arguments.number("all", 0)? == 1 { job::everything() } else { job::ten_ufs() })
}

fn export(
    arguments: &Arguments,
    output: Option<&std::path::Path>,
    params: QueryParams,
    to: Destination,
) -> Result<Value, String> {
    let data = arguments.path("data")?;
    let checkpoint_rows = match arguments.number("checkpoint", 0)? {
        0 => None,
        rows => Some(rows as u64),
    };
    let params = QueryParams { options: Options { checkpoint_rows, ..params.options.clone() }, ..params };
    let _mode = InMode::asked(arguments)?;
    let began = Instant::now();
    let client = job::client(&data, output, None).map_err(|error| error.to_json().to_string())?;
    let report = client.export(&params, [to]).map_err(|error| error.to_json().to_string())?;
    let seconds = began.elapsed().as_secs_f64();
    Ok(json!({
        "seconds": seconds,
        "rows": report.records_processed,
        "sums": {},
        "mode": report.mode,
        "peak_gb": report.performance.memory_peak_gb,
        "versions": versions(),
    }))
}
