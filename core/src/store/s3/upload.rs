//! An object on its way to S3: small ones go in one request, others in parts, and none is there before all of it is.

use std::io::{self, Write};
use std::sync::Arc;

use object_store::multipart::{MultipartStore, PartId};
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

use super::client::{Client, Place};
use super::failure::Kind;
use super::notes::{Note, Noted};
use crate::base::{Cancel, Error, ForkGuard, Result};
use crate::store::output_root::exists;
use crate::store::{Location, Upload, runtime};

/// Bytes of a part. A server takes 10,000 of them.
const PART: usize = 16 << 20;

pub(super) struct Sending {
    pub client: Arc<Client>,
    pub cancel: Cancel,
    pub at: Location,
    pub place: Place,
    pub overwrite: bool,
    buffer: Vec<u8>,
    parts: Option<Parts>,
    home: ForkGuard,
}

struct Parts {
    id: String,
    sent: Vec<PartId>,
    bytes: u64,
    note: Option<Note>,
}

impl Sending {
    pub fn new(client: Arc<Client>, cancel: Cancel, at: Location, place: Place, overwrite: bool) -> Self {
        let home = ForkGuard::default();
        Sending { client, cancel, at, place, overwrite, buffer: Vec::new(), parts: None, home }
    }

    fn begin(&self) -> Result<Parts> {
        let Place { bucket, key, .. } = self.place.clone();
        let id = self.client.call(&self.cancel, &self.at, || {
            let (bucket, key) = (bucket.clone(), key.clone());
            async move { bucket.create_multipart(&key).await }
        })?;
        let noted = Noted { server: self.client.settings.server(), at: self.at.clone(), upload: id.clone() };
        let note = self.client.settings.notes.as_ref().map(|folder| Note::write(folder, &noted));
        let parts = |note| Parts { id, sent: Vec::new(), bytes: 0, note };
        match note.transpose() {
            Ok(note) => Ok(parts(note)),
            Err(error) => {
                self.abort(parts(None));
                Err(error)
            }
        }
    }

    fn send(&mut self) -> Result<()> {
        let mut parts = match self.parts.take() {
            Some(parts) => parts,
            None => self.begin()?,
        };
        let data: bytes::Bytes = std::mem::take(&mut self.buffer).into();
        let (Place { bucket, key, .. }, id, number) = (self.place.clone(), parts.id.clone(), parts.sent.len());
        let sent = self.client.call(&self.cancel, &self.at, || {
            let (bucket, key, id, data) = (bucket.clone(), key.clone(), id.clone(), data.clone());
            async move { bucket.put_part(&key, &id, number, PutPayload::from(data)).await }
        });
        let sent = sent.map_err(Error::from);
        if let Ok(part) = &sent {
            parts.sent.push(part.clone());
            parts.bytes += data.len() as u64;
        }
        self.parts = Some(parts);
        sent.map(drop)
    }

    /// Beside whoever called, who may be ending; a note stays until it has worked.
    fn abort(&self, parts: Parts) {
        let Place { bucket, key, .. } = self.place.clone();
        let Parts { id, note, .. } = parts;
        runtime::detach(async move {
            match bucket.abort_multipart(&key, &id).await {
                Ok(()) => note.into_iter().for_each(Note::done),
                Err(error) => tracing::warn!(%key, %error, "an upload was not ended"),
            }
        });
    }

    /// In one request, and only where nothing is, unless that may be replaced.
    fn put(&mut self) -> Result<()> {
        let data: bytes::Bytes = std::mem::take(&mut self.buffer).into();
        let mode = if self.overwrite { PutMode::Overwrite } else { PutMode::Create };
        match put(&self.client, &self.cancel, &self.at, &self.place, data, mode)? {
            true => Ok(()),
            false => Err(exists(&self.at)),
        }
    }

    fn complete(&mut self, parts: Parts) -> Result<()> {
        let Place { bucket, key, .. } = self.place.clone();
        let at = self.at.clone();
        let head = |client: &Client| {
            client.call(&self.cancel, &at, || {
                let (bucket, key) = (bucket.clone(), key.clone());
                async move { bucket.head(&key).await }
            })
        };
        if !self.overwrite {
            // The library has no way to complete only where nothing is: somebody may come in between.
            match head(&self.client) {
                Ok(_) => {
                    self.abort(parts);
                    return Err(exists(&self.at));
                }
                Err(failure) if failure.kind == Kind::Missing => {}
                Err(failure) => {
                    self.abort(parts);
                    return Err(failure.into());
                }
            }
        }
        let done = self.client.call(&self.cancel, &self.at, || {
            let (bucket, key, id, sent) = (bucket.clone(), key.clone(), parts.id.clone(), parts.sent.clone());
            async move { bucket.complete_multipart(&key, &id, sent).await }
        });
        let failure = match done {
            Ok(_) => {
                parts.note.into_iter().for_each(Note::done);
                return Ok(());
            }
            Err(failure) => failure,
        };
        // It may have been done, and the answer lost: then there is no such upload any more.
        if failure.kind == Kind::Missing && head(&self.client).is_ok_and(|found| found.size == parts.bytes) {
            parts.note.into_iter().for_each(Note::done);
            return Ok(());
        }
        self.abort(parts);
        Err(failure.into())
    }
}

/// False: there is another object already.
pub(super) fn put(
    client: &Client,
    cancel: &Cancel,
    at: &Location,
    place: &Place,
    data: bytes::Bytes,
    mode: PutMode,
) -> Result<bool> {
    let Place { bucket, key, .. } = place.clone();
    let tried = std::cell::Cell::new(0);
    let put = client.call(cancel, at, || {
        tried.set(tried.get() + 1);
        let options = PutOptions { mode: mode.clone(), ..PutOptions::default() };
        let (bucket, key, data) = (bucket.clone(), key.clone(), data.clone());
        async move { bucket.put_opts(&key, PutPayload::from(data), options).await }
    });
    match put {
        Ok(_) => Ok(true),
        Err(failure) if failure.kind == Kind::Exists => {
            // An attempt before may have put it, and its answer been lost.
            if tried.get() == 1 {
                return Ok(false);
            }
            let there = client.call(cancel, at, || {
                let (bucket, key) = (bucket.clone(), key.clone());
                async move { bucket.get(&key).await?.bytes().await }
            })?;
            Ok(there == data)
        }
        Err(failure) => Err(failure.into()),
    }
}

impl Write for Sending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() >= PART {
            self.send().map_err(io::Error::other)?;
        }
        let taken = bytes.len().min(PART - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// What is shorter than a part waits for more.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Upload for Sending {
    fn publish(mut self: Box<Self>) -> Result<()> {
        if self.parts.is_none() {
            return self.put();
        }
        if !self.buffer.is_empty() {
            self.send()?;
        }
        match self.parts.take() {
            Some(parts) => self.complete(parts),
            None => Err(Error::internal("an upload lost its parts")),
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if let Some(parts) = self.parts.take().filter(|_| !self.home.is_left()) {
            self.abort(parts);
        }
    }
}
