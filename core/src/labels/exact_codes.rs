//! Codes that a list names one by one.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::short_codes::{code_of, key};

/// Codes that are listed one by one, and the row of each; most of them are short.
#[derive(Debug, Clone, Default)]
pub(super) struct ExactCodes {
    /// Ascending once [`ExactCodes::sort`] was called.
    keys: Vec<u128>,
    rows: Vec<u32>,
    long: HashMap<Box<[u8]>, u32, ahash::RandomState>,
}

impl ExactCodes {
    pub fn get(&self, code: &[u8]) -> Option<u32> {
        match key(code) {
            Some(key) => Some(self.rows[self.keys.binary_search(&key.swap_bytes()).ok()?]),
            None => self.long.get(code).copied(),
        }
    }

    /// The last row that has a code counts.
    pub fn push(&mut self, code: &[u8], row: u32) {
        match key(code) {
            // In the order of their bytes, in which a table has them as a rule.
            Some(key) => {
                self.keys.push(key.swap_bytes());
                self.rows.push(row);
            }
            None => drop(self.long.insert(code.into(), row)),
        }
    }

    pub fn sort(&mut self) {
        if self.keys.is_sorted_by(|one, next| one < next) {
            return;
        }
        let mut all: Vec<(u128, u32)> = self.keys.drain(..).zip(self.rows.drain(..)).collect();
        all.sort_unstable();
        all.dedup_by(|(next, row), (key, last)| {
            let same = next == key;
            if same {
                *last = *row;
            }
            same
        });
        (self.keys, self.rows) = all.into_iter().unzip();
    }

    pub fn len(&self) -> usize {
        self.keys.len() + self.long.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = (Cow<'_, [u8]>, u32)> {
        let long = self.long.iter().map(|(code, row)| (Cow::Borrowed(&**code), *row));
        let short = self.keys.iter().zip(&self.rows);
        short.map(|(key, row)| (Cow::Owned(code_of(key.swap_bytes())), *row)).chain(long)
    }
}

/// As pairs: keys of JSON are texts, and numbers of sixteen bytes are none.
impl Serialize for ExactCodes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for ExactCodes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut exact = ExactCodes::default();
        for (code, row) in Vec::<(Vec<u8>, u32)>::deserialize(from)? {
            exact.push(&code, row);
        }
        exact.sort();
        Ok(exact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// However codes come, the last row that has one counts.
        #[test]
        fn the_last_row_of_a_code_counts(codes in proptest::collection::vec("[0-3 ]{0,2}|[a-z]{15,17}", 0..40)) {
            let (mut exact, mut last) = (ExactCodes::default(), HashMap::new());
            for (row, code) in (0..).zip(&codes) {
                exact.push(code.as_bytes(), row);
                last.insert(code.as_str(), row);
            }
            exact.sort();
            assert!(last.iter().all(|(code, row)| exact.get(code.as_bytes()) == Some(*row)));
            assert_eq!((exact.len(), exact.iter().count(), exact.get(b"4")), (last.len(), last.len(), None));
        }
    }
}
