//! The only thing that reaches a sink.

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::KeptRows;

/// A unit of a job. Where a job can be resumed it is a range of source rows, with the same number in every attempt; else
/// it is the chunk's place in the order: 0, 1, 2, ...
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct UnitId(pub u64);

/// Where the rows of a chunk come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// Place of the chunk's first row among the rows that this attempt reads, from 0.
    pub first_row: u64,
    /// None where rows of the answer are not rows of a file.
    pub source: Option<SourceRows>,
}

/// Rows of one source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRows {
    /// The source file's name.
    pub file: Arc<str>,
    /// The file's row where the range begins, from 0, records marked deleted not counted.
    pub first: u64,
    /// Which rows of the range are in the chunk; none: all.
    pub kept: Option<KeptRows>,
}

impl Chunk {
    /// Where in its unit a row of the batch stands, from 0: the same in every attempt.
    pub fn place(&self, index: usize) -> u64 {
        self.origin.source.as_ref().map_or(index as u64, |source| source.row(index) - source.first)
    }
}

impl Chunk {
    /// The same of every row of the batch, in order.
    pub fn places(&self) -> Box<dyn Iterator<Item = u64> + '_> {
        let rows = self.batch.num_rows();
        match self.origin.source.as_ref().and_then(|source| source.kept.as_ref()) {
            Some(kept) => Box::new(kept.iter().map(|row| row as u64).take(rows)),
            None => Box::new(0..rows as u64),
        }
    }
}

impl SourceRows {
    /// The file's row that the chunk's row `index` is.
    pub fn row(&self, index: usize) -> u64 {
        let within = match &self.kept {
            None => index,
            Some(kept) => kept.nth(index).unwrap_or(index),
        };
        self.first + within as u64
    }
}

/// A piece of the result: a unit where the job can be resumed, else `chunk_rows` rows at most.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// Which rows of the source these are.
    pub unit: UnitId,
    /// The rows.
    pub batch: RecordBatch,
    /// Where they come from.
    pub origin: Origin,
}
