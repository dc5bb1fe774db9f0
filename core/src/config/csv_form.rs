//! How a CSV of one's own is written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is said of a CSV; what is left out the file itself says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CsvForm {
    /// One character of ASCII between values: `;`, `,`, `|`, a tab. None: the one that separates most names of the header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// None: UTF-8 where the whole file is, and Latin-1 where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<CsvEncoding>,
    /// Types of columns, by name: `text`, `integer`, `decimal(14,2)`, `date` (2024-01-31, 20240131 or 31/01/2024). Others are text; of a
    /// declared dataset the catalogue says the types of its own columns, and this those of others.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<String, String>,
}

/// What the letters of a CSV are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[non_exhaustive]
pub enum CsvEncoding {
    /// What is not is DS-460.
    #[serde(rename = "utf-8")]
    Utf8,
    /// ISO 8859-1.
    #[serde(rename = "latin1")]
    Latin1,
    /// Latin-1 with letters in the place of control signs, as programs on Windows write it.
    #[serde(rename = "windows-1252")]
    Windows1252,
}
