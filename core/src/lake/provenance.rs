//! Where an object comes from; it stands in the Parquet's own metadata, under `datasus.provenance`.

use serde::{Deserialize, Serialize};

use super::code_form::CodeForm;
use crate::base::{Code, Error, Text, text};
use crate::source::dbc::{BadValues, CrcState, Normalised, RejectedRecord, notices};

pub(super) const KEY: &str = "datasus.provenance";

/// What is known of an object's source, and of how it was converted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Name of the source file.
    pub file: String,
    /// Bytes of the source.
    pub size: u64,
    /// Nanoseconds since 1970.
    pub mtime_ns: i64,
    /// The day of the last change that a DBF's header says (`2024-12-12`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header_date: Option<String>,
    /// Of a folder PRELIM: not closed by the ministry.
    #[serde(default)]
    pub preliminary: bool,
    /// Of the source file; none for a Parquet that is read in place.
    pub sha256: Option<String>,
    /// Of the decoded rows ([`RowDigest`](super::RowDigest)): equal for the same records, whatever the file; none for the
    /// user's own Parquet, which is digested only where a query must know.
    #[serde(default)]
    pub digest: Option<String>,
    /// Rows in the object.
    pub rows: u64,
    /// Records marked deleted; they are not in the object.
    pub rows_deleted: u64,
    /// Records in the object whose flag is 0x00 and not a blank.
    #[serde(default)]
    pub rows_unflagged: u64,
    /// Records that the source's header declares; more than it holds where `partial` was asked. None: the user's own Parquet.
    #[serde(default)]
    pub rows_declared: Option<u64>,
    /// Bytes at such a source's end that make no whole record.
    #[serde(default)]
    pub bytes_left_over: u64,
    /// Records that could not be read; they are not in the object.
    pub rows_rejected: u64,
    /// The first of the records that could not be read.
    pub rejected: Vec<RejectedRecord>,
    /// Whether its checksum was right.
    pub crc: CrcState,
    /// Version of the converter; 0 for a Parquet that is read in place.
    pub converter: u32,
    /// Values that did not parse, by column.
    pub bad_values: Vec<BadValues>,
    /// Codes that stood in the source in another form than the catalogue's.
    #[serde(default)]
    pub normalised: Vec<Normalised>,
    /// What was odd about the source's form, and did no harm.
    pub warnings: Vec<Text>,
    /// Columns of the user's own Parquet whose values cannot be told: NULL in the object, and refused where they are read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedColumn>,
}

/// A column that has no right value, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedColumn {
    /// The column that was left out.
    pub column: String,
    /// Why.
    pub reason: Text,
    /// The first value that says so, and its row in the file, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    /// One of the values, where there is one to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl RefusedColumn {
    pub(super) fn of(column: &str, reason: Text) -> Self {
        RefusedColumn { column: column.to_owned(), reason, row: None, value: None }
    }

    /// A number that cannot have been a code of this form.
    pub(super) fn unfit(column: &str, form: CodeForm, row: u64, value: String) -> Self {
        let reason = text!(
            "a coluna {column} é um código ({form}) e está como número, e o valor {value} da linha {row} (a partir de 0) não é um. Grave-a como texto, por exemplo \"03\"",
            "column {column} is a code ({form}) and is held as a number, and the value {value} of row {row} (from 0) is none. Write it as text, for example \"03\""
        );
        RefusedColumn { row: Some(row), value: Some(value), ..RefusedColumn::of(column, reason) }
    }

    /// DS-422 for a query that reads the column of `file`.
    pub fn error(&self, file: &str) -> Error {
        let Text { pt, en } = &self.reason;
        let mut error = Error::new(Code::InvalidParams, text!("{file}: {pt}", "{file}: {en}"));
        if let Some(row) = self.row {
            error = error.row(row);
        }
        if let Some(value) = &self.value {
            error = error.with("received", value.as_str());
        }
        error.with("valid_examples", vec!["\"03\""]).column(&self.column).file(file).stage("plan")
    }
}

impl Provenance {
    /// Whether the object holds fewer records than its source declares.
    pub(super) fn is_partial(&self) -> bool {
        self.rows_declared.is_some_and(|declared| self.rows + self.rows_deleted + self.rows_rejected < declared)
    }

    /// What is odd about the source's records, in sentences.
    pub fn notices(&self) -> Vec<Text> {
        let read = self.rows + self.rows_deleted + self.rows_rejected;
        let declared = self.rows_declared.unwrap_or(read);
        notices(&self.file, declared, read, self.bytes_left_over, self.rows_unflagged)
    }
}
