//! A statement at work: its schema, and its rows in order.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::base::{Cancel, CancelReason, Result};

/// Where the rows come from; it ends with the last one, or with an error.
pub(super) type Chunks = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// Rows of a running statement. Dropping it before the end cancels the statement.
pub struct Running {
    schema: SchemaRef,
    chunks: Chunks,
    cancel: Cancel,
    ended: bool,
}

impl Running {
    pub(super) fn new(schema: SchemaRef, chunks: Chunks, cancel: Cancel) -> Self {
        Running { schema, chunks, cancel, ended: false }
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }
}

impl Iterator for Running {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.chunks.next();
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
