//! A file of records that survives a crash at any instant: each line carries its own CRC-32, and what comes behind the
//! first line that does not match was never written as far as a reader is concerned.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::{Error, Result, Trusted};

/// Bytes of a record, at most: one that is longer is none of ours.
const MOST_OF_LINE: u64 = 256 << 20;

/// Records of one kind, in the order in which they were added.
pub struct Log<T> {
    file: File,
    path: PathBuf,
    /// Where the sound records end.
    length: u64,
    /// A write failed: what it left behind that is in the way of the next record.
    torn: bool,
    records: PhantomData<fn(T)>,
}

impl<T: Serialize + DeserializeOwned> Log<T> {
    /// Opens or makes the file, gives the records that it holds, and cuts off a torn end.
    pub fn open(path: &Path) -> Result<(Self, Vec<T>)> {
        let failed = |error| Error::io(error, path).stage("recovery");
        let mut options = File::options();
        options.create(true).truncate(false).read(true).write(true);
        let mut file = Trusted::Own.open(&mut options, path).map_err(failed)?;
        let (records, length) = read(&mut file).map_err(failed)?;
        file.set_len(length).map_err(failed)?;
        file.seek(SeekFrom::Start(length)).map_err(failed)?;
        Ok((Log { file, path: path.to_owned(), length, torn: false, records: PhantomData }, records))
    }

    /// What a file holds, without changing it; nothing where there is none.
    pub fn peek(path: &Path) -> Result<Vec<T>> {
        match Trusted::Own.read(path) {
            Ok(mut file) => Ok(read(&mut file).map_err(|error| Error::io(error, path).stage("recovery"))?.0),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(Error::io(error, path).stage("recovery")),
        }
    }

    /// Adds a record. It survives the process at once, and the machine once the log is [synced](Log::sync).
    pub fn add(&mut self, record: &T) -> Result<()> {
        self.add_all(std::slice::from_ref(record))
    }

    /// Adds records at the end; they are safe once `sync` has returned.
    pub fn add_all(&mut self, records: &[T]) -> Result<()> {
        let mut lines = Vec::new();
        for record in records {
            let text = serde_json::to_vec(record).map_err(Error::internal)?;
            lines.extend_from_slice(format!("{:08x} ", crc32fast::hash(&text)).as_bytes());
            lines.extend_from_slice(&text);
            lines.push(b'\n');
        }
        let failed = |error| Error::io(error, &self.path).stage("recovery");
        if self.torn {
            self.file.set_len(self.length).map_err(failed)?;
            self.file.seek(SeekFrom::Start(self.length)).map_err(failed)?;
        }
        self.torn = true;
        self.file.write_all(&lines).map_err(failed)?;
        self.torn = false;
        self.length += lines.len() as u64;
        Ok(())
    }

    /// Where the records end; see [`Log::back_to`].
    pub fn end(&self) -> u64 {
        self.length
    }

    /// Takes back what was added behind `end`, before anything else is added.
    pub fn back_to(&mut self, end: u64) {
        self.length = self.length.min(end);
        self.torn = true;
    }

    /// Until everything that was added is on the disk.
    pub fn sync(&mut self) -> Result<()> {
        self.file.sync_data().map_err(|error| Error::io(error, &self.path).stage("recovery"))
    }

    /// Puts `records` in the place of all others, in one act.
    pub fn replace(&mut self, records: &[T]) -> Result<()> {
        let beside = self.path.with_extension("new");
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::io(error, &beside)),
            _ => {}
        }
        let (mut fresh, _) = Log::<T>::open(&beside)?;
        fresh.add_all(records)?;
        fresh.sync()?;
        std::fs::rename(&beside, &self.path).map_err(|error| Error::io(error, &self.path).stage("recovery"))?;
        fresh.path.clone_from(&self.path);
        *self = fresh;
        Ok(())
    }
}

/// The sound records, and where they end.
fn read<T: DeserializeOwned>(file: &mut File) -> std::io::Result<(Vec<T>, u64)> {
    file.seek(SeekFrom::Start(0))?;
    let (mut records, mut length, mut line) = (Vec::new(), 0, Vec::new());
    let mut reader = BufReader::new(&*file);
    loop {
        line.clear();
        let read = reader.by_ref().take(MOST_OF_LINE).read_until(b'\n', &mut line)?;
        let Some(record) = sound(&line) else { return Ok((records, length)) };
        records.push(record);
        length += read as u64;
    }
}

fn sound<T: DeserializeOwned>(line: &[u8]) -> Option<T> {
    let line = line.strip_suffix(b"\n")?;
    let (crc, text) = line.split_at_checked(9)?;
    let crc = std::str::from_utf8(crc.strip_suffix(b" ")?).ok()?;
    if u32::from_str_radix(crc, 16).ok()? != crc32fast::hash(text) {
        return None;
    }
    serde_json::from_slice(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_cut_or_changed_anywhere_gives_the_records_before_that() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let (mut log, none) = Log::<(u64, String)>::open(&path).unwrap();
        assert!(none.is_empty());
        let records: Vec<(u64, String)> = (0..5).map(|n| (n, format!("registro {n}\n"))).collect();
        let mut ends = vec![0];
        for record in &records {
            log.add(record).unwrap();
            ends.push(std::fs::metadata(&path).unwrap().len() as usize);
        }
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let before = ends.iter().filter(|end| **end <= at).count() - 1;
            std::fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(Log::<(u64, String)>::peek(&path).unwrap(), records[..before], "cut at {at}");
            let mut changed = whole.clone();
            changed[at] ^= 1;
            std::fs::write(&path, &changed).unwrap();
            let (mut log, found) = Log::<(u64, String)>::open(&path).unwrap();
            assert_eq!(found, records[..before], "changed at {at}");
            // What is added goes behind the sound part.
            log.add(&records[4]).unwrap();
            assert_eq!(Log::<(u64, String)>::peek(&path).unwrap().len(), before + 1);
        }
        std::fs::write(&path, &whole).unwrap();
        let (mut log, _) = Log::<(u64, String)>::open(&path).unwrap();
        log.replace(&records[1..2]).unwrap();
        log.add(&records[3]).unwrap();
        assert_eq!(Log::<(u64, String)>::peek(&path).unwrap(), [records[1].clone(), records[3].clone()]);
    }
}
