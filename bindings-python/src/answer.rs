//! A query whose schema is awaited, and its rows.

use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use datasus::{Error, Next};
use pyo3::prelude::*;

use crate::ending::detached;
use crate::job::Job;
use crate::rows::Rows;
use crate::shared_reader::Source;
use crate::waiting::until;

impl Source for datasus::Rows {
    fn schema(&self) -> SchemaRef {
        datasus::Rows::schema(self)
    }

    fn next_within(&mut self, patience: Duration) -> Next {
        datasus::Rows::next_within(self, patience)
    }

    fn poll_next(&mut self, task: &mut Context<'_>) -> Poll<Next> {
        self.poll_batch(task)
    }
}

/// A query that has been checked and queued. Dropped before its rows are there, it is cancelled.
#[pyclass(frozen, module = "datasus._datasus")]
pub struct Pending {
    inner: Mutex<Option<datasus::Pending>>,
    job: datasus::Job,
}

impl Pending {
    pub fn new(pending: datasus::Pending) -> Self {
        let job = pending.job().clone();
        Pending { inner: Mutex::new(Some(pending)), job }
    }

    fn take(&self) -> Option<datasus::Pending> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[pymethods]
impl Pending {
    #[getter]
    fn job(&self) -> Job {
        Job::new(self.job.clone())
    }

    /// Waits until the schema is known, and gives the rows.
    #[pyo3(signature = (tick=None))]
    fn wait(&self, py: Python<'_>, tick: Option<&Bound<'_, PyAny>>) -> PyResult<Rows> {
        let mut pending = detached(py, || self.take());
        let answer = until(py, tick, |slice| match &mut pending {
            Some(pending) => pending.wait_timeout(slice),
            None => Some(Err(Error::internal("this query's rows have been taken already"))),
        })?;
        Ok(Rows::new(Box::new(answer)))
    }
}
