//! What a statement may spill: a folder of its own, with a share of the disk.

use std::path::Path;
use std::sync::OnceLock;

use crate::base::{Code, Error, Result};
use crate::governor::SpillFolder;

/// A statement's spill folder, or why there is none: only a statement that then needs it ends with that.
pub(super) struct Spill {
    folder: Result<SpillFolder>,
    /// The disk has become full.
    full: OnceLock<Error>,
}

impl Spill {
    /// At `path`, which the instance names as its temporary folder.
    pub fn open(path: &Path, limit: u64) -> Self {
        Spill { folder: SpillFolder::create_at(path, limit), full: OnceLock::new() }
    }

    /// Bytes.
    pub fn quota(&self) -> u64 {
        self.folder.as_ref().map_or(0, SpillFolder::quota)
    }

    pub fn is_used(&self) -> bool {
        self.folder.as_ref().is_ok_and(SpillFolder::is_used)
    }

    /// Looked at while the statement runs: true once it must end, because what it spills leaves the disk no room.
    pub fn overflows(&self) -> bool {
        if let Ok(folder) = &self.folder
            && folder.is_used()
            && let Err(error) = folder.check()
        {
            let _ = self.full.set(error);
        }
        self.full.get().is_some()
    }

    /// DS-507 once it has been found so.
    pub fn still_fits(&self) -> Result<()> {
        self.full.get().map_or(Ok(()), |full| Err(full.clone()))
    }

    /// What a statement ends with that failed with `error`.
    pub fn explain(&self, error: Error) -> Error {
        match (&self.folder, self.full.get()) {
            (_, Some(full)) if error.code() != Code::Cancelled => full.clone().because(error),
            (Err(refused), _) if matches!(error.code(), Code::DiskFull | Code::OutOfMemory) => {
                refused.clone().because(error)
            }
            _ => error,
        }
    }
}
