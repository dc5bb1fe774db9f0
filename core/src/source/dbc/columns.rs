//! Arrow columns, filled field by field from records in the window, without an allocation per value.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Int32Array, Int64Array, NullBufferBuilder, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};

use super::forms::{self, Normalised};
use super::odd_fields::OddField;
use super::values::{Read, bare, date, number, quick_date, quick_number, trimmed};
use super::{BadCell, BadValues, Encoding, Field, OutputColumn};
use crate::base::{Error, Result};
use crate::catalog::{DateFormat, LogicalType};

/// Raw values that are kept of those that did not parse.
pub(super) const SAMPLES: usize = 10;

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
    /// Of a field that is not text as it stands.
    odd: Option<OddField>,
    pub(super) bad: BadValues,
    /// Every value that did not parse since they were last taken, where somebody wants them.
    pub(super) bad_cells: Option<Vec<BadCell>>,
    /// Of a column whose codes have a form.
    pub(super) normalised: Option<Normalised>,
}

enum Values {
    Text { bytes: Vec<u8>, ends: Vec<i32>, numeric: bool, encoding: Encoding },
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Decimal { values: Vec<i128>, precision: u8, scale: u8, limit: i128 },
    Date { values: Vec<i32>, formats: Vec<DateFormat>, reference_year: u16 },
}

impl ColumnBuilder {
    pub(super) fn new(
        field: &Field,
        output: &OutputColumn,
        reference_year: u16,
        encoding: Encoding,
        rows: usize,
    ) -> Self {
        let odd = OddField::of(field, matches!(output.kind, LogicalType::Date { .. }));
        // What is written as text stands alone, at the start of its place.
        let (offset, width) = odd.as_ref().map_or((field.offset, field.width), |odd| (0, odd.text_width()));
        let mut builder = ColumnBuilder {
            offset,
            width,
            odd,
            values: Values::of(field, &output.kind, reference_year, encoding),
            nulls: NullBufferBuilder::new(rows),
            valid: Vec::new(),
            rows,
            text: rows * width / 2,
            bad: BadValues { column: output.name.clone(), count: 0, samples: Vec::new() },
            bad_cells: None,
            normalised: forms::of_field(output.form, field).map(|form| Normalised::new(&output.name, form)),
        };
        builder.reset();
        builder
    }

    /// Adds the field of each record that starts at `starts` in `window`; the first of them is row `first` of what is
    /// made of the file.
    pub(super) fn extend(&mut self, window: &[u8], starts: &[(u32, u64)], first: u64) {
        match self.odd.take() {
            None => self.extend_from(window, starts, first),
            Some(mut odd) => {
                odd.take(window, starts, first, &mut self.bad, self.bad_cells.as_mut());
                self.extend_from(&odd.window, &odd.starts, first);
                self.odd = Some(odd);
            }
        }
    }

    fn extend_from(&mut self, window: &[u8], starts: &[(u32, u64)], first: u64) {
        let (offset, width) = (self.offset, self.width);
        let fields = starts.iter().enumerate().map(|(index, (start, row))| {
            let from = *start as usize + offset;
            (&window[from..from + width], Place { index, row: *row })
        });
        self.fill(fields, starts.len(), first, |values, seen| match values {
            Values::Text { bytes, ends, numeric: false, .. } if width <= SHORT => {
                short_texts(window, starts, offset, width, bytes, ends, seen)
            }
            _ => false,
        });
    }

    /// Adds `rows` cells of any length, of which the first is row `first`; what is not there is an empty cell.
    pub(super) fn extend_cells<'c>(&mut self, cells: impl Iterator<Item = &'c [u8]>, rows: usize, first: u64) {
        let place = |(index, cell)| (cell, Place { index, row: first + index as u64 });
        self.fill(cells.enumerate().map(place), rows, first, |_, _| false);
    }

    /// `quick` may add all of them in its own way, or none.
    #[inline(always)]
    fn fill<'w>(
        &mut self,
        fields: impl Iterator<Item = (&'w [u8], Place)>,
        rows: usize,
        first: u64,
        quick: impl FnOnce(&mut Values, &mut Seen<'_>) -> bool,
    ) {
        self.valid.clear();
        self.valid.resize(rows, true);
        let cells = self.bad_cells.as_mut();
        let mut seen = Seen { valid: &mut self.valid, nulls: 0, bad: &mut self.bad, cells, first };
        let places = match &self.values {
            Values::Text { bytes, ends, .. } => (ends.len(), bytes.len()),
            _ => (0, 0),
        };
        if !quick(&mut self.values, &mut seen) {
            fill(&mut self.values, fields, &mut seen);
        }
        if let (Values::Text { bytes, ends, .. }, Some(normalised)) = (&mut self.values, &mut self.normalised) {
            forms::settle(normalised, places, bytes, ends);
        }
        if seen.nulls == 0 {
            self.nulls.append_n_non_nulls(rows);
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
    fn of(field: &Field, kind: &LogicalType, reference_year: u16, encoding: Encoding) -> Self {
        match kind {
            LogicalType::Text => {
                Values::Text { bytes: Vec::new(), ends: Vec::new(), numeric: field.is_number(), encoding }
            }
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
fn fill<'w>(values: &mut Values, fields: impl Iterator<Item = (&'w [u8], Place)>, seen: &mut Seen<'_>) {
    match values {
        Values::Text { bytes, ends, numeric, encoding } => texts(fields, *numeric, *encoding, bytes, ends, seen),
        Values::Int32(values) => values.extend(fields.map(|(raw, place)| match quick_number(raw, 0) {
            Some(number) if i32::try_from(number).is_ok() => number as i32,
            _ => seen.settle(fit(number(raw, 0), |n| i32::try_from(n).ok()), raw, place),
        })),
        Values::Int64(values) => values.extend(fields.map(|(raw, place)| match quick_number(raw, 0) {
            Some(number) => number,
            None => seen.settle(fit(number(raw, 0), |n| i64::try_from(n).ok()), raw, place),
        })),
        Values::Decimal { values, scale, limit, .. } => {
            let (scale, limit) = (usize::from(*scale), *limit);
            values.extend(fields.map(|(raw, place)| match quick_number(raw, scale) {
                Some(number) if i128::from(number) < limit => i128::from(number),
                _ => seen.settle(fit(number(raw, scale), |n| (n.abs() < limit).then_some(n)), raw, place),
            }));
        }
        Values::Date { values, formats, reference_year } => {
            let eight = formats.iter().find(|format| format.width() == 8).copied();
            values.extend(fields.map(|(raw, place)| match eight.and_then(|format| quick_date(raw, format)) {
                Some(days) => days,
                None => seen.settle(date(raw, formats, *reference_year), raw, place),
            }));
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

/// A field of the piece at hand, and the row in the file that it is of.
#[derive(Clone, Copy)]
struct Place {
    index: usize,
    row: u64,
}

/// Which fields of a piece of the column hold a value, and those that did not parse.
struct Seen<'c> {
    /// True until a field is seen to hold none.
    valid: &'c mut [bool],
    nulls: usize,
    bad: &'c mut BadValues,
    cells: Option<&'c mut Vec<BadCell>>,
    /// Row of the piece's first field in what is made of the file.
    first: u64,
}

impl Seen<'_> {
    fn null(&mut self, index: usize) {
        self.valid[index] = false;
        self.nulls += 1;
    }

    #[inline(always)]
    fn settle<T: Default>(&mut self, read: Read<T>, raw: &[u8], place: Place) -> T {
        match read {
            Read::Value(value) => return value,
            Read::Null => {}
            Read::Bad => {
                self.bad.count += 1;
                let shown = || shown(raw);
                if self.bad.samples.len() < SAMPLES {
                    self.bad.samples.push((place.row, shown()));
                }
                if let Some(cells) = &mut self.cells {
                    let row = self.first + place.index as u64;
                    cells.push(BadCell { row, source_row: place.row, value: shown() });
                }
            }
        }
        self.null(place.index);
        T::default()
    }
}

/// Codes are short: one word holds the field, and its blanks are seen at once.
const SHORT: usize = 16;
const HIGH_BITS: u128 = 0x8080_8080_8080_8080_8080_8080_8080_8080;
/// Blank and NUL have no bit besides.
const BLANK_BITS: u128 = 0x2020_2020_2020_2020_2020_2020_2020_2020;

/// Adds fields of at most [`SHORT`] bytes. False, with nothing added, where a byte is not ASCII.
fn short_texts(
    window: &[u8],
    starts: &[(u32, u64)],
    offset: usize,
    width: usize,
    bytes: &mut Vec<u8>,
    ends: &mut Vec<i32>,
    seen: &mut Seen<'_>,
) -> bool {
    let (first, mut end) = (bytes.len(), bytes.len());
    let of_field = u128::MAX.checked_shr(128 - 8 * width as u32).unwrap_or(0);
    let mut high = 0;
    bytes.resize(first + starts.len() * width + SHORT, 0);
    let places = ends.len();
    ends.extend(starts.iter().enumerate().map(|(index, (start, _))| {
        let from = *start as usize + offset;
        let word = match window.get(from..).and_then(|rest| rest.first_chunk::<SHORT>()) {
            Some(chunk) => u128::from_le_bytes(*chunk),
            None => {
                let mut chunk = [0; SHORT];
                chunk[..width].copy_from_slice(&window[from..from + width]);
                u128::from_le_bytes(chunk)
            }
        } & of_field;
        high |= word;
        let length = SHORT - (word & !BLANK_BITS).leading_zeros() as usize / 8;
        bytes[end..end + SHORT].copy_from_slice(&word.to_le_bytes());
        end += length;
        if length == 0 {
            // A field of blanks is NULL.
            seen.null(index);
        }
        end as i32
    }));
    let ascii = high & HIGH_BITS == 0;
    if !ascii {
        end = first;
        ends.truncate(places);
        seen.valid.fill(true);
        seen.nulls = 0;
    }
    bytes.truncate(end);
    ascii
}

/// Adds fields of any width and character.
fn texts<'w>(
    fields: impl Iterator<Item = (&'w [u8], Place)>,
    numeric: bool,
    encoding: Encoding,
    bytes: &mut Vec<u8>,
    ends: &mut Vec<i32>,
    seen: &mut Seen<'_>,
) {
    for (raw, place) in fields {
        let value = if numeric { bare(raw) } else { trimmed(raw) };
        if value.is_empty() {
            // A field of blanks is NULL even where blanks lead.
            seen.null(place.index);
        }
        if !encoding.push(value, bytes) {
            seen.settle(Read::<()>::Bad, raw, place);
        }
        ends.push(bytes.len() as i32);
    }
}

/// A raw value, for people: bytes that are not UTF-8 are read as Latin-1.
pub(super) fn shown(raw: &[u8]) -> String {
    match std::str::from_utf8(raw) {
        Ok(text) => text.to_owned(),
        Err(_) => raw.iter().map(|byte| char::from(*byte)).collect(),
    }
}
