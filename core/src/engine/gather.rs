//! Gathers the engine's chunks of 2,048 rows into larger ones. Each value is copied once, while it is still in the
//! processor's cache, and the small chunk's memory is free for the next one at once.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, NullBufferBuilder, RecordBatch, RecordBatchOptions, StringArray, make_array,
};
use arrow::buffer::{Buffer, MutableBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::concat;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;

use crate::base::{Error, Result};

/// Fills one chunk after the other.
pub struct Gather {
    schema: SchemaRef,
    /// Rows of a chunk.
    full: usize,
    /// Bytes after which a chunk ends, whatever its rows.
    most_bytes: usize,
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
}

struct Column {
    kind: DataType,
    values: Values,
    nulls: NullBufferBuilder,
}

enum Values {
    /// Values of so many bytes each.
    Fixed(usize, MutableBuffer),
    Text {
        ends: Vec<i32>,
        bytes: Vec<u8>,
    },
    Others(Vec<ArrayRef>),
}

impl Gather {
    /// Chunks will have `full` rows, the last one aside, or fewer where 1 GiB of text comes first.
    pub fn new(schema: SchemaRef, full: usize) -> Self {
        let full = full.max(1);
        let columns = schema.fields().iter().map(|field| Column::new(field.data_type())).collect();
        Gather { schema, full, most_bytes: usize::MAX, columns, rows: 0, bytes: 0 }
    }

    /// From now on a chunk ends with the piece that brings it to so many bytes.
    pub fn set_most_bytes(&mut self, bytes: u64) {
        self.most_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    }

    /// From now on chunks have `full` rows.
    pub fn set_full(&mut self, full: usize) {
        self.full = full.max(1);
    }

    /// Rows that wait for more.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Takes `batch`, whose columns are those of the schema; `deliver` gets each chunk that is full.
    pub fn push(
        &mut self,
        columns: &[ArrayRef],
        rows: usize,
        mut deliver: impl FnMut(RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let mut from = 0;
        while from < rows {
            // Only after a chunk's size was made smaller.
            if self.rows >= self.full {
                deliver(self.take().map_err(Error::internal)?)?;
            }
            let count = (rows - from).min(self.full - self.rows);
            for (column, array) in self.columns.iter_mut().zip(columns) {
                // The whole array is the usual case, and slicing it costs an allocation.
                let appended =
                    if count == rows { column.append(array) } else { column.append(&array.slice(from, count)) };
                self.bytes += appended.map_err(Error::internal)?;
            }
            self.rows += count;
            from += count;
            let is_full = self.rows == self.full || self.bytes >= self.most_bytes;
            if is_full || self.columns.iter().any(Column::is_heavy) {
                deliver(self.take().map_err(Error::internal)?)?;
            }
        }
        Ok(())
    }

    /// What is left, if anything.
    pub fn finish(&mut self) -> Result<Option<RecordBatch>> {
        if self.rows == 0 { Ok(None) } else { self.take().map(Some).map_err(Error::internal) }
    }

    fn take(&mut self) -> std::result::Result<RecordBatch, ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        let arrays =
            self.columns.iter_mut().map(|column| column.take(rows)).collect::<std::result::Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
    }
}

/// Bytes of text after which a chunk ends early: offsets are 32 bits wide.
const HEAVY: usize = 1 << 30;

impl Column {
    fn new(kind: &DataType) -> Self {
        let values = match kind {
            DataType::Utf8 => Values::Text { ends: vec![0], bytes: Vec::new() },
            _ => match kind.primitive_width() {
                Some(width) => Values::Fixed(width, MutableBuffer::new(0)),
                None => Values::Others(Vec::new()),
            },
        };
        Column { kind: kind.clone(), values, nulls: NullBufferBuilder::new(0) }
    }

    fn is_heavy(&self) -> bool {
        matches!(&self.values, Values::Text { bytes, .. } if bytes.len() >= HEAVY)
    }

    /// Gives the bytes that it took, about.
    fn append(&mut self, array: &ArrayRef) -> std::result::Result<usize, ArrowError> {
        if *array.data_type() != self.kind {
            let (expected, found) = (&self.kind, array.data_type());
            return Err(ArrowError::SchemaError(format!("expected {expected}, received {found}")));
        }
        let taken = match &mut self.values {
            Values::Fixed(width, buffer) => {
                let data = array.to_data();
                let bytes = data.buffers().first().map(Buffer::as_slice).unwrap_or_default();
                let from = data.offset() * *width;
                let slice = bytes.get(from..from + array.len() * *width);
                buffer.extend_from_slice(slice.ok_or_else(|| short(&self.kind))?);
                array.len() * *width
            }
            Values::Text { ends, bytes } => {
                let strings = array.as_string::<i32>();
                let offsets = strings.value_offsets();
                let (first, last) = (offsets[0], offsets[array.len()]);
                let before = i32::try_from(bytes.len()).map_err(|_| short(&self.kind))? - first;
                if i32::try_from(bytes.len() + (last - first) as usize).is_err() {
                    return Err(ArrowError::OffsetOverflowError(bytes.len()));
                }
                bytes.extend_from_slice(&strings.value_data()[first as usize..last as usize]);
                ends.extend(offsets[1..].iter().map(|offset| offset + before));
                (last - first) as usize + array.len() * size_of::<i32>()
            }
            Values::Others(arrays) => {
                arrays.push(array.clone());
                return array.to_data().get_slice_memory_size();
            }
        };
        match array.nulls() {
            Some(nulls) => self.nulls.append_buffer(nulls),
            None => self.nulls.append_n_non_nulls(array.len()),
        }
        Ok(taken)
    }

    fn take(&mut self, rows: usize) -> std::result::Result<ArrayRef, ArrowError> {
        let nulls = self.nulls.finish();
        match &mut self.values {
            Values::Fixed(width, buffer) => {
                let values: Buffer = std::mem::replace(buffer, MutableBuffer::new(*width * rows)).into();
                let data =
                    arrow::array::ArrayData::builder(self.kind.clone()).len(rows).add_buffer(values).nulls(nulls);
                Ok(make_array(data.build()?))
            }
            Values::Text { ends, bytes } => {
                // The next chunk will be much like this one.
                let mut next = Vec::with_capacity(rows + 1);
                next.push(0);
                let ends = std::mem::replace(ends, next);
                let room = Vec::with_capacity(bytes.len() + bytes.len() / 16);
                let bytes = Buffer::from_vec(std::mem::replace(bytes, room));
                let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
                Ok(Arc::new(StringArray::try_new(offsets, bytes, nulls)?))
            }
            Values::Others(arrays) => {
                let arrays = std::mem::take(arrays);
                let parts: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
                concat(&parts)
            }
        }
    }
}

fn short(kind: &DataType) -> ArrowError {
    ArrowError::InvalidArgumentError(format!("a {kind} column is shorter than it says"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::*;

    /// Pieces of odd sizes and offsets come out as the rows that they are, of every kind.
    #[test]
    fn what_goes_in_comes_out_in_order() {
        let rows = 1_000usize;
        let some = |row: usize| (!row.is_multiple_of(7)).then_some(row);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("text", Arc::new(StringArray::from_iter((0..rows).map(|r| some(r).map(|r| "ã".repeat(r % 5)))))),
            ("int", Arc::new(Int32Array::from_iter((0..rows).map(|r| some(r).map(|r| r as i32))))),
            (
                "money",
                Arc::new(Decimal128Array::from_iter_values(0..rows as i128).with_precision_and_scale(14, 2).unwrap()),
            ),
            ("bool", Arc::new(BooleanArray::from_iter((0..rows).map(|r| some(r).map(|r| r.is_multiple_of(2)))))),
            ("none", Arc::new(NullArray::new(rows))),
            ("at", Arc::new(TimestampMicrosecondArray::from_iter_values(0..rows as i64).with_timezone("UTC"))),
            (
                "list",
                Arc::new(ListArray::from_iter_primitive::<arrow::datatypes::Int32Type, _, _>(
                    (0..rows).map(|r| some(r).map(|r| vec![Some(r as i32); r % 3])),
                )),
            ),
        ];
        let whole = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
        for (full, step) in [(64, 64), (100, 33), (1_000, 7), (10_000, 300), (1, 10)] {
            let mut gather = Gather::new(whole.schema(), full);
            let mut chunks: Vec<RecordBatch> = Vec::new();
            for from in (0..rows).step_by(step) {
                let piece = whole.slice(from, step.min(rows - from));
                gather
                    .push(piece.columns(), piece.num_rows(), |chunk| {
                        chunks.push(chunk);
                        Ok(())
                    })
                    .unwrap();
            }
            assert!(chunks.iter().all(|chunk| chunk.num_rows() == full));
            chunks.extend(gather.finish().unwrap());
            assert_eq!(arrow::compute::concat_batches(&whole.schema(), &chunks).unwrap(), whole, "{full}, {step}");
        }
    }
}
