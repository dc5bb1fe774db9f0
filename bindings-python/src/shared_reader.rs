//! Rows that are read once, by whichever thread asks: one at a time, and none of them misses the end or an error.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datasus::base::ForkGuard;
use datasus::governor::Governor;
use datasus::{Next, Result};

/// Where rows come from: a query, or one file.
pub trait Source: Send {
    fn schema(&self) -> SchemaRef;

    /// The next batch, waiting for it about as long as `patience`.
    fn next_within(&mut self, patience: Duration) -> Next;
}

/// `None` while there is nothing; what was handed out counts as held by the host until it lets go.
pub fn one(source: &mut dyn Source, patience: Duration) -> Option<Result<Option<RecordBatch>>> {
    match source.next_within(patience) {
        Next::Batch(batch) => {
            Governor::of_process().foreign().claim(&batch);
            Some(Ok(Some(batch)))
        }
        Next::NotYet => None,
        Next::Failed(error) => Some(Err(error)),
        Next::End => Some(Ok(None)),
    }
}

/// Between two looks whether it is our turn.
const PAUSE: Duration = Duration::from_millis(1);

enum Place {
    Here(Box<dyn Source>),
    /// With a thread that reads.
    Borrowed,
    /// With a thread that reads, and nobody wants it back.
    Unwanted,
    /// Every row was read.
    Ended,
    /// The rows went elsewhere, failed or were given up.
    Gone,
}

/// Whose turn it is to read.
pub struct SharedReader {
    home: ForkGuard,
    place: Mutex<Place>,
}

pub enum Turn<'a> {
    Ours(Borrowed<'a>),
    Ended,
    Gone,
}

impl SharedReader {
    pub fn new(source: Box<dyn Source>) -> Self {
        SharedReader { home: ForkGuard::default(), place: Mutex::new(Place::Here(source)) }
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The source for a while; `None` as long as another thread has it, after a pause. DS-498 in a forked child.
    pub fn next(&self) -> Option<Result<Turn<'_>>> {
        if let Err(error) = self.home.check() {
            return Some(Err(error));
        }
        let mut place = self.place();
        match std::mem::replace(&mut *place, Place::Borrowed) {
            Place::Here(source) => return Some(Ok(Turn::Ours(Borrowed { shared_reader: self, source: Some(source) }))),
            Place::Borrowed => {}
            Place::Unwanted => *place = Place::Unwanted,
            Place::Ended => {
                *place = Place::Ended;
                return Some(Ok(Turn::Ended));
            }
            Place::Gone => {
                *place = Place::Gone;
                return Some(Ok(Turn::Gone));
            }
        }
        drop(place);
        std::thread::sleep(PAUSE);
        None
    }

    /// False where no row will ever come from here.
    pub fn has_rows(&self) -> bool {
        self.home.is_left() || !matches!(*self.place(), Place::Ended | Place::Gone)
    }

    /// True where rows may be left, and nobody reads them.
    pub fn is_waiting(&self) -> bool {
        !self.home.is_left() && matches!(*self.place(), Place::Here(_))
    }

    /// Gives the rows up: what makes them is cancelled, and one who reads gets no more than this batch.
    pub fn let_go(&self) {
        if self.home.is_left() {
            return;
        }
        let mut place = self.place();
        let next = match *place {
            Place::Borrowed | Place::Unwanted => Place::Unwanted,
            Place::Ended => Place::Ended,
            Place::Here(_) | Place::Gone => Place::Gone,
        };
        let left = std::mem::replace(&mut *place, next);
        drop(place);
        drop(left);
    }
}

/// A source that this thread alone reads. Unless it is given back, its rows are gone.
pub struct Borrowed<'a> {
    shared_reader: &'a SharedReader,
    source: Option<Box<dyn Source>>,
}

impl Borrowed<'_> {
    /// One look; see [`one`].
    pub fn one(&mut self, patience: Duration) -> Option<Result<Option<RecordBatch>>> {
        match &mut self.source {
            Some(source) => one(&mut **source, patience),
            None => Some(Ok(None)),
        }
    }

    pub fn back(mut self) {
        let mut place = self.shared_reader.place();
        if let Place::Borrowed = *place
            && let Some(source) = self.source.take()
        {
            *place = Place::Here(source);
        }
    }

    pub fn ended(mut self) {
        self.source = None;
        *self.shared_reader.place() = Place::Ended;
    }

    /// For good.
    pub fn into_source(mut self) -> Option<Box<dyn Source>> {
        self.source.take()
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let mut place = self.shared_reader.place();
        if let Place::Borrowed | Place::Unwanted = *place {
            *place = Place::Gone;
        }
        drop(place);
        // Only now: to let go of a query takes its time.
        self.source = None;
    }
}
