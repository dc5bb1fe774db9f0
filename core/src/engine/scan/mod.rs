//! Reads plain scans straight from the Parquet: no SQL, no instance to open, and each value is copied once.
//!
//! Workers take row groups in their order and decode them; the chunks are handed out in that order
//! too, and a worker that is ahead waits once `ahead_bytes` are waiting. How many work, how far ahead and in how large chunks
//! follows the memory's mode, from the next row group or chunk on; units stay what they are. Row groups that the statistics rule out are
//! not read, and where they prove a condition it is not looked at again.
//!
//! Where the reader stops to read, the workers end, and what they have made goes: the scan begins again later at the row that comes
//! next. The same conditions over the same file give the same rows, however they are cut into chunks.

mod coded;
mod condition;
mod cut;
mod failure;
mod order;
mod pages;
mod rows;
#[cfg(test)]
mod tests;
mod unit;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;

use arrow::array::RecordBatch;

pub use self::condition::Condition;
use self::order::{Made, Order};
use self::rows::Rows;
use self::unit::{OpenFile, Read, ReadError, Wish};
use super::settings::Pace;
use super::{RowStream, Settings};
use crate::base::{Chunk, Ctx, Error, Origin, Result, SourceRows, UnitId, Units};
use crate::governor::LEAST_CHUNK_ROWS;
use crate::labels::CodesSeen;
use crate::plan::Scan;

/// Rows of the first chunk where a file does not say how long its texts are.
const FIRST_ROWS: usize = 2_048;
/// Such rows are measured however few they are.
const LARGE_ROW: u64 = 16 << 10;

/// What is to be read, and how.
struct Work {
    scan: Scan,
    conditions: Vec<Condition>,
    groups: Vec<Group>,
    pace: Pace,
    units: Option<Units>,
    threads: usize,
    /// The most bytes that a row has taken so far.
    row_bytes: AtomicU64,
    /// The file that was opened last: who begins again finds it, and the same bytes though another may have its name by now.
    opened: Mutex<Option<(usize, Arc<OpenFile>)>>,
    /// Whose waits end when the job's token is set.
    at_work: Mutex<Weak<Its>>,
    ctx: Ctx,
}

/// The workers from a place of the scan on, until its end or until what they have made is not wanted any more.
struct Reading {
    its: Arc<Its>,
    workers: Vec<JoinHandle<()>>,
}

/// What the workers share.
struct Its {
    work: Arc<Work>,
    order: Order,
    from: Place,
}

/// Where an answer goes on: so many rows of what a row group gives are past.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Place {
    group: usize,
    rows: usize,
}

/// A row group, the work of one worker at a time.
struct Group {
    file: usize,
    number: usize,
    /// First row in its file.
    first_row: u64,
    /// First of its units.
    first_unit: u64,
    rows: u64,
}

fn groups(scan: &Scan, units: Option<&Units>) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut first_unit = 0;
    for (file, of) in scan.files.iter().enumerate() {
        let mut first_row = 0;
        for (number, rows) in of.row_groups.iter().enumerate() {
            groups.push(Group { file, number, first_row, first_unit, rows: *rows });
            first_row += rows;
            first_unit += units.map_or(1, |units| units.of_group(*rows));
        }
    }
    groups
}

/// Starts `scan`; the rows come at the pace at which they are taken. Called from any thread.
pub(super) fn start(scan: Scan, settings: &Settings, ctx: &Ctx) -> Result<RowStream> {
    ctx.check()?;
    scan.seen.iter().for_each(CodesSeen::begin);
    let units = settings.units.clone();
    let groups = groups(&scan, units.as_ref());
    let conditions = scan.predicates.iter().map(Condition::new).collect::<Result<Vec<_>>>()?;
    let (schema, limit) = (scan.schema.clone(), scan.limit);
    let pace = Pace::of(settings);
    let (threads, row_bytes, ctx) = (settings.threads.max(1), AtomicU64::default(), ctx.clone());
    let (opened, at_work) = (Mutex::default(), Mutex::default());
    let work = Work { scan, conditions, groups, pace, units, threads, row_bytes, opened, at_work, ctx: ctx.clone() };
    let work = Arc::new(work);
    let of_token = Arc::downgrade(&work);
    ctx.cancel.when_set(move || {
        let at_work = of_token.upgrade().and_then(|work| work.at_work().upgrade());
        if let Some(its) = at_work {
            its.order.wake();
        }
    });
    let rows = Rows::start(work, schema.clone(), limit)?;
    Ok(RowStream::of(schema, Box::new(rows), ctx.cancel))
}

impl Work {
    fn at_work(&self) -> MutexGuard<'_, Weak<Its>> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, file: usize) -> Result<Arc<OpenFile>> {
        let last = || self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, opened)) = last().as_ref().filter(|(of, _)| *of == file) {
            return Ok(opened.clone());
        }
        let of = &self.scan.files[file];
        let opened = OpenFile::open(of, &self.scan).map_err(|error| failure::explain(error, of, &self.ctx))?;
        let opened = Arc::new(opened);
        *last() = Some((file, opened.clone()));
        Ok(opened)
    }
}

impl Reading {
    /// Starts the workers; they end with the last row group, or once the order is stopped.
    fn start(work: &Arc<Work>, from: Place) -> Result<Self> {
        let groups = work.groups.len();
        let order = Order::new(from.group, groups, work.pace.clone());
        let its = Arc::new(Its { work: work.clone(), order, from });
        *work.at_work() = Arc::downgrade(&its);
        let mut reading = Reading { its: its.clone(), workers: Vec::new() };
        for number in 0..work.threads.min(groups.saturating_sub(from.group)) {
            let its = its.clone();
            let run = move || {
                let _entered = its.work.ctx.span.enter();
                let outcome = catch_unwind(AssertUnwindSafe(|| its.groups_in_turn(number)))
                    .unwrap_or_else(|panic| Err(Error::panicked("scan", panic.as_ref())));
                if let Err(error) = outcome {
                    its.order.fail(error.stage("query"));
                }
            };
            let started = std::thread::Builder::new().name(format!("datasus-scan-{number}")).spawn(run);
            reading.workers.push(started.map_err(|error| {
                reading.its.order.stop();
                Error::internal(format!("cannot start a scan's thread: {error}"))
            })?);
        }
        Ok(reading)
    }

    /// The workers have ended, and hold nothing any more.
    fn end(self) {
        self.its.order.stop();
        // What they failed with is not wanted either.
        self.workers.into_iter().for_each(|worker| drop(worker.join()));
    }
}

impl Its {
    fn groups_in_turn(&self, worker: usize) -> Result<()> {
        let Work { groups, units, ctx, .. } = &*self.work;
        let mut open: Option<(usize, Arc<OpenFile>)> = None;
        while let Some(turn) = self.order.claim(worker) {
            ctx.check()?;
            let group = &groups[turn];
            let wanted = units.as_ref().is_none_or(|units| {
                let numbers = group.first_unit..group.first_unit + units.of_group(group.rows);
                numbers.map(UnitId).any(|unit| units.wanted(unit))
            });
            if wanted {
                let opened = match open.take() {
                    Some((of, opened)) if of == group.file => opened,
                    _ => self.work.open(group.file)?,
                };
                let opened = &open.insert((group.file, opened)).1;
                let going_on = match units {
                    None => self.group(turn, group, opened)?,
                    Some(units) => self.units_of(turn, group, opened, units)?,
                };
                if !going_on {
                    return Ok(());
                }
            }
            self.order.end(turn);
        }
        Ok(())
    }

    /// Hands over the rows of a row group; false where nobody wants any more.
    fn group(&self, turn: usize, group: &Group, opened: &OpenFile) -> Result<bool> {
        let Work { scan, conditions, pace, ctx, .. } = &*self.work;
        let file = &scan.files[group.file];
        let explain = |error: ReadError| failure::explain(error, file, ctx);
        let mut past = if turn == self.from.group { self.from.rows } else { 0 };
        let (known, exact) = opened.row_bytes(group, scan);
        loop {
            let goal = self.goal(known, exact);
            let wish = Wish { past, rows: goal, tally: None, most_loaded: pace.ahead_bytes() / 2 };
            let read = opened.read(group, scan, conditions, wish, ctx).map_err(explain)?;
            let Read::Rows { reader, loaded, .. } = read else { return Ok(true) };
            let making = goal as u64 * known.max(self.work.row_bytes.load(Relaxed));
            let _until_read = pace.held().reserve(loaded + usize::try_from(making).unwrap_or(0));
            let mut again = false;
            for batch in reader {
                let batch =
                    batch.and_then(|batch| opened.answer(batch, scan)).map_err(|error| explain(error.into()))?;
                let rows = batch.num_rows();
                if rows == 0 {
                    continue;
                }
                past += rows;
                self.measured(&batch);
                pace.held().claim(&batch);
                let chunk = Chunk { unit: UnitId(group.first_unit), batch, origin: Origin::default() };
                if !self.order.put(turn, Made { chunk, goal }, ctx)? {
                    return Ok(false);
                }
                // A reader keeps its size: where that has become far too large, or was a first guess, another one goes on.
                let next = self.goal(known, exact);
                again = next <= goal / 2 || (goal <= FIRST_ROWS && next >= goal * 4);
                if again {
                    break;
                }
            }
            if !again {
                return Ok(true);
            }
        }
    }

    /// Rows of the next chunk, where the file says that a row takes `known` bytes. What it says of texts may be far too little.
    fn goal(&self, known: u64, exact: bool) -> usize {
        let (pace, measured) = (&self.work.pace, self.work.row_bytes.load(Relaxed));
        let rows = pace.rows_of(known.max(measured));
        if exact || measured > 0 { rows } else { rows.min(FIRST_ROWS) }
    }

    fn measured(&self, batch: &RecordBatch) {
        let bytes = batch.get_array_memory_size() as u64 / (batch.num_rows() as u64).max(1);
        // Of few rows it is more of capacity than of content.
        if batch.num_rows() >= LEAST_CHUNK_ROWS / 2 || bytes > LARGE_ROW {
            self.work.row_bytes.fetch_max(bytes, Relaxed);
        }
    }

    /// The same unit by unit, but for those that are held already.
    fn units_of(&self, turn: usize, group: &Group, opened: &OpenFile, units: &Units) -> Result<bool> {
        let Work { scan, conditions, ctx, .. } = &*self.work;
        let file = &scan.files[group.file];
        let explain = |error: ReadError| failure::explain(error, file, ctx);
        let cut = opened.read_units(group, scan, conditions, units.rows, ctx);
        for (number, slice) in cut.map_err(explain)?.into_iter().flatten().enumerate() {
            let slice = slice.map_err(|error| explain(error.into()))?;
            let unit = UnitId(group.first_unit + number as u64);
            let Some(batch) = slice.batch.filter(|_| units.wanted(unit)) else { continue };
            let batch = opened.answer(batch, scan).map_err(|error| explain(error.into()))?;
            let first = group.first_row + slice.first as u64;
            let source = Some(SourceRows { file: file.name.clone(), first, kept: slice.kept.map(Into::into) });
            let chunk = Chunk { unit, batch, origin: Origin { first_row: 0, source } };
            if !self.order.put(turn, Made { chunk, goal: units.rows }, ctx)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
