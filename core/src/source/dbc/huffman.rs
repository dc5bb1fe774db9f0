//! The three fixed prefix codes of the implode format, as lookup tables and as codes to write.
//!
//! The format keeps codes bit-inverted, most significant bit first, in a stream that is read from the least
//! significant bit: a table indexed by the next bits of the stream answers in one look-up.

/// Runs of (code length, symbols), in order of symbol; the format's own constants.
const LENGTH_RUNS: &[(u8, u8)] = &[(2, 1), (3, 3), (4, 3), (5, 4), (6, 3), (7, 2)];
const DISTANCE_RUNS: &[(u8, u8)] = &[(2, 1), (4, 2), (5, 4), (6, 15), (7, 26), (8, 16)];
const LITERAL_RUNS: &[(u8, u8)] = &[
    (11, 1),
    (12, 8),
    (8, 1),
    (7, 1),
    (12, 2),
    (7, 1),
    (12, 12),
    (13, 1),
    (12, 5),
    (4, 1),
    (10, 1),
    (8, 1),
    (12, 1),
    (10, 1),
    (12, 1),
    (10, 1),
    (8, 1),
    (7, 2),
    (8, 1),
    (9, 1),
    (7, 1),
    (6, 1),
    (7, 1),
    (8, 1),
    (7, 1),
    (6, 1),
    (7, 4),
    (8, 1),
    (7, 2),
    (8, 2),
    (12, 1),
    (11, 1),
    (7, 1),
    (9, 1),
    (11, 1),
    (12, 1),
    (6, 1),
    (7, 1),
    (6, 2),
    (5, 1),
    (7, 1),
    (8, 2),
    (6, 1),
    (11, 1),
    (9, 1),
    (6, 1),
    (7, 1),
    (6, 2),
    (7, 1),
    (11, 1),
    (6, 3),
    (7, 1),
    (9, 1),
    (8, 1),
    (9, 2),
    (11, 1),
    (8, 1),
    (11, 1),
    (9, 1),
    (12, 1),
    (8, 1),
    (12, 1),
    (5, 1),
    (6, 3),
    (5, 1),
    (6, 3),
    (5, 1),
    (11, 1),
    (7, 1),
    (5, 1),
    (6, 1),
    (5, 2),
    (6, 1),
    (10, 1),
    (5, 4),
    (8, 1),
    (7, 1),
    (8, 2),
    (10, 1),
    (11, 2),
    (12, 3),
    (13, 48),
    (12, 48),
    (13, 1),
    (12, 1),
    (13, 3),
    (12, 1),
    (13, 3),
    (12, 1),
    (13, 4),
    (12, 1),
    (13, 3),
    (12, 3),
    (13, 11),
];

/// Base and extra bits of each length symbol.
pub(super) const LENGTHS: [(u16, u8); 16] = [
    (3, 0),
    (2, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 1),
    (12, 2),
    (16, 3),
    (24, 4),
    (40, 5),
    (72, 6),
    (136, 7),
    (264, 8),
];
/// The length that ends the stream.
pub(super) const END: usize = 519;

/// Symbol and code length for the next bits of the stream; length 0 marks bits that begin no code.
pub(super) type Entry = (u8, u8);

pub(super) static LENGTH: [Entry; 1 << 7] = table(LENGTH_RUNS);
pub(super) static DISTANCE: [Entry; 1 << 8] = table(DISTANCE_RUNS);
pub(super) static LITERAL: [Entry; 1 << 13] = table(LITERAL_RUNS);
pub(super) static LENGTH_CODES: [(u16, u8); 16] = codes(LENGTH_RUNS);
pub(super) static LITERAL_CODES: [(u16, u8); 256] = codes(LITERAL_RUNS);
pub(super) static DISTANCE_CODES: [(u16, u8); 64] = codes(DISTANCE_RUNS);

/// Bits (as the stream has them) and their number, for each symbol.
const fn codes<const N: usize>(runs: &[(u8, u8)]) -> [(u16, u8); N] {
    let mut lengths = [0u8; N];
    let (mut run, mut symbol) = (0, 0);
    while run < runs.len() {
        let mut left = runs[run].1;
        while left > 0 {
            lengths[symbol] = runs[run].0;
            symbol += 1;
            left -= 1;
        }
        run += 1;
    }
    assert!(symbol == N);
    let mut out = [(0u16, 0u8); N];
    let mut code = 0u16;
    let mut length = 1u8;
    while length <= 13 {
        let mut symbol = 0;
        while symbol < N {
            if lengths[symbol] == length {
                // Inverted, first bit lowest.
                out[symbol] = ((!code << (16 - length)).reverse_bits(), length);
                code += 1;
            }
            symbol += 1;
        }
        code <<= 1;
        length += 1;
    }
    out
}

const fn table<const SIZE: usize>(runs: &[(u8, u8)]) -> [Entry; SIZE] {
    let mut symbols = 0usize;
    let mut run = 0;
    while run < runs.len() {
        symbols += runs[run].1 as usize;
        run += 1;
    }
    let codes: [(u16, u8); 256] = padded(runs, symbols);
    let mut table = [(0u8, 0u8); SIZE];
    let mut symbol = 0;
    while symbol < symbols {
        let (bits, length) = codes[symbol];
        let mut index = bits as usize;
        while index < SIZE {
            table[index] = (symbol as u8, length);
            index += 1 << length;
        }
        symbol += 1;
    }
    table
}

/// The codes of an alphabet of 16, 64 or 256 symbols, in one array size.
const fn padded(runs: &[(u8, u8)], symbols: usize) -> [(u16, u8); 256] {
    let mut out = [(0u16, 0u8); 256];
    let mut index = 0;
    if symbols == 16 {
        let codes: [(u16, u8); 16] = codes(runs);
        while index < 16 {
            out[index] = codes[index];
            index += 1;
        }
    } else if symbols == 64 {
        let codes: [(u16, u8); 64] = codes(runs);
        while index < 64 {
            out[index] = codes[index];
            index += 1;
        }
    } else {
        out = codes(runs);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_complete_so_that_no_bits_are_left_without_a_symbol() {
        assert!(LENGTH.iter().all(|entry| entry.1 > 0));
        assert!(DISTANCE.iter().all(|entry| entry.1 > 0));
        assert!(LITERAL.iter().all(|entry| entry.1 > 0));
    }
}
