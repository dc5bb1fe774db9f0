//! Counts of this process.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use ::governor::clock::{Clock, DefaultClock};
use ::governor::{DefaultKeyedRateLimiter, Quota};

use super::{Counts, Who};

/// Questions between two looks at who has not asked for a while.
const SWEEP: u32 = 4_096;

pub struct InProcess {
    limiter: DefaultKeyedRateLimiter<Who>,
    asked: AtomicU32,
}

impl InProcess {
    /// None where there is no limit.
    pub fn new(per_minute: u32) -> Option<Self> {
        let quota = Quota::per_minute(NonZeroU32::new(per_minute)?);
        Some(InProcess { limiter: DefaultKeyedRateLimiter::keyed(quota), asked: AtomicU32::new(0) })
    }
}

impl Counts for InProcess {
    fn take(&self, who: &Who) -> Option<Duration> {
        if self.asked.fetch_add(1, Relaxed) % SWEEP == SWEEP - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(who).err().map(|until| until.wait_time_from(DefaultClock::default().now()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn the_hundred_and_first_of_a_minute_waits_and_others_do_not() {
        let counts = InProcess::new(100).unwrap();
        let began = Instant::now();
        let mut passed = 0;
        let wait = loop {
            match counts.take(&[1; 16]) {
                Some(wait) => break wait,
                None => passed += 1,
            }
        };
        // One more for each 0.6 s that these take.
        assert!((100..=100 + began.elapsed().as_millis() / 600).contains(&passed), "{passed}");
        assert!(wait <= Duration::from_millis(600), "{wait:?}");
        assert!(counts.take(&[2; 16]).is_none() && InProcess::new(0).is_none());
    }
}
