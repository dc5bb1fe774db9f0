//! The codes of a list and the label of each: what is looked up.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::cnv::{Digits, digits, padded};
use super::known_codes::Mix;
use super::short_codes::{NONE, code_of, key};
use super::tokens::{self, Span, latin1};
use super::{Cnv, CnvRow, Mode};

/// Lists are read when a query asks, and CID-10 alone has 14,000 codes.
type Map<K, V> = HashMap<K, V, ahash::RandomState>;
/// Row and label of a code.
type Place = (u32, u32);
/// Low, high, row, label.
type Bounds = (Box<[u8]>, Box<[u8]>, u32, u32);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ListCodes {
    width: usize,
    mode: Mode,
    /// Each once, in the order of display.
    labels: Texts,
    /// The same as the table writes them; none: they are the labels.
    texts: Option<Texts>,
    #[serde(with = "as_pairs")]
    exact: Exact,
    ranges: Vec<Bounds>,
    /// Ranges from blank on: what nothing else has.
    rest: Vec<Bounds>,
    /// Ascending, with the label.
    bounds: Vec<(i64, u32)>,
}

/// Codes that are listed one by one, most of them short.
#[derive(Debug, Clone, Default)]
struct Exact {
    short: HashMap<u128, Place, BuildHasherDefault<Mix>>,
    long: Map<Box<[u8]>, Place>,
}

impl Exact {
    fn get(&self, code: &[u8]) -> Option<Place> {
        match key(code) {
            Some(key) => self.short.get(&key).copied(),
            None => self.long.get(code).copied(),
        }
    }

    fn insert(&mut self, code: &[u8], place: Place) {
        match key(code) {
            Some(key) => self.short.insert(key, place),
            None => self.long.insert(code.into(), place),
        };
    }

    fn len(&self) -> usize {
        self.short.len() + self.long.len()
    }

    fn iter(&self) -> impl Iterator<Item = (Cow<'_, [u8]>, Place)> {
        let long = self.long.iter().map(|(code, place)| (Cow::Borrowed(&**code), *place));
        self.short.iter().map(|(key, place)| (Cow::Owned(code_of(*key)), *place)).chain(long)
    }
}

/// Keys that are no text, in what has names for keys.
mod as_pairs {
    use serde::Deserialize;

    use super::{Exact, Place};

    pub fn serialize<S: serde::Serializer>(exact: &Exact, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(exact.iter())
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Exact, D::Error> {
        let mut exact = Exact::default();
        for (code, place) in Vec::<(Vec<u8>, Place)>::deserialize(from)? {
            exact.insert(&code, place);
        }
        Ok(exact)
    }
}

/// Those of a list, which a column whose words are this list's holds too.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
struct Texts(Arc<Vec<String>>);

impl From<Vec<String>> for Texts {
    fn from(texts: Vec<String>) -> Self {
        Texts(Arc::new(texts))
    }
}

impl From<Texts> for Vec<String> {
    fn from(texts: Texts) -> Self {
        Arc::unwrap_or_clone(texts.0)
    }
}

/// A row of a table as it is read; `codes` says which of all spans are its own.
struct Row<'a> {
    number: u32,
    label: &'a str,
    codes: Range<usize>,
}

impl ListCodes {
    /// Those of a table; `nice`: short texts for official ones.
    pub fn of(cnv: &Cnv, nice: &HashMap<String, String>) -> Self {
        let (mut spans, mut rows) = (Vec::with_capacity(cnv.rows.len()), Vec::with_capacity(cnv.rows.len()));
        for CnvRow { number, label, codes, .. } in &cnv.rows {
            let first = spans.len();
            spans.extend(codes.iter().map(Span::of));
            rows.push(Row { number: *number, label, codes: first..spans.len() });
        }
        ListCodes::build(cnv.width, cnv.mode, &rows, &spans, nice)
    }

    /// The same of rows as [`super::list::written`] writes them.
    pub fn read(text: &str, width: usize, mode: Mode, nice: &HashMap<String, String>) -> Self {
        let lines: Vec<(u32, &str, Cow<'_, [u8]>)> = text.lines().filter_map(cells).collect();
        let (mut spans, mut rows) = (Vec::with_capacity(lines.len()), Vec::with_capacity(lines.len()));
        for (number, label, codes) in &lines {
            let first = spans.len();
            spans.extend(tokens::spans(codes, width));
            rows.push(Row { number: *number, label, codes: first..spans.len() });
        }
        ListCodes::build(width, mode, &rows, &spans, nice)
    }

    fn build(width: usize, mode: Mode, rows: &[Row<'_>], spans: &[Span<'_>], nice: &HashMap<String, String>) -> Self {
        let texts: Vec<&str> = rows.iter().map(|row| nice.get(row.label).map_or(row.label, String::as_str)).collect();
        let mut order: Vec<(u32, usize)> = rows.iter().enumerate().map(|(at, row)| (row.number, at)).collect();
        order.sort_unstable();
        let is_shown = |at: usize| !rows[at].codes.is_empty() && !texts[at].is_empty();
        let mut shown: Vec<usize> = order.into_iter().map(|(_, at)| at).filter(|at| is_shown(*at)).collect();
        let mut numbers = vec![NONE; rows.len()];
        if shown.windows(2).all(|pair| texts[pair[0]] < texts[pair[1]]) {
            // Labels that begin with their code, as CID-10's 14,000 do, are each another one.
            shown.iter().zip(0..).for_each(|(at, number)| numbers[*at] = number);
        } else {
            let mut known: Map<&str, u32> = Map::with_capacity_and_hasher(shown.len(), Default::default());
            shown.retain(|at| {
                let number = known.len() as u32;
                *known.entry(texts[*at]).or_insert(number) == number
            });
            texts
                .iter()
                .zip(&mut numbers)
                .for_each(|(text, number)| *number = known.get(text).copied().unwrap_or(NONE));
        }
        let labels: Vec<String> = shown.iter().map(|at| texts[*at].to_owned()).collect();
        let official = || shown.iter().map(|at| rows[*at].label.to_owned()).collect::<Vec<String>>().into();
        let mut list = ListCodes {
            width,
            mode,
            texts: (!nice.is_empty()).then(official),
            labels: labels.into(),
            exact: Exact::default(),
            ranges: Vec::new(),
            rest: Vec::new(),
            bounds: Vec::new(),
        };
        list.exact.short.reserve(spans.len());
        for (row, of) in rows.iter().enumerate() {
            let label = numbers[row];
            for code in &spans[of.codes.clone()] {
                match code {
                    // The last row of the file counts.
                    Span::One(code) => list.exact.insert(code, (row as u32, label)),
                    Span::Range(low, high) => {
                        let ranges = if code.is_rest() { &mut list.rest } else { &mut list.ranges };
                        ranges.push((low.to_vec().into(), high.to_vec().into(), row as u32, label));
                    }
                }
                if mode == Mode::Bounds
                    && let Some(bound) =
                        std::str::from_utf8(code.first()).ok().and_then(|code| code.trim().parse().ok())
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
    pub fn texts(&self) -> &Arc<Vec<String>> {
        &self.texts.as_ref().unwrap_or(&self.labels).0
    }

    /// The labels, each once, in the order of display.
    pub fn labels(&self) -> &Arc<Vec<String>> {
        &self.labels.0
    }

    /// Codes that are listed one by one.
    pub fn listed_codes(&self) -> usize {
        self.exact.len()
    }

    /// The same, each with its label.
    pub fn listed(&self) -> impl Iterator<Item = (Cow<'_, [u8]>, &str)> {
        let label = |number: u32| self.labels.0.get(number as usize).map(String::as_str);
        self.exact.iter().filter_map(move |(code, (_, number))| Some((code, label(number)?)))
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
                Digits::Short { written, key } => match self.exact.get(&written) {
                    Some((_, label)) => label,
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
                if row > *other {
                    label
                } else {
                    *of_range
                }
            }
            (Some((_, label)), None) => label,
            (None, Some((.., label))) => *label,
            (None, None) => holding(&self.rest, key).map_or(NONE, |(.., label)| *label),
        }
    }
}

/// Number, label and codes of a line.
fn cells(line: &str) -> Option<(u32, &str, Cow<'_, [u8]>)> {
    let mut cells = line.split('\t');
    Some((cells.next()?.parse().ok()?, cells.next()?, latin1(cells.next()?)))
}

/// The first of these ranges that has the key.
fn holding<'r>(ranges: &'r [Bounds], key: &[u8]) -> Option<&'r Bounds> {
    ranges.iter().find(|(low, high, ..)| &**low <= key && key <= &**high)
}
