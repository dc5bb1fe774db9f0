//! The chunks of a stream, whose statement runs once more, alone, where its share of the memory did not do.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use crossbeam_channel::Receiver;

use super::attempts::{Attempts, is_short_of_memory};
use super::memory::Share;
use super::parking::SharedLease;
use crate::base::{Chunk, Code, Error, Result, text};
use crate::engine::RowStream;

/// Until the first chunk is handed out: what the reader has got cannot be taken back.
pub(super) struct OomRetry<F> {
    start: F,
    running: RowStream,
    share: Share,
    lease: SharedLease,
    attempts: Attempts,
    begun: bool,
}

impl<F: FnMut(bool) -> Result<(RowStream, Share)>> OomRetry<F> {
    /// `start` is told whether to take all the memory that jobs may have.
    pub fn begin(mut start: F) -> Result<Self> {
        let mut attempts = Attempts::default();
        let (running, share) = match start(false) {
            Err(error) if attempts.runs_alone(&error) => start(true)?,
            first => first?,
        };
        let lease = share.lease.clone();
        Ok(OomRetry { start, running, share, lease, attempts, begun: false })
    }

    pub fn schema(&self) -> SchemaRef {
        self.running.schema().clone()
    }

    /// [`RowStream::gives_back_at_once`] of whichever run it is.
    pub fn gives_back_at_once(&self) -> bool {
        self.running.gives_back_at_once()
    }

    /// [`RowStream::set_aside`] of whichever run it is.
    pub fn set_aside(&mut self, untaken: Vec<RecordBatch>, keep: u64, back: &Receiver<()>) -> Result<bool> {
        self.running.set_aside(untaken, keep, back)
    }

    /// The lease of whichever run it is.
    pub fn lease(&self) -> SharedLease {
        self.lease.clone()
    }

    /// That of the last run.
    pub fn share(&self) -> &Share {
        &self.share
    }

    /// Once the first one's memory is given back.
    fn again(&mut self) -> Result<()> {
        self.lease.give_back();
        let schema = self.schema();
        let (running, share) = (self.start)(true)?;
        if *running.schema() != schema {
            return Err(Error::internal("the same statement has another schema").stage("query"));
        }
        self.lease.take_over(&share.lease);
        (self.running, self.share) = (running, share);
        Ok(())
    }
}

impl<F: FnMut(bool) -> Result<(RowStream, Share)>> Iterator for OomRetry<F> {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.running.next() {
            Some(Err(error)) if is_short_of_memory(&error) && self.begun => Some(Err(too_late(error))),
            Some(Err(error)) if self.attempts.runs_alone(&error) => match self.again() {
                Ok(()) => self.next(),
                Err(error) => Some(Err(error)),
            },
            next => {
                self.begun |= matches!(next, Some(Ok(_)));
                next
            }
        }
    }
}

fn too_late(error: Error) -> Error {
    Error::new(
        Code::OutOfMemory,
        text!(
            "A memória acabou depois que o fluxo já tinha entregado linhas, e por isso a consulta não pôde recomeçar \
             sozinha. Exporte para um arquivo (`export`), que recomeça por si, ou aumente `memory_limit`",
            "Memory ran out after the stream had handed out rows, so the query could not begin again by itself. Export to \
             a file (`export`), which begins again by itself, or raise `memory_limit`"
        ),
    )
    .stage("query")
    .because(error)
}
