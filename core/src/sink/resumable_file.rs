//! A file in the making that survives its process. Its log says what was complete when; each mark carries the CRC-32 of the
//! bytes since the one before, so that what did not reach the disk is found out when the file goes on, and cut off.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crc32fast::Hasher;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::base::{CommittedUnits, Error, Result, UnitId};
use crate::recovery::{Log, SinkState};
use crate::store::{LocalRoot, OutputFile};

/// What the log of a file holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Mark<T> {
    /// The name that it has while it grows.
    Begun {
        partial: String,
    },
    Part(Part<T>),
    /// Nothing but its final name is missing.
    Sealed {
        rows: u64,
        bytes: u64,
    },
}

/// The file up to here holds all units before `next_unit`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part<T> {
    pub next_unit: UnitId,
    /// Rows and bytes so far.
    pub rows: u64,
    pub bytes: u64,
    /// Of the bytes since the part before.
    crc: u32,
    pub more: T,
}

/// What an earlier attempt left of a file.
pub enum Opened<T> {
    /// It is there, under its name.
    Published { rows: u64, bytes: u64 },
    /// Everything is in it.
    Sealed { file: OutputFile, rows: u64 },
    /// It goes on behind the last of these parts; none: it begins.
    Open { file: ResumableFile<T>, parts: Vec<Part<T>> },
}

/// A file that grows; dropped, it stays for another attempt.
pub struct ResumableFile<T> {
    file: OutputFile,
    log: Log<Mark<T>>,
    crc: Hasher,
    partial: String,
}

impl<T: Serialize + DeserializeOwned + Clone + PartialEq> ResumableFile<T> {
    /// Opens what there is of the file that shall be at `path`, or begins it. Fails as [`LocalRoot::create`].
    pub fn open(root: &LocalRoot, path: &Path, overwrite: bool, state: &SinkState) -> Result<Opened<T>> {
        let (mut log, marks) = Log::<Mark<T>>::open(&state.log())?;
        let Some(Mark::Begun { partial }) = marks.first().cloned() else {
            let partial = name(state, 0);
            state.leaves(&root.beside(path, &partial)?)?;
            log.replace(&[Mark::Begun { partial: partial.clone() }])?;
            let file = root.begin(path, overwrite, &partial)?;
            return Ok(Opened::Open {
                file: ResumableFile { file, log, crc: Hasher::new(), partial },
                parts: Vec::new(),
            });
        };
        if let Some(Mark::Sealed { rows, bytes }) = marks.last() {
            let beside = root.beside(path, &partial)?;
            if named(&beside, &root.beside(path, &final_name(path))?)? {
                return Ok(Opened::Published { rows: *rows, bytes: *bytes });
            }
            if root.size(&beside) == Some(*bytes) {
                let mut file = root.resume(path, overwrite, &partial)?;
                file.cut(*bytes)?;
                return Ok(Opened::Sealed { file, rows: *rows });
            }
        }
        let mut file = root.resume(path, overwrite, &partial)?;
        let parts = marks.iter().filter_map(|mark| if let Mark::Part(part) = mark { Some(part.clone()) } else { None });
        let parts = sound(&file, parts.collect()).map_err(|error| Error::io(error, file.path()))?;
        file.cut(parts.last().map_or(0, |part| part.bytes))?;
        let mut kept = vec![Mark::Begun { partial: partial.clone() }];
        kept.extend(parts.iter().cloned().map(Mark::Part));
        if kept != marks {
            log.replace(&kept)?;
        }
        Ok(Opened::Open { file: ResumableFile { file, log, crc: Hasher::new(), partial }, parts })
    }

    /// Everything that was written is of the units before `next_unit`.
    pub fn mark(&mut self, next_unit: UnitId, rows: u64, more: T) -> Result<()> {
        let crc = std::mem::take(&mut self.crc).finalize();
        self.log.add(&Mark::Part(Part { next_unit, rows, bytes: self.file.written(), crc, more }))
    }

    /// A new file for the same place, whose marks do not count before [`ResumableFile::take_over`].
    pub fn beginning_again(&self, root: &LocalRoot, path: &Path, overwrite: bool, state: &SinkState) -> Result<Self> {
        let generation = self.partial.matches('+').count() + 1;
        let partial = name(state, generation);
        state.leaves(&root.beside(path, &partial)?)?;
        let file = root.begin(path, overwrite, &partial)?;
        let beside = state.log().with_extension("again");
        let (mut log, _) = Log::open(&beside)?;
        log.replace(&[Mark::Begun { partial: partial.clone() }])?;
        Ok(ResumableFile { file, log, crc: Hasher::new(), partial })
    }

    /// This file, as it is now, takes the place of the one that went before.
    pub fn take_over(&mut self, root: &LocalRoot, path: &Path, before: Self, state: &SinkState) -> Result<()> {
        self.file.sync()?;
        let marks = Log::<Mark<T>>::peek(&state.log().with_extension("again"))?;
        let mut log = before.log;
        log.replace(&marks)?;
        self.log = log;
        let old = root.beside(path, &before.partial)?;
        std::fs::remove_file(&old).map_err(|error| Error::io(error, &old))
    }

    /// Makes it durable; only its name is missing then.
    pub fn seal(mut self, rows: u64) -> Result<OutputFile> {
        self.file.sync()?;
        self.log.add(&Mark::Sealed { rows, bytes: self.file.written() })?;
        self.log.sync()?;
        Ok(self.file)
    }

    pub fn file(&self) -> &OutputFile {
        &self.file
    }
}

/// All units before the part's end.
pub fn held<T>(parts: &[Part<T>]) -> CommittedUnits {
    parts.last().map_or(CommittedUnits::Nothing, |part| CommittedUnits::Below(part.next_unit))
}

impl<T> Write for ResumableFile<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.crc.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The parts, from the first on, whose bytes are there as they were written.
fn sound<T>(file: &OutputFile, parts: Vec<Part<T>>) -> io::Result<Vec<Part<T>>> {
    let mut reader = io::BufReader::with_capacity(1 << 20, file.reader());
    io::Seek::rewind(&mut reader)?;
    let mut at = 0;
    let mut kept = Vec::with_capacity(parts.len());
    for part in parts {
        let mut crc = Hasher::new();
        let mut piece = (&mut reader).take(part.bytes.saturating_sub(at));
        let mut block = vec![0; 1 << 16];
        let mut read = 0;
        loop {
            match piece.read(&mut block)? {
                0 => break,
                length => {
                    crc.update(&block[..length]);
                    read += length as u64;
                }
            }
        }
        if at + read != part.bytes || crc.finalize() != part.crc {
            break;
        }
        at = part.bytes;
        kept.push(part);
    }
    Ok(kept)
}

fn name(state: &SinkState, generation: usize) -> String {
    format!(".datasus-{}-{}{}.partial", state.job_id, state.number, "+".repeat(generation))
}

fn final_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether a sealed file got its name: its temporary one is gone, or is a second name of the same file and goes now.
fn named(partial: &PathBuf, path: &PathBuf) -> Result<bool> {
    let Ok(named) = std::fs::symlink_metadata(path) else { return Ok(false) };
    let Ok(temporary) = std::fs::symlink_metadata(partial) else { return Ok(true) };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if (named.dev(), named.ino()) == (temporary.dev(), temporary.ino()) {
            std::fs::remove_file(partial).map_err(|error| Error::io(error, partial))?;
            return Ok(true);
        }
    }
    let _ = (named, temporary);
    Ok(false)
}
