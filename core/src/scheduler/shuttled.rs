//! Dispatcher, watch and task again, over Shuttle's locks and threads: each test is run under many schedules, and a thread that
//! waits for ever fails it. `DATASUS_SEED` gives the first schedule.

#![allow(dead_code, clippy::duplicate_mod)]

#[path = "dispatcher.rs"]
mod dispatcher;
use super::{metrics, order, queue, runnable, state};
#[path = "task.rs"]
mod task;
#[path = "watch.rs"]
mod watch;

mod sync {
    pub(super) use shuttle::sync::{Condvar, Mutex, MutexGuard};

    pub(super) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        shuttle::thread::Builder::new().name(name.into()).spawn(body).map(drop)
    }
}

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use shuttle::scheduler::RandomScheduler;
use shuttle::{Config, Runner, thread};

use self::dispatcher::Dispatcher;
use self::order::{Limits, Order, Owner};
use self::state::Status;
use self::task::Task;
use self::watch::Handle;
use crate::base::{Cancel, Code, Ctx, Error, Priority, Result};

const SCHEDULES: usize = 2_000;

fn under_many_schedules(test: impl Fn() + Send + Sync + 'static) {
    let seed = std::env::var("DATASUS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x5eed);
    println!("seed {seed}, {SCHEDULES} schedules");
    let mut config = Config::new();
    config.stack_size = 256 << 10;
    Runner::new(RandomScheduler::new_from_seed(seed, SCHEDULES), config).run(test);
}

fn dispatcher(slots: usize) -> Arc<Dispatcher> {
    Dispatcher::new(Limits { slots, ..Default::default() })
}

fn submit(
    dispatcher: &Arc<Dispatcher>,
    priority: Priority,
    work: impl FnOnce(&Ctx) -> Result<u32> + Send + 'static,
) -> Handle<u32> {
    let handle = Handle::new(Ctx::default());
    let order = Order { owner: Owner { number: 1, share: usize::MAX }, priority, deadline: None, parks: true };
    let cancel: &Cancel = &handle.ctx().cancel;
    dispatcher.submit(&order, cancel, Box::new(Task::new(handle.clone(), work))).unwrap();
    handle
}

fn finals(handle: &Handle<u32>) -> usize {
    handle.subscribe().filter(|event| event.status.is_final()).count()
}

#[test]
fn every_job_ends_in_exactly_one_final_status_however_it_is_cancelled() {
    under_many_schedules(|| {
        let (dispatcher, runs) = (dispatcher(1), Arc::new(AtomicUsize::new(0)));
        let work = |value: u32| {
            let runs = runs.clone();
            move |ctx: &Ctx| {
                runs.fetch_add(1, SeqCst);
                ctx.slot.park(|_| thread::yield_now())?;
                ctx.check()?;
                if value == 1 { Err(Error::internal("one that fails")) } else { Ok(value) }
            }
        };
        let jobs: Vec<_> = (0..3).map(|n| submit(&dispatcher, Priority::ALL[n as usize], work(n))).collect();
        let cancelled = jobs[2].clone();
        let canceller = thread::spawn(move || cancelled.cancel());
        for (n, job) in jobs.iter().enumerate() {
            let outcome = job.wait();
            match n {
                0 => assert_eq!((outcome.unwrap(), job.status()), (0, Status::Completed)),
                1 => assert_eq!((outcome.unwrap_err().code(), job.status()), (Code::Internal, Status::Failed)),
                _ => match outcome {
                    Ok(value) => assert_eq!((value, job.status()), (2, Status::Completed)),
                    Err(error) => assert_eq!((error.code(), job.status()), (Code::Cancelled, Status::Cancelled)),
                },
            }
            assert_eq!(finals(job), 1);
        }
        canceller.join().unwrap();
        assert!((2..=3).contains(&runs.load(SeqCst)));
        dispatcher.close(std::time::Duration::from_secs(60));
        assert_eq!(dispatcher.started(), (0, 0));
    });
}

#[test]
fn no_wake_up_is_lost_between_jobs_that_park_give_way_and_are_cancelled() {
    under_many_schedules(|| {
        let dispatcher = dispatcher(1);
        let at_once = Arc::new(AtomicUsize::new(0));
        let work = |limit: usize| {
            let at_once = at_once.clone();
            move |ctx: &Ctx| {
                for _ in 0..2 {
                    assert!(at_once.fetch_add(1, SeqCst) < limit || ctx.cancel.is_set(), "more jobs than slots");
                    thread::yield_now();
                    at_once.fetch_sub(1, SeqCst);
                    ctx.slot.yield_now();
                    ctx.slot.park(|_| thread::yield_now())?;
                    ctx.check()?;
                }
                Ok(0)
            }
        };
        let jobs: Vec<_> = [Priority::User, Priority::Admin, Priority::User, Priority::Health]
            .into_iter()
            .map(|priority| submit(&dispatcher, priority, work(2)))
            .collect();
        let cancelled = jobs[0].clone();
        thread::spawn(move || cancelled.cancel()).join().unwrap();
        for job in &jobs {
            if let Err(error) = job.wait() {
                assert_eq!(error.code(), Code::Cancelled, "{error}");
            }
        }
    });
}

/// The one that has the slot keeps it until the other has ended.
#[test]
fn a_cancelled_job_does_not_wait_for_its_slot() {
    under_many_schedules(|| {
        let dispatcher = dispatcher(1);
        let parks = submit(&dispatcher, Priority::User, |ctx| {
            ctx.slot.park(|_| thread::yield_now())?;
            ctx.check().map(|()| 0)
        });
        let other = parks.clone();
        let keeps = submit(&dispatcher, Priority::User, move |_| {
            let _ended = other.wait();
            Ok(1)
        });
        let cancelled = parks.clone();
        thread::spawn(move || cancelled.cancel());
        assert_eq!(keeps.wait().unwrap(), 1);
        assert!(parks.status().is_final());
    });
}
