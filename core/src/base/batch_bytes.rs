//! How large a batch is.

use std::collections::HashSet;

use arrow::array::{Array, ArrayData, RecordBatch};
use arrow_buffer::Buffer;

/// Bytes of what the batch shows of its buffers: a slice of a large one is as small as it looks, and a buffer that several columns
/// share counts once.
pub fn batch_bytes(batch: &RecordBatch) -> u64 {
    let of = |column: &arrow::array::ArrayRef| {
        column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size()) as u64
    };
    batch.columns().iter().map(of).sum()
}

/// Bytes that batches keep alive: what they show and what their buffers have to spare, each allocation once.
#[derive(Debug, Default)]
pub struct HeldBytes {
    seen: HashSet<*const u8>,
    bytes: u64,
}

impl HeldBytes {
    /// Of all these together.
    pub fn of<'b>(batches: impl IntoIterator<Item = &'b RecordBatch>) -> u64 {
        let mut held = HeldBytes::default();
        for batch in batches {
            held.add(batch);
        }
        held.bytes
    }

    /// Of this one too; all of them so far.
    pub fn add(&mut self, batch: &RecordBatch) -> u64 {
        batch.columns().iter().for_each(|column| self.array(&column.to_data()));
        self.bytes
    }

    fn array(&mut self, data: &ArrayData) {
        data.buffers().iter().chain(data.nulls().map(|nulls| nulls.buffer())).for_each(|buffer| self.buffer(buffer));
        data.child_data().iter().for_each(|child| self.array(child));
    }

    fn buffer(&mut self, buffer: &Buffer) {
        if self.seen.insert(buffer.data_ptr().as_ptr().cast_const()) {
            self.bytes += buffer.capacity() as u64;
        }
    }
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

    #[test]
    fn a_slice_keeps_all_of_its_batch_and_two_keep_it_once() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(7); 1_000]));
        let batch = RecordBatch::try_from_iter([("n", numbers.clone()), ("again", numbers)]).unwrap();
        let all = HeldBytes::of([&batch]);
        assert!((8_000..10_000).contains(&all), "{all}");
        assert_eq!(HeldBytes::of([&batch.slice(0, 1), &batch.slice(500, 1)]), all);
    }
}
