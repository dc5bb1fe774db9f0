//! The client; parameters and answers of the control plane travel as the contract's JSON.

use std::path::PathBuf;

use arrow::ffi_stream::ArrowArrayStreamReader;
use datasus::base::{Cancel, CancelReason};
use datasus::{Catalog, Config, Error, QueryParams, Result};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::answer::Pending;
use crate::batch::Batch;
use crate::error::{raised, without_gil};
use crate::job::{Job, json};
use crate::waiting::on_a_thread;
use crate::watched::Watched;

#[pyclass(frozen, module = "datasus._datasus")]
pub struct Client(datasus::Client);

impl Client {
    /// Runs a call of the core where Ctrl-C can end the wait for it.
    fn call<T: Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&datasus::Client) -> Result<T> + Send + 'static,
    ) -> PyResult<T> {
        let client = self.0.clone();
        on_a_thread(py, None, move || work(&client), || {})
    }

    /// The same for one that begins a job: what Ctrl-C leaves of it stops.
    fn call_until<T: Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&datasus::Client, &Cancel) -> Result<T> + Send + 'static,
    ) -> PyResult<T> {
        let (client, cancel) = (self.0.clone(), Cancel::default());
        let stop = cancel.clone();
        on_a_thread(py, None, move || work(&client, &cancel), move || stop.set(CancelReason::Caller))
    }
}

#[pymethods]
impl Client {
    #[staticmethod]
    fn open(py: Python<'_>, source: PathBuf, config: &str) -> PyResult<Self> {
        let open = || {
            let settings = serde_json::from_str(config).map_err(Error::internal)?;
            datasus::Client::open_with(source, Config::from_env_and(&settings)?)
        };
        without_gil(py, open).map(Client)
    }

    /// Takes the rows of an Arrow C stream (a capsule, which is empty afterwards) as a table for SQL.
    fn add_table(&self, py: Python<'_>, name: String, stream: &Bound<'_, PyCapsule>) -> PyResult<()> {
        // SAFETY: the object is a capsule, and the call compares its name: null, with a Python error set, for any other.
        let pointer = unsafe { pyo3::ffi::PyCapsule_GetPointer(stream.as_ptr(), c"arrow_array_stream".as_ptr()) };
        if pointer.is_null() {
            return Err(PyErr::fetch(py));
        }
        // SAFETY: a capsule of this name holds an `ArrowArrayStream` (Arrow PyCapsule interface); its content moves here, and what
        // is left behind is marked as released.
        let reader = unsafe { ArrowArrayStreamReader::from_raw(pointer.cast()) };
        let reader = reader.map_err(|error| raised(py, &Error::internal(error)))?;
        self.call(py, move |client| client.add_table(&name, reader))
    }

    fn begin_query(&self, py: Python<'_>, params: String) -> PyResult<Pending> {
        self.call_until(py, move |client, cancel| client.begin_query_until(&client.params(&params)?, cancel))
            .map(Pending::new)
    }

    fn submit(&self, py: Python<'_>, params: String, to: String) -> PyResult<Job> {
        let submitted = move |client: &datasus::Client, cancel: &Cancel| {
            client.submit_until(&client.params(&params)?, client.destinations(&to)?, cancel)
        };
        self.call_until(py, submitted).map(Job::new)
    }

    fn resume(&self, py: Python<'_>, job_id: String) -> PyResult<Job> {
        self.call_until(py, move |client, cancel| client.resume_until(&job_id, cancel)).map(Job::new)
    }

    fn jobs(&self, py: Python<'_>) -> PyResult<String> {
        json(py, &self.call(py, datasus::Client::jobs)?)
    }

    fn discard(&self, py: Python<'_>, job_id: String) -> PyResult<()> {
        self.call(py, move |client| client.discard(&job_id))
    }

    fn dead_letters(&self, py: Python<'_>, job_id: String) -> PyResult<String> {
        json(py, &self.call(py, move |client| client.dead_letters(&job_id))?)
    }

    fn export_dead_letters(&self, py: Python<'_>, job_id: String, path: PathBuf) -> PyResult<u64> {
        self.call(py, move |client| client.export_dead_letters(&job_id, path))
    }

    fn replay(&self, py: Python<'_>, job_id: String) -> PyResult<String> {
        json(py, &self.call(py, move |client| client.replay(&job_id))?)
    }

    /// What a sync is seen by.
    fn watched(&self) -> Watched {
        Watched::of(&self.0)
    }

    #[pyo3(signature = (params, watched=None, tick=None))]
    fn sync(
        &self,
        py: Python<'_>,
        params: String,
        watched: Option<&Bound<'_, Watched>>,
        tick: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        let (client, cancel) = (self.0.clone(), Cancel::default());
        let (stop, place) = (cancel.clone(), watched.map(|watched| watched.get().place()).unwrap_or_default());
        let work = move || {
            client.sync_each(&client.params_list(&params)?, &cancel, |progress| {
                // A watch is for one call.
                let _ = place.set(progress);
            })
        };
        json(py, &on_a_thread(py, tick, work, move || stop.set(CancelReason::Caller))?)
    }

    fn plan_sync(&self, py: Python<'_>, params: String) -> PyResult<String> {
        json(py, &self.call(py, move |client| client.plan_sync(&client.params_list(&params)?))?)
    }

    /// The profile as JSON, and the same as rows.
    #[pyo3(signature = (params, tick=None))]
    fn profile(&self, py: Python<'_>, params: String, tick: Option<&Bound<'_, PyAny>>) -> PyResult<(String, Batch)> {
        let (client, cancel) = (self.0.clone(), Cancel::default());
        let stop = cancel.clone();
        let work = move || {
            let profile = client.profile_until(&client.params(&params)?, &cancel)?;
            let rows = profile.to_batch()?;
            Ok((profile, rows))
        };
        let (profile, rows) = on_a_thread(py, tick, work, move || stop.set(CancelReason::Caller))?;
        Ok((json(py, &profile)?, Batch::new(rows)))
    }

    fn rates(&self, py: Python<'_>, params: String) -> PyResult<String> {
        json(py, &self.call(py, move |client| client.rates(&client.rates_params(&params)?))?)
    }

    #[pyo3(signature = (words, dataset=None))]
    fn search(&self, py: Python<'_>, words: &str, dataset: Option<&str>) -> PyResult<String> {
        json(py, &without_gil(py, || self.0.search(words, dataset))?)
    }

    fn explain(&self, py: Python<'_>, params: String) -> PyResult<String> {
        json(py, &self.call(py, move |client| client.explain(&client.params(&params)?))?)
    }

    fn estimate(&self, py: Python<'_>, params: String) -> PyResult<String> {
        json(py, &self.call(py, move |client| client.estimate(&client.params(&params)?))?)
    }

    fn schema(&self, py: Python<'_>, dataset: &str) -> PyResult<String> {
        json(py, &self.0.schema(dataset).map_err(|error| raised(py, &error))?)
    }

    fn catalog(&self, py: Python<'_>) -> PyResult<String> {
        json(py, &self.0.catalog())
    }

    fn dictionaries(&self, py: Python<'_>) -> PyResult<String> {
        json(py, &self.call(py, datasus::Client::dictionaries)?)
    }

    #[pyo3(signature = (source=None))]
    fn sync_dictionaries(&self, py: Python<'_>, source: Option<String>) -> PyResult<String> {
        json(py, &self.call(py, move |client| client.sync_dictionaries(source.as_deref()))?)
    }

    fn datasets(&self, py: Python<'_>) -> PyResult<String> {
        json(py, &self.call(py, datasus::Client::datasets)?)
    }

    fn metrics(&self, py: Python<'_>) -> PyResult<String> {
        without_gil(py, || Ok(self.0.metrics()))
    }

    fn open_metrics(&self, py: Python<'_>) -> PyResult<String> {
        without_gil(py, || Ok(self.0.open_metrics()))
    }

    fn mode(&self) -> &'static str {
        self.0.mode().as_str()
    }

    fn set_maintenance(&self, py: Python<'_>, on: bool) -> PyResult<()> {
        without_gil(py, || self.0.set_maintenance(on))
    }
}

/// A text without the passwords in it, for those that Python makes.
#[pyfunction]
pub fn masked(text: &str) -> String {
    datasus::faces::masked(text).into_owned()
}

/// The JSON Schema of `QueryParams`.
#[pyfunction]
pub fn json_schema() -> String {
    QueryParams::json_schema().to_string()
}

/// Name and description of every dataset of the catalogue.
#[pyfunction]
pub fn all_datasets() -> Vec<(String, String)> {
    Catalog::builtin().datasets().map(|grupo| (grupo.dataset.to_string(), grupo.nome.clone())).collect()
}

/// The columns of a dataset in which all of `words` are, as JSON.
#[pyfunction]
pub fn search(py: Python<'_>, words: &str, dataset: &str) -> PyResult<String> {
    json(py, &datasus::labels::search(words, Catalog::builtin().read(dataset)))
}
