//! The values of a column of a batch, as they are counted: text, or a whole number that stands for any other.

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;
use chrono::NaiveDate;

/// How a column's values are held while they are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    Text,
    /// Whole numbers, flags, days, decimals in their units, and floats by the order of their bits.
    Number,
}

pub(super) fn held(kind: &DataType) -> Held {
    match kind {
        DataType::Boolean | DataType::Date32 | DataType::Decimal128(..) | DataType::Float32 | DataType::Float64 => {
            Held::Number
        }
        kind if kind.is_integer() => Held::Number,
        _ => Held::Text,
    }
}

/// A column of a batch.
pub(super) enum Cells {
    Text(StringArray),
    Number(Vec<i128>, ArrayRef),
}

impl Cells {
    pub fn of(array: &ArrayRef) -> Result<Self, ArrowError> {
        macro_rules! whole {
            ($type:ty) => {
                array.as_primitive::<$type>().values().iter().map(|value| i128::from(*value)).collect()
            };
        }
        let numbers: Vec<i128> = match array.data_type() {
            DataType::Int8 => whole!(Int8Type),
            DataType::Int16 => whole!(Int16Type),
            DataType::Int32 => whole!(Int32Type),
            DataType::Int64 => whole!(Int64Type),
            DataType::UInt8 => whole!(UInt8Type),
            DataType::UInt16 => whole!(UInt16Type),
            DataType::UInt32 => whole!(UInt32Type),
            DataType::UInt64 => whole!(UInt64Type),
            DataType::Date32 => whole!(Date32Type),
            DataType::Decimal128(..) => whole!(Decimal128Type),
            DataType::Boolean => array.as_boolean().values().iter().map(i128::from).collect(),
            DataType::Float32 | DataType::Float64 => {
                let floats = cast(array, &DataType::Float64)?;
                floats.as_primitive::<Float64Type>().values().iter().map(|value| ordered(*value)).collect()
            }
            _ => {
                let texts = cast(array, &DataType::Utf8)?;
                return Ok(Cells::Text(texts.as_string::<i32>().clone()));
            }
        };
        Ok(Cells::Number(numbers, array.clone()))
    }
}

/// The bits of a float in the order of the numbers; -0 is 0.
fn ordered(value: f64) -> i128 {
    let bits = (value + 0.0).to_bits() as i64;
    i128::from(if bits < 0 { i64::MIN - bits } else { bits })
}

fn float(ordered: i128) -> f64 {
    let bits = ordered as i64;
    f64::from_bits(if bits < 0 { i64::MIN - bits } else { bits } as u64)
}

/// A number as answers write its column's type.
pub(super) fn shown(kind: &DataType, number: i128) -> String {
    match kind {
        DataType::Boolean => (number != 0).to_string(),
        DataType::Date32 => {
            let day = i32::try_from(number).ok().and_then(NaiveDate::from_epoch_days);
            day.map_or_else(|| number.to_string(), |day| day.to_string())
        }
        DataType::Decimal128(_, scale) if *scale > 0 => {
            let (scale, digits) = (*scale as usize, number.unsigned_abs().to_string());
            let digits = format!("{digits:0>width$}", width = scale + 1);
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            format!("{}{whole}.{fraction}", if number < 0 { "-" } else { "" })
        }
        DataType::Float32 | DataType::Float64 => float(number).to_string(),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_answers_write_them() {
        assert_eq!(shown(&DataType::Decimal128(14, 2), 5), "0.05");
        assert_eq!(shown(&DataType::Decimal128(14, 2), -123_456), "-1234.56");
        assert_eq!(shown(&DataType::Date32, 19_737), "2024-01-15");
        assert_eq!(shown(&DataType::Boolean, 1), "true");
        let floats = [-1e300, -1.5, 0.0, 0.25, 3.0, f64::MAX];
        let kept = floats.map(ordered);
        assert!(kept.is_sorted(), "{kept:?}");
        assert_eq!(kept.map(float), floats);
        assert_eq!(ordered(-0.0), ordered(0.0));
    }
}
