//! A folder of files in any layout: flat, a mirror of the FTP tree, or partitioned by name.
//!
//! Files are recognised by their names. The user's own Parquet may also stand in partitions
//! (`sistema=SIH/grupo=RD/uf=AC/ano=2024/mes=01/*.parquet`). Hidden folders are not entered.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::base::{Error, Result, Text, text};
use crate::catalog::{Catalog, Competencia, FileId, Period, Uf};

/// Folders inside folders, at most; a loop of links ends there.
const MAX_DEPTH: usize = 16;

/// Scans source folders.
#[derive(Debug, Clone, Copy)]
pub struct Folder;

/// What a folder holds.
#[derive(Debug, Clone)]
pub struct Listing {
    pub root: PathBuf,
    /// In order of dataset, UF, competência and part; each once.
    pub files: Vec<SourceFile>,
    /// Not files of the catalogue.
    pub ignored: Vec<PathBuf>,
    pub warnings: Vec<Text>,
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    Dbc,
    Dbf,
    Parquet,
}

impl SourceFile {
    /// The name without its folder.
    pub fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// Size and time of the last change, as they are now.
pub fn stamp(path: &Path) -> Result<(u64, i64)> {
    let metadata = std::fs::metadata(path).map_err(|e| Error::io(e, path).stage("source"))?;
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Ok((metadata.len(), modified.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))))
}

impl Folder {
    /// Lists the files below `root`, or `root` itself where it is a file.
    pub fn scan(root: &Path, catalog: &Catalog) -> Result<Listing> {
        let mut found = Vec::new();
        if root.is_file() {
            found.push(root.to_owned());
        } else {
            walk(root, 0, &mut found)?;
        }
        found.sort();
        let mut listing =
            Listing { root: root.to_owned(), files: Vec::new(), ignored: Vec::new(), warnings: Vec::new() };
        let mut by_id: BTreeMap<FileId, Vec<SourceFile>> = BTreeMap::new();
        let mut partitions: BTreeMap<FileId, u32> = BTreeMap::new();
        for path in found {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let kind = match name.to_lowercase().rsplit_once('.').map(|(_, extension)| extension) {
                Some("dbc") => FileKind::Dbc,
                Some("dbf") => FileKind::Dbf,
                Some("parquet") => FileKind::Parquet,
                _ => {
                    listing.ignored.push(path);
                    continue;
                }
            };
            let mut id = catalog.identify(&name);
            if id.is_none() && kind == FileKind::Parquet {
                id = of_partition(&path, root, catalog).map(|mut id| {
                    // The files of one partition are parts of it.
                    let count = partitions.entry(id.clone()).or_default();
                    *count += 1;
                    id.part = (*count > 1).then(|| count.to_string());
                    id
                });
            }
            let Some(id) = id else {
                listing.ignored.push(path);
                continue;
            };
            let (size, mtime_ns) = stamp(&path)?;
            by_id.entry(id.clone()).or_default().push(SourceFile { id, path, kind, size, mtime_ns });
        }
        for (_, mut same) in by_id {
            // A DBC before the DBF of the same name, final before preliminary, then the shortest path.
            same.sort_by_key(|file| {
                let path = file.path.to_string_lossy().to_uppercase();
                (file.kind, path.contains("PRELIM"), path.len(), path)
            });
            let mut same = same.into_iter();
            let Some(chosen) = same.next() else { continue };
            for left in same {
                let (kept, other) = (chosen.path.display(), left.path.display());
                listing
                    .warnings
                    .push(text!("{other} repete {kept} e ficou de fora", "{other} repeats {kept} and is left out"));
            }
            listing.files.push(chosen);
        }
        Ok(listing)
    }
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

/// `.../sistema=SIH/grupo=RD/uf=AC/ano=2024/mes=01/x.parquet`, or `.../sih-rd/uf=AC/ano=2024/mes=01/x.parquet`.
fn of_partition(path: &Path, root: &Path, catalog: &Catalog) -> Option<FileId> {
    let below = path.parent()?.strip_prefix(root).ok()?;
    let (mut sistema, mut grupo, mut uf, mut ano, mut mes, mut dataset) = (None, None, None, None, None, None);
    for part in below.components() {
        let part = part.as_os_str().to_str()?;
        match part.split_once('=') {
            Some((key, value)) => match key.to_lowercase().as_str() {
                "sistema" => sistema = Some(value),
                "grupo" => grupo = Some(value),
                "uf" => uf = Some(Uf::parse(value)?),
                "ano" => ano = Some(value.parse::<u16>().ok()?),
                "mes" => mes = Some(value.parse::<u8>().ok()?),
                _ => {}
            },
            None => dataset = catalog.dataset(part).or(dataset),
        }
    }
    let grupo = match (sistema, grupo) {
        (Some(sistema), Some(grupo)) => catalog.dataset(&format!("{sistema}-{grupo}"))?,
        _ => dataset?,
    };
    let competencia = match grupo.period {
        Period::Month => Competencia::month(ano?, mes?)?,
        Period::Year => Competencia::year(ano?)?,
    };
    Some(FileId { dataset: grupo.dataset.clone(), uf: uf.or(grupo.national)?, competencia, part: None })
}
