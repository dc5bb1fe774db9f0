//! The thread that looks at the memory: often while leases are alive, seldom while someone listens, else not at all.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::watch::Inner;

/// Starts with the first call that needs it, and ends with the governor; a process does not wait for it.
#[derive(Default)]
pub(super) struct Sampler(Mutex<Option<Sender<()>>>);

impl Sampler {
    /// Starts the thread, or wakes it up.
    pub fn start(&self, governor: &Arc<Inner>) -> std::io::Result<()> {
        let mut wake = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wake) = &*wake {
            // Full: it has been woken already.
            let _ = wake.try_send(());
            return Ok(());
        }
        let (sender, woken) = bounded(1);
        let governor = Arc::downgrade(governor);
        std::thread::Builder::new().name("datasus-governor".into()).spawn(move || run(&governor, &woken))?;
        *wake = Some(sender);
        Ok(())
    }
}

fn run(governor: &Weak<Inner>, woken: &Receiver<()>) {
    loop {
        let Some(governor) = governor.upgrade() else { return };
        governor.sample();
        let interval = governor.interval();
        drop(governor);
        let outcome = match interval {
            Some(interval) => woken.recv_timeout(interval),
            None => woken.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        if outcome == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

/// Keeps the sampler at work.
pub(super) struct Interest(Arc<Inner>);

impl Interest {
    /// Before the sampler is woken, or it could go to sleep between.
    pub fn new(governor: &Arc<Inner>) -> Self {
        governor.interest.fetch_add(1, SeqCst);
        Interest(governor.clone())
    }
}

impl Clone for Interest {
    fn clone(&self) -> Self {
        Interest::new(&self.0)
    }
}

impl std::ops::Deref for Interest {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        self.0.interest.fetch_sub(1, SeqCst);
    }
}
