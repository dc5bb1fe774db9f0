//! A job as the dispatcher holds it: work that is run once, or told why it is not.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::queue::Ticket;
use super::runnable::{Runnable, Slots};
use super::state::Status;
use super::watch::{Handle, Watch};
use crate::base::{Cancel, Ctx, Error, Result, RunPermit, Slot, TraceId, YieldReason};

/// Dropped without having run, it ends too.
pub(super) struct Task<T, F> {
    handle: Handle<T>,
    work: Option<F>,
}

impl<T, F: FnOnce(&Ctx) -> Result<T>> Task<T, F> {
    pub fn new(handle: Handle<T>, work: F) -> Self {
        Task { handle, work: Some(work) }
    }

    fn outcome(&mut self, ctx: &Ctx) -> Option<Result<T>> {
        let work = self.work.take()?;
        if let Err(cancelled) = ctx.check() {
            return Some(Err(cancelled));
        }
        self.handle.watch().becomes(Status::Running);
        let caught = catch_unwind(AssertUnwindSafe(|| work(ctx)));
        Some(caught.unwrap_or_else(|panic| {
            let error = Error::panicked("job", panic.as_ref());
            tracing::error!(trace_id = %ctx.trace_id, %error, "a job panicked");
            Err(error)
        }))
    }
}

impl<T, F> Runnable for Task<T, F>
where
    T: Send + Sync + 'static,
    F: FnOnce(&Ctx) -> Result<T> + Send + 'static,
{
    fn run(mut self: Box<Self>, slots: Arc<dyn Slots>, ticket: Ticket) {
        let watch = self.handle.watch().clone();
        let ctx = self.handle.ctx().clone();
        let permit = TaskPermit { slots, ticket, watch, cancel: ctx.cancel.clone() };
        let ctx = Ctx { slot: Slot::new(Arc::new(permit)), ..ctx };
        if let Some(outcome) = self.outcome(&ctx) {
            self.handle.end(outcome);
        }
    }

    fn trace_id(&self) -> &TraceId {
        &self.handle.ctx().trace_id
    }

    fn refuse(self: Box<Self>, why: Error) {
        self.handle.end(Err(why));
    }
}

impl<T, F> Drop for Task<T, F> {
    fn drop(&mut self) {
        // After any other end this one does not count.
        if self.work.is_some() {
            self.handle.end(Err(Error::internal("the thread of a job could not be started")));
        }
    }
}

/// The right to run of a started job.
struct TaskPermit {
    slots: Arc<dyn Slots>,
    ticket: Ticket,
    watch: Arc<Watch>,
    cancel: Cancel,
}

impl RunPermit for TaskPermit {
    fn leave(&self, why: YieldReason) -> Result<()> {
        if self.slots.leave(self.ticket, why)? {
            self.watch.becomes(match why {
                YieldReason::Parked => Status::Parked,
                YieldReason::Retrying | YieldReason::Memory => Status::Retrying,
                // Its progress says what it does; or another job does its work.
                YieldReason::Downloading | YieldReason::Answer => Status::Running,
            });
        }
        Ok(())
    }

    fn come_back(&self) {
        self.slots.come_back(self.ticket, &self.cancel);
        self.watch.becomes(Status::Running);
    }

    fn yield_now(&self) -> bool {
        self.slots.yield_now(self.ticket)
    }

    fn patience(&self) -> Duration {
        self.slots.parked_for()
    }
}
