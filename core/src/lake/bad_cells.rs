//! Every value of a source that did not parse, beside the object in which it is NULL (`<object>.bad`, a Parquet of row,
//! source_row, column, value). An object without any has no such file.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, Result, WholeFile, file_sha256, open_source, text};
use crate::columnar::{arrow_footer, parquet_properties};
use crate::source::dbc::BadCell;

/// Where they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadCells {
    /// Where the file lies.
    pub path: PathBuf,
    /// Of its bytes.
    pub sha256: String,
}

/// A row in which values did not parse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// In the object, from 0.
    pub row: u64,
    /// In the source file, from 0.
    pub source_row: u64,
    /// Column and raw value, in the order of the names.
    pub values: BTreeMap<String, String>,
}

impl BadCells {
    /// The rows in which a column that `wanted` is true of did not parse, in the object's order, with those values. DS-460
    /// where the file is not what was published.
    pub fn rows(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<BadRow>> {
        let damaged = |why: &dyn std::fmt::Display| damaged(&self.path, why);
        if file_sha256(&self.path)? != self.sha256 {
            return Err(damaged(&"SHA-256"));
        }
        let file = open_source(&self.path).map_err(|e| Error::io(e, &self.path))?;
        let batches = arrow_footer(&file)
            .and_then(|footer| ParquetRecordBatchReaderBuilder::new_with_metadata(file, footer).build());
        let mut rows: BTreeMap<u64, BadRow> = BTreeMap::new();
        for batch in batches.map_err(|error| damaged(&error))? {
            let batch = batch.map_err(|error| damaged(&error))?;
            let texts = |at: usize| batch.column(at).as_string_opt::<i32>().ok_or_else(|| damaged(&"text"));
            let numbers =
                |at: usize| batch.column(at).as_primitive_opt::<Int64Type>().ok_or_else(|| damaged(&"number"));
            let (row, source_row, column, value) = (numbers(0)?, numbers(1)?, texts(2)?, texts(3)?);
            for index in (0..batch.num_rows()).filter(|index| wanted(column.value(*index))) {
                let place = row.value(index).unsigned_abs();
                let source_row = source_row.value(index).unsigned_abs();
                let of_row = rows.entry(place).or_insert(BadRow { row: place, source_row, values: BTreeMap::new() });
                of_row.values.insert(column.value(index).to_owned(), value.value(index).to_owned());
            }
        }
        Ok(rows.into_values().collect())
    }
}

/// Writes them as they come; the file is made with the first of them.
pub(super) struct BadCellsWriter {
    target: PathBuf,
    open: Option<ArrowWriter<WholeFile>>,
}

impl BadCellsWriter {
    /// `pending`: the object's name, as far as it is known.
    pub(super) fn beside(pending: &Path) -> Self {
        BadCellsWriter { target: path_of(pending), open: None }
    }

    /// Adds cells of the columns of these names, by their numbers.
    pub(super) fn add(&mut self, cells: Vec<(usize, BadCell)>, name: impl Fn(usize) -> String) -> Result<()> {
        if cells.is_empty() {
            return Ok(());
        }
        let number = |get: &dyn Fn(&BadCell) -> u64| -> ArrayRef {
            let numbers = cells.iter().map(|(_, cell)| i64::try_from(get(cell)).unwrap_or(i64::MAX));
            Arc::new(Int64Array::from_iter_values(numbers))
        };
        let names: ArrayRef = Arc::new(StringArray::from_iter_values(cells.iter().map(|(column, _)| name(*column))));
        let values: ArrayRef = Arc::new(StringArray::from_iter_values(cells.iter().map(|(_, cell)| &cell.value)));
        let batch = RecordBatch::try_from_iter([
            ("row", number(&|cell| cell.row)),
            ("source_row", number(&|cell| cell.source_row)),
            ("column", names),
            ("value", values),
        ]);
        let batch = batch.map_err(Error::internal)?;
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                let level = ZstdLevel::try_new(1).map_err(Error::internal)?;
                let properties = parquet_properties().set_compression(Compression::ZSTD(level)).build();
                let file = WholeFile::create(&self.target)?;
                let writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).map_err(Error::internal)?;
                self.open.insert(writer)
            }
        };
        open.write(&batch).map_err(Error::internal)
    }

    /// Publishes the file beside `object`; none where there is nothing bad.
    pub(super) fn publish(self, object: &Path) -> Result<Option<BadCells>> {
        let Some(open) = self.open else { return Ok(None) };
        let mut file = open.into_inner().map_err(Error::internal)?;
        file.flush().map_err(|e| Error::io(e, &self.target))?;
        let path = path_of(object);
        file.publish_as(&path)?;
        let sha256 = file_sha256(&path)?;
        Ok(Some(BadCells { path, sha256 }))
    }
}

/// Of the file beside `object`.
pub(super) fn path_of(object: &Path) -> PathBuf {
    object.with_extension("parquet.bad")
}

fn damaged(path: &Path, why: &dyn std::fmt::Display) -> Error {
    let shown = path.display();
    Error::new(
        Code::DamagedFile,
        text!(
            "A lista de valores ilegíveis {shown} está danificada ({why}). Apague o Parquet ao lado dela para convertê-lo de novo",
            "The list of values that did not parse, {shown}, is damaged ({why}). Delete the Parquet beside it to convert it again"
        ),
    )
    .with("cause", "bad_sha256")
    .file(shown.to_string())
    .offset(0)
}
