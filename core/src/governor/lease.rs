//! A job's share of the memory: it is asked for before the job starts, grows and shrinks, and is given back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::interest::Interest;
use super::pool::{Ask, State};
use super::{Mode, Room};
use crate::base::{Cancel, Result};

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
            let room = if state.nobody_waits() { state.share() } else { 0 };
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
