//! What a running statement may use.

use std::path::PathBuf;

use crate::base::Units;

/// Bounds of one running statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Bytes that the engine may hold before it spills.
    pub memory_limit: u64,
    /// Bytes that it may spill to disk; past them the job ends with DS-507.
    pub spill_limit: u64,
    /// Folder for the spill; made when needed, and removed when the statement ends.
    pub spill_folder: PathBuf,
    /// Folders that hold the files of this source's statements, now and later.
    pub folders: Vec<PathBuf>,
    pub threads: usize,
    /// How a scan is cut where its sinks keep checkpoints: each chunk is a unit then, whatever `chunk_rows` says.
    pub units: Option<Units>,
    /// Most rows of a chunk; each but the last has at least half of that.
    pub chunk_rows: usize,
    /// Bytes that the engine's threads may run ahead of the consumer; with less than some decoded row groups they wait for
    /// one another. Not part of `memory_limit`.
    pub ahead_bytes: u64,
    /// Chunks that wait for the consumer before the engine is held back.
    pub channel_depth: usize,
}
