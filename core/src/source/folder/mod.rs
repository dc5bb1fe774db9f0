//! A folder of files in any layout: flat, a mirror of the FTP tree, or partitioned by name.
//!
//! Files are recognised by their names. The user's own Parquet may also stand in partitions
//! (`sistema=SIH/grupo=RD/uf=AC/ano=2024/mes=01/*.parquet`, `RDAC2401.parquet/part-0.parquet`). Hidden folders are not
//! entered. Every version of a file is listed; which of them is read is a query's to choose, of those that it wants.

mod partition;
mod preliminary;
mod same;
mod walk;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::Result;
use crate::catalog::{Catalog, FileId};

pub use walk::stamp;

/// Scans source folders.
#[derive(Debug, Clone, Copy)]
pub struct Folder;

/// What a folder holds.
#[derive(Debug, Clone)]
pub struct Listing {
    pub root: PathBuf,
    /// In order of dataset, UF, competência, part and path; of one file there may be several versions.
    pub files: Vec<SourceFile>,
    /// What is not read as a source, in order of path; objects of a lake are left out.
    pub ignored: Vec<Ignored>,
}

/// A file of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    pub id: FileId,
    pub path: PathBuf,
    pub kind: FileKind,
    pub size: u64,
    /// Time of the last change, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// None where the system says none.
    pub state: Option<State>,
    pub version: Version,
}

/// What changes with a file's content even where size and time do not: another file in its place is another inode, and a change
/// of the same is a later `ctime`. It changes with less as well (a copy, a link, a name), so that another state says only that
/// one has to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct State {
    pub inode: u64,
    /// In nanoseconds since 1970.
    pub ctime_ns: i64,
}

/// What tells a file from others of the same dataset, UF, competência and part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Version {
    /// Below a folder PRELIM, or named so.
    pub preliminary: bool,
    /// The day in its name, as YYYYMMDD.
    pub dated: Option<u32>,
    /// Of a Parquet in a partition: the folder, whose files are one version together.
    pub partition: Option<PathBuf>,
    /// SHA-256, where name, size and time are those of another file as well.
    pub sha256: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    Dbc,
    Dbf,
    Parquet,
}

/// A file of the folder that is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    pub path: PathBuf,
    pub why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its name is of no dataset.
    Name,
    /// It has to be extracted first: gz, zip, ...
    Archive,
    /// Written by datasus: an answer, not a source.
    Ours,
    /// A link that leads to nothing.
    Link,
    /// A link to a folder, behind too many others to be followed.
    Depth,
}

impl SourceFile {
    /// The name without its folder.
    pub fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

impl Why {
    pub fn as_str(self) -> &'static str {
        match self {
            Why::Name => "name",
            Why::Archive => "archive",
            Why::Ours => "ours",
            Why::Link => "link",
            Why::Depth => "depth",
        }
    }
}

impl Ignored {
    /// The name without its folder.
    pub fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// True where its extension says that it holds records, or is an archive that may; `RDAC2401.dbc.1` and
    /// `RDAC2401.dbc.part` of those who download have theirs before the last one.
    pub fn may_hold_records(&self) -> bool {
        let name = self.name();
        self.why == Why::Archive || name.split('.').skip(1).any(|part| FileKind::of_extension(part).is_some())
    }
}

/// Extensions of what has to be extracted first.
const ARCHIVES: [&str; 9] = ["gz", "zip", "7z", "rar", "z", "bz2", "xz", "zst", "tgz"];

impl FileKind {
    fn of(name: &str) -> Option<Self> {
        FileKind::of_extension(&extension(name))
    }

    fn of_extension(extension: &str) -> Option<Self> {
        match extension.trim_end().to_lowercase().as_str() {
            "dbc" => Some(FileKind::Dbc),
            "dbf" => Some(FileKind::Dbf),
            "parquet" => Some(FileKind::Parquet),
            _ => None,
        }
    }
}

fn extension(name: &str) -> String {
    name.rsplit_once('.').map(|(_, extension)| extension.trim_end().to_lowercase()).unwrap_or_default()
}

impl Folder {
    /// Lists the files below `root`, or `root` itself where it is a file. Asks the system for size and time of those that
    /// the catalogue knows, and opens none.
    pub fn scan(root: &Path, catalog: &Catalog) -> Result<Listing> {
        let found = walk::files(root)?;
        let mut listing = Listing { root: root.to_owned(), files: Vec::new(), ignored: Vec::new() };
        let ignored = |all: Vec<PathBuf>, why| all.into_iter().map(move |path| Ignored { path, why });
        listing.ignored.extend(ignored(found.broken, Why::Link).chain(ignored(found.not_entered, Why::Depth)));
        let found = found.files;
        let mut same = same::Same::default();
        let mut partitions = partition::Partitions::new(root, catalog);
        let mut folders = preliminary::Folders::new(root, catalog);
        let records: HashSet<&Path> = found.iter().map(PathBuf::as_path).filter(|path| is_record(path)).collect();
        for path in &found {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let mut ignore = |why| listing.ignored.push(Ignored { path: path.clone(), why });
            let Some(kind) = FileKind::of(&name) else {
                match ARCHIVES.contains(&extension(&name).as_str()) {
                    true => ignore(Why::Archive),
                    // A record goes with its object, which is not listed either.
                    false if records.contains(path.as_path()) => {}
                    false => ignore(Why::Name),
                }
                continue;
            };
            if kind == FileKind::Parquet && records.contains(path.with_extension("parquet.json").as_path()) {
                continue;
            }
            let mut of_partition = || (kind == FileKind::Parquet).then(|| partitions.of(path)).flatten();
            let named = catalog.read_name(&name).map(|name| (name, None));
            let Some((name, partition)) = named.or_else(|| of_partition().map(|(name, folder)| (name, Some(folder))))
            else {
                ignore(Why::Name);
                continue;
            };
            let stat = walk::stat(path)?;
            let preliminary = name.preliminary || folders.are_preliminary(path);
            let version = Version { preliminary, dated: name.dated, partition, sha256: None };
            let (size, mtime_ns, state, path) = (stat.size, stat.mtime_ns, stat.state, path.clone());
            same.add(SourceFile { id: name.id, path, kind, size, mtime_ns, state, version }, stat.inode);
        }
        listing.files = same.files();
        listing.ignored.sort_by(|a, b| a.path.cmp(&b.path));
        listing.files.sort_by(|a, b| (&a.id, &a.path).cmp(&(&b.id, &b.path)));
        Ok(listing)
    }
}

/// `RDAC2401-0123456789ab-c3.parquet.json`: the record of a lake's object.
fn is_record(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let Some(object) = name.strip_suffix(".parquet.json") else { return false };
    // Between the hash of the source and the converter's version.
    object.match_indices("-c").any(|(at, _)| {
        let hash = object[..at].rsplit_once('-').map(|(_, hash)| hash).unwrap_or_default();
        let version = object[at + 2..].starts_with(|c: char| c.is_ascii_digit());
        version && hash.len() == 12 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}
