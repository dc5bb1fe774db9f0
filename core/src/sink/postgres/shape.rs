//! The table that is there, and how a result's columns go into it.

use ::arrow::datatypes::{DataType, Schema};
use tokio_postgres::Client;

use super::copy::{Encoder, Target, sql_type};
use super::failure::Explained;
use super::typed::{self, Cells};
use super::url::Url;
use super::{TableName, identifier};
use crate::base::{Code, Error, Result, text, type_words};

/// An existing table.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub oid: u32,
    pub comment: Option<String>,
    /// We may change it, and so its comment.
    pub owned: bool,
    /// A partition, or a child by inheritance: whoever reads its parent reads its rows.
    pub is_part: bool,
    /// It is one, or has some.
    pub has_kin: bool,
    /// How it is partitioned, as PostgreSQL writes it.
    pub partition_key: Option<String>,
    /// It has a partition for what fits none of the others.
    pub has_default: bool,
    /// A build of ours left something in the schema.
    pub index_left: bool,
    pub columns: Vec<TableColumn>,
}

#[derive(Debug, Clone)]
pub(super) struct TableColumn {
    pub name: String,
    pub target: Target,
    /// As SQL writes it.
    pub sql_type: String,
    /// Must be given: NOT NULL, without a default.
    pub required: bool,
    pub not_null: bool,
    /// Must not be given.
    pub generated: bool,
}

/// A column of the result, as a column of the target.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub name: String,
    pub target: Target,
    pub sql_type: String,
    /// The existing table takes no NULL here.
    pub not_null: bool,
    /// Not in the existing table yet.
    pub is_new: bool,
}

/// The table of that name; DS-409 where it is a view or something else.
pub(super) async fn find(client: &Client, url: &Url, name: &TableName) -> Result<Option<Table>> {
    // A domain goes over as its base type.
    let sql = "SELECT c.oid, c.relkind::text, a.attname::text,
            CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE a.atttypid END,
            CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END,
            format_type(a.atttypid, a.atttypmod),
            a.attnotnull AND NOT a.atthasdef AND a.attidentity = '',
            a.attgenerated <> '' OR a.attidentity = 'a', a.attnotnull,
            obj_description(c.oid, 'pg_class'), pg_has_role(c.relowner, 'USAGE'),
            EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhrelid = c.oid), c.relhassubclass, pg_get_partkeydef(c.oid),
            EXISTS (SELECT 1 FROM pg_partitioned_table p WHERE p.partrelid = c.oid AND p.partdefid <> 0),
            EXISTS (SELECT 1 FROM pg_class x WHERE x.relnamespace = c.relnamespace AND x.relkind = 'i'
                AND starts_with(x.relname::text, $3))
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_type t ON t.oid = a.atttypid
        WHERE n.nspname = $1 AND c.relname = $2 ORDER BY a.attnum";
    let rows = client
        .query_typed(
            sql,
            &[typed::name(&name.schema), typed::name(&name.table), typed::text(&identifier::INDEX_PREFIX)],
        )
        .await
        .explained(url)?;
    let Some(first) = rows.first() else { return Ok(None) };
    let kind: String = first.cell(1)?;
    if kind != "r" && kind != "p" {
        return Err(Error::new(
            Code::Conflict,
            text!(
                "{name} não é uma tabela (visão, índice ou tabela externa?); escolha outro nome",
                "{name} is not a table (a view, an index or a foreign table?); choose another name"
            ),
        )
        .with("table", name.to_string())
        .stage("postgres"));
    }
    let mut columns = Vec::with_capacity(rows.len());
    for row in &rows {
        let Some(name) = row.cell::<Option<String>>(2)? else { continue };
        columns.push(TableColumn {
            name,
            target: Target { oid: row.cell(3)?, typmod: row.cell(4)? },
            sql_type: row.cell(5)?,
            required: row.cell(6)?,
            generated: row.cell(7)?,
            not_null: row.cell(8)?,
        });
    }
    let is_part: bool = first.cell(11)?;
    Ok(Some(Table {
        oid: first.cell(0)?,
        comment: first.cell(9)?,
        owned: first.cell(10)?,
        is_part,
        has_kin: is_part || first.cell::<bool>(12)?,
        partition_key: first.cell(13)?,
        has_default: first.cell(14)?,
        index_left: first.cell(15)?,
        columns,
    }))
}

/// What a load was made for: it must be the same when it goes on.
pub(super) fn fingerprint(existing: Option<&Table>, columns: &[Column], ordered: bool) -> String {
    let mut all: Vec<String> = columns.iter().map(|column| format!("{} {}", column.name, column.sql_type)).collect();
    if let Some(table) = existing {
        let null = |column: &TableColumn| if column.not_null { " not null" } else { "" };
        all.push("table".to_owned());
        all.extend(table.columns.iter().map(|c| format!("{} {}{}", c.name, c.sql_type, null(c))));
    }
    if ordered {
        all.push("ordered".to_owned());
    }
    all.join("; ")
}

/// A fingerprint as versions before wrote it: with the number that the server gave the table.
pub(super) fn without_oid(fingerprint: &str) -> String {
    let number = |part: &str| part.strip_prefix("table ").is_some_and(|oid| oid.bytes().all(|b| b.is_ascii_digit()));
    fingerprint.split("; ").map(|part| if number(part) { "table" } else { part }).collect::<Vec<_>>().join("; ")
}

/// The table's column of that name, or else the first that differs in case only.
pub(super) fn named<'t>(table: &'t Table, name: &str) -> Option<&'t TableColumn> {
    let same = |column: &&TableColumn| column.name.to_lowercase() == name.to_lowercase();
    table.columns.iter().find(|column| column.name == *name).or_else(|| table.columns.iter().find(same))
}

/// Columns of the target for those of the result, in the result's order. New ones have lower-case names, so that they
/// need no quotes in SQL.
pub(super) fn columns(schema: &Schema, existing: Option<&Table>, name: &TableName) -> Result<Vec<Column>> {
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let found = existing.and_then(|table| named(table, field.name()));
        columns.push(match found {
            Some(column) if column.generated => return Err(generated(&column.name, name)),
            Some(column) => Column {
                name: column.name.clone(),
                target: column.target,
                sql_type: column.sql_type.clone(),
                not_null: column.not_null,
                is_new: false,
            },
            None => {
                let (sql_type, target) =
                    sql_type(field.data_type()).ok_or_else(|| not_a_value(field.name(), field.data_type()))?;
                let name = field.name().to_lowercase();
                identifier::check(&name)?;
                Column { name, target, sql_type, not_null: false, is_new: true }
            }
        });
    }
    let targets: Vec<Target> = columns.iter().map(|column| column.target).collect();
    if let Err(mismatch) = Encoder::new(schema, &targets) {
        let (column, from) = (&columns[mismatch.column], &mismatch.from);
        return Err(other_type(column, from, name));
    }
    if let Some(table) = existing {
        let given = |column: &&super::shape::TableColumn| columns.iter().any(|given| given.name == column.name);
        if let Some(missing) = table.columns.iter().find(|column| column.required && !given(column)) {
            let column = &missing.name;
            return Err(Error::new(
                Code::Conflict,
                text!(
                    "{name}: a coluna {column} é NOT NULL e o resultado não a tem",
                    "{name}: column {column} is NOT NULL, and the result does not have it"
                ),
            )
            .column(column)
            .stage("postgres"));
        }
    }
    Ok(columns)
}

fn generated(column: &str, name: &TableName) -> Error {
    Error::new(
        Code::Conflict,
        text!(
            "{name}: a coluna {column} é gerada pelo PostgreSQL; tire-a do resultado",
            "{name}: column {column} is generated by PostgreSQL; leave it out of the result"
        ),
    )
    .column(column)
    .stage("postgres")
}

fn not_a_value(column: &str, kind: &DataType) -> Error {
    let shown = kind.to_string();
    Error::new(
        Code::InvalidParams,
        text!(
            "A coluna {column} é {shown}, que não vai para o PostgreSQL; use unnest(...) para uma linha por valor, ou array_to_string(..., ',')",
            "Column {column} is {shown}, which does not go to PostgreSQL; use unnest(...) for a row per value, or array_to_string(..., ',')"
        ),
    )
    .with("received", shown)
    .column(column)
    .stage("postgres")
}

fn other_type(column: &Column, from: &DataType, name: &TableName) -> Error {
    let (shown, to, from) = (&column.name, &column.sql_type, type_words(from));
    Error::new(
        Code::Conflict,
        text!(
            "{name}: a coluna {shown} é {to} na tabela e {from} no resultado; altere a tabela, ou converta no SQL",
            "{name}: column {shown} is {to} in the table and {from} in the result; alter the table, or convert in the SQL"
        ),
    )
    .with("expected_format", to.as_str())
    .with("received", from)
    .column(shown.as_str())
    .stage("postgres")
}
