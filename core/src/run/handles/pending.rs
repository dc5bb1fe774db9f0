//! A query whose schema is not known yet: its files may still be converted, and it may still wait in the queue.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};
use futures_util::task::AtomicWaker;

use crate::base::{Error, ForkGuard, Result};
use crate::run::{Job, Report, Rows};
use crate::scheduler::Ended;
use crate::sink::arrow::ArrowReader;

/// The job's end, through which the stream goes to the caller; let go of without one, its outcome says why.
pub(in crate::run) struct ToCaller {
    // Goes before who waits is woken.
    reader: Sender<ArrowReader>,
    _wakes: Wakes,
}

struct Wakes(Arc<AtomicWaker>);

impl Drop for Wakes {
    fn drop(&mut self) {
        self.0.wake();
    }
}

impl ToCaller {
    /// False where nobody waits for it any more.
    pub fn give(self, reader: ArrowReader) -> bool {
        self.reader.send(reader).is_ok()
    }
}

/// A query that has been checked and queued, and whose rows are to come: for hosts that must not block (an event loop; it is a
/// future of its [`Rows`]) or must look at signals meanwhile. Dropped, it cancels the job.
pub struct Pending {
    reader: Receiver<ArrowReader>,
    task: Arc<AtomicWaker>,
    /// The job's end, once there will be no stream.
    ended: Option<Ended<Report>>,
    job: Job,
    taken: bool,
    home: ForkGuard,
}

impl Pending {
    pub(in crate::run) fn new(job: Job) -> (ToCaller, Self) {
        let ((to, reader), task) = (bounded(1), Arc::new(AtomicWaker::new()));
        let to_caller = ToCaller { reader: to, _wakes: Wakes(task.clone()) };
        (to_caller, Pending { reader, task, ended: None, job, taken: false, home: ForkGuard::default() })
    }

    /// The job that makes the rows.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Waits for the stream.
    ///
    /// # Errors
    /// The one that ended the job before its schema was known.
    pub fn wait(mut self) -> Result<Rows> {
        self.home.check().map_err(|forked| forked.stage("arrow"))?;
        match self.reader.recv() {
            Ok(reader) => self.rows(reader),
            Err(_) => Err(no_stream(self.job.wait())),
        }
    }

    /// Waits for the stream, `timeout` at most; none while the schema is not known. To be called until it gives something, and not
    /// again after that.
    pub fn wait_timeout(&mut self, timeout: Duration) -> Option<Result<Rows>> {
        if let Err(forked) = self.home.check() {
            return Some(Err(forked.stage("arrow")));
        }
        match self.reader.recv_timeout(timeout) {
            Ok(reader) => Some(self.rows(reader)),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Err(no_stream(self.job.wait()))),
        }
    }

    fn rows(&mut self, reader: ArrowReader) -> Result<Rows> {
        self.taken = true;
        Ok(Rows::new(reader, self.job.clone()))
    }
}

/// The job ended before it had a schema: its outcome says why.
fn no_stream(outcome: Result<Report>) -> Error {
    outcome.err().unwrap_or_else(|| Error::internal("a query ended without a stream"))
}

impl Future for Pending {
    type Output = Result<Rows>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Result<Rows>> {
        let this = self.get_mut();
        if let Err(forked) = this.home.check() {
            return Poll::Ready(Err(forked.stage("arrow")));
        }
        // First, so that what comes after the look is heard of.
        this.task.register(task.waker());
        match this.reader.try_recv() {
            Ok(reader) => return Poll::Ready(this.rows(reader)),
            Err(TryRecvError::Empty) => return Poll::Pending,
            Err(TryRecvError::Disconnected) => {}
        }
        let ended = this.ended.get_or_insert_with(|| this.job.clone().into_future());
        Pin::new(ended).poll(task).map(|outcome| Err(no_stream(outcome)))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.home.is_left() {
            std::mem::forget((self.reader.clone(), self.job.clone()));
        } else if !self.taken {
            self.job.cancel();
        }
    }
}
