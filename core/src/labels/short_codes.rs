//! The numbers of short codes that were looked up before: by the code's own bytes, without hashing a text in each row.

/// What a code has no label for.
pub(super) const NONE: u32 = u32::MAX;
/// Codes of so many bytes at most.
const LONGEST: usize = 15;
/// Places, a power of two: the codes of a column are few, and where rows are many there may be more of them.
const PLACES: std::ops::RangeInclusive<usize> = 1 << 10..=1 << 13;

/// One code in each place; another one of the same place takes it.
pub(super) struct ShortCodes {
    keys: Vec<u128>,
    numbers: Vec<u32>,
}

impl ShortCodes {
    /// For the codes of so many rows.
    pub fn of_rows(rows: usize) -> Self {
        let places = (rows / 4).next_power_of_two().clamp(*PLACES.start(), *PLACES.end());
        // No key is that: its last byte would be a length of 255.
        ShortCodes { keys: vec![u128::MAX; places], numbers: vec![NONE; places] }
    }

    /// The number of `code`, which `look` gives where it is not known; none: the code is too long to be kept.
    #[inline]
    pub fn number(&mut self, code: &[u8], look: impl FnOnce() -> u32) -> Option<u32> {
        let key = key(code)?;
        let mixed = (key as u64 ^ (key >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let place = (mixed >> (64 - self.keys.len().trailing_zeros())) as usize;
        if self.keys[place] != key {
            (self.keys[place], self.numbers[place]) = (key, look());
        }
        Some(self.numbers[place])
    }
}

/// The bytes and their number; none: the code is too long.
#[inline]
pub(super) fn key(code: &[u8]) -> Option<u128> {
    if code.len() > LONGEST {
        return None;
    }
    let mut bytes = [0_u8; 16];
    bytes[..code.len()].copy_from_slice(code);
    bytes[15] = code.len() as u8;
    Some(u128::from_le_bytes(bytes))
}

/// The code of a key.
pub(super) fn code_of(key: u128) -> Vec<u8> {
    let bytes = key.to_le_bytes();
    bytes[..usize::from(bytes[15]).min(LONGEST)].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// However codes share places, each has its own number.
        #[test]
        fn a_code_has_the_number_that_was_looked_up(codes in proptest::collection::vec("[ 0-9]{0,3}|[0-9]{14,16}", 0..4_000)) {
            let mut known = ShortCodes::of_rows(codes.len());
            let step = |sum: u32, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte));
            let look = |code: &str| code.bytes().fold(code.len() as u32, step);
            for code in &codes {
                let found = known.number(code.as_bytes(), || look(code));
                assert_eq!(found, (code.len() <= LONGEST).then(|| look(code)), "{code:?}");
            }
        }
    }
}
