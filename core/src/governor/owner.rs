//! Which process something on disk belongs to, told apart from a later one with the same id.

use serde::{Deserialize, Serialize};

/// A process of this machine and this boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    pid: u32,
    /// When it started, in the system's own units.
    started: u64,
    /// Another boot, or another machine that shares the disk, has another one.
    boot: String,
}

impl Owner {
    pub fn this_process() -> Self {
        let pid = std::process::id();
        Owner::of(pid).unwrap_or(Owner { pid, started: 0, boot: boot() })
    }

    /// None: there is no such process.
    pub fn of(pid: u32) -> Option<Self> {
        Some(Owner { pid, started: started(pid)?, boot: boot() })
    }

    pub fn is_alive(&self) -> bool {
        self.is_of_this_boot() && started(self.pid) == Some(self.started)
    }

    pub fn is_of_this_boot(&self) -> bool {
        self.boot == boot()
    }

    #[cfg(test)]
    pub fn dead() -> Self {
        Owner { started: 1, ..Owner::this_process() }
    }
}

#[cfg(target_os = "linux")]
fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Ticks since the boot, the 22nd field; the name before it may hold spaces and brackets. A zombie holds nothing.
#[cfg(target_os = "linux")]
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") { None } else { fields.nth(18)?.parse().ok() }
}

#[cfg(not(target_os = "linux"))]
fn boot() -> String {
    sysinfo::System::boot_time().to_string()
}

#[cfg(not(target_os = "linux"))]
fn started(pid: u32) -> Option<u64> {
    let pid = sysinfo::Pid::from_u32(pid);
    let mut system = sysinfo::System::new();
    system.refresh_processes(sysinfo::ProcessesToUpdate::Some(&[pid]), true);
    system.process(pid).map(sysinfo::Process::start_time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_process_with_the_same_id_is_another_owner() {
        let me = Owner::this_process();
        assert!(me.is_alive());
        assert!(!Owner { started: me.started + 1, ..me.clone() }.is_alive());
        assert!(!Owner { boot: "another".into(), ..me }.is_alive());
        assert_eq!(Owner::of(u32::MAX - 1), None);
    }
}
