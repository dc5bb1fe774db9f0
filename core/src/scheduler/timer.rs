//! Deadlines: one thread for all of them, there while there are any.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::base::{Cancel, CancelReason, Error, Result};

#[derive(Clone, Default)]
pub(super) struct Timer(Arc<Inner>);

#[derive(Default)]
struct Inner {
    alarms: Mutex<Alarms>,
    changed: Condvar,
}

#[derive(Default)]
struct Alarms {
    due: BTreeMap<(Instant, u64), (Cancel, CancelReason)>,
    made: u64,
    thread: bool,
}

/// Armed until it is dropped.
pub(super) struct Armed {
    timer: Timer,
    key: Option<(Instant, u64)>,
}

/// How long the thread waits for another alarm after the last.
const LINGER: Duration = Duration::from_secs(1);

impl Timer {
    /// Sets the token after `limit`.
    pub fn arm(&self, limit: Duration, cancel: &Cancel) -> Result<Armed> {
        // Later than any clock goes is never.
        let Some(at) = Instant::now().checked_add(limit) else { return Ok(Armed { timer: self.clone(), key: None }) };
        let mut alarms = self.alarms();
        if !alarms.thread {
            let timer = self.clone();
            std::thread::Builder::new()
                .name("datasus-timer".into())
                .spawn(move || timer.run())
                .map_err(|error| Error::internal(format!("cannot start the timer's thread: {error}")))?;
            alarms.thread = true;
        }
        alarms.made += 1;
        let key = (at, alarms.made);
        alarms.due.insert(key, (cancel.clone(), CancelReason::Deadline(limit)));
        if alarms.due.first_key_value().is_some_and(|(first, _)| *first == key) {
            self.0.changed.notify_one();
        }
        Ok(Armed { timer: self.clone(), key: Some(key) })
    }

    fn run(&self) {
        let mut alarms = self.alarms();
        loop {
            let now = Instant::now();
            if let Some(first) = alarms.due.first_entry().filter(|first| first.key().0 <= now) {
                let (cancel, reason) = first.remove();
                drop(alarms);
                cancel.set(reason);
                alarms = self.alarms();
                continue;
            }
            let next = alarms.due.first_key_value().map(|((at, _), _)| *at - now);
            let waited = self.0.changed.wait_timeout(alarms, next.unwrap_or(LINGER));
            let (guard, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            alarms = guard;
            if timeout.timed_out() && alarms.due.is_empty() {
                alarms.thread = false;
                return;
            }
        }
    }

    fn alarms(&self) -> MutexGuard<'_, Alarms> {
        self.0.alarms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let mut alarms = self.timer.alarms();
            alarms.due.remove(&key);
            if alarms.due.is_empty() {
                // Or the thread would sleep to the end of a deadline that nobody has any more.
                self.timer.0.changed.notify_one();
            }
        }
    }
}
