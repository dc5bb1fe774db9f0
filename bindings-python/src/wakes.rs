//! What wakes tasks of Python's: tickets, which a thread of Python's own takes from here, so that no thread of ours ever waits for
//! the GIL.

use std::sync::{Arc, LazyLock};
use std::task::{Wake, Waker};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use pyo3::prelude::*;

use crate::ending::detached;

static WAKES: LazyLock<(Sender<u64>, Receiver<u64>)> = LazyLock::new(unbounded);

struct Ticket(u64);

impl Wake for Ticket {
    fn wake(self: Arc<Self>) {
        // The receiving end lives as long as the process.
        let _ = WAKES.0.send(self.0);
    }
}

/// Has `ticket` come out of [`next_wake`].
pub fn waker(ticket: u64) -> Waker {
    Arc::new(Ticket(ticket)).into()
}

/// The ticket of a task that is to look again; none where there was none for so long.
#[pyfunction]
pub fn next_wake(py: Python<'_>, seconds: f64) -> Option<u64> {
    let patience = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
    detached(py, || WAKES.1.recv_timeout(patience).ok())
}
