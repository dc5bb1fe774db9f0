//! A statement at work: its schema, and its rows in order.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::base::{Cancel, CancelReason, Chunk, Origin, Result, UnitId};

/// Where the rows come from; it ends with the last one, or with an error.
pub(super) type Chunks = Box<dyn Iterator<Item = Result<Chunk>> + Send>;

/// Rows of a running statement. Dropping it before the end cancels the statement.
pub struct Running {
    schema: SchemaRef,
    chunks: Chunks,
    cancel: Cancel,
    rows: u64,
    ended: bool,
}

impl Running {
    pub(super) fn new(schema: SchemaRef, chunks: Chunks, cancel: Cancel) -> Self {
        Running { schema, chunks, cancel, rows: 0, ended: false }
    }

    /// Of batches that are no units of a scan: each chunk's number is its place.
    pub(crate) fn of_batches(
        schema: SchemaRef,
        batches: impl Iterator<Item = Result<RecordBatch>> + Send + 'static,
        cancel: Cancel,
    ) -> Self {
        let numbered = |(number, batch): (usize, Result<RecordBatch>)| {
            batch.map(|batch| Chunk { unit: UnitId(number as u64), batch, origin: Origin::default() })
        };
        Running::new(schema, Box::new(batches.enumerate().map(numbered)), cancel)
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }
}

impl Iterator for Running {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let mut next = self.chunks.next();
        if let Some(Ok(chunk)) = &mut next {
            chunk.origin.first_row = self.rows;
            self.rows += chunk.batch.num_rows() as u64;
        }
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            self.cancel.set(CancelReason::Caller);
        }
    }
}
