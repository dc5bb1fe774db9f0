//! Cuts the rows of a row group at the bounds of its units, whatever the conditions left of each.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, BooleanArray, BooleanBufferBuilder, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::concat_batches;
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

/// Which rows of a row group met the conditions: written by the filter, which sees every row (of the
/// sample, where there is one) once, in order.
#[derive(Clone)]
pub(super) struct Tally(Arc<Mutex<BooleanBufferBuilder>>);

impl Tally {
    pub(super) fn new(rows: usize) -> Self {
        Tally(Arc::new(Mutex::new(BooleanBufferBuilder::new(rows))))
    }

    /// Unknown is not met.
    pub(super) fn add(&self, met: &BooleanArray) {
        let met = match met.nulls() {
            Some(nulls) => met.values() & nulls.inner(),
            None => met.values().clone(),
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).append_buffer(&met);
    }

    pub(super) fn finish(&self) -> BooleanBuffer {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).finish()
    }
}

/// The rows of `sample` that met the conditions, of which `met` has one answer for each.
pub(super) fn met_among(sample: &BooleanBuffer, met: &BooleanBuffer) -> Result<BooleanBuffer, ArrowError> {
    let (asked, answers) = (sample.count_set_bits(), met.len());
    if asked != answers {
        return Err(ArrowError::ComputeError(format!("the filter saw {answers} rows of {asked}")));
    }
    let mut kept = BooleanBufferBuilder::new(sample.len());
    kept.append_n(sample.len(), false);
    for (row, _) in sample.set_indices().zip(met).filter(|(_, met)| *met) {
        kept.set_bit(row, true);
    }
    Ok(kept.finish())
}

/// The units of a row group, in order.
pub(super) struct Cut {
    reader: ParquetRecordBatchReader,
    /// None: all rows are there.
    kept: Option<BooleanBuffer>,
    rows: usize,
    unit_rows: usize,
    next: usize,
    /// Read, and of no unit yet.
    waiting: VecDeque<RecordBatch>,
}

/// One unit's rows.
pub(super) struct Slice {
    /// First row of the unit in its row group.
    pub first: usize,
    pub kept: Option<BooleanBuffer>,
    /// None where no row met the conditions.
    pub batch: Option<RecordBatch>,
}

impl Cut {
    pub(super) fn new(
        reader: ParquetRecordBatchReader,
        kept: Option<BooleanBuffer>,
        rows: usize,
        unit_rows: usize,
    ) -> Result<Self, ArrowError> {
        match &kept {
            Some(kept) if kept.len() != rows => {
                Err(ArrowError::ComputeError(format!("the filter saw {} rows of {rows}", kept.len())))
            }
            _ => Ok(Cut { reader, kept, rows, unit_rows: unit_rows.max(1), next: 0, waiting: VecDeque::new() }),
        }
    }

    fn take(&mut self, mut rows: usize) -> Result<Option<RecordBatch>, ArrowError> {
        let mut parts = Vec::new();
        while rows > 0 {
            let batch = match self.waiting.pop_front() {
                Some(batch) => batch,
                None => match self.reader.next() {
                    Some(batch) => batch?,
                    None => return Err(ArrowError::ComputeError(format!("{rows} rows of a unit are missing"))),
                },
            };
            let used = batch.num_rows().min(rows);
            if used < batch.num_rows() {
                self.waiting.push_front(batch.slice(used, batch.num_rows() - used));
            }
            parts.push(batch.slice(0, used));
            rows -= used;
        }
        match parts.as_slice() {
            [] => Ok(None),
            [_] => Ok(parts.pop()),
            [first, ..] => concat_batches(&first.schema(), &parts).map(Some),
        }
    }
}

impl Iterator for Cut {
    type Item = Result<Slice, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let first = self.next;
        let length = self.unit_rows.min(self.rows.checked_sub(first).filter(|left| *left > 0)?);
        self.next += length;
        let kept = self.kept.as_ref().map(|kept| kept.slice(first, length));
        let count = kept.as_ref().map_or(length, BooleanBuffer::count_set_bits);
        let kept = kept.filter(|_| count < length);
        Some(self.take(count).map(|batch| Slice { first, kept, batch }))
    }
}
