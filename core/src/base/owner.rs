//! Which process a folder on disk belongs to, so that others can tell whether it still lives.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

/// A process, told apart from later ones of the same number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub pid: u32,
    /// Clock ticks from boot to the process's start, where the system tells; 0 elsewhere.
    pub started: u64,
    /// Changes with every boot; empty where the system does not tell.
    pub boot: String,
    pub host: String,
}

impl Owner {
    /// This process.
    pub fn me() -> Self {
        static BOOT: OnceLock<(String, String)> = OnceLock::new();
        let (boot, host) = BOOT.get_or_init(|| {
            let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
            (read("/proc/sys/kernel/random/boot_id"), sysinfo::System::host_name().unwrap_or_default())
        });
        let pid = std::process::id();
        Owner { pid, started: started(pid), boot: boot.clone(), host: host.clone() }
    }

    /// True for a process of this machine that is still there.
    pub fn lives(&self) -> bool {
        let me = Owner::me();
        self.host == me.host && self.boot == me.boot && exists(self.pid) && started(self.pid) == self.started
    }

    /// True where the record comes from another machine, or another container.
    pub fn is_foreign(&self) -> bool {
        self.host != Owner::me().host
    }
}

/// Field 22 of /proc/<pid>/stat; the name before it may hold blanks and parentheses.
fn started(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    behind_name.split_whitespace().nth(19).and_then(|ticks| ticks.parse().ok()).unwrap_or(0)
}

#[cfg(target_os = "linux")]
fn exists(pid: u32) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
}

#[cfg(not(target_os = "linux"))]
fn exists(pid: u32) -> bool {
    let pid = sysinfo::Pid::from_u32(pid);
    let mut system = sysinfo::System::new();
    system.refresh_processes(sysinfo::ProcessesToUpdate::Some(&[pid]), true);
    system.process(pid).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_one_that_ended_does_not() {
        assert!(Owner::me().lives());
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let of_child = Owner { pid: child.id(), started: started(child.id()), ..Owner::me() };
        assert!(of_child.lives());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!of_child.lives());
        assert!(!Owner { boot: "another".into(), ..Owner::me() }.lives());
        // The number was given to another process.
        assert!(!Owner { started: 1, ..Owner::me() }.lives() || cfg!(not(target_os = "linux")));
    }
}
