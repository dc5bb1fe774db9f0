//! From the core's error, and from a caught panic, to the exception classes of `datasus._errors`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use datasus::{Code, Error, Result};
use pyo3::exceptions::{PyRuntimeError, PySystemExit};
use pyo3::prelude::*;

use crate::ending::{detached, is_to_end};

/// The exception that says the same as `error`.
///
/// While the process ends, a thread that is not the main one is ended by it without a word, as `sys.exit` there does: it lets go of
/// what it holds, and nobody reads of a query that was cut off with its program.
pub fn raised(py: Python<'_>, error: &Error) -> PyErr {
    if is_to_end() {
        return PySystemExit::new_err(());
    }
    let made = || -> PyResult<Bound<'_, PyAny>> {
        py.import("datasus._errors")?.getattr("from_json")?.call1((error.to_json().to_string(),))
    };
    match made() {
        Ok(exception) => PyErr::from_value(exception),
        // Only in a broken installation; the sentence still arrives.
        Err(_) => PyRuntimeError::new_err(error.to_string()),
    }
}

/// Runs `work` without the GIL; an error or a panic comes back as an exception.
pub fn without_gil<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    detached(py, || fenced(work)).map_err(|error| raised(py, &error))
}

/// A panic becomes DS-500.
pub fn fenced<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(Error::panicked("datasus", panic.as_ref())))
}

/// Every error code, and whether the same call may be made again.
#[pyfunction]
pub fn codes() -> Vec<(&'static str, bool)> {
    Code::ALL.iter().map(|code| (code.as_str(), code.retry() == datasus::Retry::Later)).collect()
}
