//! A profile, as every language has it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog::{Competencia, Dataset};
use crate::run::Report;

/// What is in the columns of a dataset, as far as a query selects it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Profile {
    #[allow(missing_docs, reason = "the name says it, in every language")]
    pub dataset: Dataset,
    /// Rows that were looked at.
    pub rows: u64,
    /// False: they are a sample (`report.sampling` says which), and so is every figure.
    pub exact: bool,
    /// The rows of each competência, in order.
    pub competencias: Vec<CompetenciaRows>,
    /// In the order of the query, or of the dataset.
    pub columns: Vec<ColumnProfile>,
    /// What somebody who analyses these rows should look at first, in the client's language.
    pub warnings: Vec<String>,
    /// Of the job: files with their hashes, and what it has to say of them.
    pub report: Report,
}

/// How many rows a competência has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct CompetenciaRows {
    #[allow(missing_docs, reason = "the name says it, in every language")]
    pub competencia: Competencia,
    #[allow(missing_docs, reason = "the name says it, in every language")]
    pub rows: u64,
}

/// What is in a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ColumnProfile {
    #[allow(missing_docs, reason = "the name says it, in every language")]
    pub name: String,
    /// `text`, `integer`, `decimal(14, 2)`, `date`; of a file's own columns also others.
    pub kind: String,
    /// In Portuguese; none where no source says it.
    pub meaning: Option<String>,
    /// The list of its labels, as `dictionaries` names it; none: its values are no codes, or no list is known.
    pub label_list: Option<String>,
    /// Rows without a value.
    pub nulls: u64,
    /// Different values.
    pub distinct: u64,
    /// False: `distinct` is an estimate, for there are too many to count; two in three are off by less than 1.6 %.
    pub distinct_exact: bool,
    /// The least value; text is compared byte by byte.
    pub min: Option<String>,
    /// The greatest value.
    pub max: Option<String>,
    /// The ten most frequent values; where `distinct` is an estimate, those alone that are so for certain.
    pub frequent: Vec<FrequentValue>,
    /// Rows whose code the list of labels does not have.
    pub unlabelled: u64,
    /// Ten of these codes, the most frequent first; those that are looked up together stand with a plus between.
    pub unlabelled_codes: Vec<String>,
    /// Values of the files that did not parse, before conditions; they are NULL.
    pub bad_values: u64,
    /// The first of them, as they stand in the files.
    pub bad_samples: Vec<String>,
    /// The same column in each competência, in order.
    pub by_competencia: Vec<InCompetencia>,
    /// Where the share of NULL or of a value changed from one competência to the next by ten points or more, and by more than chance
    /// explains; the greatest first.
    pub changes: Vec<Change>,
}

/// A value, and how many rows have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct FrequentValue {
    /// As text.
    pub value: String,
    /// Where the column has a list of labels, and it has one for it.
    pub label: Option<String>,
    #[allow(missing_docs, reason = "the name says it, in every language")]
    pub rows: u64,
}

/// A column in a competência.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct InCompetencia {
    #[allow(missing_docs, reason = "the name says it, in every language")]
    pub competencia: Competencia,
    #[allow(missing_docs, reason = "the name says it, in every language")]
    pub rows: u64,
    /// Rows without a value.
    pub nulls: u64,
    /// Rows of each of the column's `frequent` values, in their order; none where the column has more than 256 values.
    pub frequent: Vec<u64>,
}

/// A share that is another in the next competência.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Change {
    /// The competência before.
    pub from: Competencia,
    /// The competência after.
    pub to: Competencia,
    /// Of which value among those that are not NULL; none: of NULL among all rows.
    pub value: Option<String>,
    /// Its label.
    pub label: Option<String>,
    /// The share before, from 0 to 1.
    pub before: f64,
    /// The share after.
    pub after: f64,
}
