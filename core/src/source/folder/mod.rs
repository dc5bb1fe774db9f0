//! A folder of files in any layout: flat, a mirror of the FTP tree, or partitioned by name.
//!
//! Files are recognised by their names. The user's own Parquet may also stand in partitions
//! (`sistema=SIH/grupo=RD/uf=AC/ano=2024/mes=01/*.parquet`, `RDAC2401.parquet/part-0.parquet`). Hidden folders are not
//! entered. Every version of a file is listed; which of them is read is a query's to choose, of those that it wants.

mod names;
mod partition;
mod preliminary;
mod same;
mod tree;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::Result;
use crate::catalog::{Catalog, FileId};
use crate::store::{Location, Object, Stores};

pub use crate::store::{State, stamp};
pub use names::{KnownNames, Names};

/// Scans source folders.
#[derive(Debug, Clone, Copy)]
pub struct Folder;

/// What a folder holds, or what is wanted of it.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The folder, or the one file.
    pub root: Location,
    /// In order of dataset, UF, competência, part and path; of one file there may be several versions.
    pub files: Vec<SourceFile>,
    /// What is not read as a source, in order of path; objects of a lake are left out.
    pub ignored: Arc<[Ignored]>,
    /// All that the folder holds, by name.
    pub names: Arc<Names>,
}

/// A file of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// What the name says.
    pub id: FileId,
    /// Where it lies.
    pub location: Location,
    /// How it is read.
    pub kind: FileKind,
    /// Bytes of the file.
    pub size: u64,
    /// Time of the last change, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// None where the system says none.
    pub state: Option<State>,
    /// Which of several files of one name it is.
    pub version: Version,
}

/// A Parquet that is known beforehand, whatever it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// What it stands for.
    pub id: FileId,
    /// Where it lies on this machine.
    pub path: PathBuf,
    /// Those of one dataset, UF and competência are one version together.
    pub together: PathBuf,
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

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FileKind {
    /// The ministry's compressed DBF.
    Dbc,
    /// A plain DBF.
    Dbf,
    /// Of a dataset that is published so: a DBC or DBF within.
    Zip,
    /// The user's own Parquet.
    Parquet,
}

/// A file of the folder that is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// Where it lies.
    pub location: Location,
    /// Why no query reads it.
    pub why: Why,
}

/// Why a file of the source is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "IgnoredReason")]
#[non_exhaustive]
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
    /// In the ministry's tree: a folder that is not the catalogue's, or a file in one that is not its dataset's.
    Folder,
}

impl SourceFile {
    /// The version of it that was listed.
    pub fn object(&self) -> Object {
        let (size, mtime_ns, state) = (self.size, self.mtime_ns, self.state);
        Object { location: self.location.clone(), size, mtime_ns, state, identity: None }
    }

    /// The name without its folder.
    pub fn name(&self) -> String {
        self.location.name()
    }
}

impl Ignored {
    /// The name without its folder.
    pub fn name(&self) -> String {
        self.location.name()
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
            "zip" => Some(FileKind::Zip),
            "parquet" => Some(FileKind::Parquet),
            _ => None,
        }
    }
}

fn extension(name: &str) -> String {
    name.rsplit_once('.').map(|(_, extension)| extension.trim_end().to_lowercase()).unwrap_or_default()
}

impl Folder {
    /// Lists the files below a folder of this machine.
    pub fn scan(root: &Path, catalog: &Catalog) -> Result<Listing> {
        Folder::scan_in(&Stores::default(), &Location::file(root), catalog)
    }

    /// The same of any store: `root`, or what lies below it. Asks the store for size and time of those that the catalogue
    /// knows, and opens none.
    pub fn scan_in(stores: &Stores, root: &Location, catalog: &Catalog) -> Result<Listing> {
        Names::of(stores.list(root)?, root, catalog).stat(stores, |_| true)
    }
}
