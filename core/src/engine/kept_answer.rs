//! What must be known of a statement's files before its answer may be kept, or a kept one given.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lake::LakeFile;
use crate::params::CacheMode;

/// Whether an answer came from a cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CacheUse {
    /// None was asked: the query or the client says so, or the answer is one that is not kept.
    #[default]
    Off,
    /// It was run, and its answer is kept where it is not too large.
    Miss,
    /// From this machine: memory, or the folder of answers, or another job that asked the same at the same time.
    #[serde(rename = "hit-l1")]
    HitL1,
    /// From Redis.
    #[serde(rename = "hit-l2")]
    HitL2,
}

/// The sources of an answer; clones are of the same job.
#[derive(Debug, Clone)]
pub struct KeptAnswer {
    /// What the query asks of the cache.
    pub mode: CacheMode,
    /// Those that may change.
    own: Arc<[LakeFile]>,
    contents: Option<Arc<[(String, String)]>>,
    used: Arc<OnceLock<CacheUse>>,
}

/// A file may change once more without its time telling.
const SETTLED: Duration = Duration::from_secs(2);

impl KeptAnswer {
    /// Of an answer over `files`.
    pub fn of(files: &[LakeFile], mode: CacheMode) -> Self {
        let contents = files.iter().map(content).collect::<Option<Vec<_>>>();
        let own = files.iter().filter(|file| file.native_parquet).cloned().collect();
        KeptAnswer { mode, own, contents: contents.map(Into::into), used: Arc::default() }
    }

    /// By the path of each file what it holds; none where that cannot be told.
    pub fn contents(&self) -> Option<&[(String, String)]> {
        self.contents.as_deref()
    }

    /// The sources are what they were when the job looked at them.
    pub fn sources_unchanged(&self) -> bool {
        self.own.iter().all(|file| file.still_unchanged().is_ok())
    }

    /// Where the answer comes from; false where that was said before.
    pub fn answered(&self, how: CacheUse) -> bool {
        self.used.set(how).is_ok()
    }

    /// Where the answer came from, as far as that was said.
    pub fn used(&self) -> CacheUse {
        self.used.get().copied().unwrap_or_default()
    }
}

fn content(file: &LakeFile) -> Option<(String, String)> {
    // Files that are read where they lie in another store have no path to tell them apart by.
    if file.is_elsewhere() && file.held.is_empty() {
        return None;
    }
    let path = file.path.to_str()?.to_owned();
    if !file.native_parquet {
        // What one converter makes of a source is the same wherever and whenever, but for the types that other headers gave it.
        return Some((path, format!("sha256 {} {} {}", file.source.sha256.as_ref()?, file.fingerprint, file.rows)));
    }
    // The user's own is not hashed: it is known as the lake knows a source.
    let (source, state) = (&file.source, &file.state);
    let last = state.map_or(source.mtime_ns, |state| state.ctime_ns.max(source.mtime_ns));
    let changed = SystemTime::UNIX_EPOCH + Duration::from_nanos(u64::try_from(last).ok()?);
    let settled = changed.elapsed().is_ok_and(|age| age >= SETTLED);
    settled.then(|| (path, format!("{} {} {} {state:?}", file.location, source.size, source.mtime_ns)))
}
