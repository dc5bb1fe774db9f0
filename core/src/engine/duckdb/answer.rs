//! The rows on their way from the thread that owns the statement to whoever takes them. The end is said, never guessed: a sender
//! that is gone without a word is an error, so that a short answer is never taken for the whole.

use std::time::Duration;

use arrow::array::RecordBatch;
use crossbeam_channel::{Receiver, RecvError, RecvTimeoutError, Sender, select};

use crate::base::{Ctx, Error, Result};

enum Piece {
    Rows(RecordBatch),
    Failed(Error),
    End,
}

/// The statement's end.
pub(super) struct ToConsumer(Sender<Piece>);

/// The consumer's end: batches, and the error that ends them.
pub(super) struct Pieces {
    receiver: Receiver<Piece>,
    ended: bool,
}

/// Both ends; `depth` batches wait at most.
pub(super) fn bounded(depth: usize) -> (ToConsumer, Pieces) {
    let (sender, receiver) = crossbeam_channel::bounded(depth);
    (ToConsumer(sender), Pieces { receiver, ended: false })
}

impl ToConsumer {
    /// Waits for the consumer, and for nothing longer than the job lives.
    pub fn rows(&self, batch: RecordBatch, ctx: &Ctx) -> Result<()> {
        self.send(Piece::Rows(batch), ctx)
    }

    /// These were all.
    pub fn end(self, ctx: &Ctx) -> Result<()> {
        self.send(Piece::End, ctx)
    }

    /// Waits for a consumer that has not taken the rows before it; one that is gone hears of nothing.
    pub fn fail(self, error: Error) {
        let _ = self.0.send(Piece::Failed(error));
    }

    fn send(&self, piece: Piece, ctx: &Ctx) -> Result<()> {
        select! {
            send(self.0, piece) -> _ => ctx.check(),
            recv(ctx.cancel.signal()) -> _ => ctx.check(),
        }
    }
}

impl Pieces {
    /// The next one, waiting for it `patience` at most; none while there is none.
    pub fn next_within(&mut self, patience: Duration) -> Option<Option<Result<RecordBatch>>> {
        if self.ended {
            return Some(None);
        }
        match self.receiver.recv_timeout(patience) {
            Ok(piece) => Some(self.open(Ok(piece))),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(self.open(Err(RecvError))),
        }
    }

    fn open(&mut self, piece: std::result::Result<Piece, RecvError>) -> Option<Result<RecordBatch>> {
        let piece = match piece {
            Ok(Piece::Rows(batch)) => return Some(Ok(batch)),
            Ok(Piece::End) => None,
            Ok(Piece::Failed(error)) => Some(Err(error)),
            Err(RecvError) => {
                Some(Err(Error::internal("the engine's thread went away before the end of its rows").stage("query")))
            }
        };
        self.ended = true;
        piece
    }
}

impl Iterator for Pieces {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let piece = self.receiver.recv();
        self.open(piece)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int32Array};

    use super::*;
    use crate::base::{Code, text};

    fn batch() -> RecordBatch {
        let column: ArrayRef = Arc::new(Int32Array::from(vec![1]));
        RecordBatch::try_from_iter([("n", column)]).unwrap()
    }

    #[test]
    fn the_end_is_the_end_only_where_it_was_said() {
        let codes = |pieces: Pieces| pieces.map(|piece| piece.map_err(|error| error.code())).collect::<Vec<_>>();
        let (sender, pieces) = bounded(4);
        sender.rows(batch(), &Ctx::default()).unwrap();
        sender.end(&Ctx::default()).unwrap();
        assert_eq!(codes(pieces), [Ok(batch())]);

        let (sender, pieces) = bounded(4);
        sender.rows(batch(), &Ctx::default()).unwrap();
        drop(sender);
        assert_eq!(codes(pieces), [Ok(batch()), Err(Code::Internal)]);

        // Between the schema and the first rows.
        let (sender, pieces) = bounded(4);
        sender.fail(Error::new(Code::DamagedFile, text!("danificado", "damaged")));
        assert_eq!(codes(pieces), [Err(Code::DamagedFile)]);
    }
}
