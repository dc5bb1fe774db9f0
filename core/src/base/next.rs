//! What a look at a stream of batches found.

use arrow::array::RecordBatch;

use super::Error;

/// What there was of a stream, where whoever reads it does not wait for ever.
#[derive(Debug)]
pub enum Next {
    /// The next batch.
    Batch(RecordBatch),
    /// Nothing yet; ask again.
    NotYet,
    /// The stream's error, and its end.
    Failed(Error),
    /// All rows have come.
    End,
}
