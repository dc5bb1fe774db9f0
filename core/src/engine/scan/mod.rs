//! Reads plain scans straight from the Parquet: no SQL, no instance to open, and each value is copied once.
//!
//! A unit is a row group. Workers take units in their order and decode them; the chunks are handed out in that order
//! too, and a worker that is ahead waits once `ahead_bytes` are waiting. Row groups that the statistics rule out are
//! not read, and where they prove a condition it is not looked at again.

mod condition;
mod failure;
mod order;
mod pages;
mod rows;
mod unit;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use self::condition::Condition;
use self::order::Order;
use self::rows::Rows;
use self::unit::{OpenFile, Trouble};
use super::{Running, Settings};
use crate::base::{Ctx, Error, Result};
use crate::plan::{Scan, ScanFile};

/// What the workers of a scan share.
struct Work {
    scan: Scan,
    conditions: Vec<Condition>,
    /// File and row group of each unit.
    units: Vec<(usize, usize)>,
    order: Order,
    chunk_rows: usize,
    ctx: Ctx,
}

/// Starts `scan`; the rows come at the pace at which they are taken. Called from any thread.
pub(super) fn start(scan: Scan, settings: &Settings, ctx: &Ctx) -> Result<Running> {
    ctx.check()?;
    let groups = |(file, of): (usize, &ScanFile)| (0..of.row_groups.len()).map(move |group| (file, group));
    let units: Vec<(usize, usize)> = scan.files.iter().enumerate().flat_map(groups).collect();
    let conditions = scan.predicates.iter().map(Condition::new).collect::<Result<Vec<_>>>()?;
    let (schema, limit) = (scan.schema.clone(), scan.limit);
    let chunk_rows = settings.chunk_rows.max(1);
    let order = Order::new(units.len(), settings.ahead_bytes);
    let workers = settings.threads.max(1).min(units.len());
    let work = Arc::new(Work { scan, conditions, units, order, chunk_rows, ctx: ctx.clone() });
    // Made first: it stops the workers when it goes, whatever happens here.
    let rows = Rows::new(work.clone(), schema.clone(), chunk_rows, limit);
    for number in 0..workers {
        let work = work.clone();
        std::thread::Builder::new()
            .name(format!("datasus-scan-{number}"))
            .spawn(move || {
                let outcome = catch_unwind(AssertUnwindSafe(|| work.units_in_turn()))
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
    fn units_in_turn(&self) -> Result<()> {
        let mut open: Option<(usize, OpenFile)> = None;
        while let Some(unit) = self.order.claim() {
            self.ctx.check()?;
            let (number, group) = self.units[unit];
            let file = &self.scan.files[number];
            let explain = |error: Trouble| failure::explain(error, file, &self.ctx);
            let opened = match open.take() {
                Some((of, opened)) if of == number => opened,
                _ => OpenFile::open(file, &self.scan).map_err(explain)?,
            };
            let opened = &open.insert((number, opened)).1;
            let batches = opened.read(group, &self.scan, &self.conditions, self.chunk_rows, &self.ctx);
            for batch in batches.map_err(explain)?.into_iter().flatten() {
                let batch =
                    batch.and_then(|batch| opened.answer(batch, &self.scan)).map_err(|error| explain(error.into()))?;
                if batch.num_rows() > 0 && !self.order.put(unit, batch, &self.ctx)? {
                    return Ok(());
                }
            }
            self.order.end(unit);
        }
        Ok(())
    }
}
