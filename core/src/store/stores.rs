//! The stores that a client knows, by their schemes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::{GrowingUpload, Listed, LocalCopy, LocalFiles, Location, Object, ReadAt, Store, Upload, sha256};
use crate::base::{Cancel, Code, Error, Result, text};

/// Clones are the same stores. The default is the files of this machine alone.
#[derive(Debug, Clone)]
pub struct Stores(Arc<BTreeMap<String, Arc<dyn Store>>>);

impl Default for Stores {
    fn default() -> Self {
        Stores(Arc::new(BTreeMap::new())).with(Arc::new(LocalFiles::default()))
    }
}

impl Stores {
    /// The same with one more, in the place of one of its scheme.
    pub fn with(mut self, store: Arc<dyn Store>) -> Self {
        Arc::make_mut(&mut self.0).insert(store.scheme().to_owned(), store);
        self
    }

    /// True where a store of its scheme is there.
    pub fn knows(&self, at: &Location) -> bool {
        self.0.contains_key(at.scheme())
    }

    /// DS-422 where no store is of its scheme.
    fn of(&self, at: &Location) -> Result<&dyn Store> {
        self.0.get(at.scheme()).map(|store| store.as_ref()).ok_or_else(|| {
            let (scheme, known) = (at.scheme(), self.0.keys().cloned().collect::<Vec<_>>());
            let names = known.join(", ");
            Error::new(
                Code::InvalidParams,
                text!(
                    "Nenhum armazenamento deste cliente lê {scheme}://; ele conhece: {names}",
                    "No store of this client reads {scheme}://; it knows: {names}"
                ),
            )
            .with("received", scheme)
            .with("valid_examples", known)
            .stage("source")
        })
    }

    /// As [`Store::list`].
    pub fn list(&self, root: &Location) -> Result<Arc<Listed>> {
        self.of(root)?.list(root)
    }

    /// As [`Store::stat`].
    pub fn stat(&self, at: &Location) -> Result<Object> {
        self.of(at)?.stat(at)
    }

    /// As [`Store::open`].
    pub fn open(&self, at: &Location) -> Result<Arc<dyn ReadAt>> {
        self.of(at)?.open(at)
    }

    /// As [`Store::local`].
    pub fn local(&self, object: &Object, columns: Option<&BTreeSet<String>>) -> Result<LocalCopy> {
        self.of(&object.location)?.local(object, columns)
    }

    /// The same stores for one job: calls of theirs end once the token is set.
    pub fn during(&self, cancel: &Cancel) -> Self {
        let one = |(scheme, store): (&String, &Arc<dyn Store>)| {
            (scheme.clone(), store.during(cancel).unwrap_or_else(|| store.clone()))
        };
        Stores(Arc::new(self.0.iter().map(one).collect()))
    }

    /// As [`Store::create`].
    pub fn create(&self, at: &Location, bytes: Vec<u8>) -> Result<bool> {
        self.of(at)?.create(at, bytes)
    }

    /// As [`Store::remove`].
    pub fn remove(&self, at: &Location) -> Result<()> {
        self.of(at)?.remove(at)
    }

    /// As [`Store::begin`].
    pub fn begin(&self, to: &Location, overwrite: bool) -> Result<Box<dyn Upload>> {
        self.of(to)?.begin(to, overwrite)
    }

    /// As [`Store::begin_growing`].
    pub fn begin_growing(&self, to: &Location, overwrite: bool, log: &Path) -> Result<Option<Box<dyn GrowingUpload>>> {
        self.of(to)?.begin_growing(to, overwrite, log)
    }

    /// The SHA-256 of what it holds now.
    pub fn sha256(&self, at: &Location) -> Result<String> {
        sha256(self.open(at)?).map_err(|error| at.io(error))
    }
}
