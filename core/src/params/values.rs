//! From a JSON value to a scalar of a column's type, or to the sentence that says what was expected.

use chrono::NaiveDate;
use serde_json::Value;

use crate::base::{Code, Problem, Text, text, value_words};
use crate::catalog::LogicalType;

use super::{BindValue, Scalar};

/// Reads `value` for a condition on `column`.
pub(super) fn scalar(column: &str, kind: &LogicalType, value: &Value) -> Result<Scalar, Box<Problem>> {
    let read = match kind {
        LogicalType::Text => value.as_str().map(|s| Scalar::Text(s.to_owned())),
        LogicalType::Integer { .. } => value.as_i64().map(Scalar::Integer),
        LogicalType::Decimal { .. } => decimal(value).map(Scalar::Decimal),
        LogicalType::Date { .. } => value.as_str().and_then(date).map(Scalar::Date),
    };
    read.ok_or_else(|| {
        let (expected, example, advice) = expectation(kind);
        let (came, pt, en) = (value_words(value), advice.pt, advice.en);
        let (came_pt, came_en) = (came.pt, came.en);
        Box::new(
            Problem::new(
                Code::InvalidParams,
                text!(
                    "{column}: {pt}, por exemplo {example}; recebido {came_pt}",
                    "{column}: {en}, for example {example}; received {came_en}"
                ),
            )
            .with("column", column)
            .with("expected_format", expected)
            .with("received", value.clone())
            .with("valid_examples", vec![example]),
        )
    })
}

fn expectation(kind: &LogicalType) -> (&'static str, &'static str, Text) {
    match kind {
        LogicalType::Text => (
            "text",
            "\"03\"",
            text!(
                "esperado um texto (códigos são texto, com os zeros à esquerda e entre aspas)",
                "expected a text (codes are text, with their leading zeros, in quotes)"
            ),
        ),
        LogicalType::Integer { .. } => {
            ("integer", "17", text!("esperado um número inteiro", "expected a whole number"))
        }
        LogicalType::Decimal { .. } => {
            ("decimal", "\"1234.56\"", text!("esperado um número decimal", "expected a decimal number"))
        }
        LogicalType::Date { .. } => (
            "YYYY-MM-DD",
            "\"2024-01-31\"",
            text!("esperada uma data (ano, mês e dia)", "expected a date (year, month and day)"),
        ),
    }
}

/// The value of a parameter of SQL; none for lists and objects. A number with a fraction stays exact, as written.
pub(super) fn bind_value(value: &Value) -> Option<BindValue> {
    Some(match value {
        Value::Null => BindValue::Null,
        Value::Bool(bool) => BindValue::Boolean(*bool),
        Value::String(text) => BindValue::Text(text.clone()),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => BindValue::Integer(integer),
            None => BindValue::Decimal(decimal(value)?),
        },
        Value::Array(_) | Value::Object(_) => return None,
    })
}

/// Digits with at most one point, as they came: never through a float when the value came as text.
fn decimal(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().replace(',', "."),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    (all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty()) && digits.len() <= 38)
        .then_some(text)
}

fn date(text: &str) -> Option<i32> {
    let format = if text.len() == 8 { "%Y%m%d" } else { "%Y-%m-%d" };
    let day = NaiveDate::parse_from_str(text, format).ok()?;
    i32::try_from(day.signed_duration_since(NaiveDate::default()).num_days()).ok()
}
