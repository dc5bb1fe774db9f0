//! A Parquet that a query reads: an object of the lake, or the user's own.

use std::path::PathBuf;

use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{BadCells, Provenance};
use crate::base::{Cause, Code, Error, Result, file_sha256, text};
use crate::catalog::FileId;
use crate::store::{Location, State, Stores};

/// An object of the lake, or the user's own Parquet, that a query reads.
#[derive(Debug, Clone)]
pub struct LakeFile {
    /// What its source's name says.
    pub id: FileId,
    /// The source that it is of: itself, where it is the user's own.
    pub location: Location,
    /// By which an engine reads it.
    pub path: PathBuf,
    /// How many rows it has.
    pub rows: u64,
    /// Of the Parquet.
    pub bytes: u64,
    /// In order.
    pub row_groups: Vec<RowGroup>,
    /// Names and types of its columns.
    pub schema: SchemaRef,
    /// Equal for files of equal columns.
    pub fingerprint: String,
    /// What is known of its source.
    pub source: Provenance,
    /// Of the source, when it was looked at.
    pub state: Option<State>,
    /// The user's own Parquet, read in place.
    pub native_parquet: bool,
    /// Where its source lies.
    pub stores: Stores,
    /// What did not parse, where anything did not.
    pub bad_cells: Option<BadCells>,
    /// Of the object when it was published; none for the user's own.
    pub sha256: Option<String>,
}

/// One of the pieces that a Parquet consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowGroup {
    /// How many rows it has.
    pub rows: u64,
    /// Compressed.
    pub bytes: u64,
}

impl LakeFile {
    /// DS-502 where the user's own Parquet changed since it was opened; objects of the lake never change.
    pub fn still_unchanged(&self) -> Result<()> {
        if !self.native_parquet {
            return Ok(());
        }
        let now = self.stores.stat(&self.location)?;
        if (now.size, now.mtime_ns) == (self.source.size, self.source.mtime_ns) {
            return Ok(());
        }
        let path = &self.location;
        Err(Error::new(
            Code::Unreachable,
            text!(
                "{path} mudou durante a leitura; repita a consulta",
                "{path} changed while it was read; run the query again"
            ),
        )
        .file(path.to_string())
        .caused_by(Cause::SourceChanged)
        .stage("query"))
    }

    /// Equal for equal content: the source's SHA-256, or size and time of the user's own Parquet, which is not hashed.
    pub fn content(&self) -> String {
        let source = &self.source;
        source.sha256.clone().unwrap_or_else(|| format!("{}:{}", source.size, source.mtime_ns))
    }

    /// DS-460 where the object is not what was published.
    pub fn verify(&self) -> Result<()> {
        let Some(expected) = &self.sha256 else { return Ok(()) };
        let found = file_sha256(&self.path)?;
        if found == *expected {
            return Ok(());
        }
        let path = self.path.display();
        Err(Error::new(
            Code::DamagedFile,
            text!(
                "O Parquet {path} do lake está danificado: seu SHA-256 é {found}, e era {expected}. Apague-o para convertê-lo de novo",
                "The lake's Parquet {path} is damaged: its SHA-256 is {found}, and was {expected}. Delete it to convert it again"
            ),
        )
        .with("cause", "bad_sha256")
        .file(path.to_string())
        .offset(0))
    }
}

/// Short hash of names and types, in order.
pub(super) fn fingerprint(schema: &SchemaRef) -> String {
    let mut sha256 = Sha256::new();
    for field in schema.fields() {
        sha256.update(format!("{}:{};", field.name(), field.data_type()));
    }
    hex::encode(&sha256.finalize()[..8])
}
