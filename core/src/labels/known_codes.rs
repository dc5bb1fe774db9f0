//! Numbers of codes that were looked up before, kept beside their column: files of one dataset have much the same codes.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use super::short_codes::key;

/// Codes that are kept of a column in one phase of its lists.
const MOST: usize = 1 << 15;

/// What a competência decides of a column: whether its rule holds, and which list and date of it has the labels.
pub(super) type Phase = (bool, (usize, usize));
type Codes = HashMap<u128, u32, BuildHasherDefault<Mix>>;

#[derive(Default)]
pub(super) struct KnownCodes(Mutex<HashMap<Phase, Arc<Codes>>>);

/// The codes of one phase, and those that came new.
pub(super) struct Known<'k> {
    of: &'k KnownCodes,
    phase: Phase,
    known: Arc<Codes>,
    fresh: Codes,
}

impl KnownCodes {
    pub fn of(&self, phase: Phase) -> Known<'_> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(phase).or_default().clone();
        Known { of: self, phase, known, fresh: Codes::default() }
    }
}

impl Known<'_> {
    /// The number of `code`, which `look` gives where it is not known.
    pub fn number(&mut self, code: &[u8], look: impl FnOnce() -> u32) -> u32 {
        let Some(key) = key(code) else { return look() };
        match self.known.get(&key) {
            Some(number) => *number,
            None => *self.fresh.entry(key).or_insert_with(look),
        }
    }
}

impl Drop for Known<'_> {
    fn drop(&mut self) {
        if self.fresh.is_empty() || self.known.len() >= MOST {
            return;
        }
        let mut all = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = all.entry(self.phase).or_default();
        // Who reads it meanwhile keeps what it was.
        let room = MOST.saturating_sub(now.len());
        Arc::make_mut(now).extend(self.fresh.drain().take(room));
    }
}

/// Mixes the bytes of a code, which are its key.
#[derive(Default)]
pub(super) struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u128(u128::from(*byte)));
    }

    fn write_u128(&mut self, key: u128) {
        let folded = (key as u64) ^ (key >> 64) as u64 ^ self.0;
        let mixed = folded.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_looked_up_once_in_each_phase() {
        let codes = KnownCodes::default();
        let (early, late) = ((true, (1, 0)), (true, (1, 1)));
        assert_eq!(codes.of(early).number(b"A00", || 7), 7);
        assert_eq!(codes.of(early).number(b"A00", || unreachable!("it is known")), 7);
        assert_eq!(codes.of(late).number(b"A00", || 8), 8);
        assert_eq!(codes.of(early).number(b"A0", || 9), 9);
        let long = b"longer than a key";
        assert_eq!((codes.of(late).number(long, || 1), codes.of(late).number(long, || 2)), (1, 2));
    }

    #[test]
    fn no_more_than_so_many_are_kept() {
        let codes = KnownCodes::default();
        let number = |code: u64| {
            let mut known = codes.of((true, (0, 0)));
            (0..1_000)
                .for_each(|step| assert_eq!(known.number(&(code + step).to_le_bytes(), || step as u32), step as u32));
        };
        (0..50).for_each(|thousand| number(thousand * 1_000));
        assert_eq!(codes.of((true, (0, 0))).known.len(), MOST);
        number(0);
        number(49_000);
    }
}
