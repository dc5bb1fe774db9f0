//! Arrow to PostgreSQL's `COPY ... (FORMAT binary)`, column by column.
//!
//! Tuples are rows and Arrow is columns, so a block of rows is written in two passes: the first sizes every tuple, the
//! second walks each column once and writes its fields at the tuples' cursors. Each pass over a column is one loop
//! over one type. A block is small enough for the processor's cache, and no value allocates.
//!
//! A value goes over exactly or not at all: what the target would round, cut or wrap is [`Unfit`].

mod block;
mod codec;
mod numeric;
mod target;

use std::ops::Range;

use ::arrow::array::RecordBatch;
use ::arrow::datatypes::{DataType, Schema};

use crate::base::Text;
use block::Block;
use codec::Codec;
pub use target::{Target, sql_type};

/// What a binary COPY begins with: signature, flags, no extension.
pub const HEADER: [u8; 19] = *b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
pub const TRAILER: [u8; 2] = [0xff, 0xff];

/// Rows of a block: some tens of KiB of tuples.
const BLOCK_ROWS: usize = 512;

/// A column whose type the target does not take, or not exactly.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// Index in the schema.
    pub column: usize,
    /// The column's type in the answer.
    pub from: DataType,
    /// The column's type in the table.
    pub to: Target,
}

/// A value that does not fit its target exactly.
#[derive(Debug, Clone, PartialEq)]
pub struct Unfit {
    /// Index in the schema.
    pub column: usize,
    /// Row in the batch.
    pub row: usize,
    /// As people would write it.
    pub value: String,
    /// Why the table cannot take it.
    pub why: Text,
}

/// Encodes batches of one schema for one table.
#[derive(Debug)]
pub struct Encoder {
    codecs: Vec<Codec>,
    block: Block,
}

impl Encoder {
    /// `targets` are the types of the COPY's columns, in the schema's order.
    pub fn new(schema: &Schema, targets: &[Target]) -> Result<Self, Mismatch> {
        let codecs = schema.fields().iter().zip(targets).enumerate().map(|(column, (field, to))| {
            Codec::between(field.data_type(), to).ok_or_else(|| Mismatch {
                column,
                from: field.data_type().clone(),
                to: *to,
            })
        });
        Ok(Encoder { codecs: codecs.collect::<Result<_, _>>()?, block: Block::default() })
    }

    /// Appends the tuples of `rows` of `batch` to `out`; after an error `out` is as it was.
    pub fn encode(&mut self, batch: &RecordBatch, rows: Range<usize>, out: &mut Vec<u8>) -> Result<(), Unfit> {
        let start = out.len();
        let mut from = rows.start;
        while from < rows.end {
            let to = rows.end.min(from + BLOCK_ROWS);
            if let Err(unfit) = self.block(batch, from..to, out) {
                out.truncate(start);
                return Err(unfit);
            }
            from = to;
        }
        Ok(())
    }

    fn block(&mut self, batch: &RecordBatch, rows: Range<usize>, out: &mut Vec<u8>) -> Result<(), Unfit> {
        let Encoder { codecs, block } = self;
        let located = |column: usize, (row, value, why): codec::Refused| Unfit { column, row, value, why };
        block.begin(rows.clone());
        for (index, (codec, array)) in codecs.iter_mut().zip(batch.columns()).enumerate() {
            codec.size(array, block).map_err(|refused| located(index, refused))?;
        }
        let fields = i16::try_from(codecs.len()).unwrap_or(i16::MAX);
        block.lay_out(fields, out);
        for (index, (codec, array)) in codecs.iter_mut().zip(batch.columns()).enumerate() {
            codec.write(array, block, out).map_err(|refused| located(index, refused))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
