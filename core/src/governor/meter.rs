//! How full the memory is: the process's budget, its cgroup and the machine, and which of them is the tightest.

use serde::Serialize;

use super::cgroup::Cgroups;
use super::usage::Usage;
use crate::base::held_by_process;

/// Whose limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Bound {
    /// The budget that the application gave this process.
    Process,
    /// The cgroup (v1 or v2) of the process, or one above it.
    Cgroup,
    /// The machine.
    Machine,
}

impl Bound {
    /// As metrics and logs write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Bound::Process => "process",
            Bound::Cgroup => "cgroup",
            Bound::Machine => "machine",
        }
    }

    /// After the bytes of a limit, in both languages.
    pub(crate) fn words(self) -> (&'static str, &'static str) {
        match self {
            Bound::Process => ("do orçamento do processo", "of the process's budget"),
            Bound::Cgroup => ("do grupo de processos (cgroup)", "of the process's cgroup"),
            Bound::Machine => ("da máquina", "of the machine"),
        }
    }
}

/// What is left under the limit that is reached first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes that are left.
    pub left: u64,
    /// Bytes that may be used.
    pub limit: u64,
    /// What bounds them.
    pub by: Bound,
}

/// One look at the memory, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reading {
    /// Of this process, resident and swapped out.
    pub process: u64,
    /// Of the tightest cgroup that has a limit: usage without the file cache, which can go.
    pub cgroup: Option<Usage>,
    /// The whole machine's.
    pub machine: Usage,
    /// Of the machine.
    pub swap_used: u64,
}

/// What the governor measures with. Called from any thread, up to 20 times a second; what cannot be read is left out.
pub trait MemorySource: Send + Sync {
    /// What there is now.
    fn read(&self) -> Reading;
}

/// Where the memory stands, seen from its tightest bound.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Pressure {
    /// Bytes in use under the tightest bound, and its limit.
    pub used: u64,
    /// Bytes that the process may take.
    pub limit: u64,
    /// `used / limit`.
    pub share: f64,
    /// What bounds them.
    pub by: Bound,
    /// Bytes that the host's holders keep of what we handed out; part of `used`.
    pub foreign: u64,
    /// Bytes of swap in use on the machine.
    pub swap_used: u64,
    /// The least limit of all bounds, in bytes: leases are cut from it.
    #[serde(skip)]
    pub least_limit: u64,
    /// Bytes of the process alone.
    #[serde(skip)]
    pub process: u64,
    /// Under the limit that is reached first, in bytes and not in shares.
    #[serde(skip)]
    pub room: Room,
}

impl Pressure {
    /// `budget`: bytes that the application gave the process, if any.
    pub(super) fn of(reading: &Reading, budget: Option<u64>, foreign: u64) -> Self {
        let budget = budget.map(|limit| (Bound::Process, Usage { used: reading.process, limit }));
        let cgroup = reading.cgroup.map(|usage| (Bound::Cgroup, usage));
        let (mut by, mut tightest) = (Bound::Machine, reading.machine);
        let room = |(by, Usage { used, limit }): (Bound, Usage)| Room { left: limit.saturating_sub(used), limit, by };
        let machine = Some((Bound::Machine, reading.machine)).filter(|(_, usage)| usage.limit > 0);
        let rooms = [machine, cgroup, budget].into_iter().flatten().map(room);
        let nowhere = Room { left: u64::MAX, limit: u64::MAX, by: Bound::Machine };
        let room = rooms.min_by_key(|room| room.left).unwrap_or(nowhere);
        // A limit that cannot be read bounds nothing.
        let mut least_limit = if reading.machine.limit > 0 { reading.machine.limit } else { u64::MAX };
        for (bound, usage) in [cgroup, budget].into_iter().flatten() {
            if usage.share() >= tightest.share() {
                (by, tightest) = (bound, usage);
            }
            least_limit = least_limit.min(usage.limit);
        }
        let Usage { used, limit } = tightest;
        let (share, swap_used, process) = (tightest.share(), reading.swap_used, reading.process);
        Pressure { used, limit, share, by, foreign, swap_used, least_limit, process, room }
    }
}

/// The real thing.
pub struct SystemMemory(Option<Cgroups>);

impl SystemMemory {
    /// Of this machine.
    pub fn new() -> Self {
        SystemMemory(Cgroups::find())
    }
}

impl Default for SystemMemory {
    fn default() -> Self {
        SystemMemory::new()
    }
}

impl MemorySource for SystemMemory {
    fn read(&self) -> Reading {
        let mut system = sysinfo::System::new();
        system.refresh_memory();
        let (limit, available) = (system.total_memory(), system.available_memory());
        Reading {
            process: held_by_process(),
            cgroup: self.0.as_ref().and_then(Cgroups::tightest),
            machine: Usage { used: limit.saturating_sub(available), limit },
            swap_used: system.used_swap(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_share_is_the_pressure_and_the_least_limit_bounds_the_leases() {
        let usage = |used, limit| Usage { used, limit };
        let reading = Reading { process: 300, cgroup: Some(usage(400, 500)), machine: usage(900, 1000), swap_used: 7 };
        let free = Pressure::of(&reading, None, 3);
        assert_eq!((free.by, free.used, free.limit, free.least_limit), (Bound::Machine, 900, 1000, 500));
        assert_eq!((free.foreign, free.swap_used), (3, 7));
        let bounded = Pressure::of(&reading, Some(320), 0);
        assert_eq!((bounded.by, bounded.share, bounded.least_limit), (Bound::Process, 0.9375, 320));
        let calm = Pressure::of(&Reading { machine: usage(100, 1000), ..reading }, None, 0);
        assert_eq!((calm.by, calm.share), (Bound::Cgroup, 0.8));
    }

    #[test]
    fn the_real_source_sees_this_process_and_the_machine() {
        let reading = SystemMemory::new().read();
        assert!(reading.process > 1 << 20 && reading.process < reading.machine.limit, "{reading:?}");
        assert!(reading.machine.used > 0 && reading.machine.used < reading.machine.limit, "{reading:?}");
    }
}
