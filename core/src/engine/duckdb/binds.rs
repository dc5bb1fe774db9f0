//! From our bound values to DuckDB's, in the order of its placeholders.

use duckdb::Statement;
use duckdb::types::{Decimal, Value};

use crate::params::BindValue;
use crate::plan::Binds;

pub(super) fn in_order(statement: &Statement<'_>, binds: &Binds) -> duckdb::Result<Vec<Value>> {
    match binds {
        Binds::Positional(texts) => Ok(texts.iter().map(|text| Value::Text(text.clone())).collect()),
        Binds::Named(values) => (1..=statement.parameter_count())
            .map(|index| {
                let name = statement.parameter_name(index)?;
                values.get(&name).map(value).ok_or(duckdb::Error::InvalidParameterName(name))
            })
            .collect(),
    }
}

fn value(bind: &BindValue) -> Value {
    match bind {
        BindValue::Null => Value::Null,
        BindValue::Boolean(bool) => Value::Boolean(*bool),
        BindValue::Integer(number) => Value::BigInt(*number),
        BindValue::Text(text) => Value::Text(text.clone()),
        BindValue::Decimal(digits) => decimal(digits).unwrap_or_else(|| Value::Text(digits.clone())),
    }
}

/// `-12.50` as DECIMAL(4,2); none where it has more than 38 digits.
fn decimal(digits: &str) -> Option<Value> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let scaled: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = u8::try_from(fraction.len()).ok()?;
    let width = u8::try_from(scaled.unsigned_abs().to_string().len()).ok()?.max(scale).max(1);
    Decimal::new(width, scale, scaled).ok().map(Value::Decimal)
}
