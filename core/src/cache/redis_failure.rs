//! Why Redis gave no answer.

use std::sync::atomic::Ordering::Relaxed;

use redis::RedisError;

use super::Counts;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    Slow,
    Unreachable,
    /// It answered by an error: a value of another type, no right, a command that it does not have.
    Refused,
    /// A value that nobody with the secret has made.
    Forged,
}

impl Failure {
    pub fn count(self, counts: &Counts) {
        let counter = match self {
            Failure::Slow => &counts.redis_slow,
            Failure::Unreachable => &counts.redis_unreachable,
            Failure::Refused => &counts.redis_refused,
            Failure::Forged => &counts.forged,
        };
        counter.fetch_add(1, Relaxed);
    }

    pub fn of(error: &RedisError) -> Self {
        match () {
            () if error.is_timeout() => Failure::Slow,
            () if error.is_io_error() || error.is_connection_dropped() || error.is_unrecoverable_error() => {
                Failure::Unreachable
            }
            () => Failure::Refused,
        }
    }
}
