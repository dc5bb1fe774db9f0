//! The files of this machine.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::read_at::OpenFile;
use super::walk::{self, Walk};
use super::{Entry, Listed, LocalCopy, LocalRoot, Location, Object, ReadAt, Store, Upload};
use crate::base::{Error, Result, open_source};

/// The first store. What it opens are regular files; whose they are, and behind which links, does not matter to who only reads.
#[derive(Debug, Default)]
pub struct LocalFiles {
    /// The names of the folder that was listed last.
    last: Mutex<Option<Arc<Known>>>,
}

#[derive(Debug)]
struct Known {
    root: Location,
    walk: Walk,
    listed: Arc<Listed>,
}

impl Store for LocalFiles {
    fn scheme(&self) -> &str {
        "file"
    }

    fn list(&self, root: &Location) -> Result<Arc<Listed>> {
        let last = || self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let known = last().clone().filter(|known| known.root == *root);
        if let Some(known) = known.as_ref().filter(|known| known.walk.is_current()) {
            return Ok(known.listed.clone());
        }
        let (walk, found) = Walk::of(root.path(), known.as_ref().map(|known| &known.walk))?;
        let named = |paths: Vec<PathBuf>| paths.into_iter().map(Location::file);
        let listed = Listed {
            found: named(found.files).map(|location| Entry { location, object: None }).collect(),
            broken: named(found.broken).collect(),
            not_entered: named(found.not_entered).collect(),
            elsewhere: Vec::new(),
        };
        let listed = match known {
            Some(known) if *known.listed == listed => known.listed.clone(),
            _ => Arc::new(listed),
        };
        *last() = Some(Arc::new(Known { root: root.clone(), walk, listed: listed.clone() }));
        Ok(listed)
    }

    fn stat(&self, at: &Location) -> Result<Object> {
        let walk::Stat { size, mtime_ns, state, inode } = walk::stat(at.path())?;
        Ok(Object { location: at.clone(), size, mtime_ns, state, identity: inode })
    }

    fn open(&self, at: &Location) -> Result<Arc<dyn ReadAt>> {
        let opened = open_source(at.path()).and_then(OpenFile::of).map_err(|error| Error::io(error, at.path()))?;
        Ok(Arc::new(opened))
    }

    fn local(&self, object: &Object, _columns: Option<&BTreeSet<String>>) -> Result<LocalCopy> {
        let path = object.location.path();
        std::path::absolute(path).map(LocalCopy::itself).map_err(|error| Error::io(error, path))
    }

    fn begin(&self, to: &Location, overwrite: bool) -> Result<Box<dyn Upload>> {
        let (Some(folder), Some(name)) = (to.path().parent(), to.path().file_name()) else {
            return Err(Error::io(std::io::ErrorKind::InvalidInput.into(), to.path()));
        };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        Ok(Box::new(LocalRoot::open(folder)?.create(Path::new(name), overwrite)?))
    }
}
