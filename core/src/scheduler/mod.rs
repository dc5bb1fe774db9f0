//! Runs jobs: who goes first, how many at once, until when. It knows nothing of what a job does.
//!
//! ```
//! use datasus::base::{Ctx, Priority};
//! use datasus::scheduler::{Handle, Limits, Order, Scheduler};
//!
//! let scheduler = Scheduler::new(Limits { slots: 2, ..Default::default() });
//! let order = Order { owner: scheduler.owner(2), priority: Priority::User, deadline: None, parks: false };
//! let job = Handle::new(Ctx::default());
//! scheduler.submit(order, &job, |_ctx| Ok(6 * 7))?;
//! assert_eq!(job.wait()?, 42);
//! # Ok::<(), datasus::Error>(())
//! ```
//!
//! Level 1 is here: jobs take slots, one per core, by class, age and owner (`queue`). Level 2, the partitions of a job, is
//! shared out by rayon's work-stealing pools where the work is. A running job looks at its token, calls
//! [`Slot::park`](crate::base::Slot::park) where it waits for its consumer, and
//! [`Slot::yield_now`](crate::base::Slot::yield_now) after each batch; one that does neither keeps its slot to its end.

mod dispatcher;
mod metrics;
mod order;
mod queue;
mod refusal;
mod runnable;
#[cfg(test)]
mod shuttled;
mod state;
mod sync;
mod task;
#[cfg(test)]
mod tests;
mod timer;
mod watch;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use self::dispatcher::Dispatcher;
use self::task::Task;
use self::timer::Timer;
use crate::base::{Ctx, Priority, Result, forked};

pub use order::{Limits, Order, Owner};
pub use queue::AGEING;
pub use state::Status;
pub use watch::{Ended, Event, Events, Handle};

/// A queue and its slots; clones are the same.
#[derive(Clone)]
pub struct Scheduler {
    dispatcher: Arc<Dispatcher>,
    timer: Timer,
}

/// One look at a scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Jobs that wait, by class: health, admin, user.
    pub queued: [usize; 3],
    /// Jobs that hold a slot.
    pub running: usize,
    /// Jobs that wait for their consumer.
    pub parked: usize,
}

static PROCESS: Mutex<Option<Scheduler>> = Mutex::new(None);
static OWNERS: AtomicU64 = AtomicU64::new(0);

impl Scheduler {
    /// A queue of its own, for tests and for programs that have no client.
    pub fn new(limits: Limits) -> Self {
        Scheduler { dispatcher: Dispatcher::new(limits), timer: Timer::default() }
    }

    /// The one that all clients of this process share. A forked child gets one of its own.
    pub fn of_process() -> Self {
        let mut process = PROCESS.lock().unwrap_or_else(PoisonError::into_inner);
        match &*process {
            Some(scheduler) if !scheduler.dispatcher.is_inherited() => scheduler.clone(),
            _ => {
                let scheduler = Scheduler::new(Limits::default());
                // The parent's, where there is one: its threads are not here, so nothing of it is dropped.
                std::mem::forget(process.replace(scheduler.clone()));
                scheduler
            }
        }
    }

    /// A new owner of jobs, of which at most `share` run at once.
    pub fn owner(&self, share: usize) -> Owner {
        Owner { number: OWNERS.fetch_add(1, Relaxed), share: share.max(1) }
    }

    /// Queues `work`, whose end `handle` will tell, and returns at once. It is run once, in a thread of the scheduler, or
    /// not at all: then the handle says why (DS-499, DS-504).
    ///
    /// Fails, and ends `handle` with the same, with DS-429 (the queue is full; `retry_after_sec` in the diagnostic says
    /// when to come back), DS-409 (closed), DS-498 (in a forked child).
    pub fn submit<T, F>(&self, order: Order, handle: &Handle<T>, work: F) -> Result<()>
    where
        T: Send + Sync + 'static,
        F: FnOnce(&Ctx) -> Result<T> + Send + 'static,
    {
        let cancel = &handle.ctx().cancel;
        let armed =
            self.is_usable().and_then(|()| order.deadline.map(|limit| self.timer.arm(limit, cancel)).transpose());
        let armed = armed.inspect_err(|error| handle.end(Err(error.clone())))?;
        let work = move |ctx: &Ctx| {
            let _until_its_end = armed;
            work(ctx)
        };
        self.dispatcher.submit(&order, cancel, Box::new(Task::new(handle.clone(), work)))
    }

    /// True: one job at a time, until it is set to false. Running jobs make room after their batch.
    pub fn set_maintenance(&self, on: bool) -> Result<()> {
        self.is_usable()?;
        self.dispatcher.set_maintenance(on);
        Ok(())
    }

    /// Takes no more jobs and waits until the others have ended; after `timeout` they are cancelled and waited for some
    /// two seconds more. True: all had ended by themselves.
    pub fn close(&self, timeout: Duration) -> Result<bool> {
        self.is_usable()?;
        Ok(self.dispatcher.close(timeout))
    }

    /// How many jobs wait, run and are parked.
    pub fn load(&self) -> Result<Load> {
        self.is_usable()?;
        let (running, parked) = self.dispatcher.started();
        Ok(Load { queued: Priority::ALL.map(|class| self.dispatcher.queued(class)), running, parked })
    }

    /// DS-498 in a child that was forked after this scheduler was made.
    pub fn is_usable(&self) -> Result<()> {
        if self.dispatcher.is_inherited() { Err(forked().stage("queue")) } else { Ok(()) }
    }
}
