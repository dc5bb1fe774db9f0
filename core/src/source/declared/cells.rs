//! Values of a CSV in the types that the caller named: exact, or refused.

use arrow::array::{ArrayRef, Date32Builder, Decimal128Builder, Int64Builder, StringBuilder};
use arrow::datatypes::DataType;
use chrono::NaiveDate;
use std::sync::Arc;

/// The values of a column, as they come.
pub(super) enum Cells {
    Text(StringBuilder),
    Integer(Int64Builder),
    Decimal(Decimal128Builder, u8, u8),
    Date(Date32Builder),
}

impl Cells {
    pub(super) fn of(kind: &DataType) -> Self {
        match kind {
            DataType::Int64 => Cells::Integer(Int64Builder::new()),
            DataType::Date32 => Cells::Date(Date32Builder::new()),
            DataType::Decimal128(precision, scale) => {
                let builder = Decimal128Builder::new().with_data_type(kind.clone());
                Cells::Decimal(builder, *precision, scale.unsigned_abs())
            }
            _ => Cells::Text(StringBuilder::new()),
        }
    }

    /// Text is taken as it is; of other types blanks around a value do not count, and nothing is NULL. False: it is no such value.
    pub(super) fn add(&mut self, value: &str) -> bool {
        let bare = value.trim();
        match self {
            Cells::Text(texts) if value.is_empty() => texts.append_null(),
            Cells::Text(texts) => texts.append_value(value),
            Cells::Integer(numbers) if bare.is_empty() => numbers.append_null(),
            Cells::Integer(numbers) => match bare.parse() {
                Ok(number) => numbers.append_value(number),
                Err(_) => return false,
            },
            Cells::Decimal(numbers, ..) if bare.is_empty() => numbers.append_null(),
            Cells::Decimal(numbers, precision, scale) => match decimal(bare, *precision, *scale) {
                Some(number) => numbers.append_value(number),
                None => return false,
            },
            Cells::Date(days) if bare.is_empty() => days.append_null(),
            Cells::Date(days) => match day(bare) {
                Some(day) => days.append_value(day),
                None => return false,
            },
        }
        true
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        match self {
            Cells::Text(texts) => Arc::new(texts.finish()),
            Cells::Integer(numbers) => Arc::new(numbers.finish()),
            Cells::Decimal(numbers, ..) => Arc::new(numbers.finish()),
            Cells::Date(days) => Arc::new(days.finish()),
        }
    }
}

/// `1.000` may be a thousand: three digits are a fraction only where the type has so many.
fn may_be_thousands(whole: &str, part: &str, scale: u8) -> bool {
    part.len() == 3 && scale < 3 && whole.len() <= 3 && !whole.trim_start_matches('0').is_empty()
}

/// Whether the one fault of a value is that its sign may stand for thousands, so that it is refused by a type that could hold it.
pub(super) fn is_ambiguous(value: &str, kind: &DataType) -> bool {
    let DataType::Decimal128(_, scale) = kind else { return false };
    let digits = value.trim().trim_start_matches(['-', '+']);
    digits.split_once(['.', ',']).is_some_and(|(whole, part)| {
        [whole, part].iter().all(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            && may_be_thousands(whole, part, scale.unsigned_abs())
    })
}

/// `1234.5`, `1234,50`, `-7`; None where a digit would be lost, or a sign stands for thousands.
fn decimal(text: &str, precision: u8, scale: u8) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, part) = digits.split_once(['.', ',']).unwrap_or((digits, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && part.is_empty() || !is_number(whole) || !is_number(part) {
        return None;
    }
    if may_be_thousands(whole, part, scale) {
        return None;
    }
    // Noughts at the end say nothing.
    let part = part.trim_end_matches('0');
    let whole = whole.trim_start_matches('0');
    let scale = usize::from(scale);
    if part.len() > scale || whole.len() + scale > usize::from(precision) {
        return None;
    }
    let number: i128 = format!("0{whole}{part}{}", "0".repeat(scale - part.len())).parse().ok()?;
    Some(if negative { -number } else { number })
}

/// Days since 1970 of `2024-01-31`, `20240131` or `31/01/2024`.
fn day(text: &str) -> Option<i32> {
    let parts = |sign: char| -> Option<[&str; 3]> { text.split(sign).collect::<Vec<_>>().try_into().ok() };
    let number = |text: &str, width: usize| -> Option<u32> {
        let fits = text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| text.parse().ok()).flatten()
    };
    let (year, month, day) = if let Some([year, month, day]) = parts('-') {
        (year, month, day)
    } else if let Some([day, month, year]) = parts('/') {
        (year, month, day)
    } else {
        (text.get(..4)?, text.get(4..6)?, text.get(6..)?)
    };
    let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    i32::try_from((date - NaiveDate::default()).num_days()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_exact_or_none() {
        for (text, expected) in [
            ("1234,50", Some(123_450)),
            ("1234.5", Some(123_450)),
            ("-0,05", Some(-5)),
            ("7", Some(700)),
            ("0007.1000", Some(710)),
            (",5", Some(50)),
            ("1.234,50", None),
            ("1.000", None),
            ("12,500", None),
            ("0,100", Some(10)),
            ("0,005", None),
            ("1e3", None),
            ("", None),
            (".", None),
            ("123456789", None),
        ] {
            assert_eq!(decimal(text, 10, 2), expected, "{text}");
            let ambiguous = ["1.000", "12,500"].contains(&text);
            assert_eq!(is_ambiguous(text, &DataType::Decimal128(10, 2)), ambiguous, "{text}");
            assert!(!is_ambiguous(text, &DataType::Decimal128(10, 3)));
        }
        assert_eq!(decimal(&"9".repeat(38), 38, 0), Some(10_i128.pow(38) - 1));
    }

    #[test]
    fn a_day_is_read_in_three_forms_and_no_other() {
        for text in ["2024-01-31", "20240131", "31/01/2024"] {
            assert_eq!(day(text), Some(19_753), "{text}");
        }
        for text in ["2024-02-30", "31/1/2024", "01/31/2024", "2024", "202401311", "2024-01-31T00:00:00", "", "áéí"]
        {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
