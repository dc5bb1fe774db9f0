//! What a query will probably take, told before it runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::spread::{NINETY, Spread};
use super::{Complexity, Model};

/// A number that only the end will tell: in 90 of 100 queries it lies between `low` and `high`. All three are the same where it is
/// known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Expected {
    /// In 5 of 100 queries it is less.
    pub low: u64,
    /// As often more as less.
    pub likely: u64,
    /// In 5 of 100 queries it is more.
    pub high: u64,
}

impl Expected {
    /// It is known.
    pub fn exact(number: u64) -> Self {
        Expected { low: number, likely: number, high: number }
    }

    /// Whether it is.
    pub fn is_exact(&self) -> bool {
        self.low == self.high
    }

    /// What is known about.
    pub fn within(spread: Spread) -> Self {
        Expected::between(spread.low(), spread.likely, spread.high())
    }

    pub(super) fn between(low: f64, likely: f64, high: f64) -> Self {
        Expected { low: low.floor() as u64, likely: likely.round() as u64, high: high.ceil() as u64 }
    }
}

/// The same in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ExpectedSeconds {
    /// In 5 of 100 queries it is less.
    pub low: f64,
    /// As often more as less.
    pub likely: f64,
    /// In 5 of 100 queries it is more.
    pub high: f64,
}

impl ExpectedSeconds {
    /// With so many seconds more, which are a guess.
    pub fn with(self, seconds: f64, off: f64) -> Self {
        let off = (NINETY * off).exp();
        let (low, high) = (self.low + seconds / off, self.high + seconds * off);
        ExpectedSeconds::between(low, self.likely + seconds, high)
    }

    pub(super) fn between(low: f64, likely: f64, high: f64) -> Self {
        let rounded = |seconds: f64| (seconds * 1e4).round() / 1e4;
        ExpectedSeconds { low: rounded(low), likely: rounded(likely), high: rounded(high) }
    }
}

/// What an estimate is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
#[schemars(rename = "EstimateBasis")]
pub enum Basis {
    /// Row counts, sizes and least and greatest values in the Parquet's footers.
    Footers,
    /// Some rows of the columns that the query compares or groups by.
    Sample,
    /// The number of records in the headers of files that are not converted yet.
    Headers,
    /// Sizes of files in a listing; their rows are estimated by those of other files of the dataset.
    Listing,
    /// What the catalogue knows of the columns: nothing of the dataset was there to be looked at.
    Catalogue,
    /// What earlier jobs of this installation took.
    History,
}

/// What runs a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
#[schemars(rename = "EstimateEngine")]
pub enum Runs {
    /// The reader of plain rows.
    Scan,
    /// DuckDB.
    Duckdb,
    /// The catalogue answers by itself.
    Catalogue,
    /// A cluster, beside which this process only takes rows.
    Cluster,
}

/// A bound of the client's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[schemars(rename = "EstimateBound")]
pub enum Bounded {
    /// What it works with may not fit `memory_limit`: the rest goes to disk.
    MemoryLimit,
    /// What goes to disk may be more than `spill_limit`: DS-507.
    SpillLimit,
    /// It would fetch more than `max_download`: DS-422.
    MaxDownload,
}

/// What a query will probably take. It was not run, and nothing was fetched or converted for it; a kept answer takes less.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Estimate {
    /// Of the answer.
    pub rows: Expected,
    /// Rows of the source files that are read for it, before its conditions.
    pub rows_read: Expected,
    /// Bytes of the files that would be fetched from elsewhere, as their listing says.
    pub bytes_to_download: Expected,
    /// Bytes of the files that would be converted first, those to be fetched among them.
    pub bytes_to_convert: Expected,
    /// Compressed bytes of the Parquet columns that would be read.
    pub bytes_to_read: Expected,
    /// From submission to the last row of its stream, on this machine, without the time in a queue.
    pub duration_sec: ExpectedSeconds,
    /// The process's peak resident memory while it runs, as its report will say: what the process has now is part of it.
    pub memory_bytes: Expected,
    /// Of this, what the query itself works with, at its most.
    pub work_bytes: u64,
    /// Files that would be read.
    pub files: u64,
    /// Of these, files to be fetched from elsewhere.
    pub files_to_download: u64,
    /// Of these, files to be converted, those to be fetched among them.
    pub files_to_convert: u64,
    /// What runs it.
    pub engine: Runs,
    /// How many joins, aggregates and windows it has.
    pub complexity: Complexity,
    /// Settings whose bounds it may not keep.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceeds: Vec<Bounded>,
    /// What the figures are from.
    pub basis: Vec<Basis>,
    /// Earlier jobs of this kind that duration and memory are learned from; with few of them they are a guess.
    pub history: u64,
    /// How duration is told from these: by whichever has been closer so far.
    pub duration_by: Model,
    /// The same of memory.
    pub memory_by: Model,
    /// In the client's language.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}
