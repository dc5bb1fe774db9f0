//! The built-in dictionary: lists of the ministry, IBGE and SIGTAP, compiled from named tables and embedded.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::list::List;

/// Made by `make dictionaries`.
static COMPILED: &[u8] = include_bytes!("../../labels/dictionary.zst");

static BUILT_IN: LazyLock<Dictionary> = LazyLock::new(|| {
    let text = zstd::decode_all(COMPILED).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    Dictionary::read(text.unwrap_or_default())
});

/// The name of the block of municipalities; its lines are no list's.
pub(super) const MUNICIPALITIES: &str = "@municipios";

/// A compiled dictionary; each list, and its rows, are read when they are first asked for.
pub struct Dictionary {
    text: Arc<str>,
    /// Where the head and the rows of each list stand in the text.
    places: BTreeMap<String, (std::ops::Range<usize>, std::ops::Range<usize>)>,
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

    /// Of the text that `make dictionaries` writes.
    pub fn read(text: String) -> Self {
        let mut places = BTreeMap::new();
        let mut at = 0;
        let starts: Vec<usize> = std::iter::once(0)
            .filter(|_| text.starts_with('#'))
            .chain(memchr::memmem::find_iter(text.as_bytes(), "\n#").map(|found| found + 1))
            .chain([text.len()])
            .collect();
        for pair in starts.windows(2) {
            at = pair[1].max(at);
            let block = &text[pair[0]..pair[1]];
            let end = block.find('\n').unwrap_or(block.len());
            let head = pair[0] + 1..pair[0] + end;
            let id = text[head.clone()].split('|').next().unwrap_or_default().to_owned();
            places.insert(id, (head, (pair[0] + end + 1).min(pair[1])..pair[1]));
        }
        Dictionary { text: text.into(), places, lists: Mutex::default() }
    }

    /// A list by its name.
    pub fn list(&self, id: &str) -> Option<Arc<List>> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(list) = lists.get(id) {
            return Some(list.clone());
        }
        let (head, rows) = self.places.get(id)?;
        let list = Arc::new(List::read(&self.text, head.clone(), rows.clone())?);
        lists.insert(id.to_owned(), list.clone());
        Some(list)
    }

    /// The rows of a block that is no list.
    pub(super) fn rows(&self, id: &str) -> &str {
        self.places.get(id).map_or("", |(_, rows)| &self.text[rows.clone()])
    }

    /// What there is, from when, and of whom.
    pub fn entries(&self) -> Vec<DictionaryEntry> {
        let ids = self.places.keys().filter(|id| !id.starts_with('@'));
        ids.filter_map(|id| self.list(id)).map(|list| DictionaryEntry::of(&list)).collect()
    }
}
