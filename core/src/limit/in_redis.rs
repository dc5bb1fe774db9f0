//! Counts of all processes that share a Redis, by its own clock.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::in_process::InProcess;
use super::{Counts, Who};
use crate::base::{Error, Result};
use crate::cache::{Breaker, Failure, Line, RedisSettings};

/// Of a job, beside what its kept answer may take.
const PATIENCE: Duration = Duration::from_millis(15);
const QUESTIONS: usize = 64;

/// The time at which all that was asked is used up again moves on by one question; it may lie a minute ahead, and what lies further was
/// not written here. Microseconds.
const TAKE: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local kept = tonumber(redis.call('GET', KEYS[1]) or '0') or 0
if kept - now > 61000000 then kept = 0 end
local free = math.max(kept, now) + tonumber(ARGV[1])
if free - now > 60000000 then return free - now - 60000000 end
redis.call('SET', KEYS[1], string.format('%.0f', free), 'PX', 61000)
return 0";

struct Question {
    who: Who,
    until: Instant,
    to: Sender<Result<u64, Failure>>,
}

pub struct InRedis {
    questions: Sender<Question>,
    breaker: Breaker,
    own: InProcess,
}

impl InRedis {
    pub fn open(settings: RedisSettings, per_minute: u32, own: InProcess) -> Result<Self> {
        let (questions, asked) = bounded(QUESTIONS);
        let line = Line::new(settings.client);
        let answer = move || answer(line, &asked, 60_000_000 / u64::from(per_minute.max(1)));
        std::thread::Builder::new().name("datasus-redis-limit".into()).spawn(answer).map_err(Error::internal)?;
        Ok(InRedis { questions, breaker: Breaker::default(), own })
    }

    fn ask(&self, who: &Who) -> Option<u64> {
        if !self.breaker.is_closed() {
            return None;
        }
        let (to, answer) = bounded(1);
        let until = Instant::now() + PATIENCE;
        let sent = self.questions.try_send(Question { who: *who, until, to }).is_ok();
        match sent.then(|| answer.recv_deadline(until)) {
            Some(Ok(Ok(wait))) => {
                self.breaker.close();
                Some(wait)
            }
            _ => {
                self.breaker.open();
                None
            }
        }
    }
}

impl Counts for InRedis {
    fn take(&self, who: &Who) -> Option<Duration> {
        // Counted here as well, for the time without Redis.
        let own = self.own.take(who);
        match self.ask(who) {
            Some(wait) => (wait > 0).then(|| Duration::from_micros(wait)),
            None => own,
        }
    }
}

fn answer(mut line: Line, asked: &Receiver<Question>, interval: u64) {
    let _ = line.open();
    for Question { who, until, to } in asked {
        if Instant::now() >= until {
            continue;
        }
        let name = format!("datasus:rate:{{{}}}", hex::encode(who));
        let take = ::redis::cmd("EVAL").arg(TAKE).arg(1).arg(&name).arg(interval).to_owned();
        let _ = to.send(line.ask::<u64>(&name, &take));
    }
}
