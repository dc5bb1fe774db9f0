//! The locks of the jobs' folders: a file in each, for as long as a process works at the job; and the folder that they are in
//! itself, while one is made or goes.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::base::{Code, Error, Result, Trusted, create_new, text};

const LOCK: &str = "lock";
/// How long another's lock is waited for.
pub(super) const A_MOMENT: Duration = Duration::from_millis(500);
/// The same where nothing goes on without it: that is held for as long as a few files take, on a slow disk.
const A_WHILE: Duration = Duration::from_secs(10);

pub(super) enum Lock {
    /// The system lets it go with its process, however that ends.
    Ours(File),
    Theirs,
    /// The file is not there.
    Missing,
}

/// The lock of a job. It is never made here: a folder that is being removed would have a file again.
pub(super) fn lock(folder: &Path) -> Result<Lock> {
    lock_file(open_lock, &folder.join(LOCK), File::try_lock)
}

/// The same, for one who only looks at the job: others may look as well.
pub(super) fn lock_to_look(folder: &Path) -> Result<Lock> {
    lock_file(open_lock, &folder.join(LOCK), File::try_lock_shared)
}

/// What is held while `folder`, or another beside it, is made or goes.
pub(super) fn making(folder: &Path) -> Result<Lock> {
    lock_file(open_folder, all(folder), File::try_lock)
}

/// The folder that all of them are in.
fn all(folder: &Path) -> &Path {
    folder.parent().unwrap_or(folder)
}

fn open_lock(path: &Path) -> std::io::Result<File> {
    Trusted::Own.open(File::options().write(true), path)
}

/// A folder may be behind links.
fn open_folder(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_DIRECTORY);
    options.read(true).open(path)
}

fn lock_file(
    open: fn(&Path) -> std::io::Result<File>,
    path: &Path,
    lock: fn(&File) -> std::result::Result<(), TryLockError>,
) -> Result<Lock> {
    let failed = |error| Error::io(error, path).stage("recovery");
    let file = match open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Lock::Missing),
        opened => opened.map_err(failed)?,
    };
    match lock(&file) {
        Ok(()) => Ok(Lock::Ours(file)),
        Err(TryLockError::WouldBlock) => Ok(Lock::Theirs),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// The lock of a job, for one who means to keep it: another may hold it for a moment only, to look at the job, or as a child of
/// this process that has not become its own program yet and so has a copy of every open file.
pub(super) fn lock_soon(folder: &Path) -> Result<Option<File>> {
    within(A_MOMENT, || lock(folder))
}

/// A lock, once another has let go of it; none where that takes longer, or where there is nothing to lock. It is asked for again and
/// again: the holder may be another process, and the system wakes nobody who waits for a while only.
fn within(patience: Duration, mut lock: impl FnMut() -> Result<Lock>) -> Result<Option<File>> {
    let until = Instant::now() + patience;
    loop {
        match lock()? {
            Lock::Ours(file) => return Ok(Some(file)),
            Lock::Theirs if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
            Lock::Theirs | Lock::Missing => return Ok(None),
        }
    }
}

/// The lock of a job whose folder has just been made.
pub(super) fn create(folder: &Path) -> Result<Option<File>> {
    let path = folder.join(LOCK);
    drop(create_new(&path).map_err(|error| Error::io(error, &path).stage("recovery"))?);
    lock_soon(folder)
}

/// The lock of a job of which somebody deleted the file: it is made again. Whoever calls it holds what [`making`] gives.
pub(super) fn create_again(folder: &Path) -> Result<Option<File>> {
    let path = folder.join(LOCK);
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    let made = Trusted::Own.open(&mut options, &path);
    drop(made.map_err(|error| Error::io(error, &path).stage("recovery"))?);
    lock_soon(folder)
}

/// True where the lock's file is not there.
pub(super) fn is_missing(folder: &Path) -> bool {
    !folder.join(LOCK).exists()
}

/// What [`making`] gives, once another has let go of it.
pub(super) fn making_soon(folder: &Path) -> Result<Option<File>> {
    within(A_MOMENT, || making(folder))
}

/// The same, DS-409 where that takes long.
pub(super) fn making_in_time(folder: &Path) -> Result<File> {
    within(A_WHILE, || making(folder))?.ok_or_else(|| busy(folder))
}

fn busy(folder: &Path) -> Error {
    let seconds = A_WHILE.as_secs();
    let shown = all(folder).display().to_string();
    Error::new(
        Code::Conflict,
        text!(
            "Outro processo segura {shown} há mais de {seconds} segundos; veja se ele está parado",
            "Another process has held {shown} for more than {seconds} seconds; see whether it is stopped"
        ),
    )
    .file(shown)
    .stage("recovery")
}
