//! What a worker is told, and what it says of itself.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::engine::Settings;
use crate::governor::{BatchMemory, Throttle};
use crate::labels::KitLists;
use crate::plan::{Binds, Statement, View};

/// Of the library and of its worker, which are one build or do not work together.
pub(super) const BUILD: &str = concat!(env!("CARGO_PKG_VERSION"), " ", env!("DATASUS_BUILD"));

/// A spill folder that nobody can make, whoever runs the worker: its root is no folder.
const NOWHERE: &str = "/dev/null/spill";

/// The first thing that a worker says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    pub build: String,
    /// What the kernel offers.
    pub locks: Locks,
    /// It forks workers, as it was asked to.
    #[serde(default)]
    pub forks: bool,
}

/// The kernel's means to shut a process in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Locks {
    /// Version of landlock; 0: there is none.
    pub landlock: u32,
    pub seccomp: bool,
}

/// The one statement of a worker, and its bounds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub views: Vec<View>,
    pub sql: String,
    pub written: Option<String>,
    pub binds: Binds,
    pub files: Vec<String>,
    /// Kits of labels that the statement names.
    pub kits: Vec<KitLists>,
    pub from_user: bool,
    pub long_bytes: u64,
    pub memory_limit: u64,
    pub spill_limit: u64,
    /// The folder in which it may write; none: there is none.
    pub spill_root: Option<PathBuf>,
    pub threads: usize,
    pub chunk_rows: usize,
    pub chunk_bytes: u64,
    pub ahead_bytes: u64,
    /// Where paths that are not absolute begin.
    pub folder: PathBuf,
    /// Bytes that its data may grow by, whoever counts them.
    pub data_bytes: u64,
    pub cpu_seconds: Option<u64>,
}

impl Request {
    pub fn statement(&self) -> Statement {
        Statement {
            views: self.views.clone(),
            sql: self.sql.clone(),
            written: self.written.clone(),
            binds: self.binds.clone(),
            files: self.files.clone(),
            from_user: self.from_user,
            long_bytes: self.long_bytes,
            ..Statement::empty()
        }
    }

    pub fn settings(&self) -> Settings {
        Settings {
            memory_limit: self.memory_limit,
            spill_limit: self.spill_limit,
            spill_root: self.spill_root.clone().unwrap_or_else(|| NOWHERE.into()),
            threads: self.threads,
            units: None,
            chunk_rows: self.chunk_rows,
            ahead_bytes: self.ahead_bytes,
            channel_depth: 1,
            throttle: Throttle::of_batches(self.chunk_bytes),
            made: BatchMemory::default(),
            hold: None,
            answer: None,
        }
    }
}

/// Environment of a worker: nothing of the host's, whose variables hold passwords, but where its libraries lie.
pub(super) fn environment(libraries: Option<&str>) -> BTreeMap<String, String> {
    let mut kept = BTreeMap::from([(PARENT.to_owned(), std::process::id().to_string())]);
    if let Some(folder) = libraries {
        kept.insert("LD_LIBRARY_PATH".into(), folder.to_owned());
    }
    kept
}

/// Says that a process is to fork workers.
#[cfg(target_os = "linux")]
pub(super) const FORKS: &str = "DATASUS_WORKER_FORKS";
/// Says that a process is a worker, and whose.
pub(super) const PARENT: &str = "DATASUS_WORKER_OF";
