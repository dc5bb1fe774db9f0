//! What lies below a folder.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::base::{Error, Result};

/// Folders inside folders, at most; a loop of links ends there.
const MAX_DEPTH: usize = 16;

pub(super) struct Stat {
    pub size: u64,
    pub mtime_ns: i64,
    /// What the system knows the file by, whatever its path.
    pub inode: Option<(u64, u64)>,
}

/// The files below `root` in order of path, or `root` itself where it is a file.
pub(super) fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    match root.is_file() {
        true => found.push(root.to_owned()),
        false => walk(root, 0, &mut found)?,
    }
    found.sort();
    Ok(found)
}

pub(super) fn stat(path: &Path) -> Result<Stat> {
    let metadata = std::fs::metadata(path).map_err(|e| Error::io(e, path).stage("source"))?;
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let mtime_ns = modified.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX));
    #[cfg(unix)]
    let inode = {
        use std::os::unix::fs::MetadataExt;
        Some((metadata.dev(), metadata.ino()))
    };
    #[cfg(not(unix))]
    let inode = None;
    Ok(Stat { size: metadata.len(), mtime_ns, inode })
}

/// Size and time of the last change, as they are now.
pub fn stamp(path: &Path) -> Result<(u64, i64)> {
    stat(path).map(|stat| (stat.size, stat.mtime_ns))
}

fn walk(folder: &Path, depth: usize, into: &mut Vec<PathBuf>) -> Result<()> {
    if depth > MAX_DEPTH {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder).map_err(|e| Error::io(e, folder).stage("source"))? {
        let entry = entry.map_err(|e| Error::io(e, folder).stage("source"))?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        // The folder's own listing says what an entry is, but for links.
        let kind = entry.file_type().map_err(|e| Error::io(e, &path).stage("source"))?;
        if kind.is_dir() || (kind.is_symlink() && path.is_dir()) {
            walk(&path, depth + 1, into)?;
        } else if kind.is_file() || (kind.is_symlink() && path.is_file()) {
            into.push(path);
        }
    }
    Ok(())
}
