//! A tree in a store: a bucket, or a folder of this machine.

use crate::base::{Cancel, Cause, Code, Error, Result};
use crate::store::{Location, Modified, Stores, Taker, Tree, TreeEntry};

/// Bytes that are read at once.
const READ: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct StoreTree {
    stores: Stores,
    root: Location,
    address: String,
}

impl StoreTree {
    pub fn over(stores: Stores, root: Location) -> Self {
        let address = root.to_string();
        StoreTree { stores, root, address }
    }

    fn at(&self, path: &str) -> Location {
        self.root.at(if path.is_empty() { self.root.path().to_owned() } else { self.root.path().join(path) })
    }
}

/// What another store says in its own words, as trees do.
fn of_tree(error: Error) -> Error {
    match error.code() {
        Code::NotFound | Code::Forbidden => error.caused_by(Cause::SourceGone),
        // It has tried more than once.
        Code::Unreachable => error.caused_by(Cause::SourceAway),
        _ => error,
    }
}

impl Tree for StoreTree {
    fn address(&self) -> &str {
        &self.address
    }

    fn list(&self, folder: &str, cancel: &Cancel) -> Result<Vec<TreeEntry>> {
        let root = self.at(folder);
        let listed = self.stores.list(&root).map_err(of_tree)?;
        let mut entries: Vec<TreeEntry> = Vec::new();
        for entry in &listed.found {
            cancel.check()?;
            let below = entry.location.below(&root);
            let mut parts = below.components();
            let Some(name) = parts.next().and_then(|part| part.as_os_str().to_str()) else { continue };
            if parts.next().is_some() {
                let folder = TreeEntry { name: name.to_owned(), folder: true, size: None, modified: None, tag: None };
                if entries.last() != Some(&folder) {
                    entries.push(folder);
                }
                continue;
            }
            let object = entry.object.clone();
            let object = object.map_or_else(|| self.stores.stat(&entry.location), Ok).map_err(of_tree)?;
            let modified = (object.mtime_ns != 0).then_some(Modified { ns: object.mtime_ns, day_only: false });
            let (name, size) = (name.to_owned(), Some(object.size));
            entries.push(TreeEntry { name, folder: false, size, modified, tag: None });
        }
        Ok(entries)
    }

    fn stat(&self, path: &str, _cancel: &Cancel) -> Result<TreeEntry> {
        let object = self.stores.stat(&self.at(path)).map_err(of_tree)?;
        let modified = (object.mtime_ns != 0).then_some(Modified { ns: object.mtime_ns, day_only: false });
        Ok(TreeEntry { name: object.location.name(), folder: false, size: Some(object.size), modified, tag: None })
    }

    fn fetch(&self, path: &str, listed: &TreeEntry, have: u64, to: &mut dyn Taker, cancel: &Cancel) -> Result<()> {
        let at = self.at(path);
        let object = self.stores.open(&at).map_err(of_tree)?;
        if let Some(size) = listed.size.filter(|size| *size != object.size()) {
            return Err(crate::store::changed(&self.address, path, size, object.size()));
        }
        to.begin(have)?;
        let (mut from, mut read) = (have, vec![0; READ]);
        while from < object.size() {
            cancel.check()?;
            let count = object.read_at(&mut read, from).map_err(|error| at.io(error).caused_by(Cause::SourceLost))?;
            if count == 0 {
                break;
            }
            to.take(&read[..count])?;
            from += count as u64;
        }
        Ok(())
    }
}
