//! What was read of a file, and what was noticed on the way.

use serde::{Deserialize, Serialize};

use super::Normalised;
use crate::base::{Text, text};

/// Whether the CRC-32 was right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[non_exhaustive]
#[serde(rename_all = "lowercase")]
pub enum CrcState {
    /// It matches the whole content.
    Ok,
    /// It was not looked at, the file was not read to its end, or it did not match.
    #[default]
    Unchecked,
    /// DBF has none, nor has most Parquet.
    Absent,
}

impl std::fmt::Display for CrcState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            CrcState::Ok => "ok",
            CrcState::Unchecked => "unchecked",
            CrcState::Absent => "absent",
        })
    }
}

/// The fields of a column that did not parse and are NULL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BadValues {
    /// The column.
    pub column: String,
    /// How many values.
    pub count: u64,
    /// Row in the file (from 0) and raw value of the first ten.
    pub samples: Vec<(u64, String)>,
}

/// One value that did not parse and is NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadCell {
    /// In what is made of the file, from 0.
    pub row: u64,
    /// In the file, from 0.
    pub source_row: u64,
    /// The first that did not parse.
    pub value: String,
}

/// A record whose flag byte is neither blank, nor `*`, nor 0x00: it is in no batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RejectedRecord {
    /// Its place in the file, from 0.
    pub row: u64,
    /// Latin-1 read as text; the flag comes first.
    pub raw: String,
}

impl RejectedRecord {
    /// Why it is in no batch.
    pub fn reason(&self) -> Text {
        let flag = self.raw.chars().next().map_or(0, u32::from);
        text!(
            "a marca do registro é o byte 0x{flag:02X}; esperados: branco (vale), 0x00 (vale) ou * (excluído)",
            "the record's flag is the byte 0x{flag:02X}; expected: blank (live), 0x00 (live) or * (deleted)"
        )
    }
}

/// What was read; complete once the last batch has been taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Records that the header declares; more than `rows_read` only where `ReadOptions::partial` let it pass.
    pub rows_declared: u64,
    /// The day of the last change, as the header says.
    pub changed: Option<chrono::NaiveDate>,
    /// Bytes at the end of such a file that make no whole record.
    pub bytes_left_over: u64,
    /// Records in the file, whatever became of them.
    pub rows_read: u64,
    /// Rows in the batches.
    pub rows_kept: u64,
    /// Marked `*`; skipped.
    pub rows_deleted: u64,
    /// Kept, although their flag is the byte 0x00 and not a blank.
    pub rows_unflagged: u64,
    /// Records that could not be read.
    pub rows_rejected: u64,
    /// The first ten thousand, or 4 MiB of them.
    pub rejected: Vec<RejectedRecord>,
    /// Whether the checksum was right.
    pub crc: CrcState,
    /// Of the uncompressed records, where there is one.
    pub crc32: Option<u32>,
    /// Empty unless `ReadOptions::decoded_sha256`.
    pub decoded_sha256: String,
    /// Of the file's bytes.
    pub source_sha256: String,
    /// Bytes of the file.
    pub source_bytes: u64,
    /// Columns without bad values are left out.
    pub bad_values: Vec<BadValues>,
    /// Columns without any are left out.
    pub normalised: Vec<Normalised>,
}

impl Summary {
    /// What is odd about the records, in sentences; `file` stands in them.
    pub fn notices(&self, file: &str) -> Vec<Text> {
        notices(file, self.rows_declared, self.rows_read, self.bytes_left_over, self.rows_unflagged)
    }
}

/// The sentences about a file that was read with fewer records than it declares, or with flags of 0x00.
pub fn notices(file: &str, declared: u64, read: u64, left_over: u64, unflagged: u64) -> Vec<Text> {
    let mut notices = Vec::new();
    if read < declared {
        notices.push(text!(
            "{file}: o cabeçalho anuncia {declared} registros e o arquivo só tem {read}, que foram lidos (`partial`)",
            "{file}: the header declares {declared} records and the file holds only {read}, which were read (`partial`)"
        ));
    }
    if left_over > 0 {
        notices.push(text!(
            "{file}: os últimos {left_over} bytes não completam um registro e ficaram de fora",
            "{file}: the last {left_over} bytes do not make a whole record and are left out"
        ));
    }
    if unflagged > 0 {
        notices.push(text!(
            "{file}: {unflagged} registro(s) com a marca 0x00 no lugar do branco foram mantidos",
            "{file}: {unflagged} record(s) whose flag is 0x00 and not a blank were kept"
        ));
    }
    notices
}
