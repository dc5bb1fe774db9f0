//! What stands beside the query: how it is to be run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::base::{OnEmergency, Priority};

/// What is expected, as errors say it in both languages.
const SECONDS: [&str; 2] = ["um número de segundos", "a number of seconds"];

/// Options of one query. Each is capped by the client's configuration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Seconds after which the job ends with DS-504; none: as long as it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0), example = 30.5, extend("x-expected" = SECONDS))]
    pub deadline: Option<f64>,
    /// What to do about files that were asked for by name and are not there.
    pub missing: MissingFiles,
    /// Which of several versions of a file is read, where neither folder, date nor content tells.
    #[serde(skip_serializing_if = "Versions::is_default")]
    #[schemars(extend("default" = "refuse"))]
    pub versions: Versions,
    /// True: a file that cannot be read is left out and named in the report. False: it ends the job.
    #[schemars(example = false)]
    pub partial: bool,
    /// Class of the job: health before admin before user, where jobs wait; at most the client's `max_priority`.
    pub priority: Priority,
    /// What a job that starts in an emergency of memory (above 85 %) does; none: `wait` for the rows of a dataset that come
    /// back as a stream, or what the client's `on_emergency` says; `spill` for aggregates, SQL, files and tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_emergency: Option<OnEmergency>,
    /// Whether an answer may come from a cache, and be kept in one. It is that of the sources as they are now in any case.
    #[serde(skip_serializing_if = "CacheMode::is_use")]
    #[schemars(extend("default" = "use"))]
    pub cache: CacheMode,
    /// Who asks, where a service limits how often: a user, an address. Past the client's `rate_limit` it is DS-429 with the seconds
    /// to wait; none: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "192.0.2.7")]
    pub rate_key: Option<String>,
    /// What becomes of a value that does not parse in a column that the query reads.
    #[serde(skip_serializing_if = "OnBadValue::is_null")]
    #[schemars(extend("default" = "null"))]
    pub on_bad_value: OnBadValue,
    /// Source rows between two checkpoints of a durable sink, from 1 to 10,000,000; none: 10,000. A killed process loses
    /// about so many rows of each connection's work.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000_000), example = 10_000)]
    pub checkpoint_rows: Option<u64>,
    /// Share of the rows, from 0 to 1, that may become dead letters before the job fails with DS-424; none: 0.01.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1), example = 0.01)]
    pub dead_letter_limit: Option<f64>,
}

impl Options {
    pub(super) fn is_default(&self) -> bool {
        *self == Options::default()
    }
}

/// What a query asks of the cache of answers. Samples and partial answers never enter it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
#[serde(rename_all = "lowercase")]
pub enum CacheMode {
    /// A kept answer of the same question over the same content is given; another is kept.
    #[default]
    Use,
    /// It is run, and its answer kept in the place of what was.
    Refresh,
    /// It is run, and nothing is kept.
    Off,
}

impl CacheMode {
    fn is_use(&self) -> bool {
        *self == CacheMode::Use
    }
}

/// What becomes of a value that does not parse (`36.6` in a whole number, the 30th of February) in a column that the query
/// reads, its conditions included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
#[serde(rename_all = "snake_case")]
pub enum OnBadValue {
    /// It is NULL, and counted; the report has the first raw values of each column.
    #[default]
    Null,
    /// Its row is not in the answer, whatever the conditions say of it, but among the job's dead letters, with file, row,
    /// column and raw value. More of them than `dead_letter_limit` allows is DS-424.
    DeadLetter,
    /// DS-422 that names the first one, before anything is published.
    Fail,
}

impl OnBadValue {
    fn is_null(&self) -> bool {
        *self == OnBadValue::Null
    }
}

/// What to do about files that were asked for by name and are not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
#[serde(rename_all = "lowercase")]
pub enum MissingFiles {
    /// DS-404 that names every one.
    #[default]
    Error,
    /// The report lists them.
    Warn,
}

/// What to do about versions of a file with different rows. A final one stands before a preliminary one in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
#[serde(rename_all = "lowercase")]
pub enum Versions {
    /// DS-409 that names them.
    #[default]
    Refuse,
    /// The one that was changed last; the report names the others.
    Newest,
}

impl Versions {
    fn is_default(&self) -> bool {
        *self == Versions::default()
    }
}
