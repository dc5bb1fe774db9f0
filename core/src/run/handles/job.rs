//! A query at work, seen from outside.

use std::time::{Duration, Instant};

use crate::base::{Ctx, Language, ProgressSnapshot, Result};
use crate::run::Report;
use crate::scheduler::{Ended, Events, Handle, Status};

/// A handle on a job; clones are the same job, and letting go of it does not stop it.
///
/// ```
/// # let folder = std::env::temp_dir().join(format!("datasus-doc-job-{}", std::process::id()));
/// # datasus::source::write_example_data(&folder, 100)?;
/// use datasus::{Client, Config, Parquet, QueryParams, Status};
///
/// let client = Client::open_with(&folder, Config { output: Some(folder.clone()), ..Config::default() })?;
/// let job = client.submit(&QueryParams::dataset("SIH-RD").columns(["CNES"]), Parquet::to("cnes.parquet"))?;
/// let report = job.wait()?; // or wait_timeout, or job.await in a coroutine
/// assert_eq!((job.status(), report.records_processed), (Status::Completed, 600));
/// # std::fs::remove_dir_all(&folder).ok();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Job {
    id: String,
    began: Instant,
    handle: Handle<Report>,
}

impl Job {
    pub(in crate::run) fn new(id: String, ctx: Ctx) -> Self {
        Job { id, began: Instant::now(), handle: Handle::new(ctx) }
    }

    /// Since its submission.
    pub(in crate::run) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    pub(in crate::run) fn handle(&self) -> &Handle<Report> {
        &self.handle
    }

    /// A ULID: jobs sort by the time of their submission.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Of the texts that it gives to people.
    pub fn language(&self) -> Language {
        self.handle.ctx().language
    }

    /// Ties the job to its log lines, errors and report.
    pub fn trace_id(&self) -> &str {
        self.handle.ctx().trace_id.as_str()
    }

    /// Where the job stands, now.
    pub fn status(&self) -> Status {
        self.handle.status()
    }

    /// How far the job has come, now.
    pub fn progress(&self) -> ProgressSnapshot {
        self.handle.ctx().progress.snapshot()
    }

    /// Status and progress as they change, for one listener: each status in order, progress at most 10 times a second.
    pub fn subscribe(&self) -> Events {
        self.handle.subscribe()
    }

    /// Asks the job to stop; it ends with DS-499: at once while it is queued, within 100 ms from execution on. Nothing of it stays.
    pub fn cancel(&self) {
        self.handle.cancel();
    }

    /// The same, but what it has written into files and tables is kept for a resume, and its error names it: for Ctrl-C, and for
    /// the end of a process.
    pub fn interrupt(&self) {
        self.handle.interrupt();
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// The one that ended the job: DS-499 where it was cancelled, DS-504 where its deadline passed, DS-498 in a forked child.
    pub fn wait(&self) -> Result<Report> {
        self.handle.wait()
    }

    /// The same, `timeout` at most; none while the job goes on.
    pub fn wait_timeout(&self, timeout: Duration) -> Option<Result<Report>> {
        self.handle.wait_timeout(timeout)
    }
}

/// For a task of any runtime: it is woken at the job's end, and no thread waits. To let go of the future does not stop the job.
impl IntoFuture for Job {
    type Output = Result<Report>;
    type IntoFuture = Ended<Report>;

    fn into_future(self) -> Ended<Report> {
        self.handle.into_future()
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("id", &self.id).field("status", &self.status()).finish()
    }
}
