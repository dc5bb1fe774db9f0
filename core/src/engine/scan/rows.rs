//! The scan's chunks as they are asked for: units as they are, other rows gathered into chunks of their size.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::Work;
use crate::base::{Chunk, Error, Origin, Result, UnitId};
use crate::engine::gather::Gather;

/// Hands out chunks of at least half of the rows that a chunk may have at the moment, but for the last; stops the workers
/// when it goes.
pub(super) struct Rows {
    work: Arc<Work>,
    gather: Gather,
    /// Rows that are still wanted.
    left: Option<u64>,
    /// Full chunks of what was gathered.
    ready: VecDeque<RecordBatch>,
    /// Came while smaller pieces were being gathered, or is too large by now: it follows.
    next: Option<RecordBatch>,
    chunks: u64,
}

impl Rows {
    pub(super) fn new(work: Arc<Work>, schema: SchemaRef, left: Option<u64>) -> Self {
        let gather = Gather::new(schema, work.pace.chunk_rows());
        Rows { work, gather, left, ready: VecDeque::new(), next: None, chunks: 0 }
    }

    fn next_chunk(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let most = self.work.pace.chunk_rows();
            if let Some(chunk) = self.ready.pop_front() {
                return Ok(Some(chunk));
            }
            if let Some(chunk) = self.next.take() {
                return Ok(Some(self.cut(chunk, most)));
            }
            if self.left == Some(0) {
                self.work.order.stop();
                return self.gather.finish();
            }
            let Some(chunk) = self.work.order.take(&self.work.ctx)? else { return self.gather.finish() };
            let mut batch = chunk.batch;
            if let Some(left) = &mut self.left {
                let rows = (batch.num_rows() as u64).min(*left);
                batch = batch.slice(0, rows as usize);
                *left -= rows;
            }
            let large = batch.num_rows() * 2 >= most;
            if large && self.gather.rows() == 0 {
                return Ok(Some(self.cut(batch, most)));
            }
            if large && self.gather.rows() * 2 >= most {
                self.next = Some(batch);
                return self.gather.finish();
            }
            self.gather.set_full(most);
            let ready = &mut self.ready;
            self.gather.push(batch.columns(), batch.num_rows(), |chunk| {
                ready.push_back(chunk);
                Ok(())
            })?;
        }
    }
}

impl Rows {
    /// `batch` where it has at most `most` rows, else an even part of it; the rest comes next.
    fn cut(&mut self, batch: RecordBatch, most: usize) -> RecordBatch {
        let rows = batch.num_rows();
        let part = rows.div_ceil(rows.div_ceil(most).max(1));
        if part < rows {
            self.next = Some(batch.slice(part, rows - part));
        }
        batch.slice(0, part)
    }
}

impl Iterator for Rows {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = if self.work.units.is_some() {
            self.work.order.take(&self.work.ctx)
        } else {
            let number = self.chunks;
            self.chunks += 1;
            let numbered = |batch| Chunk { unit: UnitId(number), batch, origin: Origin::default() };
            self.next_chunk().map(|batch| batch.map(numbered))
        };
        next.map_err(|error: Error| error.stage("query")).transpose()
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        self.work.order.stop();
    }
}
