//! A statement at work: its schema, and its rows in order.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use crossbeam_channel::Receiver;

use crate::base::{Cancel, CancelReason, Result};

/// Rows of a running statement. Dropping it before the end cancels the statement.
pub struct Running {
    schema: SchemaRef,
    chunks: Receiver<Result<RecordBatch>>,
    cancel: Cancel,
    ended: bool,
}

impl Running {
    pub(super) fn new(schema: SchemaRef, chunks: Receiver<Result<RecordBatch>>, cancel: Cancel) -> Self {
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
        let next = self.chunks.recv().ok();
        self.ended = !matches!(next, Some(Ok(_)));
        match next {
            // A worker says how it ended; silence without a word is a broken worker, never a short answer.
            None => None,
            some => some,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            self.cancel.set(CancelReason::Caller);
        }
    }
}
