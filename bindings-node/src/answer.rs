//! A query whose schema is awaited.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use arrow::datatypes::SchemaRef;
use datasus::{Error, Language, Next};
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;

use crate::calls::promised;
use crate::host::Host;
use crate::job::Job;
use crate::rows::{Rows, Source};

impl Source for datasus::Rows {
    fn schema(&self) -> SchemaRef {
        datasus::Rows::schema(self)
    }

    fn poll_next(&mut self, task: &mut Context<'_>) -> Poll<Next> {
        self.poll_batch(task)
    }
}

/// A query that has been checked and queued.
#[napi]
pub struct Pending {
    inner: Arc<Mutex<Option<datasus::Pending>>>,
    job: datasus::Job,
    host: Arc<Host>,
    language: Language,
}

impl Pending {
    pub fn new(pending: datasus::Pending, host: Arc<Host>, language: Language) -> Self {
        let job = pending.job().clone();
        host.owns(&job);
        Pending { inner: Arc::new(Mutex::new(Some(pending))), job, host, language }
    }
}

#[napi]
impl Pending {
    #[napi(getter, catch_unwind)]
    pub fn job(&self) -> Job {
        Job::new(self.job.clone(), self.host.clone())
    }

    /// Waits until the schema is known.
    #[napi(catch_unwind, ts_return_type = "Promise<Rows>")]
    pub fn rows<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        let (inner, job, host, language) = (self.inner.clone(), self.job.clone(), self.host.clone(), self.language);
        promised(env, move || {
            let taken = inner.lock().unwrap_or_else(PoisonError::into_inner).take();
            let mut pending = taken.ok_or_else(|| Error::internal("this query's rows have been taken already"))?;
            // Dropped, the pending query is cancelled.
            let answer = host.wait(|task| Pin::new(&mut pending).poll(task))??;
            // Apache Arrow for JavaScript takes batches of ours without dictionaries.
            Ok(Rows::new(Box::new(answer.with_plain_words()), Some(job), host, language))
        })
    }
}
