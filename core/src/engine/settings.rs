//! What a running statement may use.

use std::path::PathBuf;

use super::KeptAnswer;
use crate::base::Units;
use crate::governor::{BatchMemory, Hold, Throttle};

/// Bounds of one running statement.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Bytes that the engine may hold before it spills.
    pub memory_limit: u64,
    /// Bytes that it may spill to disk; past them the job ends with DS-507.
    pub spill_limit: u64,
    /// Folder in which a statement that may spill has one of its own, until it ends.
    pub spill_root: PathBuf,
    /// Threads that the statement may use.
    pub threads: usize,
    /// How a scan is cut where its sinks keep checkpoints: each chunk is a unit then, whatever `chunk_rows` says.
    pub units: Option<Units>,
    /// Most rows of a chunk; each but the last has at least half of that. Fewer while memory is scarce.
    pub chunk_rows: usize,
    /// Bytes that the engine's threads may run ahead of the consumer; with less than some decoded row groups they wait for
    /// one another. Not part of `memory_limit`.
    pub ahead_bytes: u64,
    /// Chunks that wait for the consumer before the engine is held back.
    pub channel_depth: usize,
    /// Read at each batch: what the statement takes of `threads`, `chunk_rows` and `ahead_bytes` at the moment.
    pub throttle: Throttle,
    /// Where batches count that are on their way to a reader (`Throttle::streams`). Those for sinks are part of the job's share, and
    /// have a count of their own.
    pub made: BatchMemory,
    /// The share of the memory that the statement works with: charged until its thread has ended, whoever waits for it.
    pub hold: Option<Hold>,
    /// What the answer is of, where it may be a kept one.
    pub answer: Option<KeptAnswer>,
}

/// What a running statement may take at the moment.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    throttle: Throttle,
    made: BatchMemory,
    threads: usize,
    chunk_rows: usize,
    ahead_bytes: u64,
}

impl Pace {
    pub fn of(settings: &Settings) -> Self {
        let Settings { throttle, made, threads, chunk_rows, ahead_bytes, .. } = settings;
        Pace {
            throttle: throttle.clone(),
            made: made.clone(),
            threads: *threads.max(&1),
            chunk_rows: *chunk_rows.max(&1),
            ahead_bytes: *ahead_bytes,
        }
    }

    /// Threads that may begin a part of the work.
    pub fn workers(&self) -> usize {
        self.throttle.workers(self.threads)
    }

    /// The same of a scan, whose threads come and go with the memory.
    pub fn scan_workers(&self) -> usize {
        if self.throttle.is_crowded() { 1 } else { self.workers() }
    }

    /// Bytes of the next chunk.
    pub fn chunk_bytes(&self) -> u64 {
        self.throttle.batch_bytes()
    }

    /// Rows of the next chunk where a row takes `row_bytes`; at least one.
    pub fn rows_of(&self, row_bytes: u64) -> usize {
        let fit = usize::try_from(self.chunk_bytes() / row_bytes.max(1)).unwrap_or(usize::MAX);
        self.chunk_rows().min(fit).max(1)
    }

    /// What is on its way counts there, however it was made.
    pub fn held(&self) -> &BatchMemory {
        &self.made
    }

    pub fn chunk_rows(&self) -> usize {
        self.throttle.chunk_rows(self.chunk_rows)
    }

    /// Where many streams hold something for their readers, one batch: the rest would be given back before it is taken.
    pub fn ahead_bytes(&self) -> u64 {
        let bytes = self.throttle.ahead_bytes(self.ahead_bytes);
        if self.throttle.is_crowded() { bytes.min(self.chunk_bytes()) } else { bytes }
    }
}
