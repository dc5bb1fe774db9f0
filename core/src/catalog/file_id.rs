//! Which file of a dataset: its UF, competência and part.

use serde::{Deserialize, Serialize};

use super::{Competencia, Dataset, Uf};

/// What a file's name says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId {
    /// What the file holds.
    pub dataset: Dataset,
    /// Of which UF; BR or EX for one of the whole country.
    pub uf: Uf,
    /// The month or year of its processing.
    pub competencia: Competencia,
    /// Of a month that is split: `a`, `b`, ... or `1`, `2`, ...
    pub part: Option<String>,
}

impl FileId {
    /// `SIH-RD AC 202401`: the month (or year), whatever the part.
    pub fn month(&self) -> String {
        format!("{} {} {}", self.dataset, self.uf, self.competencia)
    }

    /// The same by which it is looked up.
    pub fn of_month(&self) -> (&Dataset, Uf, Competencia) {
        (&self.dataset, self.uf, self.competencia)
    }
}
