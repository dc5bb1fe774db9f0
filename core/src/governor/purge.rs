//! Freed memory that the allocator keeps, back to the system.

/// Whether anything was given back. Takes some milliseconds per GB of free heap; does nothing where the allocator is not
/// glibc's.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn purge() -> bool {
    // SAFETY: takes no pointer; glibc documents malloc_trim as safe to call from any thread at any time.
    unsafe { libc::malloc_trim(0) == 1 }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn purge() -> bool {
    false
}

/// Keeps glibc from keeping much where no purge reaches it: the end of each of its arenas, of which there are eight for each core,
/// up to 64 MB of each once blocks of 32 MB have come and gone. Left alone where the host has settings of its own.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn keep_little() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(set_thresholds);
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn set_thresholds() {
    /// What an arena's end may keep; no small blocks aside, which a purge would join to an end that it leaves; and the least block
    /// with a mapping of its own, which is what glibc comes to by itself with blocks as large as ours.
    const SETTINGS: [(libc::c_int, libc::c_int); 3] =
        [(libc::M_MMAP_THRESHOLD, 32 << 20), (libc::M_TRIM_THRESHOLD, 4 << 20), (libc::M_MXFAST, 0)];
    let own = ["MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_"];
    let tunables = std::env::var_os("GLIBC_TUNABLES").unwrap_or_default();
    if own.iter().any(|name| std::env::var_os(name).is_some()) || tunables.to_string_lossy().contains("glibc.malloc.") {
        return;
    }
    for (name, value) in SETTINGS {
        // SAFETY: takes two numbers; glibc takes its own lock, and leaves what it does not know.
        if unsafe { libc::mallopt(name, value) } != 1 {
            tracing::debug!(name, value, "the allocator keeps its settings");
        }
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn keep_little() {}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;
    use crate::base::held_by_process;

    /// A thread's arena, once a large block was given back to the system.
    #[test]
    fn little_stays_at_the_end_of_an_arena() {
        keep_little();
        let (keeps, kept) = crossbeam_channel::bounded(0);
        let (ends, end) = crossbeam_channel::bounded::<()>(0);
        let thread = std::thread::spawn(move || {
            drop(vec![1u8; 40 << 20]);
            let blocks: Vec<Vec<u8>> = (0..48).map(|_| vec![1u8; 1 << 20]).collect();
            let full = held_by_process();
            drop(blocks);
            keeps.send(full).unwrap();
            let _ = end.recv();
        });
        let full = kept.recv().unwrap();
        purge();
        let left = full.saturating_sub(held_by_process()) >> 20;
        drop(ends);
        thread.join().unwrap();
        assert!(left >= 32, "{left} of 48 MB went back");
    }

    /// Chunks of an answer that come and go: what the purge gives back, and how long it takes.
    #[test]
    #[ignore = "measures, for the record"]
    fn what_a_purge_gives_back() {
        let held = || held_by_process() >> 20;
        let before = held();
        // Blocks below the mmap threshold, freed but for one in a hundred, so the heap's top stays up.
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| {
                    let blocks: Vec<Vec<u8>> = (0..64_000).map(|_| vec![1u8; 4_000]).collect();
                    blocks.into_iter().step_by(100).collect::<Vec<_>>()
                })
            })
            .collect();
        let kept: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        let freed = held();
        let start = std::time::Instant::now();
        let gave_back = purge();
        let took = start.elapsed();
        println!("MiB: {before} at first, {freed} after the free, {} purged in {took:?}", held());
        assert!(gave_back && held() + 500 < freed, "{} of {freed} MiB left", held());
        drop(kept);
    }
}
