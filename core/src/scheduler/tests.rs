//! Who goes first, and where a job may go: without threads and without waiting.

use std::time::{Duration, Instant};

use super::order::{Limits, Order, Owner};
use super::queue::{AGEING, Next, Queue, Ticket, Way};
use super::refusal::Refusal;
use super::state::{Lifecycle, Status};
use crate::base::{Code, Priority, YieldReason};

use Priority::{Admin, Health, User};

fn queue(slots: usize) -> Queue<&'static str> {
    Queue::new(Limits { slots, queued: 5, parked: 2, ..Default::default() })
}

fn order(owner: u64, priority: Priority) -> Order {
    Order { owner: Owner { number: owner, share: usize::MAX }, priority, deadline: None, parks: true }
}

fn start(queue: &mut Queue<&'static str>, now: Instant) -> Option<(Ticket, &'static str)> {
    match queue.next(now)? {
        Next::Start(ticket, job) => Some((ticket, job)),
        Next::Return(ticket) => Some((ticket, "returns")),
    }
}

/// Runs all to their end, one after another.
fn order_of(queue: &mut Queue<&'static str>, now: Instant) -> Vec<&'static str> {
    std::iter::from_fn(|| {
        let (ticket, job) = start(queue, now)?;
        queue.end(ticket, now);
        Some(job)
    })
    .collect()
}

#[test]
fn a_more_urgent_class_goes_first_and_a_class_is_first_come_first_served() {
    let (mut queue, now) = (queue(1), Instant::now());
    for (priority, job) in [(User, "u1"), (Admin, "a1"), (User, "u2"), (Health, "h1"), (Admin, "a2"), (Health, "h2")] {
        queue.submit(&order(1, priority), job, now).unwrap();
    }
    assert_eq!(order_of(&mut queue, now), ["h1", "h2", "a1", "a2", "u1", "u2"]);
    assert!(queue.is_idle());
}

#[test]
fn owners_of_a_class_take_turns() {
    let (mut queue, now) = (queue(1), Instant::now());
    for (owner, job) in [(1, "a"), (1, "b"), (1, "c"), (2, "x"), (2, "y")] {
        queue.submit(&order(owner, User), job, now).unwrap();
    }
    assert_eq!(order_of(&mut queue, now), ["a", "x", "b", "y", "c"]);
}

#[test]
fn each_thirty_seconds_of_waiting_lift_a_job_by_a_class() {
    let (mut queue, begin) = (queue(1), Instant::now());
    let just_before = |instant: Instant| instant - Duration::from_millis(1);
    for (age, expected) in [
        (just_before(begin + AGEING), ["health", "admin", "old user"]),
        (begin + AGEING, ["health", "old user", "admin"]),
        (just_before(begin + 2 * AGEING), ["health", "old user", "admin"]),
        (begin + 2 * AGEING, ["old user", "health", "admin"]),
    ] {
        queue.submit(&order(1, User), "old user", begin).unwrap();
        queue.submit(&order(1, Admin), "admin", age).unwrap();
        queue.submit(&order(1, Health), "health", age).unwrap();
        assert_eq!(order_of(&mut queue, age), expected, "after {:?}", age - begin);
    }
}

/// 2 jobs of health arrive in each second, and one ends: without age the user's would never start.
#[test]
fn a_flood_of_health_does_not_starve_a_user() {
    let (mut queue, begin) = (Queue::new(Limits { slots: 1, queued: 500, ..Default::default() }), Instant::now());
    queue.submit(&order(1, User), "user", begin).unwrap();
    for second in 0.. {
        let now = begin + Duration::from_secs(second);
        assert!(second <= 61, "the user's job still waits");
        queue.submit(&order(2, Health), "health", now).unwrap();
        queue.submit(&order(2, Health), "health", now).unwrap();
        let (ticket, job) = start(&mut queue, now).unwrap();
        if job == "user" {
            assert!(second >= 60, "two classes are a minute");
            return;
        }
        queue.end(ticket, now);
    }
}

#[test]
fn one_slot_is_kept_for_health_even_from_users_that_have_waited_for_long() {
    let (mut queue, begin) = (queue(2), Instant::now());
    for job in ["a", "b", "c"] {
        queue.submit(&order(1, User), job, begin).unwrap();
    }
    let late = begin + 10 * AGEING;
    assert!(start(&mut queue, late).is_some() && start(&mut queue, late).is_some());
    assert_eq!(start(&mut queue, late), None, "the third slot is not for users");
    queue.submit(&order(1, Health), "health", late).unwrap();
    assert_eq!(start(&mut queue, late).unwrap().1, "health");
    assert_eq!((queue.running(), start(&mut queue, late)), (3, None));
}

#[test]
fn an_owner_has_no_more_jobs_at_once_than_its_share() {
    let (mut queue, now) = (queue(3), Instant::now());
    let small = Order { owner: Owner { number: 1, share: 1 }, ..order(1, User) };
    for job in ["a", "b"] {
        queue.submit(&small, job, now).unwrap();
    }
    queue.submit(&order(2, User), "other", now).unwrap();
    let (first, _) = start(&mut queue, now).unwrap();
    assert_eq!(start(&mut queue, now).unwrap().1, "other");
    assert_eq!(start(&mut queue, now), None);
    queue.end(first, now);
    assert_eq!(start(&mut queue, now).unwrap().1, "b");
}

#[test]
fn a_full_class_refuses_the_next_and_says_when_to_come_back() {
    let (mut queue, now) = (queue(1), Instant::now());
    for _ in 0..5 {
        queue.submit(&order(1, User), "job", now).unwrap();
    }
    let (refusal, job) = queue.submit(&order(1, User), "sixth", now).unwrap_err();
    let error = refusal.error();
    assert_eq!((job, error.code(), error.retryable()), ("sixth", Code::QueueFull, true));
    assert_eq!(error.diagnostic()["retry_after_sec"], 1);
    queue.submit(&order(1, Health), "another class", now).unwrap();
    let (ticket, _) = start(&mut queue, now).unwrap();
    queue.end(ticket, now + Duration::from_secs(20));
    let (refusal, _) = queue.submit(&order(1, User), "sixth", now).unwrap_err();
    assert_eq!(refusal.error().diagnostic()["retry_after_sec"], 20, "as long as jobs take");
}

#[test]
fn a_parked_job_gives_its_slot_and_comes_back_ahead_of_its_class_only() {
    let (mut queue, now) = (queue(1), Instant::now());
    queue.submit(&order(1, User), "stream", now).unwrap();
    let (stream, _) = start(&mut queue, now).unwrap();
    for (priority, job) in [(User, "nested"), (User, "later"), (Admin, "admin")] {
        queue.submit(&order(1, priority), job, now).unwrap();
    }
    assert_eq!(queue.leave(stream, YieldReason::Parked), Ok(true));
    assert_eq!(queue.leave(stream, YieldReason::Parked), Ok(false), "it has no slot to leave");
    let (admin, job) = start(&mut queue, now).unwrap();
    assert_eq!(job, "admin");
    queue.ask_back(stream, now);
    assert_eq!((start(&mut queue, now), queue.returns(stream)), (None, true));
    queue.submit(&order(1, Admin), "admin 2", now).unwrap();
    queue.end(admin, now);
    let (admin, job) = start(&mut queue, now).unwrap();
    assert_eq!(job, "admin 2");
    queue.end(admin, now);
    assert_eq!(start(&mut queue, now), Some((stream, "returns")));
    queue.end(stream, now);
    assert_eq!(order_of(&mut queue, now), ["nested", "later"]);
}

#[test]
fn parked_jobs_are_capped() {
    let (mut queue, now) = (queue(3), Instant::now());
    let jobs: Vec<Ticket> = (0..3)
        .map(|_| {
            queue.submit(&order(1, User), "stream", now).unwrap();
            start(&mut queue, now).unwrap().0
        })
        .collect();
    assert_eq!(
        (queue.leave(jobs[0], YieldReason::Parked), queue.leave(jobs[1], YieldReason::Parked)),
        (Ok(true), Ok(true))
    );
    let refused = Refusal::TooManyParked { parked: 2 };
    assert_eq!(queue.leave(jobs[2], YieldReason::Parked), Err(refused));
    assert_eq!(queue.submit(&order(1, User), "stream", now).unwrap_err().0, refused);
    assert_eq!(refused.error().code(), Code::QueueFull);
    queue.submit(&Order { parks: false, ..order(1, User) }, "export", now).unwrap();
    assert_eq!(queue.leave(jobs[2], YieldReason::Retrying), Ok(true), "a wait for another attempt does not count");
}

#[test]
fn at_the_end_of_a_batch_a_job_gives_way_to_the_more_urgent_and_to_its_equals_that_come_back() {
    let (mut queue, now) = (queue(1), Instant::now());
    queue.submit(&order(1, User), "long", now).unwrap();
    let (long, _) = start(&mut queue, now).unwrap();
    queue.submit(&order(1, User), "equal", now).unwrap();
    assert_eq!(queue.yield_now(long, now), Way::Keep);
    assert_eq!(queue.yield_now(long, now + 5 * AGEING), Way::Keep, "age alone starts nothing");
    queue.submit(&order(1, Admin), "admin", now).unwrap();
    let Way::Leave(Some(Next::Start(admin, "admin"))) = queue.yield_now(long, now) else { panic!("kept its slot") };
    assert_eq!(queue.yield_now(admin, now), Way::Keep, "the user's waits");
    queue.end(admin, now);
    assert_eq!(start(&mut queue, now), Some((long, "returns")));

    assert_eq!(queue.leave(long, YieldReason::Parked), Ok(true));
    let (equal, _) = start(&mut queue, now).unwrap();
    queue.ask_back(long, now);
    assert_eq!(queue.yield_now(equal, now), Way::Leave(Some(Next::Return(long))));
    assert_eq!(queue.yield_now(long, now), Way::Leave(Some(Next::Return(equal))), "they take turns");
}

#[test]
fn in_maintenance_one_job_runs_and_those_too_many_stop_after_their_batch() {
    let (mut queue, now) = (queue(2), Instant::now());
    let running = [User, User, Health].map(|priority| {
        queue.submit(&order(1, priority), "job", now).unwrap();
        start(&mut queue, now).unwrap().0
    });
    queue.submit(&order(1, User), "job", now).unwrap();
    queue.set_maintenance(true);
    assert_eq!(queue.yield_now(running[0], now), Way::Leave(None));
    assert_eq!(queue.yield_now(running[1], now), Way::Leave(None));
    assert_eq!((queue.yield_now(running[2], now), queue.running()), (Way::Keep, 1));
    queue.end(running[2], now);
    assert!(start(&mut queue, now).is_some());
    assert_eq!((start(&mut queue, now), queue.running()), (None, 1));
    queue.set_maintenance(false);
    assert_eq!(start(&mut queue, now).map(|next| next.1), Some("returns"));
}

#[test]
fn a_closed_queue_takes_nothing_and_runs_what_it_has() {
    let (mut queue, now) = (queue(1), Instant::now());
    let gone = queue.submit(&order(1, User), "gone", now).unwrap();
    queue.submit(&order(1, User), "kept", now).unwrap();
    queue.close();
    assert_eq!(queue.submit(&order(1, Health), "late", now), Err((Refusal::Closed, "late")));
    assert_eq!((queue.remove(gone), queue.remove(gone)), (Some("gone"), None));
    assert_eq!(order_of(&mut queue, now), ["kept"]);
    assert!(queue.is_idle());
}

#[test]
fn no_step_leads_out_of_a_final_status_or_around_the_start() {
    use Status::*;
    let all = [Queued, Running, Parked, Retrying, Completed, Failed, Cancelled];
    for from in all {
        let reached: Vec<_> = all.into_iter().filter(|to| from.may_become(*to)).collect();
        assert!(!reached.contains(&Queued) && reached.is_empty() == from.is_final(), "{from:?} to {reached:?}");
    }
    assert!(!Queued.may_become(Completed) && !Parked.may_become(Retrying));
    let mut life = Lifecycle::default();
    for step in [Running, Parked, Running, Retrying, Running, Completed] {
        assert!(life.becomes(step), "{step:?}");
    }
    assert!(!life.becomes(Failed));
    assert_eq!((life.now(), life.steps()), (Completed, &[Queued, Running, Retrying, Running, Completed][..]));
}
