//! What was collected of an answer that turned out too large to be kept, and then the rest as it comes.

use std::collections::VecDeque;

use arrow::array::RecordBatch;

use crate::base::{Chunk, Origin, Result, UnitId};
use crate::engine::{RowSource, RowStream};

pub struct Collected {
    held: VecDeque<RecordBatch>,
    rest: RowStream,
    number: u64,
    /// Batches of the rest that were handed out.
    of_rest: usize,
}

impl Collected {
    pub fn and(held: Vec<RecordBatch>, rest: RowStream) -> Self {
        Collected { held: held.into(), rest, number: 0, of_rest: 0 }
    }
}

impl Iterator for Collected {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = match self.held.pop_front() {
            Some(batch) => batch,
            None => match self.rest.next()? {
                Ok(chunk) => {
                    self.of_rest += 1;
                    chunk.batch
                }
                Err(error) => return Some(Err(error)),
            },
        };
        let unit = UnitId(self.number);
        self.number += 1;
        Some(Ok(Chunk { unit, batch, origin: Origin::default() }))
    }
}

impl RowSource for Collected {
    fn set_aside(&mut self, mut untaken: Vec<RecordBatch>, is_back: &dyn Fn() -> bool) -> Result<bool> {
        self.number -= untaken.len() as u64;
        // The last that were handed out are of the rest, which gives them again; those before come from here.
        let of_rest = untaken.split_off(untaken.len() - untaken.len().min(self.of_rest));
        self.of_rest -= of_rest.len();
        for batch in untaken.into_iter().rev() {
            self.held.push_front(batch);
        }
        self.rest.set_aside(of_rest, is_back)
    }

    fn gives_back_at_once(&self) -> bool {
        self.rest.gives_back_at_once()
    }
}
