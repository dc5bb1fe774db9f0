//! Instances that are being opened or closed by threads that nobody waits for: a process must not end meanwhile, or the
//! engine's own clean-up may meet one half done.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

static AT_WORK: Mutex<usize> = Mutex::new(0);
static DONE: Condvar = Condvar::new();

/// A thread that hangs there must not keep the process for ever.
const PATIENCE: Duration = Duration::from_secs(2);

/// Lives for as long as such a thread is at work.
pub(super) struct Closing;

impl Closing {
    pub(super) fn begin() -> Self {
        *AT_WORK.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Closing
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        *AT_WORK.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        DONE.notify_all();
    }
}

/// Returns once none is at work.
pub(super) fn settle() {
    let at_work = AT_WORK.lock().unwrap_or_else(PoisonError::into_inner);
    // Nobody is waited for longer than `PATIENCE`, whatever the outcome.
    let _ = DONE.wait_timeout_while(at_work, PATIENCE, |at_work| *at_work > 0);
}
