//! The front of the SDK: one source folder, and everything that can be asked of it.

mod builder;
mod dataset_schema;
mod holdings;
mod knowing;
mod rates;
mod rates_scope;
mod syncing;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::{Cancel, Error, ForkGuard, Language, Result, TraceId};

use crate::config::Config;
use crate::estimate::Estimate;
use crate::governor::{Hook, Mode, ModeChanges};
use crate::params::{QueryParams, no_dataset};
use crate::plan::Explain;
use crate::recovery::DeadLetter;
use crate::run::{Job, JobInfo, Pending, Replayed, Report, Rows, Session};
use crate::sink::{Destination, Destinations};
use arrow::array::RecordBatchReader;

pub use builder::ClientBuilder;
pub use dataset_schema::{DatasetSchema, DerivedColumn};
pub use holdings::{DatasetSummary, Holdings, IgnoredFile, Known};
pub use rates::{Rate, Rates, RatesParams};

/// A source of DATASUS files, opened.
///
/// Clones share everything. Any thread may use it, and several at once.
///
/// In a child that was forked meanwhile every call is DS-498.
///
/// ```
/// # let folder = std::env::temp_dir().join(format!("datasus-doc-client-{}", std::process::id()));
/// # datasus::source::write_example_data(&folder, 100)?;
/// use datasus::{AggregateFn, Client, QueryParams};
///
/// let client = Client::open(&folder)?;
/// assert!(client.datasets()?.datasets.iter().any(|held| held.dataset == "SIH-RD"));
/// let params = QueryParams::dataset("SIH-RD").uf(["AC"]).aggregate(AggregateFn::Sum, "VAL_TOT", "valor");
/// let batches = client.query(&params)?.collect_batches()?;
/// assert_eq!(batches[0].num_rows(), 1);
/// # std::fs::remove_dir_all(&folder).ok();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Client {
    session: Arc<Session>,
    fork_guard: ForkGuard,
}

impl Drop for Client {
    /// Some milliseconds at most: a process that ends while the engine opens an instance may crash.
    fn drop(&mut self) {
        match self.fork_guard.is_left() {
            false => self.session.settle(),
            // Never the last one that goes.
            true => std::mem::forget(self.session.clone()),
        }
    }
}

impl Client {
    /// Opens `datasus://` (the ministry's server), a mirror of its tree (`ftp://host/folder`, `https://host/folder/`), or a folder of DBC,
    /// DBF or Parquet files in any layout (or one file; `~` is the home folder), with the settings of the `DATASUS_*` variables.
    /// Nothing is read, or asked of a server, before a query does: then the listings, and of a server the files that are not here.
    ///
    /// # Errors
    /// DS-422 for a `DATASUS_*` variable that cannot be; DS-403 for a folder of state or spill that may not be used.
    pub fn open(source: impl Into<PathBuf>) -> Result<Self> {
        Client::builder(source).open()
    }

    /// The same with settings of your own.
    ///
    /// # Errors
    /// DS-422 for a setting that cannot be; DS-403 for a folder of state or spill that may not be used.
    pub fn open_with(source: impl Into<PathBuf>, config: Config) -> Result<Self> {
        Client::builder(source).config(config).open()
    }

    /// The same with parts of your own.
    pub fn builder(source: impl Into<PathBuf>) -> ClientBuilder {
        ClientBuilder::new(source.into())
    }

    fn session(&self) -> Result<&Arc<Session>> {
        let usable = self.fork_guard.check().map_err(|error| error.traced(&TraceId::new(), self.session.language()));
        usable.map(|()| &self.session)
    }

    /// Runs a query; returns when its schema is known, and the rows come as they are taken.
    ///
    /// Files that the lake does not hold yet are converted first. Where the memory is nearly exhausted when it begins, plain
    /// rows wait for it, for 30 s at most ([`Options::on_emergency`](crate::Options::on_emergency)).
    ///
    /// # Errors
    /// DS-422 for a query that cannot be, each problem named; DS-404 for files that are not there; DS-460 for a damaged one; DS-429
    /// where the queue is full; DS-499, DS-503, DS-504, DS-507 as [`Job::wait`].
    pub fn query(&self, params: &QueryParams) -> Result<Rows> {
        self.session()?.query(params)
    }

    /// Starts a query, and returns when it has been checked and queued: for hosts that must not block.
    ///
    /// # Errors
    /// As [`Client::query`] before the first file is read; what comes later is told by [`Pending`].
    pub fn begin_query(&self, params: &QueryParams) -> Result<Pending> {
        self.begin_query_until(params, &Cancel::default())
    }

    /// The same, until `cancel` is set, from whatever thread: then it ends with DS-499, also while the text of SQL is parsed or listings
    /// are read, and so does the query that it has started.
    ///
    /// ```
    /// # let folder = std::env::temp_dir().join(format!("datasus-doc-until-{}", std::process::id()));
    /// # datasus::source::write_example_data(&folder, 10)?;
    /// use datasus::base::{Cancel, CancelReason};
    /// use datasus::{Client, Code, Pending, QueryParams};
    ///
    /// let (client, cancel) = (Client::open(&folder)?, Cancel::default());
    /// cancel.set(CancelReason::Caller); // by another thread, before or while this one waits
    /// let params = QueryParams::sql("SELECT count(*) FROM sih_rd");
    /// let ended = client.begin_query_until(&params, &cancel).and_then(Pending::wait);
    /// assert_eq!(ended.err().map(|error| error.code()), Some(Code::Cancelled));
    /// # std::fs::remove_dir_all(&folder).ok();
    /// # Ok::<(), datasus::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Client::begin_query`], and DS-499.
    pub fn begin_query_until(&self, params: &QueryParams, cancel: &Cancel) -> Result<Pending> {
        self.session()?.begin_query(params, cancel)
    }

    /// Runs a query into files and tables, and waits for its report. `to`: `Csv::to("a.csv")`, or several: an array of one kind,
    /// a tuple of several kinds.
    ///
    /// # Errors
    /// As [`Client::query`]; DS-409 for a file or table that is there and was not to be replaced, DS-403 for a file beside the output
    /// folder, DS-502 for a database that is not there.
    pub fn export(&self, params: &QueryParams, to: impl Into<Destinations>) -> Result<Report> {
        self.session()?.export(params, to.into().into_iter().collect())
    }

    /// Starts a query into files and tables, as [`Client::export`], and returns at once.
    ///
    /// # Errors
    /// Those of [`Client::export`] that are known before it runs; the others are told by [`Job::wait`].
    pub fn submit(&self, params: &QueryParams, to: impl Into<Destinations>) -> Result<Job> {
        self.submit_until(params, to, &Cancel::default())
    }

    /// The same, until `cancel` is set, as [`Client::begin_query_until`].
    ///
    /// # Errors
    /// As [`Client::submit`], and DS-499.
    pub fn submit_until(&self, params: &QueryParams, to: impl Into<Destinations>, cancel: &Cancel) -> Result<Job> {
        self.session()?.submit(params, to.into().into_iter().collect(), cancel)
    }

    /// What earlier processes left: jobs that crashed, failed and can be resumed, or ended with dead letters; and those
    /// that run now.
    ///
    /// # Errors
    /// DS-403 where the folder of their state may not be read; one job that cannot be read is told of in its place.
    pub fn jobs(&self) -> Result<Vec<JobInfo>> {
        self.session()?.jobs()
    }

    /// Goes on with a job where it stopped: nothing is lost, and nothing comes twice. DS-404 for a job that left nothing,
    /// DS-409 for one that runs, or that cannot go on exactly (a source or the target has changed).
    ///
    /// Passwords are not stored: an address that had one is taken from `Config::postgres` (`DATASUS_POSTGRES`).
    ///
    /// # Errors
    /// DS-404 and DS-409, as above; DS-409 too where an address that had a password is not configured.
    pub fn resume(&self, job_id: &str) -> Result<Job> {
        self.resume_until(job_id, &Cancel::default())
    }

    /// The same, until `cancel` is set, as [`Client::begin_query_until`]: what the job had done by then stays.
    ///
    /// # Errors
    /// As [`Client::resume`], and DS-499.
    pub fn resume_until(&self, job_id: &str, cancel: &Cancel) -> Result<Job> {
        self.session()?.resume(job_id, cancel)
    }

    /// Gives a job up, with what it left in its targets. Rows that were published stay.
    ///
    /// # Errors
    /// DS-404 for a job that left nothing, DS-409 for one that runs, DS-502 for a database that is not there.
    pub fn discard(&self, job_id: &str) -> Result<()> {
        self.session()?.discard(job_id)
    }

    /// The records of a job that were not taken, each with its reason, source file and row.
    ///
    /// # Errors
    /// DS-404 for a job that left nothing.
    pub fn dead_letters(&self, job_id: &str) -> Result<Vec<DeadLetter>> {
        self.session()?.dead_letters(job_id)
    }

    /// The same as a Parquet file below the output folder; gives how many there are.
    ///
    /// # Errors
    /// DS-404 for a job that left nothing; DS-403 for a path beside the output folder, DS-409 for a file that is there.
    pub fn export_dead_letters(&self, job_id: &str, path: impl AsRef<Path>) -> Result<u64> {
        self.session()?.export_dead_letters(job_id, path.as_ref())
    }

    /// Sends the dead letters of a completed job to their table once more, after the cause has been mended; those that are
    /// taken now go.
    ///
    /// # Errors
    /// DS-404 for a job that left nothing, DS-409 for one that has not completed, DS-502 for a database that is not there.
    pub fn replay(&self, job_id: &str) -> Result<Replayed> {
        self.session()?.replay(job_id)
    }

    /// The language of what it tells people.
    pub fn language(&self) -> Language {
        self.session.language()
    }

    /// How full the memory is, as the process's one governor sees it.
    pub fn mode(&self) -> Mode {
        self.session.mode()
    }

    /// Every change of mode from now on, for one listener.
    pub fn mode_changes(&self) -> ModeChanges {
        self.session.mode_changes()
    }

    /// Has the host free memory of its own (Python: `gc.collect()`) when memory rises above 70 %, at most every 5 s, in a
    /// thread of ours; for as long as the host keeps its `Arc`.
    pub fn on_memory_pressure(&self, hook: &Arc<Hook>) {
        self.session.on_memory_pressure(hook);
    }

    /// Maintenance: one job at a time, with one thread, for the whole process, until it is turned off.
    ///
    /// # Errors
    /// DS-498 in a forked child.
    pub fn set_maintenance(&self, on: bool) -> Result<()> {
        self.session()?.set_maintenance(on)
    }

    /// What this client has counted, and the state of the process's queue and memory, in Prometheus' text form.
    pub fn metrics(&self) -> String {
        self.session.metrics()
    }

    /// The same in OpenMetrics' text form, with a job's `trace_id` as exemplar of each bucket of durations and waits.
    pub fn open_metrics(&self) -> String {
        self.session.open_metrics()
    }

    /// Takes the rows of `reader` as a table of one's own, which SQL may read under `name` from now on, in the place of one that was
    /// given before. They are copied once, beside the lake. DS-422 for a name that no table may have.
    pub fn add_table(&self, name: &str, reader: impl RecordBatchReader) -> Result<()> {
        let session = self.session()?;
        session.add_table(name, reader).map_err(|error| error.traced(&TraceId::new(), session.language()))
    }

    /// What a query would read, against what is there. Reads footers, converts nothing.
    ///
    /// # Errors
    /// As [`Client::query`] before it reads rows.
    pub fn explain(&self, params: &QueryParams) -> Result<Explain> {
        self.session()?.explain(params)
    }

    /// What a query will take: rows, bytes, duration and peak memory, each with an interval that 90 of 100 queries keep. Listings,
    /// footers and a small sample are read; nothing is fetched, converted or run.
    ///
    /// # Errors
    /// As [`Client::query`] before it reads rows.
    pub fn estimate(&self, params: &QueryParams) -> Result<Estimate> {
        self.session()?.estimate(params)
    }

    /// The dataset as the catalogue knows it: naming, columns with type, drift and meaning, dates of the event.
    ///
    /// Competência is the month of processing, not of the event: the event's dates are `event_dates`.
    /// Labels and what is derived stand in `derived`.
    ///
    /// # Errors
    /// DS-422 for a name that the catalogue does not know, with those that are like it.
    pub fn schema(&self, dataset: &str) -> Result<DatasetSchema> {
        let catalog = self.session.catalog();
        catalog.read(dataset).map(DatasetSchema::of).ok_or_else(|| {
            let unknown = Error::from_problems(vec![no_dataset(dataset, catalog)]);
            unknown.stage("validate").traced(&TraceId::new(), self.session.language())
        })
    }

    /// Reads a query from its JSON text, as [`QueryParams::from_json`], with errors in the client's language.
    ///
    /// # Errors
    /// DS-400 for a text that is no query.
    pub fn params(&self, json: &str) -> Result<QueryParams> {
        QueryParams::from_json(json).map_err(|error| error.traced(&TraceId::new(), self.session.language()))
    }

    /// Reads destinations from their JSON text, as [`Destination::list_from_json`], with errors in the client's language.
    ///
    /// # Errors
    /// DS-400 for a text that is none, DS-422 for a destination that cannot be.
    pub fn destinations(&self, json: &str) -> Result<Vec<Destination>> {
        Destination::list_from_json(json).map_err(|error| error.traced(&TraceId::new(), self.session.language()))
    }
}
