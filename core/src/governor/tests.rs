//! The governor as a whole, with a meter that tests turn by hand.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use super::*;
use crate::base::{CancelReason, Code, quiet};

const LIMIT: u64 = 1_000_000_000;
const SOON: Duration = quiet::HANGS;

#[derive(Clone, Default)]
struct Stub(Arc<AtomicU64>);

impl MemorySource for Stub {
    fn read(&self) -> Reading {
        Reading { machine: Usage { used: self.0.load(SeqCst), limit: LIMIT }, ..Default::default() }
    }
}

fn governor(used_percent: u64) -> (Governor, Stub) {
    let stub = Stub(Arc::new(AtomicU64::new(LIMIT / 100 * used_percent)));
    (Governor::new(stub.clone()), stub)
}

fn ask(want: u64, least: u64) -> Ask {
    Ask { want, least }
}

fn all() -> Ask {
    ask(u64::MAX, 1)
}

fn until(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < SOON, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn every_change_of_mode_is_an_event_within_a_second() {
    let (governor, stub) = governor(10);
    let changes = governor.subscribe();
    let lease = governor.lease(all(), &Cancel::default()).unwrap();
    let turn = |percent: u64, to: Mode| {
        let turned = Instant::now();
        stub.0.store(LIMIT / 100 * percent, SeqCst);
        let change = changes.recv_timeout(SOON).unwrap();
        assert_eq!((change.to, governor.mode()), (to, to));
        assert_eq!(change.pressure.share, percent as f64 / 100.0);
        turned.elapsed()
    };
    for (percent, to) in [(70, Mode::Conservative), (86, Mode::Emergency)] {
        let took = turn(percent, to);
        assert!(took < quiet::most(Duration::from_secs(1)), "{took:?}");
    }
    let back = turn(60, Mode::Normal);
    let held = Duration::from_secs(2)..quiet::most(Duration::from_secs(3));
    assert!(held.contains(&back), "{back:?}");
    governor.set_maintenance(true);
    assert_eq!(changes.recv_timeout(SOON).unwrap().to, Mode::Maintenance);
    assert_eq!((governor.mode(), governor.throttle().workers(8)), (Mode::Maintenance, 1));
    assert_eq!((lease.mode_at_start(), governor.lost_events()), (Mode::Normal, 0));
    assert_eq!(governor.0.changes.each_ref().map(|count| count.load(SeqCst)), [1, 1, 1, 1]);
}

#[test]
fn a_new_lease_is_smaller_the_fuller_the_memory() {
    let leased = |percent| {
        let (governor, _stub) = governor(percent);
        let lease = governor.lease(all(), &Cancel::default()).unwrap();
        (lease.bytes(), lease.mode_at_start())
    };
    assert_eq!(leased(10), (337_500_000, Mode::Normal));
    assert_eq!(leased(70), (112_500_000, Mode::Conservative));
    assert_eq!(leased(90), (56_250_000, Mode::Emergency));
    let (governor, _stub) = governor(90);
    let cancel = Cancel::default();
    // One job may always run; more than the whole is cut to it.
    let whole = governor.lease(ask(u64::MAX, u64::MAX), &cancel).unwrap();
    assert_eq!((whole.bytes(), governor.leased()), (450_000_000, (450_000_000, 450_000_000)));
    drop(whole);
    governor.set_budget(Some(100_000_000));
    assert_eq!(governor.lease(ask(u64::MAX, u64::MAX), &cancel).unwrap().bytes(), 45_000_000);
}

#[test]
fn who_finds_no_room_waits_in_line_until_it_is_cancelled_or_served() {
    let (governor, _stub) = governor(10);
    let big = governor.lease(ask(400_000_000, 400_000_000), &Cancel::default()).unwrap();
    let cancelled = Cancel::default();
    let (ends, end) = crossbeam_channel::unbounded();
    let wait = |name: &'static str, ask: Ask, cancel: &Cancel| {
        let (governor, cancel, ends) = (governor.clone(), cancel.clone(), ends.clone());
        std::thread::spawn(move || {
            let lease = governor.lease(ask, &cancel);
            ends.send((name, lease.as_ref().map(Lease::bytes).map_err(|error| error.code()))).unwrap();
            lease
        })
    };
    let first = wait("first", ask(300_000_000, 300_000_000), &cancelled);
    until("the first waits", || governor.0.pool.waiting() == 1);
    // It would fit, but it came later.
    let second = wait("second", ask(10_000_000, 10_000_000), &Cancel::default());
    assert!(end.recv_timeout(Duration::from_millis(200)).is_err());
    cancelled.set(CancelReason::Deadline(Duration::from_secs(1)));
    let mut ended = [end.recv_timeout(SOON).unwrap(), end.recv_timeout(SOON).unwrap()];
    ended.sort_by_key(|(name, _)| *name);
    assert_eq!(ended, [("first", Err(Code::DeadlinePassed)), ("second", Ok(10_000_000))]);
    drop((first.join().unwrap().err(), big));
    let third = governor.lease(ask(440_000_000, 440_000_000), &Cancel::default()).unwrap();
    assert_eq!(governor.leased(), (450_000_000, 450_000_000));
    drop((third, second.join().unwrap().ok()));
    assert_eq!(governor.leased().0, 0);
}

#[test]
fn many_threads_never_have_more_than_there_is_and_give_it_all_back() {
    let (governor, stub) = governor(10);
    let (served, refused, barrier) = (AtomicUsize::new(0), AtomicUsize::new(0), Barrier::new(16));
    std::thread::scope(|scope| {
        for thread in 0..16u64 {
            let (governor, stub, served, refused, barrier) = (&governor, &stub, &served, &refused, &barrier);
            scope.spawn(move || {
                let mut dice = thread;
                let mut roll = |below: u64| {
                    dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (dice >> 33) % below
                };
                barrier.wait();
                for _ in 0..200 {
                    let cancel = Cancel::default();
                    if roll(10) == 0 {
                        cancel.set(CancelReason::Caller);
                    }
                    match governor.lease(ask(roll(600_000_000), roll(200_000_000)), &cancel) {
                        Ok(mut lease) => {
                            served.fetch_add(1, SeqCst);
                            match roll(4) {
                                0 => drop(lease.resize(roll(500_000_000))),
                                1 => {
                                    lease.park();
                                    lease.unpark(&Cancel::default()).unwrap();
                                }
                                _ => stub.0.store(roll(LIMIT), SeqCst),
                            }
                            let (leased, whole) = governor.leased();
                            assert!(leased <= whole && lease.bytes() <= leased, "{leased} of {whole}");
                        }
                        Err(_) => drop(refused.fetch_add(1, SeqCst)),
                    }
                }
            });
        }
    });
    assert_eq!(served.load(SeqCst) + refused.load(SeqCst), 3_200);
    assert!(served.load(SeqCst) > 2_000);
    assert_eq!((governor.leased(), governor.0.interest.load(SeqCst)), ((0, 450_000_000), 0));
}

#[test]
fn a_parked_job_lets_others_run_and_comes_back_ahead_of_them() {
    let (governor, _stub) = governor(10);
    let cancel = Cancel::default();
    let mut outer = governor.lease(ask(400_000_000, 400_000_000), &cancel).unwrap();
    outer.park();
    let nested = governor.lease(ask(430_000_000, 430_000_000), &cancel).unwrap();
    let waiting = governor.clone();
    let later =
        std::thread::spawn(move || waiting.lease(ask(60_000_000, 60_000_000), &Cancel::default()).unwrap().bytes());
    until("the later one waits", || governor.0.pool.waiting() == 1);
    let back = std::thread::spawn(move || {
        outer.unpark(&Cancel::default()).unwrap();
        outer
    });
    until("the outer one waits ahead of it", || governor.0.pool.waiting() == 2);
    drop(nested);
    let outer = back.join().unwrap();
    assert_eq!((outer.bytes(), later.is_finished()), (400_000_000, false));
    drop(outer);
    assert_eq!(later.join().unwrap(), 60_000_000);
}

#[test]
fn the_hosts_hook_is_called_when_memory_rises_and_not_again_at_once() {
    let (governor, stub) = governor(10);
    let calls = Arc::new(AtomicUsize::new(0));
    let hook: Arc<Hook> = {
        let calls = calls.clone();
        Arc::new(move || {
            calls.fetch_add(1, SeqCst);
            panic!("a host's mistake")
        })
    };
    governor.hook(&hook);
    let _lease = governor.lease(all(), &Cancel::default()).unwrap();
    let began = Instant::now();
    for percent in [75, 60, 75] {
        stub.0.store(LIMIT / 100 * percent, SeqCst);
        std::thread::sleep(FRESH * 3);
    }
    until("the hook", || calls.load(SeqCst) > 0);
    let calls = calls.load(SeqCst) as u64;
    assert!(calls <= 1 + began.elapsed().as_secs() / 5, "{calls} in {:?}", began.elapsed());
    // The pump has survived it.
    governor.set_maintenance(true);
    let changes = governor.subscribe();
    governor.set_maintenance(false);
    assert!(changes.recv_timeout(SOON).is_ok());
}

#[test]
fn what_the_host_keeps_is_not_leased_again() {
    let (governor, _stub) = governor(10);
    let column: arrow::array::ArrayRef = Arc::new(arrow::array::Int64Array::from(vec![7; 1_250_000]));
    let batch = arrow::record_batch::RecordBatch::try_from_iter([("n", column)]).unwrap();
    governor.foreign().claim(&batch);
    governor.0.sample();
    assert_eq!((governor.pressure().foreign, governor.leased().1), (10_000_000, 440_000_000));
    drop(batch);
    governor.0.sample();
    assert_eq!(governor.leased().1, 450_000_000);
}

#[test]
fn processes_that_serve_together_lease_each_its_part() {
    let (governor, _stub) = governor(10);
    governor.shared_by(4);
    // Another client of the same process.
    governor.shared_by(1);
    assert_eq!(governor.leased().1, 112_500_000);
}

#[test]
fn a_job_that_waits_for_better_times_goes_on_with_them() {
    let (governor, stub) = governor(95);
    let waiting = governor.clone();
    let job = std::thread::spawn(move || waiting.wait_out_emergency(SOON, &Cancel::default()));
    until("the emergency is seen", || governor.mode() == Mode::Emergency);
    let cancel = Cancel::default();
    cancel.set(CancelReason::Caller);
    assert_eq!(governor.wait_out_emergency(SOON, &cancel).unwrap_err().code(), Code::Cancelled);
    assert!(
        !governor.wait_out_emergency(Duration::from_millis(1), &Cancel::default()).unwrap(),
        "no longer than asked"
    );
    assert!(!job.is_finished());
    stub.0.store(LIMIT / 2, SeqCst);
    assert!(job.join().unwrap().unwrap());
    assert_eq!(governor.mode(), Mode::Normal);
}

#[test]
fn the_sampler_sleeps_when_nobody_would_know_and_ends_with_the_governor() {
    struct Counting(Arc<AtomicUsize>);
    impl MemorySource for Counting {
        fn read(&self) -> Reading {
            self.0.fetch_add(1, SeqCst);
            Reading { machine: Usage { used: 1, limit: LIMIT }, ..Default::default() }
        }
    }
    let reads = Arc::new(AtomicUsize::new(0));
    let governor = Governor::new(Counting(reads.clone()));
    assert_eq!(reads.load(SeqCst), 0);
    let lease = governor.lease(all(), &Cancel::default()).unwrap();
    until("it samples", || reads.load(SeqCst) > 5);
    drop(lease);
    // It looks on for a while: engines close behind their jobs.
    until("it sleeps", || {
        let before = reads.load(SeqCst);
        std::thread::sleep(FRESH * 14);
        reads.load(SeqCst) == before
    });
    drop(governor);
    until("its threads let go of it", || Arc::strong_count(&reads) == 1);
}
