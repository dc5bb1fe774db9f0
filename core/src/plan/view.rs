//! The dataset's table over files of several years: one column list, one type per column.

use arrow::datatypes::DataType;

use super::Dialect;
use crate::catalog::{Grupo, LogicalType};
use crate::lake::LakeFile;

/// A column of the table, and whether any file has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TableColumn {
    pub name: String,
    pub kind: LogicalType,
    /// The files' own type, where the catalogue gives none (a user's Parquet).
    pub own: Option<DataType>,
}

/// The columns of the files together: the catalogue's in its order, then those that it does not know.
pub(super) fn columns(grupo: &Grupo, files: &[LakeFile]) -> Vec<TableColumn> {
    let mut columns: Vec<(u32, usize, TableColumn)> = Vec::new();
    for file in distinct_schemas(files) {
        for field in file.schema.fields() {
            if columns.iter().any(|(_, _, column)| column.name.eq_ignore_ascii_case(field.name())) {
                continue;
            }
            let known = grupo.column(field.name());
            let column = TableColumn {
                name: known.map_or_else(|| field.name().to_uppercase(), |column| column.name.clone()),
                kind: known.map_or(LogicalType::Text, |column| column.kind.clone()),
                own: (known.is_none() && file.native_parquet).then(|| field.data_type().clone()),
            };
            columns.push((known.map_or(u32::MAX, |column| column.position), columns.len(), column));
        }
    }
    columns.sort_by_key(|(position, seen, _)| (*position, *seen));
    columns.into_iter().map(|(_, _, column)| column).collect()
}

/// One SELECT per run of files with the same schema, in the files' order, so that the answer keeps that order too.
pub(super) fn relation(dialect: &dyn Dialect, columns: &[TableColumn], files: &[LakeFile]) -> String {
    let runs = files.chunk_by(|a, b| a.fingerprint == b.fingerprint);
    let selects: Vec<String> = runs
        .filter_map(|run| {
            let first = run.first()?;
            let list: Vec<String> = columns.iter().map(|column| expression(dialect, column, first)).collect();
            let paths: Vec<&str> = run.iter().filter_map(|file| file.path.to_str()).collect();
            Some(format!("SELECT {} FROM {}", list.join(", "), dialect.parquet(&paths)))
        })
        .collect();
    selects.join(" UNION ALL ")
}

fn expression(dialect: &dyn Dialect, column: &TableColumn, file: &LakeFile) -> String {
    let name = dialect.name(&column.name);
    let Some(field) = file.schema.fields().iter().find(|field| field.name().eq_ignore_ascii_case(&column.name)) else {
        return format!("CAST(NULL AS {}) AS {name}", dialect.type_name(&column.kind));
    };
    if column.own.is_some() {
        return format!("{} AS {name}", dialect.name(field.name()));
    }
    format!("{} AS {name}", dialect.cast(field.name(), field.data_type(), &column.kind))
}

fn distinct_schemas(files: &[LakeFile]) -> impl Iterator<Item = &LakeFile> {
    let mut seen = std::collections::BTreeSet::new();
    files.iter().filter(move |file| seen.insert(file.fingerprint.clone()))
}
