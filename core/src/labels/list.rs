//! A list of codes and their labels: which it is, and its rows once they are asked for.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::list_codes::ListCodes;
use super::packed_lists::Frame;
use super::rules::NICE;
use super::tokens::latin1;
use super::word_list::WordList;
use super::{Cnv, Mode, Token};

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
    rows: Rows,
}

/// A dataset has labels of some 60 columns, and a query asks for those of a few.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "ListCodes", into = "ListCodes")]
struct Rows {
    read: OnceLock<ListCodes>,
    unread: Option<Unread>,
}

/// Rows of a list in a dictionary.
#[derive(Debug, Clone)]
struct Unread {
    frame: Arc<Frame>,
    rows: Range<usize>,
    width: usize,
    mode: Mode,
    nice: &'static HashMap<String, String>,
}

impl Rows {
    fn codes(&self) -> &ListCodes {
        self.read.get_or_init(|| {
            let none = Cnv { width: 0, mode: Mode::Digits, declared: 0, rows: Vec::new() };
            self.unread.as_ref().map_or_else(|| ListCodes::of(&none, &HashMap::new()), Unread::read)
        })
    }
}

impl From<ListCodes> for Rows {
    fn from(codes: ListCodes) -> Self {
        Rows { read: codes.into(), unread: None }
    }
}

impl From<Rows> for ListCodes {
    fn from(rows: Rows) -> Self {
        rows.codes().clone()
    }
}

impl Unread {
    /// Of what [`written`] wrote, which [`super::Dictionary`]'s tests read whole.
    fn read(&self) -> ListCodes {
        ListCodes::read(self.frame.text().get(self.rows.clone()).unwrap_or_default(), self.width, self.mode, self.nice)
    }
}

impl List {
    /// The list of a table; `nice`: short texts for official ones.
    pub fn of(cnv: &Cnv, id: &str, nice: &HashMap<String, String>) -> Self {
        let (source, date) = (String::new(), String::new());
        List { id: id.to_owned(), source, date, official: true, rows: ListCodes::of(cnv, nice).into() }
    }

    /// The labels, each once, in the order of display.
    pub fn labels(&self) -> &WordList {
        self.rows.codes().labels()
    }

    /// The labels as the table writes them, also where another project's short form stands in [`List::labels`].
    pub fn official_texts(&self) -> &WordList {
        self.rows.codes().texts()
    }

    /// Codes that are listed one by one.
    pub fn codes(&self) -> usize {
        self.rows.codes().listed_codes()
    }

    /// The same, each with its label.
    pub(super) fn listed(&self) -> impl Iterator<Item = (Cow<'_, [u8]>, &str)> {
        self.rows.codes().listed()
    }

    /// The label of a record's characters, by its number in [`List::labels`].
    pub(super) fn number_of(&self, value: &[u8]) -> u32 {
        self.rows.codes().number_of(value)
    }

    /// The label of a code; none where the list has none.
    pub fn label_of(&self, value: &str) -> Option<&str> {
        self.labels().get(self.number_of(&latin1(value)) as usize)
    }

    /// The place of a label in the order of display.
    pub fn place(&self, label: &str) -> Option<usize> {
        self.labels().iter().position(|known| known == label)
    }

    /// What [`written`] wrote, between `#` and the end of the line and in the rows behind it, which are read when they are asked for.
    pub(super) fn read(head: &str, frame: &Arc<Frame>, rows: Range<usize>) -> Option<Self> {
        static NONE: std::sync::LazyLock<HashMap<String, String>> = std::sync::LazyLock::new(HashMap::new);
        let mut parts = head.split('|');
        let mut next = || parts.next();
        let (id, width, mode, official, date, source) = (next()?, next()?, next()?, next()?, next()?, next()?);
        let mode = match mode {
            "L" => Mode::Text,
            "F" => Mode::Bounds,
            _ => Mode::Digits,
        };
        let nice = NICE.get(id).unwrap_or(&NONE);
        let unread = Unread { frame: frame.clone(), rows, width: width.parse().ok()?, mode, nice };
        Some(List {
            id: id.to_owned(),
            source: source.to_owned(),
            date: date.to_owned(),
            official: official == "1",
            rows: Rows { read: OnceLock::new(), unread: Some(unread) },
        })
    }
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

#[cfg(test)]
mod tests {
    use super::super::tokens::tokens;
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
        let end = text.find('\n').unwrap();
        let list = List::read(&text[1..end], &Frame::of(&text), end + 1..text.len()).unwrap();
        assert!(list.labels().iter().eq(["Branca", "Parda", "Ignorado"]));
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
            // What is read late has all its rows.
            let rows = built_in.rows(&entry.list);
            let whole = |line: &str| matches!(line.split('\t').collect::<Vec<_>>()[..], [number, _, _] if number.parse::<u32>().is_ok());
            assert!(rows.lines().all(whole), "{}", entry.list);
            let own = |(code, label): (Cow<'_, [u8]>, &str)| {
                list.label_of(std::str::from_utf8(&code).ok()?).map(|of| of == label)
            };
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
