//! The process's own memory: its limit, and its peak while something runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

/// Follows the process's resident memory for as long as it lives.
///
/// The kernel's own high-water mark is taken where it rose during the watch; a sampler (every 10 ms) covers the rest.
pub struct PeakMemory {
    seen: Arc<AtomicU64>,
    done: Arc<AtomicBool>,
    high_water_before: u64,
    at_start: u64,
    sampler: Option<JoinHandle<()>>,
}

impl PeakMemory {
    /// Begins to look.
    pub fn watch() -> Self {
        let at_start = resident();
        let seen = Arc::new(AtomicU64::new(at_start));
        let done = Arc::new(AtomicBool::new(false));
        let sampler = {
            let (seen, done) = (seen.clone(), done.clone());
            std::thread::Builder::new()
                .name("datasus-memory".into())
                .spawn(move || {
                    while !done.load(Relaxed) {
                        seen.fetch_max(resident(), Relaxed);
                        std::thread::park_timeout(Duration::from_millis(10));
                    }
                })
                .ok()
        };
        PeakMemory { seen, done, high_water_before: high_water(), at_start, sampler }
    }

    /// What the process had when the watch began, in bytes.
    pub fn at_start(&self) -> u64 {
        self.at_start
    }

    /// The peak in bytes, so far.
    pub fn peak(&self) -> u64 {
        let high_water_after = high_water();
        let sampled = self.seen.load(Relaxed).max(resident());
        if high_water_after > self.high_water_before { high_water_after.max(sampled) } else { sampled }
    }

    fn end(&mut self) {
        self.done.store(true, Relaxed);
        if let Some(sampler) = self.sampler.take() {
            sampler.thread().unpark();
            let _ = sampler.join();
        }
    }
}

impl Drop for PeakMemory {
    fn drop(&mut self) {
        self.end();
    }
}

/// Bytes of this process in memory and, where the system tells, in swap.
pub fn held_by_process() -> u64 {
    resident() + swapped()
}

#[cfg(target_os = "linux")]
fn status_kib(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[cfg(target_os = "linux")]
fn resident() -> u64 {
    status_kib("VmRSS:") * 1024
}

#[cfg(target_os = "linux")]
fn swapped() -> u64 {
    status_kib("VmSwap:") * 1024
}

#[cfg(target_os = "linux")]
fn high_water() -> u64 {
    status_kib("VmHWM:") * 1024
}

#[cfg(not(target_os = "linux"))]
fn resident() -> u64 {
    let Ok(pid) = sysinfo::get_current_pid() else { return 0 };
    let mut system = sysinfo::System::new();
    system.refresh_processes(sysinfo::ProcessesToUpdate::Some(&[pid]), true);
    system.process(pid).map_or(0, |process| process.memory())
}

#[cfg(not(target_os = "linux"))]
fn swapped() -> u64 {
    0
}

#[cfg(not(target_os = "linux"))]
fn high_water() -> u64 {
    0
}
