//! Which folders hold what the ministry has not closed yet.
//!
//! On its server that is a folder of its own, PRELIM (`SIM/PRELIM/DORES`, `SINAN/DADOS/PRELIM`), beside FINAIS or CID10; all
//! else is final. Only folders below the opened one count: whoever opens `.../PRELIM` knows what is there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::catalog::Catalog;

const PRELIMINARY: [&str; 4] = ["PRELIM", "PRELIMINAR", "PRELIMINARES", "PRELIMINARY"];
const FINAL: [&str; 3] = ["FINAL", "FINAIS", "FINALS"];

/// The folders below a root, asked once each.
pub(super) struct Folders<'c> {
    root: &'c Path,
    catalog: &'c Catalog,
    known: HashMap<PathBuf, bool>,
}

impl<'c> Folders<'c> {
    pub fn new(root: &'c Path, catalog: &'c Catalog) -> Self {
        Folders { root, catalog, known: HashMap::new() }
    }

    /// Whether the nearest folder that says so says that `file` is preliminary.
    pub fn are_preliminary(&mut self, file: &Path) -> bool {
        let Some(folder) = file.parent() else { return false };
        if let Some(known) = self.known.get(folder) {
            return *known;
        }
        let below = folder.strip_prefix(self.root).unwrap_or(Path::new(""));
        let mut names = below.components().rev().filter_map(|part| part.as_os_str().to_str());
        let found = names.find_map(|name| said(name, self.catalog)).unwrap_or(false);
        self.known.insert(folder.to_owned(), found);
        found
    }
}

/// True for PRELIM and PRELIM_2020, false for FINAIS and FINAIS_2020, and nothing for names that only hold such a word
/// (`dengue_prelim_e_final`).
fn said(folder: &str, catalog: &Catalog) -> Option<bool> {
    // datasus-fetcher's folders: `sinan-zika-preliminar`.
    if catalog.fetched_dataset(folder).is_some_and(|(_, preliminary)| preliminary) {
        return Some(true);
    }
    let upper = folder.to_uppercase();
    let mut words = upper.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let first = words.next()?;
    if !words.all(|word| word.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    if PRELIMINARY.contains(&first) {
        return Some(true);
    }
    FINAL.contains(&first).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_preliminary_by_its_own_word_alone() {
        let catalog = Catalog::builtin();
        for (name, expected) in [
            ("PRELIM", Some(true)),
            ("prelim", Some(true)),
            ("PRELIM_2020", Some(true)),
            ("Preliminares 2023", Some(true)),
            ("sinan-zika-preliminar", Some(true)),
            ("FINAIS", Some(false)),
            ("FINAIS_2020", Some(false)),
            ("dengue_prelim_e_final", None),
            ("prelim-e-final", None),
            ("sem_preliminares", None),
            ("PRELIMX", None),
            ("DORES", None),
        ] {
            assert_eq!(said(name, catalog), expected, "{name}");
        }
    }
}
