//! What a running piece of work carries with it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Cancel, Language, Progress, Result, Slot, TableIndex, Text, TraceId};

/// Cancellation, right to run, progress, trace and language of one job; cheap to clone.
#[derive(Clone, Default)]
pub struct Ctx {
    /// Stops the job.
    pub cancel: Cancel,
    /// The job's right to run.
    pub slot: Slot,
    /// How long the job may take, from its submission; none: that is not known here.
    pub deadline: Option<Duration>,
    /// How far the job has come.
    pub progress: Arc<Progress>,
    /// Ties log lines, errors and report together.
    pub trace_id: TraceId,
    /// In which people are told.
    pub language: Language,
    /// What is to be said of the job when it ends.
    pub notes: Arc<Mutex<Vec<Text>>>,
    /// It only plans: files that are not here stay where they are.
    pub fetches_nothing: bool,
    /// What became of the indexes of its tables.
    pub indexes: Arc<Mutex<Vec<TableIndex>>>,
}

impl Ctx {
    /// Has the job's report say so, once.
    pub fn note(&self, note: Text) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    /// What was noted.
    pub fn notes(&self) -> Vec<Text> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the job's report name an index of a table.
    pub fn tell_index(&self, index: TableIndex) {
        self.indexes.lock().unwrap_or_else(PoisonError::into_inner).push(index);
    }

    /// Those that were told of.
    pub fn told_indexes(&self) -> Vec<TableIndex> {
        self.indexes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same for a part of the job that can be stopped without the rest.
    pub fn child(&self) -> Ctx {
        Ctx { cancel: self.cancel.child(), ..self.clone() }
    }

    /// A report's warning, for who reads the log and not the report.
    pub fn log_warning(&self, warning: &str) {
        tracing::warn!(trace_id = %self.trace_id, warning, "completed with a warning");
    }

    /// The job's end, once it has been cancelled or its deadline has passed.
    pub fn check(&self) -> Result<()> {
        self.cancel.check()
    }
}
