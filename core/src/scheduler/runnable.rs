//! What the dispatcher knows of a job, and a job of the dispatcher.

use std::sync::Arc;
use std::time::Duration;

use super::queue::Ticket;
use crate::base::{Cancel, Error, Result, TraceId, YieldReason};

/// Work that is run once, or told why it is not.
pub(super) trait Runnable: Send {
    /// Runs it to its end; it has a slot by `ticket`.
    fn run(self: Box<Self>, slots: Arc<dyn Slots>, ticket: Ticket);

    /// Which job it is, for who looks at the metrics.
    fn trace_id(&self) -> &TraceId;

    /// Ends it without having run.
    fn refuse(self: Box<Self>, why: Error);
}

/// Slots, as a started job gives its own back and takes one again.
pub(super) trait Slots: Send + Sync {
    /// False: the job has no slot to give back, and nothing happened.
    fn leave(&self, ticket: Ticket, why: YieldReason) -> Result<bool>;

    /// Waits for a slot, unless the job is cancelled.
    fn come_back(&self, ticket: Ticket, cancel: &Cancel);

    /// True: the slot is another's, and the job is to come back.
    fn yield_now(&self, ticket: Ticket) -> bool;

    /// How long a job may stay parked.
    fn parked_for(&self) -> Duration;
}
