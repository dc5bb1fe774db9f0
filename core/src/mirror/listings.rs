//! Listings as they were read: one file per folder and source, with its time.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::remote::Remote;
use crate::base::{Error, Result, Trusted, WholeFile, create_folders};
use crate::store::TreeEntry;

/// Bytes of a kept listing.
const LONGEST: u64 = 512 << 20;

#[derive(Debug)]
pub(super) struct Listings {
    folder: PathBuf,
    hold_for: Duration,
    /// By source and folder.
    known: Mutex<HashMap<(String, String), Arc<Kept>>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    source: String,
    folder: String,
    /// Milliseconds since 1970, by this machine's clock.
    read_at: i64,
    /// None: the source does not have the folder.
    entries: Option<Vec<TreeEntry>>,
    #[serde(skip)]
    by_name: HashMap<String, usize>,
}

impl Kept {
    fn indexed(mut self) -> Arc<Self> {
        let entries = self.entries.iter().flatten().enumerate();
        self.by_name = entries.map(|(at, entry)| (entry.name.clone(), at)).collect();
        Arc::new(self)
    }

    /// Whether the source has the folder.
    pub fn is_there(&self) -> bool {
        self.entries.is_some()
    }

    pub fn entries(&self) -> impl Iterator<Item = &TreeEntry> {
        self.entries.iter().flatten()
    }

    pub fn file(&self, name: &str) -> Option<&TreeEntry> {
        let at = *self.by_name.get(name)?;
        self.entries.as_ref()?.get(at).filter(|entry| !entry.folder)
    }

    /// For people: `2026-11-28 13:55 UTC`.
    pub fn time(&self) -> String {
        let time = chrono::DateTime::from_timestamp_millis(self.read_at);
        time.map(|time| time.format("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default()
    }
}

fn now() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

impl Listings {
    pub fn below(home: &Path, hold_for: Duration) -> Self {
        Listings { folder: home.join("listings"), hold_for, known: Mutex::default() }
    }

    fn path(&self, remote: &Remote, folder: &str) -> PathBuf {
        let name = if folder.is_empty() { "_".to_owned() } else { folder.replace('%', "%25").replace('/', "%2F") };
        self.folder.join(remote.key()).join(format!("{name}.json"))
    }

    /// The last one that was read, by this process or another.
    pub fn kept(&self, remote: &Remote, folder: &str) -> Option<Arc<Kept>> {
        let key = (remote.key().to_owned(), folder.to_owned());
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known.filter(|known| self.is_fresh(known)) {
            return Some(known);
        }
        // Another process may have read it since.
        let on_disk = self.read(remote, folder);
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match (all.get(&key), on_disk) {
            (Some(known), Some(read)) if read.read_at <= known.read_at => Some(known.clone()),
            (_, Some(read)) => {
                all.insert(key, read.clone());
                Some(read)
            }
            (known, None) => known.cloned(),
        }
    }

    fn read(&self, remote: &Remote, folder: &str) -> Option<Arc<Kept>> {
        let path = self.path(remote, folder);
        let bytes = Trusted::of_folder(&self.folder).read_all(&path, LONGEST).ok()?;
        let kept: Kept = serde_json::from_slice(&bytes).ok()?;
        (kept.source == remote.address() && kept.folder == folder).then(|| kept.indexed())
    }

    /// Whether it still holds; one from the future does not.
    pub fn is_fresh(&self, kept: &Kept) -> bool {
        let age = now() - kept.read_at;
        u64::try_from(age).is_ok_and(|age| Duration::from_millis(age) < self.hold_for)
    }

    /// From now on this is the last one.
    pub fn keep(&self, remote: &Remote, folder: &str, entries: Option<Vec<TreeEntry>>) -> Arc<Kept> {
        let (source, folder) = (remote.address().to_owned(), folder.to_owned());
        let kept = Kept { source, folder: folder.clone(), read_at: now(), entries, by_name: HashMap::new() }.indexed();
        let path = self.path(remote, &folder);
        if let Err(error) = write(&path, &kept) {
            tracing::warn!(file = %path.display(), %error, "a listing could not be kept, and is read again next time");
        }
        let key = (remote.key().to_owned(), folder);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, kept.clone());
        kept
    }
}

fn write(path: &Path, kept: &Kept) -> Result<()> {
    if let Some(folder) = path.parent() {
        create_folders(folder).map_err(|error| Error::io(error, folder))?;
    }
    let mut out = WholeFile::create(path)?;
    out.write_all(&serde_json::to_vec(kept).map_err(Error::internal)?).map_err(|error| Error::io(error, path))?;
    out.publish_unforced()
}
