//! Bytes of batches, for as long as anybody holds them: a stream on their way to its reader, then the host (a pandas column, a
//! slice, a JavaScript vector).

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use arrow_buffer::{Buffer, MemoryPool, MemoryReservation, TrackingMemoryPool};

/// Counts claimed buffers until their last holder lets go; clones are the same count. Atomics only: a buffer may be freed on any
/// thread, under any lock of the host.
#[derive(Debug, Default, Clone)]
pub struct BatchMemory(Arc<TrackingMemoryPool>);

/// Bytes that count until it is dropped.
pub type Reserved = Box<dyn MemoryReservation>;

impl BatchMemory {
    /// Counts the batch's buffers here from now on, and nowhere else; each once, however many arrays share it and however often it
    /// is claimed.
    pub fn claim(&self, batch: &RecordBatch) {
        batch.claim(&*self.0);
    }

    /// The same for bytes that were made of a batch.
    pub fn claim_bytes(&self, bytes: &Buffer) {
        bytes.claim(&*self.0);
    }

    /// The same for bytes that are no batch yet.
    pub fn reserve(&self, bytes: usize) -> Reserved {
        self.0.reserve(bytes)
    }

    /// Bytes that are held.
    pub fn bytes(&self) -> u64 {
        self.0.used() as u64
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Array, ArrayRef, Int64Array, StringArray};

    use super::*;

    #[test]
    fn a_batch_handed_out_counts_until_its_last_slice_is_gone() {
        let foreign = BatchMemory::default();
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..10_000));
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..10_000).map(|n| n.to_string())));
        let batch = RecordBatch::try_from_iter([("n", numbers), ("t", texts)]).unwrap();
        foreign.claim(&batch);
        let all = foreign.bytes();
        assert!(all >= 10_000 * 12, "{all}");
        foreign.claim(&batch);
        assert_eq!(foreign.bytes(), all);
        let slice = batch.column(0).slice(5_000, 1);
        let handed_out = std::thread::spawn(move || batch.slice(10, 10)).join().unwrap();
        assert_eq!(foreign.bytes(), all);
        drop(handed_out);
        assert_eq!(foreign.bytes(), 80_000);
        assert_eq!(slice.len(), 1);
        drop(slice);
        assert_eq!(foreign.bytes(), 0);
    }

    #[test]
    fn a_batch_that_its_reader_takes_is_the_hosts_and_no_longer_the_streams() {
        let (streams, host) = (BatchMemory::default(), BatchMemory::default());
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..10_000));
        let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
        streams.claim(&batch);
        assert_eq!((streams.bytes(), host.bytes()), (80_000, 0));
        host.claim(&batch);
        assert_eq!((streams.bytes(), host.bytes()), (0, 80_000));
        let pages = streams.reserve(5);
        assert_eq!(streams.bytes(), 5);
        drop((batch, pages));
        assert_eq!((streams.bytes(), host.bytes()), (0, 0));
    }
}
