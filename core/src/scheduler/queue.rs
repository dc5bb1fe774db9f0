//! Who runs next. No clock, thread or lock: time is a parameter, and the same calls give the same order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::order::{Limits, Order, Owner};
use super::refusal::Refusal;
use crate::base::{Priority, YieldReason};

/// A job that has waited so long counts as one class more urgent; twice as long, two.
pub const AGEING: Duration = Duration::from_secs(30);

/// A job's place in the order of submissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    pub number: u64,
    owner: Owner,
    priority: Priority,
}

impl Ticket {
    pub fn priority(&self) -> Priority {
        self.priority
    }
}

/// What takes a slot: a job of the queue, or one that had left its slot.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<J> {
    Start(Ticket, J),
    Return(Ticket),
}

/// At the end of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way<J> {
    Keep,
    /// The slot is given up, to this one.
    Leave(Option<Next<J>>),
}

struct Waiting<J> {
    ticket: Ticket,
    since: Instant,
    job: J,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Running,
    Away(YieldReason),
    Returning { since: Instant },
}

/// A job that was started.
struct Admitted {
    ticket: Ticket,
    started: Instant,
    place: Place,
}

/// The smallest goes first: class with age, those who come back, the owner that was served longest ago, order of asking.
type Rank = (Priority, Reverse<bool>, u64, Instant, u64);

struct Candidate {
    rank: Rank,
    ticket: Ticket,
    returns: bool,
}

/// Jobs `J` that wait, and the tickets of those that were started.
pub(super) struct Queue<J> {
    limits: Limits,
    waiting: BTreeMap<(Priority, u64), VecDeque<Waiting<J>>>,
    admitted: BTreeMap<u64, Admitted>,
    /// When an owner was served last, of those that wait.
    served: BTreeMap<u64, u64>,
    turns: u64,
    tickets: u64,
    mean_run: Duration,
    maintenance: bool,
    closed: bool,
    halted: bool,
}

impl<J> Queue<J> {
    pub fn new(limits: Limits) -> Self {
        Queue {
            limits: Limits { slots: limits.slots.max(1), ..limits },
            waiting: BTreeMap::new(),
            admitted: BTreeMap::new(),
            served: BTreeMap::new(),
            turns: 0,
            tickets: 0,
            mean_run: Duration::ZERO,
            maintenance: false,
            closed: false,
            halted: false,
        }
    }

    pub fn submit(&mut self, order: &Order, job: J, now: Instant) -> Result<Ticket, (Refusal, J)> {
        let queued = self.queued(order.priority);
        if self.closed {
            return Err((Refusal::Closed, job));
        }
        if queued >= self.limits.queued {
            let refusal = Refusal::Full { priority: order.priority, queued, retry_after: self.retry_after() };
            return Err((refusal, job));
        }
        if order.parks && self.parked() >= self.limits.parked {
            return Err((Refusal::TooManyParked { parked: self.limits.parked }, job));
        }
        self.tickets += 1;
        let ticket = Ticket { number: self.tickets, owner: order.owner, priority: order.priority };
        let line = self.waiting.entry((order.priority, order.owner.number)).or_default();
        line.push_back(Waiting { ticket, since: now, job });
        Ok(ticket)
    }

    /// Takes a job out of the queue; none where it has been started, or ended.
    pub fn remove(&mut self, ticket: Ticket) -> Option<J> {
        let key = (ticket.priority, ticket.owner.number);
        let line = self.waiting.get_mut(&key)?;
        let at = line.binary_search_by_key(&ticket.number, |waiting| waiting.ticket.number).ok()?;
        let found = line.remove(at)?;
        self.forget_if_empty(key);
        Some(found.job)
    }

    /// Gives a free slot to the first that may have it; to be called until there is none.
    pub fn next(&mut self, now: Instant) -> Option<Next<J>> {
        let halted = self.halted;
        let best = self.best(now, |candidate| candidate.returns || !halted)?;
        self.grant(best, now)
    }

    /// Gives the slot of `ticket` away; a job that is not running has none.
    pub fn leave(&mut self, ticket: Ticket, why: YieldReason) -> Result<bool, Refusal> {
        if self.place(ticket) != Some(Place::Running) {
            return Ok(false);
        }
        if why == YieldReason::Parked && self.parked() >= self.limits.parked {
            return Err(Refusal::TooManyParked { parked: self.limits.parked });
        }
        // Each has a thread that waits; with more of them the queue is where the others wait, and where it ends.
        let most = match why {
            YieldReason::Memory | YieldReason::Downloading => self.limits.parked,
            // They hold no memory, and are as many as one may ask at once.
            YieldReason::Answer => self.limits.queued,
            YieldReason::Parked | YieldReason::Retrying => usize::MAX,
        };
        if self.away(why) >= most {
            return Ok(false);
        }
        self.put(ticket, Place::Away(why));
        Ok(true)
    }

    /// Asks for a slot again, ahead of those of its class that were not started.
    pub fn ask_back(&mut self, ticket: Ticket, now: Instant) {
        if let Some(Place::Away(_)) = self.place(ticket) {
            self.put(ticket, Place::Returning { since: now });
        }
    }

    /// Takes a slot that may not be free: for a job that only has to end.
    pub fn take_back(&mut self, ticket: Ticket) {
        self.put(ticket, Place::Running);
    }

    /// It was started, has left its slot, and waits for one.
    pub fn returns(&self, ticket: Ticket) -> bool {
        matches!(self.place(ticket), Some(Place::Returning { .. }))
    }

    /// Hands the slot over to a queued job of a more urgent class, or to one that comes back and is not less urgent.
    /// Age does not count for the queued: they would all be started before the first has ended.
    pub fn yield_now(&mut self, ticket: Ticket, now: Instant) -> Way<J> {
        if self.place(ticket) != Some(Place::Running) {
            return Way::Keep;
        }
        let too_many = self.running() > self.slots(Priority::Health);
        self.put(ticket, Place::Returning { since: now });
        if too_many {
            return Way::Leave(None);
        }
        let halted = self.halted;
        let before = |other: &Candidate| match other.returns {
            true => other.ticket != ticket && other.rank.0 <= ticket.priority,
            false => !halted && other.ticket.priority < ticket.priority,
        };
        match self.best(now, before) {
            Some(best) => Way::Leave(self.grant(best, now)),
            None => {
                self.put(ticket, Place::Running);
                Way::Keep
            }
        }
    }

    pub fn end(&mut self, ticket: Ticket, now: Instant) {
        if let Some(ended) = self.admitted.remove(&ticket.number) {
            let run = now.saturating_duration_since(ended.started);
            self.mean_run = if self.mean_run.is_zero() { run } else { (self.mean_run * 7 + run) / 8 };
        }
    }

    /// True: one job at a time, from the next end of a batch on.
    pub fn set_maintenance(&mut self, on: bool) {
        self.maintenance = on;
    }

    /// Nothing is taken any more; what waits is still run.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Nothing is started any more either; what was may still come back to its slot.
    pub fn halt(&mut self) {
        self.halted = true;
    }

    /// Nothing waits and nothing was started.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.admitted.is_empty()
    }

    pub fn queued(&self, priority: Priority) -> usize {
        self.waiting.iter().filter(|((class, _), _)| *class == priority).map(|(_, line)| line.len()).sum()
    }

    pub fn running(&self) -> usize {
        self.admitted.values().filter(|job| job.place == Place::Running).count()
    }

    pub fn parked(&self) -> usize {
        self.away(YieldReason::Parked)
    }

    fn away(&self, why: YieldReason) -> usize {
        self.admitted.values().filter(|job| job.place == Place::Away(why)).count()
    }

    fn slots(&self, priority: Priority) -> usize {
        if self.maintenance { 1 } else { self.limits.slots + usize::from(priority == Priority::Health) }
    }

    fn fits(&self, ticket: Ticket) -> bool {
        let of_owner = |job: &&Admitted| job.place == Place::Running && job.ticket.owner.number == ticket.owner.number;
        let share = ticket.owner.share.saturating_add(usize::from(ticket.priority == Priority::Health));
        self.running() < self.slots(ticket.priority) && self.admitted.values().filter(of_owner).count() < share
    }

    fn best(&self, now: Instant, may: impl Fn(&Candidate) -> bool) -> Option<Candidate> {
        let aged = |ticket: Ticket, since: Instant| {
            let steps = now.saturating_duration_since(since).as_secs() / AGEING.as_secs();
            ticket.priority.lifted(usize::try_from(steps).unwrap_or(usize::MAX))
        };
        let returning = self.admitted.values().filter_map(|job| match job.place {
            Place::Returning { since } => {
                let rank = (aged(job.ticket, since), Reverse(true), 0, since, job.ticket.number);
                Some(Candidate { rank, ticket: job.ticket, returns: true })
            }
            _ => None,
        });
        // The first of a line is its oldest.
        let queued = self.waiting.values().filter_map(|line| line.front()).map(|Waiting { ticket, since, .. }| {
            let served = self.served.get(&ticket.owner.number).copied().unwrap_or(0);
            let rank = (aged(*ticket, *since), Reverse(false), served, *since, ticket.number);
            Candidate { rank, ticket: *ticket, returns: false }
        });
        returning.chain(queued).filter(|one| self.fits(one.ticket) && may(one)).min_by_key(|one| one.rank)
    }

    fn grant(&mut self, Candidate { ticket, returns, .. }: Candidate, now: Instant) -> Option<Next<J>> {
        if returns {
            self.put(ticket, Place::Running);
            return Some(Next::Return(ticket));
        }
        self.turns += 1;
        self.served.insert(ticket.owner.number, self.turns);
        let job = self.remove(ticket)?;
        self.admitted.insert(ticket.number, Admitted { ticket, started: now, place: Place::Running });
        Some(Next::Start(ticket, job))
    }

    fn forget_if_empty(&mut self, key: (Priority, u64)) {
        if self.waiting.get(&key).is_some_and(VecDeque::is_empty) {
            self.waiting.remove(&key);
        }
        if !self.waiting.keys().any(|(_, owner)| *owner == key.1) {
            self.served.remove(&key.1);
        }
    }

    fn place(&self, ticket: Ticket) -> Option<Place> {
        self.admitted.get(&ticket.number).map(|job| job.place)
    }

    fn put(&mut self, ticket: Ticket, place: Place) {
        if let Some(job) = self.admitted.get_mut(&ticket.number) {
            job.place = place;
        }
    }

    /// About the time in which a tenth of a full line starts.
    fn retry_after(&self) -> Duration {
        let starts = (self.limits.queued / 10).max(1) / self.limits.slots.max(1);
        let starts = u32::try_from(starts.max(1)).unwrap_or(u32::MAX);
        self.mean_run.saturating_mul(starts).clamp(Duration::from_secs(1), Duration::from_secs(60))
    }
}
