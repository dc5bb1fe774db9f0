//! Where rows come from: a query, or one file.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use arrow::datatypes::SchemaRef;
use datasus::source::TypedRecords;
use datasus::{Error, Job, Next, Pending, Result};

pub trait Rows: Send {
    /// The schema; while it is not known, `task` is woken once it is.
    fn poll_schema(&mut self, task: &mut Context<'_>) -> Poll<Result<SchemaRef>>;

    /// The next batch, likewise.
    fn poll_next(&mut self, task: &mut Context<'_>) -> Poll<Next>;

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

    fn begin(&mut self, task: &mut Context<'_>) -> Poll<Result<&mut datasus::Rows>> {
        if let Some(pending) = &mut self.pending {
            let began = ready!(Pin::new(pending).poll(task));
            self.pending = None;
            match began {
                Ok(answer) => self.answer = Some(answer),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        let begun = self.answer.as_mut();
        Poll::Ready(begun.ok_or_else(|| Error::internal("the rows of a query that did not begin were asked for")))
    }
}

impl Rows for Query {
    fn poll_schema(&mut self, task: &mut Context<'_>) -> Poll<Result<SchemaRef>> {
        self.begin(task).map_ok(|answer| answer.schema())
    }

    fn poll_next(&mut self, task: &mut Context<'_>) -> Poll<Next> {
        match ready!(self.begin(task)) {
            Ok(answer) => answer.poll_batch(task),
            Err(error) => Poll::Ready(Next::Failed(error)),
        }
    }

    fn summary(&self) -> Result<String> {
        Ok(self.job.wait()?.to_json().to_string())
    }
}

impl Rows for TypedRecords {
    fn poll_schema(&mut self, _: &mut Context<'_>) -> Poll<Result<SchemaRef>> {
        Poll::Ready(Ok(self.schema()))
    }

    /// A batch is decoded here and now: some tens of milliseconds.
    fn poll_next(&mut self, _: &mut Context<'_>) -> Poll<Next> {
        Poll::Ready(match self.next() {
            Some(Ok(batch)) => Next::Batch(batch),
            Some(Err(error)) => Next::Failed(error),
            None => Next::End,
        })
    }

    fn summary(&self) -> Result<String> {
        Ok(self.summary_json().to_string())
    }
}
