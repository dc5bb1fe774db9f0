//! Turns a set cancel token into interrupts, until the worker has acknowledged.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, select};
use duckdb::InterruptHandle;

use crate::base::{Cancel, Error, Result};

/// An interrupt that comes before the statement executes is forgotten by the engine, so it is repeated.
const EVERY: Duration = Duration::from_millis(10);

/// Lives as long as the worker runs its statement.
pub(super) struct Watch {
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    pub(super) fn over(interrupt: Arc<InterruptHandle>, cancel: &Cancel) -> Result<Self> {
        let (done, ended) = bounded::<()>(0);
        let cancel = cancel.clone();
        let thread = std::thread::Builder::new()
            .name("datasus-cancel".into())
            .spawn(move || watch(&interrupt, &cancel, &ended))
            .map_err(|error| Error::internal(format!("cannot start the cancel thread: {error}")))?;
        Ok(Watch { done: Some(done), thread: Some(thread) })
    }
}

fn watch(interrupt: &InterruptHandle, cancel: &Cancel, ended: &Receiver<()>) {
    select! {
        recv(ended) -> _ => return,
        recv(cancel.signal()) -> _ => {}
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
