//! The rows of a file of the user's own, as they stand: Parquet in its types, CSV as text.

use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::csv::CsvRows;
use super::form::Form;
use crate::base::{Code, Error, Result, Text, text};
use crate::store::{At, Object, Reader, Stores};

const BATCH_ROWS: usize = 8 << 10;

pub(super) enum OwnRows {
    Parquet { schema: SchemaRef, reader: ParquetRecordBatchReader, name: String },
    Csv(Box<CsvRows>),
}

impl OwnRows {
    /// Told apart by content. DS-460 for what is neither, or is damaged; DS-422 where two columns have one name.
    pub(super) fn open(stores: &Stores, object: &Object, form: &Form) -> Result<Self> {
        let name = object.location.to_string();
        let opened = stores.open(&object.location)?;
        let mut head = [0; 4];
        let read =
            std::io::Read::read(&mut Reader::new(opened.clone()), &mut head).map_err(|e| object.location.io(e))?;
        let rows = match &head[..read] {
            b"PAR1" => {
                let fail = |error: parquet::errors::ParquetError| unread(&name, &error);
                let builder = ParquetRecordBatchReaderBuilder::try_new(At::of(opened)).map_err(fail)?;
                let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(fail)?;
                OwnRows::Parquet { schema: arrow::array::RecordBatchReader::schema(&reader), reader, name }
            }
            head if head.starts_with(b"PK") || head.starts_with(&[0x1f, 0x8b]) => return Err(packed(&name)),
            _ if is_parquet_by_name(&name) => return Err(damaged(&name, "no PAR1 at its beginning")),
            _ => OwnRows::Csv(Box::new(CsvRows::open(opened, &name, form)?)),
        };
        refuse_equal_names(&rows.schema(), &object.location.to_string())?;
        Ok(rows)
    }

    pub(super) fn schema(&self) -> SchemaRef {
        match self {
            OwnRows::Parquet { schema, .. } => schema.clone(),
            OwnRows::Csv(rows) => rows.schema(),
        }
    }

    /// Delimiter and encoding, where they were found.
    pub(super) fn said(&self) -> Vec<Text> {
        match self {
            OwnRows::Parquet { .. } => Vec::new(),
            OwnRows::Csv(rows) => rows.said().into_iter().collect(),
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>> {
        match self {
            OwnRows::Parquet { reader, name, .. } => reader.next().transpose().map_err(|error| unread(name, &error)),
            OwnRows::Csv(rows) => rows.next_batch(BATCH_ROWS),
        }
    }
}

fn is_parquet_by_name(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"))
}

fn refuse_equal_names(schema: &SchemaRef, file: &str) -> Result<()> {
    let mut names: Vec<(String, &str)> =
        schema.fields().iter().map(|field| (field.name().to_uppercase(), field.name().as_str())).collect();
    names.sort();
    let Some(pair) = names.windows(2).find(|pair| pair[0].0 == pair[1].0) else { return Ok(()) };
    let (first, second) = (pair[0].1, pair[1].1);
    Err(Error::new(
        Code::InvalidParams,
        text!(
            "{file} tem as colunas {first} e {second}, cujos nomes só diferem por maiúsculas, ou nem nisso; renomeie uma delas",
            "{file} has the columns {first} and {second}, whose names differ in case alone, or not at all; rename one of them"
        ),
    )
    .column(first)
    .file(file)
    .stage("source"))
}

fn packed(name: &str) -> Error {
    Error::new(
        Code::DamagedFile,
        text!(
            "{name} está compactado (zip ou gzip); extraia-o antes",
            "{name} is packed (zip or gzip); extract it first"
        ),
    )
    .with("cause", "packed")
    .file(name)
    .stage("source")
}

/// What brings the bytes says why in its own words.
fn unread(name: &str, error: &(dyn std::error::Error + 'static)) -> Error {
    Error::within(error).unwrap_or_else(|| damaged(name, error))
}

pub(super) fn damaged(name: &str, why: impl std::fmt::Display) -> Error {
    Error::new(
        Code::DamagedFile,
        text!(
            "O Parquet {name} não se lê; grave-o de novo com o programa que o fez",
            "The Parquet {name} cannot be read: {why}. Write it again with the program that made it"
        ),
    )
    .with("cause", "bad_parquet")
    .file(name)
    .stage("source")
}
