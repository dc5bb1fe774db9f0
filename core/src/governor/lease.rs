//! Shares of the memory: a job asks before it starts, and there is never more leased than there is.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Sender, bounded, select};

use super::{Interest, Mode, Room, Throttle};
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
struct State {
    terms: Terms,
    leased: u64,
    /// Leases that are not parked.
    running: usize,
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

    /// The most of what is free that one job gets beyond its least: the next one shall find something too.
    fn share(&self) -> u64 {
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
    fn settle(&mut self) {
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

    fn state(&self) -> MutexGuard<'_, State> {
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
    fn take(&self, ask: Ask, returns: bool, cancel: &Cancel) -> Result<u64> {
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

/// A job's share of the memory, given back when dropped.
pub struct Lease {
    governor: Interest,
    bytes: u64,
    /// What a parked lease had before.
    parked_from: Option<u64>,
    /// With how much of it the job can go on.
    least: u64,
    mode_at_start: Mode,
    held: Option<Hold>,
}

/// A thread that works with a lease's bytes, and may outlive the job: while it lives, others do not get them.
#[derive(Clone)]
pub struct Hold(Arc<Held>);

struct Held {
    governor: Interest,
    granted: u64,
    /// Bytes that the lease has left, once that is gone.
    left: AtomicU64,
}

impl Lease {
    pub(super) fn take(governor: Interest, ask: Ask, cancel: &Cancel) -> Result<Self> {
        let bytes = governor.pool.take(ask, false, cancel).map_err(|error| error.stage("lease"))?;
        let mode_at_start = governor.throttle.mode();
        Ok(Lease { governor, bytes, parked_from: None, least: u64::MAX, mode_at_start, held: None })
    }

    /// Bytes that the job may use.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The mode that the job starts in.
    pub fn mode_at_start(&self) -> Mode {
        self.mode_at_start
    }

    /// Shrinks at once; grows as far as there is room and nobody waits. Returns the bytes it has now.
    pub fn resize(&mut self, to: u64) -> u64 {
        let now = self.bytes;
        self.change(|state| {
            let room = if state.waiting.is_empty() { state.share() } else { 0 };
            to.min(now + room)
        });
        self.bytes
    }

    /// Gives all but a small part back while the job is held up by its consumer: others may run.
    pub fn park(&mut self) {
        if self.parked_from.is_none() {
            let now = self.bytes;
            let kept = self.governor.throttle.parked_bytes();
            self.change(|state| {
                state.running -= 1;
                now.min(kept)
            });
            self.parked_from = Some(now);
        }
    }

    /// After [`Lease::park`] the job can go on with `least`, where there is no more.
    pub fn can_do_with(&mut self, least: u64) {
        self.least = least;
    }

    /// The job needs no more than `bytes` any more, whatever it had.
    pub fn needs_only(&mut self, bytes: u64) {
        self.parked_from = self.parked_from.map(|before| before.min(bytes));
        if self.parked_from.is_none() {
            self.resize(self.bytes.min(bytes));
        }
    }

    /// Waits, ahead of all that have not started, until it has again what it had before [`Lease::park`], or what there is of it
    /// and at least what it began with at the least.
    pub fn unpark(&mut self, cancel: &Cancel) -> Result<()> {
        self.governor.check_owner()?;
        if let Some(before) = self.parked_from {
            let want = before.saturating_sub(self.bytes);
            let least = self.least.min(before).saturating_sub(self.bytes);
            self.bytes += self.governor.pool.take(Ask { want, least }, true, cancel)?;
            self.parked_from = None;
        }
        Ok(())
    }

    /// Its bytes stay leased until it and every clone of this are gone.
    pub fn hold(&mut self) -> Hold {
        let held =
            || Hold(Arc::new(Held { governor: self.governor.clone(), granted: self.bytes, left: AtomicU64::new(0) }));
        self.held.get_or_insert_with(held).clone()
    }

    /// `to` says, under the lock, what the lease has afterwards. In a forked child nothing changes: a thread that is not
    /// there may hold the lock.
    fn change(&mut self, to: impl FnOnce(&mut State) -> u64) {
        if !self.governor.forked() {
            let mut state = self.governor.pool.state();
            let to = to(&mut state);
            state.leased = state.leased - self.bytes + to;
            self.bytes = to;
            state.settle();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let parked = self.parked_from.is_some();
        let (bytes, held) = (self.bytes, self.held.take());
        self.change(|state| {
            state.running -= usize::from(!parked);
            match &held {
                Some(held) => {
                    held.0.left.store(bytes, Relaxed);
                    bytes
                }
                None => 0,
            }
        });
    }
}

impl Hold {
    /// Bytes that the lease had when this was made.
    pub fn granted(&self) -> u64 {
        self.0.granted
    }

    /// What is left to the process under its tightest limit, now that it has `resident` bytes.
    pub fn room(&self, resident: u64) -> Room {
        self.0.governor.room(resident)
    }

    /// Bytes that the host keeps of our answers.
    pub fn foreign_bytes(&self) -> u64 {
        self.0.governor.throttle.foreign().bytes()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.governor.forked() {
            let mut state = self.governor.pool.state();
            state.leased -= self.left.load(Relaxed);
            state.settle();
        }
    }
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Hold").field(&self.0.left).finish()
    }
}
