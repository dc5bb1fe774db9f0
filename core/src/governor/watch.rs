//! One look at the memory, and all that follows from it: mode, throttle, leases, counters, events.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::growth::Growth;
use super::mode::{ENTER_CONSERVATIVE, ModeMachine};
use super::pool::{Pool, Terms};
use super::pump::{Event, ModeChange, Outlets};
use super::purge::keep_little;
use super::release::{Held, Release};
use super::sampler::{Again, Sampler};
use super::{MemorySource, Mode, Pressure, Room, Throttle};
use crate::base::{Error, Result, forked};

/// Of the least limit, what all leases together may have.
const LEASED_PERCENT: u64 = 45;
/// A sample is as good as new for this long; also the sampler's interval while leases are alive.
pub(super) const FRESH: Duration = Duration::from_millis(50);
const BETWEEN_HOOKS: Duration = Duration::from_secs(5);
/// Between two tries to give memory back while it is scarce. With the 2 s that the share must stay low and the sampler's half
/// second, a mode is left within 10 s of when the memory has become free.
const BETWEEN_RELIEFS: Duration = Duration::from_secs(5);
const NO_BUDGET: u64 = u64::MAX;

/// What all clones of a governor share.
pub(super) struct Inner {
    owner: u32,
    source: Box<dyn MemorySource>,
    budget: AtomicU64,
    /// Processes that share the least limit, this one included.
    processes: AtomicU64,
    pub throttle: Throttle,
    pub pool: Pool,
    /// Leases that are alive or asked for.
    pub interest: AtomicUsize,
    watch: Mutex<Watch>,
    /// Changes into each mode.
    pub changes: [AtomicU64; 4],
    pub outlets: Outlets,
    sampler: Sampler,
}

/// What the last sample said.
#[derive(Default)]
pub(super) struct Watch {
    pub machine: ModeMachine,
    last: Option<(Pressure, Instant)>,
    /// Memory rose above 70 %, and the hooks have not been called for it.
    rose: bool,
    hooked: Option<Instant>,
    relieved: Option<Instant>,
    growth: Growth,
    release: Release,
}

impl Inner {
    pub fn new(source: Box<dyn MemorySource>) -> Self {
        let throttle = Throttle::default();
        let pool = Pool::new(throttle.clone());
        Inner {
            owner: std::process::id(),
            source,
            budget: AtomicU64::new(NO_BUDGET),
            processes: AtomicU64::new(1),
            throttle,
            pool,
            interest: AtomicUsize::new(0),
            watch: Mutex::default(),
            changes: Default::default(),
            outlets: Outlets::new(),
            sampler: Sampler::default(),
        }
    }

    pub fn set_budget(&self, bytes: Option<u64>) {
        self.budget.store(bytes.unwrap_or(NO_BUDGET), Relaxed);
    }

    pub fn forked(&self) -> bool {
        std::process::id() != self.owner
    }

    pub fn check_owner(&self) -> Result<()> {
        if self.forked() {
            return Err(forked());
        }
        Ok(())
    }

    pub fn start(self: &Arc<Self>) -> Result<()> {
        keep_little();
        let governor = Arc::downgrade(self);
        let look = move || {
            let Some(governor) = governor.upgrade() else { return Again::Never };
            governor.sample();
            governor.interval().map_or(Again::WhenWoken, Again::After)
        };
        let started = self.outlets.start().and_then(|()| self.sampler.start(look));
        started.map_err(|error| Error::internal(format!("cannot start the governor's threads: {error}")))
    }

    pub fn start_or_warn(self: &Arc<Self>) {
        if let Err(error) = self.start() {
            tracing::warn!(%error, "the memory is not watched");
        }
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last sample, or a new one if that is old.
    pub fn fresh(&self) -> Pressure {
        if self.forked() {
            return self.read();
        }
        let last = self.watch().last;
        last.filter(|(_, at)| at.elapsed() < FRESH).map_or_else(|| self.sample(), |(pressure, _)| pressure)
    }

    /// What is left now that the process has `resident` bytes, by the last sample.
    pub fn room(&self, resident: u64) -> Room {
        let last = self.watch().last.filter(|(_, at)| at.elapsed() < FRESH * 4);
        let pressure = last.map_or_else(|| self.sample(), |(pressure, _)| pressure);
        let since = resident.saturating_sub(pressure.process);
        Room { left: pressure.room.left.saturating_sub(since), ..pressure.room }
    }

    fn read(&self) -> Pressure {
        let budget = Some(self.budget.load(Relaxed)).filter(|bytes| *bytes != NO_BUDGET);
        Pressure::of(&self.source.read(), budget, self.throttle.foreign().bytes())
    }

    pub fn sample(&self) -> Pressure {
        let pressure = self.read();
        if self.forked() {
            return pressure;
        }
        self.judge(|watch| {
            let now = Instant::now();
            let before = watch.last.map_or(0.0, |(pressure, _)| pressure.share);
            watch.last = Some((pressure, now));
            watch.machine.observe(pressure.share, now);
            if watch.growth.is_worth_a_purge(pressure.process, now) {
                self.outlets.send(Event::Grew);
            }
            let counted = self.throttle.streams().bytes() + self.throttle.caches().bytes() + pressure.foreign;
            let (running, budget) = (self.pool.is_at_work(), self.leasable(&pressure));
            let held = Held { process: pressure.process, counted, running, budget };
            if watch.release.is_worth_a_purge(held, now) {
                self.outlets.send(Event::Released);
            }
            let high = pressure.share >= ENTER_CONSERVATIVE;
            watch.rose = high && (watch.rose || before < ENTER_CONSERVATIVE);
            if watch.rose && watch.hooked.is_none_or(|at| now.duration_since(at) >= BETWEEN_HOOKS) {
                (watch.rose, watch.hooked) = (false, Some(now));
                self.outlets.send(Event::Rose);
            }
            let due = watch.relieved.is_none_or(|at| now.duration_since(at) >= BETWEEN_RELIEFS);
            match watch.machine.level() {
                Mode::Normal | Mode::Maintenance => watch.relieved = None,
                // The change itself is the first.
                _ if watch.relieved.is_none() => watch.relieved = Some(now),
                level if due => {
                    watch.relieved = Some(now);
                    self.outlets.send(Event::Stays { urgent: level == Mode::Emergency && pressure.foreign > 0 });
                }
                _ => {}
            }
        });
        pressure
    }

    /// Lets `look` change the mode; throttle, leases, counters and events follow.
    pub fn judge(&self, look: impl FnOnce(&mut Watch)) {
        let mut watch = self.watch();
        let from = watch.machine.mode();
        look(&mut watch);
        let (to, level) = (watch.machine.mode(), watch.machine.level());
        let maintenance = to == Mode::Maintenance;
        self.throttle.set(level, maintenance);
        let Some((pressure, _)) = watch.last else { return };
        self.throttle.set_budget(self.leasable(&pressure));
        self.pool.set_terms(Terms { whole: self.whole(&pressure), level });
        if from != to {
            self.changes[to as usize].fetch_add(1, Relaxed);
            self.outlets.send(Event::Changed(ModeChange { from, to, pressure }));
        }
    }

    /// So many processes share the memory; the most that anybody says holds.
    pub fn shared_by(&self, processes: u64) {
        self.processes.fetch_max(processes.max(1), Relaxed);
    }

    /// This process's part of the 45 % of the least limit.
    fn leasable(&self, pressure: &Pressure) -> u64 {
        pressure.least_limit / 100 * LEASED_PERCENT / self.processes.load(Relaxed)
    }

    /// Bytes that all leases together may have: of the 45 % of the least limit what the host's holders and kept answers leave (they may keep
    /// all of it, and jobs still run).
    pub fn whole(&self, pressure: &Pressure) -> u64 {
        let budget = self.leasable(pressure);
        let kept = pressure.foreign.saturating_add(self.throttle.caches().bytes());
        budget - kept.min(budget / 8 * 7)
    }

    /// How soon the sampler looks again; none: nobody would know.
    pub fn interval(&self) -> Option<Duration> {
        if self.interest.load(SeqCst) > 0 {
            Some(FRESH)
        } else if self.outlets.any() || self.throttle.level() != Mode::Normal || self.watch().release.is_due() {
            Some(FRESH * 10)
        } else {
            None
        }
    }
}
