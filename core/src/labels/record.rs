//! The columns of records that a derived column is made of, whatever type each has.

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, DictionaryArray, Int32Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Date32Type, Int32Type, Int64Type};
use arrow::error::ArrowError;

use super::tokens::latin1;
use crate::columnar::dictionary_type;

/// A column, or what stands in all of its rows.
#[derive(Debug, Clone)]
pub enum Input {
    /// A value for each row.
    Array(ArrayRef),
    /// The same text in all rows.
    Text(String),
    /// Nothing in any row.
    Null,
}

/// The same, typed.
pub(super) enum Cells<'a> {
    Text(&'a StringArray),
    /// Texts behind a dictionary.
    Coded(&'a DictionaryArray<Int32Type>, &'a StringArray),
    Int32(&'a Int32Array),
    Int64(&'a Int64Array),
    Date(&'a Date32Array),
    Same(&'a str),
    Null,
}

/// Columns of the same rows, in the order in which a derived column names them.
pub(super) struct Record<'a>(Vec<Cells<'a>>);

impl<'a> Record<'a> {
    /// Every array must be of text (also behind a dictionary), a whole number or a day.
    pub fn of(inputs: &'a [Input]) -> Result<Self, ArrowError> {
        let cells = |input: &'a Input| match input {
            Input::Text(text) => Ok(Cells::Same(text)),
            Input::Null => Ok(Cells::Null),
            Input::Array(array) => match array.data_type() {
                DataType::Utf8 => Ok(Cells::Text(array.as_string())),
                DataType::Int32 => Ok(Cells::Int32(array.as_primitive::<Int32Type>())),
                DataType::Int64 => Ok(Cells::Int64(array.as_primitive::<Int64Type>())),
                DataType::Date32 => Ok(Cells::Date(array.as_primitive::<Date32Type>())),
                DataType::Null => Ok(Cells::Null),
                kind if *kind == dictionary_type() => {
                    let codes = array.as_dictionary::<Int32Type>();
                    Ok(Cells::Coded(codes, codes.values().as_string()))
                }
                other => Err(ArrowError::InvalidArgumentError(format!("a derived column of a column of {other}"))),
            },
        };
        inputs.iter().map(cells).collect::<Result<Vec<_>, _>>().map(Record)
    }

    pub fn cells(&self, at: usize) -> &Cells<'a> {
        self.0.get(at).unwrap_or(&Cells::Null)
    }

    /// The text of a column; none where it is no text.
    pub fn text(&self, at: usize, row: usize) -> Option<&'a str> {
        match self.cells(at) {
            Cells::Text(array) => array.is_valid(row).then(|| array.value(row)),
            Cells::Coded(codes, values) => {
                let at = codes.key(row)?;
                values.is_valid(at).then(|| values.value(at))
            }
            Cells::Same(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number, also one that is held as text.
    pub fn number(&self, at: usize, row: usize) -> Option<i64> {
        match self.cells(at) {
            Cells::Int32(array) => array.is_valid(row).then(|| i64::from(array.value(row))),
            Cells::Int64(array) => array.is_valid(row).then(|| array.value(row)),
            _ => self.text(at, row)?.trim().parse().ok(),
        }
    }

    /// A day, also one that is held as text: 8 digits (year or day first) or 6 (`YYMMDD` of the twentieth century).
    pub fn day(&self, at: usize, row: usize) -> Option<i32> {
        match self.cells(at) {
            Cells::Date(array) => array.is_valid(row).then(|| array.value(row)),
            _ => super::weeks::day_of_text(self.text(at, row)?.trim()),
        }
    }

    pub fn is_null(&self, at: usize, row: usize) -> bool {
        match self.cells(at) {
            Cells::Text(array) => array.is_null(row),
            Cells::Coded(..) => self.text(at, row).is_none(),
            Cells::Int32(array) => array.is_null(row),
            Cells::Int64(array) => array.is_null(row),
            Cells::Date(array) => array.is_null(row),
            Cells::Same(_) => false,
            Cells::Null => true,
        }
    }

    /// Whether a column says the same in every row.
    pub fn is_same(&self, at: usize) -> bool {
        match self.cells(at) {
            Cells::Same(_) | Cells::Null => true,
            Cells::Text(array) => {
                let first = (!array.is_empty() && array.is_valid(0)).then(|| array.value(0));
                array.iter().all(|text| text == first)
            }
            _ => false,
        }
    }

    /// The characters that a column has in the record, filled with zeros to `width` where there is one; blank: none.
    pub fn characters(&self, at: usize, row: usize, width: Option<usize>, into: &mut Vec<u8>) {
        use std::io::Write;
        let begin = into.len();
        match self.cells(at) {
            Cells::Text(_) | Cells::Coded(..) | Cells::Same(_) => {
                into.extend_from_slice(&latin1(self.text(at, row).unwrap_or_default()));
            }
            _ => {
                if let Some(number) = self.number(at, row) {
                    let _ = write!(into, "{number}");
                }
            }
        }
        if let Some(width) = width {
            let length = into.len() - begin;
            let fill = if length == 0 { b' ' } else { b'0' };
            into.splice(begin..begin, std::iter::repeat_n(fill, width.saturating_sub(length)));
        }
    }
}
