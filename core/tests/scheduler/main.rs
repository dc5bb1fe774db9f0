//! The scheduler under load, without data: order, fairness, cancel, close, and that nothing of it stays behind.

mod stress;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, select};
use datasus::base::{Ctx, Priority};
use datasus::scheduler::{Handle, Limits, Order, Owner, Scheduler, Status};
use datasus::{Code, Result};

/// Every wait ends, at the latest then.
const PATIENCE: Duration = Duration::from_secs(60);

/// The tests count threads and bytes of the process: one at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn scheduler(slots: usize) -> (Scheduler, Owner) {
    let scheduler = Scheduler::new(Limits { slots, queued: 2_000, ..Default::default() });
    let owner = scheduler.owner(usize::MAX);
    (scheduler, owner)
}

fn order(owner: Owner, priority: Priority) -> Order {
    Order { owner, priority, deadline: None, parks: false }
}

fn submit<T: Clone + Send + Sync + 'static>(
    scheduler: &Scheduler,
    order: Order,
    work: impl FnOnce(&Ctx) -> Result<T> + Send + 'static,
) -> Handle<T> {
    let handle = Handle::new(Ctx::default());
    scheduler.submit(order, &handle, work).unwrap();
    handle
}

fn end<T: Clone>(handle: &Handle<T>) -> Result<T> {
    handle.wait_timeout(PATIENCE).expect("the job ends")
}

fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Jobs that hold all slots until the sender is dropped.
fn fill(scheduler: &Scheduler, owner: Owner, slots: usize) -> (Sender<()>, Vec<Handle<()>>) {
    let (open, gate) = bounded::<()>(0);
    let jobs: Vec<_> = (0..slots)
        .map(|_| {
            let gate = gate.clone();
            submit(scheduler, order(owner, Priority::User), move |ctx| wait_at(&gate, ctx))
        })
        .collect();
    until("the slots are taken", || jobs.iter().all(|job| job.status() == Status::Running));
    (open, jobs)
}

fn wait_at(gate: &Receiver<()>, ctx: &Ctx) -> Result<()> {
    select! {
        recv(gate) -> _ => Ok(()),
        recv(ctx.cancel.signal()) -> _ => ctx.check(),
    }
}

struct Random(u64);

impl Random {
    fn seeded() -> Self {
        let seed = std::env::var("DATASUS_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            now.as_nanos() as u64 | 1
        });
        println!("DATASUS_SEED={seed}");
        Random(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound
    }
}

#[test]
fn health_overtakes_a_hundred_users_and_they_end_too() {
    let _alone = alone();
    let (scheduler, owner) = scheduler(2);
    let (open, gates) = fill(&scheduler, owner, 2);
    let users: Vec<_> = (0..100).map(|n| submit(&scheduler, order(owner, Priority::User), move |_| Ok(n))).collect();
    let health = submit(&scheduler, order(owner, Priority::Health), |_| Ok("health"));
    assert_eq!(end(&health).unwrap(), "health", "in the slot that is kept for it");
    assert_eq!(scheduler.load().unwrap().queued, [0, 0, 100]);
    drop(open);
    for (n, job) in users.iter().enumerate() {
        assert_eq!(end(job).unwrap(), n);
    }
    assert!(gates.iter().all(|gate| end(gate).is_ok()));
}

/// The 95th percentile of the wait of a thousand queued jobs that take `pause`, by class; `class` chooses by a number
/// below 100.
fn waits(slots: usize, pause: Duration, class: fn(u64) -> Priority) -> [Duration; 3] {
    let (scheduler, owner) = scheduler(slots);
    let mut random = Random::seeded();
    let (open, _gates) = fill(&scheduler, owner, slots);
    let jobs: Vec<_> = (0..1_000)
        .map(|_| {
            let (priority, submitted) = (class(random.below(100)), Instant::now());
            let job = submit(&scheduler, order(owner, priority), move |_| {
                let waited = submitted.elapsed();
                std::thread::sleep(pause);
                Ok(waited)
            });
            (priority, job)
        })
        .collect();
    drop(open);
    let p95 = Priority::ALL.map(|class| {
        let waits = jobs.iter().filter(|job| job.0 == class).map(|job| end(&job.1).unwrap());
        let mut waits: Vec<Duration> = waits.collect();
        waits.sort();
        waits[waits.len() * 95 / 100]
    });
    println!("p95 of the wait: health {:?}, admin {:?}, user {:?}", p95[0], p95[1], p95[2]);
    p95
}

#[test]
fn the_more_urgent_a_class_the_shorter_it_waits_and_none_waits_for_ever() {
    let _alone = alone();
    let p95 = waits(4, Duration::from_millis(2), |n| Priority::ALL[n as usize % 3]);
    assert!(p95[0] < p95[1] && p95[1] < p95[2], "{p95:?}");
}

#[test]
#[ignore = "make soak: it waits for real time"]
fn waits_with_one_urgent_job_in_fifty() {
    let _alone = alone();
    let p95 = waits(2, Duration::from_millis(50), |n| match n {
        0..2 => Priority::Health,
        2..20 => Priority::Admin,
        _ => Priority::User,
    });
    assert!(p95[0] < Duration::from_secs(1) && p95[1] < Duration::from_secs(10), "{p95:?}");
}

#[test]
fn a_queued_job_ends_at_its_deadline_or_when_it_is_cancelled_without_running() {
    let _alone = alone();
    let (scheduler, owner) = scheduler(1);
    let (open, _gates) = fill(&scheduler, owner, 1);
    let ran = Arc::new(AtomicUsize::new(0));
    let waiting = |deadline| {
        let ran = ran.clone();
        submit(&scheduler, Order { deadline, ..order(owner, Priority::User) }, move |_| Ok(ran.fetch_add(1, SeqCst)))
    };
    let (late, cancelled, early) = (waiting(Some(Duration::from_millis(20))), waiting(None), waiting(Some(PATIENCE)));
    assert_eq!(end(&late).unwrap_err().code(), Code::DeadlinePassed);
    cancelled.cancel();
    assert_eq!(cancelled.status(), Status::Cancelled, "at once");
    assert_eq!(end(&cancelled).unwrap_err().trace_id(), Some(&cancelled.ctx().trace_id));
    assert_eq!((early.status(), scheduler.load().unwrap().queued), (Status::Queued, [0, 0, 1]));
    drop(open);
    assert_eq!(end(&early).unwrap(), 0, "the first that ran");
}

#[test]
fn a_running_job_gives_way_to_health_and_goes_on_after_it() {
    let _alone = alone();
    let (scheduler, owner) = scheduler(1);
    let batches = Arc::new(AtomicUsize::new(0));
    let counted = batches.clone();
    let long = submit(&scheduler, order(owner, Priority::User), move |ctx| {
        while counted.fetch_add(1, SeqCst) < 1_000_000 {
            std::thread::sleep(Duration::from_micros(100));
            ctx.slot.yield_now();
            if ctx.cancel.is_set() {
                break;
            }
        }
        Ok(())
    });
    let (open, gate) = bounded::<()>(0);
    let health: Vec<_> = (0..2)
        .map(|_| {
            let gate = gate.clone();
            submit(&scheduler, order(owner, Priority::Health), move |ctx| wait_at(&gate, ctx))
        })
        .collect();
    until("both have a slot", || health.iter().all(|job| job.status() == Status::Running));
    until("the long one waits", || scheduler.load().unwrap().running == 2);
    let seen = batches.load(SeqCst);
    std::thread::sleep(Duration::from_millis(30));
    assert!(batches.load(SeqCst) <= seen + 1, "it is not fetched from meanwhile");
    drop(open);
    until("it goes on", || batches.load(SeqCst) > seen + 10);
    long.cancel();
    end(&long).unwrap();
}

#[test]
fn in_maintenance_no_two_jobs_run_at_once() {
    let _alone = alone();
    let (scheduler, owner) = scheduler(4);
    scheduler.set_maintenance(true).unwrap();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let jobs: Vec<_> = (0..60)
        .map(|n| {
            let (now, most) = (now.clone(), most.clone());
            submit(&scheduler, order(owner, Priority::ALL[n % 3]), move |ctx| {
                for _ in 0..2 {
                    most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                    std::thread::sleep(Duration::from_micros(200));
                    now.fetch_sub(1, SeqCst);
                    ctx.slot.park(|_| std::thread::sleep(Duration::from_micros(200)))?;
                }
                Ok(())
            })
        })
        .collect();
    jobs.iter().for_each(|job| end(job).unwrap());
    assert_eq!(most.load(SeqCst), 1);
}

#[test]
fn a_job_that_would_be_parked_beyond_the_cap_ends_and_says_so() {
    let _alone = alone();
    let scheduler = Scheduler::new(Limits { slots: 2, parked: 1, ..Default::default() });
    let order = order(scheduler.owner(usize::MAX), Priority::User);
    let (open, gate) = bounded::<()>(0);
    let first = submit(&scheduler, order, move |ctx| ctx.slot.park(|_| wait_at(&gate, ctx))?);
    until("it is parked", || first.status() == Status::Parked);
    let second = submit(&scheduler, order, |ctx| ctx.slot.park(|_| ()));
    let error = end(&second).unwrap_err();
    assert_eq!((error.code(), error.retryable()), (Code::QueueFull, true));
    let stream = Handle::<()>::new(Ctx::default());
    let refused = scheduler.submit(Order { parks: true, ..order }, &stream, |_| Ok(())).unwrap_err();
    assert!(refused.diagnostic()["retry_after_sec"].as_u64().unwrap() > 0, "{refused:?}");
    drop(open);
    end(&first).unwrap();
}

#[test]
fn a_closed_scheduler_lets_jobs_end_and_cancels_those_that_do_not() {
    let _alone = alone();
    let (ends, owner) = scheduler(1);
    let jobs: Vec<_> = (0..10).map(|_| submit(&ends, order(owner, Priority::User), |_| Ok(()))).collect();
    assert!(ends.close(PATIENCE).unwrap());
    assert!(jobs.iter().all(|job| job.status() == Status::Completed));
    let refused = Handle::<()>::new(Ctx::default());
    let error = ends.submit(order(owner, Priority::Health), &refused, |_| Ok(())).unwrap_err();
    assert_eq!((error.code(), refused.status()), (Code::Conflict, Status::Failed));

    let (stays, owner) = scheduler(1);
    let (_open, gates) = fill(&stays, owner, 1);
    let queued = submit(&stays, order(owner, Priority::User), |_| Ok(()));
    assert!(!stays.close(Duration::from_millis(20)).unwrap());
    assert_eq!((gates[0].status(), queued.status()), (Status::Cancelled, Status::Cancelled));
}

#[test]
fn a_listener_hears_every_status_and_the_newest_progress() {
    let _alone = alone();
    let (scheduler, owner) = scheduler(1);
    let (open, _gates) = fill(&scheduler, owner, 1);
    // It goes on until the listener has heard of its rows twice: the first time may be as it begins to run.
    let heard_of = Arc::new(AtomicU64::new(0));
    let told = heard_of.clone();
    let job = submit(&scheduler, order(owner, Priority::User), move |ctx| {
        while ctx.progress.rows() < 400 || told.load(SeqCst) < 2 {
            ctx.progress.add_rows(1);
            std::thread::sleep(Duration::from_millis(1));
        }
        ctx.slot.retry(|| ())
    });
    let mut events = job.subscribe();
    assert_eq!(events.next().unwrap().status, Status::Queued);
    assert_eq!(events.next_within(Duration::from_millis(250)), None, "nothing happens");
    let began = Instant::now();
    drop(open);
    let count = |rows: u64| {
        heard_of.fetch_add(u64::from(rows > 0), SeqCst);
    };
    let heard: Vec<_> = events.by_ref().inspect(|event| count(event.progress.rows)).collect();
    let statuses: Vec<Status> = heard.iter().map(|event| event.status).collect();
    let mut steps = statuses.clone();
    steps.dedup();
    assert_eq!(steps, [Status::Running, Status::Retrying, Status::Running, Status::Completed]);
    let most = began.elapsed().as_millis() as usize / 100 + 5;
    assert!((5..=most).contains(&heard.len()), "{} events, at most {most}", heard.len());
    assert!(heard.windows(2).all(|pair| pair[0].progress.rows <= pair[1].progress.rows));
    assert!(heard.last().unwrap().progress.rows >= 400 && events.is_over());
}
