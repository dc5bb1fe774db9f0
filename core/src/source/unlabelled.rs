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
        let count: u64 = found.iter().map(|one| one.count).sum();
        let names: Vec<&str> = found.iter().map(|one| one.column.as_str()).take(8).collect();
        let more = if found.len() > names.len() { ", …" } else { "" };
        let names = names.join(", ");
        (count > 0).then(|| {
            text!(
                "{count} código(s) de {names}{more} não têm rótulo, que é NULL; veja `unlabelled`",
                "{count} code(s) of {names}{more} have no label, which is NULL; see `unlabelled`"
            )
        })
    }
}
