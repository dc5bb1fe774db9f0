//! For tests: work that hears neither interrupt nor deadline, as some of the engine's own functions do not, whatever SQL is let in.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// A place where work may be made to hang.
pub struct Deaf {
    next: AtomicUsize,
    millis: AtomicU64,
    hanging: AtomicUsize,
}

impl Deaf {
    pub(crate) const fn new() -> Self {
        Deaf { next: AtomicUsize::new(0), millis: AtomicU64::new(0), hanging: AtomicUsize::new(0) }
    }

    /// The next `count` to come here hang for so long. What hangs already goes on once its own time, or a shorter one set since,
    /// is over.
    pub fn hang_next(&self, count: usize, time: Duration) {
        self.millis.store(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), SeqCst);
        self.next.store(count, SeqCst);
    }

    /// How many hang at the moment.
    pub fn hanging(&self) -> usize {
        self.hanging.load(SeqCst)
    }

    pub(crate) fn hang(&self) {
        if self.next.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_err() {
            return;
        }
        self.hanging.fetch_add(1, SeqCst);
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(self.millis.load(SeqCst)) {
            std::thread::sleep(Duration::from_millis(2));
        }
        self.hanging.fetch_sub(1, SeqCst);
    }
}
