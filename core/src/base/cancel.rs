//! Stopping a job: a token that is set once, with its reason, and that a channel `select` can wait on.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{Code, Error, Result, text};

/// Why a job was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelReason {
    /// The caller asked for it, or let go of the stream.
    Caller,
    /// `options.deadline` passed.
    Deadline(Duration),
}

/// Set once by whoever stops the job; looked at by every loop of it.
#[derive(Clone)]
pub struct Cancel(Arc<Inner>);

struct Inner {
    reason: OnceLock<CancelReason>,
    // Dropped when the token is set, so that `signal` disconnects and wakes every select.
    alive: Mutex<Option<Sender<()>>>,
    signal: Receiver<()>,
    /// Tokens of parts of the job, which are set with it.
    children: Mutex<Vec<Weak<Inner>>>,
}

impl Default for Cancel {
    fn default() -> Self {
        let (alive, signal) = bounded(0);
        let (alive, children) = (Mutex::new(Some(alive)), Mutex::default());
        Cancel(Arc::new(Inner { reason: OnceLock::new(), alive, signal, children }))
    }
}

impl Cancel {
    /// Sets the token; only the first reason counts.
    pub fn set(&self, reason: CancelReason) {
        let _ = self.0.reason.set(reason);
        self.0.alive.lock().unwrap_or_else(PoisonError::into_inner).take();
        let children = std::mem::take(&mut *self.0.children.lock().unwrap_or_else(PoisonError::into_inner));
        children.iter().filter_map(Weak::upgrade).for_each(|child| Cancel(child).set(reason));
    }

    /// A token for a part of the job: set with this one, but not the other way round.
    pub fn child(&self) -> Cancel {
        let child = Cancel::default();
        let mut children = self.0.children.lock().unwrap_or_else(PoisonError::into_inner);
        children.retain(|child| child.strong_count() > 0);
        children.push(Arc::downgrade(&child.0));
        drop(children);
        // Set meanwhile, the token may have passed the new child by.
        if let Some(reason) = self.reason() {
            child.set(reason);
        }
        child
    }

    pub fn reason(&self) -> Option<CancelReason> {
        self.0.reason.get().copied()
    }

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
            Some(CancelReason::Deadline(limit)) => {
                let seconds = limit.as_secs_f64();
                Err(Error::new(
                    Code::DeadlinePassed,
                    text!(
                        "O prazo de {seconds} s passou; aumente `deadline` ou restrinja a consulta",
                        "The deadline of {seconds} s passed; raise `deadline` or narrow the query"
                    ),
                )
                .with("deadline_sec", seconds))
            }
        }
    }

    /// A channel that carries nothing and disconnects when the token is set.
    pub fn signal(&self) -> &Receiver<()> {
        &self.0.signal
    }
}
