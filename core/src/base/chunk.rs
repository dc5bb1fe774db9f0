//! The only thing that reaches a sink.

use arrow::array::RecordBatch;

/// The place of a chunk in the order of its job: 0, 1, 2, ...
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitId(pub u64);

/// Where the rows of a chunk come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Number of the chunk's first row in the result, from 0.
    pub first_row: u64,
}

/// A piece of the result: 64k to 128k rows, but for the last one.
#[derive(Debug, Clone)]
pub struct Chunk {
    pub unit: UnitId,
    pub batch: RecordBatch,
    pub origin: Origin,
}
