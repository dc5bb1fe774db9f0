//! Uploads that are under way, noted on this machine: the server keeps the parts of one whose process was killed, and charges for
//! them, until somebody ends it. One that a job goes on with when it is resumed is left to that.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::upload_log::UploadLog;
use crate::base::{Error, Result, Trusted, create_folders};
use crate::store::Location;

/// Between a note's first byte and its lock.
const SETTLES: Duration = Duration::from_secs(60);
/// Bytes of a note.
const MOST: u64 = 64 << 10;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Noted {
    pub server: String,
    pub at: Location,
    pub upload: String,
    /// The log of a job that goes on with it, for as long as it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<PathBuf>,
}

impl Noted {
    fn is_held(&self) -> bool {
        self.held.as_ref().is_some_and(|log| UploadLog::holds(log, &self.upload))
    }
}

/// A note of this process, which holds its lock.
pub(super) struct Note {
    path: PathBuf,
    _lock: Option<File>,
}

impl Note {
    pub fn write(folder: &Path, noted: &Noted) -> Result<Self> {
        create_folders(folder).map_err(|error| Error::io(error, folder))?;
        let path = folder.join(format!("{}.json", ulid::Ulid::new()));
        let failed = |error| Error::io(error, &path);
        let mut file = Trusted::Own.open(File::options().create_new(true).write(true), &path).map_err(failed)?;
        file.lock().map_err(failed)?;
        let json = serde_json::to_vec(noted).map_err(Error::internal)?;
        file.write_all(&json).and_then(|()| file.sync_all()).map_err(failed)?;
        Ok(Note { path, _lock: Some(file) })
    }

    /// The note of an upload that goes on; none where it is gone.
    pub fn again(path: &Path) -> Option<Self> {
        let file = Trusted::Own.open(File::options().write(true), path).ok()?;
        // Who looks at it now sees that a job holds it.
        let lock = file.try_lock().is_ok().then_some(file);
        Some(Note { path: path.to_owned(), _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// There is nothing left to be ended.
    pub fn done(self) {
        if let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(file = %self.path.display(), %error, "a note of an upload stays");
        }
    }
}

/// Whether it was made a moment ago.
fn is_young(file: &File) -> bool {
    let made = file.metadata().and_then(|found| found.modified());
    made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age < SETTLES))
}

/// Has `end` end the uploads at `server` whose processes are gone; what it cannot end stays noted.
pub(super) fn sweep(folder: &Path, server: &str, end: impl Fn(&Noted) -> Result<()>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "json"))
    {
        let Ok(file) = Trusted::Own.read(&path) else { continue };
        if file.try_lock().is_err() {
            continue;
        }
        let noted =
            Trusted::Own.read_all(&path, MOST).ok().and_then(|bytes| serde_json::from_slice::<Noted>(&bytes).ok());
        match noted {
            Some(noted) if noted.server != server || noted.is_held() => continue,
            Some(noted) => {
                if let Err(error) = end(&noted) {
                    tracing::warn!(at = %noted.at, %error, "an upload that a killed process left was not ended");
                    continue;
                }
            }
            // It is being written, or whoever did was killed.
            None if is_young(&file) => continue,
            None => {}
        }
        let _ = std::fs::remove_file(&path);
    }
}
