//! Amazon S3 and what speaks its protocol (MinIO, SeaweedFS, Ceph): `s3://bucket/key`. Requests go to the server of the settings
//! alone; one layer asks again (`client`), and every call ends with its job.

mod client;
mod failure;
mod growing;
mod keys;
mod notes;
mod profile;
mod read;
mod service;
mod settings;
mod target;
mod upload;
mod upload_log;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, Once, PoisonError};

use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::multipart::MultipartStore;
use object_store::{ObjectMeta, ObjectStoreExt, PutMode};
use sha2::{Digest, Sha256};

pub use self::keys::Keys;
pub use self::settings::S3Settings;

use self::client::{Client, Place};
use self::failure::Kind;
use self::target::Target;
use super::{ChunkCache, Entry, GrowingUpload, Listed, LocalCopy, Location, Object, ReadAt, State, Store, Upload};
use crate::base::{Cancel, Error, Result};

/// Listings that are kept to be compared with the next.
const MOST_LISTINGS: usize = 64;

/// A server of objects.
#[derive(Debug, Clone)]
pub struct S3 {
    client: Arc<Client>,
    cache: Arc<ChunkCache>,
    /// What was listed last below each root.
    last: Arc<Mutex<HashMap<Location, Arc<Listed>>>>,
    /// Of the job whose calls these are.
    cancel: Token,
    swept: Arc<Once>,
}

#[derive(Clone, Default)]
struct Token(Cancel);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl S3 {
    /// `cache`: where an engine's copies are.
    pub fn new(settings: S3Settings, cache: Arc<ChunkCache>) -> Result<Self> {
        let client = Arc::new(Client::new(settings)?);
        Ok(S3 { client, cache, last: Arc::default(), cancel: Token::default(), swept: Arc::new(Once::new()) })
    }

    fn cancel(&self) -> &Cancel {
        &self.cancel.0
    }

    fn head(&self, at: &Location) -> std::result::Result<(Place, ObjectMeta), failure::Failure> {
        let ours = |error| failure::Failure { error, kind: Kind::Other, again: false };
        let target = self.target(at, false).map_err(ours)?;
        let found = target.head()?;
        Ok((target.place, found))
    }

    fn target(&self, at: &Location, overwrite: bool) -> Result<Target> {
        let place = self.client.place(at)?;
        Ok(Target { client: self.client.clone(), cancel: self.cancel().clone(), at: at.clone(), place, overwrite })
    }

    /// Ends what killed processes of this user left at the server; once.
    fn sweep(&self) {
        self.swept.call_once(|| {
            let Some(folder) = &self.client.settings.notes else { return };
            notes::sweep(folder, &self.client.settings.server(), |noted| {
                let place = self.client.place(&noted.at)?;
                let ended = self.client.call(self.cancel(), &noted.at, || {
                    let (Place { bucket, key, .. }, id) = (place.clone(), noted.upload.clone());
                    async move { bucket.abort_multipart(&key, &id).await }
                });
                match ended {
                    // It was completed, or ended by its own process.
                    Err(failure) if failure.kind == Kind::Missing => Ok(()),
                    ended => ended.map_err(Error::from),
                }
            });
        });
    }
}

/// What the store says of a version. Times of a listing are finer than those of a single object, which count whole seconds.
fn object(at: Location, found: &ObjectMeta) -> Object {
    let mtime_ns = found.last_modified.timestamp().saturating_mul(1_000_000_000);
    let tag = found.e_tag.as_deref().map(|tag| {
        let digest = Sha256::digest(tag.trim_matches('"').as_bytes());
        u64::from_le_bytes(std::array::from_fn(|at| digest[at]))
    });
    let state = tag.map(|inode| State { inode, ctime_ns: mtime_ns });
    Object { location: at, size: found.size, mtime_ns, state, identity: None }
}

impl Store for S3 {
    fn scheme(&self) -> &str {
        "s3"
    }

    fn during(&self, cancel: &Cancel) -> Option<Arc<dyn Store>> {
        Some(Arc::new(S3 { cancel: Token(cancel.clone()), ..self.clone() }))
    }

    fn list(&self, root: &Location) -> Result<Arc<Listed>> {
        let place = self.client.place(root)?;
        let key = place.key.as_ref();
        let prefix = if key.is_empty() { String::new() } else { format!("{key}/") };
        let (mut found, mut page) = (Vec::new(), None);
        loop {
            let token = page.clone();
            let listed = self.client.call(self.cancel(), root, || {
                let (bucket, prefix) = (place.bucket.clone(), prefix.clone());
                let options = PaginatedListOptions { page_token: token.clone(), ..PaginatedListOptions::default() };
                async move { bucket.list_paginated(Some(prefix.as_str()).filter(|p| !p.is_empty()), options).await }
            })?;
            for meta in &listed.result.objects {
                let below = meta.location.as_ref().strip_prefix(prefix.as_str()).unwrap_or(meta.location.as_ref());
                // A marker that some programs make for a folder is no object.
                if below.is_empty() || below.split('/').any(|part| part.starts_with('.')) {
                    continue;
                }
                let location = root.at(Path::new(&place.bucket_name).join(meta.location.as_ref()));
                found.push(Entry { location: location.clone(), object: Some(object(location, meta)) });
            }
            page = listed.page_token;
            if page.is_none() {
                break;
            }
        }
        if found.is_empty() && !key.is_empty() {
            match self.head(root) {
                Ok((_, meta)) => {
                    let object = object(root.clone(), &meta);
                    found.push(Entry { location: root.clone(), object: Some(object) });
                }
                Err(failure) if failure.kind == Kind::Missing => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        found.sort_by(|a, b| a.location.cmp(&b.location));
        let listed = Listed { found, ..Listed::default() };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = last.get(root).filter(|known| ***known == listed) {
            return Ok(known.clone());
        }
        let listed = Arc::new(listed);
        if last.len() >= MOST_LISTINGS {
            last.clear();
        }
        last.insert(root.clone(), listed.clone());
        Ok(listed)
    }

    fn stat(&self, at: &Location) -> Result<Object> {
        let (_, found) = self.head(at).map_err(Error::from)?;
        Ok(object(at.clone(), &found))
    }

    fn open(&self, at: &Location) -> Result<Arc<dyn ReadAt>> {
        let (place, found) = self.head(at).map_err(Error::from)?;
        Ok(Arc::new(read::Opened {
            client: self.client.clone(),
            cancel: self.cancel().clone(),
            at: at.clone(),
            place,
            size: found.size,
            etag: found.e_tag,
            last: Mutex::default(),
        }))
    }

    fn local(&self, object: &Object, columns: Option<&BTreeSet<String>>) -> Result<LocalCopy> {
        self.cache.copy_of(object, columns, self.cancel(), &|| self.open(&object.location))
    }

    fn begin(&self, to: &Location, overwrite: bool) -> Result<Box<dyn Upload>> {
        self.sweep();
        let target = self.target(to, overwrite)?;
        target.check_free()?;
        Ok(Box::new(upload::Sending::new(target)))
    }

    fn begin_growing(&self, to: &Location, overwrite: bool, log: &Path) -> Result<Option<Box<dyn GrowingUpload>>> {
        let growing = growing::Growing::open(self, to, overwrite, log)?;
        Ok(Some(Box::new(growing)))
    }

    fn create(&self, at: &Location, bytes: Vec<u8>) -> Result<bool> {
        self.target(at, false)?.put_as(bytes.into(), PutMode::Create)
    }

    fn remove(&self, at: &Location) -> Result<()> {
        let place = self.client.place(at)?;
        let removed = self.client.call(self.cancel(), at, || {
            let Place { bucket, key, .. } = place.clone();
            async move { bucket.delete(&key).await }
        });
        match removed {
            Err(failure) if failure.kind == Kind::Missing => Ok(()),
            removed => removed.map_err(Error::from),
        }
    }
}
