//! A stream that is short of memory, and what a resumed job says of its progress.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int32Array, RecordBatch};
use arrow::datatypes::SchemaRef;

use super::delivery::deliver;
use super::emergency::wait_for_memory;
use super::memory::Share;
use super::oom_retry::OomRetry;
use super::parking::SharedLease;
use crate::base::{Cancel, Cause, Chunk, Code, Ctx, Error, Origin, Result, UnitId, text};
use crate::engine::RowStream;
use crate::governor::{Ask, Governor, MemorySource, Mode, Reading, Usage};
use crate::sink::{FanOut, Sink, Stored};

struct Half;

impl MemorySource for Half {
    fn read(&self) -> Reading {
        Reading { machine: Usage { used: 50, limit: 100 }, ..Default::default() }
    }
}

fn batch(first: i32) -> RecordBatch {
    let column: ArrayRef = Arc::new(Int32Array::from(vec![first, first + 1]));
    RecordBatch::try_from_iter([("n", column)]).unwrap()
}

fn out_of_memory() -> Error {
    Error::new(Code::OutOfMemory, text!("acabou", "used up")).caused_by(Cause::EngineMemory)
}

/// The numbers that come, the code of the error that ends them, and the runs: whether each was alone.
fn run(of: impl Fn(usize) -> Vec<Result<RecordBatch>>) -> (Vec<i32>, Option<Error>, Vec<bool>) {
    let governor = Governor::new(Half);
    let mut runs = Vec::new();
    let start = |alone| {
        runs.push(alone);
        // The first run's share is back, or this would wait.
        let lease = governor.lease(Ask { want: 45, least: if alone { 45 } else { 1 } }, &Cancel::default())?;
        let running = RowStream::new(batch(0).schema(), of(runs.len()).into_iter(), Cancel::default());
        Ok((running, Share { lease: SharedLease::new(lease), mode: Mode::Normal }))
    };
    let (mut numbers, mut error) = (Vec::new(), None);
    for chunk in OomRetry::begin(start).unwrap() {
        match chunk {
            Ok(chunk) => numbers.extend(chunk.batch.column(0).to_data().buffer::<i32>(0)[..2].iter().copied()),
            Err(why) => error = Some(why),
        }
    }
    assert_eq!(governor.leased().0, 0);
    (numbers, error, runs)
}

#[test]
fn a_stream_that_is_short_of_memory_before_its_first_chunk_runs_oom_retry_alone_and_later_it_says_why_not() {
    let (numbers, error, runs) = run(|run| match run {
        1 => vec![Err(out_of_memory())],
        _ => vec![Ok(batch(0)), Ok(batch(2))],
    });
    assert_eq!((numbers, error.is_none(), runs), (vec![0, 1, 2, 3], true, vec![false, true]));

    let (numbers, error, runs) = run(|_| vec![Err(out_of_memory())]);
    assert_eq!((numbers.len(), error.unwrap().code(), runs), (0, Code::OutOfMemory, vec![false, true]));

    let (numbers, error, runs) = run(|_| vec![Ok(batch(0)), Err(out_of_memory())]);
    let error = error.unwrap();
    assert_eq!((numbers, error.code(), runs), (vec![0, 1], Code::OutOfMemory, vec![false]));
    assert!(error.detail().contains("export"), "{error}");
}

struct Full;

impl MemorySource for Full {
    fn read(&self) -> Reading {
        Reading { machine: Usage { used: 95, limit: 100 }, ..Default::default() }
    }
}

#[test]
fn who_waits_for_memory_in_vain_is_told_what_to_do() {
    let governor = Governor::new(Full);
    let error = wait_for_memory(&governor, Duration::from_millis(20), &Ctx::default()).unwrap_err();
    assert_eq!((error.code(), error.retryable(), error.context().stage), (Code::OutOfMemory, true, Some("governor")));
    let said = error.traced(&Default::default(), crate::base::Language::Pt).detail().to_owned();
    assert!(said.contains("Tente de novo") && said.contains("spill (exato"), "{said}");
    let ctx = Ctx::default();
    ctx.cancel.set(crate::base::CancelReason::Caller);
    assert_eq!(wait_for_memory(&governor, Duration::from_secs(60), &ctx).unwrap_err().code(), Code::Cancelled);
}

/// Holds some rows, and takes everything.
struct Holding(u64);

impl Sink for Holding {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn start(&mut self, _: &SchemaRef, _: &Ctx) -> Result<()> {
        Ok(())
    }

    fn held_rows(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &Chunk) -> Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Stored> {
        Ok(Stored { sink: "csv", location: String::new(), rows: 0, bytes: 0, warnings: Vec::new() })
    }
}

#[test]
fn a_job_that_goes_on_begins_its_progress_at_what_every_sink_holds() {
    for (held, rows) in [([6, 4], 6), ([6, 0], 2)] {
        let ctx = Ctx::default();
        let sinks = held.map(|rows| Box::new(Holding(rows)) as Box<dyn Sink>);
        let mut fan_out = FanOut::new(sinks.into());
        fan_out.start(&batch(0).schema(), &ctx).unwrap();
        let chunk = Chunk { unit: UnitId(3), batch: batch(0), origin: Origin::default() };
        deliver([Ok(chunk)].into_iter(), &batch(0).schema(), fan_out, &[], Some(6), &ctx).unwrap();
        let seen = ctx.progress.snapshot();
        assert_eq!((seen.rows, seen.rows_total), (rows, Some(6)), "{held:?}");
    }
}
