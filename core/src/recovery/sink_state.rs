//! What a sink needs to know of the job's folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{DeadLetters, Log};
use crate::base::Result;

/// The place of one sink's checkpoints; clones are the same place.
#[derive(Clone)]
pub struct SinkState {
    folder: PathBuf,
    /// The sink's place among the job's.
    pub number: usize,
    pub job_id: String,
    /// Rows between two checkpoints, at least.
    pub checkpoint_rows: u64,
    /// Share of the rows that may be dead letters.
    pub dead_letter_limit: f64,
    /// True where another machine may still be at work for this job, so that its sessions must not be ended.
    pub foreign: bool,
    pub dead_letters: Arc<DeadLetters>,
}

const LEFTOVERS: &str = "leftovers.log";

impl SinkState {
    pub fn new(folder: &Path, job_id: &str, number: usize, dead_letters: Arc<DeadLetters>) -> Self {
        SinkState {
            folder: folder.to_owned(),
            number,
            job_id: job_id.to_owned(),
            checkpoint_rows: 10_000,
            dead_letter_limit: 0.01,
            foreign: false,
            dead_letters,
        }
    }

    /// The file of the sink's checkpoints.
    pub fn log(&self) -> PathBuf {
        self.folder.join(format!("sink-{}.log", self.number))
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
