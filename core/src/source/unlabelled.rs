//! Codes in files that their list has no label for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Text, text};
use crate::catalog::Dataset;

/// A column whose list of labels lacks some of its codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Unlabelled {
    #[allow(missing_docs, reason = "the name says it, in every language")]
    pub dataset: Dataset,
    /// Of the codes.
    pub column: String,
    /// Rows with such a code.
    pub count: u64,
    /// Ten of them, the most frequent first; codes that are looked up together stand with a plus between.
    pub codes: Vec<String>,
}

impl Unlabelled {
    pub(crate) fn new(dataset: Dataset, column: &str, count: u64, codes: Vec<String>) -> Self {
        Unlabelled { dataset, column: column.to_owned(), count, codes }
    }

    /// Says which columns have such codes.
    pub(crate) fn warning(found: &[Unlabelled]) -> Option<Text> {
        counted_columns(found.iter().map(|one| (one.column.as_str(), one.count))).map(|(count, names)| {
            text!(
                "{count} código(s) de {names} não têm rótulo, que é NULL; veja `unlabelled`",
                "{count} code(s) of {names} have no label, which is NULL; see `unlabelled`"
            )
        })
    }
}

/// Columns that a warning names.
const NAMED: usize = 8;

/// How many codes there are in all, and the first of their columns; none where there is no code.
pub(crate) fn counted_columns<'c>(columns: impl Iterator<Item = (&'c str, u64)>) -> Option<(u64, String)> {
    let (names, counts): (Vec<&str>, Vec<u64>) = columns.unzip();
    let (count, more) = (counts.iter().sum(), if names.len() > NAMED { ", …" } else { "" });
    (count > 0).then(|| (count, format!("{}{more}", names[..names.len().min(NAMED)].join(", "))))
}
