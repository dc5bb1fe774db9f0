//! Rows as an `ArrowArrayStream`. Its private data is a ticket: moved, copied, released twice or used by several threads, it
//! harms nobody.

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr::{null, null_mut, without_provenance_mut};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};

use arrow::array::{Array, RecordBatch, StructArray};
use arrow::datatypes::SchemaRef;
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow::ffi_stream::FFI_ArrowArrayStream;
use datasus::base::{Sleeper, Text};
use datasus::governor::Governor;
use datasus::{Code, Error, Next, Result};

use crate::args::{Out, released};
use crate::error::ErrorOut;
use crate::fence::fence;
use crate::guard::{fenced, is_forked};
use crate::rows::Rows;
use crate::status::Status;
use crate::text::{TextOut, without_nul};
use crate::ticket::Tickets;

pub struct Stream {
    schema: OnceLock<SchemaRef>,
    // None after the end and after a failure.
    rows: Mutex<Option<Box<dyn Rows>>>,
    // The first one, and its text for `get_last_error`; neither changes any more.
    failure: OnceLock<(Error, CString)>,
    summary: OnceLock<String>,
    gone: AtomicBool,
    /// The thread that waits for rows.
    sleeper: Mutex<Option<Arc<Sleeper>>>,
}

pub static STREAMS: Tickets<Stream> = Tickets::new();

impl Out<FFI_ArrowArrayStream> {
    /// Gives C the rows.
    pub fn stream(self, rows: Box<dyn Rows>) {
        let stream = Stream {
            schema: OnceLock::new(),
            rows: Mutex::new(Some(rows)),
            failure: OnceLock::new(),
            summary: OnceLock::new(),
            gone: AtomicBool::new(false),
            sleeper: Mutex::new(None),
        };
        self.put(FFI_ArrowArrayStream {
            get_schema: Some(get_schema),
            get_next: Some(get_next),
            get_last_error: Some(get_last_error),
            release: Some(release),
            private_data: without_provenance_mut::<c_void>(STREAMS.keep(stream)),
        });
    }
}

impl Stream {
    fn rows(&self) -> MutexGuard<'_, Option<Box<dyn Rows>>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleeper(&self) -> MutexGuard<'_, Option<Arc<Sleeper>>> {
        self.sleeper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the rows each time that they wake this thread, until they have something; none after the end.
    fn ask<T>(&self, mut look: impl FnMut(&mut dyn Rows, &mut Context<'_>) -> Poll<Result<T>>) -> Result<Option<T>> {
        let mut rows = self.rows();
        let sleeper = Sleeper::here();
        *self.sleeper() = Some(sleeper.clone());
        let waker = sleeper.waker();
        let found = loop {
            if let Some((error, _)) = self.failure.get() {
                break Err(error.clone());
            }
            if self.gone.load(SeqCst) {
                break Err(released("stream"));
            }
            let Some(source) = rows.as_deref_mut() else { break Ok(None) };
            match look(source, &mut Context::from_waker(&waker)) {
                Poll::Ready(found) => break found.map(Some),
                Poll::Pending => sleeper.sleep(),
            }
        };
        *self.sleeper() = None;
        found
    }

    /// Who waits for rows hears that there will be none.
    fn let_go(&self) {
        self.gone.store(true, SeqCst);
        if let Some(sleeper) = &*self.sleeper() {
            sleeper.waker().wake();
        }
    }

    fn schema(&self) -> Result<SchemaRef> {
        if let Some(schema) = self.schema.get() {
            return Ok(schema.clone());
        }
        let schema = self.ask(|rows, task| rows.poll_schema(task))?;
        let schema = schema.ok_or_else(|| Error::internal("a stream ended without a schema"))?;
        Ok(self.schema.get_or_init(|| schema).clone())
    }

    fn next(&self) -> Result<Option<RecordBatch>> {
        let batch = self.ask(|rows, task| {
            rows.poll_next(task).map(|next| match next {
                Next::Batch(batch) => Ok(Some(batch)),
                Next::Failed(error) => Err(error),
                Next::NotYet | Next::End => rows.summary().map(|summary| {
                    let _ = self.summary.set(summary);
                    None
                }),
            })
        })?;
        if let Some(Some(batch)) = batch {
            // It counts as held by the host until it lets go.
            Governor::of_process().foreign().claim(&batch);
            return Ok(Some(batch));
        }
        let _ = self.rows().take();
        Ok(None)
    }

    /// What made the rows is let go of; the failure stays.
    fn fail(&self, error: Error) -> c_int {
        let errno = errno(error.code());
        let text = without_nul(error.to_string());
        let _ = self.failure.set((error, text));
        let _ = self.rows().take();
        errno
    }
}

/// The error number that says the same, as the Arrow C stream interface asks for one.
fn errno(code: Code) -> c_int {
    match code {
        Code::Malformed | Code::InvalidParams => libc::EINVAL,
        Code::CredentialsRefused | Code::Forbidden => libc::EACCES,
        Code::NotFound => libc::ENOENT,
        Code::QueueFull => libc::EAGAIN,
        Code::Cancelled => libc::ECANCELED,
        Code::OutOfMemory => libc::ENOMEM,
        Code::DeadlinePassed => libc::ETIMEDOUT,
        Code::DiskFull => libc::ENOSPC,
        _ => libc::EIO,
    }
}

/// Our stream behind the struct, wherever that was moved.
///
/// # Safety
/// `stream` is NULL or points to an `ArrowArrayStream`.
unsafe fn ours(stream: *mut FFI_ArrowArrayStream) -> Result<Arc<Stream>> {
    // SAFETY: as the caller promises.
    let out = unsafe { Out::new(stream, "stream")? };
    // SAFETY: valid for a read.
    let private_data = unsafe { (*out.as_ptr()).private_data };
    STREAMS.get(private_data.addr()).ok_or_else(|| released("stream"))
}

/// One call of the stream's interface, as an error number.
///
/// # Safety
/// As for [`ours`].
unsafe fn step(
    name: &'static str,
    stream: *mut FFI_ArrowArrayStream,
    work: impl FnOnce(&Stream) -> Result<()>,
) -> c_int {
    if is_forked() {
        return libc::EIO;
    }
    // SAFETY: as the caller promises.
    let Ok(stream) = (unsafe { ours(stream) }) else { return libc::EINVAL };
    match fenced(name, || work(&stream)) {
        Ok(()) => 0,
        // To let go of the rows may panic as well.
        Err(error) => fenced("stream", || Ok(stream.fail(error))).unwrap_or(libc::EIO),
    }
}

unsafe extern "C" fn get_schema(stream: *mut FFI_ArrowArrayStream, out: *mut FFI_ArrowSchema) -> c_int {
    let work = |stream: &Stream| {
        // SAFETY: the interface's contract: a place for a schema.
        let out = unsafe { Out::new(out, "out")? };
        out.put(FFI_ArrowSchema::try_from(stream.schema()?.as_ref()).map_err(Error::internal)?);
        Ok(())
    };
    // SAFETY: the interface's contract.
    unsafe { step("get_schema", stream, work) }
}

unsafe extern "C" fn get_next(stream: *mut FFI_ArrowArrayStream, out: *mut FFI_ArrowArray) -> c_int {
    let work = |stream: &Stream| {
        // SAFETY: the interface's contract: a place for an array.
        let out = unsafe { Out::new(out, "out")? };
        out.put(match stream.next()? {
            Some(batch) => FFI_ArrowArray::new(&StructArray::from(batch).into_data()),
            None => FFI_ArrowArray::empty(),
        });
        Ok(())
    };
    // SAFETY: the interface's contract.
    unsafe { step("get_next", stream, work) }
}

/// Valid until the stream is released: a failure is the last thing that happens to it.
unsafe extern "C" fn get_last_error(stream: *mut FFI_ArrowArrayStream) -> *const c_char {
    if is_forked() {
        return c"DS-498: this process is a forked copy of the one that opened the stream".as_ptr();
    }
    let text = fenced("get_last_error", || {
        // SAFETY: the interface's contract.
        let stream = unsafe { ours(stream)? };
        Ok(stream.failure.get().map_or(null(), |(_, text)| text.as_ptr()))
    });
    text.unwrap_or(null())
}

unsafe extern "C" fn release(stream: *mut FFI_ArrowArrayStream) {
    // Nobody is there to hear of an error.
    let _ = fenced("release", || {
        // SAFETY: the interface's contract.
        let out = unsafe { Out::new(stream, "stream")? };
        // SAFETY: valid for a read.
        let ticket = unsafe { (*out.as_ptr()).private_data }.addr();
        out.put(FFI_ArrowArrayStream {
            get_schema: None,
            get_next: None,
            get_last_error: None,
            release: None,
            private_data: null_mut(),
        });
        if let Some(stream) = STREAMS.take(ticket) {
            stream.let_go();
        }
        Ok(())
    });
}

/// The error with which a stream of this library failed, whole: `get_last_error` has its sentence only. Returns its status, and
/// fills `error` as the failed call would have; DATASUS_STATUS_OK for a stream that has not failed. DS-422: not a stream of this
/// library, or released. Any thread, also after the struct was moved.
///
/// # Safety
/// `stream` is NULL or points to an ArrowArrayStream; `error` is NULL or points to a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_stream_error(stream: *mut FFI_ArrowArrayStream, error: *mut ErrorOut) -> Status {
    // SAFETY: the caller's promise is the same.
    fence("datasus_stream_error", error, || match unsafe { ours(stream)? }.failure.get() {
        Some((failure, _)) => Err(failure.clone()),
        None => Ok(()),
    })
}

/// What is to be said after the last row, as JSON: of a query its report, of datasus_read_dbc rows, crc, sha256, rows_deleted,
/// rows_rejected, bad_values, normalised, warnings. The text is the caller's. DS-409: rows are left; the stream's own error where it
/// failed. Any thread.
///
/// # Safety
/// `stream` is NULL or points to an ArrowArrayStream; `summary` to a datasus_text; `error` is NULL or points to a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_stream_summary(
    stream: *mut FFI_ArrowArrayStream,
    summary: *mut TextOut,
    error: *mut ErrorOut,
) -> Status {
    fence("datasus_stream_summary", error, || {
        // SAFETY: the caller's promise is the same.
        let (stream, out) = unsafe { (ours(stream)?, Out::new(summary, "summary")?) };
        if let Some((failure, _)) = stream.failure.get() {
            return Err(failure.clone());
        }
        out.say(stream.summary.get().ok_or_else(rows_left)?.as_str());
        Ok(())
    })
}

fn rows_left() -> Error {
    let detail = Text {
        pt: "O fluxo ainda não chegou ao fim; leia todas as linhas antes".into(),
        en: "The stream has not come to its end; read all rows first".into(),
    };
    Error::new(Code::Conflict, detail).stage("c")
}
