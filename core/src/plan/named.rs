//! Columns that a table has because the query names them: where a row comes from, and what no chosen file holds.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::table::{self, Held, TableColumn};
use crate::catalog::{Dataset, LogicalType};
use crate::labels::{Derived, derived_columns_named, other_spelling};
use crate::lake::LakeFile;
use crate::params::{Ask, ORIGIN, Projection, Query, Scope, Structured, origin_column};

/// The columns of a table that its files do not have, and that `query` names. `elsewhere`: whether another table of the query
/// has a column, which a bare name then means; `beside`: the same of tables in one FROM with this one, for what only has to be named.
pub(super) fn columns(
    query: &Query,
    scope: &Scope,
    held: &[TableColumn],
    elsewhere: &dyn Fn(&str) -> bool,
    beside: &dyn Fn(&str) -> bool,
) -> Vec<TableColumn> {
    let absent = |name: &str| !held.iter().any(|column| column.name.eq_ignore_ascii_case(name));
    let nowhere = |name: &str, kind: &LogicalType| TableColumn {
        name: name.to_owned(),
        kind: kind.clone(),
        own: None,
        at_odds: None,
        held: Held::Nowhere,
        derived: None,
    };
    let origin = |name: &str| TableColumn { held: Held::Origin, ..nowhere(name, &LogicalType::Text) };
    match &query.ask {
        Ask::Structured(ask) => {
            let known = |name: &&str| {
                if let Some(derived) = ask.derived.iter().find(|derived| derived.name == **name) {
                    return of_derived(derived);
                }
                let of_header = || scope.header_columns.iter().find(|(of, _)| of == name).map(|(_, kind)| kind);
                let kind = scope.grupo.column(name).map(|column| &column.kind).or_else(of_header);
                if origin_column(name).is_some() {
                    origin(name)
                } else {
                    nowhere(name, kind.unwrap_or(&LogicalType::Text))
                }
            };
            let mut found: Vec<TableColumn> = ask.columns().iter().filter(|name| absent(name)).map(known).collect();
            if matches!(ask.projection, Projection::All) {
                let labels = held.iter().filter_map(|column| label_beside(ask, &column.name));
                let labels: Vec<Arc<Derived>> =
                    labels.filter(|label| !found.iter().any(|column| column.name == label.name)).cloned().collect();
                let inputs = labels.iter().flat_map(|label| &label.inputs);
                let inputs: BTreeSet<&str> = inputs.map(String::as_str).filter(|name| absent(name)).collect();
                let missing: Vec<&&str> =
                    inputs.iter().filter(|name| !found.iter().any(|column| column.name == **name)).collect();
                found.extend(missing.into_iter().map(known).collect::<Vec<_>>());
                found.extend(labels.iter().map(of_derived));
            }
            found
        }
        Ask::Sql(sql) => {
            let table = scope.grupo.dataset.table();
            let of_catalogue = scope.grupo.columns.iter().map(|column| (&column.name, &column.kind));
            let of_headers = scope.header_columns.iter().filter(|(name, _)| scope.grupo.column(name).is_none());
            let known = of_catalogue.chain(of_headers.map(|(name, kind)| (name, kind)));
            let named = known.filter(|(name, _)| absent(name) && sql.syntax.names(&table, name, !elsewhere(name)));
            let all = derived_columns_named(scope.grupo, scope.edition, sql.columns.iter());
            let derived: Vec<&Arc<Derived>> = (all.iter())
                .filter(|one| absent(&one.name) && sql.syntax.names(&table, &one.name, !beside(&one.name)))
                .collect();
            let input = |name: &str| derived.iter().any(|one| one.inputs.iter().any(|input| input == name));
            let of_origin =
                ORIGIN.into_iter().filter(|name| absent(name) && (input(name) || sql.syntax.names(&table, name, true)));
            let mut found: Vec<TableColumn> =
                named.map(|(name, kind)| nowhere(name, kind)).chain(of_origin.map(origin)).collect();
            for name in derived.iter().flat_map(|one| &one.inputs) {
                if absent(name) && !found.iter().any(|column| column.name == *name) {
                    let kind = scope.grupo.column(name).map_or(&LogicalType::Text, |column| &column.kind);
                    found.push(nowhere(name, kind));
                }
            }
            found.extend(derived.into_iter().map(of_derived));
            found
        }
        Ask::Catalog(_) => Vec::new(),
    }
}

fn of_derived(derived: &Arc<Derived>) -> TableColumn {
    TableColumn {
        name: derived.name.clone(),
        kind: derived.kind.clone(),
        own: None,
        at_odds: None,
        held: Held::Derived,
        derived: Some(derived.clone()),
    }
}

/// The label that the answer shows with a column of the files, where it shows them all.
pub(super) fn label_beside<'a>(ask: &'a Structured, column: &str) -> Option<&'a Arc<Derived>> {
    ask.labels.columns.iter().find(|label| label.label_of.as_deref() == Some(column))
}

/// Names of the answer's columns where it shows all that the files have.
pub(super) fn shown(ask: &Structured, columns: &[TableColumn]) -> Vec<String> {
    let held = columns.iter().filter(|column| column.held == Held::Files);
    held.flat_map(|column| {
        let label = label_beside(ask, &column.name).map(|label| label.name.clone());
        let code = (label.is_none() || !ask.labels.only).then(|| column.name.clone());
        code.into_iter().chain(label)
    })
    .collect()
}

/// Names of the columns that a query of one dataset would show, were it to show all that its files have.
pub fn shown_columns(query: &Query, files: &[LakeFile]) -> Vec<String> {
    let of_scope = |scope: &Scope| -> Vec<String> {
        let files: Vec<&LakeFile> = files.iter().filter(|file| file.id.dataset == scope.grupo.dataset).collect();
        table::columns(scope, &files).into_iter().map(|column| column.name).collect()
    };
    query.scopes.first().map(of_scope).unwrap_or_default()
}

/// Columns of the catalogue that the query names and none of its files has: they are NULL in the whole answer.
pub fn nowhere(query: &Query, files: &[LakeFile]) -> Vec<(Dataset, Vec<String>)> {
    let of_scope = |scope: &Scope| -> Vec<&LakeFile> {
        files.iter().filter(|file| file.id.dataset == scope.grupo.dataset).collect()
    };
    let tables: Vec<(&Scope, Vec<TableColumn>)> =
        (query.scopes.iter()).map(|scope| (scope, table::columns(scope, &of_scope(scope)))).collect();
    let mut found = Vec::new();
    for (scope, held) in &tables {
        let elsewhere = |name: &str| has_elsewhere(&tables, &|other| other.grupo.dataset != scope.grupo.dataset, name);
        let absent = columns(query, scope, held, &elsewhere, &elsewhere)
            .into_iter()
            .filter(|column| column.held == Held::Nowhere)
            .filter(|column| query.ask.writes(&column.name) || !is_in_other_spelling(held, &column.name));
        let names: Vec<String> = absent.map(|column| column.name).collect();
        if !names.is_empty() && !of_scope(scope).is_empty() {
            found.push((scope.grupo.dataset.clone(), names));
        }
    }
    found
}

fn is_in_other_spelling(held: &[TableColumn], name: &str) -> bool {
    let other = other_spelling(name);
    held.iter()
        .any(|column| column.held == Held::Files && other.is_some_and(|name| column.name.eq_ignore_ascii_case(name)))
}

/// Whether one of `others` has the column in its files.
pub(super) fn has_elsewhere(
    tables: &[(&Scope, Vec<TableColumn>)],
    others: &dyn Fn(&Scope) -> bool,
    name: &str,
) -> bool {
    tables.iter().any(|(other, columns)| {
        others(other)
            && columns.iter().any(|column| column.held == Held::Files && column.name.eq_ignore_ascii_case(name))
    })
}
