//! Labels that the answer has beside its codes, or in their place.

use std::sync::Arc;

use crate::base::{clip, did_you_mean, text};
use crate::labels::{Derived, derived_columns, label_column, labels_of_nothing};
use crate::params::query::Labelled;
use crate::params::{Projection, QueryParams};

use super::{Check, hint};

impl Check<'_> {
    /// What the answer shows once the labels of `params` stand in it.
    pub(super) fn labels(&mut self, params: &QueryParams, projection: Projection) -> (Projection, Labelled) {
        let none = Labelled::default();
        let only = params.labels_only;
        let Some((grupo, (true, named))) = self.grupo.zip(params.labels.as_ref().map(|labels| labels.wanted())) else {
            if only {
                self.wrong(labels_of_nothing());
            }
            return (projection, none);
        };
        let labels: Vec<Arc<Derived>> = match named {
            None => {
                let all = derived_columns(grupo);
                let labels = all.iter().filter(|one| one.label_of.is_some()).cloned();
                labels.filter(|one| !self.stands_in_files(one, false)).collect()
            }
            Some(names) => names.iter().filter_map(|name| self.label(name)).collect(),
        };
        if let (Projection::Columns(shown) | Projection::Grouped { keys: shown, .. }, Some(_)) = (&projection, named) {
            let is_shown = |one: &Derived| shown.iter().any(|name| one.coded() == Some(name) || one.name == *name);
            labels.iter().filter(|one| !is_shown(one)).for_each(|one| self.not_shown(one));
        }
        let of = |column: &str| labels.iter().find(|one| one.label_of.as_deref() == Some(column)).cloned();
        let mut beside = |names: Vec<String>, alone: bool| {
            let mut shown = Vec::with_capacity(names.len());
            for name in names {
                let label = of(&name);
                let label = label.filter(|label| !shown.contains(&label.name));
                if label.is_none() || !alone {
                    shown.push(name);
                }
                if let Some(label) = label {
                    shown.push(label.name.clone());
                    if !self.derived.contains(&label) {
                        self.derived.push(label);
                    }
                }
            }
            shown
        };
        match projection {
            Projection::All => (Projection::All, Labelled { columns: labels, only }),
            Projection::Columns(names) => {
                let shown = beside(names, only);
                let mut seen = std::collections::BTreeSet::new();
                (Projection::Columns(shown.into_iter().filter(|name| seen.insert(name.clone())).collect()), none)
            }
            Projection::Grouped { keys, figures } => {
                let keys = beside(keys, only);
                (Projection::Grouped { keys, figures }, none)
            }
        }
    }

    /// Whether files have a column of a label's name, with words of their own. `named`: the label was asked for by name, and is not
    /// made without a word.
    fn stands_in_files(&mut self, label: &Derived, named: bool) -> bool {
        if !self.is_of_files(&label.name) {
            return false;
        }
        let (name, column) = (&label.name, label.label_of.clone().unwrap_or_default());
        if named {
            let problem = self.wrong(text!(
                "`labels`: os arquivos já têm uma coluna {name}, com palavras suas; peça-a por esse nome em `columns`, ou renomeie-a nos arquivos para ter o rótulo de {column}",
                "`labels`: the files have a column {name} already, with words of their own; ask for it by that name in `columns`, or rename it in the files to have the label of {column}"
            ));
            problem.diagnostic.insert("where".into(), "labels".into());
            problem.diagnostic.insert("received".into(), column.into());
        } else {
            self.note(Some(text!(
                "{name} é uma coluna dos arquivos, e fica como está; o rótulo de {column} não é posto",
                "{name} is a column of the files, and stays as it is; the label of {column} is not made"
            )));
        }
        true
    }

    /// A label of a column that the answer does not have would be left out without a word.
    fn not_shown(&mut self, label: &Derived) {
        let (column, name) = (label.label_of.clone().unwrap_or_default(), &label.name);
        let problem = self.wrong(text!(
            "`labels`: a coluna {column} não está entre as pedidas (`columns`, `group_by`); ponha-a lá, ou peça lá {name} em vez dela",
            "`labels`: the column {column} is not among those that are asked for (`columns`, `group_by`); name it there, or name {name} there instead of it"
        ));
        problem.diagnostic.insert("where".into(), "labels".into());
        problem.diagnostic.insert("received".into(), column.into());
    }

    fn label(&mut self, column: &str) -> Option<Arc<Derived>> {
        let grupo = self.grupo?;
        if let Some(label) = label_column(grupo, column) {
            return (!self.stands_in_files(&label, true)).then_some(label);
        }
        let all = derived_columns(grupo);
        // The label's own name is the commonest slip.
        let of = all.iter().find(|one| one.label_of.is_some() && one.name.eq_ignore_ascii_case(column));
        let near = match of {
            Some(label) => label.label_of.iter().cloned().collect(),
            None => did_you_mean(column, all.iter().filter_map(|one| one.label_of.as_deref())),
        };
        let (pt, en) = hint(&near);
        let (dataset, shown) = (&grupo.dataset, clip(column));
        let problem = self.wrong(text!(
            "`labels`: {dataset} não tem lista de rótulos para a coluna \"{shown}\"{pt} `schema` mostra quais têm",
            "`labels`: {dataset} has no list of labels for the column \"{shown}\"{en} `schema` says which columns have one"
        ));
        problem.diagnostic.insert("where".into(), "labels".into());
        problem.diagnostic.insert("received".into(), shown.into());
        problem.diagnostic.insert("did_you_mean".into(), near.into());
        None
    }
}
