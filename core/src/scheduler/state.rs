//! Where a job stands, and where it may go from there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Code, Result};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It waits for a slot.
    Queued,
    /// It is at work.
    Running,
    /// It waits for its consumer, and others use its slot.
    Parked,
    /// It waits before an attempt: before another one, or for memory before the first.
    Retrying,
    /// Everything is where it should be; final.
    Completed,
    /// It ended with an error; final.
    Failed,
    /// It was stopped; final.
    Cancelled,
}

impl Status {
    /// As the contract writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Queued => "queued",
            Status::Running => "running",
            Status::Parked => "parked",
            Status::Retrying => "retrying",
            Status::Completed => "completed",
            Status::Failed => "failed",
            Status::Cancelled => "cancelled",
        }
    }

    /// Nothing comes after it.
    pub const fn is_final(self) -> bool {
        matches!(self, Status::Completed | Status::Failed | Status::Cancelled)
    }

    /// True where a job may go there from here.
    pub const fn may_become(self, next: Status) -> bool {
        use Status::*;
        matches!(
            (self, next),
            (Queued, Running | Failed | Cancelled)
                | (Running, Parked | Retrying)
                | (Parked | Retrying, Running)
                | (Running | Parked | Retrying, Completed | Failed | Cancelled)
        )
    }

    /// The final one of a job that ended so.
    pub fn of<T>(outcome: &Result<T>) -> Status {
        match outcome {
            Ok(_) => Status::Completed,
            Err(error) if error.code() == Code::Cancelled => Status::Cancelled,
            Err(_) => Status::Failed,
        }
    }
}

/// More steps than that are not kept apart for those who listen.
const MOST_STEPS: usize = 64;

/// The way of one job from queued to its end.
#[derive(Debug)]
pub(super) struct Lifecycle {
    now: Status,
    steps: Vec<Status>,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Lifecycle { now: Status::Queued, steps: vec![Status::Queued] }
    }
}

impl Lifecycle {
    pub fn now(&self) -> Status {
        self.now
    }

    /// What a listener hears of, each: all but the coming and going of a parked job.
    pub fn steps(&self) -> &[Status] {
        &self.steps
    }

    /// False, and nothing changes, where the step is not allowed.
    pub fn becomes(&mut self, next: Status) -> bool {
        if !self.now.may_become(next) {
            return false;
        }
        let told = match next {
            Status::Parked => false,
            Status::Running => self.now != Status::Parked,
            _ => true,
        };
        if next.is_final() || (told && self.steps.len() < MOST_STEPS) {
            self.steps.push(next);
        }
        self.now = next;
        true
    }
}
