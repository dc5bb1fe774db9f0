//! The Python face: thin classes over the core's own, which `python/datasus` dresses for people.
//!
//! Every call that can wait lets go of the GIL, looks at signals every 25 ms, and lets no panic through.

mod answer;
mod batch;
mod client;
mod ending;
mod error;
mod host;
mod job;
mod records;
mod rows;
mod shared_reader;
mod waiting;
mod wakes;
mod watched;

use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

/// The interpreter of this process that has the module; another would share its classes, and end its jobs with itself.
static INTERPRETER: AtomicI64 = AtomicI64::new(-1);

fn take_interpreter() -> PyResult<()> {
    // SAFETY: the GIL is held while a module is loaded, so there is a current interpreter; its ID is only read.
    let this = unsafe { pyo3::ffi::PyInterpreterState_GetID(pyo3::ffi::PyInterpreterState_Get()) };
    match INTERPRETER.compare_exchange(-1, this, SeqCst, SeqCst) {
        Err(other) if other != this => Err(PyImportError::new_err(
            "datasus lives in one interpreter of a process, and another one has it: use threads, or processes by \
             multiprocessing's spawn, instead of subinterpreters",
        )),
        _ => Ok(()),
    }
}

#[pymodule]
fn _datasus(module: &Bound<'_, PyModule>) -> PyResult<()> {
    take_interpreter()?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<client::Client>()?;
    module.add_class::<answer::Pending>()?;
    module.add_class::<rows::Rows>()?;
    module.add_class::<rows::Collected>()?;
    module.add_class::<batch::Batch>()?;
    module.add_class::<job::Job>()?;
    module.add_class::<job::Events>()?;
    module.add_class::<watched::Watched>()?;
    module.add_class::<host::HostEvents>()?;
    module.add_class::<records::Summary>()?;
    module.add_function(wrap_pyfunction!(records::read_dbc, module)?)?;
    module.add_function(wrap_pyfunction!(records::example_data, module)?)?;
    module.add_function(wrap_pyfunction!(client::masked, module)?)?;
    module.add_function(wrap_pyfunction!(client::json_schema, module)?)?;
    module.add_function(wrap_pyfunction!(client::all_datasets, module)?)?;
    module.add_function(wrap_pyfunction!(client::search, module)?)?;
    module.add_class::<job::Awaited>()?;
    module.add_function(wrap_pyfunction!(wakes::next_wake, module)?)?;
    module.add_function(wrap_pyfunction!(host::host_events, module)?)?;
    module.add_function(wrap_pyfunction!(host::set_log_level, module)?)?;
    module.add_function(wrap_pyfunction!(host::shut_down, module)?)?;
    module.add_function(wrap_pyfunction!(host::hold_back, module)?)?;
    module.add_function(wrap_pyfunction!(host::set_budget, module)?)?;
    module.add_function(wrap_pyfunction!(host::hang_next, module)?)?;
    module.add_function(wrap_pyfunction!(host::hanging, module)?)?;
    module.add_function(wrap_pyfunction!(error::codes, module)?)?;
    module.add_function(wrap_pyfunction!(waiting::panic_on_purpose, module)?)?;
    ending::remember_main_thread(module.py())
}
