//! A job seen from JavaScript.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;
use serde_json::{Value, to_value};

use crate::calls::promised;
use crate::host::{Host, SLICE};

#[napi]
pub struct Job {
    job: datasus::Job,
    host: Arc<Host>,
}

impl Job {
    pub fn new(job: datasus::Job, host: Arc<Host>) -> Self {
        Job { job, host }
    }
}

#[napi(object)]
pub struct Progress {
    /// Rows delivered to the sinks.
    pub rows: f64,
    /// Bytes of source files read for conversion; while they are downloaded, those that have come.
    pub bytes: f64,
    pub files_done: f64,
    pub files_total: f64,
    /// Share of the phase's work done, from 0 to 1, and 1 once the job is complete; none while it cannot be told.
    pub fraction: Option<f64>,
    /// `waiting`, `downloading`, `converting`, `running` or `loading`.
    pub phase: String,
    /// Rows that there will be; none where only the end will tell.
    pub rows_total: Option<f64>,
    /// Seconds since the job was submitted, until its end.
    pub elapsed_sec: f64,
    /// Seconds that the phase will take at its pace so far; none while that cannot be told.
    pub remaining_sec: Option<f64>,
    /// Bytes that are downloaded or converted in this phase, all in all; none in others.
    pub bytes_total: Option<f64>,
    /// Bytes downloaded a second, on average; none in other phases.
    pub bytes_per_sec: Option<f64>,
}

#[napi(object)]
pub struct JobEvent {
    pub status: String,
    pub progress: Progress,
}

fn word(status: datasus::Status) -> String {
    to_value(status).ok().as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
}

pub fn progress(of: &datasus::ProgressSnapshot) -> Progress {
    // A double holds every whole number up to 2^53: more rows than there are people's lives to record.
    Progress {
        rows: of.rows as f64,
        bytes: of.bytes as f64,
        files_done: of.files_done as f64,
        files_total: of.files_total as f64,
        fraction: of.fraction,
        phase: of.phase.name().to_owned(),
        rows_total: of.rows_total.map(|rows| rows as f64),
        elapsed_sec: of.elapsed_sec,
        remaining_sec: of.remaining_sec,
        bytes_total: of.bytes_total.map(|bytes| bytes as f64),
        bytes_per_sec: of.bytes_per_sec,
    }
}

#[napi]
impl Job {
    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> String {
        self.job.id().to_owned()
    }

    #[napi(getter, catch_unwind)]
    pub fn trace_id(&self) -> String {
        self.job.trace_id().to_owned()
    }

    #[napi(getter, catch_unwind)]
    pub fn status(&self) -> String {
        word(self.job.status())
    }

    #[napi(getter, catch_unwind)]
    pub fn progress(&self) -> Progress {
        progress(&self.job.progress())
    }

    #[napi(catch_unwind)]
    pub fn cancel(&self) {
        self.job.cancel();
    }

    #[napi(catch_unwind)]
    pub fn interrupt(&self) {
        self.job.interrupt();
    }

    /// The report as JSON.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn report<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        let (job, host) = (self.job.clone(), self.host.clone());
        promised(env, move || {
            let mut ended = job.into_future();
            let report = host.wait(|task| Pin::new(&mut ended).poll(task))??;
            Ok(report.to_json().to_string())
        })
    }

    /// The report's warnings, once the job has ended; none where it failed, which others are told.
    #[napi(catch_unwind, ts_return_type = "Promise<Array<string>>")]
    pub fn warnings<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        let (job, host) = (self.job.clone(), self.host.clone());
        promised(env, move || {
            let mut ended = job.into_future();
            let outcome = host.wait(|task| Pin::new(&mut ended).poll(task))?;
            Ok(outcome.map(|report| report.warnings.clone()).unwrap_or_default())
        })
    }

    #[napi(catch_unwind)]
    pub fn events(&self) -> Events {
        Events { inner: Arc::new(Mutex::new(self.job.subscribe())), host: self.host.clone() }
    }
}

/// The events of a job, for one listener.
#[napi]
pub struct Events {
    inner: Arc<Mutex<datasus::Events>>,
    host: Arc<Host>,
}

#[napi]
impl Events {
    /// The next event; none after the last.
    #[napi(catch_unwind, ts_return_type = "Promise<JobEvent | null>")]
    pub fn next<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        let (inner, host) = (self.inner.clone(), self.host.clone());
        promised(env, move || {
            let mut events = inner.lock().unwrap_or_else(PoisonError::into_inner);
            loop {
                host.check()?;
                if events.is_over() {
                    return Ok(None);
                }
                if let Some(event) = events.next_within(SLICE) {
                    return Ok(Some(JobEvent { status: word(event.status), progress: progress(&event.progress) }));
                }
            }
        })
    }
}
