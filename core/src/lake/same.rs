//! Which of the user's own Parquet were seen to hold what a DBC's object would hold, so that they are read in place: in
//! memory, and in the lake's folder (`.same/`) where that can be written.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::ConvertOptions;
use super::made::suffix;
use crate::base::{Error, Result, WholeFile};
use crate::source::folder::SourceFile;

#[derive(Debug)]
pub(super) struct Same {
    folder: PathBuf,
    seen: Mutex<HashSet<String>>,
}

impl Same {
    pub(super) fn below(root: &Path) -> Self {
        Same { folder: root.join(".same"), seen: Mutex::default() }
    }

    /// Whether this version of the file was seen to.
    pub(super) fn holds(&self, file: &SourceFile, options: &ConvertOptions) -> bool {
        let key = key(file, options);
        if self.seen.lock().unwrap_or_else(PoisonError::into_inner).contains(&key) {
            return true;
        }
        let noted = std::fs::read_to_string(self.folder.join(name(&key))).is_ok_and(|text| text == key);
        if noted {
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
        }
        noted
    }

    /// Notes that it was. Where the folder cannot be written, the next process will look again.
    pub(super) fn add(&self, file: &SourceFile, options: &ConvertOptions) {
        let key = key(file, options);
        let write = || -> Result<()> {
            let path = self.folder.join(name(&key));
            let mut out = WholeFile::create(&path)?;
            out.write_all(key.as_bytes()).map_err(|e| Error::io(e, &path))?;
            out.publish_unforced()
        };
        if let Err(error) = write() {
            tracing::debug!(file = %file.path.display(), %error, "a check of the user's Parquet could not be noted");
        }
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
    }
}

/// What makes it the same version, read by the same rules.
fn key(file: &SourceFile, options: &ConvertOptions) -> String {
    let path = std::path::absolute(&file.path).unwrap_or_else(|_| file.path.clone());
    let (size, time, id) = (file.size, file.mtime_ns, &file.id);
    let state = file.state.map_or_else(String::new, |state| format!("{}.{}", state.inode, state.ctime_ns));
    let (dataset, uf, competencia) = (&id.dataset, id.uf, id.competencia);
    let rules = suffix(dataset, options, false, false);
    format!("{dataset} {uf} {competencia} {size} {time} {state} {rules}\n{}\n", path.display())
}

fn name(key: &str) -> String {
    hex::encode(&Sha256::digest(key.as_bytes())[..12])
}
