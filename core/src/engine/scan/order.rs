//! Brings what several workers decode back into the order of the units.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::base::{Chunk, Ctx, Error, Result, batch_bytes};
use crate::engine::settings::Pace;

pub(super) struct Order {
    state: Mutex<State>,
    changed: Condvar,
    units: usize,
    pace: Pace,
}

#[derive(Default)]
struct State {
    /// The next unit that nobody works at.
    unclaimed: usize,
    /// The unit whose chunks are handed out.
    current: usize,
    waiting: BTreeMap<usize, Unit>,
    bytes: u64,
    failed: Option<Error>,
    stopped: bool,
}

#[derive(Default)]
struct Unit {
    chunks: VecDeque<Made>,
    ended: bool,
}

/// A chunk, and the rows that it could have had.
pub(super) struct Made {
    pub chunk: Chunk,
    pub goal: usize,
}

impl Order {
    /// Of `units` units, from `first` on; a worker waits once the bytes of `pace` wait to be taken, but for the one that is next.
    pub(super) fn new(first: usize, units: usize, pace: Pace) -> Self {
        let state = State { unclaimed: first, current: first, ..State::default() };
        Order { state: Mutex::new(state), changed: Condvar::new(), units, pace }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until something has changed: what the others hand over or take, the job's token ([`Order::wake`]), the end. How far ahead the
    /// memory's mode allows is looked at with each of those.
    fn wait<'s>(&self, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// The job's token is set: whoever waits looks at it. Under the lock, so that who is about to wait hears of it.
    pub(super) fn wake(&self) {
        let _state = self.state();
        self.changed.notify_all();
    }

    /// The next unit to work at; none at the end. Waits while there are more workers than the mode allows: `worker` is
    /// one's number, from 0.
    pub(super) fn claim(&self, worker: usize) -> Option<usize> {
        let mut state = self.state();
        while worker >= self.pace.scan_workers() && !state.stopped && state.unclaimed < self.units {
            state = self.wait(state);
        }
        if state.stopped || state.unclaimed == self.units {
            return None;
        }
        state.unclaimed += 1;
        Some(state.unclaimed - 1)
    }

    /// Hands over a chunk of `unit`; false where nobody wants any more.
    pub(super) fn put(&self, unit: usize, made: Made, ctx: &Ctx) -> Result<bool> {
        let mut state = self.state();
        while state.bytes >= self.pace.ahead_bytes() && unit != state.current && !state.stopped {
            ctx.check()?;
            state = self.wait(state);
        }
        if state.stopped {
            return Ok(false);
        }
        state.bytes += size(&made.chunk);
        state.waiting.entry(unit).or_default().chunks.push_back(made);
        self.changed.notify_all();
        drop(state);
        // The unit at the front need not wait for bytes, but it must not run away from its reader either.
        let mut state = self.state();
        while unit == state.current && state.bytes >= self.pace.ahead_bytes() && !state.stopped && state.holds(unit) {
            ctx.check()?;
            state = self.wait(state);
        }
        Ok(!state.stopped)
    }

    pub(super) fn end(&self, unit: usize) {
        self.state().waiting.entry(unit).or_default().ended = true;
        self.changed.notify_all();
    }

    pub(super) fn fail(&self, error: Error) {
        let mut state = self.state();
        state.failed.get_or_insert(error);
        state.stopped = true;
        drop(state);
        self.changed.notify_all();
    }

    pub(super) fn stop(&self) {
        let mut state = self.state();
        state.stopped = true;
        let _unwanted = std::mem::take(&mut state.waiting);
        drop(state);
        self.changed.notify_all();
    }

    /// The next chunk in order, and its unit; none after the last.
    pub(super) fn take(&self, ctx: &Ctx) -> Result<Option<(usize, Made)>> {
        let mut state = self.state();
        loop {
            ctx.check()?;
            if let Some(error) = state.failed.take() {
                return Err(error);
            }
            let current = state.current;
            if current == self.units {
                return Ok(None);
            }
            let unit = state.waiting.entry(current).or_default();
            if let Some(made) = unit.chunks.pop_front() {
                state.bytes = state.bytes.saturating_sub(size(&made.chunk));
                self.changed.notify_all();
                return Ok(Some((current, made)));
            }
            if unit.ended {
                state.waiting.remove(&current);
                state.current += 1;
                self.changed.notify_all();
                continue;
            }
            if state.stopped {
                return Err(Error::internal("the scan's workers have stopped"));
            }
            state = self.wait(state);
        }
    }
}

impl State {
    fn holds(&self, unit: usize) -> bool {
        self.waiting.get(&unit).is_some_and(|unit| !unit.chunks.is_empty())
    }
}

fn size(chunk: &Chunk) -> u64 {
    batch_bytes(&chunk.batch)
}
