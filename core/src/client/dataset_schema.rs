//! What a dataset's columns are: the catalogue's, and those that it has by name alone.

use std::ops::Deref;

use schemars::JsonSchema;
use serde::Serialize;

use crate::catalog::{Grupo, LogicalType};
use crate::labels::{Derived, derived_columns};

/// A dataset as the catalogue knows it. Competência is the month of processing; `event_dates` say when the event was.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "CatalogEntry")]
#[non_exhaustive]
pub struct DatasetSchema {
    /// What the catalogue knows.
    #[serde(flatten)]
    pub grupo: &'static Grupo,
    /// Columns that no star shows: the labels of codes, and what is made of other columns. Each is used by its name like any other.
    pub derived: Vec<DerivedColumn>,
}

impl Deref for DatasetSchema {
    type Target = Grupo;

    fn deref(&self) -> &Grupo {
        self.grupo
    }
}

/// A label's column, or one that is made of others.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct DerivedColumn {
    #[allow(missing_docs, reason = "the name says it, in every language")]
    pub name: String,
    #[allow(missing_docs, reason = "the name says it, in every language")]
    pub kind: LogicalType,
    /// Of the codes whose labels it holds; none: it is made by a rule.
    pub label_of: Option<String>,
    /// The list of its labels, as `dictionaries` names it.
    pub label_list: Option<String>,
    /// The columns that it is made of.
    pub inputs: Vec<String>,
    /// In Portuguese.
    pub meaning: String,
    /// The rule's, or the list's with its date; it says where a list is no official one.
    pub source: String,
}

impl DerivedColumn {
    fn of(derived: &Derived) -> Self {
        DerivedColumn {
            name: derived.name.clone(),
            kind: derived.kind.clone(),
            label_of: derived.label_of.clone(),
            label_list: derived.list.clone(),
            inputs: derived.inputs.clone(),
            meaning: derived.meaning.pt.clone(),
            source: derived.source.clone(),
        }
    }
}

impl DatasetSchema {
    pub(super) fn of(grupo: &'static Grupo) -> Self {
        let derived = derived_columns(grupo).iter().map(|one| DerivedColumn::of(one)).collect();
        DatasetSchema { grupo, derived }
    }
}
