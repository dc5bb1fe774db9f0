//! A list of codes and their labels, ready to be looked up.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::cnv::{Digits, digits, padded};
use super::tokens::tokens;
use super::{Cnv, Mode, Token};

/// What a code has no label for.
pub(super) const NONE: u32 = u32::MAX;

/// Codes and labels of one table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct List {
    /// By which it is asked for.
    pub id: String,
    /// Which table it is, and of whom.
    pub source: String,
    /// When it was published, as exactly as is known.
    pub date: String,
    /// False: a peer wrote it by hand.
    pub official: bool,
    width: usize,
    mode: Mode,
    /// Each once, in the order of display.
    labels: Vec<String>,
    /// The same as the table writes them.
    texts: Vec<String>,
    /// Row and label of a code.
    #[serde(with = "as_pairs")]
    exact: HashMap<Box<[u8]>, (u32, u32)>,
    ranges: Vec<Range>,
    /// Ranges from blank on: what nothing else has.
    rest: Vec<Range>,
    /// Ascending, with the label.
    bounds: Vec<(i64, u32)>,
}

/// Keys that are no text, in what has names for keys.
mod as_pairs {
    use super::*;

    type Exact = HashMap<Box<[u8]>, (u32, u32)>;

    pub fn serialize<S: serde::Serializer>(exact: &Exact, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(exact)
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Exact, D::Error> {
        Ok(Vec::deserialize(from)?.into_iter().collect())
    }
}

/// Low, high, row, label.
type Range = (Box<[u8]>, Box<[u8]>, u32, u32);

impl List {
    /// The list of a table; `nice`: short texts for official ones.
    pub fn of(cnv: &Cnv, id: &str, nice: &HashMap<String, String>) -> Self {
        let text = |label: &str| nice.get(label).cloned().unwrap_or_else(|| label.to_owned());
        let mut order: Vec<(u32, usize)> = cnv.rows.iter().enumerate().map(|(at, row)| (row.number, at)).collect();
        order.sort_unstable();
        let (mut labels, mut texts, mut numbers) = (Vec::new(), Vec::new(), HashMap::new());
        for (_, at) in order {
            let label = text(&cnv.rows[at].label);
            if !numbers.contains_key(&label) && !cnv.rows[at].codes.is_empty() && !label.is_empty() {
                numbers.insert(label.clone(), labels.len() as u32);
                labels.push(label);
                texts.push(cnv.rows[at].label.clone());
            }
        }
        let mut list = List {
            id: id.to_owned(),
            source: String::new(),
            date: String::new(),
            official: true,
            width: cnv.width,
            mode: cnv.mode,
            labels,
            texts,
            exact: HashMap::new(),
            ranges: Vec::new(),
            rest: Vec::new(),
            bounds: Vec::new(),
        };
        for (row, of) in cnv.rows.iter().enumerate() {
            let label = numbers.get(&text(&of.label)).copied().unwrap_or(NONE);
            for code in &of.codes {
                match code {
                    // The last row of the file counts.
                    Token::One(code) => {
                        list.exact.insert(bytes(code), (row as u32, label));
                    }
                    Token::Range(low, high) => {
                        let ranges = if code.is_rest() { &mut list.rest } else { &mut list.ranges };
                        ranges.push((bytes(low), bytes(high), row as u32, label));
                    }
                }
                if let Ok(bound) = code.first().trim().parse() {
                    list.bounds.push((bound, label));
                }
            }
        }
        list.ranges.reverse();
        list.rest.reverse();
        list.bounds.sort_unstable();
        list
    }

    /// The labels, each once, in the order of display.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The labels as the table writes them, also where another project's short form stands in [`List::labels`].
    pub fn official_texts(&self) -> &[String] {
        &self.texts
    }

    /// Codes that are listed one by one.
    pub fn codes(&self) -> usize {
        self.exact.len()
    }

    /// The same, each with its label.
    pub(super) fn listed(&self) -> impl Iterator<Item = (&[u8], &str)> {
        let label = |number: u32| self.labels.get(number as usize).map(String::as_str);
        self.exact.iter().filter_map(move |(code, (_, number))| Some((&**code, label(*number)?)))
    }

    /// The label of a record's characters, by its number in [`List::labels`].
    pub(super) fn number_of(&self, value: &[u8]) -> u32 {
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

    /// The label of a code; none where the list has none.
    pub fn label_of(&self, value: &str) -> Option<&str> {
        self.labels.get(self.number_of(&latin1(value)) as usize).map(String::as_str)
    }

    /// The place of a label in the order of display.
    pub fn place(&self, label: &str) -> Option<usize> {
        self.labels.iter().position(|known| known == label)
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

    /// Reads what [`written`] wrote: the line after `#`, and the rows.
    pub(super) fn read(head: &str, rows: &str, nice: &HashMap<String, String>) -> Option<Self> {
        let mut parts = head.split('|');
        let mut next = || parts.next();
        let (id, width, mode, official, date, source) = (next()?, next()?, next()?, next()?, next()?, next()?);
        let mode = match mode {
            "L" => Mode::Text,
            "F" => Mode::Bounds,
            _ => Mode::Digits,
        };
        let width = width.parse().ok()?;
        let mut cnv = Cnv { width, mode, declared: 0, rows: Vec::new() };
        for line in rows.lines() {
            let mut cells = line.split('\t');
            let (number, label, codes) = (cells.next()?.parse().ok()?, cells.next()?.to_owned(), cells.next()?);
            cnv.rows.push(super::CnvRow { parent: None, number, label, codes: tokens(&latin1(codes), width) });
        }
        let list = List::of(&cnv, id, nice);
        Some(List { source: source.to_owned(), date: date.to_owned(), official: official == "1", ..list })
    }
}

/// The first of these ranges that has the key.
fn holding<'r>(ranges: &'r [Range], key: &[u8]) -> Option<&'r Range> {
    ranges.iter().find(|(low, high, ..)| &**low <= key && key <= &**high)
}

/// A table as the compiled dictionary holds it.
pub fn written(cnv: &Cnv, id: &str, official: bool, date: &str, source: &str) -> String {
    let mode = match cnv.mode {
        Mode::Text => "L",
        Mode::Bounds => "F",
        Mode::Digits => "",
    };
    let mut text = format!("#{id}|{}|{mode}|{}|{date}|{source}\n", cnv.width, u8::from(official));
    for row in cnv.rows.iter().filter(|row| !row.codes.is_empty()) {
        let codes: Vec<String> = (row.codes.iter())
            .map(|code| match code {
                Token::One(code) => code.clone(),
                Token::Range(low, high) => format!("{low}-{high}"),
            })
            .collect();
        let label = row.label.replace('\t', " ");
        // The comma at the end keeps a blank code.
        text.push_str(&format!("{}\t{label}\t{},\n", row.number, codes.join(",")));
    }
    text
}

fn bytes(code: &str) -> Box<[u8]> {
    latin1(code).into()
}

/// Codes are bytes of the record; what is beyond Latin-1 is in none.
fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(u32, &str, &str)], width: usize, mode: Mode) -> Cnv {
        let row = |(number, label, codes): &(u32, &str, &str)| super::super::CnvRow {
            parent: None,
            number: *number,
            label: (*label).to_owned(),
            codes: tokens(codes.as_bytes(), width),
        };
        Cnv { width, mode, declared: 0, rows: rows.iter().map(row).collect() }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let cnv = table(&[(3, "Ignorado", "00-99,  ,"), (1, "Branca", "01"), (2, "Parda", "03,07-08")], 2, Mode::Text);
        let text = written(&cnv, "sih/RACACOR", true, "2025", "TAB_SIH");
        let (head, rows) = text.strip_prefix('#').unwrap().split_once('\n').unwrap();
        let list = List::read(head, rows, &HashMap::new()).unwrap();
        assert_eq!(list.labels(), ["Branca", "Parda", "Ignorado"]);
        assert_eq!((list.date.as_str(), list.source.as_str(), list.official), ("2025", "TAB_SIH", true));
        for (code, label) in [("01", "Branca"), ("03", "Parda"), ("08", "Parda"), ("", "Ignorado"), ("55", "Ignorado")]
        {
            assert_eq!(list.label_of(code), Some(label), "{code}");
            assert_eq!(cnv.row_of(code.as_bytes()).map(|row| row.label.as_str()), Some(label), "{code}");
        }
        assert_eq!(list.label_of("XX"), None);
    }

    /// Where a peer's list is of another column or of another disease, the ministry's own dictionary counts.
    #[test]
    fn lists_of_the_ministrys_dictionaries_say_what_these_say() {
        let label = |list: &str, code: &str| {
            let list = super::super::Dictionary::built_in().list(&format!("sinan_dic/{list}")).unwrap();
            assert!(list.official);
            list.label_of(code).map(str::to_owned)
        };
        let known = [("1", "Anfotericina B"), ("2", "Pentamidina"), ("3", "Outros"), ("4", "Não se aplica")];
        known.iter().for_each(|(code, word)| assert_eq!(label("LTAN/TRA_OUTR_N", code).as_deref(), Some(*word)));
        let known = [("3", "Óbito por LTA"), ("4", "Óbito por outras causas"), ("6", "Mudança de diagnóstico")];
        known.iter().for_each(|(code, word)| assert_eq!(label("LTAN/EVOLUCAO", code).as_deref(), Some(*word)));
        assert_eq!(label("CHAG/PRESENCA", "3").as_deref(), Some("não realizado"));
        assert_eq!(label("CHAG/PRESENCA", "5"), None);
    }

    /// A row that catches everything, wherever it stands, leaves each code of the others its own label.
    #[test]
    fn in_no_list_does_one_row_hide_the_codes_of_the_others() {
        let built_in = super::super::Dictionary::built_in();
        for entry in built_in.entries() {
            let list = built_in.list(&entry.list).unwrap();
            let own =
                |(code, label): (&[u8], &str)| list.label_of(std::str::from_utf8(code).ok()?).map(|of| of == label);
            let codes: Vec<bool> = list.listed().filter_map(own).collect();
            let right = codes.iter().filter(|right| **right).count();
            assert!(right * 10 >= codes.len() * 9, "{}: {right} of {}", entry.list, codes.len());
        }
    }

    proptest::proptest! {
        /// The compiled list and the table agree on every code, whatever overlaps.
        #[test]
        fn the_list_says_what_the_table_says(
            rows in proptest::collection::vec((1u32..5, "[a-c]", "[0-3]{2}(-[0-3]{2})?"), 1..8),
            value in "[0-3 ]{0,3}",
            text in proptest::bool::ANY,
        ) {
            let rows: Vec<_> = rows.iter().map(|(n, l, c)| (*n, l.as_str(), c.as_str())).collect();
            let cnv = table(&rows, 2, if text { Mode::Text } else { Mode::Digits });
            let list = List::of(&cnv, "x", &HashMap::new());
            let of_table = cnv.row_of(value.as_bytes()).map(|row| row.label.as_str());
            assert_eq!(list.label_of(&value), of_table, "{rows:?} {value:?}");
        }
    }
}
