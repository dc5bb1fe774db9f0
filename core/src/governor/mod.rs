//! One per process: watches the memory, says in which mode to work, and leases shares of it.
//!
//! ```
//! use datasus::base::Cancel;
//! use datasus::governor::{Ask, Governor};
//!
//! let governor = Governor::of_process();
//! let lease = governor.lease(Ask { want: 256 << 20, least: 32 << 20 }, &Cancel::default())?;
//! println!("{} bytes, {:?}", lease.bytes(), lease.mode_at_start());
//! let rows = governor.levers().chunk_rows(65_536); // at each batch
//! # assert!(rows <= 65_536);
//! # Ok::<(), datasus::Error>(())
//! ```
//!
//! A lease is a promise among jobs, not a fence: what a job really holds shows in the pressure. All leases together never
//! exceed 45 % of the least limit, for the engine's own default of 80 % gets a process killed.

mod cgroup;
mod estimate;
mod foreign;
mod lease;
mod levers;
mod meter;
mod mode;
mod owner;
mod pump;
mod purge;
mod readings;
mod sampler;
mod spill;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, select};

use crate::base::{Cancel, Code, Error, Result, text};

pub use estimate::Work;
pub use foreign::ForeignMemory;
pub use lease::{Ask, Lease};
pub use levers::{LEAST_CHUNK_ROWS, Levers};
pub use meter::{Bound, MemorySource, Pressure, Reading, SystemMemory, Usage};
pub use mode::Mode;
pub use pump::{Hook, ModeChange};
pub use purge::purge;
pub use spill::{SpillFolder, sweep};

use lease::{Pool, Terms};
use mode::{ENTER_CONSERVATIVE, ModeMachine};
use pump::{Event, Outlets};
use sampler::Sampler;

/// Of the least limit, what all leases together may have.
const LEASED_PERCENT: u64 = 45;
/// A sample is as good as new for this long; also the sampler's interval while leases are alive.
const FRESH: Duration = Duration::from_millis(50);
const BETWEEN_HOOKS: Duration = Duration::from_secs(5);
const NO_BUDGET: u64 = u64::MAX;

/// The process's memory governor; clones are the same one.
#[derive(Clone)]
pub struct Governor(Arc<Inner>);

pub(in crate::governor) struct Inner {
    owner: u32,
    source: Box<dyn MemorySource>,
    budget: AtomicU64,
    foreign: ForeignMemory,
    levers: Levers,
    pool: Pool,
    /// Leases that are alive or asked for.
    interest: AtomicUsize,
    watch: Mutex<Watch>,
    /// Changes into each mode.
    changes: [AtomicU64; 4],
    outlets: Outlets,
    sampler: Sampler,
}

/// What the last sample said.
#[derive(Default)]
struct Watch {
    machine: ModeMachine,
    last: Option<(Pressure, Instant)>,
    /// Memory rose above 70 %, and the hooks have not been called for it.
    rose: bool,
    hooked: Option<Instant>,
}

impl Governor {
    /// The one of this process, whatever the number of clients.
    pub fn of_process() -> Governor {
        static OF_PROCESS: OnceLock<Governor> = OnceLock::new();
        // Built outside of the cell: a fork in the middle of that must not leave the child waiting for it.
        OF_PROCESS.get().cloned().unwrap_or_else(|| {
            let built = Governor::new(SystemMemory::new());
            OF_PROCESS.get_or_init(|| built).clone()
        })
    }

    /// One that measures by `source`; for tests, and for hosts that know their limits better.
    pub fn new(source: impl MemorySource + 'static) -> Governor {
        Governor(Arc::new(Inner {
            owner: std::process::id(),
            source: Box::new(source),
            budget: AtomicU64::new(NO_BUDGET),
            foreign: ForeignMemory::default(),
            levers: Levers::default(),
            pool: Pool::default(),
            interest: AtomicUsize::new(0),
            watch: Mutex::default(),
            changes: Default::default(),
            outlets: Outlets::new(),
            sampler: Sampler::default(),
        }))
    }

    /// Bytes that the whole process may take; none: only the cgroup and the machine count. The last call holds.
    pub fn set_budget(&self, bytes: Option<u64>) {
        self.0.budget.store(bytes.unwrap_or(NO_BUDGET), Relaxed);
        self.0.sample();
    }

    pub fn mode(&self) -> Mode {
        self.0.levers.mode()
    }

    /// What running jobs read at each batch.
    pub fn levers(&self) -> Levers {
        self.0.levers.clone()
    }

    /// Counts what the host keeps of our answers.
    pub fn foreign(&self) -> &ForeignMemory {
        &self.0.foreign
    }

    /// The memory as it was at most 50 ms ago.
    pub fn pressure(&self) -> Pressure {
        self.0.fresh()
    }

    /// Bytes that all leases together have, and may have.
    pub fn leased(&self) -> (u64, u64) {
        let whole = self.0.whole(&self.0.fresh());
        (if self.0.forked() { 0 } else { self.0.pool.leased() }, whole)
    }

    /// One job at a time and one thread, until it is taken back.
    pub fn set_maintenance(&self, on: bool) {
        if !self.0.forked() {
            self.0.start_or_warn();
            self.0.fresh();
            self.0.judge(|watch| watch.machine.set_maintenance(on));
        }
    }

    /// Hears of every change of mode from now on. A subscriber with 64 unread events misses the next ones.
    pub fn subscribe(&self) -> Receiver<ModeChange> {
        if self.0.forked() {
            return crossbeam_channel::never();
        }
        let receiver = self.0.outlets.subscribe();
        self.0.start_or_warn();
        receiver
    }

    /// Has the host free memory when it rises above 70 %, at most every 5 s and on the pump's thread; for as long as the
    /// host keeps its `Arc`.
    pub fn hook(&self, hook: &Arc<Hook>) {
        if !self.0.forked() {
            self.0.outlets.hook(hook);
            self.0.start_or_warn();
        }
    }

    /// A share of the memory. Waits for room behind those who came before, until `cancel` is set (DS-499, DS-504); in a
    /// forked child it is DS-498.
    pub fn lease(&self, ask: Ask, cancel: &Cancel) -> Result<Lease> {
        self.0.check_owner()?;
        let interest = Interest::new(&self.0);
        self.0.start()?;
        self.0.fresh();
        Lease::take(interest, ask, cancel)
    }

    /// Waits until the memory is out of emergency (`on_emergency = "wait"`), or `cancel` is set.
    pub fn wait_out_emergency(&self, cancel: &Cancel) -> Result<()> {
        self.0.check_owner()?;
        loop {
            cancel.check()?;
            self.0.fresh();
            if self.0.levers.level() != Mode::Emergency {
                return Ok(());
            }
            select! {
                recv(cancel.signal()) -> _ => {}
                default(FRESH) => {}
            }
        }
    }

    /// Events that someone was too slow to take.
    pub fn lost_events(&self) -> u64 {
        self.0.outlets.lost.load(Relaxed)
    }
}

impl Inner {
    fn forked(&self) -> bool {
        std::process::id() != self.owner
    }

    fn check_owner(&self) -> Result<()> {
        if self.forked() {
            return Err(Error::new(
                Code::Forked,
                text!(
                    "Este processo é cópia (fork) do que abriu o datasus; abra um cliente em um processo novo (spawn)",
                    "This process is a forked copy of the one that opened datasus; open a client in a new process (spawn)"
                ),
            ));
        }
        Ok(())
    }

    fn start(self: &Arc<Self>) -> Result<()> {
        let started = self.outlets.start().and_then(|()| self.sampler.start(self));
        started.map_err(|error| Error::internal(format!("cannot start the governor's threads: {error}")))
    }

    fn start_or_warn(self: &Arc<Self>) {
        if let Err(error) = self.start() {
            tracing::warn!(%error, "the memory is not watched");
        }
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last sample, or a new one if that is old.
    fn fresh(&self) -> Pressure {
        if self.forked() {
            return self.read();
        }
        let last = self.watch().last;
        last.filter(|(_, at)| at.elapsed() < FRESH).map_or_else(|| self.sample(), |(pressure, _)| pressure)
    }

    fn read(&self) -> Pressure {
        let budget = Some(self.budget.load(Relaxed)).filter(|bytes| *bytes != NO_BUDGET);
        Pressure::of(&self.source.read(), budget, self.foreign.bytes())
    }

    fn sample(&self) -> Pressure {
        let pressure = self.read();
        if self.forked() {
            return pressure;
        }
        self.judge(|watch| {
            let now = Instant::now();
            let before = watch.last.map_or(0.0, |(pressure, _)| pressure.share);
            watch.last = Some((pressure, now));
            watch.machine.observe(pressure.share, now);
            let high = pressure.share >= ENTER_CONSERVATIVE;
            watch.rose = high && (watch.rose || before < ENTER_CONSERVATIVE);
            if watch.rose && watch.hooked.is_none_or(|at| now.duration_since(at) >= BETWEEN_HOOKS) {
                (watch.rose, watch.hooked) = (false, Some(now));
                self.outlets.send(Event::Rose);
            }
        });
        pressure
    }

    /// Lets `look` change the mode; levers, leases, counters and events follow.
    fn judge(&self, look: impl FnOnce(&mut Watch)) {
        let mut watch = self.watch();
        let from = watch.machine.mode();
        look(&mut watch);
        let (to, level) = (watch.machine.mode(), watch.machine.level());
        let maintenance = to == Mode::Maintenance;
        self.levers.set(level, maintenance);
        let Some((pressure, _)) = watch.last else { return };
        self.pool.set_terms(Terms { whole: self.whole(&pressure), level, maintenance });
        if from != to {
            self.changes[to as usize].fetch_add(1, Relaxed);
            self.outlets.send(Event::Changed(ModeChange { from, to, pressure }));
        }
    }

    /// Bytes that all leases together may have: 45 % of what the host's holders leave of the least limit (they may keep
    /// more than half of it, and jobs still run).
    fn whole(&self, pressure: &Pressure) -> u64 {
        let limit = pressure.least_limit;
        (limit - pressure.foreign.min(limit / 2)) / 100 * LEASED_PERCENT
    }

    /// How soon the sampler looks again; none: nobody would know.
    fn interval(&self) -> Option<Duration> {
        if self.interest.load(SeqCst) > 0 {
            Some(FRESH)
        } else if self.outlets.any() || self.levers.level() != Mode::Normal {
            Some(FRESH * 10)
        } else {
            None
        }
    }
}

/// Keeps the sampler at work.
pub(in crate::governor) struct Interest(Arc<Inner>);

impl Interest {
    /// Before the sampler is woken, or it could go to sleep between.
    fn new(governor: &Arc<Inner>) -> Self {
        governor.interest.fetch_add(1, SeqCst);
        Interest(governor.clone())
    }
}

impl std::ops::Deref for Interest {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        self.0.interest.fetch_sub(1, SeqCst);
    }
}
