//! A job that leaves its slot leaves its share of the memory too, so that whoever gets the slot can run. A stream that is held up by
//! its reader leaves its slot at once, and its share as soon as it has given back what it held for that reader.
//!
//! On its way back it waits for its slot first and for the memory then. So nobody who waits for a slot holds memory that
//! its holder may wait for, and whoever has both goes on: no two jobs ever wait for each other.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::base::{Cancel, Ctx, Result, RunPermit, YieldReason};
use crate::governor::Lease;

/// What only reads needs some row groups.
pub(super) const LEAST_TO_READ: u64 = 8 << 20;

/// A lease that a job's slot knows of; gone with the last clone.
#[derive(Clone)]
pub(super) struct SharedLease(Arc<Mutex<Option<Lease>>>);

impl SharedLease {
    pub fn new(lease: Lease) -> Self {
        SharedLease(Arc::new(Mutex::new(Some(lease))))
    }

    /// Only the job's own thread locks it, so that nobody waits here.
    fn with<T>(&self, act: impl FnOnce(&mut Option<Lease>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the job held for its reader is given back. `only_read`: so is what its statement held, for good.
    pub fn park(&self, only_read: bool) {
        self.with(|lease| {
            if let Some(lease) = lease {
                if only_read {
                    lease.needs_only(LEAST_TO_READ);
                }
                lease.park();
            }
        });
    }

    /// Before the job's end.
    pub fn give_back(&self) {
        drop(self.with(Option::take));
    }

    /// From now on it is what `other` has.
    pub fn take_over(&self, other: &SharedLease) {
        let lease = other.with(Option::take);
        drop(self.with(|own| std::mem::replace(own, lease)));
    }

    /// `ctx` with a slot that parks the lease whenever the job leaves it.
    pub fn on(&self, ctx: &Ctx) -> Ctx {
        let (lease, cancel) = (Arc::downgrade(&self.0), ctx.cancel.clone());
        Ctx { slot: ctx.slot.through(|slot| Arc::new(SlotAndLease { slot, lease, cancel })), ..ctx.clone() }
    }
}

struct SlotAndLease {
    slot: Arc<dyn RunPermit>,
    /// The job's: a statement's thread that outlives it has this too.
    lease: Weak<Mutex<Option<Lease>>>,
    cancel: Cancel,
}

impl SlotAndLease {
    fn lease(&self) -> Option<SharedLease> {
        self.lease.upgrade().map(SharedLease)
    }

    fn park(&self) {
        if let Some(lease) = self.lease() {
            lease.park(false);
        }
    }
}

impl RunPermit for SlotAndLease {
    fn leave(&self, why: YieldReason) -> Result<()> {
        self.slot.leave(why)?;
        if why != YieldReason::Parked {
            self.park();
        }
        Ok(())
    }

    fn come_back(&self) {
        self.park();
        self.slot.come_back();
        let unpark = |lease: &mut Option<Lease>| lease.as_mut().map_or(Ok(()), |lease| lease.unpark(&self.cancel));
        let back = self.lease().map_or(Ok(()), |lease| lease.with(unpark));
        // A cancelled job has only to end, and says why by itself.
        if let Err(error) = back
            && !self.cancel.is_set()
        {
            tracing::warn!(%error, "a job goes on without its share of the memory");
        }
    }

    fn yield_now(&self) -> bool {
        let left = self.slot.yield_now();
        if left {
            self.park();
        }
        left
    }

    fn patience(&self) -> Duration {
        self.slot.patience()
    }
}
