//! A thousand jobs at random; `DATASUS_SEED` repeats a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use datasus::base::{Ctx, Priority};
use datasus::scheduler::{Handle, Load, Order, Status};
use datasus::{Code, Error, Result};

use super::{PATIENCE, Random, alone, end, fill, order, scheduler, submit, until};

fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with("datasus-")).count()
}

fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.split_whitespace().next().unwrap().parse::<i64>().unwrap() * 1024
}

fn finals<T>(handle: &Handle<T>) -> Vec<Status> {
    handle.subscribe().map(|event| event.status).filter(|status| status.is_final()).collect()
}

/// What one job of the stress is to do.
#[derive(Clone, Copy)]
enum Plan {
    Works,
    Fails,
    Panics,
    Parks,
    Retries,
    UntilCancelled,
}

fn stressed(plan: Plan, pause: Duration, ctx: &Ctx) -> Result<u64> {
    std::thread::sleep(pause);
    ctx.slot.yield_now();
    match plan {
        Plan::Works => {}
        Plan::Fails => {
            return Err(Error::new(Code::DamagedFile, datasus::base::Text { pt: "x".into(), en: "x".into() }));
        }
        // Not `panic!`: a thousand traces help nobody.
        Plan::Panics => std::panic::resume_unwind(Box::new("made to panic")),
        Plan::Parks => ctx.slot.park(|_| std::thread::sleep(pause))?,
        Plan::Retries => ctx.slot.retry(|| std::thread::sleep(pause))?,
        Plan::UntilCancelled => drop(ctx.cancel.signal().recv()),
    }
    ctx.check()?;
    Ok(1)
}

fn stress(random: &mut Random) -> [usize; 3] {
    let (scheduler, _) = scheduler(4);
    let runs: Arc<Vec<AtomicUsize>> = Arc::new((0..1_000).map(|_| AtomicUsize::new(0)).collect());
    let seeds: Vec<u64> = (0..16).map(|_| random.below(u64::MAX) | 1).collect();
    let jobs: Vec<(usize, Plan, bool, Handle<u64>)> = std::thread::scope(|scope| {
        let workers: Vec<_> = seeds
            .into_iter()
            .enumerate()
            .map(|(thread, seed)| {
                let (scheduler, runs) = (&scheduler, &runs);
                scope.spawn(move || {
                    let (mut random, owner) = (Random(seed), scheduler.owner(usize::MAX));
                    let numbers = (thread..1_000).step_by(16);
                    let made = numbers.map(|number| {
                        let plans = [Plan::Works, Plan::Fails, Plan::Panics, Plan::Parks, Plan::Retries];
                        let cancel = random.below(3) == 0;
                        let stays = cancel && random.below(4) == 0;
                        let plan = if stays { Plan::UntilCancelled } else { plans[random.below(5) as usize] };
                        let priority = Priority::ALL[random.below(3) as usize];
                        let (pause, runs) = (Duration::from_micros(random.below(3_000)), runs.clone());
                        let deadline = (number % 2 == 0).then_some(PATIENCE * 60);
                        let job = submit(scheduler, Order { deadline, ..order(owner, priority) }, move |ctx| {
                            runs[number].fetch_add(1, SeqCst);
                            stressed(plan, pause, ctx)
                        });
                        if cancel {
                            std::thread::sleep(Duration::from_micros(random.below(2_000)));
                            job.cancel();
                        }
                        (number, plan, cancel, job)
                    });
                    made.collect::<Vec<_>>()
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    let mut ends = [0; 3];
    for (number, plan, cancel, job) in &jobs {
        let outcome = end(job);
        let fitting = match (&outcome, plan) {
            (Ok(1), Plan::Works | Plan::Parks | Plan::Retries) => true,
            (Err(error), Plan::Fails) if error.code() == Code::DamagedFile => true,
            (Err(error), Plan::Panics) if error.code() == Code::Internal => true,
            (Err(error), _) => *cancel && error.code() == Code::Cancelled,
            _ => false,
        };
        assert!(fitting, "job {number}: {outcome:?}");
        let ran = runs[*number].load(SeqCst);
        assert!(ran == 1 || (ran == 0 && *cancel), "job {number} ran {ran} times");
        assert_eq!(finals(job), [job.status()], "job {number}");
        ends[match job.status() {
            Status::Completed => 0,
            Status::Failed => 1,
            Status::Cancelled => 2,
            other => panic!("job {number} is {other:?}"),
        }] += 1;
    }
    until("no job is left", || scheduler.load().unwrap() == Load { queued: [0; 3], running: 0, parked: 0 });
    ends
}

#[test]
fn a_thousand_jobs_of_sixteen_threads_end_once_each_and_leave_nothing() {
    let _alone = alone();
    until("other tests' threads have gone", || threads() == 0);
    let mut random = Random::seeded();
    println!("completed, failed, cancelled: {:?}", stress(&mut random));
    until("the threads have gone", || threads() == 0);
    let before = resident();
    for _ in 0..4 {
        stress(&mut random);
    }
    until("the threads have gone", || threads() == 0);
    let per_job = (resident() - before) / 4_000;
    println!("resident memory: {per_job} bytes per job after the first thousand");
    assert!(per_job < 4_096, "{per_job} bytes per job");
}

#[test]
fn of_a_thousand_jobs_five_hundred_are_cancelled_and_all_settle() {
    let _alone = alone();
    let (scheduler, owner) = scheduler(4);
    let mut random = Random::seeded();
    // None of them begins before half of the five hundred are cancelled.
    let (open, _gates) = fill(&scheduler, owner, 4);
    let jobs: Vec<_> = (0..1_000)
        .map(|_| {
            let steps = random.below(10);
            submit(&scheduler, order(owner, Priority::User), move |ctx| {
                for _ in 0..steps {
                    std::thread::sleep(Duration::from_micros(300));
                    ctx.check()?;
                }
                Ok(())
            })
        })
        .collect();
    let mut chosen: Vec<usize> = (0..1_000).collect();
    for at in 0..500 {
        let other = at + random.below(1_000 - at as u64) as usize;
        chosen.swap(at, other);
    }
    let mut slowest = Duration::ZERO;
    let mut open = Some(open);
    for (count, number) in chosen[..500].iter().enumerate() {
        if count == 250 {
            open = None;
        }
        let job = &jobs[*number];
        let began = Instant::now();
        job.cancel();
        if end(job).is_err() {
            slowest = slowest.max(began.elapsed());
        }
    }
    println!("slowest cancel: {slowest:?}");
    let cancelled = jobs.iter().filter(|job| end(job).is_err_and(|error| error.code() == Code::Cancelled)).count();
    println!("{cancelled} cancelled");
    assert!(open.is_none() && (250..=500).contains(&cancelled));
    assert!(chosen[500..].iter().all(|number| end(&jobs[*number]).is_ok()), "the others are not touched");
}
