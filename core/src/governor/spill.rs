//! Folders for what jobs spill: with a quota that leaves the disk some room, and gone after the job and after a crash.

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::{Code, Error, Owner, Result, Trusted, create_folders, create_new, text};

const PREFIX: &str = "datasus-spill-";
const OWNER: &str = "owner.json";
/// Of the disk, up to 1 GiB: what spilling leaves free.
const RESERVE_SHARE: u64 = 20;
const RESERVE_MOST: u64 = 1 << 30;
/// With less than this (or the quota that was asked for, if that is less) spilling does not start.
const LEAST_QUOTA: u64 = 16 << 20;
/// Bytes of an owner's record.
const MOST_OF_OWNER: u64 = 64 << 10;
/// A folder without an owner's record is being made, or was left so by a crash a good while ago.
const UNOWNED: Duration = Duration::from_secs(3600);

/// A folder of one job, readable by this user only; removed when dropped.
pub struct SpillFolder {
    path: PathBuf,
    quota: u64,
    owner: u32,
    /// Locked for as long as the owner lives, whatever way it ends.
    _record: File,
}

impl SpillFolder {
    /// Makes a folder under `root` (made, if missing) for up to `quota` bytes, cut so that the disk keeps a reserve of 5 %
    /// (1 GiB at most). Where not even 16 MiB are left it is DS-507.
    pub fn create(root: &Path, quota: u64) -> Result<Self> {
        SpillFolder::create_at(&SpillFolder::new_path(root), quota)
    }

    /// Where [`SpillFolder::create_at`] may make one, now or later, and again when it is gone.
    pub fn new_path(root: &Path) -> PathBuf {
        root.join(format!("{PREFIX}{}", ulid::Ulid::new()))
    }

    /// The same at a path that [`SpillFolder::new_path`] gave.
    pub fn create_at(path: &Path, quota: u64) -> Result<Self> {
        SpillFolder::create_for(path, quota, &Owner::me())
    }

    fn create_for(path: &Path, quota: u64, owner: &Owner) -> Result<Self> {
        let root = path.parent().unwrap_or(path);
        create_folders(root).map_err(|error| Error::io(error, root).stage("spill"))?;
        let room = disk_room(root)?;
        if room < quota.min(LEAST_QUOTA) {
            return Err(full(root, room, quota.min(LEAST_QUOTA)));
        }
        private_folder(path).map_err(|error| Error::io(error, path).stage("spill"))?;
        let record = match record(path, owner) {
            Ok(record) => record,
            Err(error) => {
                remove(path);
                return Err(Error::io(error, &path.join(OWNER)).stage("spill"));
            }
        };
        let quota = if quota <= room { quota } else { rounded(room) };
        Ok(SpillFolder { path: path.to_owned(), quota, owner: std::process::id(), _record: record })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that the job may spill.
    pub fn quota(&self) -> u64 {
        self.quota
    }

    /// Whether something was spilled, and is there still.
    pub fn is_used(&self) -> bool {
        let other = |entry: std::io::Result<std::fs::DirEntry>| entry.is_ok_and(|entry| entry.file_name() != OWNER);
        std::fs::read_dir(&self.path).is_ok_and(|mut entries| entries.any(other))
    }

    /// DS-507 once the disk's reserve is touched, by whomever. To be asked now and then while the job runs: it then ends
    /// before the disk is full.
    pub fn check(&self) -> Result<()> {
        still_room(&self.path)
    }
}

impl Drop for SpillFolder {
    fn drop(&mut self) {
        // A forked child leaves its parent's files alone.
        if std::process::id() == self.owner {
            remove(&self.path);
        }
    }
}

/// Removes the folders under `root` whose owner is dead, and returns how many. What is not ours, or belongs to a process
/// that lives, stays.
pub fn sweep(root: &Path) -> Result<usize> {
    let entries = match std::fs::read_dir(root) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        entries => entries.map_err(|error| Error::io(error, root))?,
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry.map_err(|error| Error::io(error, root))?;
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let ours = id.is_some_and(|id| id.parse::<ulid::Ulid>().is_ok());
        if ours && is_our_folder(&entry) && sweep_one(&entry.path()) {
            removed += 1;
        }
    }
    Ok(removed)
}

/// A folder, no link to one, and of our own user: others sweep theirs.
fn is_our_folder(entry: &std::fs::DirEntry) -> bool {
    // Never follows a link.
    let Ok(found) = entry.metadata() else { return false };
    #[cfg(unix)]
    let ours = std::os::unix::fs::MetadataExt::uid(&found) == rustix::process::geteuid().as_raw();
    #[cfg(not(unix))]
    let ours = true;
    found.is_dir() && ours
}

fn sweep_one(folder: &Path) -> bool {
    let record = match Trusted::Own.read(&folder.join(OWNER)) {
        Ok(record) => record,
        Err(error) if error.kind() != ErrorKind::NotFound => return false,
        Err(_) => return sweep_unowned(folder),
    };
    let Ok(owner) = serde_json::from_reader::<_, Owner>(Read::take(&record, MOST_OF_OWNER)) else { return false };
    // The lock tells across containers, where process ids do not; the record tells where locks do not work.
    match record.try_lock() {
        Err(std::fs::TryLockError::WouldBlock) => false,
        // Perhaps another machine's, on a disk that both share.
        Err(std::fs::TryLockError::Error(_)) if !owner.is_of_this_boot() => false,
        _ if owner.lives() => false,
        _ => remove(folder),
    }
}

/// One that is being made, or was left so by a crash: it goes if nothing but an unfinished record is in it.
fn sweep_unowned(folder: &Path) -> bool {
    let age = folder.metadata().and_then(|of| of.modified()).ok().and_then(|at| at.elapsed().ok());
    age.is_some_and(|age| age > UNOWNED) && {
        let _ = std::fs::remove_file(folder.join(unfinished()));
        std::fs::remove_dir(folder).is_ok()
    }
}

fn remove(folder: &Path) -> bool {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            tracing::warn!(folder = %folder.display(), %error, "spill folder not removed");
            false
        }
        _ => true,
    }
}

/// The owner's record appears whole and locked, or not at all.
fn record(folder: &Path, owner: &Owner) -> std::io::Result<File> {
    let unfinished = folder.join(unfinished());
    let mut record = create_new(&unfinished)?;
    match record.try_lock() {
        // A file system without locks: the record alone tells.
        Ok(()) | Err(std::fs::TryLockError::Error(_)) => {}
        Err(std::fs::TryLockError::WouldBlock) => return Err(ErrorKind::ResourceBusy.into()),
    }
    record.write_all(&serde_json::to_vec(owner)?)?;
    std::fs::rename(&unfinished, folder.join(OWNER))?;
    Ok(record)
}

fn unfinished() -> String {
    format!(".{OWNER}.partial")
}

fn private_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// A little less, so that what others write meanwhile does not make another number of it each time.
fn rounded(bytes: u64) -> u64 {
    let grain = (bytes / 16).next_power_of_two();
    bytes / grain * grain
}

/// DS-507 where the disk's reserve is touched.
pub fn still_room(path: &Path) -> Result<()> {
    match disk_room(path)? {
        0 => Err(full(path, 0, 1)),
        _ => Ok(()),
    }
}

/// Bytes that may be written before the disk's reserve (5 %, 1 GiB at most) is touched.
#[cfg(unix)]
pub fn disk_room(path: &Path) -> Result<u64> {
    let disk = rustix::fs::statvfs(path).map_err(|error| Error::io(error.into(), path))?;
    let reserve = (disk.f_blocks.saturating_mul(disk.f_frsize) / RESERVE_SHARE).min(RESERVE_MOST);
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize).saturating_sub(reserve))
}

/// Elsewhere only the quota bounds what is spilled.
#[cfg(not(unix))]
pub fn disk_room(_: &Path) -> Result<u64> {
    Ok(u64::MAX)
}

fn full(path: &Path, room: u64, needed: u64) -> Error {
    let shown = path.display();
    Error::new(
        Code::DiskFull,
        text!(
            "Disco quase cheio em {shown}: restam {room} bytes além da reserva, são precisos {needed}; libere espaço ou \
             indique outra pasta em `spill`",
            "Disk almost full at {shown}: {room} bytes are left beyond the reserve, {needed} are needed; free some space or \
             name another folder in `spill`"
        ),
    )
    .with("path", shown.to_string())
    .file(shown.to_string())
    .with("bytes_left", room)
    .with("bytes_needed", needed)
    .stage("spill")
}
