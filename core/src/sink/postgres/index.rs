//! Columns and names of indexes, and the one that `upsert` stands on.

use postgres_protocol::escape::escape_identifier;
use tokio_postgres::Client;

use super::TableName;
use super::failure::Explained;
use super::identifier::MAX_BYTES;
use super::shape::{Column, Table};
use super::typed::{self, Cells, name as name_of};
use super::url::Url;
use crate::base::{Code, Error, Result, text};

/// What is to be indexed.
pub(super) enum Indexes<'p> {
    /// Columns by which rows are looked for.
    Auto,
    /// These, and no others.
    These(&'p [String]),
}

/// The target's names for the columns of `wanted`. DS-422 for one that the result does not have.
pub(super) fn columns<'c>(wanted: &[String], columns: &'c [Column]) -> Result<Vec<&'c str>> {
    let mut found = Vec::new();
    for name in wanted {
        match columns.iter().find(|column| column.name.to_lowercase() == name.to_lowercase()) {
            Some(column) if !found.contains(&column.name.as_str()) => found.push(column.name.as_str()),
            Some(_) => {}
            None => {
                let all = columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
                let near = crate::base::did_you_mean(name, columns.iter().map(|column| column.name.as_str()));
                return Err(Error::new(
                    Code::InvalidParams,
                    text!(
                        "O resultado não tem a coluna \"{name}\"; use uma destas: {all}",
                        "The result has no column \"{name}\"; use one of these: {all}"
                    ),
                )
                .with("received", name.as_str())
                .with("did_you_mean", near)
                .stage("postgres"));
            }
        }
    }
    Ok(found)
}

/// Whether the column has a type whose least and greatest value a BRIN keeps.
pub(super) fn takes_brin(table: &Table, name: &str) -> bool {
    let kinds = ["text", "smallint", "integer", "bigint", "numeric", "real", "double precision", "date", "timestamp"];
    let of = table.columns.iter().find(|column| column.name == name);
    of.is_some_and(|column| kinds.iter().any(|kind| column.sql_type.starts_with(kind)))
}

/// A name as PostgreSQL would make it, within its length.
pub(super) fn name(table: &str, column: &str, suffix: &str) -> String {
    let room = MAX_BYTES - suffix.len() - 2;
    let column = cut(column, room / 2);
    format!("{}_{column}_{suffix}", cut(table, room - column.len()))
}

/// `name`, with a number where something else in the schema is called so.
pub(super) async fn free_name(client: &Client, url: &Url, schema: &str, name: &str) -> Result<String> {
    let sql = "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relname = $2";
    for number in 0..1_000 {
        let candidate = match number {
            0 => name.to_owned(),
            _ => format!("{}{number}", cut(name, MAX_BYTES - 4)),
        };
        if client.query_typed(sql, &[name_of(&schema), name_of(&candidate)]).await.explained(url)?.is_empty() {
            return Ok(candidate);
        }
    }
    Err(Error::internal(format!("no free name like {name}")))
}

/// At most so many bytes of it.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// DS-409 unless the table has a unique index over exactly these columns.
pub(super) async fn require_unique(
    client: &Client,
    url: &Url,
    table: &TableName,
    oid: u32,
    key: &[&str],
) -> Result<()> {
    let sql = "SELECT array(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(n, place)
            JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n WHERE k.place <= i.indnkeyatts ORDER BY 1)
        FROM pg_index i
        WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indimmediate
          AND i.indpred IS NULL AND i.indexprs IS NULL";
    let mut wanted: Vec<&str> = key.to_vec();
    wanted.sort_unstable();
    for row in client.query_typed(sql, &[typed::oid(&oid)]).await.explained(url)? {
        let columns: Vec<String> = row.cell(0)?;
        let mut columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        columns.sort_unstable();
        if columns == wanted {
            return Ok(());
        }
    }
    let list = key.iter().map(|column| escape_identifier(column)).collect::<Vec<_>>().join(", ");
    Err(Error::new(
        Code::Conflict,
        text!(
            "{table} não tem índice único em ({list}), de que o `upsert` precisa; crie-o: CREATE UNIQUE INDEX ON {table} ({list})",
            "{table} has no unique index on ({list}), which `upsert` needs; create it: CREATE UNIQUE INDEX ON {table} ({list})"
        ),
    )
    .with("key", wanted)
    .stage("postgres"))
}
