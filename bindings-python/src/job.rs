//! A job seen from Python.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use serde_json::{Value, to_value};

use crate::ending::detached;
use crate::error::{raised, without_gil};
use crate::waiting::until;
use crate::wakes::waker;

#[pyclass(frozen, module = "datasus._datasus")]
pub struct Job(datasus::Job);

impl Job {
    pub fn new(job: datasus::Job) -> Self {
        Job(job)
    }
}

fn word(status: datasus::Status) -> String {
    to_value(status).ok().as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Rows, bytes, files done, files in all, share of the phase done; the phase, rows in all, seconds gone and to come; bytes in all, and
/// a second.
pub type Counts =
    (u64, u64, u64, u64, Option<f64>, &'static str, Option<u64>, f64, Option<f64>, Option<u64>, Option<f64>);

pub fn counts(of: &datasus::ProgressSnapshot) -> Counts {
    let (phase, rows_total) = (of.phase.name(), of.rows_total);
    let (elapsed, remaining) = (of.elapsed_sec, of.remaining_sec);
    let files = (of.files_done, of.files_total);
    let pace = (of.bytes_total, of.bytes_per_sec);
    (of.rows, of.bytes, files.0, files.1, of.fraction, phase, rows_total, elapsed, remaining, pace.0, pace.1)
}

#[pymethods]
impl Job {
    #[getter]
    fn id(&self) -> &str {
        self.0.id()
    }

    #[getter]
    fn trace_id(&self) -> &str {
        self.0.trace_id()
    }

    #[getter]
    fn is_english(&self) -> bool {
        self.0.language() == datasus::Language::En
    }

    fn status(&self, py: Python<'_>) -> String {
        detached(py, || word(self.0.status()))
    }

    fn progress(&self) -> Counts {
        counts(&self.0.progress())
    }

    fn cancel(&self, py: Python<'_>) {
        detached(py, || self.0.cancel());
    }

    /// Stops the job so that it can be resumed.
    fn interrupt(&self, py: Python<'_>) {
        detached(py, || self.0.interrupt());
    }

    /// The report as JSON; none where the job goes on after `timeout` seconds.
    #[pyo3(signature = (timeout=None, tick=None))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>, tick: Option<&Bound<'_, PyAny>>) -> PyResult<Option<String>> {
        let seconds = timeout.map(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX));
        let until_when = seconds.and_then(|seconds| Instant::now().checked_add(seconds));
        until(py, tick, |slice| {
            let left = until_when.map(|when| when.saturating_duration_since(Instant::now()));
            match self.0.wait_timeout(left.map_or(slice, |left| left.min(slice))) {
                Some(outcome) => Some(outcome.map(|report| Some(report.to_json().to_string()))),
                None => left.filter(|left| *left <= slice).map(|_| Ok(None)),
            }
        })
    }

    /// The end of the job, for a task.
    fn awaited(&self) -> Awaited {
        Awaited(Mutex::new(self.0.clone().into_future()))
    }

    fn events(&self) -> Events {
        Events(Mutex::new(self.0.subscribe()))
    }
}

/// The end of a job, for one task that awaits it.
#[pyclass(frozen, module = "datasus._datasus")]
pub struct Awaited(Mutex<datasus::Ended<datasus::Report>>);

#[pymethods]
impl Awaited {
    /// The report as JSON; none as long as the job goes on, and then `ticket` comes out of `next_wake` at its end.
    fn poll(&self, py: Python<'_>, ticket: u64) -> PyResult<Option<String>> {
        let waker = waker(ticket);
        without_gil(py, || {
            let mut ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match Pin::new(&mut *ended).poll(&mut Context::from_waker(&waker)) {
                Poll::Pending => Ok(None),
                Poll::Ready(outcome) => outcome.map(|report| Some(report.to_json().to_string())),
            }
        })
    }
}

/// The events of a job, for one listener.
#[pyclass(frozen, module = "datasus._datasus")]
pub struct Events(Mutex<datasus::Events>);

#[pymethods]
impl Events {
    /// The next event within so many seconds; none where there is none.
    fn next_within(&self, py: Python<'_>, seconds: f64) -> PyResult<Option<(String, Counts)>> {
        let patience = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
        let next = without_gil(py, || Ok(self.lock().next_within(patience)))?;
        Ok(next.map(|event| (word(event.status), counts(&event.progress))))
    }

    fn is_over(&self, py: Python<'_>) -> bool {
        detached(py, || self.lock().is_over())
    }
}

impl Events {
    fn lock(&self) -> std::sync::MutexGuard<'_, datasus::Events> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// JSON of something that the core can write as JSON.
pub fn json<T: serde::Serialize>(py: Python<'_>, value: &T) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| raised(py, &datasus::Error::internal(error)))
}
