//! A tree as one of a client's stores.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use super::{Current, Mirror, SCHEME, path_of};
use crate::base::{Cancel, Error, Result, open_source};
use crate::store::{Entry, Listed, LocalCopy, Location, Object, ReadAt, Store};

/// The store of a tree's objects; of one job where [`Store::during`] says so.
#[derive(Clone)]
pub struct MirrorStore {
    mirror: Arc<Mirror>,
    cancel: Cancel,
}

impl MirrorStore {
    /// Of no job.
    pub fn of(mirror: Arc<Mirror>) -> Self {
        MirrorStore { mirror, cancel: Cancel::default() }
    }
}

impl std::fmt::Debug for MirrorStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("MirrorStore").field(&self.mirror).finish()
    }
}

impl Store for MirrorStore {
    fn scheme(&self) -> &str {
        SCHEME
    }

    /// What is listed by now; [`Mirror::ensure_listed`] reads the listings.
    fn list(&self, _root: &Location) -> Result<Arc<Listed>> {
        Ok(self.mirror.list())
    }

    fn stat(&self, at: &Location) -> Result<Object> {
        self.mirror.version(path_of(at), &self.cancel)
    }

    /// What was fetched; nothing is fetched in passing.
    fn open(&self, at: &Location) -> Result<Arc<dyn ReadAt>> {
        let path = self.mirror.here(at);
        open_source(&path).and_then(crate::store::opened).map_err(|error| Error::io(error, &path))
    }

    fn local(&self, object: &Object, _columns: Option<&BTreeSet<String>>) -> Result<LocalCopy> {
        Ok(LocalCopy::itself(self.mirror.here(&object.location)))
    }

    fn during(&self, cancel: &Cancel) -> Option<Arc<dyn Store>> {
        Some(Arc::new(MirrorStore { cancel: cancel.clone(), ..self.clone() }))
    }
}

impl Mirror {
    fn list(&self) -> Arc<Listed> {
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(listed) = &*listed {
            return listed.clone();
        }
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut found, mut elsewhere) = (Vec::new(), Vec::new());
        let all = self.folders(None);
        for (folder, Current { kept, .. }) in &*current {
            for entry in kept.entries() {
                let path = if folder.is_empty() { entry.name.clone() } else { format!("{folder}/{}", entry.name) };
                let location = Location::of(SCHEME, &path);
                match entry.folder {
                    true if all.contains(&path) => {}
                    true => elsewhere.push(location),
                    // A name of one dataset in the folder of another is no version of its file.
                    false if self.is_of_folder(&entry.name, folder) => found.push(Entry { location, object: None }),
                    false => elsewhere.push(location),
                }
            }
        }
        found.sort_by(|a, b| a.location.cmp(&b.location));
        let now = Arc::new(Listed { found, elsewhere, ..Listed::default() });
        *listed = Some(now.clone());
        now
    }

    /// Whether a name of the catalogue stands in a folder of its dataset; others are known as ignored anyhow.
    fn is_of_folder(&self, name: &str, folder: &str) -> bool {
        let Some(found) = self.catalog.read_name(name) else { return true };
        let Some(grupo) = self.catalog.read(&found.id.dataset.to_string()) else { return true };
        grupo.is_published_in(folder)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::catalog::Catalog;
    use crate::config::Config;
    use crate::store::{Patience, Stores};

    #[test]
    fn a_listing_that_comes_waits_for_one_that_is_put_together_and_holds_nothing_that_it_needs() {
        let place = tempfile::tempdir().unwrap();
        let (home, stores, config) = (place.path().join("home"), Stores::default(), Config::default());
        let source = place.path().display().to_string();
        let opened = Mirror::open(&source, &config, &home, &stores, Patience::default(), Catalog::builtin());
        let mirror = Arc::new(opened.unwrap());
        // As `list` has it, before it asks for what is current.
        let listed = mirror.listed.lock().unwrap();
        let coming = mirror.clone();
        let comes = std::thread::spawn(move || {
            let kept = coming.listings.keep(&coming.remotes[0], "SIM", Some(Vec::new()));
            coming.counts("SIM", 0, kept)
        });
        let until = Instant::now() + Duration::from_millis(100);
        while Instant::now() < until {
            assert!(mirror.current.try_lock().is_ok(), "each would wait for the other");
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(listed);
        assert_eq!(comes.join().unwrap().remote, 0);
    }
}
