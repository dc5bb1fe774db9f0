//! Answers in a Redis that several machines share. It is asked from threads of its own, so that no job waits for it longer than
//! [`PATIENCE`], whatever it does; one that does not answer is left alone for a while.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, TrySendError, bounded};

use super::Counts;
use super::entry::Entry;
use super::key::Key;
use super::redis_failure::Failure;
use super::redis_settings::RedisSettings;
use super::redis_worker::{self, Breaker, Get, Put};
use crate::base::Result;

/// Of a job, for all that it asks of Redis.
pub const PATIENCE: Duration = Duration::from_millis(30);
/// Questions that wait, and answers.
const QUESTIONS: usize = 64;
const ANSWERS: usize = 16;

pub struct Redis {
    questions: Sender<Get>,
    answers: Sender<Put>,
    breaker: Arc<Breaker>,
    counts: Arc<Counts>,
}

impl Redis {
    /// Whether it can be reached is not asked: it is needed by nobody.
    pub fn open(settings: RedisSettings, counts: Arc<Counts>) -> Result<Self> {
        let (questions, asked) = bounded(QUESTIONS);
        let (answers, kept) = bounded(ANSWERS);
        let breaker = Arc::<Breaker>::default();
        redis_worker::start(settings, asked, kept, breaker.clone(), counts.clone())?;
        Ok(Redis { questions, answers, breaker, counts })
    }

    pub fn get(&self, key: &Key, most: u64) -> Option<Entry> {
        if !self.breaker.is_closed() {
            self.counts.redis_skipped.fetch_add(1, Relaxed);
            return None;
        }
        let (to, answer) = bounded(1);
        let until = Instant::now() + PATIENCE;
        if self.questions.try_send(Get { key: *key, most, until, to }).is_err() {
            self.failed(Failure::Slow);
            return None;
        }
        match answer.recv_deadline(until) {
            Ok(Ok(bytes)) => {
                self.breaker.close();
                bytes.map(Entry::unchecked)
            }
            Ok(Err(failure)) => {
                self.failed(failure);
                None
            }
            Err(_) => {
                self.failed(Failure::Slow);
                None
            }
        }
    }

    /// Without waiting.
    pub fn put(&self, key: &Key, entry: Entry) {
        let full = match self.answers.try_send(Put { key: *key, entry }) {
            Ok(()) => false,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => true,
        };
        if full || !self.breaker.is_closed() {
            self.counts.not_kept.fetch_add(1, Relaxed);
        }
    }

    fn failed(&self, failure: Failure) {
        failure.count(&self.counts);
        if !matches!(failure, Failure::Refused | Failure::Forged) {
            self.breaker.open();
        }
    }
}
