//! The labels of a list, and which of them each row of its table has.

use std::collections::{HashMap, HashSet};

use arrow::array::StringBuilder;

use super::short_codes::NONE;
use super::word_list::WordList;

/// The labels of a table, each once, in the order of display.
pub(super) struct ListLabels {
    pub shown: WordList,
    /// As the table writes them, where others stand for them.
    pub official: Option<WordList>,
    pub of_rows: Vec<u32>,
}

/// Labels of a table whose rows stand in the order of display, each with a label of its own.
#[derive(Default)]
pub(super) struct AsTheyStand {
    labels: StringBuilder,
    rows: u32,
    last: Option<u32>,
}

impl AsTheyStand {
    pub fn with(mut self, (number, label): (u32, &str), has_codes: bool) -> Option<Self> {
        let follows = self.last.replace(number).is_none_or(|last| last < number);
        if !follows || !has_codes || label.is_empty() {
            return None;
        }
        self.labels.append_value(label);
        self.rows += 1;
        Some(self)
    }

    pub fn labels(self) -> Option<ListLabels> {
        let shown = WordList::built(self.labels);
        are_different(&shown).then(|| ListLabels { shown, official: None, of_rows: (0..self.rows).collect() })
    }
}

/// Whether no word comes twice. CID-10's 14,000 begin with their codes, and ascend but for a few, which alone are kept to be compared.
fn are_different(words: &WordList) -> bool {
    let (mut ascending, mut others): (Vec<&str>, HashSet<&str, ahash::RandomState>) = Default::default();
    for word in words.iter() {
        match ascending.as_slice() {
            [.., last] if *last == word => return false,
            [.., last] if *last < word => ascending.push(word),
            [] => ascending.push(word),
            [.., before, last] if *before < word => {
                if !others.insert(last) {
                    return false;
                }
                ascending.pop();
                ascending.push(word);
            }
            _ if !others.insert(word) => return false,
            _ => {}
        }
    }
    others.iter().all(|word| ascending.binary_search(word).is_err())
}

impl ListLabels {
    /// `with_codes`: whether each row has codes.
    pub fn of<'a>(
        rows: impl Iterator<Item = (u32, &'a str)>,
        with_codes: &[bool],
        nice: &HashMap<String, String>,
    ) -> Self {
        let rows: Vec<(u32, &str)> = rows.collect();
        let texts: Vec<&str> = rows.iter().map(|(_, label)| nice.get(*label).map_or(*label, String::as_str)).collect();
        let mut order: Vec<(u32, usize)> = rows.iter().enumerate().map(|(at, (number, _))| (*number, at)).collect();
        order.sort_unstable();
        let mut known: HashMap<&str, u32, ahash::RandomState> = HashMap::default();
        let mut shown: Vec<usize> = Vec::new();
        for (_, at) in order.into_iter().filter(|(_, at)| with_codes[*at] && !texts[*at].is_empty()) {
            let number = known.len() as u32;
            if *known.entry(texts[at]).or_insert(number) == number {
                shown.push(at);
            }
        }
        ListLabels {
            shown: shown.iter().map(|at| texts[*at]).collect(),
            official: (!nice.is_empty()).then(|| shown.iter().map(|at| rows[*at].1).collect()),
            of_rows: texts.iter().map(|text| known.get(text).copied().unwrap_or(NONE)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// Whatever stands out of order.
        #[test]
        fn words_are_different_where_a_set_has_as_many(mut words in proptest::collection::vec("[a-d]{1,3}", 0..30), sorted in proptest::bool::ANY) {
            if sorted {
                words.sort_unstable();
                words.dedup();
                if words.len() > 3 {
                    words.swap(1, 3);
                }
            }
            let different = words.iter().collect::<HashSet<_>>().len() == words.len();
            assert_eq!(are_different(&words.clone().into()), different, "{words:?}");
        }
    }
}
