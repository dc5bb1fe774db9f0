//! Whether a column's values only grow, or only shrink, in the order in which the rows are loaded. A BRIN of some pages does then for
//! what would take a btree as large as the column.

use std::cmp::Ordering;

use ::arrow::array::{Array, ArrayRef, RecordBatch, make_comparator};
use ::arrow::compute::SortOptions;

/// A column that is watched; what is NULL has no place in the order.
pub(super) struct Monotone {
    pub name: String,
    place: usize,
    last: Option<ArrayRef>,
    grows: bool,
    shrinks: bool,
}

impl Monotone {
    /// The column at `place` of the batches, which the table calls `name`.
    pub(super) fn new(name: &str, place: usize) -> Self {
        Monotone { name: name.to_owned(), place, last: None, grows: true, shrinks: true }
    }

    pub(super) fn holds(&self) -> bool {
        self.grows || self.shrinks
    }

    /// Looks no further once the order is broken.
    pub(super) fn see(&mut self, batch: &RecordBatch) {
        if !self.holds() || batch.num_rows() == 0 {
            return;
        }
        let column = batch.column(self.place);
        let compare = |left: &dyn Array, right: &dyn Array| make_comparator(left, right, SortOptions::default());
        let Ok(within) = compare(column, column) else { return self.breaks() };
        let mut before: Option<usize> = None;
        for row in (0..column.len()).filter(|row| column.is_valid(*row)) {
            let order = match (before, &self.last) {
                (Some(before), _) => within(before, row),
                (None, Some(last)) => match compare(last, column) {
                    Ok(across) => across(0, row),
                    Err(_) => return self.breaks(),
                },
                (None, None) => Ordering::Equal,
            };
            self.grows &= order != Ordering::Greater;
            self.shrinks &= order != Ordering::Less;
            if !self.holds() {
                return;
            }
            before = Some(row);
        }
        if let Some(row) = before {
            // A copy: the slice alone would hold the whole batch.
            let row = ::arrow::array::UInt32Array::from_iter_values([u32::try_from(row).unwrap_or(u32::MAX)]);
            match ::arrow::compute::take(column, &row, None) {
                Ok(last) => self.last = Some(last),
                Err(_) => self.breaks(),
            }
        }
    }

    /// From now on nothing is known of it.
    pub(super) fn breaks(&mut self) {
        (self.grows, self.shrinks) = (false, false);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ::arrow::array::{Int32Array, StringArray};

    use super::*;

    #[test]
    fn an_order_is_seen_across_batches_and_over_what_is_missing() {
        let ints = |values: &[Option<i32>]| {
            let column: ArrayRef = Arc::new(Int32Array::from(values.to_vec()));
            RecordBatch::try_from_iter_with_nullable([("a", column, true)]).unwrap()
        };
        let holds = |batches: &[RecordBatch]| {
            let mut one = Monotone::new("a", 0);
            batches.iter().for_each(|batch| one.see(batch));
            one.holds()
        };
        assert!(holds(&[ints(&[Some(1), None, Some(1)]), ints(&[]), ints(&[None]), ints(&[Some(1), Some(9)])]));
        assert!(holds(&[ints(&[Some(9), Some(3)]), ints(&[Some(3), None, Some(-1)])]));
        assert!(!holds(&[ints(&[Some(1), Some(2)]), ints(&[Some(1)])]), "the break lies between two batches");
        assert!(!holds(&[ints(&[Some(1), Some(2), Some(1)])]));
        assert!(!holds(&[ints(&[Some(2)]), ints(&[Some(1)]), ints(&[Some(3)])]));
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["202401", "202401", "202402"]));
        assert!(holds(&[RecordBatch::try_from_iter([("a", texts)]).unwrap()]));
    }
}
