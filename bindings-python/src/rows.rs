//! Rows on their way to Python: one batch after the other, all at once, or as an Arrow C stream.

use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use arrow::array::{RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ffi_stream::FFI_ArrowArrayStream;
use datasus::{Error, Next, Result};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::batch::{Batch, columns_of, schema_capsule};
use crate::ending::{detached, is_main_thread, stay_if_closing};
use crate::error::{fenced, raised};
use crate::shared_reader::{Borrowed, Found, SharedReader, Source, Turn, one};
use crate::waiting::{SLICE, until};
use crate::wakes::waker;

/// Rows that are taken once.
#[pyclass(frozen, module = "datasus._datasus")]
pub struct Rows {
    schema: SchemaRef,
    shared_reader: SharedReader,
}

impl Rows {
    pub fn new(source: Box<dyn Source>) -> Self {
        Rows { schema: source.schema(), shared_reader: SharedReader::new(source) }
    }

    /// The source, for good; after the thread that reads just now.
    fn taken(&self, py: Python<'_>) -> PyResult<Borrowed<'_>> {
        match until(py, None, |slice| self.shared_reader.next(slice))? {
            Turn::Ours(lent) => Ok(lent),
            Turn::Ended | Turn::Gone => Err(gone()),
        }
    }
}

fn batch_of(found: Found) -> PyResult<Option<Batch>> {
    match found {
        Found::Batch(batch) => Ok(Some(Batch::new(batch))),
        Found::End => Ok(None),
        Found::Gone => Err(gone()),
    }
}

fn gone() -> PyErr {
    PyRuntimeError::new_err(
        "these rows have been taken already, or given up after an error: a result is read once; run the query again, or \
         keep what to_arrow() gave",
    )
}

#[pymethods]
impl Rows {
    /// Name, Arrow type and whether it may be NULL, of each column.
    fn columns(&self) -> Vec<(String, String, bool)> {
        columns_of(&self.schema)
    }

    fn schema_capsule<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.schema)
    }

    /// An error where no row will ever come from here.
    fn check(&self) -> PyResult<()> {
        if self.shared_reader.has_rows() { Ok(()) } else { Err(gone()) }
    }

    /// True where rows wait for somebody to read them.
    fn is_waiting(&self) -> bool {
        self.shared_reader.is_waiting()
    }

    /// The next batch; none after the last. Threads that ask at once get different batches, and all of them the end.
    #[pyo3(signature = (tick=None))]
    fn next_batch(&self, py: Python<'_>, tick: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Batch>> {
        let read = until(py, tick, |slice| {
            let mut lent = match self.shared_reader.next(slice)? {
                Ok(Turn::Ours(lent)) => lent,
                Ok(Turn::Ended) => return Some(Ok(Found::End)),
                Ok(Turn::Gone) => return Some(Ok(Found::Gone)),
                Err(error) => return Some(Err(error)),
            };
            let next = lent.one(slice);
            lent.settled(next)
        });
        if read.is_err() {
            // Ctrl-C, if it was not the rows themselves.
            detached(py, || self.shared_reader.let_go());
        }
        batch_of(read?)
    }

    /// The same for a task: `(batch,)`, `(None,)` after the last, or none as long as there is nothing; then `ticket` comes out of
    /// `next_wake` once there is.
    fn poll_batch(&self, py: Python<'_>, ticket: u64) -> PyResult<Option<(Option<Batch>,)>> {
        let waker = waker(ticket);
        let polled = detached(py, || fenced(|| Ok(self.shared_reader.poll(&mut Context::from_waker(&waker)))));
        match polled.map_err(|error| raised(py, &error))? {
            Poll::Pending => Ok(None),
            Poll::Ready(found) => Ok(Some((batch_of(found.map_err(|error| raised(py, &error))?)?,))),
        }
    }

    /// Every batch.
    #[pyo3(signature = (tick=None))]
    fn collect(&self, py: Python<'_>, tick: Option<&Bound<'_, PyAny>>) -> PyResult<Collected> {
        let mut lent = self.taken(py)?;
        let mut batches = Vec::new();
        let read = until(py, tick, |slice| {
            let until = Instant::now() + slice;
            loop {
                match lent.one(until.saturating_duration_since(Instant::now())) {
                    Next::Batch(batch) => batches.push(batch),
                    Next::NotYet => return None,
                    Next::End => return Some(Ok(())),
                    Next::Failed(error) => return Some(Err(error)),
                }
                if Instant::now() >= until {
                    return None;
                }
            }
        });
        let complete = read.is_ok();
        detached(py, move || if complete { lent.ended() } else { drop(lent) });
        read?;
        Ok(Collected { schema: self.schema.clone(), batches: Mutex::new(batches) })
    }

    /// The rows as an `ArrowArrayStream`, taken from here.
    fn stream_capsule<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let source = self.taken(py)?.into_source();
        stream_capsule(py, Box::new(Stream { schema: self.schema.clone(), source }))
    }

    /// Lets go of the rows: what makes them is cancelled.
    fn close(&self, py: Python<'_>) {
        detached(py, || self.shared_reader.let_go());
    }
}

/// Batches in memory.
#[pyclass(frozen, module = "datasus._datasus")]
pub struct Collected {
    schema: SchemaRef,
    batches: Mutex<Vec<RecordBatch>>,
}

#[pymethods]
impl Collected {
    fn rows(&self) -> u64 {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|batch| batch.num_rows() as u64).sum()
    }

    /// The batches as an `ArrowArrayStream`; they leave this object.
    fn stream_capsule<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let batches = std::mem::take(&mut *self.batches.lock().unwrap_or_else(PoisonError::into_inner));
        let reader = RecordBatchIterator::new(batches.into_iter().map(Ok), self.schema.clone());
        stream_capsule(py, Box::new(reader))
    }
}

/// What a foreign consumer pulls from, on whatever thread.
struct Stream {
    schema: SchemaRef,
    source: Option<Box<dyn Source>>,
}

impl Stream {
    fn next_or_signal(&mut self) -> Option<Result<RecordBatch, ArrowError>> {
        let source = self.source.as_deref_mut()?;
        loop {
            let next = fenced(|| Ok(one(source, SLICE)));
            stay_if_closing();
            match next {
                Ok(Next::Batch(batch)) => return Some(Ok(batch)),
                Ok(Next::End) => return None,
                Ok(Next::Failed(error)) | Err(error) => return Some(Err(foreign(error))),
                Ok(Next::NotYet) => {}
            }
            if is_main_thread() && interrupted() {
                let cancelled = "cancelled by Ctrl-C";
                return Some(Err(ArrowError::ExternalError(cancelled.into())));
            }
        }
    }
}

/// A signal came: its exception cannot pass through the consumer, so it is raised again once that has returned.
fn interrupted() -> bool {
    Python::attach(|py| match py.check_signals() {
        Ok(()) => false,
        Err(_) => {
            // SAFETY: the GIL is held; the function only sets a flag.
            unsafe { pyo3::ffi::PyErr_SetInterrupt() };
            true
        }
    })
}

/// A NUL in the text would abort the process inside arrow's C callback.
fn foreign(error: Error) -> ArrowError {
    ArrowError::ExternalError(error.to_string().replace('\0', " ").into())
}

impl Iterator for Stream {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_or_signal();
        if !matches!(next, Some(Ok(_))) {
            self.source = None;
        }
        next
    }
}

impl RecordBatchReader for Stream {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

fn stream_capsule(py: Python<'_>, reader: Box<dyn RecordBatchReader + Send>) -> PyResult<Bound<'_, PyCapsule>> {
    PyCapsule::new(py, FFI_ArrowArrayStream::new(reader), Some(c"arrow_array_stream".to_owned()))
}
