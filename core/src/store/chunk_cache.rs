//! Copies, for engines that read only files of this machine, of what lies in other stores: of a Parquet the planned columns alone.
//!
//! One folder, bounded, of all processes of a user. Who reads a copy holds its lock, shared; who makes room takes only what it can
//! lock for itself, what was used longest ago first. A copy gets its name when it is whole, and a process that is killed leaves at
//! most one without a name, whose lock is free, which the next goes without.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

use parquet::file::metadata::ParquetMetaData;
use sha2::{Digest, Sha256};

use super::splice::{bytes_of, roots, splice};
use super::{At, Object, ReadAt, Reader};
use crate::base::{Cancel, Code, Error, Result, Trusted, create_folders, lock_file, text};
use crate::columnar::parquet_footer;

/// Copies that a process locks one by one.
const MOST_LOCKS: usize = 256;
/// Of the footer of a copy.
const FOOTER: u64 = 64 << 10;

/// A file of this machine, which stays what it is while somebody has this.
#[derive(Debug, Clone)]
pub struct LocalCopy {
    /// Where it is.
    pub path: PathBuf,
    /// None where nobody takes the file away.
    _held: Option<Held>,
}

/// What keeps a copy.
#[derive(Debug, Clone)]
enum Held {
    /// Its own lock.
    One(#[allow(dead_code)] Arc<Lock>),
    /// The lock of all copies: a job of thousands would need as many descriptors.
    All(#[allow(dead_code)] Arc<File>),
}

/// The lock of one copy, counted.
#[derive(Debug)]
struct Lock {
    _file: File,
    count: Arc<AtomicUsize>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Relaxed);
    }
}

impl LocalCopy {
    /// The object itself.
    pub fn itself(path: PathBuf) -> Self {
        LocalCopy { path, _held: None }
    }
}

/// The folder of copies.
#[derive(Debug)]
pub struct ChunkCache {
    root: PathBuf,
    limit: u64,
    /// Copies that have a lock of their own.
    locks: Arc<AtomicUsize>,
    /// The lock of all, while somebody needs it.
    all: Mutex<Weak<File>>,
}

/// How much of an object is wanted.
enum Part<'p> {
    Whole,
    Columns(&'p ParquetMetaData, Vec<usize>),
}

impl Part<'_> {
    /// `all`, or the numbers of the columns.
    fn name(&self) -> String {
        match self {
            Part::Whole => "all".into(),
            Part::Columns(_, roots) => {
                let numbers = roots.iter().map(usize::to_string).collect::<Vec<_>>().join("-");
                // A name has 255 bytes at most.
                match numbers.len() {
                    ..=120 => format!("c{numbers}"),
                    _ => format!("h{}", hex::encode(&Sha256::digest(numbers)[..16])),
                }
            }
        }
    }

    /// Whether the copy of this name holds it too.
    fn is_in(&self, name: &str) -> bool {
        match self {
            Part::Whole => name == "all",
            Part::Columns(_, roots) => match name.strip_prefix('c') {
                Some(numbers) => {
                    let held: BTreeSet<usize> = numbers.split('-').filter_map(|number| number.parse().ok()).collect();
                    roots.iter().all(|root| held.contains(root))
                }
                None => name == "all" || name == self.name(),
            },
        }
    }
}

impl ChunkCache {
    /// Nothing is made before the first copy.
    pub fn at(root: PathBuf, limit: u64) -> Self {
        ChunkCache { root, limit, locks: Arc::default(), all: Mutex::default() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The copy of this version of an object, with these columns of a Parquet at least (None: the object as it is), made where there
    /// is none.
    pub fn copy_of(
        &self,
        object: &Object,
        columns: Option<&BTreeSet<String>>,
        cancel: &Cancel,
        open: &dyn Fn() -> Result<Arc<dyn ReadAt>>,
    ) -> Result<LocalCopy> {
        let folder = self.root.join(folder_of(object));
        let at = object.location.to_string();
        let opened;
        let footer;
        let part = match columns {
            None => Part::Whole,
            Some(columns) => {
                opened = open()?;
                footer = parquet_footer(&At::of(opened.clone())).map_err(|error| damaged(object, error))?;
                Part::Columns(&footer, roots(&footer, columns))
            }
        };
        if let Some(found) = self.find(&folder, &part) {
            return Ok(found);
        }
        // One process at a time makes a copy of an object.
        create_folders(&folder).map_err(|error| Error::io(error, &folder))?;
        let _lock = lock_file(&folder.join(".lock"), Trusted::Own, cancel)?;
        if let Some(found) = self.find(&folder, &part) {
            return Ok(found);
        }
        let source = open()?;
        let bytes = match &part {
            Part::Whole => source.size(),
            Part::Columns(footer, roots) => bytes_of(footer, roots) + FOOTER,
        };
        let (partial, mut file) = self.room(&folder, bytes, cancel)?;
        let failed = |error: io::Error| own(&error).unwrap_or_else(|| Error::io(error, &partial));
        let goes_on = || cancel.check().map_err(io::Error::other);
        let written = match &part {
            Part::Whole => copy(source, &mut file, &goes_on).map_err(failed),
            Part::Columns(footer, roots) => {
                let mut out = BufWriter::with_capacity(1 << 20, &mut file);
                let spliced = splice(&source, footer, roots, &mut out, &goes_on);
                let flushed = spliced.map_err(|error| damaged(object, error));
                flushed.and_then(|()| out.flush().map_err(failed))
            }
        };
        let name = folder.join(part.name());
        let published = written.and_then(|()| {
            let end = file.stream_position().map_err(failed)?;
            file.set_len(end).and_then(|()| file.sync_all()).map_err(failed)?;
            // From now on it is read, by its name, under the same lock.
            File::lock_shared(&file).map_err(failed)?;
            std::fs::rename(&partial, &name).map_err(failed)
        });
        if let Err(error) = published {
            let _ = std::fs::remove_file(&partial);
            return Err(error);
        }
        tracing::debug!(%at, bytes, "copied from its store");
        let held = self.held(file).map_err(|error| Error::io(error, &name))?;
        Ok(LocalCopy { path: name, _held: Some(held) })
    }

    /// Keeps a copy whose file is locked: by that lock, or, where there are many, by that of all.
    fn held(&self, file: File) -> io::Result<Held> {
        if self.locks.fetch_add(1, Relaxed) < MOST_LOCKS {
            return Ok(Held::One(Arc::new(Lock { _file: file, count: self.locks.clone() })));
        }
        self.locks.fetch_sub(1, Relaxed);
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(all) = all.upgrade() {
            return Ok(Held::All(all));
        }
        let lock = Arc::new(self.open_all()?);
        lock.lock_shared()?;
        *all = Arc::downgrade(&lock);
        Ok(Held::All(lock))
    }

    fn open_all(&self) -> io::Result<File> {
        let mut options = File::options();
        Trusted::Own.open(options.create(true).truncate(false).write(true), &self.root.join(".all"))
    }

    /// A copy that is there and holds `part`, under its lock.
    fn find(&self, folder: &Path, part: &Part) -> Option<LocalCopy> {
        let mut names: Vec<String> =
            std::fs::read_dir(folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.retain(|name| !name.starts_with('.') && part.is_in(name));
        names.sort();
        names.into_iter().find_map(|name| {
            let path = folder.join(name);
            let file = Trusted::Own.read(&path).ok()?;
            file.lock_shared().ok()?;
            // Whoever made room may have taken it in between.
            let is_there = same(&file, &path);
            if !is_there {
                return None;
            }
            let _ = file.set_modified(SystemTime::now());
            Some(LocalCopy { path, _held: Some(self.held(file).ok()?) })
        })
    }

    /// A new file of so many bytes, without a name yet, for which others have gone where it had to be.
    fn room(&self, folder: &Path, bytes: u64, cancel: &Cancel) -> Result<(PathBuf, File)> {
        let _lock = lock_file(&self.root.join(".lock"), Trusted::Own, cancel)?;
        let failed = |error| Error::io(error, &self.root);
        let all = self.open_all().map_err(failed)?;
        // While somebody reads more copies than it can lock, none goes.
        let may_go = all.try_lock().is_ok();
        let mut copies = copies(&self.root);
        // What nobody will give its name goes before anything that may be read again.
        let is_partial = |copy: &Copy| copy.path.extension().is_some_and(|extension| extension == "partial");
        copies.sort_by_key(|copy| (!is_partial(copy), copy.used));
        let mut held: u64 = copies.iter().map(|copy| copy.bytes).sum();
        for copy in copies {
            if !is_partial(&copy) && (!may_go || held.saturating_add(bytes) <= self.limit) {
                continue;
            }
            let Ok(file) = Trusted::Own.read(&copy.path) else { continue };
            if file.try_lock().is_ok() && std::fs::remove_file(&copy.path).is_ok() {
                held = held.saturating_sub(copy.bytes);
            }
        }
        if held.saturating_add(bytes) > self.limit {
            return Err(full(&self.root, bytes, held, self.limit));
        }
        let path = folder.join(format!(".{}.partial", ulid::Ulid::new()));
        let failed = |error| Error::io(error, &path);
        let file = Trusted::Own.open(File::options().create_new(true).read(true).write(true), &path).map_err(failed)?;
        // Counted by others from here on.
        file.lock().and_then(|()| file.set_len(bytes)).map_err(failed)?;
        Ok((path, file))
    }
}

struct Copy {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

fn copies(root: &Path) -> Vec<Copy> {
    let of_folder = |folder: std::fs::DirEntry| std::fs::read_dir(folder.path()).into_iter().flatten().flatten();
    let folders = std::fs::read_dir(root).into_iter().flatten().flatten();
    let files = folders.filter(|entry| entry.file_name().len() == FOLDER_NAME).flat_map(of_folder);
    let copy = |entry: std::fs::DirEntry| {
        let metadata = entry.metadata().ok().filter(|found| found.is_file())?;
        let is_lock = entry.file_name() == ".lock";
        (!is_lock).then(|| Copy {
            path: entry.path(),
            bytes: metadata.len(),
            used: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        })
    };
    files.filter_map(copy).collect()
}

/// Letters of the name of an object's folder.
const FOLDER_NAME: usize = 40;

/// One for each version of an object.
fn folder_of(object: &Object) -> String {
    let state = object.state.map_or_else(String::new, |state| format!("{}.{}", state.inode, state.ctime_ns));
    let key = format!("1 {} {} {} {state}", object.location, object.size, object.mtime_ns);
    hex::encode(&Sha256::digest(key)[..FOLDER_NAME / 2])
}

/// Whether the open file is still the one of this name.
fn same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |found: std::fs::Metadata| (found.dev(), found.ino());
    match (file.metadata(), std::fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => identity(open) == identity(named),
        _ => false,
    }
}

fn copy(source: Arc<dyn ReadAt>, file: &mut File, goes_on: &dyn Fn() -> io::Result<()>) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    let (mut reader, mut block) = (Reader::new(source), vec![0; 1 << 20]);
    loop {
        goes_on()?;
        match reader.read(&mut block) {
            Ok(0) => return Ok(()),
            Ok(length) => file.write_all(&block[..length])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Our error inside.
fn own(error: &io::Error) -> Option<Error> {
    error.get_ref()?.downcast_ref::<Error>().cloned()
}

fn damaged(object: &Object, error: parquet::errors::ParquetError) -> Error {
    if let Some(own) = Error::within(&error) {
        return own;
    }
    let at = &object.location;
    Error::new(
        Code::DamagedFile,
        text!(
            "O Parquet {at} está danificado; grave-o de novo",
            "The Parquet {at} is damaged: {error}. Write it again"
        ),
    )
    .with("cause", "bad_parquet")
    .with("reader_message", error.to_string())
    .file(at.to_string())
    .offset(object.size)
}

fn full(root: &Path, bytes: u64, held: u64, limit: u64) -> Error {
    let shown = root.display();
    Error::new(
        Code::DiskFull,
        text!(
            "As cópias locais do que está em outro armazenamento precisam de mais {bytes} bytes em {shown}, e {held} dos {limit} estão em uso; aumente `remote_cache_limit`, ou leia menos colunas ou meses",
            "The local copies of what lies in another store need {bytes} bytes more in {shown}, and {held} of {limit} are in use; raise `remote_cache_limit`, or read fewer columns or months"
        ),
    )
    .with("bytes", bytes)
    .with("limit", limit)
    .file(shown.to_string())
}
