//! The sinks a user may name in JSON: `{"csv": {...}}`, `{"parquet": {...}}`, `{"postgres": {...}}`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::postgres::TableName;
use super::{Csv, OutputRoot, Parquet, Postgres, Sink, Subject};
use crate::base::{
    Code, Error, Result, Secret, Text, clip, exact_json, has_named_options, json_words, options_by_name,
    refuse_address, text,
};
use crate::recovery::SinkState;

/// Destinations of one job.
const MOST: usize = 64;

/// A file to write, or a table to load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Destination {
    Csv(Csv),
    Parquet(Parquet),
    Postgres(Postgres),
}

impl Default for Destination {
    fn default() -> Self {
        Destination::Csv(Csv::default())
    }
}

impl Destination {
    /// A file, by the ending of its name: `.csv`, `.csv.zst` or `.parquet`, every option at its default.
    pub fn parse(path: &str) -> Result<Self> {
        refuse_address(path)?;
        let lower = path.to_lowercase();
        if lower.ends_with(".parquet") {
            return Ok(Parquet::to(path).into());
        }
        if lower.ends_with(".csv.zst") {
            return Ok(Csv { zstd: Some(3), ..Csv::to(path) }.into());
        }
        if lower.ends_with(".csv") {
            return Ok(Csv::to(path).into());
        }
        // An address may hold a password.
        let shown = if lower.starts_with("postgres") { "postgres://…".to_owned() } else { clip(path) };
        Err(Error::new(
            Code::InvalidParams,
            text!(
                "O destino \"{shown}\" não diz o formato: termine o nome em .csv, .csv.zst ou .parquet, por exemplo dados.csv; para uma tabela use o destino `postgres` com `table`",
                "The destination \"{shown}\" does not tell the format: end the name in .csv, .csv.zst or .parquet, for example data.csv; for a table use the destination `postgres` with `table`"
            ),
        )
        .with("received", shown)
        .with("valid_examples", vec!["dados.csv", "dados.csv.zst", "dados.parquet"])
        .stage("validate"))
    }

    /// Reads a list of destinations, or one, from JSON text; a plain text is a file ([`Destination::parse`]). For bindings;
    /// what is no destination is DS-400.
    pub fn list_from_json(text: &str) -> Result<Vec<Self>> {
        let refused = |Text { pt, en }: Text| {
            Error::new(
                Code::Malformed,
                text!(
                    "Não é um destino, por exemplo \"dados.csv\" ou \"dados.parquet\": {pt}",
                    "Not a destination, for example \"data.csv\" or \"data.parquet\": {en}"
                ),
            )
            .with("valid_examples", vec![r#"{"csv": {"path": "a.csv"}}"#, r#"{"postgres": {"table": "sih_data.rd"}}"#])
            .stage("validate")
        };
        let one = |value: Value| match value {
            Value::String(path) => Destination::parse(&path),
            form => serde_json::from_value(form).map_err(|error| refused(json_words(&error))),
        };
        let value = exact_json(text).map_err(|error| refused(error.what))?;
        if !has_named_options(&value) {
            return Err(refused(options_by_name()));
        }
        match value {
            Value::Array(each) if each.len() > MOST => {
                let count = each.len();
                Err(refused(text!(
                    "há {count} destinos; o máximo é {MOST}",
                    "there are {count} destinations; at most {MOST}"
                )))
            }
            Value::Array(each) => each.into_iter().map(one).collect(),
            only => Ok(vec![one(only)?]),
        }
    }

    /// The JSON Schema of a destination.
    pub fn json_schema() -> Value {
        schemars::schema_for!(Destination).to_value()
    }

    /// Checks options and target without touching disk or server, and gives the sink.
    ///
    /// `subject` names the target where the user did not; `server` is the PostgreSQL of the client's configuration.
    pub fn open(
        self,
        root: &OutputRoot,
        subject: &Subject,
        server: Option<&Secret>,
        state: SinkState,
    ) -> Result<Box<dyn Sink>> {
        match self {
            Destination::Csv(csv) => csv.open(root, &subject.file_stem, state),
            Destination::Parquet(parquet) => parquet.open(root, subject, state),
            Destination::Postgres(postgres) => postgres.open(subject, server, state),
        }
    }

    /// The same with the name that it would get.
    pub fn named(mut self, subject: &Subject) -> Self {
        match &mut self {
            Destination::Csv(csv) => {
                let extension = if csv.zstd.is_some() { "csv.zst" } else { "csv" };
                csv.path = Some(path_or_default(&csv.path, &subject.file_stem, extension));
            }
            Destination::Parquet(parquet) => {
                parquet.path = Some(path_or_default(&parquet.path, &subject.file_stem, "parquet"));
            }
            Destination::Postgres(postgres) => {
                if let (None, Some((schema, table))) = (&postgres.table, &subject.table) {
                    postgres.table = Some(format!("{schema}.{table}"));
                }
            }
        }
        self
    }

    /// DS-422 where two lead to the same file or table: one would undo what the other wrote, or double it. `server` as for
    /// [`Destination::open`].
    pub fn refuse_twice(destinations: &[Self], root: &OutputRoot, server: Option<&Secret>) -> Result<()> {
        let mut seen = BTreeSet::new();
        for (place, shown) in destinations.iter().map(|one| one.place(root, server)) {
            if !seen.insert(place) {
                return Err(Error::new(
                    Code::InvalidParams,
                    text!(
                        "Dois destinos levam a {shown}; dê um nome a cada um, por exemplo a.csv e b.csv",
                        "Two destinations lead to {shown}; give each a name of its own, for example a.csv and b.csv"
                    ),
                )
                .with("received", shown)
                .stage("validate"));
            }
        }
        Ok(())
    }

    /// Where it leads, and what the user calls that.
    fn place(&self, root: &OutputRoot, server: Option<&Secret>) -> (OsString, String) {
        let file = |kind: &str, path: &Option<PathBuf>| match path {
            Some(path) => {
                let path: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
                (root.path().join(&path).into(), path.display().to_string())
            }
            // Two of a kind without a name get the same one.
            None => (kind.into(), kind.to_owned()),
        };
        match self {
            Destination::Csv(csv) => file(if csv.zstd.is_some() { "csv.zst" } else { "csv" }, &csv.path),
            Destination::Parquet(parquet) => file("parquet", &parquet.path),
            Destination::Postgres(postgres) => {
                let table = postgres.table.as_deref().unwrap_or_default();
                let table = TableName::parse(table).map_or_else(|_| table.to_owned(), |table| table.to_string());
                let shown = if table.is_empty() { "postgres".to_owned() } else { table.clone() };
                (postgres.place(server).unwrap_or_else(|| format!("postgres {table}")).into(), shown)
            }
        }
    }

    /// True where the order of the rows decides which of them stay.
    pub fn goes_by_order(&self) -> bool {
        matches!(self, Destination::Postgres(postgres) if postgres.mode == super::postgres::Mode::Upsert)
    }

    /// True where the rows must say which source they come from.
    pub fn wants_origin(&self) -> bool {
        matches!(self, Destination::Postgres(postgres) if postgres.wants_origin())
    }
}

pub(super) fn path_or_default(path: &Option<PathBuf>, default_name: &str, extension: &str) -> PathBuf {
    path.clone().unwrap_or_else(|| Path::new(&format!("{default_name}.{extension}")).to_owned())
}

impl TryFrom<&str> for Destination {
    type Error = Error;

    fn try_from(path: &str) -> Result<Self> {
        Destination::parse(path)
    }
}

impl From<Csv> for Destination {
    fn from(csv: Csv) -> Self {
        Destination::Csv(csv)
    }
}

impl From<Parquet> for Destination {
    fn from(parquet: Parquet) -> Self {
        Destination::Parquet(parquet)
    }
}

impl From<Postgres> for Destination {
    fn from(postgres: Postgres) -> Self {
        Destination::Postgres(postgres)
    }
}
