//! One instance that stays after a statement of our own, for the next one over the same folders: opening and closing
//! one takes longer than a small query.
//!
//! It can read those folders, and do nothing else. The user's SQL never runs in it, and it goes after an error or a
//! spill. Each statement has a connection of its own, with which its views end.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use duckdb::Connection;

use super::super::closing::Closing;
use crate::plan::Statement;

/// More files than that are not a small query.
const MOST_FILES: usize = 32;

pub(in crate::engine::duckdb) struct Kept {
    connection: Connection,
    folders: Vec<PathBuf>,
    /// Where it spills, whichever statement it runs: an instance cannot change that. The folder is each statement's own.
    pub spill_path: PathBuf,
    /// The settings that it has.
    bounds: String,
    process: u32,
}

impl Kept {
    /// A connection to the instance, whose bounds are now these.
    pub(in crate::engine::duckdb) fn bounded(self, bounds: &str) -> duckdb::Result<Connection> {
        if self.bounds != bounds {
            self.connection.execute_batch(bounds)?;
        }
        Ok(self.connection)
    }
}

static KEPT: Mutex<Option<Kept>> = Mutex::new(None);

/// The folders of an instance that may run `statement` and stay; none where it needs one of its own.
pub(in crate::engine::duckdb) fn folders(statement: &Statement, folders: &[PathBuf]) -> Option<Vec<PathBuf>> {
    if statement.from_user || statement.files.len() > MOST_FILES {
        return None;
    }
    let real = folders.iter().filter_map(|folder| folder.canonicalize().ok());
    // A source may be a single file, which is no folder that could be allowed.
    let folders: Vec<PathBuf> = real.filter(|folder| folder.is_dir()).collect();
    // A link that leads out of the folders is refused by the engine, unless its path is allowed by itself.
    let inside = |file: &String| {
        let path = Path::new(file);
        path.canonicalize().is_ok_and(|real| real == path && folders.iter().any(|folder| real.starts_with(folder)))
    };
    statement.files.iter().all(inside).then_some(folders)
}

/// The instance over these folders that spills under `spill_root`, if it is there.
pub(in crate::engine::duckdb) fn take(folders: &[PathBuf], spill_root: &Path) -> Option<Kept> {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let found = kept.take()?;
    if found.process != std::process::id() {
        // A forked child has the memory of its parent's instance, but not its threads.
        std::mem::forget(found);
        return None;
    }
    if found.folders != folders || found.spill_path.parent() != Some(spill_root) {
        *kept = Some(found);
        return None;
    }
    Some(found)
}

/// Keeps the instance of `connection` in place of the one before.
pub(in crate::engine::duckdb) fn put(
    connection: &Connection,
    folders: Vec<PathBuf>,
    spill_path: PathBuf,
    bounds: String,
) -> duckdb::Result<()> {
    let connection = connection.try_clone()?;
    // Some of them are the connection's own.
    connection.execute_batch(&bounds)?;
    let next = Kept { connection, folders, spill_path, bounds, process: std::process::id() };
    let before = KEPT.lock().unwrap_or_else(PoisonError::into_inner).replace(next);
    if before.is_some() {
        let _closing = Closing::begin();
        drop(before);
    }
    Ok(())
}

/// Closes the one that waits: it has what its statement read in its cache, up to its whole share of the memory.
pub(in crate::engine::duckdb) fn shed() {
    let _closing = Closing::begin();
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner).take();
    match kept {
        Some(kept) if kept.process != std::process::id() => std::mem::forget(kept),
        kept => drop(kept),
    }
}

/// True while one waits.
pub(in crate::engine::duckdb) fn is_there() -> bool {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).is_some()
}
