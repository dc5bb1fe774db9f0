//! The rows of a query, as a stream of Arrow record batches.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use futures_util::Stream;

use crate::base::{Next, Result};
use crate::run::{Job, Report};
use crate::sink::arrow::ArrowReader;

/// A stream that is taken once: an iterator of batches with typed errors, for a task that awaits them a [`Stream`], or
/// ([`Rows::into_reader`]) a `RecordBatchReader` for everything that speaks Arrow. Dropped before its end, it cancels the job.
///
/// ```
/// # let folder = std::env::temp_dir().join(format!("datasus-doc-rows-{}", std::process::id()));
/// # datasus::source::write_example_data(&folder, 100)?;
/// use datasus::{Client, QueryParams};
///
/// let client = Client::open(&folder)?;
/// let mut rows = client.query(&QueryParams::dataset("SIH-RD").uf(["AC"]).columns(["CNES", "VAL_TOT"]))?;
/// let mut count = 0;
/// for batch in &mut rows {
///     count += batch?.num_rows();
/// }
/// assert_eq!(rows.report()?.records_processed, count as u64);
/// # std::fs::remove_dir_all(&folder).ok();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Rows {
    reader: ArrowReader,
    job: Job,
}

impl Rows {
    pub(in crate::run) fn new(reader: ArrowReader, job: Job) -> Self {
        Rows { reader, job }
    }

    /// Names and types of the columns, known before the first row.
    pub fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }

    /// The same with words as plain texts, and none behind dictionaries: for readers that know no dictionaries.
    pub fn with_plain_words(self) -> Self {
        Rows { reader: self.reader.with_plain_words(), job: self.job }
    }

    /// The job that makes the rows.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// The report of the job; waits for its end, so take the stream first.
    ///
    /// # Errors
    /// The one that ended the job, as the last item of the stream had it.
    pub fn report(&self) -> Result<Report> {
        self.job.wait()
    }

    /// The next batch, waiting for it `patience` at most: for hosts that must look at signals meanwhile.
    pub fn next_within(&mut self, patience: Duration) -> Next {
        self.reader.next_within(patience)
    }

    /// The next batch; while there is none, `task` is woken once there is something to find.
    pub fn poll_batch(&mut self, task: &mut Context<'_>) -> Poll<Next> {
        self.reader.poll_next(task)
    }

    /// Every batch at once.
    ///
    /// # Errors
    /// The one that ended the job: a damaged source or a cancelled job is an error, never a short answer.
    pub fn collect_batches(self) -> Result<Vec<RecordBatch>> {
        self.collect()
    }

    /// The stream for consumers of Arrow; its errors are `ArrowError`s, and the job keeps the typed one.
    pub fn into_reader(self) -> impl RecordBatchReader + Send {
        self.reader
    }
}

impl Iterator for Rows {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.reader.wait_next()
    }
}

/// For a task of any runtime: it is woken when there is a batch, and no thread waits.
impl Stream for Rows {
    type Item = Result<RecordBatch>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_batch(task).map(|next| match next {
            Next::Batch(batch) => Some(Ok(batch)),
            Next::Failed(error) => Some(Err(error)),
            Next::NotYet | Next::End => None,
        })
    }
}
