//! Rows on their way to Python: one batch after the other, all at once, or as an Arrow C stream.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use arrow::array::{RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ffi::FFI_ArrowSchema;
use arrow::ffi_stream::FFI_ArrowArrayStream;
use datasus::governor::Governor;
use datasus::{Error, Next, Result};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::batch::{Batch, columns_of};
use crate::error::{fenced, raised};
use crate::waiting::{SLICE, detached, is_main_thread, until};

/// Where rows come from: a query, or one file.
pub trait Source: Send {
    fn schema(&self) -> SchemaRef;

    /// The next batch, waiting for it about as long as `patience`.
    fn next_within(&mut self, patience: Duration) -> Next;
}

/// Rows that are taken once.
#[pyclass(frozen, module = "datasus._datasus")]
pub struct Rows {
    schema: SchemaRef,
    // None once they are taken, or at their end.
    source: Mutex<Option<Box<dyn Source>>>,
}

impl Rows {
    pub fn new(source: Box<dyn Source>) -> Self {
        Rows { schema: source.schema(), source: Mutex::new(Some(source)) }
    }

    fn take(&self) -> Option<Box<dyn Source>> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn taken(&self, py: Python<'_>) -> PyResult<Box<dyn Source>> {
        let source = detached(py, || self.take());
        source.ok_or_else(|| {
            PyRuntimeError::new_err(
                "these rows have been taken already: a result is read once; run the query again, or keep what to_arrow() gave",
            )
        })
    }
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

    /// The next batch; none after the last.
    #[pyo3(signature = (tick=None))]
    fn next_batch(&self, py: Python<'_>, tick: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Batch>> {
        let Some(mut source) = detached(py, || self.take()) else { return Ok(None) };
        let next = until(py, tick, |slice| one(&mut *source, slice))?;
        Ok(next.map(|batch| {
            *self.source.lock().unwrap_or_else(PoisonError::into_inner) = Some(source);
            Batch::new(batch)
        }))
    }

    /// Every batch.
    #[pyo3(signature = (tick=None))]
    fn collect(&self, py: Python<'_>, tick: Option<&Bound<'_, PyAny>>) -> PyResult<Collected> {
        let mut source = self.taken(py)?;
        let mut batches = Vec::new();
        until(py, tick, |slice| {
            let until = std::time::Instant::now() + slice;
            loop {
                match one(&mut *source, until.saturating_duration_since(std::time::Instant::now()))? {
                    Ok(Some(batch)) => batches.push(batch),
                    Ok(None) => return Some(Ok(())),
                    Err(error) => return Some(Err(error)),
                }
                if std::time::Instant::now() >= until {
                    return None;
                }
            }
        })?;
        Ok(Collected { schema: self.schema.clone(), batches: Mutex::new(batches) })
    }

    /// The rows as an `ArrowArrayStream`, taken from here.
    fn stream_capsule<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let source = self.taken(py)?;
        stream_capsule(py, Box::new(Stream { schema: self.schema.clone(), source: Some(source) }))
    }

    /// Lets go of the rows: what makes them is cancelled.
    fn close(&self, py: Python<'_>) {
        detached(py, || drop(self.take()));
    }
}

/// `None` while there is nothing; what was handed out counts as held by the host until it lets go.
fn one(source: &mut dyn Source, patience: Duration) -> Option<Result<Option<RecordBatch>>> {
    match source.next_within(patience) {
        Next::Batch(batch) => {
            Governor::of_process().foreign().claim(&batch);
            Some(Ok(Some(batch)))
        }
        Next::NotYet => None,
        Next::Failed(error) => Some(Err(error)),
        Next::End => Some(Ok(None)),
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
            match fenced(|| Ok(one(source, SLICE))) {
                Ok(Some(Ok(batch))) => return batch.map(Ok),
                Ok(Some(Err(error))) | Err(error) => return Some(Err(foreign(error))),
                Ok(None) => {}
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

pub fn schema_capsule<'py>(py: Python<'py>, schema: &SchemaRef) -> PyResult<Bound<'py, PyCapsule>> {
    let exported = FFI_ArrowSchema::try_from(schema.as_ref()).map_err(|error| raised(py, &Error::internal(error)))?;
    PyCapsule::new(py, exported, Some(c"arrow_schema".to_owned()))
}
