//! Stopping a job: a token that is set once, with its reason, and that a channel `select` can wait on.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{Code, Error, Result, text};

/// Why a job was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelReason {
    /// The caller asked for it, or let go of the stream: nothing of the job is to stay.
    Caller,
    /// Ctrl-C, or the end of the process: what the job has done is kept, so that it can be resumed.
    Interrupted,
    /// `options.deadline` passed.
    Deadline(Duration),
    /// Nobody read the stream for that long.
    Unread(Duration),
}

/// Set once by whoever stops the job; looked at by every loop of it.
#[derive(Clone)]
pub struct Cancel(Arc<Inner>);

struct Inner {
    reason: OnceLock<CancelReason>,
    // None once the token is set.
    waiting: Mutex<Option<Waiting>>,
    signal: Receiver<()>,
}

struct Waiting {
    // Dropped when the token is set, so that `signal` disconnects and wakes every select.
    alive: Sender<()>,
    hooks: Vec<Box<dyn FnOnce() + Send>>,
}

impl Default for Cancel {
    fn default() -> Self {
        let (alive, signal) = bounded(0);
        Cancel(Arc::new(Inner {
            reason: OnceLock::new(),
            waiting: Mutex::new(Some(Waiting { alive, hooks: Vec::new() })),
            signal,
        }))
    }
}

impl Cancel {
    /// Sets the token; only the first reason counts.
    pub fn set(&self, reason: CancelReason) {
        let _ = self.0.reason.set(reason);
        let waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Waiting { alive, hooks }) = waiting {
            drop(alive);
            hooks.into_iter().for_each(|hook| hook());
        }
    }

    /// Calls `hook` once, in the thread that sets the token and under no lock; at once if it is set already.
    pub fn when_set(&self, hook: impl FnOnce() + Send + 'static) {
        if let Some(waiting) = &mut *self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner) {
            return waiting.hooks.push(Box::new(hook));
        }
        hook();
    }

    /// A token for a part of the job: set with this one, but not the other way round.
    pub fn child(&self) -> Cancel {
        let child = Cancel::default();
        let (of, part) = (Arc::downgrade(&self.0), Arc::downgrade(&child.0));
        self.when_set(move || {
            if let (Some(of), Some(part)) = (of.upgrade(), part.upgrade())
                && let Some(reason) = of.reason.get()
            {
                Cancel(part).set(*reason);
            }
        });
        child
    }

    /// Why the token was set; none while it is not.
    pub fn reason(&self) -> Option<CancelReason> {
        self.0.reason.get().copied()
    }

    /// True once somebody has stopped the job.
    pub fn is_set(&self) -> bool {
        self.reason().is_some()
    }

    /// The error that the job ends with, once the token is set.
    pub fn check(&self) -> Result<()> {
        match self.reason() {
            None => Ok(()),
            Some(CancelReason::Caller) => {
                Err(Error::new(Code::Cancelled, text!("Consulta cancelada", "The query was cancelled")))
            }
            Some(CancelReason::Interrupted) => {
                Err(Error::new(Code::Cancelled, text!("A consulta foi interrompida", "The query was interrupted")))
            }
            Some(CancelReason::Deadline(limit)) => Err(deadline_passed(limit)),
            Some(CancelReason::Unread(limit)) => {
                let seconds = limit.as_secs_f64();
                Err(Error::new(
                    Code::DeadlinePassed,
                    text!(
                        "Ninguém leu o fluxo por {seconds} s e a consulta foi encerrada; leia até o fim ou feche o fluxo",
                        "Nobody read the stream for {seconds} s, so the query was ended; read it to its end or close it"
                    ),
                )
                .with("idle_limit_sec", seconds))
            }
        }
    }

    /// A channel that carries nothing and disconnects when the token is set.
    pub fn signal(&self) -> &Receiver<()> {
        &self.0.signal
    }
}

/// What work ends with that took longer than it was given.
pub fn deadline_passed(limit: Duration) -> Error {
    let seconds = limit.as_secs_f64();
    Error::new(
        Code::DeadlinePassed,
        text!(
            "O prazo de {seconds} s passou; aumente `deadline` ou restrinja a consulta",
            "The deadline of {seconds} s passed; raise `deadline` or narrow the query"
        ),
    )
    .with("deadline_sec", seconds)
}
