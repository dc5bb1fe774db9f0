//! The SQL of a query, its bound values, and the files that it may read.

use std::collections::BTreeSet;

use super::view::{self, TableColumn};
use super::{Dialect, DuckDbDialect};
use crate::base::{Code, Error, Result, text};
use crate::catalog::{LogicalType, UfCoding};
use crate::lake::LakeFile;
use crate::params::{AggregateFn, Op, Predicate, Projection, Query, Scalar};

/// What an engine runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// DDL for the views, one per table.
    pub views: Vec<String>,
    pub sql: String,
    /// Values of the placeholders, in their order, as text.
    pub binds: Vec<String>,
    /// Every file that may be read.
    pub files: Vec<String>,
    /// Columns that are read from the files.
    pub columns: Vec<String>,
}

/// Builds the statement of `query` over `files`.
pub fn statement(query: &Query, files: &[LakeFile]) -> Result<Statement> {
    let dialect = DuckDbDialect;
    for file in files {
        if file.path.to_str().is_none() {
            let path = file.path.display();
            return Err(Error::new(
                Code::InvalidParams,
                text!(
                    "O caminho {path} não é UTF-8; renomeie a pasta",
                    "The path {path} is not UTF-8; rename the folder"
                ),
            )
            .stage("plan"));
        }
    }
    let columns = view::columns(query.grupo, files);
    let table = query.grupo.dataset.table();
    let mut build = Build { dialect: &dialect, columns: &columns, binds: Vec::new() };
    let projection = build.projection(&query.projection);
    let mut conditions: Vec<String> = Vec::new();
    refuse_uf_without_column(query, &columns)?;
    if let Some(condition) = build.uf_condition(query) {
        conditions.push(condition);
    }
    conditions.extend(query.predicates.iter().map(|p| build.predicate(p)));
    let mut sql = format!("SELECT {projection} FROM {}", dialect.name(&table));
    if !conditions.is_empty() {
        sql.push_str(&format!(" WHERE {}", conditions.join(" AND ")));
    }
    if let Projection::Grouped { keys, .. } = &query.projection
        && !keys.is_empty()
    {
        let keys: Vec<String> = keys.iter().map(|key| dialect.name(key)).collect();
        sql.push_str(&format!(" GROUP BY {}", keys.join(", ")));
    }
    if !query.order_by.is_empty() {
        let keys: Vec<String> = query
            .order_by
            .iter()
            .map(|key| format!("{}{} NULLS LAST", dialect.name(&key.column), if key.desc { " DESC" } else { "" }))
            .collect();
        sql.push_str(&format!(" ORDER BY {}", keys.join(", ")));
    }
    if let Some(limit) = query.limit {
        sql.push_str(&format!(" LIMIT {limit}"));
    }
    let binds = build.binds;
    let view = format!("CREATE TEMP VIEW {} AS {}", dialect.name(&table), view::relation(&dialect, &columns, files));
    let paths = files.iter().filter_map(|file| file.path.to_str().map(str::to_owned)).collect();
    let read = columns_read(query, &columns);
    Ok(Statement { views: vec![view], sql, binds, files: paths, columns: read })
}

/// A national file that lacks the UF column would answer with no row: that is refused.
fn refuse_uf_without_column(query: &Query, columns: &[TableColumn]) -> Result<()> {
    let (Some(_), Some(_), Some(column)) = (&query.ufs, query.grupo.national, &query.grupo.uf_column) else {
        return Ok(());
    };
    if columns.iter().any(|found| found.name.eq_ignore_ascii_case(&column.name)) {
        return Ok(());
    }
    let (dataset, name) = (&query.grupo.dataset, &column.name);
    Err(Error::new(
        Code::InvalidParams,
        text!(
            "Os arquivos de {dataset} não têm a coluna {name}; deixe `uf` de fora",
            "The files of {dataset} have no column {name}; leave `uf` out"
        ),
    )
    .stage("plan"))
}

fn columns_read(query: &Query, columns: &[TableColumn]) -> Vec<String> {
    let mut read: BTreeSet<&str> = BTreeSet::new();
    match &query.projection {
        Projection::All => return columns.iter().map(|column| column.name.clone()).collect(),
        Projection::Columns(names) => read.extend(names.iter().map(String::as_str)),
        Projection::Grouped { keys, figures } => {
            read.extend(keys.iter().map(String::as_str));
            read.extend(figures.iter().filter_map(|figure| Some(figure.column.as_ref()?.0.as_str())));
        }
    }
    query.predicates.iter().for_each(|predicate| predicate.columns(&mut read));
    read.extend(query.order_by.iter().map(|key| key.column.as_str()));
    if let (Some(_), Some(column)) =
        (&query.ufs, query.grupo.uf_column.as_ref().filter(|_| query.grupo.national.is_some()))
    {
        read.insert(&column.name);
    }
    columns.iter().map(|column| &column.name).filter(|name| read.contains(name.as_str())).cloned().collect()
}

struct Build<'a> {
    dialect: &'a dyn Dialect,
    columns: &'a [TableColumn],
    binds: Vec<String>,
}

impl Build<'_> {
    /// The column, or a typed NULL where no chosen file has it (an older layout).
    fn column(&self, name: &str, kind: Option<&LogicalType>) -> String {
        if self.columns.iter().any(|column| column.name == name) {
            return self.dialect.name(name);
        }
        format!("CAST(NULL AS {})", self.dialect.type_name(kind.unwrap_or(&LogicalType::Text)))
    }

    fn projection(&self, projection: &Projection) -> String {
        let list: Vec<String> = match projection {
            Projection::All => self.columns.iter().map(|column| self.dialect.name(&column.name)).collect(),
            Projection::Columns(names) => {
                names.iter().map(|name| format!("{} AS {}", self.column(name, None), self.dialect.name(name))).collect()
            }
            Projection::Grouped { keys, figures } => keys
                .iter()
                .map(|key| self.dialect.name(key))
                .chain(figures.iter().map(|figure| {
                    let alias = self.dialect.name(&figure.alias);
                    let Some((column, kind)) = &figure.column else { return format!("count(*) AS {alias}") };
                    let column = self.column(column, Some(kind));
                    let value = match (figure.function, kind) {
                        (AggregateFn::Count, _) => format!("count({column})"),
                        (AggregateFn::CountDistinct, _) => format!("count(DISTINCT {column})"),
                        // The engine's 128-bit sum, back in the range that every language has; overflow is an error.
                        (AggregateFn::Sum, LogicalType::Integer { .. }) => format!("CAST(sum({column}) AS BIGINT)"),
                        (AggregateFn::Sum, _) => format!("sum({column})"),
                        (AggregateFn::Avg, _) => format!("avg({column})"),
                        (AggregateFn::Min, _) => format!("min({column})"),
                        (AggregateFn::Max, _) => format!("max({column})"),
                    };
                    format!("{value} AS {alias}")
                }))
                .collect(),
        };
        list.join(", ")
    }

    /// In a national file the UF is a column.
    fn uf_condition(&mut self, query: &Query) -> Option<String> {
        let ufs = query.ufs.as_ref()?;
        let national = query.grupo.national?;
        if ufs.contains(&national) {
            return None;
        }
        let column = query.grupo.uf_column.as_ref()?;
        let name = self.column(&column.name, None);
        let (value, codes): (String, Vec<String>) = match column.coding {
            UfCoding::Sigla => (name, ufs.iter().map(|uf| uf.sigla().to_owned()).collect()),
            UfCoding::IbgeCode => (name, ufs.iter().filter_map(|uf| Some(uf.ibge()?.to_string())).collect()),
            UfCoding::Municipio => {
                (format!("substr({name}, 1, 2)"), ufs.iter().filter_map(|uf| Some(uf.ibge()?.to_string())).collect())
            }
        };
        let marks = vec!["CAST(? AS VARCHAR)"; codes.len()].join(", ");
        self.binds.extend(codes);
        Some(if marks.is_empty() { "false".into() } else { format!("{value} IN ({marks})") })
    }

    fn bind(&mut self, value: &Scalar, kind: &LogicalType) -> String {
        let (placeholder, bound) = self.dialect.placeholder(value, kind);
        self.binds.push(bound);
        placeholder
    }

    fn predicate(&mut self, predicate: &Predicate) -> String {
        match predicate {
            Predicate::Any(list) if list.is_empty() => "false".into(),
            Predicate::All(list) if list.is_empty() => "true".into(),
            Predicate::Any(list) => self.joined(list, " OR "),
            Predicate::All(list) => self.joined(list, " AND "),
            Predicate::Not(inner) => format!("(NOT {})", self.predicate(inner)),
            Predicate::Compare { column, kind, op, values } => {
                let name = self.column(column, Some(kind));
                let marks: Vec<String> = values.iter().map(|value| self.bind(value, kind)).collect();
                let list = marks.join(", ");
                match op {
                    Op::Eq => format!("{name} = {list}"),
                    Op::Ne => format!("{name} <> {list}"),
                    Op::Lt => format!("{name} < {list}"),
                    Op::Le => format!("{name} <= {list}"),
                    Op::Gt => format!("{name} > {list}"),
                    Op::Ge => format!("{name} >= {list}"),
                    Op::Between => format!("{name} BETWEEN {}", marks.join(" AND ")),
                    Op::In => format!("{name} IN ({list})"),
                    Op::NotIn => format!("{name} NOT IN ({list})"),
                    Op::StartsWith => format!("starts_with({name}, {list})"),
                    Op::IsNull => format!("{name} IS NULL"),
                    Op::NotNull => format!("{name} IS NOT NULL"),
                }
            }
        }
    }

    fn joined(&mut self, list: &[Predicate], with: &str) -> String {
        let parts: Vec<String> = list.iter().map(|p| self.predicate(p)).collect();
        format!("({})", parts.join(with))
    }
}
