//! What was fetched of one file, by source: size and time as the listing had them, and the content's SHA-256. The note stays when the file
//! goes, because the lake still has what was made of it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::remote::Remote;
use crate::base::{Error, Result, Trusted, WholeFile};
use crate::store::{Object, State, TreeEntry, folder_and_name};

/// Bytes of a note.
const LONGEST: u64 = 1 << 20;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Held {
    /// The last one first; one per source.
    versions: Vec<Version>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Version {
    pub source: String,
    pub entry: TreeEntry,
    pub sha256: String,
    /// Milliseconds since 1970.
    pub fetched_at: i64,
}

/// Where what belongs to a file lies beside it: `.RDAC2401.dbc.json`.
pub(super) fn beside(files: &Path, path: &str, ending: &str) -> PathBuf {
    let (folder, name) = folder_and_name(path);
    files.join(folder).join(format!(".{name}.{ending}"))
}

impl Held {
    /// Nothing where there is no note, or none that can be read: then the file is fetched again.
    pub fn of(files: &Path, path: &str) -> Self {
        let read = Trusted::of_folder(files).read_all(&beside(files, path, "json"), LONGEST).ok();
        read.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// What came last from this source.
    pub fn version(&self, remote: &Remote) -> Option<&Version> {
        self.versions.iter().find(|version| version.source == remote.address())
    }

    pub fn of_remote(&self, remote: &Remote) -> Option<&TreeEntry> {
        self.version(remote).map(|version| &version.entry)
    }

    /// What came last from any of these sources; of others nothing is known here.
    pub fn newest(&self, remotes: &[Arc<Remote>]) -> Option<(usize, &TreeEntry)> {
        self.versions.iter().find_map(|version| {
            let at = remotes.iter().position(|remote| remote.address() == version.source)?;
            Some((at, &version.entry))
        })
    }

    /// The last that was fetched, if it is `object`.
    pub fn last(&self, path: &str, object: &Object, remotes: &[Arc<Remote>]) -> Option<&Version> {
        let version = self.versions.first()?;
        let remote = remotes.iter().find(|remote| remote.address() == version.source)?;
        let entry = &version.entry;
        let same = entry.size == Some(object.size)
            && entry.modified.map_or(0, |modified| modified.ns) == object.mtime_ns
            && object.state.map(|state| state.inode) == Some(remote.number(path, entry));
        same.then_some(version)
    }

    /// The source of the version with this state.
    pub fn origin(&self, path: &str, state: State, remotes: &[Arc<Remote>]) -> Option<String> {
        let of = |version: &&Version| {
            let remote = remotes.iter().find(|remote| remote.address() == version.source);
            remote.is_some_and(|remote| remote.number(path, &version.entry) == state.inode)
        };
        self.versions.iter().find(of).map(|version| version.source.clone())
    }

    /// Notes that this came last.
    pub fn note(mut self, files: &Path, path: &str, version: Version) -> Result<()> {
        self.versions.retain(|known| known.source != version.source);
        self.versions.insert(0, version);
        let at = beside(files, path, "json");
        let mut out = WholeFile::create(&at)?;
        out.write_all(&serde_json::to_vec(&self).map_err(Error::internal)?).map_err(|error| Error::io(error, &at))?;
        out.publish_unforced()
    }
}
