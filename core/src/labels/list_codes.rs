//! The codes of a list and the label of each: what is looked up.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::cnv::{Digits, digits, padded, zero_filled};
use super::exact_codes::ExactCodes;
use super::list_labels::{AsTheyStand, ListLabels};
use super::short_codes::NONE;
use super::tokens::{self, Span, latin1};
use super::word_list::WordList;
use super::{Cnv, CnvRow, Mode, Token};

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
    exact: ExactCodes,
    ranges: Vec<Bounds>,
    /// Ranges from blank on: what nothing else has.
    rest: Vec<Bounds>,
    /// Ascending, with the row.
    bounds: Vec<(i64, u32)>,
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
    fn each(&self, width: usize, code: &mut dyn FnMut(Span<'_>)) {
        match self {
            RowCodes::Read(tokens) => tokens.iter().map(Span::of).for_each(code),
            RowCodes::Written(text) => tokens::spans(text, width).for_each(code),
        }
    }
}

impl ListCodes {
    /// Those of a table; `nice`: short texts for official ones.
    pub fn of(cnv: &Cnv, nice: &HashMap<String, String>) -> Self {
        ListCodes::build(cnv.width, cnv.mode, cnv.rows.iter().map(Row::of), nice)
    }

    /// The same of rows as [`super::list::written`] writes them.
    pub fn read(text: &str, width: usize, mode: Mode, nice: &HashMap<String, String>) -> Self {
        ListCodes::build(width, mode, text.lines().filter_map(cells), nice)
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
            exact: ExactCodes::default(),
            ranges: Vec::new(),
            rest: Vec::new(),
            bounds: Vec::new(),
        };
        let mut as_they_stand = Some(AsTheyStand::default()).filter(|_| nice.is_empty());
        let mut with_codes = Vec::new();
        for (at, row) in rows.clone().enumerate() {
            let mut has_codes = false;
            row.codes.each(width, &mut |code| {
                has_codes = true;
                list.add(&code, at as u32);
            });
            with_codes.push(has_codes);
            as_they_stand = as_they_stand.and_then(|labels| labels.with((row.number, row.label), has_codes));
        }
        list.exact.sort();
        list.ranges.reverse();
        list.rest.reverse();
        let labels = as_they_stand
            .and_then(AsTheyStand::labels)
            .unwrap_or_else(|| ListLabels::of(rows.map(|row| (row.number, row.label)), &with_codes, nice));
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
            Mode::Text => self.as_written(value),
            Mode::Digits => match digits(value, self.width) {
                Digits::Blank(key) => self.last(&key),
                Digits::Filled => self.as_written(value),
                Digits::Short { written, key } => self.exact.get(&written).or_else(|| self.last(&key)),
            },
        }
    }

    fn as_written(&self, value: &[u8]) -> Option<u32> {
        let key = padded(value, self.width);
        let filled = zero_filled(value, self.width).filter(|filled| {
            // Without a row of its own.
            self.exact.get(&key).is_none() && self.exact.get(filled).is_some()
        });
        self.last(filled.as_deref().unwrap_or(&key))
    }

    /// The last row that has the key.
    fn last(&self, key: &[u8]) -> Option<u32> {
        let (exact, range) = (self.exact.get(key), holding(&self.ranges, key));
        exact.max(range).or_else(|| holding(&self.rest, key))
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
