//! Answers in a folder that the processes of a user share: private files, each whole or not there, the oldest gone first.

use std::fs::TryLockError;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use super::entry::Entry;
use super::key::Key;
use crate::base::{Error, Result, Trusted, create_folders};
use crate::governor::still_room;

/// A file without a name that is older, and that nobody holds the lock of, is of a process that was killed; where the folder knows no
/// locks it has to be older still.
const ABANDONED: Duration = Duration::from_secs(5);
const LONG_ABANDONED: Duration = Duration::from_secs(600);
const ENDING: &str = "answer";

pub struct Disk {
    root: PathBuf,
    limit: u64,
    /// Written by this client since it last looked at what all have written.
    written: AtomicU64,
}

struct Found {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

impl Disk {
    /// Nothing is made before the first answer.
    pub fn at(root: PathBuf, limit: u64) -> Self {
        // The first that is written looks at what is there.
        Disk { root, limit, written: AtomicU64::new(u64::MAX / 2) }
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(format!("{}.{ENDING}", hex::encode(key)))
    }

    pub fn get(&self, key: &Key, most: u64) -> Option<Entry> {
        let path = self.path(key);
        let bytes = Trusted::Own.read_all(&path, most).ok()?;
        if let Ok(file) = Trusted::Own.open(std::fs::File::options().write(true), &path) {
            let _ = file.set_modified(SystemTime::now());
        }
        Some(Entry::unchecked(bytes))
    }

    pub fn remove(&self, key: &Key) {
        let _ = std::fs::remove_file(self.path(key));
    }

    /// Not forced to disk: what a loss of power leaves of it is not what its sum says.
    pub fn put(&self, key: &Key, entry: &Entry) -> Result<()> {
        let bytes = entry.bytes().len() as u64;
        if bytes > self.limit {
            return Ok(());
        }
        if !self.root.is_dir() {
            create_folders(&self.root).map_err(|error| Error::io(error, &self.root))?;
            private(&self.root)?;
        }
        // A sixteenth of the limit may be more for a moment, for each client.
        if self.written.fetch_add(bytes, Relaxed) >= self.limit / 16 {
            self.written.store(bytes, Relaxed);
            self.make_room(bytes);
        }
        still_room(&self.root)?;
        let partial = self.root.join(format!(".{}.partial", ulid::Ulid::new()));
        let written = || {
            let mut file = Trusted::Own.open(std::fs::File::options().create_new(true).write(true), &partial)?;
            // Gone with the process: who makes room knows by it whether this one is still written. Without locks its age says so.
            let _ = file.try_lock();
            file.write_all(entry.bytes())?;
            std::fs::rename(&partial, self.path(key))
        };
        written().map_err(|error| {
            let _ = std::fs::remove_file(&partial);
            Error::io(error, &partial)
        })
    }

    /// Several processes may do so at once: what another took first is gone all the same.
    fn make_room(&self, bytes: u64) {
        let mut held = 0;
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.root).into_iter().flatten().flatten() {
            let Some(metadata) = entry.metadata().ok().filter(|of| of.is_file()) else { continue };
            let path = entry.path();
            let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            match path.extension().and_then(|ending| ending.to_str()) {
                Some(ENDING) => {
                    held += metadata.len();
                    found.push(Found { path, bytes: metadata.len(), used });
                }
                Some("partial") if is_abandoned(&path, used) => {
                    let _ = std::fs::remove_file(&path);
                }
                // What processes that were killed since left takes its room as well.
                Some("partial") => held += metadata.len(),
                _ => {}
            }
        }
        found.sort_by_key(|file| file.used);
        for file in found {
            if held.saturating_add(bytes) <= self.limit - self.limit / 16 {
                break;
            }
            match std::fs::remove_file(&file.path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {}
                _ => held -= file.bytes,
            }
        }
    }
}

/// Whether nobody writes the file any more.
fn is_abandoned(path: &Path, written: SystemTime) -> bool {
    let older = |than: Duration| written.elapsed().is_ok_and(|age| age > than);
    older(ABANDONED)
        && match Trusted::Own.open(std::fs::File::options().write(true), path).map(|file| file.try_lock()) {
            Ok(Ok(())) => true,
            Ok(Err(TryLockError::WouldBlock)) => false,
            _ => older(LONG_ABANDONED),
        }
}

/// Others cannot look into it.
fn private(root: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(root, std::fs::Permissions::from_mode(0o700)).map_err(|error| Error::io(error, root))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_folder_keeps_to_its_bound_and_goes_without_what_a_killed_process_left() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("answers");
        let disk = Disk::at(root.clone(), 16_000);
        let entry = Entry::unchecked(vec![1; 1_000]);
        let left = root.join(".old.partial");
        for number in 0..40u8 {
            disk.put(&[number; 32], &entry).unwrap();
            if number == 0 {
                std::fs::write(&left, "half").unwrap();
                let file = std::fs::File::options().write(true).open(&left).unwrap();
                file.set_modified(SystemTime::now() - 2 * ABANDONED).unwrap();
            }
            // Used each time, so that it stays.
            assert!(disk.get(&[0; 32], 1 << 20).is_some(), "{number}");
            std::thread::sleep(Duration::from_millis(2));
        }
        let bytes: u64 = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
        assert!(bytes <= 16_000 && !left.exists(), "{bytes}");
        assert!(disk.get(&[1; 32], 1 << 20).is_none() && disk.get(&[39; 32], 1 << 20).is_some());
        assert!(disk.get(&[39; 32], 999).is_none(), "larger than one may be");
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&root), mode(&disk.path(&[39; 32]))), (0o700, 0o600));
    }

    #[test]
    fn what_killed_processes_left_half_written_takes_its_share_of_the_bound() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().to_owned();
        let entry = Entry::unchecked(vec![1; 1_000]);
        let full = || (0..15u8).for_each(|number| Disk::at(root.clone(), 16_000).put(&[number; 32], &entry).unwrap());
        full();
        let partial = |name: &str, written: SystemTime| {
            let file = std::fs::File::create(root.join(name)).unwrap();
            (&file).write_all(&[0; 4_000]).unwrap();
            file.set_modified(written).unwrap();
            file
        };
        let long_ago = SystemTime::now() - 2 * ABANDONED;
        // One that is young however long this takes, one that is still written, and one whose process is gone.
        drop(partial(".young.partial", SystemTime::now() + Duration::from_secs(3_600)));
        let written = partial(".written.partial", long_ago);
        written.try_lock().unwrap();
        drop(partial(".dead.partial", long_ago));
        full();
        let bytes: u64 = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
        assert!(bytes <= 16_000, "{bytes}");
        let there = |name: &str| root.join(name).exists();
        assert_eq!((there(".young.partial"), there(".written.partial"), there(".dead.partial")), (true, true, false));
    }
}
