//! Rows to a reader in this process, at its pace. What is held for it is little: a reader that stops to read finds the rest of its rows
//! again, read once more or from the disk.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use crossbeam_channel::{Receiver, bounded};

use super::{why, with_schema};
use crate::base::{CancelReason, Chunk, Ctx, Error, Result};
use crate::engine::RowStream;
use crate::governor::Throttle;
use crate::lake::LakeFile;
use crate::run::memory::Share;
use crate::run::oom_retry::OomRetry;
use crate::sink::arrow::{ArrowSink, Asked};
use crate::sink::{Sink, Stored};

/// How long a reader may take to its next batch while memory is free, and while many hold some.
const GRACE: Duration = Duration::from_millis(250);
const GRACE_IF_CROWDED: Duration = Duration::from_millis(5);
/// How soon a stream sees that others begin to need memory.
const STEP: Duration = Duration::from_millis(20);
/// A job whose read-ahead goes with its slot works for so long before it makes room.
const TURN: Duration = Duration::from_millis(50);

/// The reader's end of a job.
pub(in crate::run) struct ToReader<'s, F> {
    pub rows: &'s mut OomRetry<F>,
    pub sink: ArrowSink,
    pub schema: &'s SchemaRef,
    pub throttle: Throttle,
    /// Its slot parks the job's share of the memory.
    pub ctx: &'s Ctx,
}

impl<F: FnMut(bool) -> Result<(RowStream, Share)>> ToReader<'_, F> {
    /// All rows to the reader, in order, each once. The stream ends well only where no source changed meanwhile.
    pub fn deliver(mut self, files: &[LakeFile], expected: Option<u64>) -> Result<(u64, Vec<Stored>), Arc<Error>> {
        self.ctx.progress.begin_rows(0);
        if let Some(expected) = expected {
            self.ctx.progress.expect_rows(expected);
        }
        let pumped = self.pump().and_then(|()| {
            self.ctx.check()?;
            files.iter().try_for_each(LakeFile::still_unchanged)
        });
        match pumped {
            Ok(()) => Ok((self.sink.rows(), vec![Box::new(self.sink).finish().map_err(Arc::new)?])),
            Err(error) => {
                let error = why(&error, self.ctx);
                Box::new(self.sink).abandon(&error);
                Err(error)
            }
        }
    }

    fn pump(&mut self) -> Result<()> {
        let mut turn = Instant::now();
        loop {
            while let Some(chunk) = self.rows.next() {
                let Chunk { batch, .. } = chunk?;
                if let Some(batch) = self.sink.push(with_schema(batch, self.schema)?) {
                    self.wait(Some(batch))?;
                    turn = Instant::now();
                }
                self.ctx.check()?;
                self.tell();
                if !self.throttle.is_tight() || turn.elapsed() >= TURN {
                    self.make_room()?;
                    turn = Instant::now();
                }
            }
            // These were all, but not all of them may wait in memory.
            if self.sink.held_bytes() <= self.throttle.parked_bytes() {
                return Ok(());
            }
            self.wait(None)?;
            self.ctx.check()?;
        }
    }

    /// The reader has enough for now: others use the slot. One that takes nothing for a while keeps no memory either; where many
    /// hold some, it has none without a slot.
    fn wait(&mut self, batch: Option<RecordBatch>) -> Result<()> {
        let keep = self.throttle.parked_bytes();
        let most = if batch.is_some() { u64::MAX } else { keep };
        let slot = self.ctx.slot.clone();
        if self.throttle.is_crowded() && self.rows.gives_back_at_once() {
            if self.sink.has_room_within(most, GRACE_IF_CROWDED) {
                return self.go_on(batch);
            }
            let asked = self.give_back(keep, batch)?;
            return slot.park(|patience| self.wait_until_asked(asked, patience));
        }
        slot.park(|patience| self.wait_for_reader(batch, most, keep, patience))?
    }

    fn wait_for_reader(&mut self, batch: Option<RecordBatch>, most: u64, keep: u64, patience: Duration) -> Result<()> {
        let mut left = GRACE.min(patience);
        loop {
            let step = left.min(STEP);
            if self.sink.has_room_within(most, step) {
                return self.go_on(batch);
            }
            left -= step;
            if left.is_zero() || self.throttle.is_crowded() {
                let asked = self.give_back(keep, batch)?;
                self.wait_until_asked(asked, patience);
                return Ok(());
            }
        }
    }

    /// What the reader has not taken, but for the first batches of at most `keep` bytes, and what was made for it.
    fn give_back(&mut self, keep: u64, batch: Option<RecordBatch>) -> Result<Asked> {
        let (mut untaken, asked) = self.sink.take_back(keep);
        untaken.extend(batch);
        let only_read = self.rows.set_aside(untaken, self.keep(), &self.sink.back(asked))?;
        self.rows.lease().park(only_read);
        Ok(asked)
    }

    /// What may wait in memory behind what waits for the reader already.
    fn keep(&self) -> u64 {
        self.throttle.parked_bytes().saturating_sub(self.sink.held_bytes())
    }

    fn wait_until_asked(&self, asked: Asked, patience: Duration) {
        if !self.sink.is_asked_within(asked, patience) {
            self.ctx.cancel.set(CancelReason::Unread(patience));
        }
    }

    /// The reader has come: the batch that waited goes to it. While others need memory, the rest is not held until the slot is there.
    fn go_on(&mut self, waited: Option<RecordBatch>) -> Result<()> {
        if let Some(batch) = waited.and_then(|batch| self.sink.push(batch)) {
            return self.rows.set_aside(vec![batch], self.keep(), &is_back()).map(drop);
        }
        self.give_back_if_tight()
    }

    fn make_room(&mut self) -> Result<()> {
        let (slot, mut outcome) = (self.ctx.slot.clone(), Ok(()));
        slot.yield_now_and(|| outcome = self.give_back_if_tight());
        outcome
    }

    fn give_back_if_tight(&mut self) -> Result<()> {
        if self.throttle.is_tight() {
            self.rows.set_aside(Vec::new(), self.keep(), &is_back())?;
        }
        Ok(())
    }

    /// Rows that were taken back were told already.
    fn tell(&self) {
        let (told, rows) = (self.ctx.progress.rows(), self.sink.rows());
        if rows > told {
            self.ctx.progress.add_rows(rows - told);
        }
    }
}

/// For who has not gone away.
fn is_back() -> Receiver<()> {
    bounded(0).1
}
