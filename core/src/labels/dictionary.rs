//! The built-in dictionary: lists of the ministry, IBGE and SIGTAP, compiled from named tables and embedded.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::list::List;
use super::packed_lists::{self, Listed};

/// Made by `make dictionaries`.
static COMPILED: &[u8] = include_bytes!("../../labels/dictionary.zst");

static BUILT_IN: LazyLock<Dictionary> = LazyLock::new(|| {
    let id = |listed: &Listed| listed.head.split('|').next().unwrap_or_default().to_owned();
    let listed = packed_lists::read(COMPILED).into_iter().map(|listed| (id(&listed), listed)).collect();
    Dictionary { listed, lists: Mutex::default() }
});

/// The name of the block of municipalities; its lines are no list's.
pub(super) const MUNICIPALITIES: &str = "@municipios";

/// A compiled dictionary; each list, and its rows, are read when they are first asked for.
pub struct Dictionary {
    listed: BTreeMap<String, Listed>,
    lists: Mutex<HashMap<String, Arc<List>>>,
}

/// A list of the dictionary, as `dictionaries` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct DictionaryEntry {
    /// Kit and table (`sih/SEXO`), or a name of its own (`cid10`).
    pub list: String,
    /// Which table it was made from, and who published it.
    pub source: String,
    /// When that was published, as exactly as is known.
    pub date: String,
    /// False: written by hand in another project, and no official table.
    pub official: bool,
    /// Different labels.
    pub labels: u64,
}

impl DictionaryEntry {
    /// What it says of a list.
    pub fn of(list: &List) -> Self {
        DictionaryEntry {
            list: list.id.clone(),
            source: list.source.clone(),
            date: list.date.clone(),
            official: list.official,
            labels: list.labels().len() as u64,
        }
    }
}

impl Dictionary {
    /// The one that comes with the library.
    pub fn built_in() -> &'static Dictionary {
        &BUILT_IN
    }

    /// A list by its name.
    pub fn list(&self, id: &str) -> Option<Arc<List>> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(list) = lists.get(id) {
            return Some(list.clone());
        }
        let Listed { head, frame, rows } = self.listed.get(id)?;
        let list = Arc::new(List::read(head, frame, rows.clone())?);
        lists.insert(id.to_owned(), list.clone());
        Some(list)
    }

    /// The rows of a block that is no list.
    pub(super) fn rows(&self, id: &str) -> &str {
        self.listed.get(id).map_or("", |listed| listed.frame.text().get(listed.rows.clone()).unwrap_or_default())
    }

    /// What there is, from when, and of whom.
    pub fn entries(&self) -> Vec<DictionaryEntry> {
        let ids = self.listed.keys().filter(|id| !id.starts_with('@'));
        ids.filter_map(|id| self.list(id)).map(|list| DictionaryEntry::of(&list)).collect()
    }
}
