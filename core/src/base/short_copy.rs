//! Copies of a few bytes.

/// Copies `from` to the start of `to`, which is at least as long.
///
/// The columns' texts are codes of some bytes: two overlapping words are quicker than a call of `memcpy`.
#[inline(always)]
pub fn copy_short(from: &[u8], to: &mut [u8]) {
    let length = from.len();
    let to = &mut to[..length];
    match length {
        0 => {}
        1..4 => {
            to[0] = from[0];
            to[length / 2] = from[length / 2];
            to[length - 1] = from[length - 1];
        }
        4..8 => ends::<4>(from, to),
        8..=16 => ends::<8>(from, to),
        17..=32 => ends::<16>(from, to),
        _ => to.copy_from_slice(from),
    }
}

/// The first and the last `N` bytes, which overlap where there are fewer than `2 N`.
#[inline(always)]
fn ends<const N: usize>(from: &[u8], to: &mut [u8]) {
    let last = from.len() - N;
    to[..N].copy_from_slice(&from[..N]);
    to[last..].copy_from_slice(&from[last..]);
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_length_is_copied_whole_and_no_further() {
        let from: Vec<u8> = (1..=80).collect();
        for length in 0..=from.len() {
            let mut to = [0; 90];
            super::copy_short(&from[..length], &mut to);
            assert_eq!(to[..length], from[..length]);
            assert!(to[length..].iter().all(|byte| *byte == 0), "{length}");
        }
    }
}
