//! What the run knows of a result, for sinks that name and describe what they leave behind. To them it is only text.

use std::collections::BTreeMap;

use crate::base::Text;

/// Names, comments and origins of one result.
#[derive(Debug, Clone, Default)]
pub struct ResultInfo {
    /// Name of a file where the user gave none, without its extension.
    pub file_stem: String,
    /// Schema and table where the user gave none; none where the user must.
    pub table: Option<(String, String)>,
    /// The same for a table that holds every competência.
    pub whole_table: Option<(String, String)>,
    /// What the result is, in a sentence.
    pub about: String,
    /// What its columns mean, by name.
    pub columns: BTreeMap<String, String>,
    /// Columns that a table of it should find rows by, the most useful first.
    pub indexed: Vec<IndexedColumn>,
    /// What it was made from.
    pub sources: Vec<SourceKey>,
    /// What of its sources it is, in words that are equal for equal queries: dataset, conditions, columns; none where its rows
    /// are no rows of files.
    pub query: Option<String>,
    /// Sources that it should have been made from, and was not: a part of a month that cannot be read.
    pub incomplete: Vec<SourceKey>,
    /// The order of its rows is that of the files, or one that was asked for; false: it may be another each time.
    pub ordered: bool,
    /// How its rows were sampled; none: they were not. Equal for samples that may share a table.
    pub sampling: Option<String>,
    /// The same with what came of it, as JSON, for a file's footer.
    pub sampled: Option<String>,
    /// Of the job whose result it is.
    pub job_id: String,
}

/// A column that is worth an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedColumn {
    /// As the result has it, in any case.
    pub column: String,
    /// Who looks for rows by it.
    pub why: Text,
}

/// A source of a result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceKey {
    /// Of the file, as people know it; two sources may have one name.
    pub name: String,
    /// Equal for equal rows, as far as that is known.
    pub hash: String,
    /// Of the file's own bytes (or size and time), as versions before knew it.
    pub file_hash: String,
    /// What it is, whatever its file is called: dataset, UF, competência, and the part of it (empty: it is whole).
    pub dataset: String,
    /// Its UF.
    pub uf: String,
    /// Its competência.
    pub period: String,
    /// Which part of it; empty: it is whole.
    pub part: String,
    /// Its rows.
    pub rows: u64,
}

impl SourceKey {
    /// `SIH-RD AC 202401`.
    pub fn shown(&self) -> String {
        [&self.dataset, &self.uf, &self.period, &self.part]
            .into_iter()
            .filter(|s| !s.is_empty())
            .cloned()
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// Names of the three columns that say where a row comes from, for the sinks that ask for them
/// ([`super::Sink::wants_origin`]); they are the last of a result.
pub const ORIGIN_COLUMNS: [&str; 3] = ["datasus_arquivo", "datasus_uf", "datasus_competencia"];
