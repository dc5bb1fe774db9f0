//! The codes of a list and the label of each: what is looked up.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use arrow::array::StringBuilder;
use serde::{Deserialize, Serialize};

use super::cnv::{Digits, digits, padded};
use super::short_codes::{NONE, code_of, key};
use super::tokens::{self, Span, latin1};
use super::word_list::WordList;
use super::{Cnv, CnvRow, Mode, Token};

/// Lists are read when a query asks, and CID-10 alone has 14,000 codes.
type Map<K, V> = HashMap<K, V, ahash::RandomState>;
/// Low, high, row.
type Bounds = (Box<[u8]>, Box<[u8]>, u32);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ListCodes {
    width: usize,
    mode: Mode,
    /// Each once, in the order of display.
    labels: WordList,
    /// The same as the table writes them; none: they are the labels.
    texts: Option<WordList>,
    /// The label of each row of the table.
    of_rows: Vec<u32>,
    #[serde(with = "as_pairs")]
    exact: Exact,
    ranges: Vec<Bounds>,
    /// Ranges from blank on: what nothing else has.
    rest: Vec<Bounds>,
    /// Ascending, with the row.
    bounds: Vec<(i64, u32)>,
}

/// Codes that are listed one by one, and the row of each; most of them are short.
#[derive(Debug, Clone, Default)]
struct Exact {
    /// Ascending once [`Exact::sort`] was called.
    keys: Vec<u128>,
    rows: Vec<u32>,
    long: Map<Box<[u8]>, u32>,
}

impl Exact {
    fn get(&self, code: &[u8]) -> Option<u32> {
        match key(code) {
            Some(key) => Some(self.rows[self.keys.binary_search(&key.swap_bytes()).ok()?]),
            None => self.long.get(code).copied(),
        }
    }

    /// The last row that has a code counts.
    fn push(&mut self, code: &[u8], row: u32) {
        match key(code) {
            // In the order of their bytes, in which a table has them as a rule.
            Some(key) => {
                self.keys.push(key.swap_bytes());
                self.rows.push(row);
            }
            None => drop(self.long.insert(code.into(), row)),
        }
    }

    fn sort(&mut self) {
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

    fn len(&self) -> usize {
        self.keys.len() + self.long.len()
    }

    fn iter(&self) -> impl Iterator<Item = (Cow<'_, [u8]>, u32)> {
        let long = self.long.iter().map(|(code, row)| (Cow::Borrowed(&**code), *row));
        let short = self.keys.iter().zip(&self.rows);
        short.map(|(key, row)| (Cow::Owned(code_of(key.swap_bytes())), *row)).chain(long)
    }
}

/// Keys that are no text, in what has names for keys.
mod as_pairs {
    use serde::Deserialize;

    use super::Exact;

    pub fn serialize<S: serde::Serializer>(exact: &Exact, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(exact.iter())
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Exact, D::Error> {
        let mut exact = Exact::default();
        for (code, row) in Vec::<(Vec<u8>, u32)>::deserialize(from)? {
            exact.push(&code, row);
        }
        exact.sort();
        Ok(exact)
    }
}

/// A row of a table as it is read.
struct Row<'a> {
    number: u32,
    label: &'a str,
    codes: RowCodes<'a>,
}

impl<'a> Row<'a> {
    fn of(row: &'a CnvRow) -> Self {
        Row { number: row.number, label: &row.label, codes: RowCodes::Read(&row.codes) }
    }
}

enum RowCodes<'a> {
    Read(&'a [Token]),
    Written(Cow<'a, [u8]>),
}

impl RowCodes<'_> {
    /// How many there are.
    fn each(&self, width: usize, code: &mut dyn FnMut(Span<'_>)) -> usize {
        match self {
            RowCodes::Read(tokens) => tokens.iter().map(Span::of).map(code).count(),
            RowCodes::Written(text) => tokens::spans(text, width).map(code).count(),
        }
    }
}

/// The labels of a table, each once, in the order of display.
struct Labels {
    shown: WordList,
    /// As the table writes them, where others stand for them.
    official: Option<WordList>,
    of_rows: Vec<u32>,
}

impl ListCodes {
    /// Those of a table; `nice`: short texts for official ones.
    pub fn of(cnv: &Cnv, nice: &HashMap<String, String>) -> Self {
        ListCodes::build(cnv.width, cnv.mode, cnv.rows.iter().map(Row::of), nice)
    }

    /// The same of rows as [`super::list::written`] writes them.
    pub fn read(text: &str, width: usize, mode: Mode, nice: &HashMap<String, String>) -> Self {
        ListCodes::build(width, mode, Lines(text).filter_map(cells), nice)
    }

    fn build<'a>(
        width: usize,
        mode: Mode,
        rows: impl Iterator<Item = Row<'a>> + Clone,
        nice: &HashMap<String, String>,
    ) -> Self {
        let mut list = ListCodes {
            width,
            mode,
            texts: None,
            labels: Vec::new().into(),
            of_rows: Vec::new(),
            exact: Exact::default(),
            ranges: Vec::new(),
            rest: Vec::new(),
            bounds: Vec::new(),
        };
        let mut as_they_stand = Some(AsTheyStand::default()).filter(|_| nice.is_empty());
        let mut counts = Vec::new();
        for (at, row) in rows.clone().enumerate() {
            let count = row.codes.each(width, &mut |code| list.add(&code, at as u32));
            counts.push(count);
            as_they_stand = as_they_stand.and_then(|labels| labels.with(&row, count));
        }
        list.exact.sort();
        list.ranges.reverse();
        list.rest.reverse();
        let labels = as_they_stand.and_then(AsTheyStand::labels).unwrap_or_else(|| Labels::of(rows, &counts, nice));
        (list.labels, list.texts, list.of_rows) = (labels.shown, labels.official, labels.of_rows);
        let of_rows = &list.of_rows;
        list.bounds.sort_unstable_by_key(|(bound, row)| (*bound, of_rows[*row as usize]));
        list
    }

    fn add(&mut self, code: &Span<'_>, row: u32) {
        match code {
            Span::One(code) => self.exact.push(code, row),
            Span::Range(low, high) => {
                let ranges = if code.is_rest() { &mut self.rest } else { &mut self.ranges };
                ranges.push((low.to_vec().into(), high.to_vec().into(), row));
            }
        }
        if self.mode == Mode::Bounds
            && let Some(bound) = std::str::from_utf8(code.first()).ok().and_then(|code| code.trim().parse().ok())
        {
            self.bounds.push((bound, row));
        }
    }

    /// The labels as the table writes them.
    pub fn texts(&self) -> &WordList {
        self.texts.as_ref().unwrap_or(&self.labels)
    }

    /// The labels, each once, in the order of display.
    pub fn labels(&self) -> &WordList {
        &self.labels
    }

    /// Codes that are listed one by one.
    pub fn listed_codes(&self) -> usize {
        self.exact.len()
    }

    /// The same, each with its label.
    pub fn listed(&self) -> impl Iterator<Item = (Cow<'_, [u8]>, &str)> {
        self.exact.iter().filter_map(|(code, row)| Some((code, self.labels.get(self.of_row(row) as usize)?)))
    }

    /// The label of a record's characters, by its number.
    pub fn number_of(&self, value: &[u8]) -> u32 {
        self.row_of(value).map_or(NONE, |row| self.of_row(row))
    }

    fn of_row(&self, row: u32) -> u32 {
        self.of_rows.get(row as usize).copied().unwrap_or(NONE)
    }

    fn row_of(&self, value: &[u8]) -> Option<u32> {
        match self.mode {
            Mode::Bounds => {
                let number = std::str::from_utf8(value).ok()?.trim().parse::<i64>().ok()?;
                self.bounds.iter().find(|(bound, _)| number <= *bound).map(|(_, row)| *row)
            }
            Mode::Text => self.last(&padded(value, self.width)),
            Mode::Digits => match digits(value, self.width) {
                Digits::Blank(key) | Digits::Filled { key } => self.last(&key),
                Digits::Short { written, key } => self.exact.get(&written).or_else(|| self.last(&key)),
            },
        }
    }

    /// The last row that has the key.
    fn last(&self, key: &[u8]) -> Option<u32> {
        let (exact, range) = (self.exact.get(key), holding(&self.ranges, key));
        exact.max(range).or_else(|| holding(&self.rest, key))
    }
}

/// Labels of a table whose rows stand in the order of display, each with a label of its own.
#[derive(Default)]
struct AsTheyStand {
    labels: StringBuilder,
    rows: u32,
    last: Option<u32>,
}

impl AsTheyStand {
    fn with(mut self, row: &Row<'_>, codes: usize) -> Option<Self> {
        let follows = self.last.replace(row.number).is_none_or(|last| last < row.number);
        if !follows || codes == 0 || row.label.is_empty() {
            return None;
        }
        self.labels.append_value(row.label);
        self.rows += 1;
        Some(self)
    }

    fn labels(self) -> Option<Labels> {
        let shown = WordList::from(self.labels);
        are_different(&shown).then(|| Labels { shown, official: None, of_rows: (0..self.rows).collect() })
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

impl Labels {
    /// `codes`: how many each row has.
    fn of<'a>(rows: impl Iterator<Item = Row<'a>>, codes: &[usize], nice: &HashMap<String, String>) -> Self {
        let rows: Vec<(u32, &str)> = rows.map(|row| (row.number, row.label)).collect();
        let texts: Vec<&str> = rows.iter().map(|(_, label)| nice.get(*label).map_or(*label, String::as_str)).collect();
        let mut order: Vec<(u32, usize)> = rows.iter().enumerate().map(|(at, (number, _))| (*number, at)).collect();
        order.sort_unstable();
        let mut known: Map<&str, u32> = Map::default();
        let mut shown: Vec<usize> = Vec::new();
        for (_, at) in order.into_iter().filter(|(_, at)| codes[*at] > 0 && !texts[*at].is_empty()) {
            let number = known.len() as u32;
            if *known.entry(texts[at]).or_insert(number) == number {
                shown.push(at);
            }
        }
        Labels {
            shown: shown.iter().map(|at| texts[*at]).collect(),
            official: (!nice.is_empty()).then(|| shown.iter().map(|at| rows[*at].1).collect()),
            of_rows: texts.iter().map(|text| known.get(text).copied().unwrap_or(NONE)).collect(),
        }
    }
}

/// Lines without their ends.
#[derive(Clone)]
struct Lines<'t>(&'t str);

impl<'t> Iterator for Lines<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let (line, rest) = cut(self.0, b'\n').or_else(|| (!self.0.is_empty()).then_some((self.0, "")))?;
        self.0 = rest;
        Some(line)
    }
}

/// Number, label and codes of a line.
fn cells(line: &str) -> Option<Row<'_>> {
    let (number, rest) = cut(line, b'\t')?;
    let (label, codes) = cut(rest, b'\t')?;
    Some(Row { number: number.parse().ok()?, label, codes: RowCodes::Written(latin1(codes)) })
}

/// What stands before the first of these, and behind it.
fn cut(text: &str, at: u8) -> Option<(&str, &str)> {
    let at = memchr::memchr(at, text.as_bytes())?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// The last of the rows that have a range with the key; the ranges stand in the opposite order.
fn holding(ranges: &[Bounds], key: &[u8]) -> Option<u32> {
    ranges.iter().find(|(low, high, _)| &**low <= key && key <= &**high).map(|(.., row)| *row)
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

        /// However codes come, the last row that has one counts.
        #[test]
        fn the_last_row_of_a_code_counts(codes in proptest::collection::vec("[0-3 ]{0,2}|[a-z]{15,17}", 0..40)) {
            let (mut exact, mut last) = (Exact::default(), HashMap::new());
            for (row, code) in (0..).zip(&codes) {
                exact.push(code.as_bytes(), row);
                last.insert(code.as_str(), row);
            }
            exact.sort();
            assert!(last.iter().all(|(code, row)| exact.get(code.as_bytes()) == Some(*row)));
            assert_eq!((exact.len(), exact.iter().count(), exact.get(b"4")), (last.len(), last.len(), None));
        }
    }

    #[test]
    fn rows_that_stand_in_the_order_of_display_give_the_labels_that_others_do() {
        let text = "1\tA00   Colera\tA00 ,\n2\tA00.1 Colera\tA001,\n3\tSíndrome\tA01 ,A02-A09,\n4\tA10 x\tA10 ,\n";
        let read = |text: &str| ListCodes::read(text, 4, Mode::Text, &HashMap::new());
        let mut lines: Vec<&str> = text.lines().collect();
        lines.swap(0, 3);
        let (as_they_stand, by_number) = (read(text), read(&lines.join("\n")));
        assert_eq!(as_they_stand.labels(), by_number.labels());
        for code in ["A00", "A001", "A01", "A10", "A11", ""] {
            assert_eq!(as_they_stand.number_of(code.as_bytes()), by_number.number_of(code.as_bytes()), "{code}");
        }
        assert_eq!((as_they_stand.number_of(b"A01"), as_they_stand.number_of(b"B01")), (2, NONE));
    }
}
