//! The stream in the process: chunks go through a bounded queue to a `RecordBatchReader`, without a thread of
//! its own and without a copy.
//!
//! The stream is never short in silence: a sender that went away without an end is an error at the reader. Its
//! memory is `depth` batches and the one being read. What its reader has not taken the job can take back.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use ::arrow::array::{AsArray, RecordBatch, RecordBatchReader};
use ::arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use ::arrow::error::ArrowError;
use crossbeam_channel::{Receiver, Sender, bounded};

use super::{Sink, Stored};
use crate::base::{Cancel, CancelReason, Chunk, Ctx, Error, ForkGuard, HeldBytes, Next, Result, Slot, batch_bytes};
use crate::columnar::dictionary_type;
use crate::governor::BatchMemory;
use crate::labels::{Derived, encode_texts};

/// Both ends of a stream of `schema` that holds at most `depth` batches (at least one). What the reader takes counts as `foreign`.
pub fn stream(schema: SchemaRef, depth: usize, foreign: &BatchMemory, cancel: &Cancel) -> (ArrowSink, ArrowReader) {
    let queue = Arc::new(Queue { state: Mutex::default(), changed: Condvar::new(), depth: depth.max(1) });
    let end = Arc::new(OnceLock::new());
    let of_token = Arc::downgrade(&queue);
    cancel.when_set(move || {
        if let Some(queue) = of_token.upgrade() {
            queue.state().away = None;
            queue.wake();
        }
    });
    let sink = ArrowSink {
        queue: queue.clone(),
        end: end.clone(),
        schema: schema.clone(),
        cancel: cancel.clone(),
        slot: Slot::default(),
        rows: 0,
        bytes: 0,
    };
    let (cancel, foreign, home) = (cancel.clone(), foreign.clone(), ForkGuard::default());
    (sink, ArrowReader { words: Vec::new(), plain: false, queue: Some(queue), end, schema, foreign, cancel, home })
}

enum End {
    Complete,
    Failed(Arc<Error>),
}

/// What waits for the reader.
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    depth: usize,
}

#[derive(Default)]
struct State {
    /// Each with its bytes.
    batches: VecDeque<(RecordBatch, u64)>,
    /// How often the reader asked for a batch.
    asked: u64,
    /// It has asked, and waits for an answer in a thread.
    is_waiting: bool,
    /// The same for a task.
    task: Option<Waker>,
    /// Dropped once it asks again, or nobody reads any more.
    away: Option<Sender<()>>,
    sender_gone: bool,
    reader_gone: bool,
}

/// What a reader finds that looks into the queue.
enum Found {
    Batch(RecordBatch),
    End,
}

impl State {
    /// None as long as the reader has to wait.
    fn found(&mut self) -> Option<Found> {
        match self.batches.pop_front() {
            Some((batch, _)) => Some(Found::Batch(batch)),
            None => self.sender_gone.then_some(Found::End),
        }
    }
}

/// Longer than anybody waits at once; all that ends a wait wakes it before.
const LONG: Duration = Duration::from_secs(3600);

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reader asks for a batch.
    fn asked(&self) -> MutexGuard<'_, State> {
        let mut state = self.state();
        state.asked += 1;
        state.is_waiting = false;
        state.away = None;
        self.changed.notify_all();
        state
    }

    /// Under the lock, so that who is about to wait hears of it.
    fn wake(&self) {
        let mut state = self.state();
        let task = state.task.take();
        self.changed.notify_all();
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
    }

    /// Waits for a change, no longer than until `until`; false where that is past.
    fn wait<'s>(&self, state: MutexGuard<'s, State>, until: Instant) -> (MutexGuard<'s, State>, bool) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return (state, false);
        }
        (self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0, true)
    }
}

/// The job's end of the stream.
pub struct ArrowSink {
    queue: Arc<Queue>,
    end: Arc<OnceLock<End>>,
    schema: SchemaRef,
    cancel: Cancel,
    slot: Slot,
    rows: u64,
    bytes: u64,
}

/// How often the reader had asked for a batch, and was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked(u64);

impl ArrowSink {
    /// Puts `batch` into the queue; gives it back where that is full. A reader that is gone sets the token.
    pub fn push(&mut self, batch: RecordBatch) -> Option<RecordBatch> {
        let mut state = self.queue.state();
        if state.reader_gone {
            drop(state);
            self.cancel.set(CancelReason::Caller);
            return None;
        }
        if state.batches.len() >= self.queue.depth {
            return Some(batch);
        }
        let bytes = batch_bytes(&batch);
        self.rows += batch.num_rows() as u64;
        self.bytes += bytes;
        state.batches.push_back((batch, bytes));
        drop(state);
        self.queue.wake();
        None
    }

    /// Waits until less than `depth` batches wait and they hold at most `most` bytes: true. False after `patience`; true once there is
    /// nothing more to wait for, too.
    pub fn has_room_within(&self, most: u64, patience: Duration) -> bool {
        let until = Instant::now() + patience.min(LONG);
        let mut state = self.queue.state();
        loop {
            let fits = state.batches.len() < self.queue.depth && held_by(&state.batches) <= most;
            if fits || state.reader_gone || self.cancel.is_set() {
                return true;
            }
            let waited;
            (state, waited) = self.queue.wait(state, until);
            if !waited {
                return false;
            }
        }
    }

    /// Takes back what the reader has not taken, all but the first batches of at most `keep` bytes, in order; and how often the
    /// reader had been answered by then: one that took everything meanwhile, and waits, has asked again.
    pub fn take_back(&mut self, keep: u64) -> (Vec<RecordBatch>, Asked) {
        let mut state = self.queue.state();
        let mut held = HeldBytes::default();
        let kept = state.batches.iter().take_while(|(batch, _)| held.add(batch) <= keep).count();
        let back: Vec<_> = state.batches.drain(kept..).collect();
        let asked = Asked(state.asked - u64::from(state.is_waiting || state.task.is_some()));
        drop(state);
        for (batch, size) in &back {
            self.rows -= batch.num_rows() as u64;
            self.bytes -= size;
        }
        (back.into_iter().map(|(batch, _)| batch).collect(), asked)
    }

    /// Carries nothing, and disconnects once the reader has asked again, or nobody reads any more.
    pub fn back(&self, since: Asked) -> Receiver<()> {
        let (away, back) = bounded(0);
        let mut state = self.queue.state();
        if Asked(state.asked) == since && !state.reader_gone && !self.cancel.is_set() {
            state.away = Some(away);
        }
        back
    }

    /// Waits for that, `patience` at most.
    pub fn is_asked_within(&self, since: Asked, patience: Duration) -> bool {
        let until = Instant::now().checked_add(patience);
        let mut state = self.queue.state();
        while Asked(state.asked) == since && !state.reader_gone && !self.cancel.is_set() {
            let soon = Instant::now() + LONG;
            let waited;
            (state, waited) = self.queue.wait(state, until.unwrap_or(soon).min(soon));
            if !waited && until.is_some_and(|until| Instant::now() >= until) {
                return false;
            }
        }
        true
    }

    /// Bytes that are held by what waits for the reader.
    pub fn held_bytes(&self) -> u64 {
        held_by(&self.queue.state().batches)
    }

    /// Rows that the reader has taken, or will find in the queue.
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

fn held_by(batches: &VecDeque<(RecordBatch, u64)>) -> u64 {
    HeldBytes::of(batches.iter().map(|(batch, _)| batch))
}

impl Sink for ArrowSink {
    fn name(&self) -> &'static str {
        "arrow"
    }

    fn start(&mut self, schema: &SchemaRef, ctx: &Ctx) -> Result<()> {
        self.slot = ctx.slot.clone();
        if schema.fields() == self.schema.fields() {
            Ok(())
        } else {
            Err(Error::internal("the stream was opened with another schema than the result has"))
        }
    }

    /// Waits for the reader; a token that is set, by whomever, ends the wait.
    fn write(&mut self, chunk: &Chunk) -> Result<()> {
        self.cancel.check()?;
        let mut batch = self.push(chunk.batch.clone());
        while let Some(waits) = batch.take() {
            let slot = self.slot.clone();
            slot.park(|patience| {
                if !self.has_room_within(u64::MAX, patience) {
                    self.cancel.set(CancelReason::Unread(patience));
                }
            })?;
            self.cancel.check()?;
            batch = self.push(waits);
        }
        self.cancel.check()
    }

    fn finish(self: Box<Self>) -> Result<Stored> {
        let _ = self.end.set(End::Complete);
        Ok(Stored {
            sink: "arrow",
            location: "memory".into(),
            rows: self.rows,
            bytes: self.bytes,
            warnings: Vec::new(),
        })
    }

    fn abandon(self: Box<Self>, why: &Arc<Error>) {
        // In a slot of its own, not in the queue: that may be full, and nobody may be reading.
        let _ = self.end.set(End::Failed(why.clone()));
    }
}

impl Drop for ArrowSink {
    fn drop(&mut self) {
        self.queue.state().sender_gone = true;
        self.queue.wake();
    }
}

/// The user's end; dropping it before the end cancels the job.
pub struct ArrowReader {
    /// Columns of words, by their place; they come as texts, or by their numbers.
    words: Vec<(usize, Arc<Derived>)>,
    /// They go out as texts, and not behind dictionaries.
    plain: bool,
    // None after the end.
    queue: Option<Arc<Queue>>,
    end: Arc<OnceLock<End>>,
    schema: SchemaRef,
    foreign: BatchMemory,
    cancel: Cancel,
    home: ForkGuard,
}

impl ArrowReader {
    /// The same with the words of these columns, texts or numbers of words, behind dictionaries in the order of their lists.
    pub fn with_words(mut self, words: Vec<(usize, Arc<Derived>)>) -> Self {
        let mut fields: Vec<Arc<Field>> = self.schema.fields().iter().cloned().collect();
        for (at, _) in &words {
            fields[*at] = Arc::new(fields[*at].as_ref().clone().with_data_type(dictionary_type()));
        }
        self.schema = Arc::new(Schema::new_with_metadata(fields, self.schema.metadata().clone()));
        self.words = words;
        self
    }

    /// The same with plain texts: for readers that know no dictionaries.
    pub fn with_plain_words(mut self) -> Self {
        let mut fields: Vec<Arc<Field>> = self.schema.fields().iter().cloned().collect();
        for (at, _) in &self.words {
            fields[*at] = Arc::new(fields[*at].as_ref().clone().with_data_type(DataType::Utf8));
        }
        self.plain = true;
        self.schema = Arc::new(Schema::new_with_metadata(fields, self.schema.metadata().clone()));
        self
    }

    fn encode(&self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        if self.words.is_empty() {
            return Ok(batch);
        }
        let mut columns = batch.columns().to_vec();
        for (at, derived) in &self.words {
            columns[*at] = match columns[*at].as_primitive_opt::<Int32Type>() {
                Some(numbers) => derived.words_of(numbers, !self.plain)?,
                None if self.plain => continue,
                None => encode_texts(derived, columns[*at].as_string())?,
            };
        }
        RecordBatch::try_new(self.schema.clone(), columns)
    }

    /// The next batch, waiting for it `patience` at most.
    pub fn next_within(&mut self, patience: Duration) -> Next {
        let until = Instant::now() + patience.min(LONG);
        self.look(|queue| {
            let mut state = queue.asked();
            loop {
                if let Some(found) = state.found() {
                    return Some(found);
                }
                let waited;
                state.is_waiting = true;
                (state, waited) = queue.wait(state, until);
                state.is_waiting = false;
                if !waited {
                    return None;
                }
            }
        })
    }

    /// The next batch; while there is none, `task` is woken once there is something to find.
    pub fn poll_next(&mut self, task: &mut Context<'_>) -> Poll<Next> {
        let next = self.look(|queue| {
            let mut state = queue.asked();
            let found = state.found();
            if found.is_none() {
                state.task = Some(task.waker().clone());
                state.is_waiting = true;
            }
            found
        });
        if matches!(next, Next::NotYet) { Poll::Pending } else { Poll::Ready(next) }
    }

    fn look(&mut self, look: impl FnOnce(&Queue) -> Option<Found>) -> Next {
        // In a forked child nobody sends any more.
        if let Err(forked) = self.home.check() {
            return Next::Failed(forked.stage("arrow"));
        }
        let Some(queue) = &self.queue else { return Next::End };
        match look(queue) {
            None => Next::NotYet,
            Some(Found::Batch(batch)) => match self.encode(batch) {
                Ok(batch) => {
                    self.foreign.claim(&batch);
                    Next::Batch(batch)
                }
                Err(error) => Next::Failed(Error::internal(error).stage("arrow")),
            },
            Some(Found::End) => self.end(),
        }
    }

    /// After the last batch: the job's error, or nothing.
    fn end(&mut self) -> Next {
        self.queue = None;
        match self.end.get() {
            Some(End::Complete) => Next::End,
            Some(End::Failed(why)) => Next::Failed((**why).clone()),
            None => Next::Failed(match self.cancel.check() {
                Err(cancelled) => cancelled,
                Ok(()) => Error::internal("the job went away before the end of its stream").stage("arrow"),
            }),
        }
    }

    /// The next batch, however long it takes; none after the last.
    pub fn wait_next(&mut self) -> Option<Result<RecordBatch>> {
        loop {
            match self.next_within(LONG) {
                Next::NotYet => {}
                Next::Batch(batch) => return Some(Ok(batch)),
                Next::Failed(error) => return Some(Err(error)),
                Next::End => return None,
            }
        }
    }
}

impl Iterator for ArrowReader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let failed = |error| ArrowError::ExternalError(Box::new(StreamFailed(Arc::new(error))));
        Some(self.wait_next()?.map_err(failed))
    }
}

impl RecordBatchReader for ArrowReader {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

impl Drop for ArrowReader {
    fn drop(&mut self) {
        if self.home.is_left() {
            return std::mem::forget((self.queue.take(), self.end.clone(), self.cancel.clone()));
        }
        let Some(queue) = &self.queue else { return };
        let mut state = queue.state();
        state.reader_gone = true;
        state.away = None;
        let _unread = std::mem::take(&mut state.batches);
        drop(state);
        queue.changed.notify_all();
        // A job whose rows are all in the queue has done its work: nothing to cancel.
        if self.end.get().is_none() {
            self.cancel.set(CancelReason::Caller);
        }
    }
}

/// The job's error inside an `ArrowError::ExternalError`; the job's handle holds the same one.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct StreamFailed(pub Arc<Error>);

/// The job's own error, from the last item of its stream.
pub fn error_of(error: &ArrowError) -> Option<&Error> {
    match error {
        ArrowError::ExternalError(inner) => {
            inner.downcast_ref::<StreamFailed>().map(|failed| &*failed.0).or_else(|| inner.downcast_ref())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
