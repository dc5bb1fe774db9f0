//! What running jobs read at each batch. Limits bind when a job starts; these steer it afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

use super::Mode;

/// Rows of a chunk in emergency: as many as the engine hands out at once.
pub const LEAST_CHUNK_ROWS: usize = 2_048;
/// Below this the engine's threads would take turns.
const LEAST_AHEAD_BYTES: u64 = 1 << 20;

/// Follows the mode; atomics only, clones are the same levers.
#[derive(Debug, Clone, Default)]
pub struct Levers(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// The mode that the memory asks for; never `Maintenance`.
    level: AtomicU8,
    maintenance: AtomicBool,
}

impl Levers {
    pub(super) fn set(&self, level: Mode, maintenance: bool) {
        self.0.level.store(level as u8, Relaxed);
        self.0.maintenance.store(maintenance, Relaxed);
    }

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
    fn each_mode_pulls_the_levers_and_never_above_the_base() {
        let levers = Levers::default();
        let pulled = |level, maintenance| {
            levers.set(level, maintenance);
            (levers.mode(), levers.chunk_rows(65_536), levers.workers(8), levers.ahead_bytes(64 << 20))
        };
        assert_eq!(pulled(Mode::Normal, false), (Mode::Normal, 65_536, 8, 64 << 20));
        assert_eq!(pulled(Mode::Conservative, false), (Mode::Conservative, 16_384, 4, 16 << 20));
        assert_eq!(pulled(Mode::Emergency, false), (Mode::Emergency, 2_048, 1, 4 << 20));
        assert_eq!(pulled(Mode::Normal, true), (Mode::Maintenance, 65_536, 1, 64 << 20));
        // Maintenance does not hide that the memory is full.
        assert_eq!(pulled(Mode::Emergency, true), (Mode::Maintenance, 2_048, 1, 4 << 20));
        assert_eq!((levers.chunk_rows(100), levers.workers(0), levers.ahead_bytes(100)), (100, 1, 100));
    }
}
