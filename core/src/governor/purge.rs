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

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;
    use crate::base::held_by_process;

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
