//! What a job did, from measurements.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::{ClusterUse, Code, Error, Result, TableIndex, Text, json_words, text};
use crate::catalog::{Catalog, Dataset, Form};
use crate::engine::CacheUse;
use crate::governor::Mode;
use crate::lake::LakeFile;
use crate::plan::{Missing, Sampled, Share};
use crate::scheduler::Status;
use crate::source::Unlabelled;
use crate::source::dbc::CrcState;

/// Samples of a column's codes.
const SAMPLES: usize = 10;

/// The report of a completed job.
///
/// [`Report::to_json`] is the contract's form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Report {
    /// Version of the contract.
    pub contract: u32,
    /// Of the job; a report is of one that has completed.
    pub status: Status,
    /// A ULID: jobs sort by the time of their submission.
    pub job_id: String,
    /// Ties the job to its log lines and errors.
    pub trace_id: String,
    /// Rows delivered to the sinks.
    pub records_processed: u64,
    /// Where the rows are now: by sink, the file relative to the output folder.
    pub storage: BTreeMap<String, Storage>,
    /// Times, sizes and memory.
    pub performance: Performance,
    /// The memory's when the job began.
    pub mode: Mode,
    /// None: every row was read. Else the answer is of these rows of the sources alone, and nothing is scaled.
    pub sampling: Option<Sampled>,
    /// Records that were not taken; each is kept with its reason.
    pub dead_letters: u64,
    /// How often the job was begun.
    pub attempts: u32,
    /// Rows that each sink held from earlier attempts when the last one began; none where it began with nothing.
    pub resumed_from: Option<BTreeMap<String, u64>>,
    /// Whether the answer came from a cache. A sample never enters one.
    pub cache: CacheUse,
    /// The files that were read, in the order of the answer.
    pub sources: Vec<Source>,
    /// Row groups of `sources`: those that were read, of all; the others were ruled out by their statistics or by a condition on the
    /// file, or not come to (`limit`, rows that an earlier attempt had). Of a
    /// query that DuckDB runs, those that the conditions of the query leave (of SQL, all). A kept answer reads none.
    #[serde(default)]
    pub row_groups: Share,
    /// Compressed bytes of the column chunks in them: of columns and row groups that were read, of all.
    #[serde(default)]
    pub bytes: Share,
    /// Files that were asked for by name and are not there (`missing = warn`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// Files left out because they could not be read (`partial = true`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unreadable>,
    /// Fields that did not parse and are NULL in the lake, by file and column.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bad_values: Vec<BadValue>,
    /// Codes that stood in the sources in another form than the catalogue's, by column that the query reads; the lake and the
    /// answer hold that form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub normalised: Vec<NormalisedCodes>,
    /// Codes of the files that were read, before conditions, for which the list of their label has none; NULL codes are not among
    /// them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlabelled: Vec<Unlabelled>,
    /// What ran on a cluster (`engine`), and what it took there; none where no statement ran on one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterUse>,
    /// Indexes of PostgreSQL tables that were wanted, each with why, and what became of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<TableIndex>,
    /// In the client's language.
    pub warnings: Vec<String>,
}

/// One file, or several of the same kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
#[serde(untagged)]
pub enum Storage {
    /// One place.
    One(String),
    /// Several places.
    Many(Vec<String>),
}

/// What a job took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Performance {
    /// From submission to the last durable byte.
    pub duration_sec: f64,
    /// `records_processed` by the unrounded duration.
    pub throughput_rps: u64,
    /// The process's peak resident memory during the job, in 10^9 bytes.
    pub memory_peak_gb: f64,
}

/// A source file of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
#[schemars(rename = "SourceFile")]
pub struct Source {
    /// Its name.
    pub file: String,
    /// Rows in the file, before filters.
    pub rows: u64,
    /// None for the user's own Parquet, which is not hashed.
    pub sha256: Option<String>,
    /// Whether its checksum was right.
    pub crc: CrcState,
    /// True: the ministry has not closed it yet; it lies in a folder PRELIM.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub preliminary: bool,
    /// The address of the source that it was fetched from; none for files of this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Of a population of IBGE's: a series is published anew with other numbers for the same year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<Series>,
}

/// Which series a population is of, and which revision of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Series {
    /// `IBGE-POPSVS`, `IBGE-POPTCU`, `IBGE-POP`, ...
    pub dataset: Dataset,
    /// What the series is, in Portuguese.
    pub name: String,
    /// The file's own day (`2025-01-07`), in UTC, as its server or the system tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_date: Option<String>,
    /// The day of the last change that the header of the DBF says (`2024-12-12`); none for other kinds of files, and for those that
    /// an earlier version converted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header_date: Option<String>,
}

impl Series {
    /// Of a file of IBGE's.
    pub(super) fn of(file: &LakeFile) -> Option<Self> {
        let dataset = &file.id.dataset;
        let grupo = Catalog::builtin().dataset(&dataset.to_string()).filter(|_| dataset.sistema() == "IBGE")?;
        let about = &file.source;
        let day = || chrono::DateTime::from_timestamp_nanos(about.mtime_ns).date_naive().to_string();
        Some(Series {
            dataset: dataset.clone(),
            name: grupo.nome.clone(),
            file_date: (about.mtime_ns > 0).then(day),
            header_date: about.header_date.clone(),
        })
    }
}

/// A file that could not be read, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Unreadable {
    /// The source file.
    pub file: String,
    /// `DS-460`, ...
    pub error_code: String,
    /// In the client's language.
    pub detail: String,
}

/// A column of a file in which some fields did not parse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct BadValue {
    /// The source file.
    pub file: String,
    /// The column.
    pub column: String,
    /// How many values.
    pub count: u64,
    /// The first ten raw values.
    pub samples: Vec<String>,
}

/// A column of a dataset whose codes were brought into the catalogue's form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct NormalisedCodes {
    /// The dataset.
    pub dataset: Dataset,
    /// The column.
    pub column: String,
    /// `municipality`, `year` or `digits(n)`.
    pub form: Form,
    /// Files that had such codes.
    pub files: u64,
    /// How many codes.
    pub count: u64,
    /// The first ten, as a file has them and as they are in the answer.
    pub samples: Vec<(String, String)>,
}

impl NormalisedCodes {
    /// Of all files, in the order of the first that has any.
    pub(super) fn of<'f>(files: impl IntoIterator<Item = &'f LakeFile>) -> Vec<Self> {
        let mut all: Vec<NormalisedCodes> = Vec::new();
        for file in files {
            for of_file in &file.source.normalised {
                let same = |one: &&mut NormalisedCodes| {
                    one.dataset == file.id.dataset && one.column == of_file.column && one.form == of_file.form
                };
                let one = match all.iter_mut().find(same) {
                    Some(one) => one,
                    None => {
                        let (dataset, column) = (file.id.dataset.clone(), of_file.column.clone());
                        let form = of_file.form;
                        all.push(NormalisedCodes { dataset, column, form, files: 0, count: 0, samples: Vec::new() });
                        let last = all.len() - 1;
                        &mut all[last]
                    }
                };
                one.files += 1;
                one.count += of_file.count;
                let room = SAMPLES.saturating_sub(one.samples.len());
                let new: Vec<_> =
                    of_file.samples.iter().filter(|s| !one.samples.contains(s)).take(room).cloned().collect();
                one.samples.extend(new);
            }
        }
        all
    }
}

impl Performance {
    pub(super) fn measured(rows: u64, duration: std::time::Duration, peak_bytes: u64) -> Self {
        let seconds = duration.as_secs_f64();
        let rounded = |value: f64, digits: i32| (value * 10f64.powi(digits)).round() / 10f64.powi(digits);
        Performance {
            duration_sec: rounded(seconds, 3),
            throughput_rps: if seconds > 0.0 { (rows as f64 / seconds).round() as u64 } else { 0 },
            memory_peak_gb: rounded(peak_bytes as f64 / 1e9, 3),
        }
    }
}

impl Report {
    /// The contract's form, which [`Report::from_json`] reads.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// Reads a report back from its JSON text; keys that are not known are left alone. DS-400 for what is no report.
    pub fn from_json(json: &str) -> Result<Self> {
        serde_json::from_str(json).map_err(|error| {
            let Text { pt, en } = json_words(&error);
            Error::new(
                Code::Malformed,
                text!("Não é o relatório de um trabalho: {pt}", "Not the report of a job: {en}"),
            )
            .with("parser_message", error.to_string())
            .stage("report")
        })
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::to_string_pretty(self).unwrap_or_default())
    }
}
