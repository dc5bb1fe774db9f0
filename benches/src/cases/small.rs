//! A query so small that everything but the engine shows.

use std::time::{Duration, Instant};

use duckdb::Connection;
use serde_json::{Value, json};

use super::versions;
use crate::arguments::Arguments;
use crate::job;

const TIMES: usize = 60;

/// Medians of the same question asked of ours (plan, job, report) and of the engine alone, in turn.
pub fn small_query(arguments: &Arguments) -> Result<Value, String> {
    let data = arguments.path("data")?;
    let said = |error: datasus::Error| error.to_json().to_string();
    let client = job::client(&data, None, None).map_err(said)?;
    let params = datasus::QueryParams::dataset("SIH-RD").uf(["AC"]).competencia("202301").group_by(["SEXO"]).aggregate(
        datasus::AggregateFn::Sum,
        "VAL_TOT",
        "valor",
    );
    let engine = Connection::open_in_memory().map_err(|error| error.to_string())?;
    let file = data.join("RDAC2301.parquet");
    let sql = format!("SELECT SEXO, sum(VAL_TOT) FROM read_parquet('{}') GROUP BY 1", file.display());
    let (mut ours, mut theirs, mut rows) = (Vec::new(), Vec::new(), 0);
    for _ in 0..TIMES {
        let began = Instant::now();
        let mut answer = client.query(&params).map_err(said)?;
        let batches = answer.by_ref().collect::<datasus::Result<Vec<_>>>().map_err(said)?;
        answer.report().map_err(said)?;
        ours.push(began.elapsed());
        rows = batches.iter().map(|batch| batch.num_rows()).sum::<usize>();
        let began = Instant::now();
        let mut statement = engine.prepare(&sql).map_err(|error| error.to_string())?;
        let found = statement.query_arrow([]).map_err(|error| error.to_string())?;
        let found: usize = found.map(|batch| batch.num_rows()).sum();
        theirs.push(began.elapsed());
        if found != rows {
            return Err(format!("{rows} rows, the engine alone has {found}"));
        }
    }
    Ok(json!({
        "seconds": median(&mut ours),
        "engine_seconds": median(&mut theirs),
        "rows": rows,
        "sums": {},
        "versions": versions(),
    }))
}

pub(super) fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64)
}
