//! A source that a table holds, as `datasus.loads` has it, and how it compares with one that comes.

use tokio_postgres::Row;

use super::TableName;
use super::typed::Cells;
use crate::base::Result;
use crate::sink::SourceKey;

/// A source of a table, as the record has it.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    /// Its row in the record, while no one changes it.
    pub place: String,
    pub key: SourceKey,
    /// Its rows say where they come from, in [`crate::sink::ORIGIN_COLUMNS`].
    pub origin: bool,
    pub query: Option<String>,
    pub sampling: Option<String>,
    /// `upsert` brought it: it may have changed rows of any other source.
    pub upserted: bool,
    /// The table that it was written for, and whether that is this one, by number and by name.
    pub table: TableName,
    pub same_oid: bool,
    pub same_name: bool,
    pub mark: String,
}

impl Loaded {
    /// By a version that did not note what a source is, only what its file was called.
    pub(super) fn is_of_before(&self) -> bool {
        self.key.dataset.is_empty() && !self.key.name.is_empty()
    }

    /// Whether it is this source, or one that holds a part of it, or the whole that it is a part of.
    pub(super) fn is(&self, source: &SourceKey) -> bool {
        let ours = &self.key;
        if self.is_of_before() {
            return ours.period == source.period && stem(&ours.name) == stem(&source.name)
                || ours.hash == source.file_hash;
        }
        (&ours.dataset, &ours.uf, &ours.period) == (&source.dataset, &source.uf, &source.period)
            && (ours.part == source.part || ours.part.is_empty() || source.part.is_empty())
    }

    /// Whether it has the same rows, whatever it is called.
    pub(super) fn has_rows_of(&self, source: &SourceKey) -> bool {
        source.rows > 0 && is_digest(&self.key.hash) && self.key.hash == source.hash
    }

    /// Its rows, against those of a source of the same name or rows.
    pub(super) fn compared(&self, source: &SourceKey) -> Compared {
        let ours = &self.key.hash;
        match () {
            () if *ours == source.hash || *ours == source.file_hash => Compared::Same,
            () if is_digest(ours) && is_digest(&source.hash) && ours.len() == source.hash.len() => Compared::Other,
            () => Compared::Unknown,
        }
    }

    pub(super) fn shown(&self) -> String {
        if self.is_of_before() { self.key.name.clone() } else { self.key.shown() }
    }
}

/// What is known of two sources' rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Compared {
    Unknown,
    Other,
    Same,
}

/// Of size and time nothing follows.
fn is_digest(hash: &str) -> bool {
    !hash.is_empty() && !hash.contains(':')
}

/// The name without its extensions, in lower case: `rdac2401` of `RDAC2401.dbc`.
fn stem(name: &str) -> String {
    name.split('.').next().unwrap_or_default().to_lowercase()
}

/// Of a record `l`, what [`loaded`] is made of.
pub(super) const COLUMNS: &str =
    "l.ctid::text, source, hash, dataset, uf, period, part, origin, query, sampling, schema_name,
    table_name, mark, mode";

/// `same_oid`, `same_name`: it was written for a table of the number and of the name of the one that is looked at.
pub(super) fn loaded(row: &Row, same_oid: bool, same_name: bool) -> Result<Loaded> {
    Ok(Loaded {
        place: row.cell(0)?,
        key: SourceKey {
            name: row.cell(1)?,
            hash: row.cell(2)?,
            dataset: row.cell(3)?,
            uf: row.cell(4)?,
            period: row.cell(5)?,
            part: row.cell(6)?,
            ..SourceKey::default()
        },
        origin: row.cell(7)?,
        query: row.cell(8)?,
        sampling: row.cell(9)?,
        table: TableName { schema: row.cell(10)?, table: row.cell(11)? },
        mark: row.cell(12)?,
        upserted: row.cell::<&str>(13)? == "upsert",
        same_oid,
        same_name,
    })
}
