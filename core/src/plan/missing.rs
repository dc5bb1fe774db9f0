//! A file that was asked for and is not there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, Competencia, Dataset, FileId, Uf};

/// A file that was asked for by name and is not in the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Missing {
    /// Of which dataset.
    pub dataset: Dataset,
    /// The UF, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uf: Option<Uf>,
    /// The competência, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub competencia: Option<Competencia>,
    /// Of a file whose later parts are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
}

impl Missing {
    pub(super) fn part(id: FileId) -> Self {
        Missing { dataset: id.dataset, uf: Some(id.uf), competencia: Some(id.competencia), part: id.part }
    }

    /// The ministry's name for it, as far as it was said.
    pub(super) fn file_name(&self, catalog: &Catalog) -> Option<String> {
        let (uf, competencia) = (self.uf?, self.competencia?);
        let id = FileId { dataset: self.dataset.clone(), uf, competencia, part: self.part.clone() };
        Some(id.file_name(catalog))
    }
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.uf, self.competencia) {
            (Some(uf), Some(competencia)) => write!(f, "{uf} {competencia}")?,
            (Some(uf), None) => write!(f, "{uf}")?,
            (None, Some(competencia)) => write!(f, "{competencia}")?,
            (None, None) => f.write_str("-")?,
        }
        match &self.part {
            Some(part) => write!(f, " ({part})"),
            None => Ok(()),
        }
    }
}
