//! A running piece of work, seen from outside.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::Report;
use crate::base::{CancelReason, Code, Ctx, Error, ProgressSnapshot, Result};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Running,
    /// Between two attempts.
    Retrying,
    Completed,
    Failed,
    Cancelled,
}

/// A handle on a job; clones are the same job, and letting go of it does not stop it.
#[derive(Clone)]
pub struct Job(Arc<State>);

struct State {
    id: String,
    ctx: Ctx,
    began: Instant,
    standing: Mutex<Status>,
    outcome: Mutex<Option<Result<Report>>>,
    ended: Condvar,
}

impl Job {
    pub(super) fn new(id: String, ctx: Ctx) -> Self {
        Job(Arc::new(State {
            id,
            ctx,
            began: Instant::now(),
            standing: Mutex::new(Status::Running),
            outcome: Mutex::new(None),
            ended: Condvar::new(),
        }))
    }

    /// Since its submission.
    pub(super) fn age(&self) -> Duration {
        self.0.began.elapsed()
    }

    /// Says where a job stands that has not ended.
    pub(super) fn stand(&self, status: Status) {
        *self.0.standing.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    pub(super) fn end(&self, outcome: Result<Report>) {
        *self.0.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        self.0.ended.notify_all();
    }

    /// A ULID: jobs sort by the time of their submission.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    pub fn trace_id(&self) -> &str {
        self.0.ctx.trace_id.as_str()
    }

    pub fn status(&self) -> Status {
        match &*self.0.outcome.lock().unwrap_or_else(PoisonError::into_inner) {
            None => *self.0.standing.lock().unwrap_or_else(PoisonError::into_inner),
            Some(Ok(_)) => Status::Completed,
            Some(Err(error)) if error.code() == Code::Cancelled => Status::Cancelled,
            Some(Err(_)) => Status::Failed,
        }
    }

    pub fn progress(&self) -> ProgressSnapshot {
        self.0.ctx.progress.snapshot()
    }

    /// Asks the job to stop; it ends with DS-499, within 100 ms from execution on.
    pub fn cancel(&self) {
        self.0.ctx.cancel.set(CancelReason::Caller);
    }

    /// Waits for the end, `timeout` at most; none while the job is still running.
    pub fn wait(&self, timeout: Option<Duration>) -> Option<Result<Report>> {
        let until = timeout.map(|timeout| Instant::now() + timeout);
        let mut outcome = self.0.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        while outcome.is_none() {
            outcome = match until {
                None => self.0.ended.wait(outcome).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.checked_duration_since(Instant::now())?;
                    self.0.ended.wait_timeout(outcome, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        outcome.clone()
    }

    /// Waits for the end.
    pub fn report(&self) -> Result<Report> {
        self.wait(None).unwrap_or_else(|| Err(Error::internal("a job ended without an outcome")))
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("id", &self.0.id).field("status", &self.status()).finish()
    }
}
