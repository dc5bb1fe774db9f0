//! Answers of a client over genuine or made files, as the tests compare them.

use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::DataType;
use chrono::NaiveDate;
use datasus::{Client, QueryParams, Report};

/// A client over copies of genuine files; none where they are not there.
pub fn genuine(files: &[&str]) -> Option<(Client, tempfile::TempDir)> {
    let folder = crate::genuine::folder()?;
    let place = tempfile::tempdir().unwrap();
    for file in files {
        let from = folder.join(file);
        std::fs::copy(&from, place.path().join(from.file_name().unwrap())).unwrap();
    }
    Some((Client::open(place.path()).unwrap(), place))
}

/// The answer as text, row by row, and the report.
pub fn rows(client: &Client, params: &QueryParams) -> (Vec<Vec<Option<String>>>, Report) {
    let (batch, report) = batch(client, params);
    (texts(&batch), report)
}

pub fn batch(client: &Client, params: &QueryParams) -> (RecordBatch, Report) {
    let mut rows = client.query(params).unwrap_or_else(|error| panic!("{error} {:?}", error.problems()));
    let schema = rows.schema();
    let batches: Vec<RecordBatch> = rows.by_ref().map(|batch| batch.unwrap()).collect();
    let plain: Vec<RecordBatch> = batches.iter().map(plain).collect();
    let schema = plain.first().map_or(schema, |batch| batch.schema());
    (concat_batches(&schema, &plain).unwrap(), rows.report().unwrap())
}

pub fn plain(batch: &RecordBatch) -> RecordBatch {
    let columns = batch.schema_ref().fields().iter().zip(batch.columns()).map(|(field, column)| {
        let column = match field.data_type() {
            DataType::Dictionary(..) => cast(column, &DataType::Utf8).unwrap(),
            _ => column.clone(),
        };
        (field.name().clone(), column, true)
    });
    RecordBatch::try_from_iter_with_nullable(columns.collect::<Vec<_>>()).unwrap()
}

pub fn texts(batch: &RecordBatch) -> Vec<Vec<Option<String>>> {
    let columns: Vec<StringArray> = (batch.columns().iter())
        .map(|column| cast(column, &DataType::Utf8).unwrap().as_string::<i32>().clone())
        .collect();
    let cell = |column: &StringArray, row| column.is_valid(row).then(|| column.value(row).to_owned());
    (0..batch.num_rows()).map(|row| columns.iter().map(|column| cell(column, row)).collect()).collect()
}

pub fn day(text: &Option<String>) -> Option<NaiveDate> {
    text.as_ref().map(|text| NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap())
}

pub fn number(text: &Option<String>) -> Option<i64> {
    text.as_ref().map(|text| text.parse().unwrap())
}

pub fn write(path: &Path, batch: &RecordBatch) {
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}
