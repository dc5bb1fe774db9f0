//! Where threads meet: jobs come in, get a slot, leave it, come back, end. One lock; no job code is called under it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::metrics::Waits;
use super::order::{Limits, Order};
use super::queue::{Next, Queue, Ticket, Way};
use super::runnable::{Runnable, Slots};
use super::sync::{Condvar, Mutex, MutexGuard, spawn};
use crate::base::{Cancel, CancelReason, Priority, Result, YieldReason};

type Job = Box<dyn Runnable>;
type Starts = VecDeque<(Ticket, Job)>;

pub(super) struct Dispatcher {
    state: Mutex<State>,
    /// A job that waits for its slot got it, or was cancelled.
    turn: Condvar,
    /// The last job has gone.
    idle: Condvar,
    waits: Waits,
    parked_for: Duration,
    process: u32,
}

struct State {
    queue: Queue<Job>,
    /// Of every job that has not ended: its token, and when it came.
    tokens: BTreeMap<u64, (Cancel, Instant)>,
}

/// Time for cancelled jobs to end when the scheduler closes.
const TO_END: Duration = Duration::from_secs(2);

impl Dispatcher {
    pub fn new(limits: Limits) -> Arc<Self> {
        let parked_for = limits.parked_for;
        let state = Mutex::new(State { queue: Queue::new(limits), tokens: BTreeMap::new() });
        let (turn, idle, process) = (Condvar::new(), Condvar::new(), std::process::id());
        Arc::new(Dispatcher { state, turn, idle, waits: Waits::default(), parked_for, process })
    }

    pub fn submit(self: &Arc<Self>, order: &Order, cancel: &Cancel, job: Job) -> Result<()> {
        let mut state = self.state();
        let now = Instant::now();
        let ticket = match state.queue.submit(order, job, now) {
            Ok(ticket) => ticket,
            Err((refusal, job)) => {
                drop(state);
                let error = refusal.error();
                job.refuse(error.clone());
                return Err(error);
            }
        };
        state.tokens.insert(ticket.number, (cancel.clone(), now));
        let starts = self.fill(&mut state);
        drop(state);
        self.launch(starts);
        let dispatcher = Arc::downgrade(self);
        cancel.when_set(move || {
            if let Some(dispatcher) = dispatcher.upgrade() {
                dispatcher.cancelled(ticket);
            }
        });
        Ok(())
    }

    /// The job's token is set: it ends now if it waits to be started, and stops to wait for a slot.
    fn cancelled(&self, ticket: Ticket) {
        if self.is_inherited() {
            return;
        }
        let mut state = self.state();
        let Some(job) = state.queue.remove(ticket) else {
            self.turn.notify_all();
            return;
        };
        let token = state.tokens.remove(&ticket.number);
        drop(state);
        if let Some(Err(why)) = token.map(|(token, _)| token.check()) {
            job.refuse(why);
        }
    }

    fn wait_for_turn<'a>(
        self: &'a Arc<Self>,
        mut state: MutexGuard<'a, State>,
        starts: Starts,
        ticket: Ticket,
        cancel: &Cancel,
    ) {
        if !starts.is_empty() {
            drop(state);
            self.launch(starts);
            state = self.state();
        }
        while state.queue.returns(ticket) {
            if cancel.is_set() {
                return state.queue.take_back(ticket);
            }
            state = self.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub fn set_maintenance(self: &Arc<Self>, on: bool) {
        let mut state = self.state();
        state.queue.set_maintenance(on);
        let starts = self.fill(&mut state);
        drop(state);
        self.launch(starts);
    }

    /// Takes no more jobs, and returns when there are none; after `timeout` they are cancelled. True: all had ended by
    /// themselves.
    pub fn close(&self, timeout: Duration) -> bool {
        let mut state = self.state();
        state.queue.close();
        let (mut state, idle) = self.wait_idle(state, timeout);
        if idle {
            return true;
        }
        // Or the slot of the first that is cancelled would go to one that is about to be.
        state.queue.halt();
        let tokens: Vec<Cancel> = state.tokens.values().map(|(token, _)| token.clone()).collect();
        drop(state);
        tokens.iter().for_each(|token| token.set(CancelReason::Interrupted));
        drop(self.wait_idle(self.state(), TO_END));
        false
    }

    fn wait_idle<'a>(&self, mut state: MutexGuard<'a, State>, timeout: Duration) -> (MutexGuard<'a, State>, bool) {
        let until = Instant::now().checked_add(timeout);
        while !state.queue.is_idle() {
            let left = until.map_or(TO_END, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return (state, false);
            }
            state = self.idle.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        (state, true)
    }

    /// Jobs of a class that wait.
    pub fn queued(&self, priority: Priority) -> usize {
        self.state().queue.queued(priority)
    }

    /// Jobs that hold a slot, and those that are parked.
    pub fn started(&self) -> (usize, usize) {
        let state = self.state();
        (state.queue.running(), state.queue.parked())
    }

    /// How long jobs waited to be started.
    pub fn waits(&self) -> &Waits {
        &self.waits
    }

    /// In a child that was forked after the dispatcher was made: the lock may be held there by a thread that is not.
    pub fn is_inherited(&self) -> bool {
        self.process != std::process::id()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives every free slot away; what it returns is to be launched without the lock.
    fn fill(&self, state: &mut State) -> Starts {
        let now = Instant::now();
        let mut starts = Starts::new();
        while let Some(next) = state.queue.next(now) {
            starts.extend(self.hand_over(state, next));
        }
        starts
    }

    fn hand_over(&self, state: &State, next: Next<Job>) -> Option<(Ticket, Job)> {
        match next {
            Next::Start(ticket, job) => {
                if let Some((_, since)) = state.tokens.get(&ticket.number) {
                    self.waits.waited(ticket.priority(), since.elapsed(), job.trace_id());
                }
                Some((ticket, job))
            }
            Next::Return(_) => {
                self.turn.notify_all();
                None
            }
        }
    }

    /// Each in a thread of its own, which goes on with the next job where there is one.
    fn launch(self: &Arc<Self>, mut starts: Starts) {
        while let Some((ticket, job)) = starts.pop_front() {
            let dispatcher = self.clone();
            if let Err(error) = spawn("datasus-job", move || dispatcher.work(ticket, job)) {
                // The job went with the closure, and its end says so.
                tracing::error!(%error, "cannot start a job's thread");
                starts.extend(self.ended(ticket));
            }
        }
    }

    fn work(self: &Arc<Self>, ticket: Ticket, job: Job) {
        let mut next = Some((ticket, job));
        while let Some((ticket, job)) = next {
            job.run(Arc::new(self.clone()), ticket);
            let mut starts = self.ended(ticket);
            next = starts.pop_front();
            self.launch(starts);
        }
    }

    fn ended(&self, ticket: Ticket) -> Starts {
        let mut state = self.state();
        state.queue.end(ticket, Instant::now());
        state.tokens.remove(&ticket.number);
        if state.queue.is_idle() {
            self.idle.notify_all();
        }
        self.fill(&mut state)
    }
}

/// By the handle that its threads share: they go on with what a slot that is given back lets begin.
impl Slots for Arc<Dispatcher> {
    fn leave(&self, ticket: Ticket, why: YieldReason) -> Result<bool> {
        let mut state = self.state();
        let left = state.queue.leave(ticket, why).map_err(|refusal| refusal.error())?;
        let starts = self.fill(&mut state);
        drop(state);
        self.launch(starts);
        Ok(left)
    }

    fn come_back(&self, ticket: Ticket, cancel: &Cancel) {
        let mut state = self.state();
        state.queue.ask_back(ticket, Instant::now());
        let starts = self.fill(&mut state);
        self.wait_for_turn(state, starts, ticket, cancel);
    }

    fn yield_now(&self, ticket: Ticket) -> bool {
        let mut state = self.state();
        let Way::Leave(next) = state.queue.yield_now(ticket, Instant::now()) else { return false };
        let starts = next.and_then(|next| self.hand_over(&state, next)).into_iter().collect();
        drop(state);
        self.launch(starts);
        true
    }

    fn parked_for(&self) -> Duration {
        self.parked_for
    }
}
