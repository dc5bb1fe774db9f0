//! Where an object comes from; it stands in the Parquet's own metadata, under `datasus.provenance`.

use serde::{Deserialize, Serialize};

use crate::base::Text;
use crate::source::dbc::{BadValues, Normalised, RejectedRecord, notices};

pub(super) const KEY: &str = "datasus.provenance";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Name of the source file.
    pub file: String,
    pub size: u64,
    /// Nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Of the source file; none for the user's own Parquet.
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
    pub rejected: Vec<RejectedRecord>,
    /// `ok`, `unchecked`, or `absent` (DBF and Parquet carry none).
    pub crc: String,
    /// Version of the converter; 0 for the user's own Parquet.
    pub converter: u32,
    pub bad_values: Vec<BadValues>,
    /// Codes that stood in the source in another form than the catalogue's.
    #[serde(default)]
    pub normalised: Vec<Normalised>,
    /// What was odd about the source's form, and did no harm.
    pub warnings: Vec<Text>,
}

impl Provenance {
    /// What is odd about the source's records, in sentences.
    pub fn notices(&self) -> Vec<Text> {
        let read = self.rows + self.rows_deleted + self.rows_rejected;
        let declared = self.rows_declared.unwrap_or(read);
        notices(&self.file, declared, read, self.bytes_left_over, self.rows_unflagged)
    }
}
