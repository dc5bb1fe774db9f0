//! What a query would read, against what is there.

use std::sync::Arc;

use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::origin::reads;
use super::prune::{Verdict, judge, statistics};
use super::scan::conditions;
use super::{LeftOut, Missing, Selection, Statement};
use crate::base::{Error, Result, masked};
use crate::columnar::parquet_footer;
use crate::lake::LakeFile;
use crate::params::{Predicate, Query};
use crate::store::At;

/// Read, of those present.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Share {
    /// What the query reads.
    pub read: u64,
    /// What is there.
    pub present: u64,
}

/// The plan of a query, in figures. `present` counts the dataset's files in the source, wanted or not; row groups and
/// bytes are known for those that the lake holds already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Explain {
    /// One, or with SQL every dataset that it reads, in the order of the text.
    pub datasets: Vec<String>,
    /// Of the dataset's files.
    pub files: Share,
    /// Wanted files that the query would first convert.
    pub to_convert: Vec<String>,
    /// Of the row groups of the files that are in the lake.
    pub row_groups: Share,
    /// Compressed bytes of the column chunks.
    pub bytes: Share,
    /// With SQL and `*` the most that can be read.
    pub columns: Vec<String>,
    /// What the source does not hold, though it was published.
    pub missing: Vec<Missing>,
    /// The files that would be read, in the order of the answer. Of versions that must have the same rows, the first.
    pub sources: Vec<String>,
    /// Files that would not be read, each with the one that is instead.
    pub left_out: Vec<LeftOut>,
    /// What a PostgreSQL table of the answer would be indexed by, where its `indexes` say nothing else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<PlannedIndex>,
    /// What the query would say of its files, as far as it can be known without converting them; in the client's language.
    pub warnings: Vec<String>,
    /// None while nothing is converted: the columns come from the files.
    pub sql: Option<String>,
}

/// An index that a load would make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct PlannedIndex {
    /// The column.
    pub column: String,
    /// Who looks for rows by it; in the client's language.
    pub why: String,
}

impl PlannedIndex {
    /// Of `column`.
    pub fn new(column: String, why: String) -> Self {
        PlannedIndex { column, why }
    }
}

/// `wanted` are the selection's files that the lake holds, `others` the dataset's remaining ones.
pub fn explain(
    query: &Query,
    selection: &Selection,
    wanted: &[LakeFile],
    others: &[LakeFile],
    to_convert: Vec<String>,
    warnings: Vec<String>,
    statement: Option<&Statement>,
) -> Result<Explain> {
    let mut row_groups = Share::default();
    let mut bytes = Share::default();
    let columns = statement.map(|statement| statement.columns.clone()).unwrap_or_default();
    for file in wanted {
        let scope = query.scopes.iter().find(|scope| scope.grupo.dataset == file.id.dataset);
        let conditions = scope.map_or_else(Vec::new, |scope| conditions(query, scope));
        let of_file = planned(file, query, &conditions, &columns)?;
        row_groups = row_groups.and(of_file.row_groups);
        bytes = bytes.and(of_file.bytes);
    }
    for file in others {
        row_groups.present += file.row_groups.len() as u64;
        bytes.present += file.row_groups.iter().map(|group| group.bytes).sum::<u64>();
    }
    Ok(Explain {
        datasets: query.scopes.iter().map(|scope| scope.grupo.dataset.to_string()).collect(),
        files: Share { read: selection.files.len() as u64, present: selection.present as u64 },
        to_convert,
        row_groups,
        bytes,
        columns,
        missing: selection.missing.clone(),
        sources: selection.files.iter().map(|file| file.location.to_string()).collect(),
        left_out: selection.left_out.clone(),
        indexes: Vec::new(),
        warnings,
        sql: statement.map(|statement| masked(&statement.sql).into_owned()),
    })
}

fn footer(file: &LakeFile) -> Result<Arc<ParquetMetaData>> {
    let failed =
        |e: parquet::errors::ParquetError| Error::within(&e).unwrap_or_else(|| Error::internal(format!("footer: {e}")));
    parquet_footer(&At::of(file.open_here()?)).map_err(failed)
}

fn chunk_bytes(group: &RowGroupMetaData) -> Vec<(String, u64)> {
    let size = |bytes: i64| u64::try_from(bytes).unwrap_or(0);
    group.columns().iter().map(|c| (c.column_descr().name().to_uppercase(), size(c.compressed_size()))).collect()
}

/// What of a file is read, by its footer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Planned {
    /// Row groups.
    pub row_groups: Share,
    /// Compressed bytes of their column chunks.
    pub bytes: Share,
    /// Rows of row groups all of whose rows meet the conditions.
    pub rows_that_do: u64,
    /// Rows of those where some may.
    pub rows_that_may: u64,
}

/// Reads the footer of `file`; `conditions` are those of its table (`plan::conditions`), and `columns` those that are read.
pub fn planned(file: &LakeFile, query: &Query, conditions: &[Predicate], columns: &[String]) -> Result<Planned> {
    let footer = footer(file)?;
    let metadata = footer.file_metadata();
    let schema = parquet_to_arrow_schema(metadata.schema_descr(), metadata.key_value_metadata())
        .map_err(|e| Error::internal(format!("footer: {e}")))?;
    let is_read = reads(query, file);
    let mut planned = Planned::default();
    for group in footer.row_groups() {
        let sizes = chunk_bytes(group);
        planned.row_groups.present += 1;
        planned.bytes.present += sizes.iter().map(|(_, size)| size).sum::<u64>();
        let known = |column: &str| statistics(group, &schema, column);
        let verdicts: Vec<Verdict> = conditions.iter().map(|condition| judge(condition, &known)).collect();
        if !is_read || verdicts.contains(&Verdict::None) {
            continue;
        }
        planned.row_groups.read += 1;
        let of_columns = sizes.iter().filter(|(name, _)| columns.iter().any(|c| c.eq_ignore_ascii_case(name)));
        planned.bytes.read += of_columns.map(|(_, size)| size).sum::<u64>();
        let rows = u64::try_from(group.num_rows()).unwrap_or(0);
        match verdicts.iter().all(|verdict| *verdict == Verdict::All) {
            true => planned.rows_that_do += rows,
            false => planned.rows_that_may += rows,
        }
    }
    Ok(planned)
}

impl Share {
    /// Both together.
    pub fn and(self, other: Share) -> Share {
        Share { read: self.read + other.read, present: self.present + other.present }
    }
}
