//! Reads plain scans straight from the Parquet: no SQL, no instance to open, and each value is copied once.
//!
//! Workers take row groups in their order and decode them; the chunks are handed out in that order
//! too, and a worker that is ahead waits once `ahead_bytes` are waiting. How many work, how far ahead and in how large chunks
//! follows the memory's mode, from the next row group or chunk on; units stay what they are. Row groups that the statistics rule out are
//! not read, and where they prove a condition it is not looked at again.

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
use std::sync::Arc;

use self::condition::Condition;
use self::order::Order;
use self::rows::Rows;
use self::unit::{OpenFile, Reading, Trouble};
use super::settings::Pace;
use super::{Running, Settings};
use crate::base::{Chunk, Ctx, Error, Origin, Result, SourceRows, UnitId, Units};
use crate::plan::Scan;

/// What the workers of a scan share.
struct Work {
    scan: Scan,
    conditions: Vec<Condition>,
    groups: Vec<Group>,
    order: Order,
    pace: Pace,
    units: Option<Units>,
    ctx: Ctx,
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
pub(super) fn start(scan: Scan, settings: &Settings, ctx: &Ctx) -> Result<Running> {
    ctx.check()?;
    let units = settings.units.clone();
    let groups = groups(&scan, units.as_ref());
    let conditions = scan.predicates.iter().map(Condition::new).collect::<Result<Vec<_>>>()?;
    let (schema, limit) = (scan.schema.clone(), scan.limit);
    let pace = Pace::of(settings);
    let order = Order::new(groups.len(), pace.clone());
    let workers = settings.threads.max(1).min(groups.len());
    let work = Arc::new(Work { scan, conditions, groups, order, pace, units, ctx: ctx.clone() });
    // Made first: it stops the workers when it goes, whatever happens here.
    let rows = Rows::new(work.clone(), schema.clone(), limit);
    for number in 0..workers {
        let work = work.clone();
        std::thread::Builder::new()
            .name(format!("datasus-scan-{number}"))
            .spawn(move || {
                let outcome = catch_unwind(AssertUnwindSafe(|| work.units_in_turn(number)))
                    .unwrap_or_else(|panic| Err(Error::panicked("scan", panic.as_ref())));
                if let Err(error) = outcome {
                    work.order.fail(error.stage("query"));
                }
            })
            .map_err(|error| Error::internal(format!("cannot start a scan's thread: {error}")))?;
    }
    Ok(Running::new(schema, Box::new(rows), ctx.cancel.clone()))
}

impl Work {
    fn units_in_turn(&self, worker: usize) -> Result<()> {
        let mut open: Option<(usize, OpenFile)> = None;
        while let Some(turn) = self.order.claim(worker) {
            self.ctx.check()?;
            let group = &self.groups[turn];
            let wanted = self.units.as_ref().is_none_or(|units| {
                let numbers = group.first_unit..group.first_unit + units.of_group(group.rows);
                numbers.map(UnitId).any(|unit| units.wanted(unit))
            });
            if wanted {
                let file = &self.scan.files[group.file];
                let opened = match open.take() {
                    Some((of, opened)) if of == group.file => opened,
                    _ => OpenFile::open(file, &self.scan).map_err(|error| failure::explain(error, file, &self.ctx))?,
                };
                let opened = &open.insert((group.file, opened)).1;
                let going_on = match &self.units {
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
        let file = &self.scan.files[group.file];
        let explain = |error: Trouble| failure::explain(error, file, &self.ctx);
        let reading = opened.read(group, &self.scan, &self.conditions, self.pace.chunk_rows(), None, &self.ctx);
        let Reading::Rows { reader, .. } = reading.map_err(explain)? else { return Ok(true) };
        for batch in reader {
            let batch =
                batch.and_then(|batch| opened.answer(batch, &self.scan)).map_err(|error| explain(error.into()))?;
            let chunk = Chunk { unit: UnitId(group.first_unit), batch, origin: Origin::default() };
            if chunk.batch.num_rows() > 0 && !self.order.put(turn, chunk, &self.ctx)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The same unit by unit, but for those that are held already.
    fn units_of(&self, turn: usize, group: &Group, opened: &OpenFile, units: &Units) -> Result<bool> {
        let file = &self.scan.files[group.file];
        let explain = |error: Trouble| failure::explain(error, file, &self.ctx);
        let cut = opened.read_units(group, &self.scan, &self.conditions, units.rows, &self.ctx);
        for (number, slice) in cut.map_err(explain)?.into_iter().flatten().enumerate() {
            let slice = slice.map_err(|error| explain(error.into()))?;
            let unit = UnitId(group.first_unit + number as u64);
            let Some(batch) = slice.batch.filter(|_| units.wanted(unit)) else { continue };
            let batch = opened.answer(batch, &self.scan).map_err(|error| explain(error.into()))?;
            let first = group.first_row + slice.first as u64;
            let source = Some(SourceRows { file: file.name.clone(), first, kept: slice.kept.map(Into::into) });
            if !self.order.put(turn, Chunk { unit, batch, origin: Origin { first_row: 0, source } }, &self.ctx)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
