//! When a failed attempt is made again, and how long to wait before it.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use crate::base::{Cancel, Result};

/// Attempts in all.
const ATTEMPTS: usize = 3;
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(10);

/// The waits of one job: exponential, with jitter, as many as there may be more attempts.
pub struct Retries {
    delays: backon::ExponentialBackoff,
    attempts: u32,
}

impl Default for Retries {
    fn default() -> Self {
        let delays = ExponentialBuilder::default().with_jitter().with_min_delay(FIRST).with_max_delay(LONGEST);
        Retries { delays: delays.with_max_times(ATTEMPTS - 1).build(), attempts: 1 }
    }
}

impl Retries {
    /// Attempts so far, the one at hand included.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Waits for the next attempt; false where there is none left. An error where the job is cancelled meanwhile.
    pub fn wait(&mut self, cancel: &Cancel) -> Result<bool> {
        let Some(delay) = self.delays.next() else { return Ok(false) };
        // Nothing is ever sent: it disconnects when the token is set.
        let _ = cancel.signal().recv_timeout(delay);
        cancel.check()?;
        self.attempts += 1;
        Ok(true)
    }
}
