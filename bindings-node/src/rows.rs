//! Rows that are read once: as batches in JavaScript's memory, or as bytes for a pipe.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datasus::base::{Text, TraceId};
use datasus::sink::pipe::{ArrowStream, Encoder, Format};
use datasus::{Code, Error, Language, Next, Result};
use napi::Env;
use napi::bindgen_prelude::{Buffer, Object};
use napi_derive::napi;

use crate::calls::promised;
use crate::error::at_once;
use crate::external_batch::{ExternalBatch, Piece};
use crate::host::Host;
use crate::threads;

/// Where rows come from: a query, or one file.
pub trait Source: Send {
    fn schema(&self) -> SchemaRef;

    /// The next batch; while there is none, `task` is woken once there is.
    fn poll_next(&mut self, task: &mut Context<'_>) -> Poll<Next>;
}

enum Place {
    Here(Box<dyn Source>),
    Ended,
    /// The rows failed or were given up.
    Gone,
}

struct Shared {
    place: Mutex<Place>,
    encoder: Mutex<Option<(Encoder, bool)>>,
    closed: AtomicBool,
    host: Arc<Host>,
    language: Language,
}

impl Shared {
    /// One reader at a time; `None` after the last batch.
    fn next(&self) -> Result<Option<RecordBatch>> {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        self.host.check()?;
        let source = match &mut *place {
            Place::Ended => return Ok(None),
            Place::Gone => return Err(self.gone()),
            Place::Here(source) => source,
        };
        // None: closed meanwhile.
        let next = self.host.wait(|task| match self.closed.load(SeqCst) {
            true => Poll::Ready(None),
            false => source.poll_next(task).map(Some),
        })?;
        let ended = match next {
            None => return Err(self.gone()),
            Some(Next::Batch(batch)) => return Ok(Some(batch)),
            Some(Next::NotYet | Next::End) => Ok(None),
            Some(Next::Failed(error)) => Err(error),
        };
        *place = if ended.is_ok() { Place::Ended } else { Place::Gone };
        ended
    }

    fn next_bytes(&self) -> Result<Option<Vec<u8>>> {
        let mut place = self.encoder.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((encoder, has_begun)) = &mut *place else { return Ok(None) };
        if !std::mem::replace(has_begun, true) {
            let head = encoder.begin().map_err(self.spoken())?;
            if !head.is_empty() {
                return Ok(Some(head));
            }
        }
        while let Some(batch) = self.next()? {
            let bytes = encoder.encode(&batch).map_err(self.spoken())?;
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
        let tail = encoder.end().map_err(self.spoken())?;
        *place = None;
        Ok(Some(tail).filter(|tail| !tail.is_empty()))
    }

    fn spoken(&self) -> impl Fn(Error) -> Error {
        let language = self.language;
        move |error| error.traced(&TraceId::new(), language)
    }

    fn gone(&self) -> Error {
        let pt = "As linhas deste resultado já foram lidas, falharam ou foram largadas; repita a consulta".into();
        let en = "The rows of this result were read already, failed, or were let go; run the query again".into();
        self.spoken()(Error::new(Code::Conflict, Text { pt, en }))
    }

    fn let_go(&self) {
        self.closed.store(true, SeqCst);
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        let left = match &*place {
            Place::Ended => Place::Ended,
            Place::Here(_) | Place::Gone => Place::Gone,
        };
        let left = std::mem::replace(&mut *place, left);
        drop(place);
        // To let go of a query takes its time.
        drop(left);
    }
}

#[napi]
pub struct Rows {
    shared: Arc<Shared>,
    schema: SchemaRef,
    job: Option<datasus::Job>,
}

impl Rows {
    pub fn new(source: Box<dyn Source>, job: Option<datasus::Job>, host: Arc<Host>, language: Language) -> Self {
        let schema = source.schema();
        let (place, encoder, closed) = (Mutex::new(Place::Here(source)), Mutex::new(None), AtomicBool::new(false));
        Rows { shared: Arc::new(Shared { place, encoder, closed, host, language }), schema, job }
    }
}

#[napi(object)]
pub struct Column {
    pub name: String,
    /// As Arrow calls it.
    pub kind: String,
    pub nullable: bool,
}

#[napi]
impl Rows {
    #[napi(getter, catch_unwind)]
    pub fn columns(&self) -> Vec<Column> {
        let fields = self.schema.fields().iter();
        let column = |field: &arrow::datatypes::FieldRef| Column {
            name: field.name().clone(),
            kind: field.data_type().to_string(),
            nullable: field.is_nullable(),
        };
        fields.map(column).collect()
    }

    /// The schema as an Arrow IPC stream without batches.
    #[napi(catch_unwind)]
    pub fn schema(&self) -> napi::Result<Buffer> {
        at_once(|| {
            let mut encoder = Encoder::new(&Format::Arrow(ArrowStream::default()), &self.schema)?;
            let mut bytes = encoder.begin()?;
            bytes.extend(encoder.end()?);
            Ok(bytes.into())
        })
    }

    /// What the schema says of the sample that the rows are of, as JSON.
    #[napi(getter, catch_unwind)]
    pub fn sampling(&self) -> Option<String> {
        self.schema.metadata().get(datasus::plan::SAMPLING).cloned()
    }

    /// True until all rows were read, failed, or were let go.
    #[napi(getter, catch_unwind)]
    pub fn is_waiting(&self) -> bool {
        // A reader at work holds the lock: then rows are being read.
        let place = self.shared.place.try_lock();
        place.map_or(true, |place| matches!(*place, Place::Here(_)))
    }

    #[napi(
        catch_unwind,
        ts_return_type = "Promise<{ rows: number; arrays: number[]; buffers: (ArrayBuffer | null)[] } | null>"
    )]
    pub fn next<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        let shared = self.shared.clone();
        promised(env, move || Ok(shared.next()?.map(ExternalBatch::new)))
    }

    /// From now on the rows come by `next_bytes`.
    #[napi(catch_unwind)]
    pub fn encode_as(&self, format: String) -> napi::Result<()> {
        at_once(|| {
            let begin = || Encoder::new(&Format::from_json(&format)?, &self.schema);
            let encoder = begin().map_err(self.shared.spoken())?;
            *self.shared.encoder.lock().unwrap_or_else(PoisonError::into_inner) = Some((encoder, false));
            Ok(())
        })
    }

    #[napi(catch_unwind, ts_return_type = "Promise<Buffer | null>")]
    pub fn next_bytes<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        let shared = self.shared.clone();
        promised(env, move || Ok(shared.next_bytes()?.map(Piece::new)))
    }

    /// Lets go of the rows: what makes them is cancelled.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn close<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        self.stop();
        let shared = self.shared.clone();
        promised(env, move || {
            shared.let_go();
            Ok(())
        })
    }
}

impl Rows {
    /// A reader that waits hears of it at once.
    fn stop(&self) {
        self.shared.closed.store(true, SeqCst);
        if let Some(job) = &self.job
            && !job.status().is_final()
            && self.is_waiting()
        {
            job.cancel();
        }
        self.shared.host.wake_all();
    }
}

impl Drop for Rows {
    /// Collected as garbage, on the event loop.
    fn drop(&mut self) {
        if self.is_waiting() && !self.shared.closed.load(SeqCst) {
            self.stop();
            let shared = self.shared.clone();
            threads::run(move |_| shared.let_go());
        }
    }
}
