//! How far a job has come, in counters that a progress bar may read at any time.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::Serialize;

/// Counters of one job; written by its workers, read by anyone.
#[derive(Debug, Default)]
pub struct Progress {
    rows: AtomicU64,
    bytes: AtomicU64,
    files_done: AtomicU64,
    files_total: AtomicU64,
    // Thousandths of the engine's work; u64::MAX while unknown.
    engine_permille: AtomicU64,
    engine_known: AtomicU64,
    // One more than the rows that will come; 0 while unknown.
    rows_expected: AtomicU64,
}

/// One look at a [`Progress`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct ProgressSnapshot {
    /// Rows delivered to the sinks.
    pub rows: u64,
    /// Rows that there will be; none where only the end will tell.
    pub rows_total: Option<u64>,
    /// Bytes of source files read for conversion.
    pub bytes: u64,
    pub files_done: u64,
    pub files_total: u64,
    /// Share of the work done, from 0 to 1; none while it cannot be told.
    pub fraction: Option<f64>,
}

impl Progress {
    pub fn add_rows(&self, rows: u64) {
        self.rows.fetch_add(rows, Relaxed);
    }

    pub fn expect_rows(&self, rows: u64) {
        self.rows_expected.store(rows.saturating_add(1), Relaxed);
    }

    pub fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
    }

    pub fn expect_files(&self, files: u64) {
        self.files_total.fetch_add(files, Relaxed);
    }

    pub fn file_done(&self) {
        self.files_done.fetch_add(1, Relaxed);
    }

    /// The engine's own share, from 0 to 1.
    pub fn engine_fraction(&self, fraction: f64) {
        self.engine_permille.store((fraction.clamp(0.0, 1.0) * 1000.0) as u64, Relaxed);
        self.engine_known.store(1, Relaxed);
    }

    pub fn rows(&self) -> u64 {
        self.rows.load(Relaxed)
    }

    pub fn snapshot(&self) -> ProgressSnapshot {
        let files_done = self.files_done.load(Relaxed);
        let files_total = self.files_total.load(Relaxed);
        let fraction = if self.engine_known.load(Relaxed) == 1 {
            Some(self.engine_permille.load(Relaxed) as f64 / 1000.0)
        } else {
            None
        };
        ProgressSnapshot {
            rows: self.rows(),
            rows_total: self.rows_expected.load(Relaxed).checked_sub(1),
            bytes: self.bytes.load(Relaxed),
            files_done,
            files_total,
            fraction,
        }
    }
}
