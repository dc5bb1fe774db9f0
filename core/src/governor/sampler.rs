//! The thread that looks at the memory: often while leases are alive, seldom while someone listens, else not at all.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

/// When the thread looks again.
pub(super) enum Again {
    After(Duration),
    /// Once it is woken; nobody would know before.
    WhenWoken,
    /// There is nothing to look at any more.
    Never,
}

/// Starts with the first call that needs it, and ends with the governor; a process does not wait for it.
#[derive(Default)]
pub(super) struct Sampler(Mutex<Option<Sender<()>>>);

impl Sampler {
    /// Starts the thread, which calls `look`, or wakes it up.
    pub fn start(&self, look: impl Fn() -> Again + Send + 'static) -> std::io::Result<()> {
        let mut wake = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wake) = &*wake {
            // Full: it has been woken already.
            let _ = wake.try_send(());
            return Ok(());
        }
        let (sender, woken) = bounded(1);
        std::thread::Builder::new().name("datasus-governor".into()).spawn(move || run(look, &woken))?;
        *wake = Some(sender);
        Ok(())
    }
}

fn run(look: impl Fn() -> Again, woken: &Receiver<()>) {
    loop {
        let outcome = match look() {
            Again::After(interval) => woken.recv_timeout(interval),
            Again::WhenWoken => woken.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Again::Never => return,
        };
        if outcome == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}
