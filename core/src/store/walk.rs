//! What lies below a folder. Its names are known from one walk to the next: a folder is read again where its time is another.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::State;
use crate::base::{Error, FileSystem, Result};

/// Links to folders that are followed one behind the other, at most; folders themselves may be as deep as they are.
const MOST_LINKS: usize = 16;
/// A folder that was changed so shortly before it was read may change once more without another time.
const SETTLES: Duration = Duration::from_secs(2);

/// What lies below a root, in order of path.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub files: Vec<PathBuf>,
    /// Links that lead to nothing.
    pub broken: Vec<PathBuf>,
    /// Links to folders that were not entered, behind too many others.
    pub not_entered: Vec<PathBuf>,
}

/// What a walk rests on.
#[derive(Debug, Default)]
pub(super) struct Walk {
    folders: HashMap<PathBuf, ReadFolder>,
    links: Vec<(PathBuf, Leads)>,
}

#[derive(Debug, Clone)]
struct ReadFolder {
    /// What it stays true with; none where that cannot be told.
    stamp: Option<Stamp>,
    entries: Arc<[Entry]>,
}

/// Changes whenever a name in a folder comes or goes. `ctime`, because the other time is set at will (`rsync -t`, `tar`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

#[derive(Debug)]
struct Entry {
    name: OsString,
    kind: EntryKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EntryKind {
    File,
    Folder,
    Link,
}

/// Where a link leads to, which no time of its own folder tells.
#[derive(Debug, PartialEq, Eq)]
enum Leads {
    ToFile,
    ToFolder(PathBuf),
    ToOther,
    Nowhere,
}

pub(super) struct Stat {
    pub size: u64,
    pub mtime_ns: i64,
    pub state: Option<State>,
    /// What the system knows the file by, whatever its path.
    pub inode: Option<(u64, u64)>,
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
    /// The way behind the link in `folder` that leads to `target`; none where it leads back to what is walked already.
    fn behind(&self, target: &Path, folder: &Path) -> std::io::Result<Option<Way>> {
        let here = folder.canonicalize()?;
        let is_above = self.from.iter().chain([&here]).any(|place| place.starts_with(target));
        if is_above && self.bases.iter().any(|base| target.starts_with(base)) {
            return Ok(None);
        }
        let mut way = self.clone();
        way.bases.push(target.to_owned());
        way.from.push(here);
        Ok(Some(way))
    }
}

impl Walk {
    /// The files below `root`, or `root` itself where it is a file. Of the walk `before` the folders are not read again that
    /// have not changed since.
    pub fn of(root: &Path, before: Option<&Walk>) -> Result<(Walk, Found)> {
        let (mut walk, mut found) = (Walk::default(), Found::default());
        match root.is_file() {
            true => found.files.push(root.to_owned()),
            false => walk.go(root, before, &mut found)?,
        }
        for list in [&mut found.files, &mut found.broken, &mut found.not_entered] {
            list.sort();
        }
        Ok((walk, found))
    }

    /// Whether another walk would find the same, so far as the folders' times tell.
    pub fn is_current(&self) -> bool {
        let unchanged = |(path, folder): (&PathBuf, &ReadFolder)| folder.stamp.is_some() && folder.stamp == now(path);
        !self.folders.is_empty()
            && self.folders.iter().all(unchanged)
            && self.links.iter().all(|(link, leads)| Leads::of(link).is_ok_and(|now| now == *leads))
    }

    fn go(&mut self, root: &Path, before: Option<&Walk>, found: &mut Found) -> Result<()> {
        let at = |path: &Path, error| Error::io(error, path).stage("source");
        let bases = vec![root.canonicalize().map_err(|e| at(root, e))?];
        let mut open = vec![(root.to_owned(), Way { bases, from: Vec::new() })];
        while let Some((folder, way)) = open.pop() {
            let known = before.and_then(|walk| walk.folders.get(&folder));
            let read = match known.filter(|known| known.stamp.is_some() && known.stamp == now(&folder)) {
                Some(known) => known.clone(),
                None => read(&folder)?,
            };
            for entry in read.entries.iter() {
                let path = folder.join(&entry.name);
                match entry.kind {
                    EntryKind::File => found.files.push(path),
                    EntryKind::Folder => open.push((path, way.clone())),
                    EntryKind::Link => {
                        let leads = Leads::of(&path).map_err(|e| at(&path, e))?;
                        match &leads {
                            Leads::ToFile => found.files.push(path.clone()),
                            Leads::ToFolder(_) if way.from.len() == MOST_LINKS => {
                                found.not_entered.push(path.clone());
                            }
                            Leads::ToFolder(target) => {
                                let behind = way.behind(target, &folder).map_err(|e| at(&path, e))?;
                                open.extend(behind.map(|way| (path.clone(), way)));
                            }
                            Leads::ToOther => {}
                            Leads::Nowhere => found.broken.push(path.clone()),
                        }
                        self.links.push((path, leads));
                    }
                }
            }
            self.folders.insert(folder, read);
        }
        Ok(())
    }
}

impl Leads {
    fn of(link: &Path) -> std::io::Result<Self> {
        Ok(match std::fs::metadata(link) {
            Ok(target) if target.is_file() => Leads::ToFile,
            Ok(target) if target.is_dir() => Leads::ToFolder(link.canonicalize()?),
            Ok(_) => Leads::ToOther,
            Err(_) => Leads::Nowhere,
        })
    }
}

/// The entries that count, and the folder's time before they were read.
fn read(folder: &Path) -> Result<ReadFolder> {
    let at = |path: &Path, error| Error::io(error, path).stage("source");
    let (stamp, began) = (now(folder), SystemTime::now());
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| at(folder, e))? {
        let entry = entry.map_err(|e| at(folder, e))?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        // The folder's own listing says what an entry is, but for links.
        let kind = entry.file_type().map_err(|e| at(&entry.path(), e))?;
        let kind = match kind {
            kind if kind.is_file() => EntryKind::File,
            kind if kind.is_dir() => EntryKind::Folder,
            kind if kind.is_symlink() => EntryKind::Link,
            _ => continue,
        };
        entries.push(Entry { name, kind });
    }
    let trusted =
        |stamp: &Stamp| stamp.had_settled(began) && FileSystem::of(folder).is_ok_and(FileSystem::keeps_folder_times);
    Ok(ReadFolder { stamp: stamp.filter(trusted), entries: entries.into() })
}

#[cfg(unix)]
fn now(folder: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::metadata(folder).ok()?;
    Some(Stamp {
        device: found.dev(),
        inode: found.ino(),
        modified: (found.mtime(), found.mtime_nsec()),
        changed: (found.ctime(), found.ctime_nsec()),
    })
}

#[cfg(not(unix))]
fn now(_folder: &Path) -> Option<Stamp> {
    None
}

impl Stamp {
    /// Whether its last change was long enough before `then`.
    fn had_settled(&self, then: SystemTime) -> bool {
        let before = then.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(SETTLES);
        let (seconds, _) = self.modified.max(self.changed);
        // Of a second that has begun, all counts.
        u64::try_from(seconds).map_or(true, |seconds| seconds < before.as_secs())
    }
}
