//! Arrow columns, filled field by field from records in the window, without an allocation per value.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Int32Array, Int64Array, NullBufferBuilder, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};

use super::batches::BadValues;
use super::values::{Read, bare, date, number, quick_date, quick_number, trimmed};
use super::{Field, OutputColumn};
use crate::base::{Error, Result};
use crate::catalog::{DateFormat, LogicalType};

/// Raw values that are kept of those that did not parse.
const SAMPLES: usize = 10;

pub(super) struct ColumnBuilder {
    offset: usize,
    width: usize,
    values: Values,
    nulls: NullBufferBuilder,
    /// Of the piece at hand.
    valid: Vec<bool>,
    rows: usize,
    /// Bytes of text that a batch is expected to hold.
    text: usize,
    pub(super) bad: BadValues,
}

enum Values {
    Text { bytes: Vec<u8>, ends: Vec<i32>, numeric: bool },
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Decimal { values: Vec<i128>, precision: u8, scale: u8, limit: i128 },
    Date { values: Vec<i32>, formats: Vec<DateFormat>, reference_year: u16 },
}

impl ColumnBuilder {
    pub(super) fn new(field: &Field, output: &OutputColumn, reference_year: u16, rows: usize) -> Self {
        let mut builder = ColumnBuilder {
            offset: field.offset,
            width: field.width,
            values: Values::of(field, &output.kind, reference_year),
            nulls: NullBufferBuilder::new(rows),
            valid: Vec::new(),
            rows,
            text: rows * field.width / 2,
            bad: BadValues { column: output.name.clone(), count: 0, samples: Vec::new() },
        };
        builder.reset();
        builder
    }

    /// Adds the field of each record that starts at `starts` in `window`; `first_row` numbers are for bad values.
    pub(super) fn extend(&mut self, window: &[u8], starts: &[(u32, u64)]) {
        let (offset, width) = (self.offset, self.width);
        let fields = starts.iter().map(|(start, row)| {
            let from = *start as usize + offset;
            (&window[from..from + width], *row)
        });
        let mut seen = Seen { valid: &mut self.valid, bad: &mut self.bad };
        seen.valid.clear();
        match &mut self.values {
            Values::Text { bytes, ends, numeric } => {
                bytes.reserve(starts.len() * width);
                for (start, _) in starts {
                    let from = *start as usize + offset;
                    let raw = &window[from..from + width];
                    let value = if *numeric { bare(raw) } else { trimmed(raw) };
                    // A field of blanks is NULL even where blanks lead.
                    seen.valid.push(!value.is_empty());
                    match window.get(from..).and_then(|rest| rest.first_chunk::<SHORT>()) {
                        Some(chunk) if !*numeric && value.len() <= SHORT => push_short(chunk, value.len(), bytes),
                        _ => push_latin1(value, bytes),
                    }
                    ends.push(bytes.len() as i32);
                }
            }
            Values::Int32(values) => values.extend(fields.map(|(raw, row)| match quick_number(raw, 0) {
                Some(number) if i32::try_from(number).is_ok() => seen.value(number as i32),
                _ => seen.settle(fit(number(raw, 0), |n| i32::try_from(n).ok()), raw, row),
            })),
            Values::Int64(values) => values.extend(fields.map(|(raw, row)| match quick_number(raw, 0) {
                Some(number) => seen.value(number),
                None => seen.settle(fit(number(raw, 0), |n| i64::try_from(n).ok()), raw, row),
            })),
            Values::Decimal { values, scale, limit, .. } => {
                let (scale, limit) = (usize::from(*scale), *limit);
                values.extend(fields.map(|(raw, row)| match quick_number(raw, scale) {
                    Some(number) if i128::from(number) < limit => seen.value(i128::from(number)),
                    _ => seen.settle(fit(number(raw, scale), |n| (n.abs() < limit).then_some(n)), raw, row),
                }));
            }
            Values::Date { values, formats, reference_year } => {
                let eight = formats.iter().find(|format| format.width() == 8).copied();
                values.extend(fields.map(|(raw, row)| match eight.and_then(|format| quick_date(raw, format)) {
                    Some(days) => seen.value(days),
                    None => seen.settle(date(raw, formats, *reference_year), raw, row),
                }));
            }
        }
        if self.valid.iter().all(|valid| *valid) {
            self.nulls.append_n_non_nulls(self.valid.len());
        } else {
            self.nulls.append_slice(&self.valid);
        }
    }

    /// The column, and a builder as good as new.
    pub(super) fn finish(&mut self) -> Result<ArrayRef> {
        let nulls = self.nulls.finish();
        // The next batch will be much like this one.
        self.rows = self.values.rows();
        let array: ArrayRef = match &mut self.values {
            Values::Text { bytes, ends, .. } => {
                let offsets = OffsetBuffer::new(ScalarBuffer::from(std::mem::take(ends)));
                self.text = bytes.len() + bytes.len() / 16;
                let text = Buffer::from_vec(std::mem::take(bytes));
                Arc::new(StringArray::try_new(offsets, text, nulls).map_err(Error::internal)?)
            }
            Values::Int32(values) => Arc::new(Int32Array::new(std::mem::take(values).into(), nulls)),
            Values::Int64(values) => Arc::new(Int64Array::new(std::mem::take(values).into(), nulls)),
            Values::Decimal { values, precision, scale, .. } => Arc::new(
                Decimal128Array::new(std::mem::take(values).into(), nulls)
                    .with_precision_and_scale(*precision, *scale as i8)
                    .map_err(Error::internal)?,
            ),
            Values::Date { values, .. } => Arc::new(Date32Array::new(std::mem::take(values).into(), nulls)),
        };
        self.reset();
        Ok(array)
    }

    fn reset(&mut self) {
        let rows = self.rows;
        match &mut self.values {
            Values::Text { bytes, ends, .. } => {
                bytes.reserve(self.text);
                ends.reserve(rows + 1);
                ends.push(0);
            }
            Values::Int32(values) | Values::Date { values, .. } => values.reserve(rows),
            Values::Int64(values) => values.reserve(rows),
            Values::Decimal { values, .. } => values.reserve(rows),
        }
    }
}

impl Values {
    fn of(field: &Field, kind: &LogicalType, reference_year: u16) -> Self {
        match kind {
            LogicalType::Text => Values::Text { bytes: Vec::new(), ends: Vec::new(), numeric: field.is_number() },
            LogicalType::Integer { digits: 0..=9 } => Values::Int32(Vec::new()),
            LogicalType::Integer { .. } => Values::Int64(Vec::new()),
            LogicalType::Decimal { precision, scale } => Values::Decimal {
                values: Vec::new(),
                precision: *precision,
                scale: *scale,
                limit: 10i128.checked_pow(u32::from(*precision)).unwrap_or(i128::MAX),
            },
            LogicalType::Date { formats } => {
                Values::Date { values: Vec::new(), formats: formats.clone(), reference_year }
            }
        }
    }
}

impl Values {
    fn rows(&self) -> usize {
        match self {
            Values::Text { ends, .. } => ends.len().saturating_sub(1),
            Values::Int32(values) | Values::Date { values, .. } => values.len(),
            Values::Int64(values) => values.len(),
            Values::Decimal { values, .. } => values.len(),
        }
    }
}

#[inline(always)]
fn fit<T>(read: Read<i128>, to: impl Fn(i128) -> Option<T>) -> Read<T> {
    match read {
        Read::Value(value) => to(value).map_or(Read::Bad, Read::Value),
        Read::Null => Read::Null,
        Read::Bad => Read::Bad,
    }
}

/// Which fields of a piece of the column hold a value, and those that did not parse.
struct Seen<'c> {
    valid: &'c mut Vec<bool>,
    bad: &'c mut BadValues,
}

impl Seen<'_> {
    #[inline(always)]
    fn value<T>(&mut self, value: T) -> T {
        self.valid.push(true);
        value
    }

    #[inline(always)]
    fn settle<T: Default>(&mut self, read: Read<T>, raw: &[u8], row: u64) -> T {
        match read {
            Read::Value(value) => return self.value(value),
            Read::Null => {}
            Read::Bad => {
                self.bad.count += 1;
                if self.bad.samples.len() < SAMPLES {
                    self.bad.samples.push((row, raw.iter().map(|byte| char::from(*byte)).collect()));
                }
            }
        }
        self.valid.push(false);
        T::default()
    }
}

/// Codes are short: a copy of a fixed size needs no call.
const SHORT: usize = 16;

/// The first `length` bytes of `chunk`, read as Latin-1.
#[inline(always)]
fn push_short(chunk: &[u8; SHORT], length: usize, into: &mut Vec<u8>) {
    let end = into.len() + length;
    let high = u128::from_le_bytes(*chunk) & 0x8080_8080_8080_8080_8080_8080_8080_8080;
    if length > 0 && high << (8 * (SHORT - length)) != 0 {
        push_latin1(&chunk[..length], into);
        return;
    }
    into.extend_from_slice(chunk);
    into.truncate(end);
}

/// Latin-1 gives every byte a character, so no byte can fail.
#[inline(always)]
fn push_latin1(value: &[u8], into: &mut Vec<u8>) {
    if value.is_ascii() {
        into.extend_from_slice(value);
        return;
    }
    for &byte in value {
        if byte < 0x80 {
            into.push(byte);
        } else {
            into.extend_from_slice(&[0xc0 | (byte >> 6), 0x80 | (byte & 0x3f)]);
        }
    }
}
