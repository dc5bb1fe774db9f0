//! The codes of a list and the label of each: what is looked up.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::cnv::{Digits, digits, padded};
use super::{Cnv, Mode, Token};

/// What a code has no label for.
pub(super) const NONE: u32 = u32::MAX;

/// Lists are read when a query asks, and CID-10 alone has 14,000 codes.
type Map<K, V> = HashMap<K, V, ahash::RandomState>;
/// Row and label of a code.
type Exact = Map<Box<[u8]>, (u32, u32)>;
/// Low, high, row, label.
type Range = (Box<[u8]>, Box<[u8]>, u32, u32);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ListCodes {
    width: usize,
    mode: Mode,
    /// Each once, in the order of display.
    pub labels: Vec<String>,
    /// The same as the table writes them; none: they are the labels.
    texts: Option<Vec<String>>,
    #[serde(with = "as_pairs")]
    exact: Exact,
    ranges: Vec<Range>,
    /// Ranges from blank on: what nothing else has.
    rest: Vec<Range>,
    /// Ascending, with the label.
    bounds: Vec<(i64, u32)>,
}

/// Keys that are no text, in what has names for keys.
mod as_pairs {
    use super::Exact;
    use serde::Deserialize;

    pub fn serialize<S: serde::Serializer>(exact: &Exact, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(exact)
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Exact, D::Error> {
        Ok(Vec::deserialize(from)?.into_iter().collect())
    }
}

impl ListCodes {
    /// Those of a table; `nice`: short texts for official ones.
    pub fn of(cnv: &Cnv, nice: &HashMap<String, String>) -> Self {
        let texts: Vec<&str> = cnv.rows.iter().map(|row| nice.get(&row.label).unwrap_or(&row.label).as_str()).collect();
        let mut order: Vec<(u32, usize)> = cnv.rows.iter().enumerate().map(|(at, row)| (row.number, at)).collect();
        order.sort_unstable();
        let mut numbers: Map<&str, u32> = Map::with_capacity_and_hasher(order.len(), Default::default());
        let mut shown = Vec::with_capacity(order.len());
        for (_, at) in order {
            let label = texts[at];
            if !numbers.contains_key(label) && !cnv.rows[at].codes.is_empty() && !label.is_empty() {
                numbers.insert(label, shown.len() as u32);
                shown.push(at);
            }
        }
        let labels: Vec<String> = shown.iter().map(|at| texts[*at].to_owned()).collect();
        let official = || shown.iter().map(|at| cnv.rows[*at].label.clone()).collect();
        let mut list = ListCodes {
            width: cnv.width,
            mode: cnv.mode,
            texts: (!nice.is_empty()).then(official),
            labels,
            exact: Map::with_capacity_and_hasher(cnv.rows.len(), Default::default()),
            ranges: Vec::new(),
            rest: Vec::new(),
            bounds: Vec::new(),
        };
        for (row, of) in cnv.rows.iter().enumerate() {
            let label = numbers.get(texts[row]).copied().unwrap_or(NONE);
            for code in &of.codes {
                match code {
                    // The last row of the file counts.
                    Token::One(code) => {
                        list.exact.insert(latin1(code).into(), (row as u32, label));
                    }
                    Token::Range(low, high) => {
                        let ranges = if code.is_rest() { &mut list.rest } else { &mut list.ranges };
                        ranges.push((latin1(low).into(), latin1(high).into(), row as u32, label));
                    }
                }
                if cnv.mode == Mode::Bounds
                    && let Ok(bound) = code.first().trim().parse()
                {
                    list.bounds.push((bound, label));
                }
            }
        }
        list.ranges.reverse();
        list.rest.reverse();
        list.bounds.sort_unstable();
        list
    }

    /// The labels as the table writes them.
    pub fn texts(&self) -> &[String] {
        self.texts.as_deref().unwrap_or(&self.labels)
    }

    /// Codes that are listed one by one.
    pub fn listed_codes(&self) -> usize {
        self.exact.len()
    }

    /// The same, each with its label.
    pub fn listed(&self) -> impl Iterator<Item = (&[u8], &str)> {
        let label = |number: u32| self.labels.get(number as usize).map(String::as_str);
        self.exact.iter().filter_map(move |(code, (_, number))| Some((&**code, label(*number)?)))
    }

    /// The label of a record's characters, by its number.
    pub fn number_of(&self, value: &[u8]) -> u32 {
        match self.mode {
            Mode::Bounds => {
                let number = std::str::from_utf8(value).ok().and_then(|value| value.trim().parse::<i64>().ok());
                let bound = |number: i64| self.bounds.iter().find(|(bound, _)| number <= *bound);
                number.and_then(bound).map_or(NONE, |(_, label)| *label)
            }
            Mode::Text => self.last(&padded(value, self.width)),
            Mode::Digits => match digits(value, self.width) {
                Digits::Blank(key) | Digits::Filled { key } => self.last(&key),
                Digits::Short { written, key } => match self.exact.get(written.as_slice()) {
                    Some((_, label)) => *label,
                    None => self.last(&key),
                },
            },
        }
    }

    fn last(&self, key: &[u8]) -> u32 {
        let exact = self.exact.get(key);
        let range = holding(&self.ranges, key);
        match (exact, range) {
            (Some((row, label)), Some((.., other, of_range))) => {
                if row > other {
                    *label
                } else {
                    *of_range
                }
            }
            (Some((_, label)), None) => *label,
            (None, Some((.., label))) => *label,
            (None, None) => holding(&self.rest, key).map_or(NONE, |(.., label)| *label),
        }
    }
}

/// The first of these ranges that has the key.
fn holding<'r>(ranges: &'r [Range], key: &[u8]) -> Option<&'r Range> {
    ranges.iter().find(|(low, high, ..)| &**low <= key && key <= &**high)
}

/// Codes are bytes of the record; what is beyond Latin-1 is in none.
pub(super) fn latin1(text: &str) -> Vec<u8> {
    if text.is_ascii() {
        return text.as_bytes().to_vec();
    }
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}
