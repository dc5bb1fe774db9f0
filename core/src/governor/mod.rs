//! One per process: watches the memory, says in which mode to work, and leases shares of it.
//!
//! ```
//! use datasus::base::Cancel;
//! use datasus::governor::{Ask, Governor};
//!
//! let governor = Governor::of_process();
//! let lease = governor.lease(Ask { want: 256 << 20, least: 32 << 20 }, &Cancel::default())?;
//! println!("{} bytes, {:?}", lease.bytes(), lease.mode_at_start());
//! let rows = governor.throttle().chunk_rows(65_536); // at each batch
//! # assert!(rows <= 65_536);
//! # Ok::<(), datasus::Error>(())
//! ```
//!
//! A lease is a promise among jobs, not a fence: what a job really holds shows in the pressure. All leases together never
//! exceed 45 % of the least limit, for the engine's own default of 80 % gets a process killed.

mod abandoned;
mod batch_memory;
mod cgroup;
mod estimate;
mod growth;
mod interest;
mod lease;
mod meter;
mod metrics;
mod mode;
mod pool;
mod pump;
mod purge;
mod release;
mod sampler;
mod spill;
#[cfg(test)]
mod tests;
mod throttle;
mod usage;
mod watch;

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, select};

use crate::base::{Cancel, Result};

pub use abandoned::MOST_ABANDONED;
pub use batch_memory::{BatchMemory, Reserved};
pub use estimate::Work;
pub use lease::{Hold, Lease};
pub use meter::{Bound, MemorySource, Pressure, Reading, Room, SystemMemory};
pub use mode::Mode;
pub use pool::Ask;
pub use pump::{Hook, ModeChange, ModeChanges};
pub use spill::{SpillFolder, disk_room};
pub use throttle::{LEAST_CHUNK_ROWS, Throttle};
pub use usage::Usage;

pub(crate) use abandoned::{Abandoned, TO_ACKNOWLEDGE, refuse_if_too_many_abandoned};
pub(crate) use spill::{still_room, sweep};

use interest::Interest;
use watch::{FRESH, Inner};

/// The process's memory governor; clones are the same one.
#[derive(Clone)]
pub struct Governor(Arc<Inner>);

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
        Governor(Arc::new(Inner::new(Box::new(source))))
    }

    /// Bytes that the whole process may take; none: only the cgroup and the machine count. The last call holds.
    pub fn set_budget(&self, bytes: Option<u64>) {
        self.0.set_budget(bytes);
        self.0.sample();
        self.watch_if_scarce();
    }

    /// So many processes share the memory, as the workers of a service do: each leases its part of it. The most that anybody says holds.
    pub fn shared_by(&self, processes: usize) {
        if processes > 1 {
            self.0.shared_by(processes as u64);
            self.0.sample();
        }
    }

    /// Whoever looks may be the first to see that memory is scarce: from then on somebody must see when it is not.
    fn watch_if_scarce(&self) {
        if !self.0.forked() && self.0.throttle.level() != Mode::Normal {
            self.0.start_or_warn();
        }
    }

    /// How full the memory is, as it was seen last.
    pub fn mode(&self) -> Mode {
        self.0.throttle.mode()
    }

    /// What running jobs read at each batch.
    pub fn throttle(&self) -> Throttle {
        self.0.throttle.clone()
    }

    /// Counts what the host keeps of our answers.
    pub fn foreign(&self) -> &BatchMemory {
        self.0.throttle.foreign()
    }

    /// The memory as it was at most 50 ms ago.
    pub fn pressure(&self) -> Pressure {
        let pressure = self.0.fresh();
        self.watch_if_scarce();
        pressure
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

    /// The same, as what a client hands to its host.
    pub fn changes(&self) -> ModeChanges {
        ModeChanges::new(self.subscribe())
    }

    /// Has the host free memory when it rises above 70 %, at most every 5 s and on the pump's thread; for as long as the
    /// host keeps its `Arc`.
    pub fn hook(&self, hook: &Arc<Hook>) {
        if !self.0.forked() {
            self.0.outlets.hook(hook);
            self.0.start_or_warn();
        }
    }

    /// The same for what we keep ourselves for speed alone; called every 5 s for as long as memory is above 70 %, and no reason
    /// to look at the memory.
    pub fn sheds(&self, shed: &Arc<Hook>) {
        if !self.0.forked() {
            self.0.outlets.sheds(shed);
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

    /// Waits until the memory is out of emergency (`on_emergency = "wait"`), `patience` at most: true where it is. An error once
    /// `cancel` is set.
    pub fn wait_out_emergency(&self, patience: Duration, cancel: &Cancel) -> Result<bool> {
        self.0.check_owner()?;
        // The one whose looks give memory back, too.
        self.0.start_or_warn();
        let begun = Instant::now();
        loop {
            cancel.check()?;
            self.0.fresh();
            if self.0.throttle.level() != Mode::Emergency {
                return Ok(true);
            }
            if begun.elapsed() >= patience {
                return Ok(false);
            }
            // How full the memory is nobody tells: it is looked at, here as in the sampler.
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
