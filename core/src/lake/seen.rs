//! What sources hold that are alike in name, size and time to what was converted, and not in their state: a digest, made once.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::notes;
use crate::base::{Error, Result, WholeFile, create_folders};
use crate::source::folder::SourceFile;
use crate::store::{State, Stores};

/// In memory, and in the lake's folder (`.seen/`) where that can be written.
#[derive(Debug)]
pub(super) struct Seen {
    folder: PathBuf,
    known: Mutex<HashMap<PathBuf, Noted>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Noted {
    path: PathBuf,
    size: u64,
    mtime_ns: i64,
    state: Option<State>,
    sha256: String,
}

impl Seen {
    pub(super) fn below(root: &Path) -> Self {
        Seen { folder: root.join(".seen"), known: Mutex::default() }
    }

    /// The file's SHA-256; the file is read where no note is of this very state.
    pub(super) fn sha256(&self, stores: &Stores, file: &SourceFile) -> Result<String> {
        let path = file.location.whole();
        let is_of = |noted: &Noted| {
            (noted.size, noted.mtime_ns, noted.state) == (file.size, file.mtime_ns, file.state) && noted.path == path
        };
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&path).filter(|n| is_of(n)) {
            return Ok(known.sha256.clone());
        }
        let at = self
            .folder
            .join(format!("{}.json", hex::encode(&Sha256::digest(path.as_os_str().as_encoded_bytes())[..12])));
        let on_disk = notes::read(&at).and_then(|bytes| serde_json::from_slice::<Noted>(&bytes).ok());
        let noted = match on_disk.filter(is_of) {
            Some(noted) => noted,
            None => {
                let sha256 = stores.sha256(&file.location)?;
                let (size, mtime_ns, state) = (file.size, file.mtime_ns, file.state);
                let noted = Noted { path: path.clone(), size, mtime_ns, state, sha256 };
                if let Err(error) = note(&at, &noted) {
                    tracing::debug!(file = %path.display(), %error, "a source's digest could not be noted");
                }
                noted
            }
        };
        let sha256 = noted.sha256.clone();
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(path, noted);
        Ok(sha256)
    }
}

fn note(at: &Path, noted: &Noted) -> Result<()> {
    if let Some(folder) = at.parent() {
        create_folders(folder).map_err(|e| Error::io(e, folder))?;
    }
    let mut out = WholeFile::create(at)?;
    out.write_all(&serde_json::to_vec(noted).map_err(Error::internal)?).map_err(|e| Error::io(e, at))?;
    out.publish_unforced()
}
