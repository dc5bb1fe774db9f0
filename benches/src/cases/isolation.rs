//! The same SQL in the process and in one of its own: how much later the answer comes.

use std::time::{Duration, Instant};

use datasus::{Client, Config, Isolation, QueryParams};
use serde_json::{Value, json};

use super::small::median;
use super::versions;
use crate::arguments::Arguments;

/// Medians of both, in turn. `query`: `small`, an answer of a few rows, or `rows`, all of the data; `worker`: the one of a package, without
/// which this program is its own; `pause`: milliseconds between two statements, in which a service's next worker starts.
pub fn isolation(arguments: &Arguments) -> Result<Value, String> {
    let said = |error: datasus::Error| error.to_json().to_string();
    let data = arguments.path("data")?;
    let worker = arguments.path("worker").ok();
    let open = |isolation| {
        let worker = worker.clone();
        let config =
            Config { isolation, worker, cache_memory: 0, language: datasus::Language::En, ..Config::default() };
        Client::open_with(&data, config)
    };
    let (here, there) = (open(Isolation::None).map_err(said)?, open(Isolation::Process).map_err(said)?);
    let (params, times) = match arguments.text("query")? {
        "small" => {
            let sql = QueryParams::sql("SELECT SEXO, sum(VAL_TOT) AS valor FROM sih_rd GROUP BY 1");
            (sql.uf(["AC"]).competencia("202301"), 40)
        }
        "rows" => (QueryParams::sql("SELECT N_AIH, CNES, DIAG_PRINC, IDADE, VAL_TOT FROM sih_rd"), 5),
        other => return Err(format!("query: expected small or rows, received {other:?}")),
    };
    let pause = Duration::from_millis(arguments.number("pause", 0)? as u64);
    let ask = |client: &Client| -> Result<(Duration, usize), String> {
        std::thread::sleep(pause);
        let began = Instant::now();
        let mut answer = client.query(&params).map_err(said)?;
        let rows =
            answer.by_ref().try_fold(0, |rows, batch| batch.map(|batch| rows + batch.num_rows())).map_err(said)?;
        answer.report().map_err(said)?;
        Ok((began.elapsed(), rows))
    };
    let (mut ours, mut isolated, mut rows) = (Vec::new(), Vec::new(), 0);
    for _ in 0..times {
        let (took, found) = ask(&here)?;
        ours.push(took);
        rows = found;
        let (took, found) = ask(&there)?;
        isolated.push(took);
        if found != rows {
            return Err(format!("{rows} rows in the process, {found} in one of its own"));
        }
    }
    Ok(json!({
        "seconds": median(&mut ours),
        "isolated_seconds": median(&mut isolated),
        "rows": rows,
        "sums": {},
        "versions": versions(),
    }))
}
