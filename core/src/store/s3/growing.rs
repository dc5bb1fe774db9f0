//! An object that goes up in parts while the file grows that it is made of. A log in the job's folder says which parts the server
//! has, so that another process goes on with the same upload: a part whose bytes are those of the file is not sent again.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError, bounded};
use object_store::multipart::PartId;

use super::failure::Kind;
use super::notes::{Note, Noted};
use super::target::{Completed, PART, Target};
use super::upload_log::{Begun, SentPart, UploadLog};
use super::{S3, Token};
use crate::base::{Cancel, CancelReason, Error, ForkGuard, Result};
use crate::store::{GrowingUpload, Location};

/// How long whoever gives up waits for the server's word; the note stays for the rest.
const A_MOMENT: Duration = Duration::from_secs(1);

pub(super) struct Growing {
    sent: Arc<Mutex<Sent>>,
    worker: Option<Worker>,
    /// Of the worker's calls.
    stop: Cancel,
    /// The whole file, once it is sealed.
    whole: Option<(File, u64)>,
    span: tracing::Span,
    home: ForkGuard,
}

/// The thread that sends parts while others write the file.
struct Worker {
    bytes: Arc<AtomicU64>,
    has_grown: Sender<()>,
    thread: JoinHandle<Result<()>>,
}

impl Growing {
    /// Asks the server nothing yet.
    pub fn open(store: &S3, to: &Location, overwrite: bool, log: &Path) -> Result<Self> {
        let stop = store.cancel().child();
        // All that it asks ends with it.
        let store = S3 { cancel: Token(stop.clone()), ..store.clone() };
        let target = store.target(to, overwrite)?;
        let server = target.client.settings.server();
        let mut log = UploadLog::open(log, &server)?;
        // One at another server is left to its note.
        let is_here = |begun: &&Begun| begun.server == server && begun.at == target.at;
        let here = log.begun.as_ref().filter(is_here);
        let upload = here.map(|begun| begun.upload.clone());
        let note = here.and_then(|begun| Note::again(begun.note.as_ref()?));
        if upload.is_none() {
            // What another upload has of the file says nothing of this one.
            log.parts.clear();
        }
        let sent = Sent { store, target, log, upload, note, next: 0, renewed: false };
        let (span, home) = (tracing::Span::current(), ForkGuard::default());
        Ok(Growing { sent: Arc::new(Mutex::new(sent)), worker: None, stop, whole: None, span, home })
    }

    fn sent(&self) -> std::sync::MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// None where no thread or handle is to be had: then the end sends it all.
    fn start(&self, file: &File) -> Option<Worker> {
        let (bytes, (has_grown, grown)) = (Arc::new(AtomicU64::new(0)), bounded(1));
        let (file, sent, so_far, span) = (file.try_clone().ok()?, self.sent.clone(), bytes.clone(), self.span.clone());
        let work = move || {
            let _entered = span.enter();
            let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
            grown.iter().try_for_each(|()| sent.send(&file, so_far.load(SeqCst), false))
        };
        let thread = std::thread::Builder::new().name("datasus-upload".into()).spawn(work).ok()?;
        Some(Worker { bytes, has_grown, thread })
    }

    /// Until the worker has sent what it was told of.
    fn join(&mut self) -> Result<()> {
        let Some(Worker { has_grown, thread, .. }) = self.worker.take() else { return Ok(()) };
        drop(has_grown);
        thread.join().unwrap_or_else(|panic| Err(Error::panicked("store", panic.as_ref())))
    }
}

impl GrowingUpload for Growing {
    fn is_published(&mut self, bytes: u64) -> Result<bool> {
        self.sent().is_published(bytes)
    }

    fn grown(&mut self, file: &File, bytes: u64) -> Result<()> {
        if bytes < PART as u64 {
            return Ok(());
        }
        if self.worker.is_none() {
            self.worker = self.start(file);
        }
        let Some(worker) = &self.worker else { return Ok(()) };
        worker.bytes.store(bytes, SeqCst);
        match worker.has_grown.try_send(()) {
            Err(TrySendError::Disconnected(())) => {
                self.join()?;
                Err(Error::internal("an upload ended before its file"))
            }
            // It will look at the size once it has sent what it is at.
            Ok(()) | Err(TrySendError::Full(())) => Ok(()),
        }
    }

    fn seal(&mut self, file: &File, bytes: u64) -> Result<()> {
        self.join()?;
        let file = file.try_clone().map_err(|error| self.sent().target.at.io(error))?;
        self.sent().end(&file, bytes)?;
        self.whole = Some((file, bytes));
        Ok(())
    }

    fn publish(mut self: Box<Self>) -> Result<()> {
        let (file, bytes) = self.whole.take().ok_or_else(|| Error::internal("an upload was not sealed"))?;
        self.sent().publish(&file, bytes)
    }

    fn discard(mut self: Box<Self>) -> Result<()> {
        self.join()?;
        self.sent().discard()
    }
}

impl Drop for Growing {
    /// What has gone up stays for another attempt.
    fn drop(&mut self) {
        if self.worker.is_some() && !self.home.is_left() {
            self.stop.set(CancelReason::Caller);
            let _ = self.join();
        }
    }
}

/// What the server has of the file.
struct Sent {
    store: S3,
    target: Target,
    log: UploadLog,
    /// In parts; none: there is none yet.
    upload: Option<String>,
    note: Option<Note>,
    /// The part that is to be looked at.
    next: usize,
    /// The server had forgotten an upload, and there is another: once.
    renewed: bool,
}

impl Sent {
    /// Sends what the server has not of the first `bytes`: whole parts, and the last one where they are `all`.
    fn send(&mut self, file: &File, bytes: u64, all: bool) -> Result<()> {
        loop {
            let start = self.next as u64 * PART as u64;
            let length = bytes.saturating_sub(start).min(PART as u64);
            if length == 0 || (length < PART as u64 && !all) {
                return Ok(());
            }
            let data = self.read(file, start, length)?;
            let crc = crc32fast::hash(&data);
            if self.log.parts.get(&self.next).is_some_and(|part| (part.length, part.crc) == (length, crc)) {
                self.next += 1;
                continue;
            }
            let id = match &self.upload {
                Some(id) => id.clone(),
                None => self.begin()?,
            };
            match self.target.send(&id, self.next, data.into()) {
                Ok(PartId { content_id: etag }) => {
                    self.log.took(self.next, SentPart { etag, length, crc })?;
                    self.next += 1;
                }
                Err(failure) if failure.kind == Kind::Missing && !self.renewed => self.renew()?,
                Err(failure) => return Err(failure.into()),
            }
        }
    }

    fn read(&self, file: &File, start: u64, length: u64) -> Result<Vec<u8>> {
        let mut data = vec![0; usize::try_from(length).map_err(Error::internal)?];
        file.read_exact_at(&mut data, start).map_err(|error| self.target.at.io(error))?;
        Ok(data)
    }

    fn begin(&mut self) -> Result<String> {
        self.store.sweep();
        self.look()?;
        let (id, note) = self.target.begin(Some(self.log.path()))?;
        let path = note.as_ref().map(|note| note.path().to_owned());
        let (server, at) = (self.target.client.settings.server(), self.target.at.clone());
        if let Err(error) = self.log.begin(Some(Begun { server, at, upload: id.clone(), note: path })) {
            self.target.abort(&id, note);
            return Err(error);
        }
        (self.note, self.next) = (note, 0);
        self.upload = Some(id.clone());
        Ok(id)
    }

    /// The server knows the upload no more: the bucket's lifecycle, or somebody, has ended it.
    fn renew(&mut self) -> Result<()> {
        tracing::warn!(at = %self.target.at, "the server has forgotten an upload; it begins again");
        self.log.begin(None)?;
        self.note.take().into_iter().for_each(Note::done);
        (self.upload, self.next, self.renewed) = (None, 0, true);
        Ok(())
    }

    /// Notes what lies there, before anything of the job's does.
    fn look(&mut self) -> Result<()> {
        // Where nothing is replaced nothing lay there.
        if self.log.over.is_some() || !self.target.overwrite {
            return Ok(());
        }
        match self.target.head() {
            Ok(found) => self.log.lay_there(Some(found.e_tag.unwrap_or_default())),
            Err(failure) if failure.kind == Kind::Missing => self.log.lay_there(None),
            Err(failure) => Err(failure.into()),
        }
    }

    fn is_published(&mut self, bytes: u64) -> Result<bool> {
        self.look()?;
        match self.target.head() {
            Ok(found) => {
                let lay_there = self.log.over == Some(Some(found.e_tag.unwrap_or_default()));
                Ok(found.size == bytes && !lay_there)
            }
            Err(failure) if failure.kind == Kind::Missing => Ok(false),
            Err(failure) => Err(failure.into()),
        }
    }

    fn end(&mut self, file: &File, bytes: u64) -> Result<()> {
        if bytes < PART as u64 && self.upload.is_none() {
            self.store.sweep();
            return self.look();
        }
        self.send(file, bytes, true)
    }

    fn publish(&mut self, file: &File, bytes: u64) -> Result<()> {
        self.target.cancel.check()?;
        // From here on the server may have done it at any moment: a job is not told that it was cancelled then.
        let cancel = std::mem::take(&mut self.target.cancel);
        loop {
            let Some(id) = self.upload.clone() else {
                self.target.put(self.read(file, 0, bytes)?.into())?;
                break;
            };
            let parts = self.log.parts.values().take(self.next);
            let parts: Vec<_> = parts.map(|part| PartId { content_id: part.etag.clone() }).collect();
            match self.target.complete(&id, &parts)? {
                Completed::Done => break,
                // It may have been done, and the answer lost.
                Completed::Gone(_) if self.is_published(bytes)? => break,
                Completed::Gone(failure) if self.renewed => return Err(failure.into()),
                Completed::Gone(_) => {
                    self.target.cancel = cancel.clone();
                    self.renew()?;
                    self.send(file, bytes, true)?;
                    std::mem::take(&mut self.target.cancel);
                }
            }
        }
        self.forget()
    }

    /// There is nothing left at the server to be ended.
    fn forget(&mut self) -> Result<()> {
        self.upload = None;
        self.note.take().into_iter().for_each(Note::done);
        self.log.begin(None)
    }

    /// From the moment on at which the log names it no more the upload is its note's, wherever this process ends.
    fn discard(&mut self) -> Result<()> {
        let Some(begun) = self.log.begun.clone() else { return Ok(()) };
        let note = match self.note.take() {
            Some(note) => Some(note),
            None => {
                let Begun { server, at, upload, .. } = begun;
                let noted = Noted { server, at, upload, held: None };
                self.target.client.settings.notes.as_ref().map(|folder| Note::write(folder, &noted)).transpose()?
            }
        };
        self.log.begin(None)?;
        if let Some(id) = self.upload.take() {
            let _ = self.target.abort(&id, note).recv_timeout(A_MOMENT);
        }
        Ok(())
    }
}
