//! Values of another type, written out as the text that a field would hold.

use std::fmt::Write;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Date64Type, Decimal128Type, Decimal256Type, DecimalType, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use chrono::{DateTime, Days, NaiveDate};

use crate::base::{Error, Result};

/// The cells of a column, one behind the other.
#[derive(Default)]
pub(super) struct Cells {
    text: String,
    ends: Vec<usize>,
}

impl Cells {
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.text.as_bytes()[start..*end])
    }

    /// Writes every value of `array`; a NULL, and a float that is no number, is an empty cell. False: it has a type that
    /// has no text here.
    pub(super) fn write(&mut self, array: &ArrayRef) -> Result<bool> {
        self.text.clear();
        self.ends.clear();
        match array.data_type() {
            DataType::Dictionary(_, values) => return self.write(&cast(array, values).map_err(Error::internal)?),
            DataType::Boolean => {
                let flags = array.as_boolean();
                (0..flags.len()).for_each(|row| {
                    if flags.is_valid(row) {
                        self.text.push(if flags.value(row) { '1' } else { '0' });
                    }
                    self.ends.push(self.text.len());
                });
            }
            DataType::Int8 => self.plain::<Int8Type>(array),
            DataType::Int16 => self.plain::<Int16Type>(array),
            DataType::Int32 => self.plain::<Int32Type>(array),
            DataType::Int64 => self.plain::<Int64Type>(array),
            DataType::UInt8 => self.plain::<UInt8Type>(array),
            DataType::UInt16 => self.plain::<UInt16Type>(array),
            DataType::UInt32 => self.plain::<UInt32Type>(array),
            DataType::UInt64 => self.plain::<UInt64Type>(array),
            DataType::Float32 => self.each::<Float32Type>(array, |text, value| match value {
                value if value.is_nan() => Ok(()),
                value if value.abs() > EXACT_32 => write!(text, "{value:e}"),
                value => write!(text, "{value}"),
            }),
            DataType::Float64 => self.each::<Float64Type>(array, |text, value| match value {
                value if value.is_nan() => Ok(()),
                value if value.abs() > EXACT_64 => write!(text, "{value:e}"),
                value => write!(text, "{value}"),
            }),
            DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
                let wide = cast(array, &DataType::Decimal128(*precision, *scale)).map_err(Error::internal)?;
                return self.write(&wide);
            }
            DataType::Decimal128(precision, scale) => {
                let (precision, scale) = (*precision, *scale);
                self.each::<Decimal128Type>(array, |text, value| {
                    write!(text, "{}", Decimal128Type::format_decimal(value, precision, scale))
                });
            }
            DataType::Decimal256(precision, scale) => {
                let (precision, scale) = (*precision, *scale);
                self.each::<Decimal256Type>(array, |text, value| {
                    write!(text, "{}", Decimal256Type::format_decimal(value, precision, scale))
                });
            }
            DataType::Date32 => self.each::<Date32Type>(array, |text, days| day(text, days.into())),
            DataType::Date64 => {
                self.each::<Date64Type>(array, |text, milliseconds| moment(text, milliseconds.saturating_mul(1000)));
            }
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                self.each::<TimestampMicrosecondType>(array, moment);
            }
            DataType::Timestamp(TimeUnit::Nanosecond, None) => {
                // What is less than a microsecond is no midnight.
                self.each::<arrow::datatypes::TimestampNanosecondType>(array, |text, nanoseconds| {
                    moment(text, nanoseconds.div_euclid(1000))?;
                    if nanoseconds % 1000 == 0 { Ok(()) } else { text.write_str("+") }
                });
            }
            DataType::Timestamp(TimeUnit::Second | TimeUnit::Millisecond, None) => {
                let other = DataType::Timestamp(TimeUnit::Microsecond, None);
                return self.write(&cast(array, &other).map_err(Error::internal)?);
            }
            DataType::Timestamp(unit, Some(zone)) if is_utc(zone) => {
                return self.write(&cast(array, &DataType::Timestamp(*unit, None)).map_err(Error::internal)?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn plain<T: ArrowPrimitiveType>(&mut self, array: &ArrayRef)
    where
        T::Native: std::fmt::Display,
    {
        self.each::<T>(array, |text, value| write!(text, "{value}"));
    }

    fn each<T: ArrowPrimitiveType>(
        &mut self,
        array: &ArrayRef,
        write: impl Fn(&mut String, T::Native) -> std::fmt::Result,
    ) {
        let values: &PrimitiveArray<T> = array.as_primitive();
        for row in 0..values.len() {
            if values.is_valid(row) {
                // Writing to a String does not fail.
                let _ = write(&mut self.text, values.value(row));
            }
            self.ends.push(self.text.len());
        }
    }
}

/// In another zone a midnight would be of another day.
pub(super) fn is_utc(zone: &str) -> bool {
    ["UTC", "Z", "+00:00", "Etc/UTC"].contains(&zone)
}

/// Beyond these a float stands for several whole numbers, and is written as none.
const EXACT_32: f32 = 16_777_216.0;
const EXACT_64: f64 = 9_007_199_254_740_992.0;

fn day(text: &mut String, days: i64) -> std::fmt::Result {
    let epoch = NaiveDate::default();
    let date = match u64::try_from(days) {
        Ok(after) => epoch.checked_add_days(Days::new(after)),
        Err(_) => epoch.checked_sub_days(Days::new(days.unsigned_abs())),
    };
    match date {
        Some(date) => write!(text, "{}", date.format("%Y-%m-%d")),
        None => write!(text, "{days} d"),
    }
}

/// A midnight is a day; another time stays beside it, and is no day.
fn moment(text: &mut String, microseconds: i64) -> std::fmt::Result {
    const DAY: i64 = 86_400_000_000;
    match (microseconds.rem_euclid(DAY), DateTime::from_timestamp_micros(microseconds)) {
        (0, _) => day(text, microseconds.div_euclid(DAY)),
        (_, Some(moment)) => write!(text, "{}", moment.naive_utc().format("%Y-%m-%d %H:%M:%S%.f")),
        (_, None) => write!(text, "{microseconds} µs"),
    }
}
