//! One process at a time converts or fetches a file; the others wait, as long as their jobs may.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use crossbeam_channel::RecvTimeoutError;

use super::{Cancel, Error, Result, Trusted};

/// How often whoever waits asks again: the system wakes nobody who is to stop on another event as well.
const GLANCE: Duration = Duration::from_millis(10);

/// Takes the lock of `path`, which is made where it is not there; the wait ends with the token's error once that is set.
/// The lock goes with what is returned, or with the process.
pub fn lock_file(path: &Path, trusted: Trusted, cancel: &Cancel) -> Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    let lock = trusted.open(&mut options, path).map_err(|e| Error::io(e, path))?;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::Error(error)) => return Err(Error::io(error, path)),
            Err(TryLockError::WouldBlock) => {}
        }
        cancel.check()?;
        if let Err(RecvTimeoutError::Disconnected) = cancel.signal().recv_timeout(GLANCE) {
            cancel.check()?;
        }
    }
}
