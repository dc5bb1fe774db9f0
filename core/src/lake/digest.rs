//! A digest of decoded rows: equal for a DBC, its DBF and a Parquet made from either.
//!
//! The order of the rows counts; where batches begin does not, nor the order of the columns, the case of their names, the
//! width of an integer, or how text is held. Each column feeds XXH64 (two 64-bit sums for text: lengths and bytes), and
//! SHA-256 folds the columns into one. It guards against accident, not against attack, which is why a sum of several
//! gigabytes a second will do: SHA-256 over every decoded byte would take longer than the decoding.

use std::hash::Hasher;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray, RecordBatch, StringArray,
};
use arrow::compute::{can_cast_types, cast};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use twox_hash::XxHash64;

use crate::base::{Error, Result};

/// What is hashed, and how: raised with each change, so that sums of two kinds are never equal.
const FORM: &str = "rows-1";

/// Digests the batches of one file, or of several that are one.
pub struct RowDigest {
    columns: Vec<ColumnSum>,
    rows: u64,
}

impl RowDigest {
    /// Of rows of this schema.
    pub fn new(schema: &Schema) -> Self {
        let columns = schema.fields().iter().map(|field| ColumnSum::new(field.name(), field.data_type()));
        RowDigest { columns: columns.collect(), rows: 0 }
    }

    /// Adds a batch; its columns are those of the schema, in the same order.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let first = self.rows;
        let columns = self.columns.par_iter_mut().zip(batch.columns());
        columns.with_min_len(8).try_for_each(|(sum, column)| sum.add(column, first))?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// 32 hexadecimal digits.
    pub fn finish(mut self) -> String {
        self.columns.sort_by(|a, b| a.name.cmp(&b.name));
        let mut sha256 = Sha256::new();
        sha256.update(format!("{FORM}:{};", self.rows));
        for column in &self.columns {
            let (values, places) = (column.values.finish(), column.places.finish());
            sha256.update(format!("{}:{:?}:{values:016x}{places:016x};", column.name, column.class));
        }
        hex::encode(&sha256.finalize()[..16])
    }
}

/// What a column's values are, however wide the type that holds them.
#[derive(Debug, Clone, PartialEq)]
enum Class {
    Text,
    Integer,
    Decimal(i8),
    Float,
    Day,
    Truth,
    /// Of the user's own Parquet alone: as text.
    Other(String),
}

impl Class {
    fn of(kind: &DataType) -> Self {
        match kind {
            DataType::Null => Class::Text,
            DataType::Dictionary(_, values) => Class::of(values),
            kind if kind.is_string() => Class::Text,
            kind if kind.is_integer() && *kind != DataType::UInt64 => Class::Integer,
            DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => {
                Class::Decimal(*scale)
            }
            kind if kind.is_floating() => Class::Float,
            DataType::Date32 => Class::Day,
            DataType::Boolean => Class::Truth,
            kind => Class::Other(kind.to_string()),
        }
    }

    fn held_as(&self) -> DataType {
        match self {
            Class::Text | Class::Other(_) => DataType::Utf8,
            Class::Integer => DataType::Int64,
            Class::Decimal(scale) => DataType::Decimal128(38, *scale),
            Class::Float => DataType::Float64,
            Class::Day => DataType::Date32,
            Class::Truth => DataType::Boolean,
        }
    }
}

struct ColumnSum {
    name: String,
    class: Class,
    /// Text end to end, or the bytes of each value; of a NULL zeros.
    values: XxHash64,
    /// Lengths of texts (0 is NULL), or the numbers of the rows that are NULL.
    places: XxHash64,
    bytes: Vec<u8>,
}

impl ColumnSum {
    fn new(name: &str, kind: &DataType) -> Self {
        let hash = || XxHash64::with_seed(0);
        ColumnSum {
            name: name.to_uppercase(),
            class: Class::of(kind),
            values: hash(),
            places: hash(),
            bytes: Vec::new(),
        }
    }

    fn add(&mut self, column: &ArrayRef, first: u64) -> Result<()> {
        let kind = self.class.held_as();
        let column = match column.data_type() {
            same if *same == kind => column.clone(),
            DataType::Decimal128(..) => column.clone(),
            from if can_cast_types(from, &kind) => cast(column, &kind).map_err(Error::internal)?,
            _ => shown(column)?,
        };
        match &self.class {
            Class::Text | Class::Other(_) => self.text(column.as_string::<i32>()),
            Class::Integer => self.numbers(column.as_primitive::<Int64Type>(), first, i64::to_le_bytes),
            Class::Decimal(_) => self.numbers(column.as_primitive::<Decimal128Type>(), first, i128::to_le_bytes),
            Class::Day => self.numbers(column.as_primitive::<Date32Type>(), first, i32::to_le_bytes),
            Class::Float => self.floats(column.as_primitive::<Float64Type>(), first),
            Class::Truth => self.truths(column.as_boolean(), first),
        }
        Ok(())
    }

    /// Trailing blanks and NULs are no part of a text, and a text of nothing else is NULL, as in a DBF.
    fn text(&mut self, column: &StringArray) {
        let (offsets, text) = (column.value_offsets(), column.value_data());
        self.bytes.clear();
        let mut bare = true;
        for (row, ends) in offsets.windows(2).enumerate() {
            let (from, to) = (ends[0] as usize, ends[1] as usize);
            bare &= match to.checked_sub(1).filter(|_| to > from) {
                Some(last) => !matches!(text[last], b' ' | 0) && column.is_valid(row),
                None => true,
            };
            self.bytes.extend_from_slice(&((to - from) as u32).to_le_bytes());
        }
        if bare {
            self.places.write(&self.bytes);
            if let (Some(from), Some(to)) = (offsets.first(), offsets.last()) {
                self.values.write(&text[*from as usize..*to as usize]);
            }
            return;
        }
        for value in column {
            let value = value.unwrap_or_default().trim_end_matches([' ', '\0']);
            self.places.write(&(value.len() as u32).to_le_bytes());
            self.values.write(value.as_bytes());
        }
    }

    fn numbers<T: ArrowPrimitiveType, const BYTES: usize>(
        &mut self,
        column: &PrimitiveArray<T>,
        first: u64,
        bytes: impl Fn(T::Native) -> [u8; BYTES],
    ) {
        self.bytes.clear();
        match column.null_count() {
            0 => column.values().iter().for_each(|value| self.bytes.extend_from_slice(&bytes(*value))),
            _ => {
                for (row, value) in column.iter().enumerate() {
                    if value.is_none() {
                        self.places.write(&(first + row as u64).to_le_bytes());
                    }
                    self.bytes.extend_from_slice(&bytes(value.unwrap_or_default()));
                }
            }
        }
        self.values.write(&self.bytes);
    }

    /// NaN is NULL: a number that R or pandas did not have.
    fn floats(&mut self, column: &PrimitiveArray<Float64Type>, first: u64) {
        for (row, value) in column.iter().enumerate() {
            let value = value.filter(|value| !value.is_nan());
            if value.is_none() {
                self.places.write(&(first + row as u64).to_le_bytes());
            }
            self.values.write(&value.unwrap_or_default().to_le_bytes());
        }
    }

    fn truths(&mut self, column: &BooleanArray, first: u64) {
        for (row, value) in column.iter().enumerate() {
            if value.is_none() {
                self.places.write(&(first + row as u64).to_le_bytes());
            }
            self.values.write(&[u8::from(value.unwrap_or_default())]);
        }
    }
}

/// Lists and structures of the user's own, as they are printed.
fn shown(column: &ArrayRef) -> Result<ArrayRef> {
    let options = FormatOptions::new();
    let formatter = ArrayFormatter::try_new(column.as_ref(), &options).map_err(Error::internal)?;
    let text = |row: usize| column.is_valid(row).then(|| formatter.value(row).to_string());
    Ok(Arc::new((0..column.len()).map(text).collect::<StringArray>()))
}

#[cfg(test)]
mod tests {
    use arrow::array::{DictionaryArray, Int32Array, Int64Array, StructArray};
    use arrow::datatypes::{Field, Int32Type};

    use super::*;

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
            .unwrap()
    }

    fn digest(batches: &[RecordBatch]) -> String {
        let mut digest = RowDigest::new(&batches[0].schema());
        batches.iter().for_each(|batch| digest.add(batch).unwrap());
        digest.finish()
    }

    fn text(values: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    fn numbers(values: &[Option<i32>]) -> ArrayRef {
        Arc::new(Int32Array::from(values.to_vec()))
    }

    #[test]
    fn rows_count_and_how_they_are_held_does_not() {
        let (uf, n) = ([Some("AC"), None, Some("RR")], [Some(1), Some(0), None]);
        let whole = batch(vec![("UF", text(&uf)), ("N", numbers(&n))]);
        let expected = digest(std::slice::from_ref(&whole));
        assert_eq!(digest(&[whole.slice(0, 1), whole.slice(1, 2)]), expected, "batches");
        assert_eq!(digest(&[batch(vec![("n", numbers(&n)), ("Uf", text(&uf))])]), expected, "columns");
        let wide: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(0), None]));
        let held: ArrayRef = Arc::new(uf.iter().copied().collect::<DictionaryArray<Int32Type>>());
        assert_eq!(digest(&[batch(vec![("UF", held), ("N", wide)])]), expected, "types");
        let padded = [Some("AC  "), Some("   "), Some("RR\0")];
        assert_eq!(digest(&[batch(vec![("UF", text(&padded)), ("N", numbers(&n))])]), expected, "padding");
    }

    #[test]
    fn a_structure_of_the_users_own_has_a_digest_too() {
        let of = |n: i32| {
            let field = Arc::new(Field::new("a", DataType::Int32, true));
            let column: ArrayRef = Arc::new(StructArray::from(vec![(field, numbers(&[Some(n)]))]));
            digest(&[batch(vec![("S", column)])])
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn any_other_row_is_another_digest() {
        let of = |uf: &[Option<&str>], n: &[Option<i32>]| digest(&[batch(vec![("UF", text(uf)), ("N", numbers(n))])]);
        let all = [
            of(&[Some("AC"), Some("RR")], &[Some(1), Some(0)]),
            of(&[Some("RR"), Some("AC")], &[Some(1), Some(0)]),
            of(&[Some("ACR"), Some("R")], &[Some(1), Some(0)]),
            of(&[Some("AC"), None], &[Some(1), Some(0)]),
            of(&[None, Some("AC")], &[Some(1), Some(0)]),
            of(&[Some("AC"), Some("RR")], &[Some(1), None]),
            of(&[Some("AC"), Some("RR")], &[None, Some(0)]),
            of(&[Some("AC"), Some("RR")], &[Some(0), Some(1)]),
            of(&[Some("AC"), Some("RR"), None], &[Some(1), Some(0), None]),
            of(&[], &[]),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[at + 1..].contains(one), "{at}");
        }
    }
}
