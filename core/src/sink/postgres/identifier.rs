//! Names of schemas, tables and columns: checked, then quoted. Never cut: PostgreSQL would shorten a long one silently.

use postgres_protocol::escape::escape_identifier;

use crate::base::{Code, Error, Result, refuse_address, text};

/// Bytes of a name at most.
pub(super) const MAX_BYTES: usize = 63;

/// Of an index that is not whole yet.
pub(super) const INDEX_PREFIX: &str = "datasus_index_";

/// A table and its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    /// The schema's name.
    pub schema: String,
    /// The table's name.
    pub table: String,
}

impl TableName {
    /// Both as they are; quoting is `Display`'s.
    pub fn new(schema: &str, table: &str) -> Result<Self> {
        check(schema)?;
        check(table)?;
        Ok(TableName { schema: schema.to_owned(), table: table.to_owned() })
    }

    /// `schema.table`, or a table of `public`.
    pub fn parse(text: &str) -> Result<Self> {
        refuse_address(text)?;
        let parts: Vec<&str> = text.split('.').collect();
        match parts[..] {
            [table] => TableName::new("public", table),
            [schema, table] => TableName::new(schema, table),
            _ => Err(invalid(text)),
        }
    }

    /// Quoted, for SQL.
    pub(super) fn sql(&self) -> String {
        format!("{}.{}", escape_identifier(&self.schema), escape_identifier(&self.table))
    }
}

impl std::fmt::Display for TableName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// DS-422 for what PostgreSQL does not take as a name, or would change.
pub(super) fn check(name: &str) -> Result<()> {
    refuse_address(name)?;
    if name.is_empty() || name.len() > MAX_BYTES || name.chars().any(char::is_control) {
        return Err(invalid(name));
    }
    Ok(())
}

/// DS-422 for a target that is the server's own, or ours: the record of loads, and the staging tables, which come and go.
pub(super) fn refuse_reserved(target: &TableName) -> Result<()> {
    let TableName { schema, table } = target;
    let of_server = schema.starts_with("pg_") || schema == "information_schema";
    if schema != "datasus" && !of_server && !table.starts_with(super::stage::PREFIX) {
        return Ok(());
    }
    let prefix = super::stage::PREFIX;
    Err(Error::new(
        Code::InvalidParams,
        text!(
            "{target} não pode ser destino: o esquema `datasus` e os nomes que começam por `{prefix}` são do registro das cargas, e `pg_...` e information_schema, do servidor; use outro nome, por exemplo sih_data.rd",
            "{target} cannot be a target: schema `datasus` and names that begin with `{prefix}` are the record of loads' own, and `pg_...` and information_schema the server's; use another name, for example sih_data.rd"
        ),
    )
    .with("received", target.to_string())
    .with("valid_examples", vec!["sih_data.rd"])
    .stage("postgres"))
}

fn invalid(name: &str) -> Error {
    let shown: String = name.chars().take(80).collect();
    Error::new(
        Code::InvalidParams,
        text!(
            "Nome \"{shown}\" inválido no PostgreSQL: de 1 a {MAX_BYTES} bytes, sem caracteres de controle; uma tabela como sih_data.rd",
            "Invalid PostgreSQL name \"{shown}\": 1 to {MAX_BYTES} bytes, without control characters; a table as sih_data.rd"
        ),
    )
    .with("received", shown)
    .with("expected_format", "schema.table")
    .stage("postgres")
}
