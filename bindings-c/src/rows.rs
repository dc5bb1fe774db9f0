//! Where rows come from: a query, or one file.

use std::time::Duration;

use arrow::datatypes::SchemaRef;
use datasus::source::TypedRecords;
use datasus::{Error, Job, Next, Pending, Result};

pub trait Rows: Send {
    /// The schema, waiting for it about as long as `patience`.
    fn schema_within(&mut self, patience: Duration) -> Option<Result<SchemaRef>>;

    /// The next batch, likewise.
    fn next_within(&mut self, patience: Duration) -> Next;

    /// What there is to say after the last row, as JSON.
    fn summary(&self) -> Result<String>;
}

/// The rows of a query, which need not have begun.
pub struct Query {
    job: Job,
    pending: Option<Pending>,
    answer: Option<datasus::Rows>,
}

impl Query {
    pub fn new(pending: Pending) -> Self {
        Query { job: pending.job().clone(), pending: Some(pending), answer: None }
    }

    fn begin(&mut self, patience: Duration) -> Option<Result<&mut datasus::Rows>> {
        if let Some(pending) = &mut self.pending {
            let began = pending.wait(Some(patience))?;
            self.pending = None;
            match began {
                Ok(answer) => self.answer = Some(answer),
                Err(error) => return Some(Err(error)),
            }
        }
        Some(
            self.answer
                .as_mut()
                .ok_or_else(|| Error::internal("the rows of a query that did not begin were asked for")),
        )
    }
}

impl Rows for Query {
    fn schema_within(&mut self, patience: Duration) -> Option<Result<SchemaRef>> {
        Some(self.begin(patience)?.map(|answer| answer.schema()))
    }

    fn next_within(&mut self, patience: Duration) -> Next {
        match self.begin(patience) {
            None => Next::NotYet,
            Some(Ok(answer)) => answer.next_within(patience),
            Some(Err(error)) => Next::Failed(error),
        }
    }

    fn summary(&self) -> Result<String> {
        Ok(self.job.report()?.to_json().to_string())
    }
}

impl Rows for TypedRecords {
    fn schema_within(&mut self, _: Duration) -> Option<Result<SchemaRef>> {
        Some(Ok(self.schema()))
    }

    /// A batch is decoded here and now: some tens of milliseconds.
    fn next_within(&mut self, _: Duration) -> Next {
        match self.next() {
            Some(Ok(batch)) => Next::Batch(batch),
            Some(Err(error)) => Next::Failed(error),
            None => Next::End,
        }
    }

    fn summary(&self) -> Result<String> {
        Ok(self.summary_json().to_string())
    }
}
