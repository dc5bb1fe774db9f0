//! Where an object goes at a server, and the requests that bring it there: in one, or in parts.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use crossbeam_channel::{Receiver, bounded};
use object_store::multipart::{MultipartStore, PartId};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

use super::client::{Client, Place};
use super::failure::{Failure, Kind};
use super::notes::{Note, Noted};
use crate::base::{Cancel, Error, Result};
use crate::store::output_root::exists;
use crate::store::{Location, runtime};

/// Bytes of a part. A server takes 10,000 of them.
pub(super) const PART: usize = 16 << 20;

#[derive(Clone)]
pub(super) struct Target {
    pub client: Arc<Client>,
    pub cancel: Cancel,
    pub at: Location,
    pub place: Place,
    pub overwrite: bool,
}

/// How the end of an upload in parts went.
pub(super) enum Completed {
    Done,
    /// The server does not know the upload: it was completed, or ended.
    Gone(Failure),
}

impl Target {
    /// Begins an upload in parts, which is noted on this machine; `held`: the log that goes on with it.
    pub fn begin(&self, held: Option<&Path>) -> Result<(String, Option<Note>)> {
        let Place { bucket, key, .. } = self.place.clone();
        let id = self.client.call(&self.cancel, &self.at, || {
            let (bucket, key) = (bucket.clone(), key.clone());
            async move { bucket.create_multipart(&key).await }
        })?;
        let note = self.note(&id, held);
        if note.is_err() {
            self.abort(&id, None);
        }
        note.map(|note| (id, note))
    }

    /// None: this client keeps no notes.
    pub fn note(&self, id: &str, held: Option<&Path>) -> Result<Option<Note>> {
        let Some(folder) = &self.client.settings.notes else { return Ok(None) };
        let held = held.map(std::path::absolute).transpose();
        let held = held.map_err(|error| Error::io(error, folder))?;
        let noted = Noted { server: self.client.settings.server(), at: self.at.clone(), upload: id.to_owned(), held };
        Note::write(folder, &noted).map(Some)
    }

    pub fn send(&self, id: &str, number: usize, data: Bytes) -> std::result::Result<PartId, Failure> {
        let Place { bucket, key, .. } = self.place.clone();
        self.client.call(&self.cancel, &self.at, || {
            let (bucket, key, id, data) = (bucket.clone(), key.clone(), id.to_owned(), data.clone());
            async move { bucket.put_part(&key, &id, number, PutPayload::from(data)).await }
        })
    }

    /// Beside whoever called, who may be ending; a note stays until it has worked. The channel ends with it.
    pub fn abort(&self, id: &str, note: Option<Note>) -> Receiver<()> {
        let (Place { bucket, key, .. }, id) = (self.place.clone(), id.to_owned());
        let (ends, ended) = bounded(0);
        runtime::detach(async move {
            let _ends = ends;
            match bucket.abort_multipart(&key, &id).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => note.into_iter().for_each(Note::done),
                Err(error) => tracing::warn!(%key, %error, "an upload was not ended"),
            }
        });
        ended
    }

    pub fn head(&self) -> std::result::Result<ObjectMeta, Failure> {
        let Place { bucket, key, .. } = self.place.clone();
        self.client.call(&self.cancel, &self.at, || {
            let (bucket, key) = (bucket.clone(), key.clone());
            async move { bucket.head(&key).await }
        })
    }

    /// DS-409 where something is, unless that may be replaced.
    pub fn check_free(&self) -> Result<()> {
        if self.overwrite {
            return Ok(());
        }
        match self.head() {
            Ok(_) => Err(exists(&self.at)),
            Err(failure) if failure.kind == Kind::Missing => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }

    /// In one request, and only where nothing is, unless that may be replaced.
    pub fn put(&self, data: Bytes) -> Result<()> {
        let mode = if self.overwrite { PutMode::Overwrite } else { PutMode::Create };
        match self.put_as(data, mode)? {
            true => Ok(()),
            false => Err(exists(&self.at)),
        }
    }

    /// False: there is another object already.
    pub fn put_as(&self, data: Bytes, mode: PutMode) -> Result<bool> {
        let Place { bucket, key, .. } = self.place.clone();
        let tried = Cell::new(0);
        let put = self.client.call(&self.cancel, &self.at, || {
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
                let there = self.client.call(&self.cancel, &self.at, || {
                    let (bucket, key) = (bucket.clone(), key.clone());
                    async move { bucket.get(&key).await?.bytes().await }
                })?;
                Ok(there == data)
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// Makes one object of the parts, and only where nothing is, unless that may be replaced.
    pub fn complete(&self, id: &str, parts: &[PartId]) -> Result<Completed> {
        // The library has no way to complete only where nothing is: somebody may come in between.
        self.check_free()?;
        let Place { bucket, key, .. } = self.place.clone();
        let done = self.client.call(&self.cancel, &self.at, || {
            let (bucket, key, id, parts) = (bucket.clone(), key.clone(), id.to_owned(), parts.to_vec());
            async move { bucket.complete_multipart(&key, &id, parts).await }
        });
        match done {
            Ok(_) => Ok(Completed::Done),
            Err(failure) if failure.kind == Kind::Missing => Ok(Completed::Gone(failure)),
            Err(failure) => Err(failure.into()),
        }
    }
}
