//! Which rows of a range are kept, and the range's row that each of them is.

use std::sync::Arc;

use arrow::buffer::BooleanBuffer;

/// Rows of the range between two counts.
const STRIDE: usize = 512;

/// One bit for each row of a range; a kept row is found in less than linear time.
#[derive(Debug, Clone)]
pub struct KeptRows {
    bits: BooleanBuffer,
    /// How many are kept before each `STRIDE` rows.
    before: Arc<[usize]>,
}

impl PartialEq for KeptRows {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits
    }
}

impl Eq for KeptRows {}

impl From<BooleanBuffer> for KeptRows {
    fn from(bits: BooleanBuffer) -> Self {
        let mut so_far = 0;
        let count = |from: usize| {
            let before = so_far;
            so_far += bits.slice(from, STRIDE.min(bits.len() - from)).count_set_bits();
            before
        };
        let before = (0..bits.len()).step_by(STRIDE).map(count).collect();
        KeptRows { bits, before }
    }
}

impl KeptRows {
    /// The range's row, from 0, that the kept row of this number is; none past the last.
    pub fn nth(&self, number: usize) -> Option<usize> {
        let stride = self.before.partition_point(|before| *before <= number).checked_sub(1)?;
        let from = stride * STRIDE;
        let part = self.bits.slice(from, STRIDE.min(self.bits.len() - from));
        part.set_indices().nth(number - self.before[stride]).map(|within| from + within)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.bits.set_indices()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kept_row_is_found_where_it_stands_and_none_past_the_last() {
        for (rows, kept) in [(0, 1), (1, 1), (511, 3), (512, 1), (513, 7), (5_000, 13), (5_000, 1), (5_000, 9_999)] {
            let bits = BooleanBuffer::collect_bool(rows + 3, |row| row.is_multiple_of(kept)).slice(3, rows);
            let found = KeptRows::from(bits.clone());
            let all: Vec<usize> = bits.set_indices().collect();
            assert_eq!(found.iter().collect::<Vec<_>>(), all);
            assert_eq!((0..all.len()).map(|n| found.nth(n).unwrap()).collect::<Vec<_>>(), all, "{rows}, {kept}");
            assert_eq!(found.nth(all.len()), None);
        }
    }

    /// A unit as large as there may be: every row of it, one by one. Quadratic, it took minutes.
    #[test]
    fn the_rows_of_a_large_unit_are_looked_up_one_by_one_in_no_time() {
        let found = KeptRows::from(BooleanBuffer::collect_bool(2_000_000, |row| row % 2 == 1));
        assert!((0..1_000_000).all(|n| found.nth(n) == Some(2 * n + 1)));
    }
}
