//! The control plane for Kotlin, Swift, Ruby and others, by UniFFI: values are copied, so rows go as the address of an
//! `ArrowArrayStream`, which whoever speaks Arrow in that language imports.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arrow::ffi_stream::FFI_ArrowArrayStream;
use datasus::base::TraceId;
use datasus::{Config, Language};

use crate::args::{Out, json};
use crate::guard::{fenced, is_forked};
use crate::host::at_exit;
use crate::rows::Query;

/// What went wrong, in the shape that every language shares.
#[derive(Debug, uniffi::Error)]
pub enum DatasusError {
    Failed {
        /// `DS-422`.
        code: String,
        /// The sentence for people, in the client's language.
        detail: String,
        /// Whether the same call may be made again.
        retryable: bool,
        trace_id: String,
        /// All of it, as the contract's JSON.
        json: String,
    },
}

impl std::fmt::Display for DatasusError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let DatasusError::Failed { code, detail, .. } = self;
        write!(f, "{code}: {detail}")
    }
}

impl From<datasus::Error> for DatasusError {
    fn from(error: datasus::Error) -> Self {
        DatasusError::Failed {
            code: error.code().as_str().to_owned(),
            detail: error.detail().to_owned(),
            retryable: error.retryable(),
            trace_id: error.trace_id().map(|id| id.as_str().to_owned()).unwrap_or_default(),
            json: error.to_json().to_string(),
        }
    }
}

type Result<T> = std::result::Result<T, DatasusError>;

/// A source of DATASUS files, opened.
#[derive(uniffi::Object)]
pub struct DatasusClient {
    client: datasus::Client,
    language: Language,
}

impl DatasusClient {
    fn call<T>(&self, name: &'static str, work: impl FnOnce(&datasus::Client) -> datasus::Result<T>) -> Result<T> {
        let done = fenced(name, || work(&self.client));
        Ok(done.map_err(|error| error.traced(&TraceId::new(), self.language))?)
    }
}

#[uniffi::export]
impl DatasusClient {
    /// Opens a folder or a file; `config` is a JSON object, `{}` for none.
    #[uniffi::constructor]
    pub fn new(source: String, config: String) -> Result<Arc<Self>> {
        Ok(fenced("DatasusClient", || {
            at_exit();
            let config = Config::from_env_and(&json(&config, "config")?)?;
            let language = config.language;
            let client = datasus::Client::open_with(source, config)?;
            Ok(Arc::new(DatasusClient { client, language }))
        })?)
    }

    /// Checks a query, every problem at once, and gives what it would read, as JSON.
    pub fn validate(&self, params: String) -> Result<String> {
        self.call("validate", |client| {
            let plan = client.explain(&client.params(&params)?)?;
            serde_json::to_string(&plan).map_err(datasus::Error::internal)
        })
    }

    /// Starts a query into files or tables (a JSON list), and returns when it has been checked and queued.
    pub fn submit(&self, params: String, sinks: String) -> Result<Arc<DatasusJob>> {
        self.call("submit", |client| {
            let job = client.submit(&client.params(&params)?, client.destinations(&sinks)?)?;
            Ok(Arc::new(DatasusJob(job)))
        })
    }

    /// Starts a query, and gives its rows as the address of an `ArrowArrayStream`, which the caller owns: it imports the stream,
    /// or gives the address to [`release_stream`].
    pub fn query(&self, params: String) -> Result<u64> {
        self.call("query", |client| {
            let pending = client.begin_query(&client.params(&params)?)?;
            let stream = Box::into_raw(Box::new(FFI_ArrowArrayStream::empty()));
            // SAFETY: a stream's place, just made.
            unsafe { Out::new(stream, "stream")? }.stream(Box::new(Query::new(pending)));
            let address = stream.expose_provenance();
            given_out().insert(address);
            Ok(address as u64)
        })
    }

    /// What this client has counted, in Prometheus' text form.
    pub fn metrics(&self) -> Result<String> {
        self.call("metrics", |client| Ok(client.metrics()))
    }

    /// The same in OpenMetrics' text form.
    pub fn open_metrics(&self) -> Result<String> {
        self.call("open_metrics", |client| Ok(client.open_metrics()))
    }
}

/// Structs that `query` gave out.
static GIVEN_OUT: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

fn given_out() -> MutexGuard<'static, BTreeSet<usize>> {
    GIVEN_OUT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives back the struct at an address that [`DatasusClient::query`] gave, whether its stream was imported or not; rows that were
/// not are let go of. False: no such struct, or given back already.
#[uniffi::export]
pub fn release_stream(address: u64) -> bool {
    let address = address as usize;
    if is_forked() || !given_out().remove(&address) {
        return false;
    }
    let stream = std::ptr::with_exposed_provenance_mut::<FFI_ArrowArrayStream>(address);
    // SAFETY: it came of `query`'s box, and was not given back before. Dropped, a stream that was not moved away is released.
    drop(unsafe { Box::from_raw(stream) });
    true
}

/// How far a job has come.
#[derive(uniffi::Record)]
pub struct DatasusProgress {
    pub rows: u64,
    pub rows_total: Option<u64>,
    pub bytes: u64,
    pub files_done: u64,
    pub files_total: u64,
    /// Share of the phase's work done, from 0 to 1, where it is known.
    pub fraction: Option<f64>,
    /// `waiting`, `converting`, `running` or `loading`.
    pub phase: String,
    /// Seconds since its submission, and those that the phase will take at its pace so far.
    pub elapsed_sec: f64,
    pub remaining_sec: Option<f64>,
}

/// A query at work.
#[derive(uniffi::Object)]
pub struct DatasusJob(datasus::Job);

#[uniffi::export]
impl DatasusJob {
    pub fn id(&self) -> String {
        self.0.id().to_owned()
    }

    /// `queued`, `running`, `parked`, `retrying`, `completed`, `failed` or `cancelled`.
    pub fn status(&self) -> Result<String> {
        Ok(fenced("status", || {
            let word = serde_json::to_value(self.0.status()).map_err(datasus::Error::internal)?;
            Ok(word.as_str().unwrap_or_default().to_owned())
        })?)
    }

    pub fn progress(&self) -> DatasusProgress {
        let now = self.0.progress();
        DatasusProgress {
            rows: now.rows,
            rows_total: now.rows_total,
            bytes: now.bytes,
            files_done: now.files_done,
            files_total: now.files_total,
            fraction: now.fraction,
            phase: now.phase.name().to_owned(),
            elapsed_sec: now.elapsed_sec,
            remaining_sec: now.remaining_sec,
        }
    }

    /// Asks the job to stop; it ends with DS-499.
    pub fn cancel(&self) -> Result<()> {
        Ok(fenced("cancel", || {
            self.0.cancel();
            Ok(())
        })?)
    }

    /// Waits so many milliseconds at most; the report as JSON, or none while the job goes on.
    pub fn wait(&self, timeout_ms: u64) -> Result<Option<String>> {
        Ok(fenced("wait", || {
            let outcome = self.0.wait_timeout(Duration::from_millis(timeout_ms)).transpose()?;
            Ok(outcome.map(|report| report.to_json().to_string()))
        })?)
    }

    /// Waits for the end; the report as JSON.
    pub fn report(&self) -> Result<String> {
        Ok(fenced("report", || Ok(self.0.wait()?.to_json().to_string()))?)
    }
}
