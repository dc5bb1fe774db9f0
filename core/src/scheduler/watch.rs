//! A job as it is seen from outside: status, outcome, events.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::state::{Lifecycle, Status};
use super::sync::{Condvar, Mutex, MutexGuard};
use crate::base::{CancelReason, Ctx, Error, Progress, ProgressSnapshot, Result, forked};

/// The status of a job, and who waits for it to change.
#[derive(Default)]
pub(super) struct Watch {
    life: Mutex<Lifecycle>,
    changed: Condvar,
    tasks: Mutex<Tasks>,
}

/// Who awaits the job's end without a thread of its own.
#[derive(Default)]
struct Tasks {
    next: u64,
    waiting: BTreeMap<u64, Waker>,
}

impl Watch {
    fn life(&self) -> MutexGuard<'_, Lifecycle> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False, and nothing changes, where the step is not allowed.
    pub fn becomes(&self, next: Status) -> bool {
        let changed = self.life().becomes(next);
        if changed {
            self.changed.notify_all();
        }
        if changed && next.is_final() {
            let waiting = std::mem::take(&mut self.tasks().waiting);
            waiting.into_values().for_each(Waker::wake);
        }
        changed
    }

    /// True once the job has ended; until then `waker` is woken at its end, in the place of the one that was kept as `place`.
    fn has_ended_or_wakes(&self, place: &mut Option<u64>, waker: &Waker) -> bool {
        let life = self.life();
        if life.now().is_final() {
            return true;
        }
        // Before the status is let go of: who sets the final one wakes all that are there by then.
        let mut tasks = self.tasks();
        let number = *place.get_or_insert_with(|| {
            tasks.next += 1;
            tasks.next
        });
        tasks.waiting.insert(number, waker.clone());
        false
    }
}

/// A handle on a job that gives a `T`; clones are the same job, and letting go of it does not stop it.
///
/// In a child that was forked meanwhile every wait is DS-498.
pub struct Handle<T>(Arc<Inner<T>>);

struct Inner<T> {
    ctx: Ctx,
    watch: Arc<Watch>,
    outcome: OnceLock<Result<T>>,
    process: u32,
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        Handle(self.0.clone())
    }
}

impl<T> Handle<T> {
    /// A job that is yet to be submitted.
    pub fn new(ctx: Ctx) -> Self {
        let process = std::process::id();
        Handle(Arc::new(Inner { ctx, watch: Arc::default(), outcome: OnceLock::new(), process }))
    }

    /// What the job has to look at.
    pub fn ctx(&self) -> &Ctx {
        &self.0.ctx
    }

    /// Where the job stands.
    pub fn status(&self) -> Status {
        if self.is_inherited() { Status::Failed } else { self.0.watch.life().now() }
    }

    /// Asks the job to stop. One that waits ends at once, a running one as soon as it looks at its token.
    pub fn cancel(&self) {
        if !self.is_inherited() {
            self.0.ctx.cancel.set(CancelReason::Caller);
        }
    }

    /// The same as [`Handle::cancel`] for a job that somebody may go on with.
    pub fn interrupt(&self) {
        if !self.is_inherited() {
            self.0.ctx.cancel.set(CancelReason::Interrupted);
        }
    }

    /// Status and progress from the start on, for one listener; any number of listeners.
    pub fn subscribe(&self) -> Events {
        let progress = self.0.ctx.progress.clone();
        Events {
            watch: self.0.watch.clone(),
            progress,
            told: 0,
            last: None,
            due: Instant::now(),
            process: self.0.process,
        }
    }

    pub(super) fn watch(&self) -> &Arc<Watch> {
        &self.0.watch
    }

    /// The job's end; only the first counts.
    pub(super) fn end(&self, outcome: Result<T>) {
        let Ctx { trace_id, language, span, .. } = &self.0.ctx;
        let outcome =
            outcome.map_err(|error| error.traced(trace_id, *language)).inspect_err(|error| span.failed(error));
        let last = Status::of(&outcome);
        span.tell("status", last.as_str());
        if self.0.outcome.set(outcome).is_ok() {
            span.end();
            self.0.ctx.progress.end(last == Status::Completed);
            self.0.watch.becomes(last);
        }
    }

    fn is_inherited(&self) -> bool {
        self.0.process != std::process::id()
    }
}

impl<T: Clone> Handle<T> {
    /// Waits for the end.
    pub fn wait(&self) -> Result<T> {
        self.wait_until(None).unwrap_or_else(|| Err(Error::internal("a wait without a bound came back")))
    }

    /// Waits for the end, `timeout` at most; none while the job goes on.
    pub fn wait_timeout(&self, timeout: Duration) -> Option<Result<T>> {
        // None: longer than any clock counts.
        self.wait_until(Instant::now().checked_add(timeout))
    }

    fn wait_until(&self, until: Option<Instant>) -> Option<Result<T>> {
        if self.is_inherited() {
            return Some(Err(self.inherited()));
        }
        let mut life = self.0.watch.life();
        while !life.now().is_final() {
            life = match until {
                None => self.0.watch.changed.wait(life).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
                    self.0.watch.changed.wait_timeout(life, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        drop(life);
        Some(self.outcome())
    }

    /// Of a job that has ended.
    fn outcome(&self) -> Result<T> {
        let outcome = self.0.outcome.get().cloned();
        outcome.unwrap_or_else(|| Err(Error::internal("a job ended without an outcome")))
    }

    fn inherited(&self) -> Error {
        let Ctx { trace_id, language, .. } = &self.0.ctx;
        forked().stage("queue").traced(trace_id, *language)
    }
}

/// The end of a job, for a task that awaits it: woken once, by the thread that ends the job.
#[must_use = "a future does nothing until it is awaited"]
pub struct Ended<T> {
    handle: Handle<T>,
    place: Option<u64>,
}

impl<T: Clone> Future for Ended<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Result<T>> {
        let Ended { handle, place } = self.get_mut();
        if handle.is_inherited() {
            return Poll::Ready(Err(handle.inherited()));
        }
        match handle.0.watch.has_ended_or_wakes(place, task.waker()) {
            true => Poll::Ready(handle.outcome()),
            false => Poll::Pending,
        }
    }
}

impl<T> Drop for Ended<T> {
    fn drop(&mut self) {
        if let Some(place) = self.place.filter(|_| !self.handle.is_inherited()) {
            self.handle.0.watch.tasks().waiting.remove(&place);
        }
    }
}

impl<T: Clone> IntoFuture for Handle<T> {
    type Output = Result<T>;
    type IntoFuture = Ended<T>;

    fn into_future(self) -> Ended<T> {
        Ended { handle: self, place: None }
    }
}

/// What a listener hears of a job.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// Where the job stands.
    pub status: Status,
    /// How far it has come.
    pub progress: ProgressSnapshot,
}

/// Between two events that tell of progress, or of a job that is parked and goes on.
const TICK: Duration = Duration::from_millis(100);

/// The events of one job, for one listener; an iterator that waits for the next one and ends after the final status.
///
/// Each new status is told, in order (parked and back to running at most 10 times a second), and progress at most 10
/// times a second. It holds no backlog: a listener that falls behind hears of the newest progress only.
pub struct Events {
    watch: Arc<Watch>,
    progress: Arc<Progress>,
    told: usize,
    last: Option<Event>,
    due: Instant,
    process: u32,
}

impl Events {
    /// The next event; none where there is none within `patience`, and after the last.
    pub fn next_within(&mut self, patience: Duration) -> Option<Event> {
        if self.is_over() {
            return None;
        }
        let until = Instant::now().checked_add(patience);
        let watch = self.watch.clone();
        let mut life = watch.life();
        loop {
            let now = Instant::now();
            if let Some(status) = life.steps().get(self.told) {
                self.told += 1;
                return self.tell(*status, now);
            }
            if now >= self.due {
                let event = Event { status: life.now(), progress: self.progress.snapshot() };
                let same = |last: Event| last.status == event.status && last.progress.tells_what(&event.progress);
                if !self.last.is_some_and(same) {
                    return self.tell(event.status, now);
                }
                self.due = now + TICK;
            }
            if until.is_some_and(|until| now >= until) {
                return None;
            }
            let wake = until.map_or(self.due, |until| until.min(self.due));
            let left = wake.saturating_duration_since(now);
            life = watch.changed.wait_timeout(life, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The final status has been told; or this is a forked child, which hears of nothing.
    pub fn is_over(&self) -> bool {
        self.last.is_some_and(|event| event.status.is_final()) || self.process != std::process::id()
    }

    fn tell(&mut self, status: Status, now: Instant) -> Option<Event> {
        let event = Event { status, progress: self.progress.snapshot() };
        self.last = Some(event);
        self.due = now + TICK;
        Some(event)
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        while !self.is_over() {
            if let Some(event) = self.next_within(TICK * 10) {
                return Some(event);
            }
        }
        None
    }
}
