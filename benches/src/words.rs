//! The rows of a set with the words themselves in plain columns: what labels and derived columns are measured against has the same
//! types, and texts as long.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datasus::Client;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::cases::labels::{PLAIN, words};
use crate::job;

pub fn parquet(arguments: &Arguments) -> Result<Value, String> {
    let (data, out) = (arguments.path("data")?, arguments.path("out")?);
    std::fs::create_dir_all(&out).map_err(|error| error.to_string())?;
    let client = job::client(&data, None, None).map_err(|error| error.to_json().to_string())?;
    let mut rows = 0;
    for entry in std::fs::read_dir(&data).map_err(|error| error.to_string())? {
        let name = entry.map_err(|error| error.to_string())?.file_name().to_string_lossy().into_owned();
        // RDUFYYMM.parquet
        if let (Some("RD"), Some(uf), Some(month), Some(".parquet")) =
            (name.get(..2), name.get(2..4), name.get(4..8), name.get(8..))
        {
            rows += write(&client, uf, &format!("20{month}"), &out.join(&name))?;
        }
    }
    let expected = "expected.json";
    std::fs::copy(data.join(expected), out.join(expected)).map_err(|error| error.to_string())?;
    Ok(json!({"rows": rows}))
}

fn write(client: &Client, uf: &str, month: &str, to: &Path) -> Result<usize, String> {
    let params = words().uf([uf]).competencia(month);
    let answer = client.query(&params).map_err(|error| error.to_json().to_string())?;
    let (mut writer, mut rows) = (None, 0);
    for batch in answer {
        let batch = plain(&batch.map_err(|error| error.to_json().to_string())?)?;
        let writer = match &mut writer {
            Some(writer) => writer,
            None => writer.insert(created(to, batch.schema())?),
        };
        writer.write(&batch).map_err(|error| error.to_string())?;
        rows += batch.num_rows();
    }
    writer.map_or(Ok(()), |writer| writer.close().map(drop)).map_err(|error| error.to_string())?;
    Ok(rows)
}

fn created(to: &Path, schema: SchemaRef) -> Result<ArrowWriter<File>, String> {
    let level = ZstdLevel::try_new(3).map_err(|error| error.to_string())?;
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
    let file = File::create(to).map_err(|error| error.to_string())?;
    ArrowWriter::try_new(file, schema, Some(properties)).map_err(|error| error.to_string())
}

/// The words as texts, under the names of the plain columns.
fn plain(batch: &RecordBatch) -> Result<RecordBatch, String> {
    let (mut fields, mut columns): (Vec<Field>, Vec<ArrayRef>) = Default::default();
    for (at, (field, column)) in batch.schema_ref().fields().iter().zip(batch.columns()).enumerate() {
        let column = match column.data_type() {
            DataType::Dictionary(..) => cast(column, &DataType::Utf8).map_err(|error| error.to_string())?,
            _ => column.clone(),
        };
        let name = PLAIN.get(at).copied().unwrap_or(field.name());
        fields.push(Field::new(name, column.data_type().clone(), true));
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|error| error.to_string())
}
