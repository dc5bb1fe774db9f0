//! What is carried between a statement and its worker: the request there, schema, rows and end back. The pipe is full where the reader
//! is slow, and the worker waits.

use std::io::Error as IoError;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use arrow::datatypes::SchemaRef;
use crossbeam_channel::Sender;

use super::child::{self, Worker};
use super::frames::{self, Frame, Kind, RowsIn};
use super::locks;
use super::pool::Pool;
use super::request::Request;
use crate::base::{Code, Ctx, Error, ErrorCarried, Result};
use crate::engine::Settings;
use crate::engine::duckdb::ToConsumer;
use crate::governor::SpillFolder;
use crate::labels::Edition;
use crate::plan::Statement;

/// Beyond its share: what joins and sorts take that the engine does not count, and what a process has of its own.
const BEYOND: u64 = 256 << 20;
/// Workers that a statement is offered to.
const MOST_TRIED: u32 = 4;

/// One statement on its way.
pub(super) struct Carried {
    pub statement: Statement,
    pub settings: Settings,
    pub ctx: Ctx,
    pub pool: Arc<Pool>,
}

/// A worker at work is counted as one.
struct Running<'p>(&'p Pool);

impl<'p> Running<'p> {
    fn begin(pool: &'p Pool) -> Self {
        pool.counts().running.fetch_add(1, Relaxed);
        Running(pool)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.counts().running.fetch_sub(1, Relaxed);
    }
}

impl Carried {
    /// `started` is taken once the schema has gone that way, `stream` once the end has been said: an error goes to whoever is left.
    pub fn run(&self, started: &mut Option<Sender<Result<SchemaRef>>>, stream: &mut Option<ToConsumer>) -> Result<()> {
        let outcome = self.carry(started, stream);
        if outcome.is_err() && self.ctx.check().is_err() {
            self.pool.counts().killed.fetch_add(1, Relaxed);
        }
        outcome
    }

    fn carry(&self, started: &mut Option<Sender<Result<SchemaRef>>>, stream: &mut Option<ToConsumer>) -> Result<()> {
        let (ctx, settings) = (&self.ctx, &self.settings);
        pipes_raise_no_signal();
        ctx.check()?;
        // Ours, so that it goes whatever becomes of the worker; only a statement that needs it ends for want of it.
        let spill = SpillFolder::create(&settings.spill_root, settings.spill_limit);
        let request = serde_json::to_vec(&self.request(spill.as_ref().ok())?).map_err(Error::internal)?;
        let mut worker = self.begun(&request)?;
        let running = Running::begin(&self.pool);
        if let Some(missing) = locks::missing(worker.locks) {
            ctx.note(missing);
        }
        let most = settings.memory_limit.saturating_add(BEYOND).saturating_mul(2);
        let failed = |frame: &Frame| {
            let error = serde_json::from_slice::<ErrorCarried>(&frame.head).map_or_else(Error::internal, Error::from);
            match &spill {
                Err(refused) if for_want_of_room(&error) => refused.clone().because(error),
                _ => error,
            }
        };
        let first = match frames::read(&mut worker.answers, most) {
            Ok(frame) => frame,
            Err(error) => return Err(self.ended(&worker, error)),
        };
        if first.kind == Kind::Failed {
            return ctx.check().and_then(|()| Err(failed(&first)));
        }
        let mut rows = RowsIn::begin(&first).map_err(Error::internal)?;
        let chunks = stream.as_ref().ok_or_else(|| Error::internal("the stream had ended"))?;
        if started.take().is_none_or(|starter| starter.send(Ok(rows.schema.clone())).is_err()) {
            return Ok(());
        }
        loop {
            let frame = match frames::read(&mut worker.answers, most) {
                Ok(frame) => frame,
                Err(error) => return Err(self.ended(&worker, error)),
            };
            ctx.check()?;
            match frame.kind {
                Kind::Rows => {
                    let batch = rows.rows(frame).map_err(Error::internal)?;
                    settings.made.claim(&batch);
                    chunks.rows_until(batch, ctx)?;
                }
                Kind::Dictionary => rows.dictionary(frame).map_err(Error::internal)?,
                Kind::Failed => return Err(failed(&frame)),
                Kind::End => break,
                Kind::Hello | Kind::Request | Kind::Begins | Kind::Schema => {
                    return Err(Error::internal("a worker sent something else than rows"));
                }
            }
        }
        // What was spilled must be gone, and nothing be counted as running, before the consumer learns that this was all.
        match spill.as_ref().is_ok_and(SpillFolder::is_used) {
            true => drop(worker),
            false => self.pool.ended(worker),
        }
        drop((spill, running));
        stream.take().map_or(Ok(()), |stream| stream.end(ctx))
    }

    /// A worker that has heard the request. One that has ended while it waited has not, and the next one gets it.
    fn begun(&self, request: &[u8]) -> Result<Worker> {
        let mut tried = 0;
        loop {
            let mut worker = self.pool.take(&self.ctx)?;
            self.ctx.cancel.when_set(worker.process().killer());
            let sent = frames::write(&mut worker.requests, Kind::Request, request, &[]);
            let error = match sent.and_then(|()| frames::read(&mut worker.answers, 0)) {
                Ok(frame) if frame.kind == Kind::Begins => return Ok(worker),
                Ok(_) => return Err(Error::internal("a worker sent something else than that it begins")),
                Err(error) => error,
            };
            tried += 1;
            if tried == MOST_TRIED || self.ctx.check().is_err() {
                return Err(self.ended(&worker, error));
            }
            tracing::warn!(trace_id = %self.ctx.trace_id, %error, "a worker ended while it waited");
        }
    }

    fn request(&self, spill: Option<&SpillFolder>) -> Result<Request> {
        let Carried { statement, settings, ctx, .. } = self;
        // Its share, but where a setting says less: what the engine counts is three fifths of it at the least.
        let granted = settings.hold.as_ref().map_or(u64::MAX, |hold| hold.granted());
        let granted = granted.min(settings.memory_limit.saturating_mul(5) / 3).max(settings.memory_limit);
        let threads = settings.throttle.workers(settings.threads.max(1));
        // A second more: the deadline comes first, unless a process does not hear of it.
        let cpu = ctx.deadline.map(|deadline| (deadline.as_secs_f64() * threads as f64).ceil() as u64 + 1);
        let texts = statement.views.iter().map(|view| view.relation.as_str()).chain([statement.sql.as_str()]);
        Ok(Request {
            views: statement.views.clone(),
            sql: statement.sql.clone(),
            written: statement.written.clone(),
            binds: statement.binds.clone(),
            files: statement.files.clone(),
            kits: Edition::named_in(texts),
            from_user: statement.from_user,
            long_bytes: statement.long_bytes,
            memory_limit: settings.memory_limit,
            spill_limit: spill.map_or(0, SpillFolder::quota),
            spill_root: spill.map(|folder| std::path::absolute(folder.path())).transpose().map_err(Error::internal)?,
            threads,
            chunk_rows: settings.throttle.chunk_rows(settings.chunk_rows.max(1)),
            chunk_bytes: settings.throttle.batch_bytes(),
            ahead_bytes: settings.throttle.ahead_bytes(settings.ahead_bytes),
            folder: std::env::current_dir().map_err(Error::internal)?,
            data_bytes: granted.saturating_add(BEYOND),
            cpu_seconds: cpu,
        })
    }

    /// Why the worker says nothing more: it was told to end, or it has met its bounds, or it has crashed.
    fn ended(&self, worker: &Worker, error: IoError) -> Error {
        let how = worker.process().kill();
        if let Err(cancelled) = self.ctx.check() {
            return cancelled;
        }
        let ended = child::ended(how).because(error);
        if ended.code() == Code::Internal {
            self.pool.counts().crashed.fetch_add(1, Relaxed);
            tracing::error!(trace_id = %self.ctx.trace_id, detail = ended.detail(), "a worker has crashed");
        }
        ended
    }
}

/// Whether a statement that failed so could have used a spill folder.
fn for_want_of_room(error: &Error) -> bool {
    matches!(error.code(), Code::DiskFull | Code::OutOfMemory) || error.context().stage == Some("spill")
}

/// A worker that is gone is an error of who writes to it, also in a host that has left the signal as it was.
fn pipes_raise_no_signal() {
    // SAFETY: the set lives through the calls; only the calling thread, which is ours, is changed.
    unsafe {
        let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGPIPE);
        libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
    }
}
