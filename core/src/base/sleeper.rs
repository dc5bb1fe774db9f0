//! A thread that sleeps until it is woken, for hosts that wait in a thread of theirs for what wakes tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Wake, Waker};
use std::thread::Thread;

/// Of the thread that made it; a wake that comes before the sleep ends that at once.
pub struct Sleeper {
    thread: Thread,
    woken: AtomicBool,
}

impl Sleeper {
    /// For this thread.
    pub fn here() -> Arc<Self> {
        Arc::new(Sleeper { thread: std::thread::current(), woken: AtomicBool::new(false) })
    }

    /// What wakes it, from any thread.
    pub fn waker(self: &Arc<Self>) -> Waker {
        self.clone().into()
    }

    /// Until somebody wakes it. To be called by the thread that made it.
    pub fn sleep(&self) {
        while !self.woken.swap(false, SeqCst) {
            std::thread::park();
        }
    }
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, SeqCst);
        self.thread.unpark();
    }
}
