//! Turns a set cancel token, a disk that has become full, or memory that is about to, into interrupts, until the worker has acknowledged. One that does not is
//! abandoned: whoever waits for it is told, and its share of the memory stays charged until its thread has ended.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, select};
use duckdb::InterruptHandle;

use super::outgrown::{LOOK, Outgrown};
use super::quiet::ThreadId;
use super::spill::Spill;
use crate::base::{Code, Ctx, Error, Result};
use crate::governor::{Abandoned, Hold, TO_ACKNOWLEDGE};

/// An interrupt that comes before the statement executes is forgotten by the engine, so it is repeated.
const EVERY: Duration = Duration::from_millis(10);
/// The same for a worker that has not heard the first two hundred.
const EVERY_LATER: Duration = Duration::from_millis(100);
/// Between two looks at what is spilled.
const GLANCE: Duration = Duration::from_millis(100);

/// Lives as long as the worker runs its statement.
pub(super) struct Watch {
    watched: Arc<Watched>,
    /// Disconnects once the statement is to stop.
    stops: Receiver<()>,
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the worker says of itself as soon as it knows.
#[derive(Default)]
struct Watched {
    thread: OnceLock<ThreadId>,
    /// None before there is a connection, and once it is being closed.
    interrupt: Mutex<Option<Arc<InterruptHandle>>>,
    spill: OnceLock<Arc<Spill>>,
    /// It took too much memory.
    outgrown: OnceLock<Error>,
}

impl Watch {
    /// Over the worker `name`, from before it begins, and its memory where `memory_limit` says how much of it the engine may take. The receiver gives
    /// the error of who waits for it, should it be abandoned.
    pub fn start(
        name: &str,
        hold: Option<Hold>,
        memory_limit: Option<u64>,
        ctx: &Ctx,
    ) -> Result<(Self, Receiver<Error>)> {
        let watched = Arc::<Watched>::default();
        let (done, ended) = bounded::<()>(0);
        let (to_consumer, abandoned) = bounded(1);
        let (goes_on, stops) = bounded::<()>(0);
        let looks = Looks { name: name.to_owned(), watched: watched.clone(), ended, to_consumer, ctx: ctx.clone() };
        let thread = std::thread::Builder::new()
            .name("datasus-watch".into())
            .spawn(move || {
                if looks.must_stop(hold.as_ref().zip(memory_limit)) {
                    drop(goes_on);
                    looks.interrupt();
                }
                drop(hold);
            })
            .map_err(|error| Error::internal(format!("cannot start the watch's thread: {error}")))?;
        Ok((Watch { watched, stops, done: Some(done), thread: Some(thread) }, abandoned))
    }

    /// Called in the worker's thread, first of all.
    pub fn begins(&self) {
        if let Some(thread) = ThreadId::own() {
            let _ = self.watched.thread.set(thread);
        }
    }

    /// The statement runs on this connection, and spills there. Nothing is interrupted any more once the answer is dropped, which
    /// must be before the connection is.
    pub fn over(&self, interrupt: Arc<InterruptHandle>, spill: &Arc<Spill>) -> Interrupts {
        let _ = self.watched.spill.set(spill.clone());
        *self.watched.interrupt() = Some(interrupt);
        Interrupts(self.watched.clone())
    }

    /// Carries nothing, and disconnects once the statement is to stop.
    pub fn stops(&self) -> &Receiver<()> {
        &self.stops
    }

    /// What a statement ends with that failed with `error`.
    pub fn explain(&self, error: Error) -> Error {
        match self.watched.outgrown.get() {
            Some(outgrown) if !matches!(error.code(), Code::Cancelled | Code::DeadlinePassed) => {
                outgrown.clone().because(error)
            }
            _ => error,
        }
    }

    /// Why the statement is to stop, other than by its token.
    pub fn check(&self) -> Result<()> {
        self.watched.check()
    }
}

pub(super) struct Interrupts(Arc<Watched>);

impl Drop for Interrupts {
    fn drop(&mut self) {
        *self.0.interrupt() = None;
    }
}

impl Watched {
    fn check(&self) -> Result<()> {
        self.outgrown.get().map_or(Ok(()), |outgrown| Err(outgrown.clone()))?;
        self.spill.get().map_or(Ok(()), |spill| spill.still_fits())
    }

    fn interrupt(&self) -> MutexGuard<'_, Option<Arc<InterruptHandle>>> {
        self.interrupt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Looks {
    name: String,
    watched: Arc<Watched>,
    ended: Receiver<()>,
    to_consumer: Sender<Error>,
    ctx: Ctx,
}

impl Looks {
    /// False once the worker has ended by itself.
    fn must_stop(&self, memory: Option<(&Hold, u64)>) -> bool {
        let every = if memory.is_some() { LOOK } else { GLANCE };
        // Its first look is from before the statement has begun.
        let mut memory = memory.and_then(|(hold, limit)| Outgrown::over(&self.name, hold, limit));
        let mut glanced = Instant::now();
        loop {
            if let Some(error) = memory.as_mut().and_then(Outgrown::look) {
                tracing::warn!(trace_id = %self.ctx.trace_id, thread = %self.name, detail = error.detail(), "is interrupted");
                let _ = self.watched.outgrown.set(error);
                return true;
            }
            select! {
                recv(self.ended) -> _ => return false,
                recv(self.ctx.cancel.signal()) -> _ => return true,
                default(every) => {}
            }
            if glanced.elapsed() >= GLANCE {
                glanced = Instant::now();
                if self.watched.spill.get().is_some_and(|spill| spill.overflows()) {
                    return true;
                }
            }
        }
    }

    fn interrupt(&self) {
        let since = Instant::now();
        let mut abandoned = None;
        loop {
            if let Some(interrupt) = &*self.watched.interrupt() {
                interrupt.interrupt();
            }
            select! {
                recv(self.ended) -> _ => return,
                default(if abandoned.is_none() { EVERY } else { EVERY_LATER }) => {}
            }
            if abandoned.is_none() && since.elapsed() >= TO_ACKNOWLEDGE {
                abandoned = Some(self.abandon());
            }
        }
    }

    fn abandon(&self) -> Abandoned {
        let abandoned = Abandoned::note(&self.name, &self.ctx.trace_id);
        if let Some(thread) = self.watched.thread.get() {
            thread.yield_now();
        }
        let why = self.ctx.check().and_then(|()| self.watched.check()).err();
        // One message for one slot; nobody hears it where nobody waits.
        let _ =
            self.to_consumer.try_send(why.unwrap_or_else(|| Error::internal("a statement stopped without a reason")));
        abandoned
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.done.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
