//! Rows that are read once, by whichever thread asks: one at a time, and none of them misses the end or an error.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datasus::faces::ForkGuard;
use datasus::governor::Governor;
use datasus::{Next, Result};

/// Where rows come from: a query, or one file.
pub trait Source: Send {
    fn schema(&self) -> SchemaRef;

    /// The next batch, waiting for it about as long as `patience`.
    fn next_within(&mut self, patience: Duration) -> Next;

    /// The next batch; while there is none, `task` is woken once there is.
    fn poll_next(&mut self, task: &mut Context<'_>) -> Poll<Next>;
}

/// What was handed out counts as held by the host until it lets go.
fn counted(next: Next) -> Next {
    if let Next::Batch(batch) = &next {
        Governor::of_process().foreign().claim(batch);
    }
    next
}

/// One look at a source.
pub fn one(source: &mut dyn Source, patience: Duration) -> Next {
    counted(source.next_within(patience))
}

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
    changed: Condvar,
    tasks: Arc<Tasks>,
}

/// Tasks that wait for a batch, or for their turn: what wakes one wakes all, and each looks again.
#[derive(Default)]
struct Tasks(Mutex<Vec<Waker>>);

impl Tasks {
    fn waiting(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, task: &Waker) {
        let mut waiting = self.waiting();
        if !waiting.iter().any(|other| other.will_wake(task)) {
            waiting.push(task.clone());
        }
    }
}

impl Wake for Tasks {
    fn wake(self: Arc<Self>) {
        let waiting = std::mem::take(&mut *self.waiting());
        waiting.into_iter().for_each(Waker::wake);
    }
}

pub enum Turn<'a> {
    Ours(Borrowed<'a>),
    Ended,
    Gone,
}

impl SharedReader {
    pub fn new(source: Box<dyn Source>) -> Self {
        let place = Mutex::new(Place::Here(source));
        SharedReader { home: ForkGuard::default(), place, changed: Condvar::new(), tasks: Arc::default() }
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The source for a while; `None` as long as another thread has it, which is waited for as long as `patience`. DS-498 in a forked
    /// child.
    pub fn next(&self, patience: Duration) -> Option<Result<Turn<'_>>> {
        if let Err(error) = self.home.check() {
            return Some(Err(error));
        }
        let borrowed = |place: &mut Place| matches!(place, Place::Borrowed | Place::Unwanted);
        let waited = self.changed.wait_timeout_while(self.place(), patience, borrowed);
        let (mut place, _) = waited.unwrap_or_else(PoisonError::into_inner);
        self.turn(&mut place).map(Ok)
    }

    fn turn(&self, place: &mut Place) -> Option<Turn<'_>> {
        match std::mem::replace(place, Place::Borrowed) {
            Place::Here(source) => {
                Some(Turn::Ours(Borrowed { shared_reader: self, source: Some(source), is_quiet: false }))
            }
            Place::Borrowed => None,
            Place::Unwanted => {
                *place = Place::Unwanted;
                None
            }
            Place::Ended => {
                *place = Place::Ended;
                Some(Turn::Ended)
            }
            Place::Gone => {
                *place = Place::Gone;
                Some(Turn::Gone)
            }
        }
    }

    /// The next batch for a task: it is woken once there is one, or its turn.
    pub fn poll(&self, task: &mut Context<'_>) -> Poll<Result<Found>> {
        if let Err(error) = self.home.check() {
            return Poll::Ready(Err(error));
        }
        // First, so that whatever comes after the look is heard of.
        self.tasks.add(task.waker());
        let Some(turn) = self.turn(&mut self.place()) else { return Poll::Pending };
        let mut lent = match turn {
            Turn::Ours(lent) => lent,
            Turn::Ended => return Poll::Ready(Ok(Found::End)),
            Turn::Gone => return Poll::Ready(Ok(Found::Gone)),
        };
        match lent.poll(&mut Context::from_waker(&self.tasks.clone().into())) {
            Poll::Pending => {
                // The others had nothing either.
                lent.is_quiet = true;
                lent.back();
                Poll::Pending
            }
            Poll::Ready(next) => lent.settled(next).map_or(Poll::Pending, Poll::Ready),
        }
    }

    /// Who waits for the source looks again.
    fn wake(&self) {
        self.changed.notify_all();
        self.tasks.clone().wake();
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
        self.wake();
        drop(left);
    }
}

/// A source that this thread alone reads. Unless it is given back, its rows are gone.
pub struct Borrowed<'a> {
    shared_reader: &'a SharedReader,
    source: Option<Box<dyn Source>>,
    /// No task is woken when it goes back.
    is_quiet: bool,
}

/// What one who asked has.
pub enum Found {
    Batch(RecordBatch),
    /// Every row was read.
    End,
    /// The rows went elsewhere, failed or were given up.
    Gone,
}

impl Borrowed<'_> {
    /// One look; see [`one`].
    pub fn one(&mut self, patience: Duration) -> Next {
        self.source.as_mut().map_or(Next::End, |source| one(&mut **source, patience))
    }

    fn poll(&mut self, task: &mut Context<'_>) -> Poll<Next> {
        self.source.as_mut().map_or(Poll::Ready(Next::End), |source| source.poll_next(task).map(counted))
    }

    /// Gives the source back as `next` has it: for the next one, at its end, or not at all. None while there is nothing.
    pub fn settled(self, next: Next) -> Option<Result<Found>> {
        match next {
            Next::NotYet => {
                self.back();
                None
            }
            Next::Batch(batch) => {
                self.back();
                Some(Ok(Found::Batch(batch)))
            }
            Next::End => {
                self.ended();
                Some(Ok(Found::End))
            }
            Next::Failed(error) => Some(Err(error)),
        }
    }

    fn back(mut self) {
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
        *self.shared_reader.place() = Place::Gone;
        self.source.take()
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        // Where it was given back it may be another's already.
        if self.source.is_some() {
            *self.shared_reader.place() = Place::Gone;
        }
        match self.is_quiet {
            true => self.shared_reader.changed.notify_all(),
            false => self.shared_reader.wake(),
        }
        // Only now: to let go of a query takes its time.
        self.source = None;
    }
}
