//! Answers in memory: bounded, what was used longest ago goes first; counted by the governor, and gone when memory is scarce.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Counts;
use super::entry::Entry;
use super::key::Key;
use crate::governor::{BatchMemory, Reserved};

pub struct Memory {
    limit: u64,
    counted: BatchMemory,
    counts: Arc<Counts>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    entries: HashMap<Key, Held>,
    bytes: u64,
    /// Grows with each use.
    now: u64,
}

struct Held {
    entry: Entry,
    used: u64,
    _counted: Reserved,
}

impl Memory {
    pub fn new(limit: u64, counted: BatchMemory, counts: Arc<Counts>) -> Self {
        Memory { limit, counted, counts, kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn get(&self, key: &Key) -> Option<Entry> {
        let mut kept = self.kept();
        kept.now += 1;
        let now = kept.now;
        let held = kept.entries.get_mut(key)?;
        held.used = now;
        Some(held.entry.clone())
    }

    pub fn put(&self, key: Key, entry: Entry) {
        let bytes = entry.bytes().len() as u64;
        if bytes > self.limit {
            return;
        }
        let counted = self.counted.reserve(entry.bytes().len());
        let mut kept = self.kept();
        kept.now += 1;
        let held = Held { entry, used: kept.now, _counted: counted };
        kept.bytes += bytes;
        if let Some(before) = kept.entries.insert(key, held) {
            kept.bytes -= before.entry.bytes().len() as u64;
        }
        while kept.bytes > self.limit {
            let Some(oldest) = kept.entries.iter().min_by_key(|(_, held)| held.used).map(|(key, _)| *key) else {
                break;
            };
            if let Some(gone) = kept.entries.remove(&oldest) {
                kept.bytes -= gone.entry.bytes().len() as u64;
            }
        }
        self.counts.memory_bytes.store(kept.bytes, Relaxed);
    }

    pub fn clear(&self) {
        *self.kept() = Kept::default();
        self.counts.memory_bytes.store(0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_goes_first_and_the_governor_counts_the_rest() {
        let (counted, counts) = (BatchMemory::default(), Arc::<Counts>::default());
        let memory = Memory::new(100, counted.clone(), counts.clone());
        let entry = || Entry::unchecked(vec![0; 40]);
        memory.put([1; 32], entry());
        memory.put([2; 32], entry());
        assert!(memory.get(&[1; 32]).is_some());
        memory.put([3; 32], entry());
        assert!(memory.get(&[2; 32]).is_none() && memory.get(&[1; 32]).is_some() && memory.get(&[3; 32]).is_some());
        memory.put([3; 32], entry());
        memory.put([4; 32], Entry::unchecked(vec![0; 101]));
        assert_eq!((counted.bytes(), counts.memory_bytes.load(Relaxed)), (80, 80));
        memory.clear();
        assert_eq!((counted.bytes(), memory.get(&[1; 32]).is_none()), (0, true));
    }
}
