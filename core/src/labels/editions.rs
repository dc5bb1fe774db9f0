//! Lists of kits that were fetched, beside the built-in ones: which of the dates of a list has the codes of a record.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::dictionary::Dictionary;
use super::list::List;

/// Which kits stand beside the built-in dictionary; the default: none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Edition(usize);

/// What an edition is made of, for another process to make the same one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct KitLists {
    name: String,
    #[serde(serialize_with = "unshared", deserialize_with = "shared")]
    lists: Vec<Arc<List>>,
}

fn unshared<S: serde::Serializer>(lists: &[Arc<List>], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(lists.iter().map(AsRef::<List>::as_ref))
}

fn shared<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Arc<List>>, D::Error> {
    Ok(Vec::<List>::deserialize(from)?.into_iter().map(Arc::new).collect())
}

struct Fetched {
    /// By which a statement names it.
    name: String,
    /// By list, of several dates.
    lists: BTreeMap<String, Vec<Arc<List>>>,
}

/// Each is small, and there is one for each state of a lake's kits; what a statement has named stays.
static EDITIONS: LazyLock<Mutex<Vec<Arc<Fetched>>>> = LazyLock::new(Mutex::default);

fn all() -> std::sync::MutexGuard<'static, Vec<Arc<Fetched>>> {
    EDITIONS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Edition {
    /// The one of this name, if it was made in this process.
    pub fn named(name: &str) -> Option<Edition> {
        all().iter().position(|one| one.name == name).map(|at| Edition(at + 1))
    }

    /// What the editions that these texts name are made of.
    pub(crate) fn named_in<'t>(texts: impl Iterator<Item = &'t str> + Clone) -> Vec<KitLists> {
        let is_named = |one: &&Arc<Fetched>| texts.clone().any(|text| text.contains(&format!("@{}", one.name)));
        let lists_of = |one: &Fetched| one.lists.values().flatten().cloned().collect();
        all().iter().filter(is_named).map(|one| KitLists { name: one.name.clone(), lists: lists_of(one) }).collect()
    }

    /// One that another process has made, by its name.
    pub(crate) fn take(KitLists { name, lists }: KitLists) -> Edition {
        Edition::of_shared(&name, lists)
    }

    /// One of these lists; `name` says what they are made of.
    pub fn of(name: &str, lists: impl IntoIterator<Item = List>) -> Edition {
        Edition::of_shared(name, lists.into_iter().map(Arc::new))
    }

    fn of_shared(name: &str, lists: impl IntoIterator<Item = Arc<List>>) -> Edition {
        let mut by_id: BTreeMap<String, Vec<Arc<List>>> = BTreeMap::new();
        for list in lists {
            by_id.entry(list.id.clone()).or_default().push(list);
        }
        by_id.values_mut().for_each(|dates| dates.sort_by(|a, b| a.date.cmp(&b.date)));
        let mut all = all();
        match all.iter().position(|one| one.name == name) {
            Some(at) => Edition(at + 1),
            None => {
                all.push(Arc::new(Fetched { name: name.to_owned(), lists: by_id }));
                Edition(all.len())
            }
        }
    }

    fn fetched(self) -> Option<Arc<Fetched>> {
        all().get(self.0.checked_sub(1)?).cloned()
    }

    /// By which a statement names it; none: the built-in dictionary alone.
    pub fn name(self) -> Option<String> {
        self.fetched().map(|fetched| fetched.name.clone())
    }

    /// The dates of a list, the earliest first. The built-in one stands among them unless a newer one was fetched.
    pub fn lists(self, id: &str) -> Vec<Arc<List>> {
        let mut dates = self.fetched().and_then(|fetched| fetched.lists.get(id).cloned()).unwrap_or_default();
        if let Some(built_in) = Dictionary::built_in().list(id)
            && dates.iter().all(|one| one.date < built_in.date)
        {
            dates.push(built_in);
        }
        dates
    }

    /// Every list that was fetched.
    pub fn all_fetched(self) -> Vec<Arc<List>> {
        self.fetched().map(|fetched| fetched.lists.values().flatten().cloned().collect()).unwrap_or_default()
    }
}

/// The first of these dates (`2026-09`, ascending) that is not before a record's competência (`202609`, `2026`): the kit that was
/// published with its codes; else the last one.
pub(super) fn date_for(dates: &[String], competencia: Option<&str>) -> usize {
    let Some(wanted) = competencia else { return dates.len().saturating_sub(1) };
    let covers = |date: &String| {
        let digits: Vec<u8> = date.bytes().filter(u8::is_ascii_digit).collect();
        let length = digits.len().min(wanted.len());
        digits[..length] >= wanted.as_bytes()[..length]
    };
    dates.iter().position(covers).unwrap_or(dates.len().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kit_that_was_published_with_a_records_codes_has_its_labels() {
        let dates = ["2008-03", "2015-06-01", "2026-09"].map(str::to_owned);
        let of = |when: &str| date_for(&dates, Some(when));
        assert_eq!(["200801", "200803", "200804", "201506", "201507", "202701"].map(of), [0, 0, 1, 1, 2, 2]);
        assert_eq!(["2008", "2009", "2026", "2030"].map(of), [0, 1, 2, 2]);
        assert_eq!(date_for(&dates, None), 2);
    }
}
