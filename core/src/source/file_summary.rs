//! What was noticed in one file that was read by itself, in the contract's form.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Unlabelled;
use super::dbc::{CrcState, Normalised, Summary};
use crate::base::Language;

/// What was noticed in a file that was read by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct FileSummary {
    /// Rows in the batches.
    pub rows: u64,
    /// Records that the header declares.
    pub rows_declared: u64,
    /// Marked deleted, and left out.
    pub rows_deleted: u64,
    /// Kept, although their flag is the byte 0x00 and not a blank.
    pub rows_unflagged: u64,
    /// Records that could not be read.
    pub rows_rejected: u64,
    /// Whether the checksum was right.
    pub crc: CrcState,
    /// Of the file.
    pub sha256: String,
    /// Columns in which some fields did not parse, and are NULL.
    pub bad_values: Vec<BadColumn>,
    /// Columns whose codes were brought into the catalogue's form.
    pub normalised: Vec<Normalised>,
    /// Codes for which the list of their label has none; NULL codes are not among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlabelled: Vec<Unlabelled>,
    /// What is odd about the file and does no harm, in the language that was asked for.
    pub warnings: Vec<String>,
}

/// A column in which some fields did not parse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct BadColumn {
    /// The column.
    pub column: String,
    /// How many values.
    pub count: u64,
    /// The first ten raw values.
    pub samples: Vec<String>,
}

impl FileSummary {
    pub(super) fn of(
        summary: Summary,
        unlabelled: Vec<Unlabelled>,
        name: &str,
        warnings: &[String],
        language: Language,
    ) -> Self {
        let noticed = summary.notices(name).into_iter().chain(Unlabelled::warning(&unlabelled));
        let noticed = noticed.map(|notice| notice.get(language).to_owned());
        let bad_values = summary.bad_values.into_iter().map(|bad| BadColumn {
            column: bad.column,
            count: bad.count,
            samples: bad.samples.into_iter().map(|(_, raw)| raw).collect(),
        });
        FileSummary {
            rows: summary.rows_kept,
            rows_declared: summary.rows_declared,
            rows_deleted: summary.rows_deleted,
            rows_unflagged: summary.rows_unflagged,
            rows_rejected: summary.rows_rejected,
            crc: summary.crc,
            sha256: summary.source_sha256,
            bad_values: bad_values.collect(),
            normalised: summary.normalised,
            unlabelled,
            warnings: warnings.iter().cloned().chain(noticed).collect(),
        }
    }
}
