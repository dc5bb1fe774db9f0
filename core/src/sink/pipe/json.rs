//! One JSON object a row, exact: by `arrow-json`, with our own text for what it would round, lose or refuse.

use std::sync::Arc;

use ::arrow::array::{Array, RecordBatch, new_null_array};
use ::arrow::datatypes::{DataType, FieldRef, SchemaRef};
use ::arrow::error::ArrowError;
use ::arrow::json::WriterBuilder;
use ::arrow::json::writer::{Encoder, EncoderFactory, EncoderOptions, LineDelimited, NullableEncoder};

use super::{Ndjson, Numbers};
use crate::base::{Code, Error, Problem, Result, text, type_words};
use crate::sink::csv::cells::{Cells, Column};

pub struct Lines(WriterBuilder);

impl Lines {
    pub fn new(schema: &SchemaRef, options: &Ndjson) -> Result<Self> {
        let cells = Arc::new(OurCells { quoted: options.numbers == Numbers::Text });
        let lines = Lines(WriterBuilder::new().with_explicit_nulls(true).with_encoder_factory(cells));
        let problems: Vec<Problem> = schema
            .fields()
            .iter()
            .filter(|field| !lines.holds(field))
            .map(|field| {
                let (name, kind) = (field.name(), type_words(field.data_type()));
                Problem::new(
                    Code::InvalidParams,
                    text!(
                        "A coluna {name} é do tipo {kind}, que o NDJSON não leva; deixe-a fora ou converta-a",
                        "Column {name} has type {kind}, which NDJSON can't hold; leave it out or cast it"
                    ),
                )
                .with("received", kind)
                .with("column", name.as_str())
            })
            .collect();
        if problems.is_empty() { Ok(lines) } else { Err(Error::from_problems(problems).stage("ndjson")) }
    }

    fn holds(&self, field: &FieldRef) -> bool {
        let one = RecordBatch::try_from_iter([("c", new_null_array(field.data_type(), 1))]);
        one.is_ok_and(|batch| self.encode(&batch).is_ok())
    }

    pub fn encode(&self, batch: &RecordBatch) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(batch.get_array_memory_size());
        let mut writer = self.0.clone().build::<_, LineDelimited>(&mut out);
        writer.write(batch).and_then(|()| writer.finish()).map_err(Error::internal)?;
        Ok(out)
    }
}

/// The same text as in a CSV for numbers, days and instants, at any depth.
#[derive(Debug)]
struct OurCells {
    quoted: bool,
}

impl EncoderFactory for OurCells {
    fn make_default_encoder<'a>(
        &self,
        _: &'a FieldRef,
        array: &'a dyn Array,
        _: &'a EncoderOptions,
    ) -> std::result::Result<Option<NullableEncoder<'a>>, ArrowError> {
        use DataType::*;
        let quotes = match array.data_type() {
            Int64 | UInt64 | Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..) => self.quoted,
            Float16 | Float32 | Float64 => false,
            Date32 | Date64 | Time32(_) | Time64(_) | Timestamp(..) => true,
            _ => return Ok(None),
        };
        let column = Column::new(&::arrow::array::make_array(array.to_data()));
        let column = column.map_err(|error| ArrowError::JsonError(error.to_string()))?;
        Ok(Some(NullableEncoder::new(Box::new(Cell { cells: column.cells, quotes }), array.nulls().cloned())))
    }
}

struct Cell {
    cells: Cells,
    quotes: bool,
}

impl Encoder for Cell {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        // JSON has no number for them, and a null would be another value.
        let not_finite = match &self.cells {
            Cells::Float64(a) => Some(a.value(row)).filter(|value| !value.is_finite()),
            Cells::Float32(a) => Some(f64::from(a.value(row))).filter(|value| !value.is_finite()),
            _ => None,
        };
        if let Some(value) = not_finite {
            let name = if value.is_nan() {
                "NaN"
            } else if value > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            };
            out.push(b'"');
            out.extend_from_slice(name.as_bytes());
            out.push(b'"');
            return;
        }
        if self.quotes {
            out.push(b'"');
        }
        self.cells.append(row, b'.', &[false; 256], out);
        if self.quotes {
            out.push(b'"');
        }
    }
}
