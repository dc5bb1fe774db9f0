//! What a sink needs to know of the job's folder.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::{DeadLetters, Log};
use crate::base::{Result, TraceId, UnitPlaces};

/// The place of one sink's checkpoints; clones are the same place.
#[derive(Clone)]
pub struct SinkState {
    /// What the sink keeps.
    pub folder: PathBuf,
    /// The sink's place among the job's.
    pub number: usize,
    /// Of the job.
    pub job_id: String,
    /// Rows between two checkpoints, at least.
    pub checkpoint_rows: u64,
    /// Share of the rows that may be dead letters.
    pub dead_letter_limit: f64,
    /// More than that are never looked for, whatever the share.
    pub most_dead_letters: u64,
    /// True where another machine may still be at work for this job, so that its sessions must not be ended.
    pub foreign: bool,
    /// Where records go that the sink does not take.
    pub dead_letters: Arc<DeadLetters>,
    /// Where the rows of each unit come from, once that is known: a result that is kept first tells it later.
    pub places: Arc<OnceLock<UnitPlaces>>,
    /// Of the job.
    pub trace_id: TraceId,
}

const LEFTOVERS: &str = "leftovers.log";

impl SinkState {
    /// Of the sink that is the job's `number`th.
    pub fn new(folder: &Path, job_id: &str, number: usize, dead_letters: Arc<DeadLetters>) -> Self {
        SinkState {
            folder: folder.to_owned(),
            number,
            job_id: job_id.to_owned(),
            checkpoint_rows: 10_000,
            dead_letter_limit: 0.01,
            most_dead_letters: 100_000,
            foreign: false,
            dead_letters,
            places: Arc::default(),
            trace_id: TraceId::default(),
        }
    }

    /// Of a test.
    #[cfg(test)]
    pub fn of_test(folder: &Path, number: usize) -> Self {
        SinkState::new(folder, "01K0000000000000000000TEST", number, Arc::new(DeadLetters::of(folder)))
    }

    /// The file of the sink's checkpoints.
    pub fn log(&self) -> PathBuf {
        self.folder.join(format!("sink-{}.log", self.number))
    }

    /// The file of what has gone up of the sink's file, where that goes to another store.
    pub fn upload_log(&self) -> PathBuf {
        self.folder.join(format!("upload-{}.log", self.number))
    }

    /// Something of the job is about to be made outside of its folder.
    pub fn begins(&self) -> Result<()> {
        Log::<()>::open(&self.log()).map(drop)
    }

    /// An earlier attempt has left checkpoints, or the beginning of a file.
    pub fn has_begun(&self) -> bool {
        self.log().exists()
    }

    /// Notes a file outside of the job's folder, before it is made, so that it goes with the job.
    pub fn leaves(&self, file: &Path) -> Result<()> {
        let (mut log, known) = Log::<PathBuf>::open(&self.folder.join(LEFTOVERS))?;
        if known.iter().any(|known| known == file) {
            return Ok(());
        }
        log.add(&file.to_owned())?;
        log.sync()
    }

    /// The files outside of a job's folder that are of this job alone.
    pub fn leftovers(folder: &Path) -> Result<Vec<PathBuf>> {
        Log::peek(&folder.join(LEFTOVERS))
    }
}
