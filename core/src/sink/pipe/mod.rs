//! Rows as bytes for a pipe: an HTTP answer, a socket, another process. CSV, NDJSON, or Arrow's IPC stream, plain or in one frame
//! of zstd, as `Content-Encoding: zstd` wants it.
//!
//! Nothing is written to disk and nothing is bounded but the reader's patience: the limit of ten million rows is a CSV
//! file's. A stream that fails ends with the error and without its end: NDJSON and CSV have no mark for it, so whoever sends
//! them on must break the connection off.

mod format;
mod json;
mod packed;

use ::arrow::array::RecordBatch;
use ::arrow::datatypes::SchemaRef;
use ::arrow::ipc::writer::StreamWriter;

pub use format::{ArrowStream, Format, Ndjson, Numbers};

use self::json::Lines;
use self::packed::Packed;
use super::csv;
use crate::base::{Error, Result};

/// Turns the batches of one schema into bytes: [`begin`](Self::begin), [`encode`](Self::encode) each, [`end`](Self::end).
pub struct Encoder {
    way: Way,
    packed: Option<Packed>,
}

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
        let packed = format.level()?.map(Packed::new).transpose()?;
        let way = match format {
            Format::Csv(options) => Way::Csv(csv::Encoder::new(schema, options)?),
            Format::Ndjson(options) => Way::Ndjson(Lines::new(schema, options)?),
            Format::Arrow(_) => {
                Way::Arrow(Box::new(StreamWriter::try_new(Vec::new(), schema).map_err(Error::internal)?))
            }
        };
        Ok(Encoder { way, packed })
    }

    /// What stands before the first row.
    pub fn begin(&mut self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        match &mut self.way {
            Way::Csv(encoder) => encoder.header(&mut out),
            Way::Ndjson(_) => {}
            Way::Arrow(writer) => out = std::mem::take(writer.get_mut()),
        }
        self.pack(out)
    }

    /// A batch as bytes.
    pub fn encode(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        let out = match &mut self.way {
            Way::Csv(encoder) => encoder.encode(batch)?.collect::<Vec<_>>().concat(),
            Way::Ndjson(lines) => lines.encode(batch)?,
            Way::Arrow(writer) => {
                writer.write(batch).map_err(Error::internal)?;
                std::mem::take(writer.get_mut())
            }
        };
        self.pack(out)
    }

    /// What stands behind the last row.
    pub fn end(&mut self) -> Result<Vec<u8>> {
        let out = match &mut self.way {
            Way::Csv(_) | Way::Ndjson(_) => Vec::new(),
            Way::Arrow(writer) => {
                writer.finish().map_err(Error::internal)?;
                std::mem::take(writer.get_mut())
            }
        };
        match self.packed.take() {
            None => Ok(out),
            Some(packed) => packed.end(&out),
        }
    }

    fn pack(&mut self, out: Vec<u8>) -> Result<Vec<u8>> {
        match &mut self.packed {
            Some(packed) if !out.is_empty() => packed.add(&out),
            _ => Ok(out),
        }
    }
}

#[cfg(test)]
mod tests;
