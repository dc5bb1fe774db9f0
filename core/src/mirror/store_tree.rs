//! A tree in a store: a bucket, or a folder of this machine.

use crate::base::{Cancel, Cause, Code, Error, Result};
use crate::store::{Location, Modified, Object, Stores, Taker, Tree, TreeEntry, changed, folder_and_name, gone};

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

    /// Whether the tree is a folder of this machine, and there.
    fn is_here(&self) -> bool {
        self.root.is_file() && self.root.path().is_dir()
    }

    fn at(&self, path: &str) -> Location {
        self.root.at(if path.is_empty() { self.root.path().to_owned() } else { self.root.path().join(path) })
    }
}

/// What another store says in its own words, as trees do.
fn of_tree(error: Error) -> Error {
    match error.code() {
        Code::NotFound | Code::Forbidden => error.caused_by(Cause::SourceGone),
        // Where there is no connection the store says so itself.
        Code::Unreachable => error.caused_by(Cause::SourceLost),
        _ => error,
    }
}

/// A file as a listing has it; what the store knows its version by is its tag.
fn file(name: &str, object: &Object) -> TreeEntry {
    TreeEntry {
        name: name.to_owned(),
        folder: false,
        size: Some(object.size),
        modified: (object.mtime_ns != 0).then_some(Modified { ns: object.mtime_ns, day_only: false }),
        tag: object.state.map(|state| format!("{:x}-{:x}", state.inode, state.ctime_ns)),
    }
}

impl Tree for StoreTree {
    fn address(&self) -> &str {
        &self.address
    }

    fn list(&self, folder: &str, cancel: &Cancel) -> Result<Vec<TreeEntry>> {
        let (root, stores) = (self.at(folder), self.stores.during(cancel));
        let listed = match stores.list(&root) {
            // Of a disk a folder may be missing while the tree is there; a bucket has no folders, and its own absence is an error.
            Err(error) if error.code() == Code::NotFound && self.is_here() => return Err(of_tree(error)),
            Err(error) if error.code() == Code::NotFound && root.is_file() => {
                return Err(error.caused_by(Cause::SourceAway));
            }
            Err(error) if error.code() == Code::Unreachable => return Err(of_tree(error)),
            listed => listed?,
        };
        if listed.found.is_empty() && !folder.is_empty() && !root.is_file() {
            return Err(gone(&self.address, folder, "ListObjects: 0"));
        }
        let mut entries: Vec<TreeEntry> = Vec::new();
        for entry in &listed.found {
            cancel.check()?;
            let below = entry.location.below(&root);
            let mut parts = below.components();
            // One that is not UTF-8 is named among those that are ignored.
            let Some(name) = parts.next().map(|part| part.as_os_str().to_string_lossy().into_owned()) else { continue };
            if parts.next().is_some() {
                let folder = TreeEntry { name, folder: true, size: None, modified: None, tag: None };
                if entries.last() != Some(&folder) {
                    entries.push(folder);
                }
                continue;
            }
            match entry.object.clone().map_or_else(|| stores.stat(&entry.location), Ok) {
                Ok(object) => entries.push(file(&name, &object)),
                // It went since it was listed; of a folder that is there.
                Err(error) if error.code() == Code::NotFound => {}
                Err(error) if error.code() == Code::Forbidden => return Err(error),
                Err(error) => return Err(of_tree(error)),
            }
        }
        Ok(entries)
    }

    fn stat(&self, path: &str, cancel: &Cancel) -> Result<TreeEntry> {
        let object = self.stores.during(cancel).stat(&self.at(path)).map_err(of_tree)?;
        Ok(file(folder_and_name(path).1, &object))
    }

    fn fetch(&self, path: &str, listed: &TreeEntry, have: u64, to: &mut dyn Taker, cancel: &Cancel) -> Result<()> {
        let at = self.at(path);
        let now = self.stat(path, cancel)?;
        if let (Some(listed), Some(found)) = (listed.size, now.size)
            && listed != found
        {
            return Err(changed(&self.address, path, Some((listed, found))));
        }
        // Of the same size, and another content.
        if !listed.is_same(&now) {
            return Err(changed(&self.address, path, None));
        }
        let object = self.stores.during(cancel).open(&at).map_err(of_tree)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::text;

    #[test]
    fn a_store_that_is_busy_is_not_away_and_what_it_says_of_the_cause_stays() {
        let of = |code| of_tree(Error::new(code, text!("x", "x")));
        assert_eq!((of(Code::Forbidden).code(), of(Code::NotFound).code()), (Code::Forbidden, Code::NotFound));
        assert_eq!(of(Code::NotFound).cause(), Some(Cause::SourceGone));
        assert_eq!(of(Code::Unreachable).cause(), Some(Cause::SourceLost));
        for said in [Cause::SourceAway, Cause::SourceChanged] {
            let error = Error::new(Code::Unreachable, text!("x", "x")).caused_by(said);
            assert_eq!(of_tree(error).cause(), Some(said));
        }
    }
}
