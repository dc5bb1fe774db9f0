//! What the run knows of a result, for sinks that name and describe what they leave behind. To them it is only text.

use std::collections::BTreeMap;

/// Names, comments and origins of one result.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    /// Name of a file where the user gave none, without its extension.
    pub file_stem: String,
    /// Schema and table where the user gave none; none where the user must.
    pub table: Option<(String, String)>,
    /// What the result is, in a sentence.
    pub about: String,
    /// What its columns mean, by name.
    pub columns: BTreeMap<String, String>,
    /// Columns that conditions were put on.
    pub filtered: Vec<String>,
    /// What it was made from.
    pub sources: Vec<SourceKey>,
    /// How its rows were sampled; none: they were not. Equal for samples that may share a table.
    pub sampling: Option<String>,
    /// The same with what came of it, as JSON, for a file's footer.
    pub sampled: Option<String>,
    pub job_id: String,
}

/// A source of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceKey {
    pub name: String,
    /// Equal for equal content.
    pub hash: String,
    /// What it is a part of: a competência.
    pub period: String,
}

/// Names of the two columns that say where a row comes from, for the sinks that ask for them
/// ([`super::Sink::wants_origin`]); they are the last of a result.
pub const ORIGIN_COLUMNS: [&str; 2] = ["datasus_arquivo", "datasus_competencia"];
