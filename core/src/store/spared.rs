//! What no output ever touches: the files of the source, of the lake and of the jobs' state, whatever way leads to them.
//!
//! Folders and files are known by what the system calls them, so that links, second names and names in another case do not count.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Location;
use crate::base::{Code, Error, Result, Text, text};

/// Where it lies. The default is nothing.
#[derive(Debug, Clone, Default)]
pub struct Spared {
    /// The lake's folder.
    pub lake: PathBuf,
    /// The folder of the state of jobs.
    pub state: PathBuf,
    /// The source.
    pub source: PathBuf,
    /// The files of the source, and archives of such.
    pub files: Arc<[PathBuf]>,
    /// Whether datasus has written a Parquet, which is no source then; none: nobody has to be asked.
    pub is_ours: Option<fn(&Path) -> bool>,
    /// What lies in other stores.
    pub elsewhere: Arc<[SparedElsewhere]>,
}

/// The same in another store, where a name is all that an object is known by.
#[derive(Debug, Clone)]
pub struct SparedElsewhere {
    /// What lies below it.
    pub root: Location,
    /// Whose it is.
    pub kind: SparedKind,
}

/// What is spared below a location of another store.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SparedKind {
    /// All of it.
    Lake,
    /// With the files of the source, in order.
    Source(Arc<[Location]>),
}

impl SparedElsewhere {
    /// DS-403 where `at` is nobody's but the lake's, or would be read as a file of the source.
    pub(super) fn refuse(&self, at: &Location) -> Result<()> {
        if at.scheme() != self.root.scheme() || !at.path().starts_with(self.root.path()) {
            return Ok(());
        }
        let is_record =
            |extension: &OsStr| extension.eq_ignore_ascii_case("dbc") || extension.eq_ignore_ascii_case("dbf");
        let Text { pt, en } = match &self.kind {
            SparedKind::Lake => text!("ali ficam os arquivos do lake", "the files of the lake are there"),
            SparedKind::Source(_) if at.path().extension().is_some_and(is_record) => text!(
                "na pasta da fonte ele seria lido como um arquivo dela",
                "in the source's folder it would be read as one of its files"
            ),
            SparedKind::Source(files) if files.binary_search(at).is_ok() => {
                text!("é um arquivo da fonte", "it is a file of the source")
            }
            SparedKind::Source(_) => return Ok(()),
        };
        Err(Error::new(
            Code::Forbidden,
            text!(
                "O destino \"{at}\" foi recusado: {pt}; escolha outro nome, ou outra pasta",
                "The target \"{at}\" was refused: {en}; choose another name, or another folder"
            ),
        )
        .with("received", at.to_string())
        .with("why", en))
    }
}

/// What lies in the source's folder for itself, whatever lake and state are configured.
const HIDDEN: &str = ".datasus";

impl Spared {
    /// Why nothing may be written to `target`, a real path as far as it is there. `asked` is its path below the output folder.
    pub(super) fn refuses(&self, target: &Path, asked: &Path) -> Option<Text> {
        let is_hidden = |part: &OsStr| part.eq_ignore_ascii_case(HIDDEN);
        if asked.iter().any(is_hidden) {
            return Some(text!("a pasta {HIDDEN} é do próprio datasus", "folder {HIDDEN} is datasus's own"));
        }
        let of_lake = |first: &str| first.starts_with("sistema=") || first.starts_with('.');
        if below(target, &self.lake).is_some_and(|first| of_lake(&first)) {
            return Some(text!("ali ficam os arquivos do lake", "the files of the lake are there"));
        }
        let of_a_job = |first: &str| first.to_uppercase().parse::<ulid::Ulid>().is_ok();
        if below(target, &self.state).is_some_and(|first| of_a_job(&first)) {
            return Some(text!("ali fica o estado de um trabalho", "the state of a job is there"));
        }
        let is_record =
            |extension: &OsStr| extension.eq_ignore_ascii_case("dbc") || extension.eq_ignore_ascii_case("dbf");
        if target.extension().is_some_and(is_record) && below(target, &self.source).is_some() {
            return Some(text!(
                "na pasta da fonte ele seria lido como um arquivo dela",
                "in the source's folder it would be read as one of its files"
            ));
        }
        // An answer of ours may lie there by a name of the source's, and be written again.
        let is_parquet = |file: &Path| file.to_string_lossy().trim_end().to_lowercase().ends_with(".parquet");
        let is_answer = |file: &Path| is_parquet(file) && self.is_ours.is_some_and(|is_ours| is_ours(file));
        let is_source = |file: &PathBuf| !is_answer(file);
        let of_source = identity(target)
            .is_some_and(|of| self.files.iter().any(|file| identity(file) == Some(of) && is_source(file)));
        of_source.then(|| text!("é um arquivo da fonte", "it is a file of the source"))
    }
}

/// The first part of the path, in lower case, that leads from `folder` to `target`; none where that is not below it.
fn below(target: &Path, folder: &Path) -> Option<String> {
    if folder.as_os_str().is_empty() {
        return None;
    }
    let known = identity(folder);
    let lower = |path: &Path| path.to_string_lossy().to_lowercase();
    // One that is not there yet has a name only.
    let named = known.is_none().then(|| lower(&real(folder)));
    let mut first = target.file_name()?;
    for above in target.ancestors().skip(1) {
        let same = match &named {
            None => identity(above) == known,
            Some(named) => lower(above) == *named,
        };
        if same {
            return Some(first.to_string_lossy().to_lowercase());
        }
        first = above.file_name()?;
    }
    None
}

/// The path without links, as far as it is there.
pub(super) fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for above in path.ancestors() {
        if let Ok(real) = above.canonicalize() {
            return match path.strip_prefix(above) {
                // Joined with nothing it would end in a slash, and a file be looked for as a folder.
                Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
                _ => real,
            };
        }
    }
    path
}

/// What the system knows a file or folder by.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    let found = std::fs::metadata(path).ok()?;
    Some((std::os::unix::fs::MetadataExt::dev(&found), std::os::unix::fs::MetadataExt::ino(&found)))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok()
}
