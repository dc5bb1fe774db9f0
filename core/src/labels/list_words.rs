//! The words that a column has of its lists.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::editions::Edition;
use super::list::List;
use super::places::{Place, Words};
use super::short_codes::NONE;
use super::word_list::WordList;

/// The words of a column of words, in their order.
pub(super) enum ColumnWords {
    Given(WordList),
    /// Made when they are first asked for.
    OfPlaces(Place),
    /// The same.
    OfLists(Arc<ListWords>),
}

impl From<Vec<String>> for ColumnWords {
    fn from(words: Vec<String>) -> Self {
        ColumnWords::Given(words.into())
    }
}

impl ColumnWords {
    pub fn all(&self) -> &WordList {
        match self {
            ColumnWords::Given(words) => words,
            ColumnWords::OfPlaces(place) => &Words::of(*place).words,
            ColumnWords::OfLists(lists) => &lists.made().all,
        }
    }

    /// Nobody has asked for them yet.
    pub fn is_unread(&self) -> bool {
        match self {
            ColumnWords::Given(_) => false,
            ColumnWords::OfPlaces(place) => !Words::are_read(*place),
            ColumnWords::OfLists(lists) => lists.made.get().is_none(),
        }
    }
}

/// The words of lists that stand for the eras of a column. Many columns have the same, and those of CID-10 are 14,000.
pub(super) struct ListWords {
    /// Of each era, the oldest first, its list's dates, ascending.
    pub eras: Vec<Vec<Arc<List>>>,
    official: bool,
    made: OnceLock<Made>,
}

struct Made {
    all: WordList,
    /// Of each era and date: the word of each of the list's labels. None: the words are those of the one list that all have.
    places: Option<Vec<Vec<Box<[u32]>>>>,
}

impl ListWords {
    /// `official`: the table's own texts.
    pub fn of(lists: &[String], edition: Edition, official: bool) -> Self {
        let eras = lists.iter().map(|list| edition.lists(list)).collect();
        ListWords { eras, official, made: OnceLock::new() }
    }

    fn texts<'l>(&self, list: &'l List) -> &'l WordList {
        if self.official { list.official_texts() } else { list.labels() }
    }

    fn made(&self) -> &Made {
        self.made.get_or_init(|| {
            let mut lists = self.eras.iter().flatten();
            if let Some(list) = lists.next()
                && lists.all(|other| Arc::ptr_eq(other, list))
            {
                return Made { all: self.texts(list).clone(), places: None };
            }
            let mut all: Vec<&str> = Vec::new();
            let mut places: HashMap<&str, u32, ahash::RandomState> = HashMap::default();
            // The order of display is that of the newest.
            let newest_first = self.eras.iter().rev().flat_map(|dates| dates.iter().rev());
            for label in newest_first.flat_map(|list| self.texts(list).iter()) {
                places.entry(label).or_insert_with(|| {
                    all.push(label);
                    all.len() as u32 - 1
                });
            }
            let place = |label: &str| places.get(label).copied().unwrap_or(NONE);
            let placed = |list: &Arc<List>| self.texts(list).iter().map(place).collect();
            let places = self.eras.iter().map(|dates| dates.iter().map(placed).collect()).collect();
            Made { all: all.into_iter().collect(), places: Some(places) }
        })
    }

    /// The word of a code by its number, in one of the dates of an era's list.
    pub fn number(&self, era: usize, date: usize, code: &[u8]) -> u32 {
        let Some(list) = self.eras.get(era).and_then(|dates| dates.get(date)) else { return NONE };
        let number = list.number_of(code);
        let Some(places) = &self.made().places else { return number };
        let places = places.get(era).and_then(|dates| dates.get(date));
        places.and_then(|places| places.get(number as usize)).copied().unwrap_or(NONE)
    }
}
