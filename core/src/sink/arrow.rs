//! The stream in the process: chunks go through a bounded channel to a `RecordBatchReader`, without a thread of
//! its own and without a copy.
//!
//! The stream is never short in silence: a sender that went away without an end is an error at the reader. Its
//! memory is `depth` batches and the one being read.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::arrow::array::{RecordBatch, RecordBatchReader};
use ::arrow::datatypes::SchemaRef;
use ::arrow::error::ArrowError;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded, select_biased};

use super::{Sink, Stored};
use crate::base::{Cancel, CancelReason, Chunk, Ctx, Error, Home, Result, Slot};

/// Both ends of a stream of `schema` that holds at most `depth` batches (at least one).
pub fn stream(schema: SchemaRef, depth: usize, cancel: &Cancel) -> (ArrowSink, ArrowReader) {
    let (sender, receiver) = bounded(depth.max(1));
    let end = Arc::new(OnceLock::new());
    let sink = ArrowSink {
        sender,
        end: end.clone(),
        schema: schema.clone(),
        cancel: cancel.clone(),
        slot: Slot::default(),
        rows: 0,
        bytes: 0,
    };
    (sink, ArrowReader { receiver: Some(receiver), end, schema, cancel: cancel.clone(), home: Home::default() })
}

enum End {
    Complete,
    Failed(Arc<Error>),
}

/// The job's end of the stream.
pub struct ArrowSink {
    sender: Sender<RecordBatch>,
    end: Arc<OnceLock<End>>,
    schema: SchemaRef,
    cancel: Cancel,
    slot: Slot,
    rows: u64,
    bytes: u64,
}

impl Sink for ArrowSink {
    fn name(&self) -> &'static str {
        "arrow"
    }

    fn start(&mut self, schema: &SchemaRef, ctx: &Ctx) -> Result<()> {
        self.slot = ctx.slot.clone();
        if schema.fields() == self.schema.fields() {
            Ok(())
        } else {
            Err(Error::internal("the stream was opened with another schema than the result has"))
        }
    }

    fn write(&mut self, chunk: &Chunk) -> Result<()> {
        self.cancel.check()?;
        let (rows, bytes) = (chunk.batch.num_rows() as u64, chunk.batch.get_array_memory_size() as u64);
        match self.sender.try_send(chunk.batch.clone()) {
            Ok(()) => {}
            Err(TrySendError::Full(batch)) => self.slot.park(|patience| self.send_within(batch, patience))?,
            Err(TrySendError::Disconnected(_)) => self.cancel.set(CancelReason::Caller),
        }
        self.cancel.check()?;
        self.rows += rows;
        self.bytes += bytes;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Stored> {
        let _ = self.end.set(End::Complete);
        Ok(Stored {
            sink: "arrow",
            location: "memory".into(),
            rows: self.rows,
            bytes: self.bytes,
            warnings: Vec::new(),
        })
    }

    fn abandon(self: Box<Self>, why: &Arc<Error>) {
        // In a slot of its own, not in the channel: that may be full, and nobody may be reading.
        let _ = self.end.set(End::Failed(why.clone()));
    }
}

impl ArrowSink {
    /// Waits for the reader; a token that is set, by whomever, ends the wait.
    fn send_within(&self, batch: RecordBatch, patience: Duration) {
        select_biased! {
            recv(self.cancel.signal()) -> _ => {}
            send(self.sender, batch) -> sent => if sent.is_err() {
                self.cancel.set(CancelReason::Caller);
            },
            default(patience) => self.cancel.set(CancelReason::Unread(patience)),
        }
    }
}

/// The user's end; dropping it before the end cancels the job.
pub struct ArrowReader {
    // None after the end.
    receiver: Option<Receiver<RecordBatch>>,
    end: Arc<OnceLock<End>>,
    schema: SchemaRef,
    cancel: Cancel,
    home: Home,
}

impl ArrowReader {
    /// The next batch, waiting for it `patience` at most; none while there is none.
    pub fn next_within(&mut self, patience: Duration) -> Option<Option<Result<RecordBatch, ArrowError>>> {
        if let Err(forked) = self.usable() {
            return Some(Some(Err(forked)));
        }
        let Some(receiver) = &self.receiver else { return Some(None) };
        match receiver.recv_timeout(patience) {
            Ok(batch) => Some(Some(Ok(batch))),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(self.end()),
        }
    }

    /// In a forked child nobody sends any more.
    fn usable(&self) -> Result<(), ArrowError> {
        let why = self.home.check().map_err(|forked| StreamFailed(Arc::new(forked.stage("arrow"))));
        why.map_err(|why| ArrowError::ExternalError(Box::new(why)))
    }

    /// After the last batch: the job's error, or nothing.
    fn end(&mut self) -> Option<Result<RecordBatch, ArrowError>> {
        self.receiver = None;
        let why = match self.end.get() {
            Some(End::Complete) => return None,
            Some(End::Failed(why)) => why.clone(),
            None => Arc::new(match self.cancel.check() {
                Err(cancelled) => cancelled,
                Ok(()) => Error::internal("the job went away before the end of its stream").stage("arrow"),
            }),
        };
        Some(Err(ArrowError::ExternalError(Box::new(StreamFailed(why)))))
    }
}

impl Iterator for ArrowReader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Err(forked) = self.usable() {
            return Some(Err(forked));
        }
        match self.receiver.as_ref()?.recv() {
            Ok(batch) => Some(Ok(batch)),
            Err(_) => self.end(),
        }
    }
}

impl RecordBatchReader for ArrowReader {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

impl Drop for ArrowReader {
    fn drop(&mut self) {
        if self.home.is_left() {
            return std::mem::forget((self.receiver.take(), self.end.clone(), self.cancel.clone()));
        }
        // A job whose rows are all in the channel has done its work: nothing to cancel.
        if self.receiver.is_some() && self.end.get().is_none() {
            self.cancel.set(CancelReason::Caller);
        }
    }
}

/// The job's error inside an `ArrowError::ExternalError`; the job's handle holds the same one.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct StreamFailed(pub Arc<Error>);

/// The job's own error, from the last item of its stream.
pub fn error_of(error: &ArrowError) -> Option<&Error> {
    match error {
        ArrowError::ExternalError(inner) => {
            inner.downcast_ref::<StreamFailed>().map(|failed| &*failed.0).or_else(|| inner.downcast_ref())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
