//! One DBC or DBF file, straight to Arrow; and files to try things on.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use datasus::base::Text;
use datasus::source::{RecordsOf, TypedRecords, write_example_data};
use datasus::{Catalog, Code, Error, Language, Next};
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;

use crate::calls::promised;
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
    fn next_within(&mut self, _: Duration) -> Next {
        match self.records.next() {
            Some(Ok(batch)) => Next::Batch(batch),
            Some(Err(error)) => Next::Failed(error),
            None => {
                let summary = self.records.summary_json().to_string();
                *self.summary.lock().unwrap_or_else(PoisonError::into_inner) = summary;
                Next::End
            }
        }
    }
}

#[napi(object)]
pub struct ReadOptions {
    pub columns: Option<Vec<String>>,
    pub dataset: Option<String>,
    pub typed: Option<bool>,
    pub verify_crc: Option<bool>,
    pub batch_rows: Option<u32>,
    pub encoding: Option<String>,
    pub partial: Option<bool>,
    pub language: Option<String>,
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

#[napi(catch_unwind, ts_return_type = "Promise<FileRecords>")]
pub fn read_dbc(env: &Env, path: String, options: ReadOptions) -> napi::Result<Object<'_>> {
    let host = crate::error::at_once(Host::here)?;
    promised(env, move || {
        let known = RecordsOf::default();
        let wanted = RecordsOf {
            columns: options.columns,
            dataset: options.dataset,
            typed: options.typed.unwrap_or(known.typed),
            verify_crc: options.verify_crc.unwrap_or(known.verify_crc),
            batch_rows: options.batch_rows.map_or(known.batch_rows, |rows| rows as usize),
            language: None,
            encoding: options.encoding,
            partial: options.partial.unwrap_or(known.partial),
        };
        let language = match options.language.as_deref() {
            None | Some("pt") => Language::Pt,
            Some("en") => Language::En,
            Some(other) => {
                let pt = format!("language {other:?} não existe; use \"pt\" ou \"en\"");
                let en = format!("there is no language {other:?}; use \"pt\" or \"en\"");
                return Err(Error::new(Code::InvalidParams, Text { pt, en }).with("received", other));
            }
        };
        let records = TypedRecords::open(&PathBuf::from(path), &wanted, Catalog::builtin(), language)?;
        let summary = Arc::new(Mutex::new("null".to_owned()));
        let source = File { records, summary: summary.clone() };
        Ok(FileRecords { rows: Mutex::new(Some(Rows::new(Box::new(source), None, host))), summary })
    })
}

/// Writes made-up files, to try things on.
#[napi(catch_unwind, ts_return_type = "Promise<void>")]
pub fn example_data(env: &Env, folder: String, rows: u32) -> napi::Result<Object<'_>> {
    promised(env, move || write_example_data(&PathBuf::from(folder), rows))
}
