//! Turns a set cancel token, or a disk that has become full, into interrupts, until the worker has acknowledged.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, select};
use duckdb::InterruptHandle;

use super::spill::Spill;
use crate::base::{Cancel, Error, Result};

/// An interrupt that comes before the statement executes is forgotten by the engine, so it is repeated.
const EVERY: Duration = Duration::from_millis(10);
/// Between two looks at what is spilled.
const GLANCE: Duration = Duration::from_millis(100);

/// Lives as long as the worker runs its statement.
pub(super) struct Watch {
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    pub(super) fn over(interrupt: Arc<InterruptHandle>, cancel: &Cancel, spill: &Arc<Spill>) -> Result<Self> {
        let (done, ended) = bounded::<()>(0);
        let (cancel, spill) = (cancel.clone(), spill.clone());
        let thread = std::thread::Builder::new()
            .name("datasus-cancel".into())
            .spawn(move || watch(&interrupt, &cancel, &spill, &ended))
            .map_err(|error| Error::internal(format!("cannot start the cancel thread: {error}")))?;
        Ok(Watch { done: Some(done), thread: Some(thread) })
    }
}

fn watch(interrupt: &InterruptHandle, cancel: &Cancel, spill: &Spill, ended: &Receiver<()>) {
    loop {
        select! {
            recv(ended) -> _ => return,
            recv(cancel.signal()) -> _ => break,
            default(GLANCE) => if spill.overflows() {
                break;
            },
        }
    }
    loop {
        interrupt.interrupt();
        select! {
            recv(ended) -> _ => return,
            default(EVERY) => {}
        }
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
