//! When to give memory back that was let go of: a stream's last batch, a job's share. Freed, most of it stays with the allocator, and
//! the process would keep what nobody holds.

use std::time::{Duration, Instant};

/// Less is not worth the walk through the heap.
const LEAST: u64 = 16 << 20;
/// So much, or such a share of the budget, is worth it while jobs run as well, whose next batches would take it again.
const MUCH: u64 = 128 << 20;
const MUCH_SHARE: u64 = 8;
const BETWEEN: Duration = Duration::from_secs(1);

/// The most that leases, streams and readers have had since the last purge.
#[derive(Debug, Default)]
pub(super) struct Release {
    peak: u64,
    purged: Option<Instant>,
}

/// What they have now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub bytes: u64,
    /// A job is at work.
    pub running: bool,
    /// Of what all jobs may have.
    pub budget: u64,
}

impl Release {
    /// True where enough of it was let go of.
    pub fn is_worth_a_purge(&mut self, held: Held, now: Instant) -> bool {
        self.peak = self.peak.max(held.bytes);
        let much = MUCH.min(held.budget / MUCH_SHARE).max(LEAST);
        let worth = self.peak - held.bytes >= if held.running { much } else { LEAST };
        let worth = worth && self.purged.is_none_or(|at| now.duration_since(at) >= BETWEEN);
        if worth {
            (self.peak, self.purged) = (held.bytes, Some(now));
        }
        worth
    }

    /// Somebody must look again: there is something to give back, now or once its holder lets go.
    pub fn is_due(&self) -> bool {
        self.peak >= LEAST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_let_go_of_is_given_back_once_and_soon() {
        const MB: u64 = 1 << 20;
        let (mut release, start) = (Release::default(), Instant::now());
        let mut asks = |held: u64, running: bool, millis: u64| {
            let held = Held { bytes: held * MB, running, budget: 10_000 * MB };
            release.is_worth_a_purge(held, start + Duration::from_millis(millis))
        };
        assert!(!asks(10, false, 0) && !asks(0, false, 10), "too little");
        assert!(!asks(100, true, 50) && !asks(20, true, 100), "a job at work would take it again");
        assert!(asks(20, false, 150));
        assert!(!asks(3, false, 200) && !asks(0, false, 1_000), "one a second");
        assert!(asks(0, false, 1_150));
        assert!(!asks(400, true, 3_000) && asks(200, true, 3_050));
        assert!(release.is_due());
        let nothing = Held { bytes: 0, running: false, budget: 10_000 * MB };
        assert!(release.is_worth_a_purge(nothing, start + Duration::from_secs(9)) && !release.is_due());
        let mut little = |bytes: u64, seconds: u64| {
            let held = Held { bytes: bytes * MB, running: true, budget: 200 * MB };
            release.is_worth_a_purge(held, start + Duration::from_secs(seconds))
        };
        assert!(!little(60, 20) && little(30, 21), "where there is little, little is much");
    }
}
