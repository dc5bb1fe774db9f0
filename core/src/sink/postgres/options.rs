//! What a user may ask of a PostgreSQL table.

use serde::{Deserialize, Serialize};

use super::sink::PostgresSink;
use super::url::Url;
use super::{TableName, identifier};
use crate::base::{Code, Error, Result, Secret, text};
use crate::recovery::SinkState;
use crate::sink::{Sink, Subject};

/// A table to load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Postgres {
    /// `postgres://user:password@host:port/database?sslmode=verify-full&sslrootcert=/path/ca.pem`; without it, the
    /// client's (`Config::postgres`, `DATASUS_POSTGRES`). Never shown again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret>,
    /// `schema.table`; without it `<sistema>_data.<grupo>_<competencia>` for one competência and
    /// `<sistema>_data.<grupo>` for many. Aggregates and SQL must name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    pub mode: Mode,
    /// Columns that identify a row, for `upsert`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
    /// What `replace_by` replaces.
    pub replace_by: ReplaceBy,
    /// True: `append` takes a source that the table already holds. False: that is DS-409.
    pub again: bool,
    /// Connections that load, from 1 to 16; one more looks after the table.
    pub connections: usize,
    /// True: `ANALYZE` follows the load, so that plans know the new rows. False: autovacuum comes to it in its own time.
    pub analyze: bool,
    /// Columns to index in a new table, one index each; left out: those that the query's conditions are put on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub indexes: Option<Vec<String>>,
}

/// What happens to the table that is there, and to its rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A new table; DS-409 if there is one of that name.
    #[default]
    Create,
    /// Rows are added; the table is made if there is none.
    Append,
    /// A new table takes the place of the old one, in one act. Grants and indexes of the old one go with it.
    Replace,
    /// Rows of the same UFs and competências, or of the same source files, are replaced by the new ones, in one act, and no
    /// others. The table has three more columns, `datasus_arquivo`, `datasus_uf` and `datasus_competencia`.
    ReplaceBy,
    /// Rows of the same `key` are updated, the others added. Of several rows of one key the last one counts.
    Upsert,
}

/// What makes rows of the table and of the result the same load.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplaceBy {
    /// The same UF (BR in national files) and competência.
    #[default]
    Competencia,
    /// The same file of them, whatever it is called: a part of a month that is split.
    SourceFile,
}

impl Default for Postgres {
    fn default() -> Self {
        Postgres {
            url: None,
            table: None,
            mode: Mode::Create,
            key: Vec::new(),
            replace_by: ReplaceBy::Competencia,
            again: false,
            connections: 2,
            analyze: true,
            indexes: None,
        }
    }
}

impl Postgres {
    /// The table `schema.table` on the server at `url`, with every option at its default.
    pub fn to(url: impl Into<String>, table: impl Into<String>) -> Self {
        Postgres { url: Some(Secret::new(url)), table: Some(table.into()), ..Default::default() }
    }

    /// The same with another mode.
    pub fn mode(self, mode: Mode) -> Self {
        Postgres { mode, ..self }
    }

    /// True where the rows must say which source they come from.
    pub fn wants_origin(&self) -> bool {
        self.mode == Mode::ReplaceBy
    }

    /// Where to connect: its own `url`, or else the client's `server`; DS-422 where there is neither.
    pub(super) fn server(&self, server: Option<&Secret>) -> Result<Url> {
        let url = self.url.as_ref().or(server).ok_or_else(|| {
            wrong(text!(
                "Falta o endereço do PostgreSQL: dê `url`, ou a variável DATASUS_POSTGRES, por exemplo postgres://usuario:senha@host:5432/banco",
                "The address of PostgreSQL is missing: give `url`, or the variable DATASUS_POSTGRES, for example postgres://user:password@host:5432/db"
            ))
            .with("expected_format", "postgres://user:password@host:port/database")
        })?;
        Url::parse(url)
    }

    /// Equal for tables that are one, whoever loads them; none where the address or the name is wrong.
    pub(in crate::sink) fn place(&self, server: Option<&Secret>) -> Option<String> {
        let table = TableName::parse(self.table.as_deref()?).ok()?;
        Some(format!("{} {table}", self.server(server).ok()?.database()))
    }

    /// Checks options and names without going to the server.
    pub(in crate::sink) fn open(
        self,
        subject: &Subject,
        server: Option<&Secret>,
        state: SinkState,
    ) -> Result<Box<dyn Sink>> {
        let url = self.server(server)?;
        let table = match (&self.table, &subject.table) {
            (Some(name), _) => TableName::parse(name)?,
            (None, Some((schema, table))) => TableName::new(schema, table)?,
            (None, None) => {
                return Err(wrong(text!(
                    "Diga o nome da tabela (`table`), por exemplo sih_data.valores: agregados e SQL não têm nome próprio",
                    "Name the table (`table`), for example sih_data.valores: aggregates and SQL have no name of their own"
                ))
                .with("valid_examples", vec!["sih_data.custo_por_cnes"]));
            }
        };
        identifier::refuse_reserved(&table)?;
        if self.mode == Mode::Upsert && self.key.is_empty() {
            return Err(wrong(text!(
                "`upsert` precisa de `key`, as colunas que identificam uma linha, por exemplo N_AIH",
                "`upsert` needs `key`, the columns that identify a row, for example N_AIH"
            ))
            .with("valid_examples", vec![vec!["N_AIH"], vec!["CNES", "COMPETEN"]]));
        }
        if self.mode != Mode::Upsert && !self.key.is_empty() {
            return Err(wrong(text!(
                "`key` só vale com o modo (`mode`) upsert; tire-a, ou peça upsert",
                "`key` goes with `mode` upsert only; leave it out, or ask for upsert"
            )));
        }
        if !(1..=16).contains(&self.connections) {
            let received = self.connections;
            return Err(wrong(text!(
                "`connections` deve ser de 1 a 16; recebido {received}",
                "`connections` must be 1 to 16; received {received}"
            ))
            .with("received", received));
        }
        for name in self.key.iter().chain(self.indexes.iter().flatten()) {
            identifier::check(name)?;
        }
        Ok(Box::new(PostgresSink::new(self, url, table, subject.clone(), state)))
    }
}

fn wrong(detail: crate::base::Text) -> Error {
    Error::new(Code::InvalidParams, detail).stage("postgres")
}
