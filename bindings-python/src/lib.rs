//! The Python face: thin classes over the core's own, which `python/datasus` dresses for people.
//!
//! Every call that can wait lets go of the GIL, looks at signals every 25 ms, and lets no panic through.

mod answer;
mod batch;
mod client;
mod error;
mod host;
mod job;
mod records;
mod rows;
mod waiting;

use pyo3::prelude::*;

#[pymodule]
fn _datasus(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<client::Client>()?;
    module.add_class::<answer::Pending>()?;
    module.add_class::<rows::Rows>()?;
    module.add_class::<rows::Collected>()?;
    module.add_class::<batch::Batch>()?;
    module.add_class::<job::Job>()?;
    module.add_class::<job::Events>()?;
    module.add_class::<host::HostEvents>()?;
    module.add_class::<records::Summary>()?;
    module.add_function(wrap_pyfunction!(records::read_dbc, module)?)?;
    module.add_function(wrap_pyfunction!(records::example_data, module)?)?;
    module.add_function(wrap_pyfunction!(client::json_schema, module)?)?;
    module.add_function(wrap_pyfunction!(client::all_datasets, module)?)?;
    module.add_function(wrap_pyfunction!(host::host_events, module)?)?;
    module.add_function(wrap_pyfunction!(host::set_log_level, module)?)?;
    module.add_function(wrap_pyfunction!(host::shut_down, module)?)?;
    module.add_function(wrap_pyfunction!(host::set_budget, module)?)?;
    module.add_function(wrap_pyfunction!(error::codes, module)?)?;
    module.add_function(wrap_pyfunction!(error::panic_on_purpose, module)?)?;
    waiting::remember_main_thread(module.py())
}
