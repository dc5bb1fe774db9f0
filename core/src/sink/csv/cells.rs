//! One column of a chunk, under its type: chosen once per chunk, appended row by row.

use std::io::Write;

use ::arrow::array::*;
use ::arrow::compute::cast;
use ::arrow::datatypes::*;

use super::digits;
use crate::base::{Error, Result};

/// A column ready to be written.
pub struct Column {
    pub nulls: Option<::arrow::buffer::NullBuffer>,
    pub cells: Cells,
}

pub enum Cells {
    Null,
    Text(StringArray),
    LargeText(LargeStringArray),
    TextView(StringViewArray),
    Bool(BooleanArray),
    Int32(Int32Array),
    Int64(Int64Array),
    UInt64(UInt64Array),
    Float32(Float32Array),
    Float64(Float64Array),
    Decimal(Decimal128Array, i8),
    BigDecimal(Decimal256Array, i8),
    Date(Date32Array),
    DateMillis(Int64Array),
    Time { units: Int64Array, per_second: i64 },
    Instant { units: Int64Array, per_second: i64, zoned: bool },
    Bytes(LargeBinaryArray),
}

/// Whether a column of this type can be written.
pub fn writable(kind: &DataType) -> bool {
    use DataType::*;
    match kind {
        Dictionary(_, value) => !matches!(**value, Dictionary(..)) && writable(value),
        Null | Utf8 | LargeUtf8 | Utf8View | Boolean | Binary | LargeBinary | BinaryView | FixedSizeBinary(_) => true,
        Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64 => true,
        Float16 | Float32 | Float64 | Date32 | Date64 | Time32(_) | Time64(_) | Timestamp(..) => true,
        Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..) => true,
        _ => false,
    }
}

fn per_second(unit: &TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

impl Column {
    pub fn new(array: &ArrayRef) -> Result<Self> {
        let as_type = |kind: DataType| cast(array, &kind).map_err(Error::internal);
        let cells = match array.data_type() {
            DataType::Dictionary(_, value) => return Column::new(&as_type(value.as_ref().clone())?),
            DataType::Null => Cells::Null,
            DataType::Utf8 => Cells::Text(array.as_string().clone()),
            DataType::LargeUtf8 => Cells::LargeText(array.as_string().clone()),
            DataType::Utf8View => Cells::TextView(array.as_string_view().clone()),
            DataType::Boolean => Cells::Bool(array.as_boolean().clone()),
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => {
                Cells::Int32(as_type(DataType::Int32)?.as_primitive().clone())
            }
            DataType::Int64 | DataType::UInt32 => Cells::Int64(as_type(DataType::Int64)?.as_primitive().clone()),
            DataType::UInt64 => Cells::UInt64(array.as_primitive().clone()),
            DataType::Float16 | DataType::Float32 => Cells::Float32(as_type(DataType::Float32)?.as_primitive().clone()),
            DataType::Float64 => Cells::Float64(array.as_primitive().clone()),
            DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
                Cells::Decimal(as_type(DataType::Decimal128(*precision, *scale))?.as_primitive().clone(), *scale)
            }
            DataType::Decimal128(_, scale) => Cells::Decimal(array.as_primitive().clone(), *scale),
            DataType::Decimal256(_, scale) => Cells::BigDecimal(array.as_primitive().clone(), *scale),
            DataType::Date32 => Cells::Date(array.as_primitive().clone()),
            DataType::Date64 => Cells::DateMillis(units(array.to_data())?),
            DataType::Time32(unit) => {
                let wide = cast(&as_type(DataType::Int32)?, &DataType::Int64).map_err(Error::internal)?;
                Cells::Time { units: wide.as_primitive().clone(), per_second: per_second(unit) }
            }
            DataType::Time64(unit) => Cells::Time { units: units(array.to_data())?, per_second: per_second(unit) },
            DataType::Timestamp(unit, zone) => {
                Cells::Instant { units: units(array.to_data())?, per_second: per_second(unit), zoned: zone.is_some() }
            }
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
                Cells::Bytes(as_type(DataType::LargeBinary)?.as_binary().clone())
            }
            other => return Err(Error::internal(format!("a column of type {other} reached the CSV encoder"))),
        };
        Ok(Column { nulls: array.logical_nulls().filter(|nulls| nulls.null_count() > 0), cells })
    }
}

/// The 64-bit numbers under a date or time type.
fn units(data: ArrayData) -> Result<Int64Array> {
    let data = data.into_builder().data_type(DataType::Int64).build().map_err(Error::internal)?;
    Ok(Int64Array::from(data))
}

/// `true` for the bytes that make a text need quotes.
pub type Special = [bool; 256];

pub fn text(value: &[u8], special: &Special, out: &mut Vec<u8>) {
    if value.is_empty() {
        out.extend_from_slice(b"\"\"");
    } else if !value.iter().any(|byte| special[usize::from(*byte)]) {
        out.extend_from_slice(value);
    } else {
        out.push(b'"');
        for (i, part) in value.split(|byte| *byte == b'"').enumerate() {
            if i > 0 {
                out.extend_from_slice(b"\"\"");
            }
            out.extend_from_slice(part);
        }
        out.push(b'"');
    }
}

impl Cells {
    /// Appends the value at `row`, which is not NULL.
    #[inline]
    pub fn append(&self, row: usize, point: u8, special: &Special, out: &mut Vec<u8>) {
        match self {
            Cells::Null => {}
            Cells::Text(a) => text(a.value(row).as_bytes(), special, out),
            Cells::LargeText(a) => text(a.value(row).as_bytes(), special, out),
            Cells::TextView(a) => text(a.value(row).as_bytes(), special, out),
            Cells::Bool(a) => out.extend_from_slice(if a.value(row) { b"true" } else { b"false" }),
            Cells::Int32(a) => digits::signed(i64::from(a.value(row)), out),
            Cells::Int64(a) => digits::signed(a.value(row), out),
            Cells::UInt64(a) => digits::unsigned(a.value(row), out),
            Cells::Float32(a) => float(a.value(row), point, out),
            Cells::Float64(a) => float(a.value(row), point, out),
            Cells::Decimal(a, scale) => digits::decimal(a.value(row), *scale, point, out),
            Cells::BigDecimal(a, scale) => {
                let whole = a.value(row).to_string();
                let unsigned = whole.strip_prefix('-').unwrap_or(&whole);
                digits::place_point(unsigned.len() < whole.len(), unsigned.as_bytes(), *scale, point, out);
            }
            Cells::Date(a) => digits::date(i64::from(a.value(row)), out),
            Cells::DateMillis(a) => match a.value(row) {
                // Arrow wants whole days here; what isn't one is shown as it is.
                whole if whole.rem_euclid(86_400_000) == 0 => digits::date(whole.div_euclid(86_400_000), out),
                odd => digits::instant(odd, 1_000, out),
            },
            Cells::Time { units, per_second } => digits::time(units.value(row), *per_second, b'.', out),
            Cells::Instant { units, per_second, zoned } => {
                digits::instant(units.value(row), *per_second, out);
                if *zoned {
                    out.push(b'Z');
                }
            }
            Cells::Bytes(a) => {
                // Empty bytes are not NULL.
                let bytes = a.value(row);
                if bytes.is_empty() {
                    out.extend_from_slice(b"\"\"");
                }
                out.extend_from_slice(hex::encode(bytes).as_bytes());
            }
        }
    }
}

/// The shortest text that reads back as the same number.
fn float(value: impl std::fmt::Debug, point: u8, out: &mut Vec<u8>) {
    let start = out.len();
    // Writing to a Vec doesn't fail.
    let _ = write!(out, "{value:?}");
    if point != b'.'
        && let Some(dot) = out[start..].iter_mut().find(|byte| **byte == b'.')
    {
        *dot = point;
    }
}
