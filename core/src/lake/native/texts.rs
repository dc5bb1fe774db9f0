//! The bytes of a text column, as they lie in the Parquet: nothing is decoded from any encoding.

use std::sync::Arc;

use parquet::column::reader::{ColumnReaderImpl, get_column_reader, get_typed_column_reader};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::serialized_reader::SerializedPageReader;

use crate::columnar::dictionary_words;
use crate::store::At;

/// Values that are decoded at once.
const PIECE: usize = 8 << 10;

/// One column of one row group.
pub(super) struct Texts {
    reader: ColumnReaderImpl<ByteArrayType>,
    /// Whether a row may have no value.
    optional: bool,
    levels: Vec<i16>,
    values: Vec<ByteArray>,
}

fn pages(at: &At, footer: &ParquetMetaData, group: usize, leaf: usize) -> Result<SerializedPageReader<At>> {
    let of_group = footer.row_group(group);
    let rows = usize::try_from(of_group.num_rows()).unwrap_or(0);
    SerializedPageReader::new(Arc::new(at.clone()), of_group.column(leaf), rows, None)
}

impl Texts {
    pub(super) fn open(at: &At, footer: &ParquetMetaData, group: usize, leaf: usize) -> Result<Self> {
        let column = footer.file_metadata().schema_descr().column(leaf);
        let optional = column.max_def_level() > 0;
        let pages = pages(at, footer, group, leaf)?;
        let reader = get_typed_column_reader(get_column_reader(column, Box::new(pages)));
        Ok(Texts { reader, optional, levels: Vec::new(), values: Vec::new() })
    }

    /// The next `rows` rows.
    pub(super) fn read(&mut self, rows: usize) -> Result<()> {
        self.levels.clear();
        self.values.clear();
        let mut left = rows;
        while left > 0 {
            let levels = self.optional.then_some(&mut self.levels);
            let (read, _, _) = self.reader.read_records(left, levels, None, &mut self.values)?;
            if read == 0 {
                return Err(ParquetError::EOF(format!("{left} rows of a column are missing")));
            }
            left -= read;
        }
        Ok(())
    }

    /// What was read, row by row; a row without a value has an empty one.
    pub(super) fn cells(&self) -> impl Iterator<Item = &[u8]> {
        let mut values = self.values.iter().map(ByteArray::data);
        let rows = if self.optional { self.levels.len() } else { self.values.len() };
        (0..rows).map(move |row| match self.optional && self.levels[row] == 0 {
            true => &[][..],
            false => values.next().unwrap_or_default(),
        })
    }

    fn values(&self) -> impl Iterator<Item = &[u8]> {
        self.values.iter().map(ByteArray::data)
    }
}

/// Whether `holds` is true of every value of the column in the row group. Where all of it is behind a dictionary, its
/// words are asked and its rows are not.
pub(super) fn all(
    at: &At,
    footer: &ParquetMetaData,
    group: usize,
    leaf: usize,
    holds: impl Fn(&[u8]) -> bool,
) -> Result<bool> {
    if let Some(words) = dictionary_words(at, footer, group, leaf)? {
        return Ok(words.iter().all(|word| holds(word)));
    }
    let mut left = usize::try_from(footer.row_group(group).num_rows()).unwrap_or(0);
    let mut texts = Texts::open(at, footer, group, leaf)?;
    while left > 0 {
        let rows = left.min(PIECE);
        texts.read(rows)?;
        if !texts.values().all(&holds) {
            return Ok(false);
        }
        left -= rows;
    }
    Ok(true)
}
