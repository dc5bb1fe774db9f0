//! How far a job has come, in counters that a progress bar may read at any time.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use serde::Serialize;

/// What a job is busy with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Phase {
    /// Nothing yet: it waits in the queue, or for memory.
    #[default]
    Waiting,
    /// Source files come from elsewhere; those that are there are converted meanwhile.
    Downloading,
    /// Source files become the lake's Parquet.
    Converting,
    /// The engine computes; rows of a stream come meanwhile.
    Running,
    /// Rows go into files and tables.
    Loading,
}

impl Phase {
    const ALL: [Phase; 5] = [Phase::Waiting, Phase::Downloading, Phase::Converting, Phase::Running, Phase::Loading];

    /// As the contract writes it.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Waiting => "waiting",
            Phase::Downloading => "downloading",
            Phase::Converting => "converting",
            Phase::Running => "running",
            Phase::Loading => "loading",
        }
    }
}

/// Counters of one job; written by its workers, read by anyone.
#[derive(Debug)]
pub struct Progress {
    began: Instant,
    phase: AtomicU8,
    // Milliseconds since `began`: when the phase began, and one more than when the job ended (0: it goes on).
    phase_began: AtomicU64,
    ended: AtomicU64,
    completed: AtomicU8,
    rows: AtomicU64,
    // Rows that were there when the phase began.
    rows_before: AtomicU64,
    bytes: AtomicU64,
    bytes_total: AtomicU64,
    files_done: AtomicU64,
    files_total: AtomicU64,
    fetched: AtomicU64,
    fetched_total: AtomicU64,
    // Bytes that were there from an earlier attempt: no measure of the pace.
    fetched_before: AtomicU64,
    files_fetched: AtomicU64,
    files_to_fetch: AtomicU64,
    // One more than the rows that will come; 0 while unknown.
    rows_expected: AtomicU64,
}

impl Default for Progress {
    fn default() -> Self {
        Progress {
            began: Instant::now(),
            phase: AtomicU8::default(),
            phase_began: AtomicU64::default(),
            ended: AtomicU64::default(),
            completed: AtomicU8::default(),
            rows: AtomicU64::default(),
            rows_before: AtomicU64::default(),
            bytes: AtomicU64::default(),
            bytes_total: AtomicU64::default(),
            files_done: AtomicU64::default(),
            files_total: AtomicU64::default(),
            fetched: AtomicU64::default(),
            fetched_total: AtomicU64::default(),
            fetched_before: AtomicU64::default(),
            files_fetched: AtomicU64::default(),
            files_to_fetch: AtomicU64::default(),
            rows_expected: AtomicU64::default(),
        }
    }
}

/// One look at a [`Progress`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ProgressSnapshot {
    /// What the job is busy with.
    pub phase: Phase,
    /// Rows delivered to the sinks.
    pub rows: u64,
    /// Rows that there will be; none where only the end will tell.
    pub rows_total: Option<u64>,
    /// Bytes of source files read for conversion; while they come from elsewhere, those that have come.
    pub bytes: u64,
    /// Files that are converted; while they come from elsewhere, those that have come.
    pub files_done: u64,
    /// Of so many.
    pub files_total: u64,
    /// Share of the phase's work done, from 0 to 1, and 1 once the job is complete; none while it cannot be told: while
    /// the engine computes what only the end will tell.
    pub fraction: Option<f64>,
    /// Seconds since the job was submitted, until its end.
    pub elapsed_sec: f64,
    /// Seconds that the phase will take at its pace so far; none while that cannot be told.
    pub remaining_sec: Option<f64>,
    /// Bytes that come or are read in this phase, all in all; none where it counts none, or does not know.
    pub bytes_total: Option<u64>,
    /// Bytes a second that come from elsewhere, on average; none in other phases.
    pub bytes_per_sec: Option<f64>,
}

impl ProgressSnapshot {
    /// Whether both tell the same, the clock aside.
    pub fn tells_what(&self, other: &ProgressSnapshot) -> bool {
        let still = |of: &ProgressSnapshot| ProgressSnapshot {
            elapsed_sec: 0.0,
            remaining_sec: None,
            bytes_per_sec: None,
            ..*of
        };
        still(self) == still(other)
    }
}

impl Progress {
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The job turns to other work. The same phase again changes nothing.
    pub fn enter(&self, phase: Phase) {
        // What is converted while more files come is part of their coming.
        let more = self.files_fetched.load(Relaxed) < self.files_to_fetch.load(Relaxed);
        if phase == Phase::Converting && more {
            return;
        }
        if self.phase.swap(phase as u8, Relaxed) != phase as u8 {
            self.phase_began.store(self.now(), Relaxed);
            self.rows_before.store(self.rows(), Relaxed);
        }
    }

    /// The job is over, and its clock stands still; only the first end counts.
    pub fn end(&self, completed: bool) {
        let now = self.now().saturating_add(1);
        if self.ended.compare_exchange(0, now, Relaxed, Relaxed).is_ok() {
            self.completed.store(u8::from(completed), Relaxed);
        }
    }

    /// Rows that a sink has taken.
    pub fn add_rows(&self, rows: u64) {
        self.rows.fetch_add(rows, Relaxed);
    }

    /// An attempt begins with so many rows in its sinks, whatever an earlier one had counted.
    pub fn begin_rows(&self, rows: u64) {
        self.rows.store(rows, Relaxed);
        self.rows_before.store(rows, Relaxed);
    }

    /// So many rows there will be.
    pub fn expect_rows(&self, rows: u64) {
        self.rows_expected.store(rows.saturating_add(1), Relaxed);
    }

    /// So many files, of so many bytes in all, begin to come from elsewhere.
    pub fn expect_fetched(&self, files: u64, bytes: u64) {
        self.files_to_fetch.fetch_add(files, Relaxed);
        self.fetched_total.fetch_add(bytes, Relaxed);
        self.enter(Phase::Downloading);
    }

    /// Bytes of such a file have come.
    pub fn add_fetched(&self, bytes: u64) {
        self.fetched.fetch_add(bytes, Relaxed);
    }

    /// Bytes of such a file were there already, from an attempt that did not end.
    pub fn found_fetched(&self, bytes: u64) {
        self.fetched.fetch_add(bytes, Relaxed);
        self.fetched_before.fetch_add(bytes, Relaxed);
    }

    /// An attempt begins again, or has ended without the file: so many bytes that had come do not count, of which `found` had been there.
    pub fn lose_fetched(&self, bytes: u64, found: u64) {
        for (of, lost) in [(&self.fetched, bytes), (&self.fetched_before, found)] {
            // The closure always gives a number.
            let _ = of.fetch_update(Relaxed, Relaxed, |now| Some(now.saturating_sub(lost)));
        }
    }

    /// One of them is there, or will not come.
    pub fn file_fetched(&self) {
        self.files_fetched.fetch_add(1, Relaxed);
    }

    /// Bytes that were read for conversion.
    pub fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// So many files, of so many bytes in all, are to be in the lake; those that are there already are then [spared].
    ///
    /// [spared]: Progress::spare
    pub fn expect_files(&self, files: u64, bytes: u64) {
        self.files_total.fetch_add(files, Relaxed);
        self.bytes_total.fetch_add(bytes, Relaxed);
    }

    /// Whether files were fetched or converted for the job.
    pub fn has_made_files(&self) -> bool {
        self.bytes_total.load(Relaxed) > 0 || self.files_to_fetch.load(Relaxed) > 0
    }

    /// A file of so many bytes is in the lake already: nothing of it is work.
    pub fn spare(&self, bytes: u64) {
        // The sum of all was expected before.
        self.bytes_total.fetch_sub(bytes, Relaxed);
    }

    /// A source file is in the lake.
    pub fn file_done(&self) {
        self.files_done.fetch_add(1, Relaxed);
    }

    /// Rows delivered so far.
    pub fn rows(&self) -> u64 {
        self.rows.load(Relaxed)
    }

    /// Done and to be done in this phase, where both are known.
    fn work(&self, phase: Phase) -> Option<(u64, u64)> {
        match phase {
            Phase::Waiting => None,
            Phase::Downloading => Some((self.fetched.load(Relaxed), self.fetched_total.load(Relaxed))),
            Phase::Converting => Some((self.bytes.load(Relaxed), self.bytes_total.load(Relaxed))),
            Phase::Running | Phase::Loading => {
                let expected = self.rows_expected.load(Relaxed).checked_sub(1)?;
                Some((self.rows(), expected))
            }
        }
        .filter(|(_, all)| *all > 0)
    }

    /// How far it is, now.
    pub fn snapshot(&self) -> ProgressSnapshot {
        let phase = Phase::ALL.get(usize::from(self.phase.load(Relaxed))).copied().unwrap_or_default();
        let ended = self.ended.load(Relaxed).checked_sub(1);
        let completed = self.completed.load(Relaxed) == 1;
        let elapsed = ended.unwrap_or_else(|| self.now());
        let share = |(done, all): (u64, u64)| (done as f64 / all as f64).clamp(0.0, 1.0);
        let fraction = if completed { Some(1.0) } else { self.work(phase).map(share) };
        // What was there before the phase is no measure of its pace.
        let before = match phase {
            Phase::Running | Phase::Loading => self.rows_before.load(Relaxed),
            Phase::Downloading => self.fetched_before.load(Relaxed),
            _ => 0,
        };
        let since = elapsed.saturating_sub(self.phase_began.load(Relaxed)) as f64 / 1e3;
        let left = self.work(phase).and_then(|(done, all)| {
            let done_now = done.checked_sub(before).filter(|done| *done > 0)?;
            Some(since * all.saturating_sub(done) as f64 / done_now as f64)
        });
        let comes = phase == Phase::Downloading;
        let of = |fetched: &AtomicU64, converted: &AtomicU64| if comes { fetched } else { converted }.load(Relaxed);
        let came = self.fetched.load(Relaxed).saturating_sub(before);
        ProgressSnapshot {
            phase,
            rows: self.rows(),
            rows_total: self.rows_expected.load(Relaxed).checked_sub(1),
            bytes: of(&self.fetched, &self.bytes),
            files_done: of(&self.files_fetched, &self.files_done),
            files_total: of(&self.files_to_fetch, &self.files_total),
            bytes_total: match phase {
                Phase::Downloading | Phase::Converting => self.work(phase).map(|(_, all)| all),
                _ => None,
            },
            bytes_per_sec: (comes && since > 0.0).then(|| came as f64 / since),
            fraction,
            elapsed_sec: elapsed as f64 / 1e3,
            remaining_sec: left.filter(|_| ended.is_none()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_the_phase_and_only_where_it_is_known() {
        let progress = Progress::default();
        assert_eq!((progress.snapshot().phase, progress.snapshot().fraction), (Phase::Waiting, None));
        progress.expect_files(3, 1_400);
        progress.spare(1_000);
        progress.file_done();
        progress.enter(Phase::Converting);
        progress.add_bytes(100);
        assert_eq!(progress.snapshot().fraction, Some(0.25), "of the bytes that are to be converted");
        progress.add_bytes(300);
        progress.file_done();
        progress.file_done();
        assert_eq!(progress.snapshot().fraction, Some(1.0));
        // All files are there, and the engine computes: nobody knows how far it is.
        progress.enter(Phase::Running);
        let running = progress.snapshot();
        assert_eq!((running.fraction, running.remaining_sec, running.files_done), (None, None, 3));
        progress.expect_rows(10);
        progress.enter(Phase::Loading);
        progress.begin_rows(4);
        assert_eq!((progress.snapshot().fraction, progress.snapshot().remaining_sec), (Some(0.4), None));
        progress.add_rows(3);
        assert!(progress.snapshot().remaining_sec.is_some());
        progress.begin_rows(0);
        assert_eq!(progress.snapshot().fraction, Some(0.0), "another attempt begins anew");
        progress.end(true);
        let over = progress.snapshot();
        assert_eq!((over.fraction, over.remaining_sec), (Some(1.0), None));
        progress.end(false);
        assert_eq!(progress.snapshot(), over, "the clock stands still");
    }

    #[test]
    fn files_that_come_from_elsewhere_have_a_phase_with_a_pace() {
        let progress = Progress::default();
        progress.expect_fetched(2, 1_000);
        progress.found_fetched(200);
        progress.add_fetched(300);
        progress.file_fetched();
        // The first is converted while the second comes.
        progress.expect_files(1, 500);
        progress.enter(Phase::Converting);
        std::thread::sleep(std::time::Duration::from_millis(5));
        let now = progress.snapshot();
        assert_eq!((now.phase, now.files_done, now.files_total), (Phase::Downloading, 1, 2));
        assert_eq!((now.bytes, now.bytes_total, now.fraction), (500, Some(1_000), Some(0.5)));
        let since = progress.now() as f64 / 1e3;
        let pace = now.bytes_per_sec.unwrap();
        assert!(pace > 0.0 && pace <= 300.0 / 0.005 && since > 0.0, "{pace}: what was there is no measure");
        assert!(now.remaining_sec.unwrap() > 0.0);
        progress.lose_fetched(300, 0);
        assert_eq!(progress.snapshot().bytes, 200);
        progress.file_fetched();
        progress.enter(Phase::Converting);
        let now = progress.snapshot();
        assert_eq!((now.phase, now.files_total, now.bytes_per_sec), (Phase::Converting, 1, None));
    }

    #[test]
    fn a_job_that_failed_is_not_complete() {
        let progress = Progress::default();
        progress.enter(Phase::Running);
        progress.end(false);
        assert_eq!(progress.snapshot().fraction, None);
    }
}
