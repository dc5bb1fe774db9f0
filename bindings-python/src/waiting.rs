//! Waiting that Ctrl-C can end: without the GIL, in slices, with a look at signals after each.

use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, bounded};
use datasus::{Error, Result};
use pyo3::prelude::*;

use crate::ending::{Call, detached};
use crate::error::{fenced, raised, without_gil};

/// Between two looks at signals.
pub const SLICE: Duration = Duration::from_millis(25);
/// Between two calls of a progress bar.
const TICK: Duration = Duration::from_millis(100);

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

/// Shows, in the tests, that a panic is DS-500 and the process lives: in the caller's thread, or in one of ours.
#[pyfunction]
pub fn panic_on_purpose(py: Python<'_>, in_a_thread: bool) -> PyResult<()> {
    let work = || -> Result<()> { panic!("on purpose") };
    match in_a_thread {
        true => on_a_thread(py, None, work, || {}),
        false => without_gil(py, work),
    }
}
