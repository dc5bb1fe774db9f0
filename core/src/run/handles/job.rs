//! A query at work, seen from outside.

use std::time::{Duration, Instant};

use crate::base::{Ctx, Error, Language, ProgressSnapshot, Result};
use crate::run::Report;
use crate::scheduler::{Events, Handle, Status};

/// A handle on a job; clones are the same job, and letting go of it does not stop it.
#[derive(Clone)]
pub struct Job {
    id: String,
    began: Instant,
    handle: Handle<Report>,
}

impl Job {
    pub(in crate::run) fn new(id: String, ctx: Ctx) -> Self {
        Job { id, began: Instant::now(), handle: Handle::new(ctx) }
    }

    /// Since its submission.
    pub(in crate::run) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    pub(in crate::run) fn handle(&self) -> &Handle<Report> {
        &self.handle
    }

    /// A ULID: jobs sort by the time of their submission.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Of the texts that it gives to people.
    pub fn language(&self) -> Language {
        self.handle.ctx().language
    }

    pub fn trace_id(&self) -> &str {
        self.handle.ctx().trace_id.as_str()
    }

    pub fn status(&self) -> Status {
        self.handle.status()
    }

    pub fn progress(&self) -> ProgressSnapshot {
        self.handle.ctx().progress.snapshot()
    }

    /// Status and progress as they change, for one listener: each status in order, progress at most 10 times a second.
    pub fn subscribe(&self) -> Events {
        self.handle.subscribe()
    }

    /// Asks the job to stop; it ends with DS-499: at once while it is queued, within 100 ms from execution on. Nothing of it stays.
    pub fn cancel(&self) {
        self.handle.cancel();
    }

    /// The same, but what it has written into files and tables is kept for a resume, and its error names it: for Ctrl-C, and for
    /// the end of a process.
    pub fn interrupt(&self) {
        self.handle.interrupt();
    }

    /// Waits for the end, `timeout` at most; none while the job goes on. DS-498 in a forked child.
    pub fn wait(&self, timeout: Option<Duration>) -> Option<Result<Report>> {
        self.handle.wait(timeout)
    }

    /// Waits for the end.
    pub fn report(&self) -> Result<Report> {
        self.wait(None).unwrap_or_else(|| Err(Error::internal("a job ended without an outcome")))
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("id", &self.id).field("status", &self.status()).finish()
    }
}
