//! Every column that a dataset has by name alone: the labels of its codes, and what is derived.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use super::derived::{COMPETENCIA, Derived, OFFICIAL_SUFFIX, Rule};
use super::editions::{Edition, date_for};
use super::known_codes::KnownCodes;
use super::list_words::{ColumnWords, ListWords};
use super::record::Record;
use super::rules::{NICE, Rule as OfList, Source, rules_of};
use super::short_codes::NONE;
use super::values;
use crate::base::text;
use crate::catalog::{Grupo, LogicalType};

/// What a label's column is called behind the name of its code's.
pub const SUFFIX: &str = "_rotulo";

type Known = HashMap<(String, Edition), Arc<[Arc<Derived>]>>;

static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

/// All of them, labels in the order of the dataset's columns, then what is derived.
pub fn derived_columns(grupo: &Grupo) -> Arc<[Arc<Derived>]> {
    derived_columns_of(grupo, Edition::default())
}

/// The same with the labels of an edition.
pub fn derived_columns_of(grupo: &Grupo, edition: Edition) -> Arc<[Arc<Derived>]> {
    let key = (grupo.dataset.to_string(), edition);
    if let Some(known) = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return known.clone();
    }
    let labels = labels(grupo, &key.0, edition).into_iter().map(Arc::new);
    let all: Arc<[Arc<Derived>]> = match edition == Edition::default() {
        true => labels.chain(values::of(grupo).into_iter().map(Arc::new)).collect(),
        // What is derived takes no list that changes.
        false => {
            let base = derived_columns(grupo);
            labels.chain(base.iter().filter(|one| one.list.is_none()).cloned()).collect()
        }
    };
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(key, all.clone());
    all
}

/// One by its name, in any case; a column of the files goes before it. Ages in bands of one's own have their bounds in the name.
pub fn derived_column(grupo: &Grupo, name: &str) -> Option<Arc<Derived>> {
    if grupo.column(name).is_some() {
        return None;
    }
    let listed = derived_columns(grupo).iter().find(|one| one.name.eq_ignore_ascii_case(name)).cloned();
    listed.or_else(|| values::own_bands(grupo, name).map(Arc::new))
}

/// Those that SQL may name, beside those that every dataset of its kind has; `names`: what stands in it, in any case.
pub fn derived_columns_named<'n>(
    grupo: &Grupo,
    edition: Edition,
    names: impl Iterator<Item = &'n String>,
) -> Vec<Arc<Derived>> {
    let own = names.filter(|name| grupo.column(name).is_none()).filter_map(|name| values::own_bands(grupo, name));
    derived_columns_of(grupo, edition).iter().cloned().chain(own.map(Arc::new)).collect()
}

/// The label's column of a column of codes.
pub fn label_column(grupo: &Grupo, column: &str) -> Option<Arc<Derived>> {
    let of = |one: &&Arc<Derived>| one.label_of.as_deref().is_some_and(|of| of.eq_ignore_ascii_case(column));
    derived_columns(grupo).iter().find(of).cloned()
}

/// One by its [`Derived::id`].
pub fn derived_by_id(id: &str) -> Option<Arc<Derived>> {
    let (dataset, name) = id.split_once('/')?;
    let (name, edition) = match name.split_once('@') {
        Some((name, edition)) => (name, Edition::named(edition)?),
        None => (name, Edition::default()),
    };
    let grupo = crate::catalog::Catalog::builtin().read(dataset)?;
    let listed = derived_columns_of(grupo, edition).iter().find(|one| one.name == name).cloned();
    listed.or_else(|| values::own_bands(grupo, name).map(Arc::new))
}

/// How a rule finds a label: in which competências, of which characters, in which dates of its list.
struct LookUp {
    from: Option<String>,
    to: Option<String>,
    /// Places among the inputs, and widths that numbers are filled to.
    parts: Vec<(usize, Option<usize>)>,
    /// The first character that counts.
    at: usize,
    /// Its place among the eras of the words.
    era: usize,
    dates: Vec<String>,
}

/// By the lists, and whether the words are the table's own.
type KnownWords = HashMap<(Vec<String>, bool), Arc<ListWords>>;

impl LookUp {
    fn number(&self, words: &ListWords, record: &Record<'_>, row: usize, when: Option<&str>) -> u32 {
        let mut key = Vec::with_capacity(16);
        for (part, width) in &self.parts {
            record.characters(*part, row, *width, &mut key);
        }
        words.number(self.era, date_for(&self.dates, when), key.get(self.at..).unwrap_or_default())
    }

    fn holds(&self, when: Option<&str>) -> bool {
        let before = |bound: &str, when: &str| &when[..when.len().min(bound.len())] < bound;
        let after = |bound: &str, when: &str| &when[..when.len().min(bound.len())] > bound;
        match when {
            None => self.from.is_none() && self.to.is_none(),
            Some(when) => {
                !self.from.as_deref().is_some_and(|from| before(from, when))
                    && !self.to.as_deref().is_some_and(|to| after(to, when))
            }
        }
    }
}

fn labels(grupo: &Grupo, dataset: &str, edition: Edition) -> Vec<Derived> {
    // Rules are of several datasets at once, and a column has one for each of its eras.
    let mut columns: Vec<(&String, Vec<(&OfList, &Source)>)> = Vec::new();
    let of_dataset = rules_of(dataset);
    for rule in &of_dataset {
        for (column, source) in &rule.columns {
            if grupo.column(column).is_none() && !grupo.columns.is_empty() && !grupo.has_field(column) {
                continue;
            }
            match columns.iter_mut().find(|(known, _)| *known == column) {
                Some((_, rules)) => rules.push((rule, source)),
                None => columns.push((column, vec![(rule, source)])),
            }
        }
    }
    let (mut found, mut known): (Vec<(u32, Derived)>, KnownWords) = Default::default();
    for (column, mut rules) in columns {
        rules.sort_by(|(one, _), (other, _)| one.from.cmp(&other.from));
        let position = grupo.column(column).map_or(u32::MAX, |column| column.position);
        found.extend(label(dataset, column, &rules, edition, false, &mut known).map(|made| (position, made)));
        if rules.iter().any(|(_, source)| NICE.contains_key(source.list())) {
            found.extend(label(dataset, column, &rules, edition, true, &mut known).map(|made| (position, made)));
        }
    }
    found.sort_by_key(|(position, _)| *position);
    found.into_iter().map(|(_, derived)| derived).collect()
}

/// `rules`: the oldest first. `official`: with the table's own texts.
fn label(
    dataset: &str,
    column: &str,
    rules: &[(&OfList, &Source)],
    edition: Edition,
    official: bool,
    known: &mut KnownWords,
) -> Option<Derived> {
    let lists: Vec<String> = rules.iter().map(|(_, source)| source.list().to_owned()).collect();
    let words = match known.entry((lists, official)) {
        Entry::Occupied(known) => known.get().clone(),
        Entry::Vacant(new) => {
            let words = ListWords::of(&new.key().0, edition, official);
            new.insert(Arc::new(words)).clone()
        }
    };
    let mut sources: Vec<String> = Vec::new();
    for list in words.eras.iter().rev().flat_map(|dates| dates.iter().rev()) {
        let said = format!("{} ({})", list.source, list.date);
        let said = if list.official { said } else { format!("não oficial: {said}") };
        if !sources.contains(&said) {
            sources.push(said);
        }
    }
    let mut inputs: Vec<String> = Vec::new();
    let mut look_ups = Vec::with_capacity(rules.len());
    for (era, ((rule, source), lists)) in rules.iter().zip(&words.eras).enumerate() {
        let parts: Vec<(String, Option<usize>)> = match source {
            Source::List(_) => vec![(column.to_owned(), None)],
            Source::Taken { of, .. } => of.iter().map(|part| of_part(part)).collect(),
        };
        let parts = parts.into_iter().map(|(name, width)| {
            let known = inputs.iter().position(|input| *input == name);
            let place = known.unwrap_or_else(|| {
                inputs.push(name);
                inputs.len() - 1
            });
            (place, width)
        });
        let parts = parts.collect();
        let at = if let Source::Taken { at, .. } = source { at.saturating_sub(1) } else { 0 };
        look_ups.push(LookUp {
            from: rule.from.clone(),
            to: rule.to.clone(),
            parts,
            at,
            era,
            dates: lists.iter().map(|list| list.date.clone()).collect(),
        });
    }
    look_ups.retain(|look_up| !look_up.dates.is_empty());
    let list = rules.last().map(|(_, source)| source.list().to_owned());
    let dated =
        look_ups.len() > 1 || look_ups.iter().any(|one| one.from.is_some() || one.to.is_some() || one.dates.len() > 1);
    if look_ups.is_empty() {
        return None;
    }
    let last = inputs.len();
    if dated {
        inputs.push(COMPETENCIA.into());
    }
    let look_ups = Arc::new(look_ups);
    let of_competencia = look_ups.clone();
    let lists_at = move |when: &str| {
        let at = of_competencia.iter().position(|one| one.holds(Some(when)));
        at.map_or((0, 0), |at| (at + 1, date_for(&of_competencia[at].dates, Some(when))))
    };
    let of_lists = words.clone();
    let number = move |record: &Record<'_>, row: usize| {
        let when = if dated { record.text(last, row) } else { None };
        look_ups.iter().find(|one| one.holds(when)).map_or(NONE, |one| one.number(&of_lists, record, row, when))
    };
    Some(Derived {
        dataset: dataset.to_owned(),
        name: format!("{column}{}", if official { OFFICIAL_SUFFIX } else { SUFFIX }),
        kind: LogicalType::Text,
        inputs,
        label_of: (!official).then(|| column.to_owned()),
        list,
        meaning: match official {
            false => text!("Rótulo de {column}", "Label of {column}"),
            true => text!("Rótulo de {column}, como a tabela o escreve", "Label of {column}, as the table writes it"),
        },
        source: sources.join("; "),
        edition: edition.name(),
        era: None,
        lists_at: Some(Box::new(lists_at)),
        places: OnceLock::new(),
        known: KnownCodes::default(),
        rule: Rule::Word { words: ColumnWords::OfLists(words), number: Box::new(number) },
    })
}

fn of_part(part: &str) -> (String, Option<usize>) {
    match part.split_once(':') {
        Some((name, width)) => (name.to_owned(), width.parse().ok()),
        None => (part.to_owned(), None),
    }
}
