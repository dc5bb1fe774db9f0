//! What lies below a folder.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::State;
use crate::base::{Error, Result};

/// Links to folders that are followed one behind the other, at most; folders themselves may be as deep as they are.
const MOST_LINKS: usize = 16;

/// What lies below a root, in order of path.
#[derive(Default)]
pub(super) struct Found {
    pub files: Vec<PathBuf>,
    /// Links that lead to nothing.
    pub broken: Vec<PathBuf>,
    /// Links to folders that were not entered, behind too many others.
    pub not_entered: Vec<PathBuf>,
}

pub(super) struct Stat {
    pub size: u64,
    pub mtime_ns: i64,
    pub state: Option<State>,
    /// What the system knows the file by, whatever its path.
    pub inode: Option<(u64, u64)>,
}

/// The files below `root`, or `root` itself where it is a file.
pub(super) fn files(root: &Path) -> Result<Found> {
    let mut found = Found::default();
    match root.is_file() {
        true => found.files.push(root.to_owned()),
        false => walk(root, &mut found)?,
    }
    for list in [&mut found.files, &mut found.broken, &mut found.not_entered] {
        list.sort();
    }
    Ok(found)
}

pub(super) fn stat(path: &Path) -> Result<Stat> {
    let metadata = std::fs::metadata(path).map_err(|e| Error::io(e, path).stage("source"))?;
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let mtime_ns = modified.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX));
    #[cfg(unix)]
    let (inode, state) = {
        use std::os::unix::fs::MetadataExt;
        let ctime_ns = metadata.ctime().saturating_mul(1_000_000_000).saturating_add(metadata.ctime_nsec());
        (Some((metadata.dev(), metadata.ino())), Some(State { inode: metadata.ino(), ctime_ns }))
    };
    #[cfg(not(unix))]
    let (inode, state) = (None, None);
    Ok(Stat { size: metadata.len(), mtime_ns, state, inode })
}

/// Size and time of the last change, as they are now.
pub fn stamp(path: &Path) -> Result<(u64, i64)> {
    stat(path).map(|stat| (stat.size, stat.mtime_ns))
}

/// How a folder was come to.
#[derive(Clone, Default)]
struct Way {
    /// Where links led to, the root first.
    bases: Vec<PathBuf>,
    /// Where these links lie.
    from: Vec<PathBuf>,
}

impl Way {
    /// The way behind the link; none where it leads back to what is walked already.
    fn behind(&self, link: &Path, folder: &Path) -> std::io::Result<Option<Way>> {
        let (target, here) = (link.canonicalize()?, folder.canonicalize()?);
        let is_above = self.from.iter().chain([&here]).any(|place| place.starts_with(&target));
        if is_above && self.bases.iter().any(|base| target.starts_with(base)) {
            return Ok(None);
        }
        let mut way = self.clone();
        way.bases.push(target);
        way.from.push(here);
        Ok(Some(way))
    }
}

fn walk(root: &Path, into: &mut Found) -> Result<()> {
    let at = |path: &Path, error| Error::io(error, path).stage("source");
    let bases = vec![root.canonicalize().map_err(|e| at(root, e))?];
    let mut open = vec![(root.to_owned(), Way { bases, from: Vec::new() })];
    while let Some((folder, way)) = open.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|e| at(&folder, e))? {
            let entry = entry.map_err(|e| at(&folder, e))?;
            let path = entry.path();
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            // The folder's own listing says what an entry is, but for links.
            let kind = entry.file_type().map_err(|e| at(&path, e))?;
            if kind.is_file() {
                into.files.push(path);
            } else if kind.is_dir() {
                open.push((path, way.clone()));
            } else if kind.is_symlink() {
                match std::fs::metadata(&path) {
                    Ok(target) if target.is_file() => into.files.push(path),
                    Ok(target) if target.is_dir() && way.from.len() == MOST_LINKS => into.not_entered.push(path),
                    Ok(target) if target.is_dir() => {
                        let behind = way.behind(&path, &folder).map_err(|e| at(&path, e))?;
                        open.extend(behind.map(|way| (path, way)));
                    }
                    Ok(_) => {}
                    Err(_) => into.broken.push(path),
                }
            }
        }
    }
    Ok(())
}
