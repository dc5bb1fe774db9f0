//! How one column goes over.

use ::arrow::array::{Array, ArrayRef, AsArray};
use ::arrow::compute::cast;
use ::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};

use super::block::{Block, nulls};
use super::numeric::{self, POW10};
use super::target::*;
use crate::base::{Text, text};

/// Row, value and reason.
pub(super) type Refused = (usize, String, Text);

/// Days from 1970-01-01 to 2000-01-01.
const EPOCH_DAYS: i64 = 10_957;
const EPOCH_MICROS: i64 = EPOCH_DAYS * 86_400_000_000;
/// Dates from 4713 BC to 5874897 AD, in days from 2000-01-01.
const DATES: std::ops::Range<i64> = -2_451_545..2_145_031_949;
/// Times from 4713 BC to 294276 AD, in microseconds from 2000-01-01.
const TIMES: std::ops::Range<i64> = -211_813_488_000_000_000..9_223_371_331_200_000_000;

#[derive(Debug)]
pub(super) enum Codec {
    Null,
    Bool,
    Text {
        characters: Option<usize>,
    },
    Bytes,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric(Numeric),
    Date,
    Time,
    Timestamp,
    Interval,
    /// Other strings, as views or behind a dictionary: turned into plain ones first.
    ThroughText {
        characters: Option<usize>,
        plain: Option<ArrayRef>,
    },
}

#[derive(Debug)]
pub(super) struct Numeric {
    scale: u8,
    /// The target drops digits: values must be multiples of this.
    step: Option<i128>,
    /// The target has less room: magnitudes must be below this.
    below: Option<u128>,
    lengths: Vec<u8>,
    ready: Vec<u8>,
}

/// Runs `$body` with the values of an array of integers of any width.
macro_rules! with_integers {
    ($array:expr, $values:ident => $body:expr) => {
        match $array.data_type() {
            DataType::Int8 => {
                let $values = $array.as_primitive::<Int8Type>().values();
                $body
            }
            DataType::Int16 => {
                let $values = $array.as_primitive::<Int16Type>().values();
                $body
            }
            DataType::Int32 => {
                let $values = $array.as_primitive::<Int32Type>().values();
                $body
            }
            DataType::Int64 => {
                let $values = $array.as_primitive::<Int64Type>().values();
                $body
            }
            DataType::UInt8 => {
                let $values = $array.as_primitive::<UInt8Type>().values();
                $body
            }
            DataType::UInt16 => {
                let $values = $array.as_primitive::<UInt16Type>().values();
                $body
            }
            DataType::UInt32 => {
                let $values = $array.as_primitive::<UInt32Type>().values();
                $body
            }
            DataType::UInt64 => {
                let $values = $array.as_primitive::<UInt64Type>().values();
                $body
            }
            _ => {
                let $values = $array.as_primitive::<Decimal128Type>().values();
                $body
            }
        }
    };
}

impl Codec {
    /// None: the target does not take the type, or could change a value.
    pub fn between(from: &DataType, to: &Target) -> Option<Self> {
        use DataType as D;
        let whole = matches!(from, D::Decimal128(_, 0)) || from.is_integer();
        Some(match (from, to.oid) {
            (D::Null, _) => Codec::Null,
            (D::Boolean, BOOL) => Codec::Bool,
            (D::Utf8, TEXT | VARCHAR | BPCHAR) => Codec::Text { characters: to.characters() },
            (D::LargeUtf8 | D::Utf8View, TEXT | VARCHAR | BPCHAR) => {
                Codec::ThroughText { characters: to.characters(), plain: None }
            }
            (D::Dictionary(_, values), TEXT | VARCHAR | BPCHAR)
                if matches!(**values, D::Utf8 | D::LargeUtf8 | D::Utf8View) =>
            {
                Codec::ThroughText { characters: to.characters(), plain: None }
            }
            (D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_), BYTEA) => Codec::Bytes,
            (_, INT2) if whole => Codec::Int2,
            (_, INT4) if whole => Codec::Int4,
            (_, INT8) if whole => Codec::Int8,
            (_, NUMERIC) if whole => Codec::Numeric(Numeric::new(0, to)),
            (D::Decimal128(_, scale), NUMERIC) => Codec::Numeric(Numeric::new(u8::try_from(*scale).ok()?, to)),
            (D::Float32, FLOAT4) => Codec::Float4,
            (D::Float32 | D::Float64, FLOAT8) => Codec::Float8,
            (D::Date32, DATE) => Codec::Date,
            (D::Timestamp(_, None), TIMESTAMP) | (D::Timestamp(_, Some(_)), TIMESTAMPTZ) => Codec::Timestamp,
            (D::Time32(_) | D::Time64(_), TIME) => Codec::Time,
            (D::Interval(_), INTERVAL) => Codec::Interval,
            _ => return None,
        })
    }

    /// First pass: the fields' sizes.
    pub fn size(&mut self, array: &ArrayRef, block: &mut Block) -> Result<(), Refused> {
        match self {
            Codec::Null => block.size_fixed(array, 0),
            Codec::Bool => block.size_fixed(array, 1),
            Codec::Int2 => block.size_fixed(array, 2),
            Codec::Int4 | Codec::Float4 | Codec::Date => block.size_fixed(array, 4),
            Codec::Int8 | Codec::Float8 | Codec::Time | Codec::Timestamp => block.size_fixed(array, 8),
            Codec::Interval => block.size_fixed(array, 16),
            Codec::Text { characters } => size_text(array, *characters, block)?,
            Codec::ThroughText { characters, plain } => {
                let slice = array.slice(block.rows.start, block.rows.len());
                let slice = cast(&slice, &DataType::Utf8).map_err(|error| {
                    (
                        block.rows.start,
                        String::new(),
                        text!("não há como escrevê-lo como texto", "it cannot be written as text: {error}"),
                    )
                })?;
                let plain = plain.insert(slice);
                let (first, rows) = (block.rows.start, block.rows.clone());
                block.rows = 0..rows.len();
                let sized = size_text(plain, *characters, block);
                block.rows = rows;
                sized.map_err(|(row, value, why)| (row + first, value, why))?;
            }
            Codec::Bytes => match array.data_type() {
                DataType::Binary => {
                    let offsets = array.as_binary::<i32>().value_offsets();
                    block.size_varying(array, |row| (offsets[row + 1] - offsets[row]) as usize);
                }
                DataType::LargeBinary => {
                    let offsets = array.as_binary::<i64>().value_offsets();
                    block.size_varying(array, |row| (offsets[row + 1] - offsets[row]) as usize);
                }
                DataType::BinaryView => block.size_varying(array, |row| array.as_binary_view().value(row).len()),
                _ => block.size_varying(array, |row| array.as_fixed_size_binary().value(row).len()),
            },
            Codec::Numeric(numeric) => numeric.size(array, block)?,
        }
        Ok(())
    }

    /// Second pass: the fields.
    #[allow(clippy::unnecessary_fallible_conversions, clippy::useless_conversion, reason = "one text for every width")]
    pub fn write(&mut self, array: &ArrayRef, block: &mut Block, out: &mut [u8]) -> Result<(), Refused> {
        match self {
            // Every row is NULL, though the array may say so by its type alone.
            Codec::Null => block.write_nulls(out),
            Codec::Bool => {
                let values = array.as_boolean().values();
                block.write_fixed(array, out, |row| Ok([u8::from(values.value(row))]))
            }
            Codec::Text { .. } => {
                let strings = array.as_string::<i32>();
                let (offsets, bytes) = (strings.value_offsets(), strings.value_data());
                block.write_bytes(array, out, |row| &bytes[offsets[row] as usize..offsets[row + 1] as usize]);
                Ok(())
            }
            Codec::ThroughText { plain, .. } => {
                let Some(plain) = plain.take() else { return Ok(()) };
                let strings = plain.as_string::<i32>();
                let rows = block.rows.clone();
                block.rows = 0..rows.len();
                block.write_bytes(&plain, out, |row| strings.value(row).as_bytes());
                block.rows = rows;
                Ok(())
            }
            Codec::Bytes => {
                match array.data_type() {
                    DataType::Binary => block.write_bytes(array, out, |row| array.as_binary::<i32>().value(row)),
                    DataType::LargeBinary => block.write_bytes(array, out, |row| array.as_binary::<i64>().value(row)),
                    DataType::BinaryView => block.write_bytes(array, out, |row| array.as_binary_view().value(row)),
                    _ => block.write_bytes(array, out, |row| array.as_fixed_size_binary().value(row)),
                }
                Ok(())
            }
            Codec::Int2 => with_integers!(array, values => block.write_fixed(array, out, |row| {
                i16::try_from(values[row]).map(i16::to_be_bytes).map_err(|_| too_large(array, row, "smallint"))
            })),
            Codec::Int4 => match array.data_type() {
                DataType::Int32 => {
                    let values = array.as_primitive::<Int32Type>().values();
                    block.write_fixed(array, out, |row| Ok(values[row].to_be_bytes()))
                }
                _ => with_integers!(array, values => block.write_fixed(array, out, |row| {
                    i32::try_from(values[row]).map(i32::to_be_bytes).map_err(|_| too_large(array, row, "integer"))
                })),
            },
            Codec::Int8 => match array.data_type() {
                DataType::Int64 => {
                    let values = array.as_primitive::<Int64Type>().values();
                    block.write_fixed(array, out, |row| Ok(values[row].to_be_bytes()))
                }
                _ => with_integers!(array, values => block.write_fixed(array, out, |row| {
                    i64::try_from(values[row]).map(i64::to_be_bytes).map_err(|_| too_large(array, row, "bigint"))
                })),
            },
            Codec::Float4 => {
                let values = array.as_primitive::<Float32Type>().values();
                block.write_fixed(array, out, |row| Ok(values[row].to_be_bytes()))
            }
            Codec::Float8 => match array.data_type() {
                DataType::Float32 => {
                    let values = array.as_primitive::<Float32Type>().values();
                    block.write_fixed(array, out, |row| Ok(f64::from(values[row]).to_be_bytes()))
                }
                _ => {
                    let values = array.as_primitive::<Float64Type>().values();
                    block.write_fixed(array, out, |row| Ok(values[row].to_be_bytes()))
                }
            },
            Codec::Numeric(numeric) => {
                block.write_ready(&numeric.lengths, &numeric.ready, out);
                Ok(())
            }
            Codec::Date => {
                let values = array.as_primitive::<Date32Type>().values();
                block.write_fixed(array, out, |row| {
                    let days = i64::from(values[row]) - EPOCH_DAYS;
                    if !DATES.contains(&days) {
                        return Err(too_large(array, row, "date"));
                    }
                    Ok((days as i32).to_be_bytes())
                })
            }
            Codec::Time => write_time(array, block, out),
            Codec::Timestamp => write_timestamp(array, block, out),
            Codec::Interval => write_interval(array, block, out),
        }
    }
}

impl Numeric {
    fn new(scale: u8, to: &Target) -> Self {
        let (mut step, mut below) = (None, None);
        if let Some((precision, kept)) = to.numeric_limits() {
            let dropped = i32::from(scale) - kept;
            step = usize::try_from(dropped)
                .ok()
                .filter(|d| *d > 0)
                .map(|d| POW10.get(d).map_or(i128::MAX, |p| *p as i128));
            // Digits before the point that the target has, and those after it that the value has.
            let room = precision as i32 - kept + i32::from(scale);
            below = match usize::try_from(room) {
                Ok(room) => POW10.get(room).copied(),
                Err(_) => Some(1),
            };
        }
        Numeric { scale, step, below, lengths: Vec::new(), ready: Vec::new() }
    }

    #[allow(clippy::useless_conversion, reason = "one text for every width")]
    fn size(&mut self, array: &ArrayRef, block: &mut Block) -> Result<(), Refused> {
        self.lengths.clear();
        self.ready.clear();
        with_integers!(array, values => {
            let nulls = nulls(array);
            for row in block.rows.clone() {
                if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                    self.ready.extend_from_slice(&(-1i32).to_be_bytes());
                    self.lengths.push(4);
                    continue;
                }
                let value = i128::from(values[row]);
                if self.step.is_some_and(|step| value % step != 0) {
                    return Err(refused(array, row, text!(
                        "a coluna do destino tem menos casas decimais e arredondaria",
                        "the target's column has fewer decimals and would round"
                    )));
                }
                if self.below.is_some_and(|below| value.unsigned_abs() >= below) {
                    return Err(too_large(array, row, "numeric"));
                }
                self.lengths.push(numeric::append(value, self.scale, &mut self.ready));
            }
        });
        block.size_ready(&self.lengths);
        Ok(())
    }
}

fn size_text(array: &ArrayRef, characters: Option<usize>, block: &mut Block) -> Result<(), Refused> {
    let strings = array.as_string::<i32>();
    let offsets = strings.value_offsets();
    block.size_varying(array, |row| (offsets[row + 1] - offsets[row]) as usize);
    let rows = block.rows.clone();
    let bytes = &strings.value_data()[offsets[rows.start] as usize..offsets[rows.end] as usize];
    // One search for the whole block; the row is looked for only where there is one.
    if memchr::memchr(0, bytes).is_some()
        && let Some(row) = rows.clone().find(|row| strings.is_valid(*row) && strings.value(*row).contains('\0'))
    {
        return Err(refused(
            array,
            row,
            text!("o PostgreSQL não guarda o byte NUL em texto", "PostgreSQL does not store the byte NUL in text"),
        ));
    }
    if let Some(limit) = characters
        && let Some(row) =
            rows.clone().find(|row| strings.is_valid(*row) && strings.value(*row).chars().count() > limit)
    {
        return Err(refused(
            array,
            row,
            text!(
                "a coluna do destino guarda até {limit} caracteres",
                "the target's column holds up to {limit} characters"
            ),
        ));
    }
    Ok(())
}

fn write_time(array: &ArrayRef, block: &mut Block, out: &mut [u8]) -> Result<(), Refused> {
    match array.data_type() {
        DataType::Time32(TimeUnit::Second) => {
            let values = array.as_primitive::<Time32SecondType>().values();
            block.write_fixed(array, out, |row| Ok((i64::from(values[row]) * 1_000_000).to_be_bytes()))
        }
        DataType::Time32(_) => {
            let values = array.as_primitive::<Time32MillisecondType>().values();
            block.write_fixed(array, out, |row| Ok((i64::from(values[row]) * 1_000).to_be_bytes()))
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            let values = array.as_primitive::<Time64MicrosecondType>().values();
            block.write_fixed(array, out, |row| Ok(values[row].to_be_bytes()))
        }
        _ => {
            let values = array.as_primitive::<Time64NanosecondType>().values();
            block.write_fixed(array, out, |row| match values[row] % 1_000 {
                0 => Ok((values[row] / 1_000).to_be_bytes()),
                _ => Err(too_fine(array, row)),
            })
        }
    }
}

fn write_timestamp(array: &ArrayRef, block: &mut Block, out: &mut [u8]) -> Result<(), Refused> {
    let since_2000 = |micros: Option<i64>, row: usize| {
        let micros = micros.and_then(|micros| micros.checked_sub(EPOCH_MICROS)).filter(|micros| TIMES.contains(micros));
        micros.map(i64::to_be_bytes).ok_or_else(|| too_large(array, row, "timestamp"))
    };
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => {
            let values = array.as_primitive::<TimestampSecondType>().values();
            block.write_fixed(array, out, |row| since_2000(values[row].checked_mul(1_000_000), row))
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            let values = array.as_primitive::<TimestampMillisecondType>().values();
            block.write_fixed(array, out, |row| since_2000(values[row].checked_mul(1_000), row))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let values = array.as_primitive::<TimestampMicrosecondType>().values();
            block.write_fixed(array, out, |row| since_2000(Some(values[row]), row))
        }
        _ => {
            let values = array.as_primitive::<TimestampNanosecondType>().values();
            block.write_fixed(array, out, |row| match values[row] % 1_000 {
                0 => since_2000(Some(values[row] / 1_000), row),
                _ => Err(too_fine(array, row)),
            })
        }
    }
}

fn write_interval(array: &ArrayRef, block: &mut Block, out: &mut [u8]) -> Result<(), Refused> {
    let field = |micros: i64, days: i32, months: i32| {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&micros.to_be_bytes());
        bytes[8..12].copy_from_slice(&days.to_be_bytes());
        bytes[12..].copy_from_slice(&months.to_be_bytes());
        bytes
    };
    match array.data_type() {
        DataType::Interval(IntervalUnit::YearMonth) => {
            let values = array.as_primitive::<IntervalYearMonthType>().values();
            block.write_fixed(array, out, |row| Ok(field(0, 0, values[row])))
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            let values = array.as_primitive::<IntervalDayTimeType>().values();
            block.write_fixed(array, out, |row| {
                Ok(field(i64::from(values[row].milliseconds) * 1_000, values[row].days, 0))
            })
        }
        _ => {
            let values = array.as_primitive::<IntervalMonthDayNanoType>().values();
            block.write_fixed(array, out, |row| {
                let value = values[row];
                match value.nanoseconds % 1_000 {
                    0 => Ok(field(value.nanoseconds / 1_000, value.days, value.months)),
                    _ => Err(too_fine(array, row)),
                }
            })
        }
    }
}

fn too_large(array: &ArrayRef, row: usize, kind: &str) -> Refused {
    refused(array, row, text!("o valor não cabe em {kind}", "the value does not fit {kind}"))
}

fn too_fine(array: &ArrayRef, row: usize) -> Refused {
    refused(
        array,
        row,
        text!(
            "o PostgreSQL guarda microssegundos, e o valor tem nanossegundos",
            "PostgreSQL stores microseconds, and the value has nanoseconds"
        ),
    )
}

fn refused(array: &ArrayRef, row: usize, why: Text) -> Refused {
    let value = ::arrow::util::display::array_value_to_string(array, row).unwrap_or_default();
    (row, value.chars().take(80).collect(), why)
}
