//! Answers that are kept, so that a question that was asked before costs nothing: in memory, in a folder, in Redis.
//!
//! [`Cached`] stands before an engine. A job has planned its query by then, over the sources as they are now; what is kept is the
//! answer of one statement over files of one content, by one build of this library, and whatever differs in any of these is another
//! question. So nothing is ever answered from a state that the sources do not have.
//!
//! What is kept are bytes of our own form, checked by their SHA-256 before they are read: the host may write into the rows that it
//! got, and what is damaged is a question that nobody has asked yet.

mod collected;
mod disk;
mod entry;
mod flight;
mod key;
mod memory;
mod metrics;
mod redis;
mod redis_failure;
mod redis_line;
mod redis_settings;
mod redis_worker;
mod seal;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use self::collected::Collected;
use self::disk::Disk;
use self::entry::Entry;
use self::flight::{Flights, Joined, Landing};
use self::key::Key;
use self::memory::Memory;
pub use self::metrics::CacheMetrics;
use self::redis::Redis;
pub(crate) use self::redis_failure::Failure;
pub(crate) use self::redis_line::Line;
pub(crate) use self::redis_settings::RedisSettings;
pub(crate) use self::redis_worker::Breaker;
use crate::base::{Ctx, Error, Result};
use crate::config::Config;
use crate::engine::{CacheUse, Engine, KeptAnswer, RowStream, Settings, Writer};
use crate::governor::{Governor, Mode};
use crate::params::CacheMode;
use crate::plan::{Dialect, Statement};
use crate::store::Location;

/// Of the memory that jobs may have, what answers are kept in at most.
const MEMORY_SHARE: u64 = 16;
/// Of the same, what a job collects of an answer that it hands out afterwards: streams hold it beside what is counted for readers.
const COLLECTED_SHARE: u64 = 64;
/// Statements of which it is known that their answers are too large.
const MOST_LARGE: usize = 4_096;

/// What a client counts of its kept answers.
#[derive(Debug, Default)]
pub struct Counts {
    /// Answers from this machine.
    pub hits_l1: AtomicU64,
    /// Answers from Redis.
    pub hits_l2: AtomicU64,
    /// Answers that were run.
    pub misses: AtomicU64,
    /// Answers that were larger than one may be.
    pub too_large: AtomicU64,
    /// Kept ones that were not what was kept.
    pub damaged: AtomicU64,
    /// Those in Redis that nobody with the client's secret has made.
    pub forged: AtomicU64,
    /// Questions to Redis that had no answer in time.
    pub redis_slow: AtomicU64,
    /// Those that had no connection.
    pub redis_unreachable: AtomicU64,
    /// Those that it answered by an error.
    pub redis_refused: AtomicU64,
    /// Those that were not asked, since it had no answer before.
    pub redis_skipped: AtomicU64,
    /// Answers that a folder or Redis did not take.
    pub not_kept: AtomicU64,
    /// Bytes of the client's answers in memory.
    pub memory_bytes: AtomicU64,
}

/// The places of a client's answers, the nearest first.
pub struct Answers {
    memory: Memory,
    disk: Option<Disk>,
    redis: Option<Redis>,
    flights: Flights,
    large: Mutex<std::collections::HashSet<Key>>,
    entry_limit: u64,
    level: i32,
    counts: Arc<Counts>,
}

impl Answers {
    /// None where the settings keep nothing. DS-422 where Redis cannot be asked by them.
    pub fn of(config: &Config, governor: &Governor) -> Result<Option<Self>> {
        let counts = Arc::<Counts>::default();
        let redis = config.redis.as_ref().map(|url| Redis::open(RedisSettings::of(config, url)?, counts.clone()));
        let redis = redis.transpose()?;
        if config.cache_entry_limit == 0
            || (config.cache_memory == 0 && config.cache_folder.is_none() && redis.is_none())
        {
            return Ok(None);
        }
        let budget = governor.leased().1;
        let memory = config.cache_memory.min(budget / MEMORY_SHARE);
        Ok(Some(Answers {
            memory: Memory::new(memory, governor.throttle().caches().clone(), counts.clone()),
            disk: config.cache_folder.as_ref().map(|folder| Disk::at(folder.clone(), config.cache_limit)),
            redis,
            flights: Flights::default(),
            large: Mutex::default(),
            entry_limit: config.cache_entry_limit.min(budget / COLLECTED_SHARE),
            level: config.cache_level,
            counts,
        }))
    }

    /// What is counted of them.
    pub fn counts(&self) -> Arc<Counts> {
        self.counts.clone()
    }

    /// Entries have this many bytes at most, before they are packed and with what the form adds.
    fn most_bytes(&self) -> u64 {
        self.entry_limit.saturating_mul(2).saturating_add(1 << 20)
    }

    fn is_large(&self, key: &Key) -> bool {
        self.large.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }

    fn set_large(&self, key: Key) {
        self.counts.too_large.fetch_add(1, Relaxed);
        let mut large = self.large.lock().unwrap_or_else(PoisonError::into_inner);
        if large.len() >= MOST_LARGE {
            large.clear();
        }
        large.insert(key);
    }

    fn in_memory(&self, key: &Key) -> Option<(SchemaRef, RecordBatch)> {
        let entry = self.memory.get(key)?;
        self.opened(&entry, key)
    }

    /// From the folder, or from Redis; it is in the nearer places from then on.
    fn further(&self, key: &Key) -> Option<(CacheUse, Entry, (SchemaRef, RecordBatch))> {
        if let Some(entry) = self.disk.as_ref().and_then(|disk| disk.get(key, self.most_bytes())) {
            match self.opened(&entry, key) {
                Some(answer) => {
                    self.memory.put(*key, entry.clone());
                    return Some((CacheUse::HitL1, entry, answer));
                }
                None => self.disk.iter().for_each(|disk| disk.remove(key)),
            }
        }
        let entry = self.redis.as_ref()?.get(key, self.most_bytes())?;
        let answer = self.opened(&entry, key)?;
        self.memory.put(*key, entry.clone());
        self.on_disk(key, &entry);
        Some((CacheUse::HitL2, entry, answer))
    }

    fn opened(&self, entry: &Entry, key: &Key) -> Option<(SchemaRef, RecordBatch)> {
        let answer = entry.open(key, self.most_bytes());
        if answer.is_none() {
            self.counts.damaged.fetch_add(1, Relaxed);
            tracing::warn!(key = %hex::encode(key), "a kept answer is damaged, and is not used");
        }
        answer
    }

    fn on_disk(&self, key: &Key, entry: &Entry) {
        let Some(disk) = &self.disk else { return };
        if let Err(error) = disk.put(key, entry) {
            self.counts.not_kept.fetch_add(1, Relaxed);
            tracing::warn!(%error, "an answer was not kept in cache_folder");
        }
    }

    /// Keeps the whole answer everywhere.
    fn keep(&self, key: &Key, schema: &SchemaRef, batches: &[RecordBatch]) -> Option<Entry> {
        match Entry::of(key, schema, batches, self.level) {
            Ok(entry) => {
                self.memory.put(*key, entry.clone());
                self.on_disk(key, &entry);
                self.redis.iter().for_each(|redis| redis.put(key, entry.clone()));
                Some(entry)
            }
            Err(error) => {
                self.counts.not_kept.fetch_add(1, Relaxed);
                tracing::warn!(%error, "an answer could not be kept");
                None
            }
        }
    }
}

/// An engine that runs a statement once.
pub struct Cached {
    inner: Arc<dyn Engine>,
    answers: Arc<Answers>,
}

impl Cached {
    /// The engine `inner`, before which `answers` stand.
    pub fn over(inner: Arc<dyn Engine>, answers: Answers) -> Self {
        Cached { inner, answers: Arc::new(answers) }
    }

    /// Runs it, and keeps the answer where it is not too large. An error is nobody's answer.
    fn run(
        &self,
        key: Key,
        of: &KeptAnswer,
        statement: Statement,
        settings: &Settings,
        ctx: &Ctx,
        landing: Landing,
    ) -> Result<RowStream> {
        let failed = |error: Error, landing: Landing| {
            // Whoever was only stopped leaves it to the next; where it fails, it does for each.
            if ctx.check().is_ok() {
                landing.without_answer();
            }
            Err(error)
        };
        // Its end is no end of ours: a token of its own.
        let mut rows = match self.inner.start(statement, settings, &ctx.child()) {
            Ok(rows) => rows,
            Err(error) => return failed(error, landing),
        };
        let (schema, answers) = (rows.schema().clone(), &self.answers);
        let (mut held, mut bytes) = (Vec::new(), 0);
        let scarce = || settings.throttle.mode() == Mode::Emergency;
        while let Some(chunk) = rows.next() {
            let batch = match chunk {
                Ok(chunk) => chunk.batch,
                Err(error) => return failed(error, landing),
            };
            bytes += batch.get_array_memory_size() as u64;
            held.push(batch);
            if bytes > answers.entry_limit || scarce() {
                if bytes > answers.entry_limit {
                    answers.set_large(key);
                }
                landing.without_answer();
                return Ok(RowStream::of(schema, Box::new(Collected::and(held, rows)), ctx.cancel.clone()));
            }
        }
        // Of sources that changed while they were read, the delivery says so; nothing of them is kept.
        let kept = of.sources_unchanged().then(|| answers.keep(&key, &schema, &held)).flatten();
        match kept {
            Some(entry) => landing.with(entry),
            None => landing.without_answer(),
        }
        Ok(RowStream::new(schema, held.into_iter().map(Ok), ctx.cancel.clone()))
    }
}

/// The rows of a kept answer, in batches of the size that is asked for.
fn rows((schema, batch): (SchemaRef, RecordBatch), settings: &Settings, ctx: &Ctx) -> RowStream {
    let size = settings.throttle.chunk_rows(settings.chunk_rows.max(1)).max(1);
    let total = batch.num_rows();
    let slices = (0..total).step_by(size).map(move |first| Ok(batch.slice(first, size.min(total - first))));
    RowStream::new(schema, slices, ctx.cancel.clone())
}

impl Engine for Cached {
    fn start(&self, statement: Statement, settings: &Settings, ctx: &Ctx) -> Result<RowStream> {
        let answers = &self.answers;
        let asked = settings.answer.clone().filter(|_| settings.units.is_none() && self.inner.is_repeatable());
        let keyed = asked.and_then(|of| {
            let key = key::of(&statement, of.contents()?, self.inner.as_ref())?;
            Some((key, of))
        });
        let Some((key, of)) = keyed else { return self.inner.start(statement, settings, ctx) };
        let counted = |counter: &AtomicU64, how| {
            // Of a job that begins again, the first time.
            if of.answered(how) {
                counter.fetch_add(1, Relaxed);
            }
        };
        if of.mode == CacheMode::Refresh || answers.is_large(&key) {
            counted(&answers.counts.misses, CacheUse::Miss);
            return self.run(key, &of, statement, settings, ctx, Landing::nobodys());
        }
        loop {
            if let Some(answer) = answers.in_memory(&key) {
                counted(&answers.counts.hits_l1, CacheUse::HitL1);
                return Ok(rows(answer, settings, ctx));
            }
            match answers.flights.join(key, ctx)? {
                Joined::First(landing) => {
                    if let Some((how, entry, answer)) = answers.further(&key) {
                        landing.with(entry);
                        let counter =
                            if how == CacheUse::HitL1 { &answers.counts.hits_l1 } else { &answers.counts.hits_l2 };
                        counted(counter, how);
                        return Ok(rows(answer, settings, ctx));
                    }
                    counted(&answers.counts.misses, CacheUse::Miss);
                    return self.run(key, &of, statement, settings, ctx, landing);
                }
                Joined::Answered(entry) => {
                    if let Some(answer) = answers.opened(&entry, &key) {
                        counted(&answers.counts.hits_l1, CacheUse::HitL1);
                        return Ok(rows(answer, settings, ctx));
                    }
                }
                // Whoever ran it was stopped: somebody else does.
                Joined::Stopped => {}
                // It has no answer that could be kept: each for himself.
                Joined::Alone => {
                    counted(&answers.counts.misses, CacheUse::Miss);
                    return self.run(key, &of, statement, settings, ctx, Landing::nobodys());
                }
            }
        }
    }

    fn dialect(&self) -> &dyn Dialect {
        self.inner.dialect()
    }

    fn cuts_units(&self) -> bool {
        self.inner.cuts_units()
    }

    fn takes_user_sql(&self) -> bool {
        self.inner.takes_user_sql()
    }

    fn keeps_order(&self) -> bool {
        self.inner.keeps_order()
    }

    fn is_repeatable(&self) -> bool {
        self.inner.is_repeatable()
    }

    fn opens(&self, location: &Location) -> bool {
        self.inner.opens(location)
    }

    fn writer(&self) -> Option<&dyn Writer> {
        self.inner.writer()
    }

    fn warm(&self, from_user: bool) {
        self.inner.warm(from_user);
    }

    fn shed(&self) {
        self.answers.memory.clear();
        self.inner.shed();
    }

    fn settle(&self) {
        self.inner.settle();
    }

    fn version(&self) -> String {
        self.inner.version()
    }
}
