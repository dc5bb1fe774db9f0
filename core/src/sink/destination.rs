//! The sinks a user may name in JSON: `{"csv": {...}}`, `{"parquet": {...}}`, `{"postgres": {...}}`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Csv, OutputRoot, Parquet, Postgres, Sink, Subject};
use crate::base::{Code, Error, Result, Secret, text};
use crate::recovery::SinkState;

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
    /// Reads a list of destinations, or one, from JSON text. For bindings; what is no destination is DS-400.
    pub fn list_from_json(text: &str) -> Result<Vec<Self>> {
        let read = |text: &str| -> serde_json::Result<Vec<Self>> {
            match serde_json::from_str(text)? {
                Value::Array(each) => each.into_iter().map(serde_json::from_value).collect(),
                one => Ok(vec![serde_json::from_value(one)?]),
            }
        };
        read(text).map_err(|error| {
            Error::new(Code::Malformed, text!("Destino inválido: {error}", "Not a destination: {error}"))
                .with(
                    "valid_examples",
                    vec![r#"{"csv": {"path": "a.csv"}}"#, r#"{"postgres": {"table": "sih_data.rd"}}"#],
                )
                .stage("validate")
        })
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

    /// True where the rows must say which source they come from.
    pub fn wants_origin(&self) -> bool {
        matches!(self, Destination::Postgres(postgres) if postgres.wants_origin())
    }
}

pub(super) fn path_or_default(path: &Option<PathBuf>, default_name: &str, extension: &str) -> PathBuf {
    path.clone().unwrap_or_else(|| Path::new(&format!("{default_name}.{extension}")).to_owned())
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
