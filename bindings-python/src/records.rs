//! One DBC or DBF file, straight to Arrow.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use datasus::labels::open_records;
use datasus::source::{LabelsOf, RecordsOf, TypedRecords, write_example_data};
use datasus::{Catalog, Language, Next};
use pyo3::prelude::*;
use serde_json::Value;

use crate::error::without_gil;
use crate::rows::Rows;
use crate::shared_reader::Source;

struct File {
    records: TypedRecords,
    summary: Arc<Mutex<Value>>,
}

impl File {
    fn note(&self) {
        *self.summary.lock().unwrap_or_else(PoisonError::into_inner) = self.records.summary_json();
    }
}

impl Source for File {
    fn schema(&self) -> SchemaRef {
        self.records.schema()
    }

    fn poll_next(&mut self, _: &mut Context<'_>) -> Poll<Next> {
        Poll::Ready(self.next_within(Duration::ZERO))
    }

    /// A batch is decoded here and now: some tens of milliseconds.
    fn next_within(&mut self, _: Duration) -> Next {
        match self.records.next() {
            Some(Ok(batch)) => Next::Batch(batch),
            Some(Err(error)) => Next::Failed(error),
            None => {
                self.note();
                Next::End
            }
        }
    }
}

/// What was noticed in a file; complete after its last row.
#[pyclass(frozen, module = "datasus._datasus")]
pub struct Summary(Arc<Mutex<Value>>);

#[pymethods]
impl Summary {
    /// JSON; `null` before the last row.
    fn json(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).to_string()
    }
}

/// As Python writes them.
#[derive(FromPyObject)]
pub enum Labels {
    All(bool),
    Columns(Vec<String>),
}

#[pyfunction]
#[pyo3(signature = (path, columns=None, dataset=None, typed=true, verify_crc=true, batch_rows=65_536, encoding=None, partial=false, labels=None, labels_only=false, english=false))]
#[allow(clippy::too_many_arguments, reason = "keywords in Python")]
pub fn read_dbc(
    py: Python<'_>,
    path: PathBuf,
    columns: Option<Vec<String>>,
    dataset: Option<String>,
    typed: bool,
    verify_crc: bool,
    batch_rows: usize,
    encoding: Option<String>,
    partial: bool,
    labels: Option<Labels>,
    labels_only: bool,
    english: bool,
) -> PyResult<(Rows, Summary)> {
    let labels = labels.map(|labels| match labels {
        Labels::All(all) => LabelsOf::All(all),
        Labels::Columns(names) => LabelsOf::Columns(names),
    });
    let wanted = RecordsOf {
        columns,
        dataset,
        typed,
        verify_crc,
        batch_rows,
        encoding,
        partial,
        language: None,
        labels,
        labels_only,
    };
    let language = if english { Language::En } else { Language::Pt };
    let records = without_gil(py, || open_records(&path, &wanted, Catalog::builtin(), language))?;
    let summary = Arc::new(Mutex::new(Value::Null));
    Ok((Rows::new(Box::new(File { records, summary: summary.clone() })), Summary(summary)))
}

/// Made-up files, to try things on.
#[pyfunction]
pub fn example_data(py: Python<'_>, folder: PathBuf, rows: u32) -> PyResult<()> {
    without_gil(py, || write_example_data(&folder, rows))
}
