//! Whose memory it is that a process has grown by: pages come by faults, and the system counts the faults of each thread.

use std::collections::BTreeMap;
use std::fs::{read_dir, read_to_string};

const PAGE: u64 = 4_096;
const HUGE_PAGE: u64 = 2 << 20;

/// Bytes of this process in memory, now; 0 where the system does not say it cheaply.
pub fn resident_now() -> u64 {
    let statm = read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).map_or(0, |pages| pages * PAGE)
}

/// Follows the threads that have a name; threads that they start have it too.
pub struct PageFaults {
    name: String,
    /// Faults of each; of one that has ended, those that were seen last.
    threads: BTreeMap<String, u64>,
    /// What a fault brings at most.
    bytes: u64,
}

/// Bytes that came by faults since the process or the thread began, at most: a page that was given back and came again counts twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Faulted {
    /// Of the threads that have the name.
    pub own: u64,
    /// Of all others.
    pub others: u64,
}

impl PageFaults {
    /// A name has 15 letters at most. None where the system does not count.
    pub fn of_threads(name: &str) -> Option<Self> {
        count("/proc/self/stat")?;
        let bytes = match read_to_string("/sys/kernel/mm/transparent_hugepage/enabled") {
            Ok(mode) if mode.contains("[always]") => HUGE_PAGE,
            _ => PAGE,
        };
        let mut faults = PageFaults { name: name.to_owned(), threads: BTreeMap::new(), bytes };
        faults.look_for_threads();
        Some(faults)
    }

    /// To be called now and then: threads may have been started.
    pub fn look_for_threads(&mut self) {
        for thread in read_dir("/proc/self/task").into_iter().flatten().flatten() {
            let Ok(id) = thread.file_name().into_string() else { continue };
            if !self.threads.contains_key(&id)
                && read_to_string(thread.path().join("comm")).is_ok_and(|comm| comm.trim_end() == self.name)
            {
                self.threads.insert(id, 0);
            }
        }
    }

    /// What came until now; none where the system does not count.
    pub fn look(&mut self) -> Option<Faulted> {
        for (id, faults) in &mut self.threads {
            *faults = count(&format!("/proc/self/task/{id}/stat")).unwrap_or(0).max(*faults);
        }
        let own: u64 = self.threads.values().sum();
        let all = count("/proc/self/stat")?;
        Some(Faulted { own: own * self.bytes, others: all.saturating_sub(own) * self.bytes })
    }

    /// Bytes in huge pages, which come with a single fault where a thread asks for them, as those of numerical libraries do and ours do
    /// not. Takes some milliseconds.
    pub fn in_huge_pages(&self) -> u64 {
        if self.bytes == HUGE_PAGE {
            return 0;
        }
        let rollup = read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
        let line = rollup.lines().find_map(|line| line.strip_prefix("AnonHugePages:"));
        line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok()).unwrap_or(0) << 10
    }
}

/// Faults in a `stat` file of the system.
fn count(path: &str) -> Option<u64> {
    let stat = read_to_string(path).ok()?;
    // The name may hold spaces and brackets.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let minor: u64 = fields.nth(7)?.parse().ok()?;
    let major: u64 = fields.nth(1)?.parse().ok()?;
    Some(minor + major)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;

    /// Touches so much in a thread of that name, and holds it.
    fn grow(name: &str, bytes: u64) -> Vec<u8> {
        let touch = move || std::hint::black_box(vec![1u8; bytes as usize]);
        std::thread::Builder::new().name(name.into()).spawn(touch).unwrap().join().unwrap()
    }

    #[test]
    fn memory_is_of_the_thread_that_touched_it_first() {
        let (seen, go_on) = (crossbeam_channel::bounded(0), crossbeam_channel::bounded::<()>(0));
        let thread = std::thread::Builder::new().name("test-faults".into()).spawn(move || {
            seen.0.send(()).unwrap();
            go_on.1.recv().unwrap();
            // Not for the compiler to leave out.
            let held = std::hint::black_box(vec![1u8; 64 << 20]);
            seen.0.send(()).unwrap();
            go_on.1.recv().unwrap();
            held.len()
        });
        seen.1.recv().unwrap();
        let Some(mut faults) = PageFaults::of_threads("test-faults") else { return };
        let before = faults.look().unwrap();
        let theirs = grow("another", 96 * MB);
        let after = faults.look().unwrap();
        assert!(after.others - before.others >= 96 * MB && after.own - before.own < MB, "{before:?} {after:?}");
        go_on.0.send(()).unwrap();
        seen.1.recv().unwrap();
        let last = faults.look().unwrap();
        // Whatever other tests do meanwhile is not theirs.
        assert!((64 * MB..66 * MB).contains(&(last.own - after.own)), "{after:?} {last:?}");
        assert!(resident_now() >= 160 * MB);
        go_on.0.send(()).unwrap();
        assert_eq!(thread.unwrap().join().unwrap() + theirs.len(), 160 << 20);
        // One that has ended is not another's.
        assert_eq!(faults.look().unwrap().own, last.own.max(faults.look().unwrap().own));
    }
}
