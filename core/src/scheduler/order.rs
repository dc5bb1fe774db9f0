//! What is asked for a job, and how much a scheduler takes.

use std::time::Duration;

use crate::base::Priority;

/// How much there may be of everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Jobs that run at once, at least one. One more is kept for health.
    pub slots: usize,
    /// Jobs of a class that wait; one more is DS-429.
    pub queued: usize,
    /// Jobs that wait for their consumer; one more is DS-429.
    pub parked: usize,
    /// How long a job may wait for its consumer before DS-504.
    pub parked_for: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let slots = std::thread::available_parallelism().map_or(1, usize::from);
        Limits { slots, queued: 1024, parked: 64, parked_for: Duration::from_secs(3600) }
    }
}

/// Whose job it is: the slots of a class go round among the owners that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    pub(super) number: u64,
    /// Most of its jobs that run at once; one more for health.
    pub(super) share: usize,
}

/// What is asked for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// Whose share of the slots it takes.
    pub owner: Owner,
    /// Who goes first.
    pub priority: Priority,
    /// From submission on, in the queue too: then DS-504.
    pub deadline: Option<Duration>,
    /// True: a consumer in this process takes its rows, so it may get parked.
    pub parks: bool,
}
