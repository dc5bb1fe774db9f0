//! The columns of a dataset's table over files of several years: one list, one type per column.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::DataType;

use super::own;
use crate::base::{Code, Error, Result, text};
use crate::catalog::LogicalType;
use crate::labels::Derived;
use crate::lake::{LakeFile, kind_of_own};
use crate::params::Scope;

/// A column of the table, and whether any file has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TableColumn {
    pub name: String,
    pub kind: LogicalType,
    /// The files' own type, where the catalogue gives none (a user's Parquet).
    pub own: Option<DataType>,
    /// Two files whose own types of it have nothing in common: where it is read, the query is refused.
    pub at_odds: Option<[String; 2]>,
    pub held: Held,
    /// What it is made of, where it is no column of the files.
    pub derived: Option<Arc<Derived>>,
}

/// Where the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// In one file at least; stars show it.
    Files,
    /// In none: NULL where it is named.
    Nowhere,
    /// The same in all rows of a file ([`crate::params::ORIGIN`]).
    Origin,
    /// In none: made of others, row by row.
    Derived,
}

/// The columns of the files together: the catalogue's in its order, then those that it does not know. Without a file those of
/// the catalogue and of the dataset's headers.
pub(super) fn columns(scope: &Scope, files: &[&LakeFile]) -> Vec<TableColumn> {
    let grupo = scope.grupo;
    if files.is_empty() {
        let of_catalogue = grupo.columns.iter().map(|column| (&column.name, &column.kind));
        let of_headers = scope.header_columns.iter().filter(|(name, _)| grupo.column(name).is_none());
        let all = of_catalogue.chain(of_headers.map(|(name, kind)| (name, kind)));
        let typed = |(name, kind): (&String, &LogicalType)| TableColumn {
            name: name.clone(),
            kind: kind.clone(),
            own: None,
            at_odds: None,
            held: Held::Files,
            derived: None,
        };
        return all.map(typed).collect();
    }
    let mut columns: Vec<(u32, usize, TableColumn)> = Vec::new();
    for file in distinct_schemas(files) {
        for field in file.schema.fields() {
            let known = grupo.column(field.name());
            let seen = columns.iter_mut().find(|(_, _, column)| column.name.eq_ignore_ascii_case(field.name()));
            if let Some((_, _, column)) = seen {
                if known.is_none() && column.at_odds.is_none() {
                    match own::common(column.own.as_ref().unwrap_or(&DataType::Utf8), field.data_type()) {
                        Some(common) => column.own = Some(common),
                        None => {
                            let first = first_with(files, field.name()).unwrap_or(file);
                            column.at_odds = Some([first, file].map(|file| file.source.file.clone()));
                        }
                    }
                }
                continue;
            }
            let column = TableColumn {
                name: known.map_or_else(|| field.name().to_uppercase(), |column| column.name.clone()),
                kind: known.map_or_else(|| kind_of_own(field.data_type()), |column| column.kind.clone()),
                own: known.is_none().then(|| field.data_type().clone()),
                at_odds: None,
                held: Held::Files,
                derived: None,
            };
            columns.push((known.map_or(u32::MAX, |column| column.position), columns.len(), column));
        }
    }
    columns.sort_by_key(|(position, seen, _)| (*position, *seen));
    columns.into_iter().map(|(_, _, column)| column).collect()
}

fn first_with<'f>(files: &[&'f LakeFile], name: &str) -> Option<&'f LakeFile> {
    let has = |file: &&&LakeFile| file.schema.fields().iter().any(|field| field.name().eq_ignore_ascii_case(name));
    files.iter().find(has).copied()
}

fn distinct_schemas<'f>(files: &[&'f LakeFile]) -> impl Iterator<Item = &'f LakeFile> {
    let mut seen = BTreeSet::new();
    files.iter().copied().filter(move |file| seen.insert(file.fingerprint.clone()))
}

/// DS-422 where a column of those in `read` has no right value in a file, or no one type in the files.
pub(super) fn refuse_unreadable(columns: &[TableColumn], files: &[&LakeFile], read: &[String]) -> Result<()> {
    let is_read = |name: &str| read.iter().any(|column| column.eq_ignore_ascii_case(name));
    for file in files {
        if let Some(refused) = file.source.refused.iter().find(|refused| is_read(&refused.column)) {
            return Err(refused.error(&file.source.file));
        }
    }
    let at_odds = |column: &&TableColumn| column.at_odds.is_some() && is_read(&column.name);
    let Some((name, [first, second])) =
        columns.iter().find(at_odds).and_then(|column| Some((&column.name, column.at_odds.as_ref()?)))
    else {
        return Ok(());
    };
    Err(Error::new(
        Code::InvalidParams,
        text!(
            "A coluna {name}, que o catálogo não conhece, tem tipos diferentes em {first} e {second}; grave-a com um só tipo, ou deixe-a de fora de `columns`",
            "Column {name}, which the catalogue does not know, has different types in {first} and {second}; write it with one type, or leave it out of `columns`"
        ),
    )
    .with("files", vec![first.as_str(), second.as_str()])
    .column(name)
    .stage("plan"))
}
