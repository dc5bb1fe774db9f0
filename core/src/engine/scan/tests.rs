//! How far the workers of a scan run ahead, and how many of them, as the memory's mode changes under them.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch};

use super::order::{Made, Order};
use crate::base::{Chunk, Ctx, Origin, UnitId, quiet};
use crate::engine::Settings;
use crate::engine::settings::Pace;
use crate::governor::{Governor, MemorySource, Mode, Reading, Usage};

#[derive(Clone, Default)]
struct Used(Arc<AtomicU64>);

impl MemorySource for Used {
    fn read(&self) -> Reading {
        // Percents of so much that its share of the memory bounds nothing here.
        Reading { machine: Usage { used: self.0.load(SeqCst) << 30, limit: 100 << 30 }, ..Default::default() }
    }
}

fn until(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < quiet::HANGS, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn workers_run_less_far_ahead_and_fewer_begin_while_memory_is_scarce() {
    let used = Used::default();
    let governor = Governor::new(used.clone());
    let turn = |percent: u64, mode: Mode| {
        used.0.store(percent, SeqCst);
        until("the mode", || {
            governor.pressure();
            governor.mode() == mode
        });
    };
    let column: ArrayRef = Arc::new(Int64Array::from(vec![7; 1 << 17]));
    let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
    let bytes = crate::base::batch_bytes(&batch);
    let settings = Settings {
        memory_limit: 0,
        spill_limit: 0,
        spill_root: Default::default(),
        threads: 4,
        units: None,
        chunk_rows: 1 << 17,
        ahead_bytes: 32 * bytes,
        channel_depth: 1,
        throttle: governor.throttle(),
        made: governor.throttle().streams().clone(),
        hold: None,
        answer: None,
    };
    let order = Order::new(0, usize::MAX, Pace::of(&settings));
    let (ctx, put, begun) = (Ctx::default(), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let (order, ctx, batch, put, begun) = (&order, &ctx, &batch, &put, &begun);
            scope.spawn(move || {
                while let Some(unit) = order.claim(worker) {
                    begun.fetch_or(1 << worker, SeqCst);
                    let chunk = Chunk { unit: UnitId(unit as u64), batch: batch.clone(), origin: Origin::default() };
                    if !order.put(unit, Made { chunk, goal: 1 << 17 }, ctx).unwrap() {
                        return;
                    }
                    put.fetch_add(1, SeqCst);
                    order.end(unit);
                }
            });
        }
        let taken = AtomicUsize::new(0);
        let take = |count: usize| {
            for _ in 0..count {
                order.take(&ctx).unwrap().unwrap();
                taken.fetch_add(1, SeqCst);
            }
        };
        let waiting = || put.load(SeqCst).saturating_sub(taken.load(SeqCst));
        // So many chunks wait, and in a while no more of them.
        let run_ahead = |by: RangeInclusive<usize>| {
            until("the workers come so far", || by.contains(&waiting()));
            std::thread::sleep(Duration::from_millis(150));
            assert!(by.contains(&waiting()), "{}", waiting());
        };
        take(1);
        run_ahead(31..=36);
        turn(90, Mode::Emergency);
        take(40);
        run_ahead(1..=5);
        // One that had claimed a unit before may say so late.
        let alone = || {
            begun.store(0, SeqCst);
            take(40);
            run_ahead(1..=5);
            begun.load(SeqCst) == 1
        };
        assert!((0..5).any(|_| alone()), "only the first worker begins anything");
        turn(10, Mode::Normal);
        until("all of them begin", || {
            take(1);
            begun.load(SeqCst) == 0b1111
        });
        run_ahead(31..=36);
        order.stop();
    });
}
