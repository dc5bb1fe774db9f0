//! One process at a time converts, fetches or copies a file; the others wait, as long as their jobs may.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Sender, bounded, select};

use super::{Cancel, Error, Result, Trusted};

/// How often the one of this process who waits asks for the lock of another: the system wakes nobody who is to stop on another event
/// as well.
const GLANCE: Duration = Duration::from_millis(10);

/// A locked file. The lock goes with it, or with the process.
#[derive(Debug)]
pub struct FileLock {
    // In this order: whoever is next in this process finds the file unlocked.
    _file: File,
    _turn: Turn,
}

/// Takes the lock of `path`, which is made where it is not there; the wait ends with the token's error once that is set.
pub fn lock_file(path: &Path, trusted: Trusted, cancel: &Cancel) -> Result<FileLock> {
    let turn = Turn::of(path, cancel)?;
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    let file = trusted.open(&mut options, path).map_err(|e| Error::io(e, path))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(FileLock { _file: file, _turn: turn }),
            Err(TryLockError::Error(error)) => return Err(Error::io(error, path)),
            Err(TryLockError::WouldBlock) => {}
        }
        cancel.check()?;
        let _ = cancel.signal().recv_timeout(GLANCE);
        cancel.check()?;
    }
}

/// Who of this process may ask for the lock of a path: one, and the next is woken when it is through.
#[derive(Debug)]
struct Turn(PathBuf);

/// Those who wait, by the path.
type Waiting = HashMap<PathBuf, VecDeque<Sender<Turn>>>;

fn waiting() -> MutexGuard<'static, Waiting> {
    static WAITING: LazyLock<Mutex<Waiting>> = LazyLock::new(Mutex::default);
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Turn {
    fn of(path: &Path, cancel: &Cancel) -> Result<Self> {
        let turn = match waiting().entry(path.to_owned()) {
            Entry::Vacant(nobody) => {
                nobody.insert(VecDeque::new());
                return Ok(Turn(path.to_owned()));
            }
            Entry::Occupied(mut others) => {
                let (give, turn) = bounded(1);
                others.get_mut().push_back(give);
                turn
            }
        };
        // A turn that comes as the token is set goes on to the next with the channel.
        select! {
            recv(turn) -> turn => turn.map_err(|_| Error::internal("a lock's turn was lost")),
            recv(cancel.signal()) -> _ => {
                cancel.check().and_then(|()| Err(Error::internal("a wait for a lock stopped without a reason")))
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = match waiting().entry(std::mem::take(&mut self.0)) {
            Entry::Vacant(_) => None,
            Entry::Occupied(mut others) => match others.get_mut().pop_front() {
                Some(next) => Some((next, Turn(others.key().clone()))),
                None => {
                    others.remove();
                    None
                }
            },
        };
        // Without the lock: one that does not wait any more gives its turn back at once.
        if let Some((next, turn)) = next {
            let _ = next.try_send(turn);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;
    use crate::base::{CancelReason, Code};

    #[test]
    fn threads_of_one_process_take_turns_and_who_is_cancelled_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let lock = |cancel: &Cancel| lock_file(&path, Trusted::Own, cancel);
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let first = lock(&Cancel::default()).unwrap();
        std::thread::scope(|threads| {
            let cancelled = Cancel::default();
            let gone = threads.spawn({
                let (cancelled, lock) = (cancelled.clone(), &lock);
                move || lock(&cancelled).map(drop).unwrap_err().code()
            });
            let workers: Vec<_> = (0..8)
                .map(|_| {
                    threads.spawn(|| {
                        for _ in 0..20 {
                            let _lock = lock(&Cancel::default()).unwrap();
                            most.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
                            inside.fetch_sub(1, SeqCst);
                        }
                    })
                })
                .collect();
            cancelled.set(CancelReason::Caller);
            assert_eq!(gone.join().unwrap(), Code::Cancelled);
            drop(first);
            workers.into_iter().for_each(|worker| worker.join().unwrap());
        });
        assert_eq!(most.load(SeqCst), 1);
        assert!(!waiting().contains_key(&path), "nothing is kept of a lock that nobody wants");
    }

    #[test]
    fn the_next_in_this_process_is_woken_and_does_not_ask_again_and_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = Arc::new(folder.path().join("lock"));
        let held = lock_file(&path, Trusted::Own, &Cancel::default()).unwrap();
        let waits = std::thread::spawn({
            let path = path.clone();
            move || drop(lock_file(&path, Trusted::Own, &Cancel::default()).unwrap())
        });
        while waiting().get(&**path).is_none_or(VecDeque::is_empty) {
            std::thread::yield_now();
        }
        // One that asked for the file itself would have it now.
        held._file.unlock().unwrap();
        std::thread::sleep(GLANCE * 3);
        assert!(!waits.is_finished());
        drop(held);
        waits.join().unwrap();
    }
}
