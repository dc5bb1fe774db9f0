//! Which of the user's own Parquet, and which of their columns, were seen to hold what a DBC's object would hold, so that they
//! are read in place: in memory, and in the lake's folder (`.same/`) where that can be written.

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::ConvertOptions;
use super::made::suffix;
use super::notes;
use crate::base::{Error, Result, WholeFile};
use crate::source::folder::SourceFile;

#[derive(Debug)]
pub(super) struct Same {
    folder: PathBuf,
    seen: Mutex<HashMap<String, Looked>>,
}

/// What was looked at of a file, and whether every page of it has a CRC-32.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Looked {
    seen: Seen,
    pub has_crcs: bool,
}

/// Which of its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    All,
    Columns(BTreeSet<String>),
}

impl Same {
    pub(super) fn below(root: &Path) -> Self {
        Same { folder: root.join(".same"), seen: Mutex::default() }
    }

    /// What is known where the columns that `options` name were seen to, in this version of the file.
    pub(super) fn holds(&self, file: &SourceFile, options: &ConvertOptions) -> Option<Looked> {
        let key = key(file, options);
        let wanted = Seen::of(options);
        let has = |looked: &&Looked| looked.seen.has(&wanted);
        if let Some(known) = self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(&key).filter(has) {
            return Some(known.clone());
        }
        let noted = self.noted(&key)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let known = seen.entry(key).or_insert_with(|| noted.clone());
        *known = known.clone().with(noted);
        Some(&*known).filter(has).cloned()
    }

    /// Notes that they were. Where the folder cannot be written, the next process will look again; so it will where another
    /// notes other columns at the same moment.
    pub(super) fn add(&self, file: &SourceFile, options: &ConvertOptions, has_crcs: bool) {
        let key = key(file, options);
        let looked = Looked { seen: Seen::of(options), has_crcs };
        let seen = match self.noted(&key) {
            Some(noted) => noted.with(looked),
            None => looked,
        };
        let write = || -> Result<()> {
            let path = self.folder.join(name(&key));
            let mut out = WholeFile::create(&path)?;
            out.write_all(format!("{key}{}", seen.text()).as_bytes()).map_err(|e| Error::io(e, &path))?;
            out.publish_unforced()
        };
        if let Err(error) = write() {
            tracing::debug!(file = %file.location, %error, "a check of the user's Parquet could not be noted");
        }
        let mut all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.entry(key).or_insert_with(|| seen.clone());
        *known = known.clone().with(seen);
    }

    fn noted(&self, key: &str) -> Option<Looked> {
        let text = String::from_utf8(notes::read(&self.folder.join(name(key)))?).ok()?;
        Looked::read(text.strip_prefix(key)?)
    }
}

/// The line of a file all of whose pages that were looked at have a CRC-32.
const HAS_CRCS: &str = "crc\n";

impl Looked {
    fn with(self, other: Looked) -> Looked {
        Looked { seen: self.seen.with(other.seen), has_crcs: self.has_crcs && other.has_crcs }
    }

    fn text(&self) -> String {
        let crcs = if self.has_crcs { HAS_CRCS } else { "" };
        format!("{crcs}{}", self.seen.text())
    }

    fn read(text: &str) -> Option<Looked> {
        let (has_crcs, text) = text.strip_prefix(HAS_CRCS).map_or((false, text), |rest| (true, rest));
        Some(Looked { seen: Seen::read(text)?, has_crcs })
    }
}

impl Seen {
    fn of(options: &ConvertOptions) -> Self {
        options.columns.as_deref().map_or(Seen::All, |columns| Seen::Columns(columns.clone()))
    }

    fn has(&self, wanted: &Seen) -> bool {
        match (self, wanted) {
            (Seen::All, _) => true,
            (Seen::Columns(seen), Seen::Columns(wanted)) => wanted.is_subset(seen),
            (Seen::Columns(_), Seen::All) => false,
        }
    }

    fn with(self, other: Seen) -> Seen {
        match (self, other) {
            (Seen::Columns(mut one), Seen::Columns(other)) => {
                one.extend(other);
                Seen::Columns(one)
            }
            _ => Seen::All,
        }
    }

    /// `*`, or a line for each column.
    fn text(&self) -> String {
        match self {
            Seen::All => "*\n".to_owned(),
            Seen::Columns(columns) => columns.iter().map(|column| format!("+{column}\n")).collect(),
        }
    }

    fn read(text: &str) -> Option<Seen> {
        if text == "*\n" {
            return Some(Seen::All);
        }
        let column = |line: &str| line.strip_prefix('+').map(str::to_owned);
        text.lines().map(column).collect::<Option<_>>().map(Seen::Columns)
    }
}

/// What makes it the same version, read by the same rules.
fn key(file: &SourceFile, options: &ConvertOptions) -> String {
    let path = file.location.whole();
    let (size, time, id) = (file.size, file.mtime_ns, &file.id);
    let state = file.state.map_or_else(String::new, |state| format!("{}.{}", state.inode, state.ctime_ns));
    let (dataset, uf, competencia) = (&id.dataset, id.uf, id.competencia);
    let rules = suffix(dataset, options, false, false);
    // 2: the pages were looked at too.
    format!("2 {dataset} {uf} {competencia} {size} {time} {state} {rules}\n{}\n", path.display())
}

fn name(key: &str) -> String {
    hex::encode(&Sha256::digest(key.as_bytes())[..12])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_read_as_it_was_written_and_grows() {
        let of = |names: &[&str]| Seen::Columns(names.iter().map(|name| name.to_string()).collect());
        for seen in [Seen::All, of(&[]), of(&["SEXO"]), of(&["IDADE", "SEXO"])] {
            for has_crcs in [false, true] {
                let looked = Looked { seen: seen.clone(), has_crcs };
                assert_eq!(Looked::read(&looked.text()), Some(looked));
            }
        }
        assert_eq!(Seen::read("SEXO\n"), None);
        let both = of(&["SEXO"]).with(of(&["IDADE"]));
        assert!(both.has(&of(&["SEXO"])) && both.has(&of(&["SEXO", "IDADE"])));
        assert!(!both.has(&of(&["CNES"])) && !both.has(&Seen::All));
        assert!(both.with(Seen::All).has(&Seen::All));
    }
}
