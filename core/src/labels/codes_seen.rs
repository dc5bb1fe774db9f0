//! Codes without a label that came by while rows were read. Where that was every row, once, nobody reads them again to count.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::derived::Derived;
use super::without_label::WithoutLabel;

/// Of each label: the rows that were looked at, and the codes without one. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct CodesSeen(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    labels: HashMap<String, (u64, WithoutLabel)>,
    /// Some rows came twice, and perhaps others not at all.
    spoilt: bool,
}

impl CodesSeen {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rows come from the first one on.
    pub fn begin(&self) {
        *self.seen() = Seen::default();
    }

    /// Rows that have come will come again.
    pub fn spoil(&self) {
        self.seen().spoilt = true;
    }

    /// So many more rows, and what they have without a label.
    pub fn add(&self, label: &Derived, rows: u64, without: &WithoutLabel) {
        let mut seen = self.seen();
        let (all_rows, all) = seen.labels.entry(label.id()).or_default();
        *all_rows += rows;
        all.merge(without);
    }

    /// What `rows` rows have without a label, where so many were looked at, and every code was told apart.
    pub fn of(&self, label: &Derived, rows: u64) -> Option<WithoutLabel> {
        let seen = self.seen();
        let (looked_at, without) = seen.labels.get(&label.id())?;
        let known = !seen.spoilt && *looked_at == rows && !without.is_full();
        known.then(|| without.clone())
    }
}

/// What was seen is no part of what is to be read.
impl PartialEq for CodesSeen {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::labels::label_column;

    #[test]
    fn what_was_seen_counts_only_where_it_was_every_row_once() {
        let label = label_column(Catalog::builtin().dataset("SIH-RD").unwrap(), "SEXO").unwrap();
        let some = WithoutLabel { rows: 2, codes: [("7".to_owned(), 2)].into() };
        let seen = CodesSeen::default();
        assert_eq!(seen.of(&label, 0), None);
        seen.begin();
        seen.clone().add(&label, 5, &some);
        seen.add(&label, 3, &WithoutLabel { rows: 1, codes: [("8".to_owned(), 1)].into() });
        let both = WithoutLabel { rows: 3, codes: [("7".to_owned(), 2), ("8".to_owned(), 1)].into() };
        assert_eq!((seen.of(&label, 8), seen.of(&label, 9), seen.of(&label, 7)), (Some(both), None, None));
        seen.spoil();
        assert_eq!(seen.of(&label, 8), None);
        seen.begin();
        seen.add(&label, 5, &some);
        assert_eq!(seen.of(&label, 5), Some(some));
        // More codes than are told apart.
        let all = WithoutLabel { rows: 10_000, codes: (0..10_000).map(|code| (code.to_string(), 1)).collect() };
        seen.add(&label, 10_000, &all);
        assert_eq!(seen.of(&label, 10_005), None);
    }
}
