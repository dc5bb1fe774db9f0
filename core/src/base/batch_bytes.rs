//! How large a batch is.

use arrow::array::{Array, RecordBatch};

/// Bytes of what the batch shows of its buffers: a slice of a large one is as small as it looks, and a buffer that several columns
/// share counts once.
pub fn batch_bytes(batch: &RecordBatch) -> u64 {
    let of = |column: &arrow::array::ArrayRef| {
        column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size()) as u64
    };
    batch.columns().iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    #[test]
    fn a_slice_is_as_small_as_it_looks() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![7; 1_000]));
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["abcd"; 1_000]));
        let batch = RecordBatch::try_from_iter([("n", numbers), ("t", texts)]).unwrap();
        assert_eq!((batch_bytes(&batch), batch_bytes(&batch.slice(0, 10))), (16_000, 160));
    }
}
