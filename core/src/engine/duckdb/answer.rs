//! The rows on their way from the thread that owns the statement to whoever takes them. The end is said, never guessed: a sender
//! that is gone without a word is an error, so that a short answer is never taken for the whole.

use arrow::array::RecordBatch;
use crossbeam_channel::{Receiver, RecvError, Sender, TryRecvError, select};

use super::watch::Watch;
use crate::base::{Ctx, Error, Next, Result};

enum Piece {
    Rows(RecordBatch),
    Failed(Error),
    End,
}

/// The statement's end.
pub(in crate::engine) struct ToConsumer(Sender<Piece>);

/// The consumer's end: batches, and the error that ends them.
pub(in crate::engine) struct Pieces {
    receiver: Receiver<Piece>,
    abandoned: Receiver<Error>,
    ended: bool,
}

/// Both ends; `depth` batches wait at most. What comes from `abandoned` is the consumer's end, whatever the statement does.
pub(in crate::engine) fn bounded(depth: usize, abandoned: Receiver<Error>) -> (ToConsumer, Pieces) {
    let (sender, receiver) = crossbeam_channel::bounded(depth);
    (ToConsumer(sender), Pieces { receiver, abandoned, ended: false })
}

/// What comes next from the statement's thread, or why nothing will. A thread that is not abandoned says something in the end.
pub(super) fn unless_abandoned<T>(
    receiver: &Receiver<T>,
    abandoned: &Receiver<Error>,
) -> Result<std::result::Result<T, RecvError>> {
    let left = select! {
        recv(receiver) -> next => return Ok(next),
        recv(abandoned) -> left => left,
    };
    left.map_or_else(|RecvError| Ok(receiver.recv()), Err)
}

impl ToConsumer {
    /// Waits for the consumer, and for nothing longer than the statement may run.
    pub(super) fn rows(&self, batch: RecordBatch, ctx: &Ctx, watch: &Watch) -> Result<()> {
        select! {
            send(self.0, Piece::Rows(batch)) -> _ => ctx.check(),
            recv(watch.stops()) -> _ => {
                ctx.check()?;
                watch.check()?;
                Err(Error::internal("a statement stopped without a reason"))
            }
        }
    }

    /// The same of a statement that another process runs.
    pub fn rows_until(&self, batch: RecordBatch, ctx: &Ctx) -> Result<()> {
        select! {
            send(self.0, Piece::Rows(batch)) -> _ => ctx.check(),
            recv(ctx.cancel.signal()) -> _ => ctx.check(),
        }
    }

    /// These were all.
    pub fn end(self, ctx: &Ctx) -> Result<()> {
        select! {
            send(self.0, Piece::End) -> _ => ctx.check(),
            recv(ctx.cancel.signal()) -> _ => ctx.check(),
        }
    }

    /// Waits for a consumer that has not taken the rows before it; one that is gone hears of nothing.
    pub fn fail(self, error: Error) {
        let _ = self.0.send(Piece::Failed(error));
    }
}

impl Pieces {
    /// The next one, waiting for it; nothing once `back` has disconnected.
    pub fn next_unless(&mut self, back: &Receiver<()>) -> Next {
        if self.ended {
            return Next::End;
        }
        if back.try_recv() == Err(TryRecvError::Disconnected) {
            return Next::NotYet;
        }
        let piece = select! {
            recv(self.receiver) -> piece => Ok(piece),
            recv(self.abandoned) -> left => left.map_or_else(|RecvError| Ok(self.receiver.recv()), Err),
            recv(back) -> _ => return Next::NotYet,
        };
        match self.open(piece) {
            Some(Ok(batch)) => Next::Batch(batch),
            Some(Err(error)) => Next::Failed(error),
            None => Next::End,
        }
    }

    fn open(&mut self, piece: Result<std::result::Result<Piece, RecvError>>) -> Option<Result<RecordBatch>> {
        let end = match piece {
            Ok(Ok(Piece::Rows(batch))) => return Some(Ok(batch)),
            Ok(Ok(Piece::End)) => None,
            Ok(Ok(Piece::Failed(error))) | Err(error) => Some(Err(error)),
            Ok(Err(RecvError)) => {
                Some(Err(Error::internal("the engine's thread went away before the end of its rows").stage("query")))
            }
        };
        self.ended = true;
        end
    }
}

impl Iterator for Pieces {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let piece = unless_abandoned(&self.receiver, &self.abandoned);
        self.open(piece)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int32Array};
    use crossbeam_channel::never;

    use super::*;
    use crate::base::{Code, text};

    fn batch() -> RecordBatch {
        let column: ArrayRef = Arc::new(Int32Array::from(vec![1]));
        RecordBatch::try_from_iter([("n", column)]).unwrap()
    }

    fn watch() -> Watch {
        Watch::start("test", None, None, &Ctx::default()).unwrap().0
    }

    #[test]
    fn the_end_is_the_end_only_where_it_was_said() {
        let codes = |pieces: Pieces| pieces.map(|piece| piece.map_err(|error| error.code())).collect::<Vec<_>>();
        let (sender, pieces) = bounded(4, never());
        sender.rows(batch(), &Ctx::default(), &watch()).unwrap();
        sender.end(&Ctx::default()).unwrap();
        assert_eq!(codes(pieces), [Ok(batch())]);

        let (sender, pieces) = bounded(4, never());
        sender.rows(batch(), &Ctx::default(), &watch()).unwrap();
        drop(sender);
        assert_eq!(codes(pieces), [Ok(batch()), Err(Code::Internal)]);

        // Between the schema and the first rows.
        let (sender, pieces) = bounded(4, never());
        sender.fail(Error::new(Code::DamagedFile, text!("danificado", "damaged")));
        assert_eq!(codes(pieces), [Err(Code::DamagedFile)]);
    }
}
