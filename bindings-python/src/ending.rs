//! How the interpreter ends with threads in our calls: who is in one then, and where it stays.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use pyo3::prelude::*;

static MAIN: OnceLock<ThreadId> = OnceLock::new();

/// Python handles signals in its main thread only.
pub fn remember_main_thread(py: Python<'_>) -> PyResult<()> {
    let threading = py.import("threading")?;
    if threading.call_method0("current_thread")?.is(&threading.call_method0("main_thread")?) {
        let _ = MAIN.set(std::thread::current().id());
    }
    Ok(())
}

/// True where a look at signals is of use, and taking the GIL for it cannot wait for somebody who waits for us.
pub fn is_main_thread() -> bool {
    MAIN.get() == Some(&std::thread::current().id())
}

static ENDED: AtomicBool = AtomicBool::new(false);
/// The process is about to end, and Python still works: other threads come back without a result.
static CLOSING: AtomicBool = AtomicBool::new(false);
/// Calls of other threads that are on their way.
static CALLS: AtomicUsize = AtomicUsize::new(0);
/// The last of them has come to its end, once the process is about to. Nobody takes the lock before, so that none is held in a
/// forked child.
static NO_CALLS: (Mutex<()>, Condvar) = (Mutex::new(()), Condvar::new());

/// One of those, until it is dropped.
pub struct Call(bool);

impl Call {
    pub fn begin() -> Self {
        let counted = !is_main_thread();
        CALLS.fetch_add(usize::from(counted), SeqCst);
        Call(counted)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.0 && CALLS.fetch_sub(1, SeqCst) == 1 && CLOSING.load(SeqCst) {
            drop(settling());
            NO_CALLS.1.notify_all();
        }
    }
}

fn settling() -> MutexGuard<'static, ()> {
    NO_CALLS.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until no other thread is in here, or as long as that. A log handler that asks us something holds its lock meanwhile,
/// and Python's end waits for the locks of all handlers. Called after [`close`].
pub fn settle(patience: Duration) {
    drop(NO_CALLS.1.wait_timeout_while(settling(), patience, |()| CALLS.load(SeqCst) > 0));
}

/// From now on what fails in another thread ends that thread, and lets go of what it holds.
pub fn close() {
    CLOSING.store(true, SeqCst);
}

/// True in a thread that has nothing to do any more but to end.
pub fn is_to_end() -> bool {
    CLOSING.load(SeqCst) && !is_main_thread()
}

/// The interpreter is about to end: threads that are in here stay in here.
pub fn end() {
    ENDED.store(true, SeqCst);
}

/// Where a thread stops once the interpreter ends, until the process is gone: one that asks for the GIL then is torn down by
/// Python right through our frames, and those of who called us. Python waits for none but its main thread.
fn stay_if_ended() {
    while ENDED.load(SeqCst) && !is_main_thread() {
        std::thread::park();
    }
}

/// The same for one whom foreign code waits for, which would make an error of ours its own: it stays as soon as the process is
/// about to end.
pub fn stay_if_closing() {
    while is_to_end() {
        std::thread::park();
    }
}

/// Runs `work` without the GIL.
pub fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    let _call = Call::begin();
    py.detach(|| {
        let done = work();
        stay_if_ended();
        done
    })
}
