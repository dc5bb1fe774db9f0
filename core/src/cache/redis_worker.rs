//! The two threads that speak with Redis, one that asks and one that keeps, and when they are not to be asked.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use super::Counts;
use super::entry::Entry;
use super::key::Key;
use super::redis_failure::Failure;
use super::redis_line::Line;
use super::redis_settings::RedisSettings;
use super::seal::{BYTES as SEAL_BYTES, Seal};
use crate::base::{Error, Result};

/// For an answer to be kept.
const KEEP: Duration = Duration::from_secs(5);
/// Without a question after a failure: at first, and at most.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

pub struct Get {
    pub key: Key,
    pub most: u64,
    /// Nobody waits for it afterwards.
    pub until: Instant,
    pub to: Sender<Result<Option<Vec<u8>>, Failure>>,
}

pub struct Put {
    pub key: Key,
    pub entry: Entry,
}

/// Keeps questions from a server that gave no answer, twice as long after each failure.
#[derive(Default)]
pub struct Breaker(Mutex<State>);

#[derive(Default)]
struct State {
    until: Option<Instant>,
    pause: Duration,
}

impl Breaker {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it may be asked.
    pub fn is_closed(&self) -> bool {
        self.state().until.is_none_or(|until| Instant::now() >= until)
    }

    pub fn open(&self) {
        let mut state = self.state();
        // Those who asked at the same time failed for the same reason.
        if state.until.is_some_and(|until| Instant::now() < until) {
            return;
        }
        state.pause = (state.pause * 2).clamp(PAUSE, LONGEST_PAUSE);
        state.until = Some(Instant::now() + state.pause);
    }

    pub fn close(&self) {
        *self.state() = State::default();
    }
}

/// They end with the client.
pub fn start(
    settings: RedisSettings,
    asked: Receiver<Get>,
    kept: Receiver<Put>,
    breaker: Arc<Breaker>,
    counts: Arc<Counts>,
) -> Result<()> {
    let RedisSettings { client, ttl, secret, level } = settings;
    let seconds = ttl.as_secs().max(1);
    let asks = Line::new(client.clone());
    let keeps =
        Keeper { line: Line::patient(client, KEEP), seal: Seal::of(secret.as_ref()), seconds, level, breaker, counts };
    let seal = Seal::of(secret.as_ref());
    let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
        let thread = std::thread::Builder::new().name(name.into()).spawn(run);
        thread.map(drop).map_err(Error::internal)
    };
    spawn("datasus-redis", Box::new(move || answer(asks, &seal, &asked)))?;
    spawn("datasus-redis-keep", Box::new(move || keeps.keep(&kept)))
}

fn answer(mut line: Line, seal: &Seal, asked: &Receiver<Get>) {
    // The first job finds it open.
    let _ = line.open();
    for Get { key, most, until, to } in asked {
        if Instant::now() >= until {
            continue;
        }
        // No more of a value than an answer may have, whatever somebody put there.
        let (name, end) = (seal.name(&key), most.saturating_add(SEAL_BYTES as u64));
        let range = ::redis::cmd("GETRANGE").arg(&name).arg(0).arg(i64::try_from(end).unwrap_or(i64::MAX)).to_owned();
        let found = line.ask::<Vec<u8>>(&name, &range).and_then(|bytes| match bytes.is_empty() {
            true => Ok(None),
            false => seal.open(bytes).map(Some).ok_or(Failure::Forged),
        });
        let _ = to.send(found);
    }
}

struct Keeper {
    line: Line,
    seal: Seal,
    seconds: u64,
    level: i32,
    breaker: Arc<Breaker>,
    counts: Arc<Counts>,
}

impl Keeper {
    fn keep(mut self, kept: &Receiver<Put>) {
        for Put { key, entry } in kept {
            if !self.breaker.is_closed() {
                continue;
            }
            // Packed anew where Redis is to hold it smaller than this machine does; nobody waits for it.
            let Some(entry) = entry.at_level(self.level) else {
                self.counts.not_kept.fetch_add(1, Relaxed);
                continue;
            };
            let (name, value) = (self.seal.name(&key), self.seal.seal(entry.bytes()));
            let set = ::redis::cmd("SET").arg(&name).arg(value).arg("EX").arg(self.seconds).to_owned();
            if let Err(failure) = self.line.ask::<()>(&name, &set) {
                self.counts.not_kept.fetch_add(1, Relaxed);
                failure.count(&self.counts);
                if failure != Failure::Refused {
                    self.breaker.open();
                }
            }
        }
    }
}
