//! The sinks that a user names in JSON, and those that a program brings: `{"csv": {...}}`, `{"parquet": {...}}`, `{"postgres": {...}}`.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Csv, Parquet, Postgres, Target, Targets};
use crate::base::{
    Code, Error, Result, Text, clip, exact_json, has_named_options, json_words, options_by_name, refuse_address, text,
};

/// Destinations of one job.
const MOST: usize = 64;

/// A file to write, or a table to load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
#[non_exhaustive]
pub enum Destination {
    /// A CSV file.
    Csv(Csv),
    /// A Parquet file.
    Parquet(Parquet),
    /// A table of PostgreSQL.
    Postgres(Postgres),
    /// A target of the program's own; JSON does not name it.
    #[serde(skip)]
    Custom(CustomTarget),
}

/// A target of the program's own; equal to itself alone.
#[derive(Debug, Clone)]
pub struct CustomTarget(Arc<dyn Target>);

impl PartialEq for CustomTarget {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
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

    /// What it stands for.
    pub fn target(self) -> Arc<dyn Target> {
        match self {
            Destination::Csv(csv) => Arc::new(csv),
            Destination::Parquet(parquet) => Arc::new(parquet),
            Destination::Postgres(postgres) => Arc::new(postgres),
            Destination::Custom(custom) => custom.0,
        }
    }

    /// The kinds that every client knows.
    pub fn kinds() -> Targets {
        fn read<T: Target + DeserializeOwned + 'static>(options: Value) -> serde_json::Result<Arc<dyn Target>> {
            Ok(Arc::new(serde_json::from_value::<T>(options)?))
        }
        Targets::default().with("csv", read::<Csv>).with("parquet", read::<Parquet>).with("postgres", read::<Postgres>)
    }
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

impl From<Arc<dyn Target>> for Destination {
    fn from(target: Arc<dyn Target>) -> Self {
        Destination::Custom(CustomTarget(target))
    }
}
