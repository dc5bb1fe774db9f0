//! Equal questions that are asked at once: the first is run, the others wait for its answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded, select};

use super::entry::Entry;
use super::key::Key;
use crate::base::{Cancel, Ctx, Result};

#[derive(Default, Clone)]
pub struct Flights(Arc<Mutex<HashMap<Key, Flight>>>);

#[derive(Clone)]
struct Flight {
    outcome: Arc<Mutex<Option<Outcome>>>,
    /// Closed once there is one.
    done: Receiver<()>,
    /// Of whom runs it: once it is set nobody waits for an answer, however long the engine takes to hear of it.
    cancel: Cancel,
}

#[derive(Clone)]
enum Outcome {
    Entry(Entry),
    Nothing,
}

pub enum Joined {
    /// The caller runs it, and says how it ended.
    First(Landing),
    Answered(Entry),
    /// Whoever ran it failed or was cancelled.
    Stopped,
    /// It ran, and its answer cannot be kept.
    Alone,
}

impl Flights {
    /// The first of equal ones; for the others the outcome of that, for which it waits. An error once `ctx` is cancelled.
    pub fn join(&self, key: Key, ctx: &Ctx) -> Result<Joined> {
        let flight = {
            let mut flights = lock(&self.0);
            match flights.get(&key) {
                Some(flight) => flight.clone(),
                None => {
                    let (open, done) = bounded(0);
                    let outcome = Arc::<Mutex<Option<Outcome>>>::default();
                    let cancel = ctx.cancel.clone();
                    flights.insert(key, Flight { outcome: outcome.clone(), done, cancel });
                    let landing = Landing(Some(Air { flights: self.clone(), key, outcome, _open: open }));
                    return Ok(Joined::First(landing));
                }
            }
        };
        // One that has ended is waited for by nobody, nor is its slot given up for it.
        if flight.done.try_recv() != Err(TryRecvError::Disconnected) {
            ctx.slot.wait_for_answer(|| {
                select! {
                    recv(flight.done) -> _ => {}
                    recv(flight.cancel.signal()) -> _ => self.forget(&key, &flight.outcome),
                    recv(ctx.cancel.signal()) -> _ => {}
                }
            })?;
        }
        ctx.check()?;
        Ok(match lock(&flight.outcome).clone() {
            Some(Outcome::Entry(entry)) => Joined::Answered(entry),
            Some(Outcome::Nothing) => Joined::Alone,
            None => Joined::Stopped,
        })
    }
}

impl Flights {
    /// Who asks from here on is the first again, or waits for whoever was it since.
    fn forget(&self, key: &Key, outcome: &Arc<Mutex<Option<Outcome>>>) {
        let mut flights = lock(&self.0);
        if flights.get(key).is_some_and(|flight| Arc::ptr_eq(&flight.outcome, outcome)) {
            flights.remove(key);
        }
    }
}

/// How a run ends for those who wait for it. Dropped, it has failed.
pub struct Landing(Option<Air>);

struct Air {
    flights: Flights,
    key: Key,
    outcome: Arc<Mutex<Option<Outcome>>>,
    _open: Sender<()>,
}

impl Landing {
    /// Of a run that nobody waits for.
    pub fn nobodys() -> Self {
        Landing(None)
    }

    pub fn with(self, entry: Entry) {
        self.end(Outcome::Entry(entry));
    }

    pub fn without_answer(self) {
        self.end(Outcome::Nothing);
    }

    fn end(self, outcome: Outcome) {
        self.0.iter().for_each(|air| *lock(&air.outcome) = Some(outcome.clone()));
    }
}

impl Drop for Air {
    fn drop(&mut self) {
        // Before it is closed.
        self.flights.forget(&self.key, &self.outcome);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::CancelReason;

    #[test]
    fn one_that_fails_or_is_cancelled_leaves_nobody_waiting() {
        let (flights, key) = (Flights::default(), [1; 32]);
        let Joined::First(first) = flights.join(key, &Ctx::default()).unwrap() else { panic!("not the first") };
        std::thread::scope(|scope| {
            let waits = || {
                flights.join(key, &Ctx::default()).map(|joined| matches!(joined, Joined::Stopped | Joined::First(_)))
            };
            let waiting: Vec<_> = (0..4).map(|_| scope.spawn(waits)).collect();
            drop(first);
            assert!(waiting.into_iter().all(|one| one.join().unwrap().unwrap()));
        });
        let Joined::First(first) = flights.join(key, &Ctx::default()).unwrap() else { panic!("not the first") };
        let cancelled = Ctx::default();
        cancelled.cancel.set(CancelReason::Caller);
        assert!(flights.join(key, &cancelled).is_err(), "a cancelled one waits for nobody");
        first.without_answer();
        let gone = Ctx::default();
        let Joined::First(hangs) = flights.join(key, &gone).unwrap() else { panic!("not the first") };
        gone.cancel.set(CancelReason::Caller);
        assert!(
            matches!(flights.join(key, &Ctx::default()).unwrap(), Joined::Stopped),
            "its engine has not heard of it"
        );
        let Joined::First(next) = flights.join(key, &Ctx::default()).unwrap() else { panic!("not the first") };
        drop(hangs);
        assert_eq!(lock(&flights.0).len(), 1, "the next one stays");
        next.without_answer();
        assert!(matches!(flights.join(key, &Ctx::default()).unwrap(), Joined::First(_)));
    }
}
