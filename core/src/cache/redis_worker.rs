//! The two threads that speak with Redis, one that asks and one that keeps, and when they are not to be asked.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use redis::{Connection, RedisError};

use super::Counts;
use super::entry::Entry;
use super::key::Key;
use super::redis_settings::{RedisSettings, key_of};
use crate::base::{Error, Result};

/// To connect, and for each answer that a thread takes. Longer than a job waits, so that a connection that came late serves the next.
const CONNECT: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_millis(200);
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    Slow,
    Unreachable,
    /// It answered by an error: a value of another type, no right, a command that it does not have.
    Refused,
}

impl Failure {
    pub fn count(self, counts: &Counts) {
        let counter = match self {
            Failure::Slow => &counts.redis_slow,
            Failure::Unreachable => &counts.redis_unreachable,
            Failure::Refused => &counts.redis_refused,
        };
        counter.fetch_add(1, Relaxed);
    }

    fn of(error: &RedisError) -> Self {
        match () {
            () if error.is_timeout() => Failure::Slow,
            () if error.is_io_error() || error.is_connection_dropped() || error.is_unrecoverable_error() => {
                Failure::Unreachable
            }
            () => Failure::Refused,
        }
    }
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
    let RedisSettings { client, ttl } = settings;
    let seconds = ttl.as_secs().max(1);
    let asks = Line::new(client.clone());
    let keeps = Line { client, connection: None, answer: KEEP };
    let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
        let thread = std::thread::Builder::new().name(name.into()).spawn(run);
        thread.map(drop).map_err(Error::internal)
    };
    spawn("datasus-redis", Box::new(move || answer(asks, &asked)))?;
    spawn("datasus-redis-keep", Box::new(move || keep(keeps, &kept, seconds, &breaker, &counts)))
}

fn answer(mut line: Line, asked: &Receiver<Get>) {
    // The first job finds it open.
    let _ = line.open();
    for Get { key, most, until, to } in asked {
        if Instant::now() >= until {
            continue;
        }
        // No more of a value than an answer may have, whatever somebody put there.
        let range =
            ::redis::cmd("GETRANGE").arg(key_of(&key)).arg(0).arg(i64::try_from(most).unwrap_or(i64::MAX)).to_owned();
        let found = line.ask::<Vec<u8>>(&range);
        let _ = to.send(found.map(|bytes| (!bytes.is_empty()).then_some(bytes)));
    }
}

fn keep(mut line: Line, kept: &Receiver<Put>, seconds: u64, breaker: &Breaker, counts: &Counts) {
    for Put { key, entry } in kept {
        if !breaker.is_closed() {
            continue;
        }
        let set = ::redis::cmd("SET").arg(key_of(&key)).arg(entry.bytes()).arg("EX").arg(seconds).to_owned();
        if let Err(failure) = line.ask::<()>(&set) {
            let name: &AtomicU64 = &counts.not_kept;
            name.fetch_add(1, Relaxed);
            failure.count(counts);
            if failure != Failure::Refused {
                breaker.open();
            }
        }
    }
}

/// A connection that is made when it is needed, and given up when it fails.
pub(crate) struct Line {
    client: ::redis::Client,
    connection: Option<Connection>,
    answer: Duration,
}

impl Line {
    pub fn new(client: ::redis::Client) -> Self {
        Line { client, connection: None, answer: ANSWER }
    }

    pub fn open(&mut self) -> Result<&mut Connection, Failure> {
        if self.connection.is_none() {
            let made = self.client.get_connection_with_timeout(CONNECT).and_then(|made| {
                made.set_read_timeout(Some(self.answer))?;
                made.set_write_timeout(Some(self.answer))?;
                Ok(made)
            });
            self.connection = Some(made.map_err(|error| Failure::of(&error))?);
        }
        self.connection.as_mut().ok_or(Failure::Unreachable)
    }

    pub fn ask<T: ::redis::FromRedisValue>(&mut self, command: &::redis::Cmd) -> Result<T, Failure> {
        let answer = command.query(self.open()?).map_err(|error| Failure::of(&error));
        if matches!(answer, Err(Failure::Slow | Failure::Unreachable)) {
            // An answer that comes late would be taken for that of the next question.
            self.connection = None;
        }
        answer
    }
}
