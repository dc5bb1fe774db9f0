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
        LogicalType::Integer { digits: 0 } => value.as_bool().map(|flag| Scalar::Integer(flag.into())),
        LogicalType::Integer { .. } => value.as_i64().map(Scalar::Integer),
        LogicalType::Decimal { precision, scale } => {
            decimal(value).filter(|digits| comparable(digits, *precision, *scale)).map(Scalar::Decimal)
        }
        LogicalType::Date { .. } => value.as_str().and_then(date).map(Scalar::Date),
    };
    read.ok_or_else(|| {
        let (expected, example, advice) = expectation(kind);
        let Text { pt, en } = too_long(kind, value).unwrap_or(advice);
        let came = value_words(value);
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
        LogicalType::Integer { digits: 0 } => {
            ("boolean", "true", text!("esperado true ou false", "expected true or false"))
        }
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

/// Digits of the widest exact number.
const MOST_DIGITS: usize = 38;

/// Whether the value and the column's values fit one exact type, in which they are compared.
fn comparable(digits: &str, precision: u8, scale: u8) -> bool {
    let digits = digits.trim_start_matches('-');
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0').len().max(usize::from(precision.saturating_sub(scale)));
    whole + fraction.len().max(usize::from(scale)) <= MOST_DIGITS
}

/// Where the value is a number, and only too long.
fn too_long(kind: &LogicalType, value: &Value) -> Option<Text> {
    let text = match value {
        Value::String(text) => text.trim().replace(',', "."),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let digits = text.trim_start_matches('-');
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match kind {
        LogicalType::Integer { .. } if value.as_f64().is_some_and(|number| number.fract() == 0.0) => Some(text!(
            "esperado um inteiro de até 19 algarismos (entre -9223372036854775808 e 9223372036854775807)",
            "expected an integer of at most 19 digits (between -9223372036854775808 and 9223372036854775807)"
        )),
        LogicalType::Decimal { precision, scale } if is_number && digits.matches('.').count() <= 1 => {
            let decimals = MOST_DIGITS - usize::from(precision.saturating_sub(*scale));
            Some(text!(
                "o número é longo demais para ser comparado sem arredondar: até {MOST_DIGITS} algarismos, {decimals} depois da vírgula",
                "the number is too long to be compared without rounding: at most {MOST_DIGITS} digits, {decimals} after the point"
            ))
        }
        LogicalType::Decimal { .. } if value.is_number() => Some(text!(
            "esperado um número decimal sem expoente, com todos os algarismos e entre aspas",
            "expected a decimal number without an exponent, with all its digits and in quotes"
        )),
        _ => None,
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_that_is_only_too_long_is_told_so_and_never_called_no_number() {
        let money = LogicalType::Decimal { precision: 14, scale: 2 };
        let said = |kind: &LogicalType, value: Value| scalar("VAL_TOT", kind, &value).unwrap_err().detail.pt;
        for fits in ["1234.56", "0.00000000000000000000000001", &"9".repeat(36)] {
            assert!(scalar("VAL_TOT", &money, &json!(fits)).is_ok(), "{fits}");
        }
        for long in ["9".repeat(37), format!("0.{}1", "0".repeat(30)), "1".repeat(60)] {
            assert!(said(&money, json!(long)).contains("até 38 algarismos, 26 depois da vírgula"), "{long}");
        }
        assert!(said(&money, json!(1e30)).contains("sem expoente"));
        assert!(said(&money, json!("1.2.3")).contains("esperado um número decimal"));
        let whole = LogicalType::Integer { digits: 3 };
        assert!(said(&whole, json!(1e20)).contains("até 19 algarismos"));
        assert!(said(&whole, json!(36.6)).contains("esperado um número inteiro"));
    }
}
