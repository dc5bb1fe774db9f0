//! The scan's chunks as they are asked for: units as they are, other rows gathered into chunks of their size.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use crossbeam_channel::Receiver;

use super::order::Made;
use super::{Place, Reading, Work};
use crate::base::{Chunk, Error, Result};
use crate::engine::gather::Gather;
use crate::engine::row_stream::{RowSource, numbered};
use crate::labels::CodesSeen;

/// Hands out chunks of at least half of the rows that a chunk may have at the moment, but for the last; stops the workers
/// when it goes.
pub(super) struct Rows {
    work: Arc<Work>,
    schema: SchemaRef,
    /// None while nobody reads, and after the last.
    reading: Option<Reading>,
    gather: Gather,
    /// Rows that are wanted, and those of them that have not come.
    limit: Option<u64>,
    left: Option<u64>,
    /// Full chunks of what was gathered.
    ready: VecDeque<RecordBatch>,
    /// Came while smaller pieces were being gathered, or is too large by now: it follows.
    next: Option<RecordBatch>,
    chunks: u64,
    /// Rows that came from the workers, and how many of them had come with the first of each row group.
    came: u64,
    marks: Vec<(u64, Place)>,
    /// Rows that were handed out.
    out: u64,
}

impl Rows {
    /// Starts the workers at the first row.
    pub(super) fn start(work: Arc<Work>, schema: SchemaRef, limit: Option<u64>) -> Result<Self> {
        let gather = Gather::new(schema.clone(), work.pace.chunk_rows());
        let reading = Some(Reading::start(&work, Place::default())?);
        let (ready, next, chunks, came, marks, out) = (VecDeque::new(), None, 0, 0, Vec::new(), 0);
        Ok(Rows { work, schema, reading, gather, limit, left: limit, ready, next, chunks, came, marks, out })
    }

    /// What comes from the workers next. Begins again where they were stopped.
    fn take(&mut self) -> Result<Option<Made>> {
        let reading = match &self.reading {
            Some(reading) => reading,
            None => self.reading.insert(Reading::start(&self.work, self.place())?),
        };
        let Some((group, made)) = reading.its.order.take(&self.work.ctx)? else { return Ok(None) };
        if self.work.units.is_none() {
            if self.marks.last().is_none_or(|(_, place)| place.group != group) {
                let from = reading.its.from;
                let rows = if group == from.group { from.rows } else { 0 };
                self.marks.push((self.came, Place { group, rows }));
            }
            self.came += made.chunk.batch.num_rows() as u64;
        }
        Ok(Some(made))
    }

    /// Where the row is that comes next, after all that were handed out.
    fn place(&self) -> Place {
        let after = self.marks.partition_point(|(came, _)| *came <= self.out);
        let Some((came, place)) = after.checked_sub(1).map(|at| self.marks[at]) else { return Place::default() };
        Place { rows: place.rows + (self.out - came) as usize, ..place }
    }

    fn next_chunk(&mut self) -> Result<Option<RecordBatch>> {
        let most = self.work.pace.chunk_rows();
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Ok(Some(chunk));
            }
            if let Some(chunk) = self.next.take() {
                return Ok(Some(self.cut(chunk, most)));
            }
            if self.left == Some(0) {
                self.stop();
                return self.finished();
            }
            let Some(Made { chunk, goal }) = self.take()? else { return self.finished() };
            let (mut batch, goal) = (chunk.batch, goal.min(most));
            if let Some(left) = &mut self.left {
                let rows = (batch.num_rows() as u64).min(*left);
                batch = batch.slice(0, rows as usize);
                *left -= rows;
            }
            let large = batch.num_rows() * 2 >= goal;
            if large && self.gather.rows() == 0 {
                return Ok(Some(self.cut(batch, most)));
            }
            if large && self.gather.rows() * 2 >= goal {
                self.next = Some(batch);
                return self.finished();
            }
            self.gather.set_full(goal);
            self.gather.set_most_bytes(self.work.pace.chunk_bytes());
            let (ready, held) = (&mut self.ready, self.work.pace.held());
            self.gather.push(batch.columns(), batch.num_rows(), |chunk| {
                held.claim(&chunk);
                ready.push_back(chunk);
                Ok(())
            })?;
        }
    }

    /// What was gathered, if anything.
    fn finished(&mut self) -> Result<Option<RecordBatch>> {
        let left = self.gather.finish()?;
        left.iter().for_each(|batch| self.work.pace.held().claim(batch));
        Ok(left)
    }

    /// `batch` where it has at most `most` rows, else an even part of it; the rest comes next.
    fn cut(&mut self, batch: RecordBatch, most: usize) -> RecordBatch {
        let rows = batch.num_rows();
        let part = rows.div_ceil(rows.div_ceil(most).max(1));
        if part < rows {
            self.next = Some(batch.slice(part, rows - part));
        }
        batch.slice(0, part)
    }

    fn stop(&mut self) {
        if let Some(reading) = &self.reading {
            reading.its.order.stop();
        }
    }

    fn following(&mut self) -> Result<Option<Chunk>> {
        if self.work.units.is_some() {
            return Ok(self.take()?.map(|made| made.chunk));
        }
        let Some(batch) = self.next_chunk()? else { return Ok(None) };
        self.out += batch.num_rows() as u64;
        Ok(Some(numbered(batch, &mut self.chunks)))
    }
}

impl Iterator for Rows {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        self.following().map_err(|error: Error| error.stage("query")).transpose()
    }
}

impl RowSource for Rows {
    /// Everything that was made goes, and is made again.
    fn set_aside(&mut self, untaken: Vec<RecordBatch>, _: u64, _: &Receiver<()>) -> Result<bool> {
        if self.work.units.is_some() {
            return Err(Error::internal("units are not taken back").stage("query"));
        }
        self.work.scan.seen.iter().for_each(CodesSeen::spoil);
        let rows: u64 = untaken.iter().map(|batch| batch.num_rows() as u64).sum();
        self.chunks -= untaken.len() as u64;
        self.out -= rows;
        self.left = self.limit.map(|limit| limit - self.out);
        // Not before they have ended: what they hold is given back with this.
        self.reading.take().into_iter().for_each(Reading::end);
        (self.ready, self.next) = (VecDeque::new(), None);
        self.gather = Gather::new(self.schema.clone(), self.work.pace.chunk_rows());
        // Earlier ones stay: what was handed out before the last pause may not have been taken at the next.
        self.marks.truncate(self.marks.partition_point(|(came, _)| *came <= self.out));
        self.came = self.out;
        Ok(false)
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        self.stop();
    }
}
