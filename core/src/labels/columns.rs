//! Every column that a dataset has by name alone: the labels of its codes, and what is derived.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use super::derived::{COMPETENCIA, Derived, Rule};
use super::dictionary::Dictionary;
use super::rules::{RULES, Source};
use super::values;
use crate::base::text;
use crate::catalog::{Grupo, LogicalType};

/// What a label's column is called behind the name of its code's.
pub const SUFFIX: &str = "_rotulo";

type Known = HashMap<String, Arc<[Arc<Derived>]>>;

static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

/// All of them, labels in the order of the dataset's columns, then what is derived.
pub fn derived_columns(grupo: &Grupo) -> Arc<[Arc<Derived>]> {
    let name = grupo.dataset.to_string();
    if let Some(known) = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(&name) {
        return known.clone();
    }
    let mut all = labels(grupo, &name);
    all.extend(values::of(grupo));
    let all: Arc<[Arc<Derived>]> = all.into_iter().map(Arc::new).collect();
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(name, all.clone());
    all
}

/// One by its name, in any case; a column of the files goes before it.
pub fn derived_column(grupo: &Grupo, name: &str) -> Option<Arc<Derived>> {
    if grupo.column(name).is_some() {
        return None;
    }
    derived_columns(grupo).iter().find(|one| one.name.eq_ignore_ascii_case(name)).cloned()
}

/// The label's column of a column of codes.
pub fn label_column(grupo: &Grupo, column: &str) -> Option<Arc<Derived>> {
    let of = |one: &&Arc<Derived>| one.label_of.as_deref().is_some_and(|of| of.eq_ignore_ascii_case(column));
    derived_columns(grupo).iter().find(of).cloned()
}

/// One by its [`Derived::id`].
pub fn derived_by_id(id: &str) -> Option<Arc<Derived>> {
    let (dataset, name) = id.split_once('/')?;
    let grupo = crate::catalog::Catalog::builtin().read(dataset)?;
    derived_columns(grupo).iter().find(|one| one.name == name).cloned()
}

fn labels(grupo: &Grupo, dataset: &str) -> Vec<Derived> {
    let mut found: Vec<(u32, Derived)> = Vec::new();
    for rule in RULES.rule.iter().filter(|rule| rule.datasets.iter().any(|name| name == dataset)) {
        for (column, source) in &rule.columns {
            // Rules are of several datasets at once.
            let known = grupo.column(column);
            if (known.is_none() && !grupo.columns.is_empty())
                || found.iter().any(|(_, one)| one.label_of.as_ref() == Some(column))
            {
                continue;
            }
            let Some(list) = Dictionary::built_in().list(source.list()) else { continue };
            let parts: Vec<(String, Option<usize>)> = match source {
                Source::List(_) => vec![(column.clone(), None)],
                Source::Taken { of, .. } => of.iter().map(|part| parts(part)).collect(),
            };
            let at = if let Source::Taken { at, .. } = source { at.saturating_sub(1) } else { 0 };
            let mut inputs: Vec<String> = parts.iter().map(|(name, _)| name.clone()).collect();
            let era = (rule.from.is_some() || rule.to.is_some()).then(|| (rule.from.clone(), rule.to.clone()));
            if era.is_some() {
                inputs.push(COMPETENCIA.into());
            }
            let words = Arc::new(list.labels().to_vec());
            let widths: Vec<Option<usize>> = parts.into_iter().map(|(_, width)| width).collect();
            let (id, official) = (list.id.clone(), list.official);
            let (source, date) = (list.source.clone(), list.date.clone());
            let number = move |record: &super::record::Record<'_>, row: usize| {
                let mut key = Vec::with_capacity(16);
                for (part, width) in widths.iter().enumerate() {
                    record.characters(part, row, *width, &mut key);
                }
                list.number_of(key.get(at..).unwrap_or_default())
            };
            let derived = Derived {
                dataset: dataset.to_owned(),
                name: format!("{column}{SUFFIX}"),
                kind: LogicalType::Text,
                inputs,
                label_of: Some(column.clone()),
                list: Some(id),
                meaning: text!("Rótulo de {column}", "Label of {column}"),
                source: if official {
                    format!("{source} ({date})")
                } else {
                    format!("não oficial: {source} ({date})")
                },
                era,
                rule: Rule::Word { words, number: Box::new(number) },
            };
            found.push((known.map_or(u32::MAX, |column| column.position), derived));
        }
    }
    found.sort_by_key(|(position, _)| *position);
    found.into_iter().map(|(_, derived)| derived).collect()
}

fn parts(part: &str) -> (String, Option<usize>) {
    match part.split_once(':') {
        Some((name, width)) => (name.to_owned(), width.parse().ok()),
        None => (part.to_owned(), None),
    }
}
