//! What a user may ask of a PostgreSQL table.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use super::index::Indexes;
use super::sink::PostgresSink;
use super::url::{Url, stored_address};
use super::{TableName, identifier};
use crate::base::{Code, Error, Result, Secret, text};
use crate::params::OneOrMany;
use crate::recovery::{DeadLetter, SinkState};
use crate::sink::{
    Credentials, Identity, Limits, Replay, ResultInfo, Sink, StoredAddress, StoredTarget, Target, TargetEnv,
};

/// The key of its options, and in reports.
const KIND: &str = "postgres";

/// A table to load.
///
/// ```no_run
/// use datasus::{Client, Postgres, QueryParams, sink::postgres::Mode};
///
/// let client = Client::open("pasta/com/arquivos")?;
/// // The server is that of `Config::postgres` or DATASUS_POSTGRES, where the address is not written here.
/// let table = Postgres { table: Some("sih_data.internacoes".into()), mode: Mode::Append, ..Postgres::default() };
/// let report = client.export(&QueryParams::dataset("SIH-RD").uf(["AC"]).competencia("202401"), table)?;
/// println!("{} linhas, {} recusadas", report.records_processed, report.dead_letters);
/// # Ok::<(), datasus::Error>(())
/// ```
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
    /// What happens to rows that are there already.
    pub mode: Mode,
    /// Columns that identify a row, for `upsert`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
    /// What `replace_by` replaces.
    pub replace_by: ReplaceBy,
    /// True: `append` takes a source that the table already holds. False: that is DS-409.
    // Its name in plans that were stored before.
    #[serde(alias = "again")]
    pub allow_reload: bool,
    /// Connections that load, from 1 to 16; one more looks after the table.
    #[schemars(range(min = 1, max = 16))]
    pub connections: usize,
    /// True: `ANALYZE` follows the load, so that plans know the new rows. False: autovacuum comes to it in its own time.
    pub analyze: bool,
    /// Columns to index, one index each, made after the load while the table is read (`CONCURRENTLY`). `auto`, or left out: of a
    /// table that datasus made, those that this query and this client's others put conditions on, join and order by; `none`: no
    /// index. A column by whose values the rows came in order gets a BRIN.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "columns_or_word")]
    #[schemars(with = "Option<OneOrMany>")]
    pub indexes: Option<Vec<String>>,
    /// A new table has a partition for each of these, made as loads bring them; it has the three columns of `replace_by`, in any
    /// mode but `upsert`. Left out: it has none. A table that is there and has no such partitions is DS-409.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition_by: Option<PartitionBy>,
}

/// What a partition of a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PartitionBy {
    /// One competência, by `datasus_competencia`.
    Competencia,
}

/// One column, several, or a word for them.
fn columns_or_word<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Option<Vec<String>>, D::Error> {
    Ok(Option::<OneOrMany>::deserialize(from)?.map(|given| match given {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    }))
}

/// What happens to the table that is there, and to its rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "LoadMode")]
#[non_exhaustive]
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
#[non_exhaustive]
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
            allow_reload: false,
            connections: 2,
            analyze: true,
            indexes: None,
            partition_by: None,
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

    /// What it asks of indexes: no column of the ministry's is called by one of the words.
    pub(super) fn wanted_indexes(&self) -> Indexes<'_> {
        match self.indexes.as_deref() {
            None => Indexes::Auto,
            Some([word]) if word == "auto" => Indexes::Auto,
            Some([word]) if word == "none" => Indexes::These(&[]),
            Some(these) => Indexes::These(these),
        }
    }

    /// Schema and table that it gets for `info` where the user gave none.
    fn own_name<'i>(&self, info: &'i ResultInfo) -> Option<&'i (String, String)> {
        if self.partition_by.is_some() { info.whole_table.as_ref() } else { info.table.as_ref() }
    }

    /// The same with the name that it gets for `info`.
    fn named(&self, info: &ResultInfo) -> Self {
        let of_result = || self.own_name(info).map(|(schema, table)| format!("{schema}.{table}"));
        Postgres { table: self.table.clone().or_else(of_result), ..self.clone() }
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
    fn place(&self, server: Option<&Secret>) -> Option<String> {
        let table = TableName::parse(self.table.as_deref()?).ok()?;
        Some(format!("{} {table}", self.server(server).ok()?.database()))
    }
}

impl Target for Postgres {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn identity(&self, env: &TargetEnv, info: Option<&ResultInfo>) -> Identity {
        let to = info.map_or_else(|| self.clone(), |info| self.named(info));
        let table = to.table.as_deref().unwrap_or_default();
        let table = TableName::parse(table).map_or_else(|_| table.to_owned(), |table| table.to_string());
        let shown = if table.is_empty() { "postgres".to_owned() } else { table.clone() };
        let place = to.place(env.credentials.postgres);
        Identity { key: place.unwrap_or_else(|| format!("postgres {table}")).into(), shown }
    }

    fn limits(&self) -> Limits {
        let wants_origin = self.mode == Mode::ReplaceBy || self.partition_by.is_some();
        let by_order = self.mode == Mode::Upsert;
        Limits { wants_origin, by_order, ..Limits::default() }
    }

    fn open(&self, env: &TargetEnv, info: &ResultInfo, state: SinkState) -> Result<Box<dyn Sink>> {
        let url = self.server(env.credentials.postgres)?;
        let table = match (&self.table, self.own_name(info)) {
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
        if self.mode == Mode::Upsert && self.partition_by.is_some() {
            return Err(wrong(text!(
                "`partition_by` não vale com o modo (`mode`) upsert: a mesma chave estaria em várias partições; use replace_by",
                "`partition_by` does not go with `mode` upsert: one key would be in several partitions; use replace_by"
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
        let asked = match self.wanted_indexes() {
            Indexes::Auto => &[],
            Indexes::These(these) => these,
        };
        for name in self.key.iter().chain(asked) {
            identifier::check(name)?;
        }
        Ok(Box::new(PostgresSink::new(self.clone(), url, table, info.clone(), state)))
    }

    fn stored(&self, info: &ResultInfo) -> Result<StoredTarget> {
        let mut to = self.named(info);
        let address = match to.url.take() {
            None => StoredAddress::default(),
            Some(url) => {
                let (url, password_left_out) = stored_address(&url)?;
                StoredAddress { url: Some(url), password_left_out }
            }
        };
        StoredTarget::new(KIND, &to, address)
    }

    fn at(&self, address: &StoredAddress, credentials: Credentials) -> Result<Arc<dyn Target>> {
        Ok(Arc::new(Postgres { url: Some(with_secrets(address, credentials)?), ..self.clone() }))
    }

    fn replay(&self, replay: Replay) -> Result<Vec<DeadLetter>> {
        super::replay::replay(self, replay)
    }

    fn replayed(&self, credentials: Credentials, job_id: &str) -> Result<()> {
        super::replay::replayed(self, credentials.postgres, job_id)
    }
}

/// The address as it was, with the secrets that were left out.
fn with_secrets(address: &StoredAddress, credentials: Credentials) -> Result<Secret> {
    let url = address.url.as_deref().unwrap_or_default();
    match (address.password_left_out, credentials.postgres) {
        (false, _) => Ok(Secret::new(url)),
        (true, Some(server)) if is_the_way(server, url) => Ok(server.clone()),
        (true, _) => Err(Error::new(
            Code::CredentialsRefused,
            text!(
                "A senha (e `options`) de {url} não é guardada; dê o mesmo endereço, com ela, em `postgres` ou DATASUS_POSTGRES",
                "The password (and `options`) of {url} is not stored; give the same address, with it, by `postgres` or DATASUS_POSTGRES"
            ),
        )
        .stage("recovery")),
    }
}

/// Whether `server` is the address that was stored without its secrets, by this version or by one that wrote it otherwise.
fn is_the_way(server: &Secret, stored: &str) -> bool {
    let read = |address: &Secret| stored_address(address).map(|(address, _)| address).ok();
    read(server).is_some_and(|server| server == stored || read(&Secret::new(stored)) == Some(server))
}

fn wrong(detail: crate::base::Text) -> Error {
    Error::new(Code::InvalidParams, detail).stage("postgres")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_stored_and_the_address_is_known_again() {
        let given = "postgres://u:p?CANARY@h/d?sslmode=require&options=-c%20x%3DCANARY";
        let of = |url: &str| {
            let to = Postgres { url: Some(Secret::new(url)), ..Postgres::default() };
            to.stored(&ResultInfo::default()).unwrap()
        };
        let stored = of(given);
        let text = serde_json::to_string(&stored).unwrap();
        assert!(!text.contains("CANARY") && stored.address().password_left_out, "{text}");
        let restored = |address: &StoredAddress, server: Option<&str>| {
            let server = server.map(Secret::new);
            let url = with_secrets(address, Credentials { postgres: server.as_ref() })?;
            Ok::<_, Error>(url.reveal().to_owned())
        };
        assert_eq!(restored(stored.address(), Some(given)).unwrap(), given);
        assert_eq!(restored(stored.address(), None).unwrap_err().code(), Code::CredentialsRefused);
        let other = restored(stored.address(), Some("postgres://u:x@h/e"));
        assert_eq!(other.unwrap_err().code(), Code::CredentialsRefused);
        // As versions before wrote it.
        let url = Some("postgres://u@h/d?sslmode=require".into());
        let before = StoredAddress { url, password_left_out: true };
        assert_eq!(restored(&before, Some(given)).unwrap(), given);
        assert_eq!(restored(of("postgres://u@h/d").address(), None).unwrap(), "postgres://u@h:5432/d");
    }
}
