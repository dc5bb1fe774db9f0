//! A column of a grupo: its type, how it was laid out over the years, and what it means.

use serde::Serialize;

use super::LogicalType;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Column {
    /// In upper case.
    pub name: String,
    pub kind: LogicalType,
    /// Layouts seen in genuine headers, oldest first.
    pub eras: Vec<Era>,
    /// Place in the catalogue's order: that of the newest files, then what older files had.
    pub position: u32,
    /// None where no named source gives one.
    pub meaning: Option<Meaning>,
}

/// A layout of a column, and the years of the files that had it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Era {
    pub dbf_type: char,
    pub width: u16,
    pub decimals: u8,
    pub first_year: u16,
    pub last_year: u16,
}

/// What a column means, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Meaning {
    /// In Portuguese.
    pub pt: String,
    pub source: String,
}
