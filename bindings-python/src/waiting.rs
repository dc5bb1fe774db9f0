//! Waiting that Ctrl-C can end: without the GIL, in slices, with a look at signals after each.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, bounded};
use datasus::{Error, Result};
use pyo3::prelude::*;

use crate::error::{fenced, raised};

/// Between two looks at signals.
pub const SLICE: Duration = Duration::from_millis(25);
/// Between two calls of a progress bar.
const TICK: Duration = Duration::from_millis(100);

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

/// One of those, until it is dropped.
struct Call(bool);

impl Call {
    fn begin() -> Self {
        let counted = !is_main_thread();
        CALLS.fetch_add(usize::from(counted), SeqCst);
        Call(counted)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        CALLS.fetch_sub(usize::from(self.0), SeqCst);
    }
}

/// Waits until no other thread is in here, or as long as that. A log handler that asks us something holds its lock meanwhile,
/// and Python's end waits for the locks of all handlers.
pub fn settle(patience: Duration) {
    let until = Instant::now() + patience;
    while CALLS.load(SeqCst) > 0 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(2));
    }
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

/// Asks `look` until it gives something; it waits as long as it is told, without the GIL. `tick`, a callable without
/// arguments, is called meanwhile, ten times a second at most.
pub fn until<T: Send>(
    py: Python<'_>,
    tick: Option<&Bound<'_, PyAny>>,
    mut look: impl FnMut(Duration) -> Option<Result<T>> + Send,
) -> PyResult<T> {
    let _call = Call::begin();
    let mut ticked = Instant::now();
    loop {
        if let Some(found) = detached(py, || fenced(|| Ok(look(SLICE)))).and_then(Option::transpose).transpose() {
            return found.map_err(|error| raised(py, &error));
        }
        py.check_signals()?;
        if let Some(tick) = tick
            && ticked.elapsed() >= TICK
        {
            tick.call0()?;
            ticked = Instant::now();
        }
    }
}

/// Runs `work` on a thread of its own, and waits for it as [`until`] does. When a signal ends the wait, `stop` is called
/// and the work's outcome is dropped where it ends.
pub fn on_a_thread<T: Send + 'static>(
    py: Python<'_>,
    tick: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce() -> Result<T> + Send + 'static,
    stop: impl FnOnce(),
) -> PyResult<T> {
    let (done, outcome) = bounded(1);
    let spawned = std::thread::Builder::new().name("datasus-call".into()).spawn(move || {
        // Nobody listens any more where a signal came: then it ends here.
        let _ = done.send(fenced(work));
    });
    if let Err(error) = spawned {
        return Err(raised(py, &Error::internal(format!("cannot start a thread: {error}"))));
    }
    let found = until(py, tick, move |slice| match outcome.recv_timeout(slice) {
        Ok(found) => Some(found),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => Some(Err(Error::internal("a call's thread went away"))),
    });
    if found.is_err() {
        stop();
    }
    found
}
