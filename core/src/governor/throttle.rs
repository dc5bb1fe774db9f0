//! What running jobs read at each batch. Limits bind when a job starts; these steer it afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed};

use super::{BatchMemory, Mode};

/// Rows of a chunk in emergency: as many as the engine hands out at once.
pub const LEAST_CHUNK_ROWS: usize = 2_048;
/// Below this the engine's threads would take turns.
const LEAST_AHEAD_BYTES: u64 = 1 << 20;
/// Bytes of a batch with memory to spare, and without.
const BATCH_BYTES: u64 = 4 << 20;
const LEAST_BATCH_BYTES: u64 = 256 << 10;
/// Of what streams and their readers leave of the budget, one batch: so many readers may keep one each, and each new one finds
/// something.
const BATCH_SHARE: u64 = 128;
/// Of the budget, what one stream runs ahead of its reader.
const AHEAD_SHARE: u64 = 16;
/// What a stream keeps for a reader that has gone away for a while, at most; and the share of the budget, where that is less.
const PARKED_BYTES: u64 = 8 << 20;
const PARKED_SHARE: u64 = 128;
/// Of the budget, what streams may hold for readers that are away for a moment.
const CROWDED_SHARE: u64 = 8;

/// Follows the mode and what streams hold; atomics only, clones are the same throttle.
#[derive(Debug, Clone, Default)]
pub struct Throttle(Arc<State>);

#[derive(Debug)]
struct State {
    /// The mode that the memory asks for; never `Maintenance`.
    level: AtomicU8,
    maintenance: AtomicBool,
    /// Of the least limit, what all jobs may have.
    budget: AtomicU64,
    /// Jobs that wait for a lease.
    waiting: AtomicUsize,
    /// What streams have made and no reader has taken, and what readers have taken.
    streams: BatchMemory,
    foreign: BatchMemory,
    /// What is kept of answers for those who ask again.
    caches: BatchMemory,
}

impl Default for State {
    fn default() -> Self {
        State {
            level: AtomicU8::default(),
            maintenance: AtomicBool::default(),
            budget: u64::MAX.into(),
            waiting: AtomicUsize::default(),
            streams: BatchMemory::default(),
            foreign: BatchMemory::default(),
            caches: BatchMemory::default(),
        }
    }
}

impl Throttle {
    pub(super) fn set(&self, level: Mode, maintenance: bool) {
        self.0.level.store(level as u8, Relaxed);
        self.0.maintenance.store(maintenance, Relaxed);
    }

    /// One whose batches have so many bytes: that of a process which works for one statement of another's.
    pub(crate) fn of_batches(bytes: u64) -> Self {
        let throttle = Throttle::default();
        throttle.set_budget(bytes.saturating_mul(BATCH_SHARE));
        throttle
    }

    pub(super) fn set_budget(&self, budget: u64) {
        self.0.budget.store(budget, Relaxed);
    }

    /// Whoever waits for a lease counts while it waits.
    pub(super) fn waiting(&self) -> &AtomicUsize {
        &self.0.waiting
    }

    /// What streams have made and no reader has taken yet.
    pub fn streams(&self) -> &BatchMemory {
        &self.0.streams
    }

    /// What readers have taken, and the host keeps.
    pub fn foreign(&self) -> &BatchMemory {
        &self.0.foreign
    }

    /// What is kept of answers for those who ask again.
    pub fn caches(&self) -> &BatchMemory {
        &self.0.caches
    }

    /// How full the memory is, as it was seen last.
    pub fn mode(&self) -> Mode {
        if self.0.maintenance.load(Relaxed) { Mode::Maintenance } else { self.level() }
    }

    /// The mode that the memory asks for, whatever is set by hand.
    pub(super) fn level(&self) -> Mode {
        Mode::ALL[usize::from(self.0.level.load(Relaxed)) % Mode::ALL.len()]
    }

    /// Rows of the next chunk, where `base` is what the job would take with memory to spare.
    pub fn chunk_rows(&self, base: usize) -> usize {
        let rows = match self.level() {
            Mode::Normal | Mode::Maintenance => base,
            Mode::Conservative => (base / 4).max(LEAST_CHUNK_ROWS),
            Mode::Emergency => LEAST_CHUNK_ROWS,
        };
        rows.min(base)
    }

    /// Bytes of the next batch of a stream: less the more of the budget streams and their readers hold.
    pub fn batch_bytes(&self) -> u64 {
        let kept = self.0.foreign.bytes().saturating_add(self.0.caches.bytes());
        let held = self.0.streams.bytes().saturating_add(kept);
        let left = self.0.budget.load(Relaxed).saturating_sub(held);
        (left / BATCH_SHARE).clamp(LEAST_BATCH_BYTES, BATCH_BYTES)
    }

    /// Bytes that a stream keeps beyond what its reader took, once that has stopped to take any.
    pub fn parked_bytes(&self) -> u64 {
        (self.0.budget.load(Relaxed) / PARKED_SHARE).min(PARKED_BYTES)
    }

    /// Streams hold so much for their readers that none keeps it for one that is away for a moment.
    pub fn is_crowded(&self) -> bool {
        self.is_tight() || self.0.streams.bytes() > self.0.budget.load(Relaxed) / CROWDED_SHARE
    }

    /// Others need memory that a stream holds for its reader: it gives that back as soon as it cannot go on.
    pub fn is_tight(&self) -> bool {
        let half = self.0.budget.load(Relaxed) / 2;
        self.level() != Mode::Normal || self.0.waiting.load(Relaxed) > 0 || self.0.streams.bytes() > half
    }

    /// Threads that may work on a job; at least 1.
    pub fn workers(&self, base: usize) -> usize {
        match self.mode() {
            Mode::Normal => base.max(1),
            Mode::Conservative => (base / 2).max(1),
            Mode::Emergency | Mode::Maintenance => 1,
        }
    }

    /// Bytes that producers may run ahead of the consumer.
    pub fn ahead_bytes(&self, base: u64) -> u64 {
        let share = (self.0.budget.load(Relaxed) / AHEAD_SHARE).max(LEAST_AHEAD_BYTES);
        let base = base.min(share);
        let bytes = match self.level() {
            Mode::Normal | Mode::Maintenance => base,
            Mode::Conservative => (base / 4).max(LEAST_AHEAD_BYTES),
            Mode::Emergency => (base / 16).max(LEAST_AHEAD_BYTES),
        };
        bytes.min(base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mode_tightens_the_throttle_and_never_above_the_base() {
        let throttle = Throttle::default();
        let pulled = |level, maintenance| {
            throttle.set(level, maintenance);
            (throttle.mode(), throttle.chunk_rows(65_536), throttle.workers(8), throttle.ahead_bytes(64 << 20))
        };
        assert_eq!(pulled(Mode::Normal, false), (Mode::Normal, 65_536, 8, 64 << 20));
        assert_eq!(pulled(Mode::Conservative, false), (Mode::Conservative, 16_384, 4, 16 << 20));
        assert_eq!(pulled(Mode::Emergency, false), (Mode::Emergency, 2_048, 1, 4 << 20));
        assert_eq!(pulled(Mode::Normal, true), (Mode::Maintenance, 65_536, 1, 64 << 20));
        // Maintenance does not hide that the memory is full.
        assert_eq!(pulled(Mode::Emergency, true), (Mode::Maintenance, 2_048, 1, 4 << 20));
        assert_eq!((throttle.chunk_rows(100), throttle.workers(0), throttle.ahead_bytes(100)), (100, 1, 100));
    }

    #[test]
    fn batches_shrink_as_readers_take_them_and_all_of_them_stay_within_the_budget() {
        const MB: u64 = 1 << 20;
        let throttle = Throttle::default();
        assert_eq!((throttle.batch_bytes(), throttle.parked_bytes()), (4 * MB, 8 * MB));
        throttle.set_budget(230 * MB);
        assert_eq!((throttle.parked_bytes(), throttle.ahead_bytes(u64::MAX)), (230 * MB / 128, 230 * MB / 16));
        let take = || {
            let bytes = throttle.batch_bytes();
            (throttle.foreign().reserve(bytes as usize), bytes)
        };
        let taken: Vec<_> = (0..192).map(|_| take()).collect();
        assert!(taken.iter().all(|(_, bytes)| (MB / 4..=4 * MB).contains(bytes)));
        assert!(throttle.foreign().bytes() < 230 * MB, "{}", throttle.foreign().bytes());
        assert!(!throttle.is_tight());
        drop(taken);
        let held = throttle.streams().reserve(30 << 20);
        assert!(throttle.is_crowded() && !throttle.is_tight());
        drop(held);
        let held = throttle.streams().reserve(116 << 20);
        assert!(throttle.is_tight());
        drop(held);
        throttle.waiting().fetch_add(1, Relaxed);
        assert!(throttle.is_tight());
    }
}
