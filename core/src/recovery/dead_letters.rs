//! Records that a sink or a decoder did not take, kept so that none is lost.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Log;
use crate::base::{CommittedUnits, Result, UnitId};

/// One record, and why it was refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DeadLetter {
    /// Who refused it: `postgres`, or `source` for a record that cannot be read.
    pub sink: String,
    /// Number of the sink among the job's.
    pub sink_number: usize,
    /// The unit that it belongs to.
    pub unit: u64,
    /// The row in that unit, from 0.
    pub row: u64,
    /// Why it was not taken.
    pub reason: String,
    /// PostgreSQL's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sqlstate: Option<String>,
    /// The source file; without one, `source_row` is that of the result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_file: Option<String>,
    /// The row in it, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_row: Option<u64>,
    /// The column that is to blame, where one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What the column held, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Every column of the record, as text; null for NULL.
    pub record: Map<String, Value>,
    /// Of the job.
    pub trace_id: String,
}

/// The dead letters of a job; durable when [`DeadLetters::add`] returns.
pub struct DeadLetters {
    path: PathBuf,
    letters: Mutex<Option<Open>>,
}

struct Open {
    log: Log<DeadLetter>,
    letters: HashSet<Key>,
}

/// What makes a letter the same when its unit is done again.
type Key = (usize, u64, u64);

fn key(letter: &DeadLetter) -> Key {
    (letter.sink_number, letter.unit, letter.row)
}

const FILE: &str = "dead_letters.log";
/// Stands for the decoder where sinks have numbers.
pub const SOURCE: usize = usize::MAX;

impl DeadLetters {
    /// Those of the job whose folder is `folder`; its file is made with the first of them.
    pub fn of(folder: &Path) -> Self {
        DeadLetters { path: folder.join(FILE), letters: Mutex::new(None) }
    }

    /// The file of them in a job's folder.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join(FILE)
    }

    /// What the job's folder holds, in the order in which it came.
    pub fn read(folder: &Path) -> Result<Vec<DeadLetter>> {
        Log::peek(&folder.join(FILE))
    }

    /// Adds letters, each once.
    pub fn add(&self, letters: Vec<DeadLetter>) -> Result<()> {
        if letters.is_empty() {
            return Ok(());
        }
        self.with(|open| {
            let fresh: Vec<DeadLetter> =
                letters.into_iter().filter(|letter| !open.letters.contains(&key(letter))).collect();
            if fresh.is_empty() {
                return Ok(());
            }
            let before = open.log.end();
            open.log.add_all(&fresh)?;
            // The system tells of a failed write once: what it was of is not asked for again, but written again.
            open.log.sync().inspect_err(|_| open.log.back_to(before))?;
            open.letters.extend(fresh.iter().map(key));
            Ok(())
        })
    }

    /// Forgets the letters of units that the sink does not hold: they come again.
    pub fn keep_only(&self, sink_number: usize, held: &CommittedUnits) -> Result<()> {
        if !self.path.exists() {
            return Ok(());
        }
        let stays = |(number, unit, _): &Key| *number != sink_number || held.contains(UnitId(*unit));
        self.with(|open| {
            if open.letters.iter().all(stays) {
                return Ok(());
            }
            let kept: Vec<DeadLetter> =
                Log::peek(&self.path)?.into_iter().filter(|letter| stays(&key(letter))).collect();
            open.log.replace(&kept)?;
            open.letters = kept.iter().map(key).collect();
            Ok(())
        })
    }

    /// How many there are of a sink.
    pub fn count(&self, sink_number: usize) -> Result<u64> {
        if !self.path.exists() {
            return Ok(0);
        }
        self.with(|open| Ok(open.letters.iter().filter(|(number, ..)| *number == sink_number).count() as u64))
    }

    /// The first one of a sink.
    pub fn first(&self, sink_number: usize) -> Result<Option<DeadLetter>> {
        Ok(Log::peek(&self.path)?.into_iter().find(|letter: &DeadLetter| letter.sink_number == sink_number))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Open) -> Result<T>) -> Result<T> {
        let mut held = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        let open = match held.take() {
            Some(open) => open,
            None => {
                let (log, letters) = Log::open(&self.path)?;
                Open { log, letters: letters.iter().map(key).collect() }
            }
        };
        work(held.insert(open))
    }
}
