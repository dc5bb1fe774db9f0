//! Sends a growing file to the disk while it is being written, so that the last flush finds little left to do.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, bounded};

/// Bytes between two flushes. Smaller files are flushed once, at their end.
const EVERY: u64 = 16 << 20;

/// The flusher of one file; started when the file has grown enough.
#[derive(Default)]
pub struct Writeback {
    flusher: Option<(Sender<()>, JoinHandle<()>)>,
    /// The system tells of a failed write once: whoever asks first must keep it.
    failed: Arc<Mutex<Option<io::Error>>>,
    waiting: u64,
}

impl Writeback {
    /// `bytes` more have been written to `file`.
    pub fn wrote(&mut self, bytes: usize, file: &File) {
        self.waiting += bytes as u64;
        if self.waiting < EVERY {
            return;
        }
        self.waiting = 0;
        if self.flusher.is_none() {
            self.flusher = start(file, &self.failed);
        }
        if let Some((flush, _)) = &self.flusher {
            // One that is at work takes these bytes along, or leaves them to the next.
            let _ = flush.try_send(());
        }
    }

    /// Everything is on disk, or the error of the first write that did not get there.
    pub fn finish(&mut self, file: &File) -> io::Result<()> {
        if let Some((flush, flusher)) = self.flusher.take() {
            drop(flush);
            let _ = flusher.join();
        }
        match self.failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => file.sync_all(),
        }
    }
}

/// None where no thread or handle is to be had: then the last flush does it all.
fn start(file: &File, failed: &Arc<Mutex<Option<io::Error>>>) -> Option<(Sender<()>, JoinHandle<()>)> {
    let (flush, asked) = bounded::<()>(1);
    let (file, failed) = (file.try_clone().ok()?, failed.clone());
    let flusher = std::thread::Builder::new().name("datasus-flush".into()).spawn(move || {
        for () in asked {
            if let Err(error) = file.sync_data() {
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        }
    });
    Some((flush, flusher.ok()?))
}
