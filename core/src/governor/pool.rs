//! What may be leased, and who waits for a share of it: there is never more leased than there is.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Sender, bounded, select};

use super::{Mode, Throttle};
use crate::base::{Cancel, Error, Result};

/// Bytes that a job asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ask {
    /// With which it runs at full speed.
    pub want: u64,
    /// Without which it does not start; more than the whole counts as the whole.
    pub least: u64,
}

/// What may be leased at the moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Terms {
    /// Bytes that all leases together may have.
    pub whole: u64,
    pub level: Mode,
}

/// All leases of a governor.
pub(super) struct Pool {
    state: Mutex<State>,
    throttle: Throttle,
}

#[derive(Default)]
pub(super) struct State {
    terms: Terms,
    pub leased: u64,
    /// Leases that are not parked.
    pub running: usize,
    waiting: VecDeque<Waiter>,
    tickets: u64,
}

struct Waiter {
    ticket: u64,
    ask: Ask,
    returns: bool,
    granted: Sender<u64>,
}

impl State {
    fn free(&self) -> u64 {
        self.terms.whole.saturating_sub(self.leased)
    }

    pub fn nobody_waits(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The most of what is free that one job gets beyond its least: the next one shall find something too.
    pub fn share(&self) -> u64 {
        match self.terms.level {
            Mode::Normal | Mode::Maintenance => self.free() / 4 * 3,
            Mode::Conservative => self.free() / 4,
            Mode::Emergency => self.free() / 8,
        }
    }

    fn room_for(&self, ask: Ask) -> Option<u64> {
        // One job may always run, with what there is.
        let most = if self.running == 0 { self.free() } else { self.terms.whole };
        let least = ask.least.min(most);
        (least <= self.free()).then(|| ask.want.min(self.share()).max(least))
    }

    /// Serves those who wait, in their order.
    pub fn settle(&mut self) {
        while let Some(bytes) = self.waiting.front().and_then(|waiter| self.room_for(waiter.ask)) {
            let Some(waiter) = self.waiting.pop_front() else { return };
            // Never blocks and never fails: one message for one slot, whose receiver leaves only under this lock.
            if waiter.granted.try_send(bytes).is_ok() {
                self.leased += bytes;
                self.running += 1;
            }
        }
    }
}

impl Pool {
    pub fn new(throttle: Throttle) -> Self {
        Pool { state: Mutex::default(), throttle }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_terms(&self, terms: Terms) {
        let mut state = self.state();
        if state.terms != terms {
            state.terms = terms;
            state.settle();
        }
    }

    pub fn leased(&self) -> u64 {
        self.state().leased
    }

    /// Whether anybody is at work, and not held up by a reader.
    pub fn is_at_work(&self) -> bool {
        self.state().running > 0
    }

    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// Waits for room, first come first served; those who return come before all others.
    pub fn take(&self, ask: Ask, returns: bool, cancel: &Cancel) -> Result<u64> {
        cancel.check()?;
        let (granted, grant) = bounded(1);
        let ticket = {
            let mut state = self.state();
            state.tickets += 1;
            let waiter = Waiter { ticket: state.tickets, ask, returns, granted };
            let ticket = waiter.ticket;
            let behind = |other: &Waiter| !returns || other.returns;
            let place = state.waiting.partition_point(behind);
            state.waiting.insert(place, waiter);
            state.settle();
            ticket
        };
        if let Ok(bytes) = grant.try_recv() {
            return Ok(bytes);
        }
        // Streams that could do without read it, and give theirs back.
        let _waiting = Waits::on(self.throttle.waiting());
        select! {
            recv(grant) -> bytes => bytes.map_err(|_| Error::internal("a lease was neither granted nor refused")),
            recv(cancel.signal()) -> _ => {
                let mut state = self.state();
                state.waiting.retain(|waiter| waiter.ticket != ticket);
                // The grant may have come at the same moment.
                if let Ok(bytes) = grant.try_recv() {
                    state.leased -= bytes;
                    state.running -= 1;
                }
                state.settle();
                drop(state);
                cancel.check().and_then(|()| Err(Error::internal("a lease stopped waiting without a reason")))
            }
        }
    }
}

/// Counts one who waits, while it lives.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn on(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Relaxed);
        Waits(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
