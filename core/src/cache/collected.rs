//! What was collected of an answer that turned out too large to be kept, and then the rest as it comes.

use std::collections::VecDeque;

use arrow::array::RecordBatch;
use crossbeam_channel::Receiver;

use crate::base::{Chunk, Origin, Result, UnitId};
use crate::engine::{RowSource, RowStream};

pub struct Collected {
    held: VecDeque<RecordBatch>,
    rest: RowStream,
    number: u64,
}

impl Collected {
    pub fn and(held: Vec<RecordBatch>, rest: RowStream) -> Self {
        Collected { held: held.into(), rest, number: 0 }
    }
}

impl Iterator for Collected {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = match self.held.pop_front() {
            Some(batch) => batch,
            None => match self.rest.next()? {
                Ok(chunk) => chunk.batch,
                Err(error) => return Some(Err(error)),
            },
        };
        let unit = UnitId(self.number);
        self.number += 1;
        Some(Ok(Chunk { unit, batch, origin: Origin::default() }))
    }
}

impl RowSource for Collected {
    /// All of them, and what is held behind them, are what the rest handed out last: it knows how to put them aside.
    fn set_aside(&mut self, mut untaken: Vec<RecordBatch>, keep: u64, back: &Receiver<()>) -> Result<bool> {
        self.number -= untaken.len() as u64;
        untaken.extend(self.held.drain(..));
        self.rest.set_aside(untaken, keep, back)
    }

    fn gives_back_at_once(&self) -> bool {
        self.rest.gives_back_at_once()
    }
}
