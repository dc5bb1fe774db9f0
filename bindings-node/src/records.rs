//! One DBC or DBF file, straight to Arrow; and files to try things on.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use arrow::datatypes::SchemaRef;
use datasus::base::TraceId;
use datasus::labels::open_records;
use datasus::source::{RecordsOf, TypedRecords, write_example_data_until};
use datasus::{Catalog, Next};
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;

use crate::calls::promised;
use crate::client::Stop;
use crate::error::spoken;
use crate::host::Host;
use crate::rows::{Rows, Source};

struct File {
    records: TypedRecords,
    summary: Arc<Mutex<String>>,
}

impl Source for File {
    fn schema(&self) -> SchemaRef {
        self.records.schema()
    }

    /// A batch is decoded here and now: some tens of milliseconds.
    fn poll_next(&mut self, _: &mut Context<'_>) -> Poll<Next> {
        Poll::Ready(match self.records.next() {
            Some(Ok(batch)) => Next::Batch(batch),
            Some(Err(error)) => Next::Failed(error),
            None => {
                let summary = self.records.summary_json().to_string();
                *self.summary.lock().unwrap_or_else(PoisonError::into_inner) = summary;
                Next::End
            }
        })
    }
}

/// The records of a file, and what was noticed in it.
#[napi]
pub struct FileRecords {
    rows: Mutex<Option<Rows>>,
    summary: Arc<Mutex<String>>,
}

#[napi]
impl FileRecords {
    /// To be called once.
    #[napi(catch_unwind)]
    pub fn rows(&self) -> Option<Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// JSON; `null` before the last row.
    #[napi(catch_unwind)]
    pub fn summary(&self) -> String {
        self.summary.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// `options`: what is wanted of the file, as JSON.
#[napi(catch_unwind, ts_return_type = "Promise<FileRecords>")]
pub fn read_dbc(env: &Env, path: String, options: String, language: String) -> napi::Result<Object<'_>> {
    let host = crate::error::at_once(Host::here)?;
    promised(env, move || {
        let language = spoken(Some(&language));
        let open =
            || open_records(&PathBuf::from(path), &RecordsOf::from_json(&options)?, Catalog::builtin(), language);
        let records = open().map_err(|error| error.traced(&TraceId::new(), language))?;
        let summary = Arc::new(Mutex::new("null".to_owned()));
        let source = File { records, summary: summary.clone() };
        Ok(FileRecords { rows: Mutex::new(Some(Rows::new(Box::new(source), None, host, language))), summary })
    })
}

/// Writes made-up files, to try things on.
#[napi(catch_unwind, ts_return_type = "Promise<void>")]
pub fn example_data<'env>(env: &'env Env, folder: String, rows: u32, stop: &Stop) -> napi::Result<Object<'env>> {
    let stop = stop.cancel.clone();
    promised(env, move || write_example_data_until(&PathBuf::from(folder), rows, &stop))
}
