//! What jobs of this installation took, beside what was foretold: a line each in a file of the lake's folder, which the processes that
//! share the lake share. At most [`MOST`] of them are kept; one that cannot be read, and the file begins anew.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::answer::Runs;
use super::model::{SIZES, Sizes};
use crate::base::{Cancel, Error, Result, Trusted, WholeFile, create_folders, is_sealed, lock_file, sealed_json};

/// Jobs that are learned from; twice as many may stand in the file.
const MOST: usize = 512;
/// Bytes of the file at most: what is larger is not ours.
const MOST_BYTES: u64 = 2 << 20;
const VERSION: u32 = 1;

/// What a job is like, as numbers that can be told before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Traits {
    /// What runs it.
    pub engine: Runs,
    /// Its rows go to files and tables.
    pub durable: bool,
    /// Rows of the sources.
    pub rows_read: f64,
    /// Columns of them.
    pub columns: f64,
    /// Compressed, about.
    pub bytes_read: f64,
    /// Rows of the answer.
    pub rows: f64,
    /// Rows and groups that sorts, groups and joins hold.
    pub held: f64,
    /// How many may work at it.
    pub threads: f64,
    /// What the process had before, in bytes.
    pub resident: f64,
    /// What the job works with by the governor's reckoning.
    pub work_bytes: f64,
}

impl Traits {
    /// For a model: all about the same size.
    pub(super) fn sizes(&self) -> Sizes {
        let of = |number: f64| (number.max(0.0) + 1.0).ln() / 10.0;
        let sizes: [f64; SIZES] = [
            1.0,
            of(self.rows_read * self.columns),
            of(self.bytes_read),
            of(self.rows),
            of(self.held),
            of(self.columns),
            of(self.resident),
            of(self.work_bytes),
        ];
        sizes
    }

    /// Jobs of about this size, in powers of ten.
    pub(super) fn like(&self) -> i32 {
        (self.rows_read * self.columns + 1.0).log10() as i32
    }

    /// Seconds, before anything was learned.
    pub(super) fn first_seconds(&self) -> f64 {
        let start = match self.engine {
            Runs::Scan => 0.004,
            // A session, a plan and the stages of a small job.
            Runs::Cluster => 1.0,
            Runs::Duckdb | Runs::Catalogue => 0.02,
        };
        let values = self.rows_read * self.columns;
        start + values * 5e-9 / self.threads.max(1.0) + self.rows * 2e-7 + self.held * 2e-7
    }

    /// Bytes of the process, before anything was learned.
    pub(super) fn first_bytes(&self) -> f64 {
        self.resident + self.work_bytes / 4.0
    }
}

/// A job that has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    v: u32,
    pub traits: Traits,
    /// The rows that were foretold, likely and deviation, where they were not known.
    pub told: Option<(f64, f64)>,
    pub seconds: f64,
    /// Peak of the process, in bytes.
    pub peak: f64,
}

impl Entry {
    pub fn new(traits: Traits, told: Option<(f64, f64)>, seconds: f64, peak: f64) -> Self {
        Entry { v: VERSION, traits, told, seconds, peak }
    }
}

/// The file, as far as it was read.
pub(super) struct History {
    path: PathBuf,
    /// Whose folder it lies in: without it nothing is written.
    lake: PathBuf,
    entries: VecDeque<Entry>,
    /// Bytes of it that are in `entries`.
    read: u64,
    lines: usize,
}

impl History {
    pub fn below(lake: &Path) -> Self {
        let path = lake.join(".history").join("jobs.jsonl");
        History { path, lake: lake.to_owned(), entries: VecDeque::new(), read: 0, lines: 0 }
    }

    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Reads what others have written; true where `entries` are others now.
    pub fn refresh(&mut self) -> bool {
        let size = std::fs::symlink_metadata(&self.path).map_or(0, |found| found.len());
        if size == self.read {
            return false;
        }
        match self.load() {
            Ok(entries) => {
                self.lines = entries.len();
                self.entries = entries.into_iter().rev().take(MOST).rev().collect();
                self.read = size;
            }
            Err(error) => {
                let path = self.path.display();
                tracing::warn!(file = %path, error = error.detail(), "the history of jobs cannot be read, and begins anew");
                if let Err(error) = std::fs::remove_file(&self.path) {
                    tracing::warn!(file = %path, %error, "the history of jobs cannot be removed either");
                }
                (self.lines, self.read) = (0, 0);
                self.entries.clear();
            }
        }
        true
    }

    fn load(&self) -> Result<Vec<Entry>> {
        let trusted = Trusted::of_folder(&self.lake);
        let bytes = match trusted.read_all(&self.path, MOST_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::io(error, &self.path)),
        };
        // A line that is being written has no end yet.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut entries = Vec::new();
        for line in bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            if is_sealed(line) != Some(true) {
                return Err(Error::internal("a line is not what was written"));
            }
            let entry: Entry = serde_json::from_slice(line).map_err(Error::internal)?;
            // Of another version there is nothing to be learned.
            if entry.v == VERSION {
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    /// Adds a job; where nothing can be written, in memory alone.
    pub fn add(&mut self, entry: Entry) {
        let written = self.write(&entry);
        if let Err(error) = written {
            tracing::debug!(file = %self.path.display(), error = error.detail(), "a job was not added to the history");
        }
        self.entries.push_back(entry);
        if self.entries.len() > MOST {
            self.entries.pop_front();
        }
    }

    fn write(&mut self, entry: &Entry) -> Result<()> {
        // A source that is only read has no folder of ours.
        if !self.lake.is_dir() {
            return Ok(());
        }
        let folder = self.path.parent().unwrap_or(&self.lake);
        create_folders(folder).map_err(|error| Error::io(error, folder))?;
        let trusted = Trusted::of_folder(&self.lake);
        let mut line = sealed_json(entry)?;
        line.push(b'\n');
        let mut options = File::options();
        let mut file = trusted
            .open(options.create(true).append(true), &self.path)
            .map_err(|error| Error::io(error, &self.path))?;
        // In one piece: lines of several processes do not mix.
        file.write_all(&line).map_err(|error| Error::io(error, &self.path))?;
        let size = file.metadata().map_err(|error| Error::io(error, &self.path))?.len();
        self.lines += 1;
        if size == self.read + line.len() as u64 {
            self.read = size;
        }
        if self.lines >= 2 * MOST { self.shorten(trusted) } else { Ok(()) }
    }

    /// Leaves the last ones. A line that another process adds at this very moment may be lost.
    fn shorten(&mut self, trusted: Trusted) -> Result<()> {
        let _lock = lock_file(&self.path.with_extension("lock"), trusted, &Cancel::default())?;
        let entries = self.load()?;
        let mut file = WholeFile::create(&self.path)?;
        let mut written = 0;
        let kept = entries.len().saturating_sub(MOST);
        for entry in &entries[kept..] {
            let mut line = sealed_json(entry)?;
            line.push(b'\n');
            written += line.len() as u64;
            file.write_all(&line).map_err(|error| Error::io(error, &self.path))?;
        }
        file.publish_unforced()?;
        (self.read, self.lines) = (written, entries.len() - kept);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(rows: f64) -> Entry {
        let traits = Traits {
            engine: Runs::Duckdb,
            durable: false,
            rows_read: rows,
            columns: 3.0,
            bytes_read: 1e6,
            rows,
            held: 0.0,
            threads: 2.0,
            resident: 1e8,
            work_bytes: 1e7,
        };
        Entry::new(traits, Some((rows, 0.1)), 0.5, 2e8)
    }

    fn rows(history: &History) -> Vec<u64> {
        history.entries().map(|entry| entry.traits.rows as u64).collect()
    }

    #[test]
    fn processes_share_it_it_stays_bounded_and_one_changed_byte_begins_it_anew() {
        let lake = tempfile::tempdir().unwrap();
        let (mut one, mut other) = (History::below(lake.path()), History::below(lake.path()));
        one.add(entry(1.0));
        assert!(other.refresh() && rows(&other) == [1]);
        other.add(entry(2.0));
        assert!(!other.refresh(), "what it wrote itself it knows");
        assert!(one.refresh() && rows(&one) == [1, 2]);
        (3..2_000).for_each(|n| one.add(entry(f64::from(n))));
        assert!(other.refresh());
        assert_eq!(rows(&other), (2_000 - MOST as u64..2_000).collect::<Vec<_>>());
        let path = lake.path().join(".history/jobs.jsonl");
        let whole = std::fs::read(&path).unwrap();
        assert!(whole.len() < 1 << 20, "{}", whole.len());
        let mut changed = whole.clone();
        changed[whole.len() / 2] ^= 1;
        std::fs::write(&path, [changed.as_slice(), b"x"].concat()).unwrap();
        assert!(other.refresh() && rows(&other).is_empty() && !path.exists());
        other.add(entry(7.0));
        assert!(one.refresh() && rows(&one) == [7]);
        // A line that was cut off, as by a crash, is one that is being written.
        let mut cut = std::fs::read(&path).unwrap();
        cut.extend(&whole[..40]);
        std::fs::write(&path, cut).unwrap();
        assert!(one.refresh() && rows(&one) == [7]);
    }

    #[test]
    fn without_a_lake_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut history = History::below(&folder.path().join("none"));
        history.add(entry(1.0));
        assert_eq!(rows(&history), [1]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
