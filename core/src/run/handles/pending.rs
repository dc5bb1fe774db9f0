//! A query whose schema is not known yet: its files may still be converted, and it may still wait in the queue.

use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::base::{Error, ForkGuard, Result};
use crate::run::{Job, Rows};
use crate::sink::arrow::ArrowReader;

/// For hosts that must not block (an event loop) or must look at signals meanwhile. Dropped, it cancels the job.
pub struct Pending {
    reader: Receiver<ArrowReader>,
    job: Job,
    taken: bool,
    home: ForkGuard,
}

impl Pending {
    pub(in crate::run) fn new(reader: Receiver<ArrowReader>, job: Job) -> Self {
        Pending { reader, job, taken: false, home: ForkGuard::default() }
    }

    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Waits for the stream, `timeout` at most; none while the schema is not known. To be called until it gives something,
    /// and not again after that.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Option<Result<Rows>> {
        if let Err(forked) = self.home.check() {
            return Some(Err(forked.stage("arrow")));
        }
        let received = match timeout {
            None => self.reader.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(timeout) => self.reader.recv_timeout(timeout),
        };
        let answer = match received {
            Ok(reader) => Ok(Rows::new(reader, self.job.clone())),
            Err(RecvTimeoutError::Timeout) => return None,
            // The job ended before it had a schema: its outcome says why.
            Err(RecvTimeoutError::Disconnected) => {
                Err(self.job.report().err().unwrap_or_else(|| Error::internal("a query ended without a stream")))
            }
        };
        self.taken = true;
        Some(answer)
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
