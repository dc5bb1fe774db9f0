//! Rows to the host as an Arrow stream, freely and under a budget.

use std::time::Instant;

use arrow::array::AsArray;
use arrow::datatypes::{Decimal128Type, Int64Type};
use datasus::{Client, QueryParams};
use serde_json::{Value, json};

use super::versions;
use crate::arguments::Arguments;
use crate::job;

pub fn stream(arguments: &Arguments) -> Result<Value, String> {
    take(arguments, &job::everything(), None)
}

pub fn under_budget(arguments: &Arguments) -> Result<Value, String> {
    let budget = (arguments.number("budget", 256)? as u64) << 20;
    let params = match arguments.text("query")? {
        "stream" => job::everything(),
        "sort" => job::everything().order_by("N_AIH", false),
        "distinct" => QueryParams::sql("SELECT count(*) AS n FROM (SELECT DISTINCT N_AIH FROM sih_rd)"),
        "group" => QueryParams::sql(
            "SELECT UF_ZI, substr(DIAG_PRINC, 1, 3) AS cid, ANO_CMPT, count(*) AS n, sum(VAL_TOT) AS VAL_TOT \
             FROM sih_rd GROUP BY ALL",
        ),
        other => return Err(format!("query: expected stream, sort, distinct or group, received {other:?}")),
    };
    take(arguments, &params, Some(budget))
}

pub(super) fn take(arguments: &Arguments, params: &QueryParams, budget: Option<u64>) -> Result<Value, String> {
    take_beside(arguments, params, budget, |_| ())
}

/// What `beside` makes of the client stays until the last row is taken.
pub(super) fn take_beside<B>(
    arguments: &Arguments,
    params: &QueryParams,
    budget: Option<u64>,
    beside: impl FnOnce(&Client) -> B,
) -> Result<Value, String> {
    let data = arguments.path("data")?;
    let began = Instant::now();
    let client = job::client(&data, None, budget).map_err(|error| error.to_json().to_string())?;
    let beside = beside(&client);
    let mut answer = client.query(params).map_err(|error| error.to_json().to_string())?;
    let (mut rows, mut bytes, mut cents, mut first) = (0u64, 0u64, 0i128, None);
    let mut counted = None;
    for batch in answer.by_ref() {
        let batch = batch.map_err(|error| error.to_json().to_string())?;
        first.get_or_insert_with(|| began.elapsed().as_secs_f64());
        rows += batch.num_rows() as u64;
        bytes += batch.get_array_memory_size() as u64;
        if let Some(counts) = batch.column_by_name("n").filter(|_| batch.num_columns() == 1) {
            counted = counts.as_primitive_opt::<Int64Type>().map(|counts| counts.values().iter().sum::<i64>());
        }
        if let Some(money) = batch.column_by_name("VAL_TOT") {
            cents += money.as_primitive::<Decimal128Type>().values().iter().sum::<i128>();
        }
    }
    answer.report().map_err(|error| error.to_json().to_string())?;
    let seconds = began.elapsed().as_secs_f64();
    drop(beside);
    let mut sums = json!({"VAL_TOT": job::money(cents)});
    if let Some(counted) = counted {
        sums["n"] = json!(counted.to_string());
    }
    Ok(json!({
        "seconds": seconds,
        "rows": rows,
        "bytes": bytes,
        "first_batch": first,
        "sums": sums,
        "versions": versions(),
    }))
}
