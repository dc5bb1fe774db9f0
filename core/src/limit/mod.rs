//! How often one may ask: so many queries a minute for each key (a user, an address) that a service gives. Who gives no key has no
//! limit.
//!
//! Counts are of this process, or of all that share a Redis. One that does not answer in time is no reason to refuse anybody, nor to
//! let everybody in: this process counts for itself then, up to its part where several serve together (`processes`).

mod in_process;
mod in_redis;

use std::time::Duration;

use sha2::{Digest, Sha256};

use self::in_process::InProcess;
use self::in_redis::InRedis;
use crate::base::{Code, Error, Result, text};
use crate::cache::RedisSettings;
use crate::config::Config;

/// Who asks, without being named.
type Who = [u8; 16];

/// Where the counts are.
trait Counts: Send + Sync {
    /// Counts a question; how long to wait where there were too many.
    fn take(&self, who: &Who) -> Option<Duration>;
}

/// The limit of a client.
pub struct RateLimit {
    counts: Box<dyn Counts>,
    per_minute: u32,
}

impl RateLimit {
    /// None where the settings set none.
    pub fn of(config: &Config) -> Result<Option<Self>> {
        let processes = u32::try_from(config.processes).unwrap_or(u32::MAX).max(1);
        // Of a limit below the number of processes one is left to each, and not none, which would be no limit.
        let part = config.rate_limit.div_ceil(processes);
        let Some(own) = InProcess::new(part) else { return Ok(None) };
        let counts: Box<dyn Counts> = match &config.redis {
            None => Box::new(own),
            Some(url) => Box::new(InRedis::open(RedisSettings::of(config, url)?, config.rate_limit, own)?),
        };
        let per_minute = if config.redis.is_some() { config.rate_limit } else { part };
        Ok(Some(RateLimit { counts, per_minute }))
    }

    /// DS-429, with the seconds to wait, where `key` has asked too often.
    pub fn take(&self, key: &str) -> Result<()> {
        let digest = Sha256::digest(key);
        let mut who = Who::default();
        who.copy_from_slice(&digest[..16]);
        let Some(wait) = self.counts.take(&who) else { return Ok(()) };
        let (limit, seconds) = (self.per_minute, wait.as_secs_f64().ceil().max(1.0) as u64);
        Err(Error::new(
            Code::QueueFull,
            text!(
                "Mais de {limit} consultas por minuto para esta `rate_key`; repita daqui a {seconds} s",
                "More than {limit} queries a minute for this `rate_key`; ask again in {seconds} s"
            ),
        )
        .with("retry_after_sec", seconds)
        .with("limit", limit)
        .stage("limit"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn of_four_processes_that_serve_together_each_lets_its_part_pass_where_there_is_no_redis() {
        let limit =
            |rate_limit, processes| RateLimit::of(&Config { rate_limit, processes, ..Config::default() }).unwrap();
        // All of a minute at once, and one more for each part of it that these take.
        let passes = |limit: &RateLimit, most: u64| {
            let began = Instant::now();
            let error = (0..200u64).find_map(|passed| Some((passed, limit.take("ana").err()?)));
            let (passed, error) = error.expect("nobody is refused");
            let more = began.elapsed().as_secs_f64() * most as f64 / 60.0;
            assert!((most..=most + more as u64).contains(&passed), "{passed} of {most}");
            assert_eq!(error.diagnostic()["limit"], most);
        };
        passes(&limit(100, 1).unwrap(), 100);
        passes(&limit(100, 4).unwrap(), 25);
        // Nobody is left without any, which would be no limit.
        passes(&limit(2, 4).unwrap(), 1);
        assert!(limit(0, 4).is_none());
    }
}
