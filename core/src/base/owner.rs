//! Which process a folder on disk belongs to, so that others can tell whether it still lives.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

/// A process, told apart from later ones of the same number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The process.
    pub pid: u32,
    /// Clock ticks from boot to the process's start, where the system tells; 0 elsewhere.
    pub started: u64,
    /// Changes with every boot; empty where the system does not tell.
    pub boot: String,
    /// The machine's name.
    pub host: String,
}

impl Owner {
    /// This process.
    pub fn me() -> Self {
        static ME: OnceLock<Owner> = OnceLock::new();
        let pid = std::process::id();
        let look = || {
            let of = Owner::of(pid);
            of.unwrap_or_else(|| Owner { pid, started: 0, boot: boot().to_owned(), host: host().to_owned() })
        };
        // A forked child is another process.
        let me = ME.get_or_init(look);
        if me.pid == pid { me.clone() } else { look() }
    }

    /// None: there is no such process.
    pub fn of(pid: u32) -> Option<Self> {
        Some(Owner { pid, started: started(pid)?, boot: boot().to_owned(), host: host().to_owned() })
    }

    /// True for a process of this machine that is still there.
    pub fn lives(&self) -> bool {
        !self.is_foreign() && self.is_of_this_boot() && started(self.pid) == Some(self.started)
    }

    /// True where the record comes from another machine, or another container.
    pub fn is_foreign(&self) -> bool {
        self.host != host()
    }

    /// False where the machine has started anew since: whatever has its number now is another process.
    pub fn is_of_this_boot(&self) -> bool {
        self.boot == boot()
    }

    /// One whose process is gone.
    #[cfg(test)]
    pub fn dead() -> Self {
        Owner { started: 1, ..Owner::me() }
    }
}

fn host() -> &'static str {
    static HOST: OnceLock<String> = OnceLock::new();
    HOST.get_or_init(|| sysinfo::System::host_name().unwrap_or_default())
}

fn boot() -> &'static str {
    static BOOT: OnceLock<String> = OnceLock::new();
    BOOT.get_or_init(|| match std::fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        Ok(id) => id.trim().to_owned(),
        Err(_) => sysinfo::System::boot_time().to_string(),
    })
}

/// Ticks since the boot, the 22nd field; the name before it may hold blanks and parentheses. A zombie holds nothing.
#[cfg(target_os = "linux")]
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") { None } else { fields.nth(18)?.parse().ok() }
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
    fn this_process_lives_and_one_that_ended_does_not() {
        assert!(Owner::me().lives());
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let of_child = Owner::of(child.id()).unwrap();
        assert!(of_child.lives());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!of_child.lives());
        assert!(!Owner { boot: "another".into(), ..Owner::me() }.lives());
        // The number was given to another process.
        assert!(!Owner::dead().lives());
    }
}
