//! A Parquet that a query reads: an object of the lake, or the user's own.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{BadCells, Provenance};
use crate::base::{Cause, Code, Error, Result, text};
use crate::catalog::FileId;
use crate::store::{Handle, LocalCopy, Location, Object, ReadAt, State, Stores};

/// An object of the lake, or the user's own Parquet, that a query reads.
#[derive(Debug, Clone)]
pub struct LakeFile {
    /// What its source's name says.
    pub id: FileId,
    /// The source that it is of: itself, where it is the user's own.
    pub location: Location,
    /// The Parquet, where it lies: an object of the lake, or the source itself.
    pub object: Object,
    /// By which an engine reads it: itself, or a copy ([`LakeFile::with_copy`]); of one that lies in another store there is none yet.
    pub path: PathBuf,
    /// Copies stay while somebody has these.
    pub held: Vec<LocalCopy>,
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
    /// To read the Parquet.
    pub fn handle(&self) -> Handle {
        Handle::new(&self.stores, &self.object.location)
    }

    /// Its bytes, as its store gives them.
    pub fn open(&self) -> Result<Arc<dyn ReadAt>> {
        self.stores.open(&self.object.location)
    }

    /// The same of its copy on this machine, where it has one.
    pub fn open_here(&self) -> Result<Arc<dyn ReadAt>> {
        match self.is_elsewhere() && !self.held.is_empty() {
            true => self.stores.open(&Location::file(&self.path)),
            false => self.open(),
        }
    }

    /// Whether it lies in another store than this machine's files.
    pub fn is_elsewhere(&self) -> bool {
        !self.object.location.is_file()
    }

    /// The same for an engine that opens it where it lies.
    pub fn in_place(self) -> Self {
        if !self.is_elsewhere() {
            return self;
        }
        LakeFile { path: self.object.location.to_string().into(), ..self }
    }

    /// The same for an engine that reads only files of this machine: of one that lies elsewhere a copy with these columns, as its
    /// schema says too. One column at least: the number of rows stands in columns.
    pub fn with_copy(self, columns: &[String]) -> Result<Self> {
        if !self.is_elsewhere() {
            return Ok(self);
        }
        let fields = self.schema.fields();
        let is_read = |name: &str| columns.iter().any(|column| column.eq_ignore_ascii_case(name));
        let mut kept: Vec<_> = fields.iter().filter(|field| is_read(field.name())).cloned().collect();
        if kept.is_empty() {
            kept.extend(fields.first().cloned());
        }
        let names: BTreeSet<String> = kept.iter().map(|field| field.name().clone()).collect();
        let copy = self.stores.local(&self.object, Some(&names))?;
        let schema: SchemaRef = Arc::new(Schema::new_with_metadata(kept, self.schema.metadata().clone()));
        let mut held = self.held.clone();
        held.push(copy.clone());
        let is_bad = self.source.bad_values.iter().any(|bad| is_read(&bad.column));
        let mut bad_cells = None;
        if is_bad && let Some((cells, copy)) = self.bad_cells_here()? {
            held.extend(copy);
            bad_cells = Some(cells);
        }
        Ok(LakeFile { path: copy.path, held, fingerprint: fingerprint(&schema), schema, bad_cells, ..self })
    }

    /// The list of what did not parse, as a file of this machine, which stays one while somebody has the copy.
    pub fn bad_cells_here(&self) -> Result<Option<(BadCells, Option<LocalCopy>)>> {
        let Some(cells) = &self.bad_cells else { return Ok(None) };
        let at = Location::parse(&cells.path);
        if at.is_file() {
            return Ok(Some((cells.clone(), None)));
        }
        let copy = self.stores.local(&self.stores.stat(&at)?, None)?;
        Ok(Some((BadCells { path: copy.path.clone(), ..cells.clone() }, Some(copy))))
    }

    /// DS-502 where the user's own Parquet changed since it was opened; objects of the lake never change.
    pub fn still_unchanged(&self) -> Result<()> {
        if !self.native_parquet {
            return Ok(());
        }
        let now = self.stores.stat(&self.location)?;
        if is_as_opened(&now, (self.source.size, self.source.mtime_ns), self.state) {
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
        let found = self.stores.sha256(&self.object.location)?;
        if found == *expected {
            return Ok(());
        }
        let path = &self.object.location;
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

/// Another file of the same size and time in its place has another state.
fn is_as_opened(now: &Object, (size, mtime_ns): (u64, i64), state: Option<State>) -> bool {
    (now.size, now.mtime_ns) == (size, mtime_ns) && (state.is_none() || now.state == state)
}

/// Short hash of names and types, in order.
pub(super) fn fingerprint(schema: &SchemaRef) -> String {
    let mut sha256 = Sha256::new();
    for field in schema.fields() {
        sha256.update(format!("{}:{};", field.name(), field.data_type()));
    }
    hex::encode(&sha256.finalize()[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_exchanged_for_one_alike_is_not_as_it_was_opened() {
        let state = |inode, ctime_ns| Some(State { inode, ctime_ns });
        let now = |state| Object { location: Location::file("a.parquet"), size: 9, mtime_ns: 5, state, identity: None };
        assert!(is_as_opened(&now(state(1, 5)), (9, 5), state(1, 5)));
        assert!(is_as_opened(&now(state(1, 5)), (9, 5), None), "whose store says no state");
        for (other, of) in [(state(2, 5), (9, 5)), (state(1, 6), (9, 5)), (state(1, 5), (9, 6)), (state(1, 5), (8, 5))]
        {
            assert!(!is_as_opened(&now(other), of, state(1, 5)), "{other:?} {of:?}");
        }
    }
}
