//! What the engine's thread hands over, for a reader that may stop to read. Then the rest of the result goes to disk, so that the
//! instance can end and give its memory back; the reader finds its rows there, in order, when it comes again.

use std::collections::VecDeque;

use arrow::array::RecordBatch;
use crossbeam_channel::Receiver;

use super::answer::Pieces;
use super::aside::{Aside, Record};
use crate::base::{Chunk, Error, Next, Result, batch_bytes};
use crate::engine::Settings;
use crate::engine::row_stream::{RowSource, numbered};
use crate::engine::settings::Pace;

/// More than a stream ever has untaken.
const REMEMBERED: usize = 8;

pub(in crate::engine) struct Drained {
    pieces: Pieces,
    settings: Settings,
    pace: Pace,
    /// In order; all of it comes before what the engine's thread hands over next.
    waiting: VecDeque<Waiting>,
    aside: Option<Aside>,
    /// Where the last that were handed out lie on disk, if they do.
    handed: VecDeque<Option<Record>>,
    /// How the result ends, where that is known already.
    end: Option<Result<()>>,
    chunks: u64,
}

enum Waiting {
    Memory(RecordBatch),
    Disk(Record),
}

impl Drained {
    pub fn new(pieces: Pieces, settings: &Settings) -> Self {
        let (pace, settings) = (Pace::of(settings), settings.clone());
        let (waiting, handed) = (VecDeque::new(), VecDeque::new());
        Drained { pieces, settings, pace, waiting, aside: None, handed, end: None, chunks: 0 }
    }

    fn following(&mut self) -> Result<Option<RecordBatch>> {
        let (batch, record) = match self.waiting.pop_front() {
            Some(Waiting::Memory(batch)) => (batch, None),
            Some(Waiting::Disk(record)) => {
                let aside = self.aside.as_mut().ok_or_else(|| Error::internal("rows on disk without a file"))?;
                let batch = aside.read(&record)?;
                self.pace.held().claim(&batch);
                (batch, Some(record))
            }
            None => {
                let next = match self.end.take() {
                    None => self.pieces.next().transpose(),
                    Some(end) => end.map(|()| None),
                };
                match next? {
                    Some(batch) => (batch, None),
                    None => {
                        self.end = Some(Ok(()));
                        return Ok(None);
                    }
                }
            }
        };
        self.handed.push_back(record);
        if self.handed.len() > REMEMBERED {
            self.handed.pop_front();
        }
        let on_disk = |waiting: &Waiting| matches!(waiting, Waiting::Disk(_));
        if self.aside.is_some() && !self.waiting.iter().any(on_disk) && !self.handed.iter().any(Option::is_some) {
            self.aside = None;
        }
        Ok(Some(batch))
    }

    /// True once the engine's thread has nothing more to hand over.
    fn drain(&mut self, back: &Receiver<()>) -> Result<bool> {
        loop {
            self.write_aside()?;
            if self.end.is_some() {
                return Ok(true);
            }
            match self.pieces.next_unless(back) {
                Next::NotYet => return Ok(false),
                Next::Batch(batch) => self.waiting.push_back(Waiting::Memory(batch)),
                Next::Failed(error) => self.end = Some(Err(error)),
                Next::End => self.end = Some(Ok(())),
            }
        }
    }

    /// What waits in memory goes to disk once it is more than may wait there.
    fn write_aside(&mut self) -> Result<()> {
        let bytes = self.waiting.iter().map(|waiting| match waiting {
            Waiting::Memory(batch) => batch_bytes(batch),
            Waiting::Disk(_) => 0,
        });
        if bytes.sum::<u64>() <= self.pace.parked_bytes() {
            return Ok(());
        }
        let aside = match &mut self.aside {
            Some(aside) => aside,
            none => none.insert(Aside::create(&self.settings.spill_root, self.settings.spill_limit)?),
        };
        for waiting in &mut self.waiting {
            if let Waiting::Memory(batch) = waiting {
                *waiting = Waiting::Disk(aside.append(batch)?);
            }
        }
        Ok(())
    }
}

impl Iterator for Drained {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.following().map(|batch| batch.map(|batch| numbered(batch, &mut self.chunks)));
        next.transpose()
    }
}

impl RowSource for Drained {
    fn gives_back_at_once(&self) -> bool {
        false
    }

    fn set_aside(&mut self, untaken: Vec<RecordBatch>, back: &Receiver<()>) -> Result<bool> {
        self.chunks -= untaken.len() as u64;
        for batch in untaken.into_iter().rev() {
            let waiting = self.handed.pop_back().flatten().map_or(Waiting::Memory(batch), Waiting::Disk);
            self.waiting.push_front(waiting);
        }
        // Without room on the disk it waits in memory, as a result does whose reader is only a little slow.
        self.drain(back).or_else(|error| {
            tracing::warn!(%error, "the result of a stream that is not read stays in memory");
            Ok(false)
        })
    }
}
