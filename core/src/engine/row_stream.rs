//! A statement at work: its schema, and its rows in order.

use std::collections::VecDeque;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use crossbeam_channel::Receiver;

use crate::base::{Cancel, CancelReason, Chunk, Origin, Result, UnitId};

/// Where the rows come from; it ends with the last one, or with an error.
pub trait RowSource: Iterator<Item = Result<Chunk>> + Send {
    /// The reader has stopped to read: gives back what is held for it, as far as it can be had again. `untaken`, the last that was
    /// handed out, in order, was not taken and comes once more. At most `keep` bytes of it stay in memory. Ends early once `back`
    /// disconnects: the reader has come back. True: what is left is only read, from the disk.
    fn set_aside(&mut self, untaken: Vec<RecordBatch>, keep: u64, back: &Receiver<()>) -> Result<bool>;

    /// That takes no time.
    fn gives_back_at_once(&self) -> bool {
        true
    }
}

/// Rows of a running statement. Dropping it before the end cancels the statement.
pub struct RowStream {
    schema: SchemaRef,
    chunks: Box<dyn RowSource>,
    cancel: Cancel,
    rows: u64,
    ended: bool,
}

impl RowStream {
    /// Rows of `source`. `cancel` is set when it is dropped before its end.
    pub fn of(schema: SchemaRef, source: Box<dyn RowSource>, cancel: Cancel) -> Self {
        RowStream { schema, chunks: source, cancel, rows: 0, ended: false }
    }

    /// Of batches of `schema` that are no units of a scan: each chunk's number is its place.
    pub fn new(
        schema: SchemaRef,
        batches: impl Iterator<Item = Result<RecordBatch>> + Send + 'static,
        cancel: Cancel,
    ) -> Self {
        let batches = Batches { batches, again: VecDeque::new(), number: 0 };
        RowStream::of(schema, Box::new(batches), cancel)
    }

    /// Names and types of the columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Whether [`RowStream::set_aside`] takes no time.
    pub fn gives_back_at_once(&self) -> bool {
        self.chunks.gives_back_at_once()
    }

    /// Its reader has stopped to read, and has not taken `untaken`, the last batches that came: they come again, the same rows in
    /// the same order, when the next chunk is asked for. Until then as little memory is held as can be, and of what waits at most `keep`
    /// bytes. Ends early once `back` disconnects.
    /// True: no statement is at work any more, and what is left is only read from the disk.
    pub fn set_aside(&mut self, untaken: Vec<RecordBatch>, keep: u64, back: &Receiver<()>) -> Result<bool> {
        let rows: u64 = untaken.iter().map(|batch| batch.num_rows() as u64).sum();
        let only_read = self.chunks.set_aside(untaken, keep, back)?;
        self.rows -= rows;
        self.ended &= rows == 0;
        Ok(only_read)
    }
}

/// Of a stream that another one stands before.
impl RowSource for RowStream {
    fn set_aside(&mut self, untaken: Vec<RecordBatch>, keep: u64, back: &Receiver<()>) -> Result<bool> {
        RowStream::set_aside(self, untaken, keep, back)
    }

    fn gives_back_at_once(&self) -> bool {
        RowStream::gives_back_at_once(self)
    }
}

/// Batches that are no units of a scan. What is not taken waits in memory.
struct Batches<I> {
    batches: I,
    again: VecDeque<RecordBatch>,
    number: u64,
}

impl<I: Iterator<Item = Result<RecordBatch>>> Iterator for Batches<I> {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.again.pop_front().map(Ok).or_else(|| self.batches.next())?;
        Some(batch.map(|batch| numbered(batch, &mut self.number)))
    }
}

impl<I: Iterator<Item = Result<RecordBatch>> + Send> RowSource for Batches<I> {
    fn set_aside(&mut self, untaken: Vec<RecordBatch>, _: u64, _: &Receiver<()>) -> Result<bool> {
        self.number -= untaken.len() as u64;
        for batch in untaken.into_iter().rev() {
            self.again.push_front(batch);
        }
        Ok(true)
    }
}

/// A chunk whose number is its place.
pub(super) fn numbered(batch: RecordBatch, number: &mut u64) -> Chunk {
    let unit = UnitId(*number);
    *number += 1;
    Chunk { unit, batch, origin: Origin::default() }
}

impl Iterator for RowStream {
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

impl Drop for RowStream {
    fn drop(&mut self) {
        if !self.ended {
            self.cancel.set(CancelReason::Caller);
        }
    }
}
