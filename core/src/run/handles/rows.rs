//! The rows of a query, as a stream of Arrow record batches.

use std::time::Duration;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use crate::base::{Error, Result};
use crate::run::{Job, Report};
use crate::sink::arrow::{ArrowReader, error_of};

/// What [`Rows::next_within`] found.
#[derive(Debug)]
pub enum Next {
    Batch(RecordBatch),
    /// Nothing yet; ask again.
    NotYet,
    /// The job's error, and the end.
    Failed(Error),
    /// All rows have come.
    End,
}

/// A stream that is taken once: an iterator of batches with typed errors, or ([`Rows::into_reader`]) a
/// `RecordBatchReader` for everything that speaks Arrow. Dropped before its end, it cancels the job.
pub struct Rows {
    reader: ArrowReader,
    job: Job,
}

impl Rows {
    pub(in crate::run) fn new(reader: ArrowReader, job: Job) -> Self {
        Rows { reader, job }
    }

    pub fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }

    /// The same with words as plain texts, and none behind dictionaries: for readers that know no dictionaries.
    pub fn with_plain_words(self) -> Self {
        Rows { reader: self.reader.with_plain_words(), job: self.job }
    }

    pub fn job(&self) -> &Job {
        &self.job
    }

    /// The report of the job; waits for its end, so take the stream first.
    pub fn report(&self) -> Result<Report> {
        self.job.report()
    }

    /// The next batch, waiting for it `patience` at most: for hosts that must look at signals meanwhile.
    pub fn next_within(&mut self, patience: Duration) -> Next {
        match self.reader.next_within(patience) {
            None => Next::NotYet,
            Some(None) => Next::End,
            Some(Some(Ok(batch))) => Next::Batch(batch),
            Some(Some(Err(error))) => Next::Failed(self.typed(&error)),
        }
    }

    /// Every batch at once. A damaged source or a cancelled job is the error, never a short answer.
    pub fn collect_batches(self) -> Result<Vec<RecordBatch>> {
        self.collect()
    }

    /// The stream for consumers of Arrow; its errors are `ArrowError`s, and the job keeps the typed one.
    pub fn into_reader(self) -> impl RecordBatchReader + Send {
        self.reader
    }

    fn typed(&self, error: &ArrowError) -> Error {
        error_of(error).cloned().unwrap_or_else(|| Error::internal(error))
    }
}

impl Iterator for Rows {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.reader.next()?.map_err(|error| self.typed(&error)))
    }
}
