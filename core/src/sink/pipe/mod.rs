//! Rows as bytes for a pipe: an HTTP answer, a socket, another process. CSV, NDJSON, or Arrow's IPC stream.
//!
//! Nothing is written to disk and nothing is bounded but the reader's patience: the limit of ten million rows is a CSV
//! file's. A stream that fails ends with the error and without its end: NDJSON and CSV have no mark for it, so whoever sends
//! them on must break the connection off.

mod format;
mod json;

use ::arrow::array::RecordBatch;
use ::arrow::datatypes::SchemaRef;
use ::arrow::ipc::writer::StreamWriter;

pub use format::{Format, Ndjson, Numbers};

use self::json::Lines;
use super::csv;
use crate::base::{Error, Result};

/// Turns the batches of one schema into bytes: [`begin`](Self::begin), [`encode`](Self::encode) each, [`end`](Self::end).
pub struct Encoder(Way);

enum Way {
    Csv(csv::Encoder),
    Ndjson(Lines),
    // Boxed: it holds dictionaries and buffers of its own.
    Arrow(Box<StreamWriter<Vec<u8>>>),
}

impl Encoder {
    /// DS-422, with every problem at once, for columns that the format can't hold and options that a pipe can't have.
    pub fn new(format: &Format, schema: &SchemaRef) -> Result<Self> {
        format.check()?;
        Ok(Encoder(match format {
            Format::Csv(options) => Way::Csv(csv::Encoder::new(schema, options)?),
            Format::Ndjson(options) => Way::Ndjson(Lines::new(schema, options)?),
            Format::Arrow => Way::Arrow(Box::new(StreamWriter::try_new(Vec::new(), schema).map_err(Error::internal)?)),
        }))
    }

    /// What stands before the first row.
    pub fn begin(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        match &mut self.0 {
            Way::Csv(encoder) => encoder.header(&mut out),
            Way::Ndjson(_) => {}
            Way::Arrow(writer) => out = std::mem::take(writer.get_mut()),
        }
        out
    }

    /// A batch as bytes.
    pub fn encode(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        match &mut self.0 {
            Way::Csv(encoder) => Ok(encoder.encode(batch)?.collect::<Vec<_>>().concat()),
            Way::Ndjson(lines) => lines.encode(batch),
            Way::Arrow(writer) => {
                writer.write(batch).map_err(Error::internal)?;
                Ok(std::mem::take(writer.get_mut()))
            }
        }
    }

    /// What stands behind the last row.
    pub fn end(&mut self) -> Result<Vec<u8>> {
        match &mut self.0 {
            Way::Csv(_) | Way::Ndjson(_) => Ok(Vec::new()),
            Way::Arrow(writer) => {
                writer.finish().map_err(Error::internal)?;
                Ok(std::mem::take(writer.get_mut()))
            }
        }
    }
}

#[cfg(test)]
mod tests;
