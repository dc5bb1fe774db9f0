//! The sinks a user may name in JSON: `{"csv": {...}}`, `{"parquet": {...}}`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Csv, OutputRoot, Parquet, Sink};
use crate::base::Result;

/// A file to write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Destination {
    Csv(Csv),
    Parquet(Parquet),
}

impl Default for Destination {
    fn default() -> Self {
        Destination::Csv(Csv::default())
    }
}

impl Destination {
    /// Checks options and target without touching the disk, and gives the sink.
    ///
    /// `default_name` (the first six hex digits of the job's hash) names the file where the user did not.
    pub fn open(self, root: &OutputRoot, default_name: &str) -> Result<Box<dyn Sink>> {
        self.open_with(root, default_name, Vec::new())
    }

    /// As [`Destination::open`]; `metadata` goes into the file's footer where the format has one (Parquet).
    pub fn open_with(
        self,
        root: &OutputRoot,
        default_name: &str,
        metadata: Vec<(String, String)>,
    ) -> Result<Box<dyn Sink>> {
        match self {
            Destination::Csv(csv) => csv.open(root, default_name),
            Destination::Parquet(parquet) => parquet.open(root, default_name, metadata),
        }
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
