//! The column writers of a row group: each takes its columns in their order, and all of them work side by side.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowLeafColumn};
use parquet::errors::{ParquetError, Result};
use rayon::prelude::*;

/// Rows are given in shares. A share is waited for when the next one has been given: a thread that has done its columns begins
/// with those of the next, where a wait at each share would have all threads wait for the slowest column.
pub(super) struct ParallelColumnWriters {
    columns: Vec<Arc<Column>>,
    shares: Arc<Shares>,
}

struct Column(Mutex<Queue>);

struct Queue {
    /// With the number of their share.
    waiting: VecDeque<(usize, Vec<ArrowLeafColumn>)>,
    // None while a thread is at it.
    writer: Option<ArrowColumnWriter>,
    /// What its last share took: the slow ones go first.
    took: Duration,
}

#[derive(Default)]
struct Shares {
    state: Mutex<State>,
    done: Condvar,
}

#[derive(Default)]
struct State {
    /// Lanes that are not through, and bytes of those that are, of each share.
    shares: Vec<(usize, usize)>,
    failure: Option<Failure>,
}

enum Failure {
    Error(ParquetError),
    Panic(Box<dyn Any + Send>),
    /// Told already.
    Known,
}

impl ParallelColumnWriters {
    pub(super) fn new(writers: Vec<ArrowColumnWriter>) -> Self {
        let queue = |writer| Queue { waiting: VecDeque::new(), writer: Some(writer), took: Duration::ZERO };
        let columns = writers.into_iter().map(|writer| Arc::new(Column(Mutex::new(queue(writer))))).collect();
        ParallelColumnWriters { columns, shares: Arc::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    /// Gives each column its arrays, and waits for the share before. The bytes, as far as encoded, of the row group up to that one:
    /// the same in every run.
    pub(super) fn share(&self, leaves: Vec<Vec<ArrowLeafColumn>>) -> Result<usize> {
        let share = {
            let mut state = self.shares.lock();
            state.shares.push((self.columns.len(), 0));
            state.shares.len() - 1
        };
        // Looked at once: a column at work changes it meanwhile.
        let mut given: Vec<_> =
            self.columns.iter().zip(leaves).map(|(column, leaves)| (column.lock().took, column, leaves)).collect();
        given.sort_by_key(|(took, ..)| std::cmp::Reverse(*took));
        for (_, column, leaves) in given {
            let mut queue = column.lock();
            queue.waiting.push_back((share, leaves));
            // Whoever is at it sees what was added.
            if let Some(writer) = queue.writer.take() {
                let (column, shares) = (column.clone(), self.shares.clone());
                rayon::spawn(move || column.work(writer, &shares));
            }
        }
        match share.checked_sub(1) {
            Some(before) => self.shares.wait(before),
            None => Ok(0),
        }
    }

    /// Ends every column, when all have come to their end.
    pub(super) fn close(self) -> Result<Vec<ArrowColumnChunk>> {
        let last = self.shares.lock().shares.len();
        if let Some(last) = last.checked_sub(1) {
            self.shares.wait(last)?;
        }
        let writers: Option<Vec<_>> = self.columns.iter().map(|column| column.lock().writer.take()).collect();
        let writers = writers.ok_or_else(|| ParquetError::General("a column is still being written".into()))?;
        writers.into_par_iter().map(ArrowColumnWriter::close).collect()
    }
}

/// What waits is for nobody any more.
impl Drop for ParallelColumnWriters {
    fn drop(&mut self) {
        for column in &self.columns {
            column.lock().waiting.clear();
        }
    }
}

impl Column {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what waits until nothing does.
    fn work(&self, mut writer: ArrowColumnWriter, shares: &Shares) {
        let mut next = self.lock().waiting.pop_front();
        while let Some((share, leaves)) = next {
            let began = Instant::now();
            // A panic would end the process here.
            let written = catch_unwind(AssertUnwindSafe(|| leaves.iter().try_for_each(|leaf| writer.write(leaf))));
            let failure = match written {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(Failure::Error(error)),
                Err(panic) => Some(Failure::Panic(panic)),
            };
            drop(leaves);
            let bytes = writer.get_estimated_total_bytes();
            let mut queue = self.lock();
            queue.took = began.elapsed();
            next = queue.waiting.pop_front();
            if next.is_none() {
                // Before it is said that the share is through: whoever waits for that takes the writer.
                queue.writer = Some(writer);
                drop(queue);
                return shares.through(share, bytes, failure);
            }
            drop(queue);
            shares.through(share, bytes, failure);
        }
        self.lock().writer = Some(writer);
    }
}

impl Shares {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn through(&self, share: usize, bytes: usize, failure: Option<Failure>) {
        let mut state = self.lock();
        state.shares[share].0 -= 1;
        state.shares[share].1 += bytes;
        if state.failure.is_none() {
            state.failure = failure;
        }
        drop(state);
        self.done.notify_all();
    }

    /// Waits until all columns are through with a share; its bytes.
    fn wait(&self, share: usize) -> Result<usize> {
        /// Between two looks of a thread of the pool, which must not sleep while there is work: it may be the only one, and rayon wakes
        /// no thread that sleeps in a task.
        const A_MOMENT: Duration = Duration::from_micros(200);
        let of_the_pool = rayon::current_thread_index().is_some();
        let mut state = self.lock();
        loop {
            if state.failure.is_some() {
                return Err(match state.failure.replace(Failure::Known) {
                    Some(Failure::Error(error)) => error,
                    Some(Failure::Panic(panic)) => {
                        drop(state);
                        resume_unwind(panic)
                    }
                    _ => ParquetError::General("a column could not be written".into()),
                });
            }
            let (left, bytes) = state.shares[share];
            if left == 0 {
                return Ok(bytes);
            }
            if !of_the_pool {
                state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            drop(state);
            let worked = matches!(rayon::yield_now(), Some(rayon::Yield::Executed));
            state = self.lock();
            if !worked && state.shares[share].0 > 0 {
                state = self.done.wait_timeout(state, A_MOMENT).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array};
    use arrow::datatypes::{DataType, Field, Schema};
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_writer::compute_leaves;

    use super::*;

    /// Threads are at work on every lane while the next share is given.
    #[test]
    fn thousands_of_small_shares_come_in_their_order() {
        const LANES: usize = 113;
        let fields: Vec<Field> = (0..LANES).map(|n| Field::new(format!("c{n}"), DataType::Int64, false)).collect();
        let schema = Arc::new(Schema::new(fields));
        let (mut file, factory) =
            ArrowWriter::try_new(Vec::new(), schema.clone(), None).unwrap().into_serialized_writer().unwrap();
        let lanes = ParallelColumnWriters::new(factory.create_column_writers(0).unwrap());
        for share in 0..2_000 {
            let array: ArrayRef = Arc::new(Int64Array::from(vec![share; 3]));
            let leaves = schema.fields().iter().map(|field| compute_leaves(field, &array).unwrap());
            lanes.share(leaves.collect()).unwrap();
        }
        let mut group = file.next_row_group().unwrap();
        for chunk in lanes.close().unwrap() {
            chunk.append_to_row_group(&mut group).unwrap();
        }
        group.close().unwrap();
        let bytes = bytes::Bytes::from(file.into_inner().unwrap());
        let read = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
        let mut rows = 0;
        for batch in read.build().unwrap() {
            let batch = batch.unwrap();
            let expected: ArrayRef =
                Arc::new(Int64Array::from_iter_values((rows..).take(batch.num_rows()).map(|n| n / 3)));
            assert!(batch.columns().iter().all(|column| column == &expected));
            rows += batch.num_rows() as i64;
        }
        assert_eq!(rows, 6_000);
    }
}
