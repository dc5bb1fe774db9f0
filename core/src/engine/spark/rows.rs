//! Arrow batches as Spark sends them, with the types that answers have here.

use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use super::operation::Operation;
use super::proto::execute_plan_response::ArrowBatch;
use crate::base::{Error, Result};

/// The rows of an operation.
pub(super) struct Rows<'o, 'c> {
    operation: &'o mut Operation<'c>,
    schema: Option<SchemaRef>,
    rows: i64,
}

impl<'o, 'c> Rows<'o, 'c> {
    pub fn of(operation: &'o mut Operation<'c>) -> Self {
        Rows { operation, schema: None, rows: 0 }
    }

    /// The next batch; the first has the schema, and may be empty.
    pub fn next(&mut self) -> Result<Option<RecordBatch>> {
        match (self.operation.next()?, &self.schema) {
            (Some(sent), _) => self.batch(sent).map(Some),
            (None, Some(_)) => Ok(None),
            (None, None) => Err(odd("an answer without a schema")),
        }
    }

    fn batch(&mut self, sent: ArrowBatch) -> Result<RecordBatch> {
        if sent.start_offset.is_some_and(|first| first != self.rows) || sent.chunk_index.is_some_and(|index| index != 0)
        {
            return Err(odd("rows of the answer are missing"));
        }
        let reader = StreamReader::try_new(Cursor::new(&sent.data), None).map_err(odd)?;
        let came = reader.schema();
        let schema = self.schema.get_or_insert_with(|| shown(&came)).clone();
        let batches = reader.collect::<std::result::Result<Vec<_>, _>>().map_err(odd)?;
        let batch = match batches.as_slice() {
            [one] => one.clone(),
            _ => arrow::compute::concat_batches(&came, &batches).map_err(odd)?,
        };
        if batch.num_rows() as i64 != sent.row_count {
            return Err(odd("a batch has other rows than it says"));
        }
        self.rows += sent.row_count;
        let columns = batch.columns().iter().zip(schema.fields());
        let columns = columns.map(|(column, field)| cast(column, field.data_type()).map_err(odd));
        let columns = columns.collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(schema, columns, &options).map_err(odd)
    }
}

/// The same columns as an answer shows them: every value may be missing, and a text is a text.
fn shown(came: &Schema) -> SchemaRef {
    let field = |field: &Arc<Field>| {
        let kind = match field.data_type() {
            DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
            kind => kind.clone(),
        };
        Field::new(field.name(), kind, true)
    };
    Arc::new(Schema::new(came.fields().iter().map(field).collect::<Vec<_>>()))
}

/// Rows as a server takes them.
pub(super) fn as_stream(batch: &RecordBatch) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut writer = StreamWriter::try_new(&mut bytes, &batch.schema()).map_err(odd)?;
    writer.write(batch).and_then(|()| writer.finish()).map_err(odd)?;
    drop(writer);
    Ok(bytes)
}

fn odd(what: impl std::fmt::Display) -> Error {
    Error::internal(format!("spark: {what}")).stage("query")
}
