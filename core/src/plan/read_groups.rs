//! Which row groups a scan has read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Row groups of which anything was read, by file and number in the scan, each with the compressed bytes of the column chunks that were.
/// Clones count together, so that a row group which is read once more counts once.
#[derive(Debug, Clone, Default)]
pub struct ReadGroups(Arc<Mutex<BTreeMap<(usize, usize), u64>>>);

impl ReadGroups {
    /// So much of a row group is read.
    pub fn add(&self, file: usize, group: usize, bytes: u64) {
        let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = read.entry((file, group)).or_default();
        *known = bytes.max(*known);
    }

    /// How many, and their bytes.
    pub fn sum(&self) -> (u64, u64) {
        let read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (read.len() as u64, read.values().sum())
    }
}

/// What was read is no part of what is to be read.
impl PartialEq for ReadGroups {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
