//! A Parquet file whose columns are encoded side by side, on as many threads as there are cores.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowLeafColumn, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{KeyValue, RowGroupMetaData};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::SerializedFileWriter;

use super::parallel_column_writers::ParallelColumnWriters;

/// Bytes of columns that are shared out at once. Two shares are under way at most.
const SHARED_BYTES: usize = 6 << 20;

/// A column with more values than fit here is hardly smaller with a dictionary, and looking each of them up is slow.
const DICTIONARY_BYTES: usize = 64 << 10;

/// How `created_by` begins in the footer of every Parquet that we write: by it we know our own.
pub const PARQUET_MARK: &str = "datasus ";

/// What all our Parquet has in common.
pub fn parquet_properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_created_by(format!("{PARQUET_MARK}{}", env!("CARGO_PKG_VERSION")))
}

/// Writes batches of one schema. Memory is one row group in encoded form, and 12 MB of batches or two single ones.
pub struct ParquetColumns<W: Write + Send> {
    file: SerializedFileWriter<Told<W>>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    /// Of the row group at hand; none between two of them.
    columns: Option<ParallelColumnWriters>,
    /// Rows of the row group, with those that wait.
    rows: usize,
    /// Batches that wait until it is worth while to share out their columns.
    waiting: Vec<RecordBatch>,
    waiting_bytes: usize,
    most_rows: usize,
    most_bytes: usize,
}

/// Keeps the first error of what is written to.
struct Told<W> {
    out: W,
    failed: Arc<Mutex<Option<io::Error>>>,
}

impl<W> Told<W> {
    fn tell<T>(&self, done: io::Result<T>) -> io::Result<T> {
        done.inspect_err(|error| {
            let same = error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(same);
        })
    }
}

impl<W: Write> Write for Told<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes);
        self.tell(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.tell(flushed)
    }
}

impl<W: Write + Send> ParquetColumns<W> {
    /// A row group ends at `most_rows` rows, or at about `most_bytes` encoded bytes.
    pub fn create(
        out: W,
        schema: SchemaRef,
        properties: WriterProperties,
        most_rows: usize,
        most_bytes: usize,
    ) -> Result<Self> {
        let out = Told { out, failed: Arc::default() };
        let (file, factory) = ArrowWriter::try_new(out, schema.clone(), Some(properties))?.into_serialized_writer()?;
        let most_rows = most_rows.max(1);
        let waiting = Vec::new();
        let columns = None;
        Ok(ParquetColumns { file, factory, schema, columns, rows: 0, waiting, waiting_bytes: 0, most_rows, most_bytes })
    }

    /// Adds rows of the schema that it was created with.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let size = batch.get_array_memory_size();
        let mut from = 0;
        while from < batch.num_rows() {
            let rows = (batch.num_rows() - from).min(self.most_rows - self.rows);
            self.waiting.push(batch.slice(from, rows));
            self.waiting_bytes += size * rows / batch.num_rows();
            from += rows;
            self.rows += rows;
            if self.waiting_bytes >= SHARED_BYTES || self.rows >= self.most_rows {
                let bytes = self.encode()?;
                if self.rows >= self.most_rows || bytes >= self.most_bytes {
                    self.flush()?;
                }
            }
        }
        Ok(())
    }

    /// Shares out what waits; the encoded bytes of the row group, but for that.
    fn encode(&mut self) -> Result<usize> {
        let columns = match self.columns.take() {
            Some(columns) => columns,
            None => {
                ParallelColumnWriters::new(self.factory.create_column_writers(self.file.flushed_row_groups().len())?)
            }
        };
        let columns = self.columns.insert(columns);
        self.waiting_bytes = 0;
        let mut leaves: Vec<Vec<ArrowLeafColumn>> = Vec::new();
        leaves.resize_with(columns.len(), Vec::new);
        for batch in self.waiting.drain(..) {
            let mut places = leaves.iter_mut();
            for (field, array) in self.schema.fields().iter().zip(batch.columns()) {
                for (leaf, place) in compute_leaves(field, array)?.into_iter().zip(&mut places) {
                    place.push(leaf);
                }
            }
        }
        columns.share(leaves)
    }

    /// Ends the row group at hand.
    pub fn flush(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        if !self.waiting.is_empty() {
            self.encode()?;
        }
        self.rows = 0;
        let Some(columns) = self.columns.take() else { return Ok(()) };
        let chunks = columns.close()?;
        let mut group = self.file.next_row_group()?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut group)?;
        }
        group.close()?;
        Ok(())
    }

    /// Rows of the row group at hand.
    pub fn open_rows(&self) -> usize {
        self.rows
    }

    /// What is written to, with everything in it that is of closed row groups.
    pub fn out(&mut self) -> Result<&mut W> {
        self.file.flush()?;
        Ok(&mut self.file.inner_mut().out)
    }

    /// Copies row groups of another file of the same schema, column chunk by column chunk as they are. Their page indexes
    /// stay behind: a reader does without.
    pub fn splice(&mut self, from: &std::fs::File, groups: &[RowGroupMetaData]) -> Result<()> {
        self.flush()?;
        for group in groups {
            let mut copy = self.file.next_row_group()?;
            for column in group.columns() {
                copy.append_column(
                    from,
                    ColumnCloseResult {
                        bytes_written: u64::try_from(column.compressed_size()).unwrap_or(0),
                        rows_written: u64::try_from(group.num_rows()).unwrap_or(0),
                        metadata: column.clone(),
                        bloom_filter: None,
                        column_index: None,
                        offset_index: None,
                    },
                )?;
            }
            copy.close()?;
        }
        Ok(())
    }

    /// Metadata of the row groups that are in the file.
    pub fn flushed_row_groups(&self) -> &[RowGroupMetaData] {
        self.file.flushed_row_groups()
    }

    /// Adds a pair to the file's metadata.
    pub fn append_key_value_metadata(&mut self, pair: KeyValue) {
        self.file.append_key_value_metadata(pair);
    }

    /// Ends the file, and gives what it was written to.
    pub fn into_inner(mut self) -> Result<W> {
        self.flush()?;
        let failed = self.file.inner().failed.clone();
        match self.file.into_inner() {
            Ok(told) => Ok(told.out),
            // The writer makes a text of it, and a full disk would not be known as one.
            Err(error) => Err(match failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some(io) => ParquetError::External(Box::new(io)),
                None => error,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use rayon::prelude::*;

    use super::*;

    /// Forty columns, numbers and texts that no dictionary holds, in batches of every size.
    fn batches() -> Vec<RecordBatch> {
        let mut row = 0_i64;
        let sizes = (0..60).map(|n| [1, 1_999, 5_000, 7][n % 4]);
        sizes
            .map(|rows| {
                let all = row..row + rows;
                row += rows;
                let column = |number: i64| -> (String, ArrayRef) {
                    let numbers = all.clone().map(|n| n * n % 65_521);
                    let texts = all.clone().map(|n| (n % 11 > 0).then(|| format!("{:024x}", n * 2_654_435_761)));
                    let array: ArrayRef = match number % 2 {
                        0 => Arc::new(Int64Array::from_iter_values(numbers)),
                        _ => Arc::new(StringArray::from_iter(texts)),
                    };
                    (format!("c{number}"), array)
                };
                RecordBatch::try_from_iter((0..40).map(column)).unwrap()
            })
            .collect()
    }

    fn written(batches: &[RecordBatch]) -> Vec<u8> {
        let properties = parquet_properties().build();
        let mut columns =
            ParquetColumns::create(Vec::new(), batches[0].schema(), properties, 1 << 20, 1 << 20).unwrap();
        batches.iter().for_each(|batch| columns.write(batch).unwrap());
        columns.into_inner().unwrap()
    }

    #[test]
    fn a_file_is_the_same_in_every_run_on_whatever_threads() {
        let batches = batches();
        let first = written(&batches);
        let footer = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(first.clone())).unwrap();
        assert!(footer.metadata().num_row_groups() >= 3, "groups end at their bytes");
        let read: Vec<_> = footer.build().unwrap().map(|batch| batch.unwrap()).collect();
        let schema = batches[0].schema();
        let both = [&batches, &read].map(|all| arrow::compute::concat_batches(&schema, all).unwrap());
        assert_eq!(both[0], both[1]);
        for threads in [1, 1, 2, 4] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            // By a thread of the pool, which may be the only one; and by several at once, as when files are converted.
            assert!(pool.install(|| written(&batches)) == first);
            let many: Vec<_> = pool.install(|| (0..3).into_par_iter().map(|_| written(&batches)).collect());
            assert!(many.iter().all(|one| *one == first));
        }
    }

    #[test]
    fn a_column_that_cannot_be_written_is_an_error_or_a_panic_of_the_caller_and_no_end_of_the_process() {
        let batches = batches();
        let shifted = batches[2].columns()[1..].iter().chain(&batches[2].columns()[..1]).cloned();
        let wrong = RecordBatch::try_from_iter(shifted.enumerate().map(|(n, column)| (format!("c{n}"), column)));
        let properties = parquet_properties().build();
        let mut columns = ParquetColumns::create(Vec::new(), batches[0].schema(), properties, 100, usize::MAX).unwrap();
        let wrong = wrong.unwrap();
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| columns.write(&wrong)));
        assert!(!matches!(done, Ok(Ok(()))));
    }
}
