//! Conversion tables of TabWin (CNV): which label and which category a code has.
//!
//! A table is text of fixed columns, one byte a character. Of several rows that hold a code the last one in the file counts, in every
//! mode: official tables put the row that catches everything first.

use std::borrow::Cow;

use crate::base::{Code, Error, Result, text};

use super::lines::{Lines, label_text};
use super::tokens::{Token, tokens};

/// How codes are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Mode {
    /// Digits: a blank in a code of at most four characters counts as a zero.
    #[serde(rename = "digits")]
    Digits,
    /// `L`: text.
    #[serde(rename = "text")]
    Text,
    /// `F`: each row has an upper bound, and the first one that the number does not pass counts.
    #[serde(rename = "bounds")]
    Bounds,
}

/// A conversion table.
#[derive(Debug, Clone, PartialEq)]
pub struct Cnv {
    /// Characters of a code.
    pub width: usize,
    /// How codes are compared with it.
    pub mode: Mode,
    /// Different category numbers, as the header says; official tables are wrong about it now and then.
    pub declared: usize,
    /// In the file's order.
    pub rows: Vec<CnvRow>,
}

/// A row of a table. Several may be of one category.
#[derive(Debug, Clone, PartialEq)]
pub struct CnvRow {
    /// The subtotal that it belongs to, for display alone.
    pub parent: Option<u32>,
    /// Its category, which is also its place in the order of display.
    pub number: u32,
    /// As the file has it, without the blanks around.
    pub label: String,
    /// Those that are of it.
    pub codes: Vec<Token>,
}

/// Where the parts of a row stand, counted from 0.
struct Places {
    parent: std::ops::Range<usize>,
    number: std::ops::Range<usize>,
    label: std::ops::Range<usize>,
    codes: usize,
}

const NARROW: Places = Places { parent: 0..3, number: 3..7, label: 9..60, codes: 60 };
/// Behind a header that begins with `N`.
const WIDE: Places = Places { parent: 0..4, number: 5..9, label: 11..112, codes: 112 };

impl Cnv {
    /// Reads a table; `name` stands in errors.
    pub fn read(bytes: &[u8], name: &str) -> Result<Self> {
        let mut lines = Lines::of(bytes).filter(|line| !line.iter().all(u8::is_ascii_whitespace));
        let header = lines.next().unwrap_or_default();
        let Some((places, mut table)) = head(&header) else {
            let shown = label_text(&header);
            return Err(Error::new(
                Code::DamagedFile,
                text!(
                    "{name} não é uma tabela de conversão do TabWin: esperados na primeira linha o número de categorias e a largura do código, por exemplo \"3 1 L\"; recebido \"{shown}\"",
                    "{name} is no conversion table of TabWin: expected the number of categories and the width of a code in the first line, for example \"3 1 L\"; received \"{shown}\""
                ),
            )
            .file(name)
            .stage("labels"));
        };
        for line in lines {
            table.rows.extend(row(&line, &places, table.width));
        }
        // A row without a label of its own has that of its category.
        for at in 0..table.rows.len() {
            if table.rows[at].label.is_empty() {
                let number = table.rows[at].number;
                let named = table.rows.iter().find(|row| row.number == number && !row.label.is_empty());
                table.rows[at].label = named.map(|row| row.label.clone()).unwrap_or_default();
            }
        }
        Ok(table)
    }

    /// Different category numbers.
    pub fn categories(&self) -> usize {
        self.rows.iter().map(|row| row.number).collect::<std::collections::BTreeSet<_>>().len()
    }

    /// The row that holds `value`, the bytes of a record's field.
    pub fn row_of(&self, value: &[u8]) -> Option<&CnvRow> {
        match self.mode {
            Mode::Bounds => self.bound(value),
            Mode::Text => self.as_written(value),
            Mode::Digits => match digits(value, self.width) {
                Digits::Blank(key) => self.last(&key),
                Digits::Filled => self.as_written(value),
                Digits::Short { written, key } => self.listed(&written).or_else(|| self.last(&key)),
            },
        }
    }

    fn as_written(&self, value: &[u8]) -> Option<&CnvRow> {
        let key = padded(value, self.width);
        let filled = zero_filled(value, self.width);
        let is_filled = |filled: &Vec<u8>| self.listed(&key).is_none() && self.listed(filled).is_some();
        self.last(filled.filter(is_filled).as_deref().unwrap_or(&key))
    }

    /// The last row that lists this very code.
    fn listed(&self, code: &[u8]) -> Option<&CnvRow> {
        let is = |token: &Token| matches!(token, Token::One(one) if one.as_bytes() == code);
        self.rows.iter().rev().find(|row| row.codes.iter().any(is))
    }

    fn last(&self, key: &[u8]) -> Option<&CnvRow> {
        let holds = |rest: bool| {
            let holds = move |code: &Token| code.is_rest() == rest && code.holds(key);
            self.rows.iter().rev().find(|row| row.codes.iter().any(holds))
        };
        holds(false).or_else(|| holds(true))
    }

    fn bound(&self, value: &[u8]) -> Option<&CnvRow> {
        let number = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.trim().parse::<i64>().ok();
        let value = number(value)?;
        let of_row = |row: &'_ CnvRow| row.codes.iter().filter_map(|code| number(code.first().as_bytes())).max();
        let mut bounds: Vec<(i64, usize)> =
            self.rows.iter().enumerate().filter_map(|(at, row)| Some((of_row(row)?, at))).collect();
        bounds.sort_unstable();
        bounds.into_iter().find(|(bound, _)| value <= *bound).map(|(_, at)| &self.rows[at])
    }
}

/// A value as long as the table's codes: blanks behind, or cut.
pub(super) fn padded(value: &[u8], width: usize) -> Cow<'_, [u8]> {
    if let Some(cut) = value.get(..width) {
        return Cow::Borrowed(cut);
    }
    let mut key = value.to_vec();
    key.resize(width, b' ');
    Cow::Owned(key)
}

/// Digits that are fewer than the table's codes with the zeros before them that whoever wrote numbers left out: `1` is `01` where a
/// row lists that and none lists `1`, whatever range of texts would hold it.
pub(super) fn zero_filled(value: &[u8], width: usize) -> Option<Vec<u8>> {
    let short = !value.is_empty() && value.len() < width && value.iter().all(u8::is_ascii_digit);
    short.then(|| [&vec![b'0'; width - value.len()], value].concat())
}

/// What is looked for in a table of digits.
pub(super) enum Digits {
    /// Nothing but blanks: a row holds it that names it.
    Blank(Vec<u8>),
    /// As long as the table's codes.
    Filled,
    /// Shorter than they are: as it is written where a row lists it so, else filled with zeros.
    Short { written: Vec<u8>, key: Vec<u8> },
}

/// Blanks of a short code of digits are zeros, where it is not all blank: a field that was left empty is no zero. Not behind a letter:
/// `N39` is no `N390`. Digits that are fewer than the field's are those of a number, whose zeros stand before them.
pub(super) fn digits(value: &[u8], width: usize) -> Digits {
    let mut key = padded(value, width).into_owned();
    if key.iter().all(|byte| *byte == b' ') {
        return Digits::Blank(key);
    }
    if width > 4 || !key.contains(&b' ') || !key.iter().all(|byte| byte.is_ascii_digit() || *byte == b' ') {
        return Digits::Filled;
    }
    let written = key.clone();
    if value.len() < width && value.iter().all(u8::is_ascii_digit) {
        key.rotate_right(width - value.len());
    }
    key.iter_mut().filter(|byte| **byte == b' ').for_each(|byte| *byte = b'0');
    Digits::Short { written, key }
}

fn head(line: &[u8]) -> Option<(Places, Cnv)> {
    let line = std::str::from_utf8(line).ok().map(str::to_owned).unwrap_or_else(|| label_text(line));
    let mut words = line.split_whitespace().peekable();
    let wide = words.next_if(|word| word.eq_ignore_ascii_case("N")).is_some();
    let declared = words.next()?.parse().ok()?;
    let width: usize = words.next()?.parse().ok().filter(|width| (1..=254).contains(width))?;
    let mode = match words.next() {
        Some("L" | "l") => Mode::Text,
        Some("F" | "f") => Mode::Bounds,
        _ => Mode::Digits,
    };
    Some((if wide { WIDE } else { NARROW }, Cnv { width, mode, declared, rows: Vec::new() }))
}

/// A line without a category's number is nothing that could be looked up.
fn row(line: &[u8], places: &Places, width: usize) -> Option<CnvRow> {
    let part = |range: &std::ops::Range<usize>| {
        let end = range.end.min(line.len());
        line.get(range.start..end).unwrap_or_default()
    };
    let number = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.trim().parse::<u32>().ok();
    Some(CnvRow {
        parent: number(part(&places.parent)),
        number: number(part(&places.number))?,
        label: label_text(part(&places.label)),
        codes: tokens(line.get(places.codes..).unwrap_or_default(), width),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: u32, label: &str, codes: &str) -> String {
        format!("{:7}  {label:<51}{codes}\r\n", number)
    }

    /// One byte a character, as TabWin's files have them.
    fn read(text: &str, name: &str) -> Cnv {
        let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        Cnv::read(&bytes, name).unwrap()
    }

    fn of(value: &str, table: &Cnv) -> Option<String> {
        table.row_of(value.as_bytes()).map(|row| row.label.clone())
    }

    #[test]
    fn the_last_row_of_the_file_counts_and_not_the_first() {
        let text = format!(
            "3 1 L\r\n{}{}{}\x1aJUNK",
            line(3, "Ignorado", "0-9"),
            line(1, "Masculino", "1"),
            line(2, "Feminino", "2,3,")
        );
        let table = read(&text, "SEXO.CNV");
        assert_eq!((table.categories(), table.rows.len(), table.mode), (3, 3, Mode::Text));
        assert_eq!(of("3", &table).as_deref(), Some("Feminino"));
        assert_eq!(of("1", &table).as_deref(), Some("Masculino"));
        assert_eq!(of("7", &table).as_deref(), Some("Ignorado"));
        assert_eq!(of("", &table), None);
    }

    #[test]
    fn blank_is_a_code_and_the_least_end_of_a_range() {
        let text = format!(" 02 1 L\n{}{}", line(5, "Não informado", " -Z"), line(1, "Dupla", "D"));
        let table = read(&text, "TPGESTAO.CNV");
        assert_eq!(of("", &table).as_deref(), Some("Não informado"));
        assert_eq!(of("D", &table).as_deref(), Some("Dupla"));
        let text = format!("1 2 L\n{}{}", line(1, "N Inf", ","), line(2, "Outro", "  ,07"));
        let table = read(&text, "X.CNV");
        assert_eq!(of("", &table).as_deref(), Some("Outro"));
        assert_eq!(of("07", &table).as_deref(), Some("Outro"));
    }

    #[test]
    fn a_range_from_blank_takes_what_no_row_names_wherever_it_stands() {
        let last = format!(
            "5 2 L\n{}{}{}",
            line(1, "Espontânea", "01"),
            line(2, "Exames", "10-12"),
            line(5, "Não informado", "  -99")
        );
        let first = format!(
            "5 2 L\n{}{}{}",
            line(5, "Não informado", "  -99"),
            line(1, "Espontânea", "01"),
            line(2, "Exames", "10-12")
        );
        for text in [last, first] {
            let table = read(&text, "Flux_Cli.CNV");
            let list = crate::labels::List::of(&table, "x", &std::collections::HashMap::new());
            for (code, label) in
                [("01", "Espontânea"), ("11", "Exames"), ("", "Não informado"), ("77", "Não informado")]
            {
                assert_eq!((of(code, &table).as_deref(), list.label_of(code)), (Some(label), Some(label)), "{code}");
            }
        }
    }

    #[test]
    fn a_blank_inside_a_short_number_is_a_zero() {
        let text = format!("2 3\n{}{}", line(2, "Ignorado", "000-999"), line(1, "1 ano", "401"));
        let table = read(&text, "IDADEDET.CNV");
        assert_eq!(of("4 1", &table).as_deref(), Some("1 ano"));
        let text = format!("2 3 L\n{}{}", line(2, "Ignorado", "000-999"), line(1, "1 ano", "401"));
        // A text, and as such between the two.
        assert_eq!(of("4 1", &read(&text, "T.CNV")).as_deref(), Some("Ignorado"));
        let text = format!("1 4\n{}", line(1, "Infecção urinária", "N390,N30 -N309"));
        let table = read(&text, "SENSIVEISATB03.CNV");
        assert_eq!(["N390", "N30", "N39"].map(|code| of(code, &table).is_some()), [true, true, false]);
    }

    #[test]
    fn a_number_has_its_zeros_before_it_and_an_empty_field_is_no_zero() {
        let text =
            format!("3 2\n{}{}{}", line(1, "Sem filhos", "00"), line(2, "1 filho", "01"), line(3, "10", "10-99"));
        let table = read(&text, "NUMFILH.CNV");
        assert_eq!(["1", "01", "0", "12"].map(|n| of(n, &table).unwrap()), ["1 filho", "1 filho", "Sem filhos", "10"]);
        assert_eq!(of("", &table), None);
        // Written with a blank behind it, as some tables do.
        let text = format!("3 2\n{}{}{}", line(1, "Branco", ","), line(2, "Descartado", "5 , "), line(3, "Sim", "13 "));
        let table = read(&text, "CLASSCHIK.CNV");
        assert_eq!(["", "5", "13"].map(|n| of(n, &table).unwrap()), ["Branco", "Descartado", "Sim"]);
        assert_eq!(of("50", &table), None);
    }

    #[test]
    fn bounds_take_the_whole_number() {
        let text =
            format!("3 4 F\n{}{}{}", line(1, "0 dias", "0000"), line(2, "1 a 7", "0007"), line(3, "8 e +", "9999"));
        let table = read(&text, "PERM.CNV");
        assert_eq!(of("0", &table).as_deref(), Some("0 dias"));
        assert_eq!(of("7", &table).as_deref(), Some("1 a 7"));
        assert_eq!(of("12", &table).as_deref(), Some("8 e +"));
        assert_eq!(of("x", &table), None);
    }

    #[test]
    fn the_wide_form_has_other_columns_and_a_row_without_a_label_has_its_categorys() {
        let wide = |number: u32, label: &str, codes: &str| format!("{:9}  {label:<101}{codes}\n", number);
        let text = format!(
            "; comentário\n:outro\nN 2 6 L\n{}{}{}",
            wide(2, "", "030000"),
            wide(2, "Três", "040000"),
            wide(1, "Um", "010000")
        );
        let table = read(&text, "TP_FINAN.CNV");
        assert_eq!(of("030000", &table).as_deref(), Some("Três"));
        assert_eq!(of("010000", &table).as_deref(), Some("Um"));
    }

    #[test]
    fn what_is_no_table_is_said() {
        let error = Cnv::read(b"<html>", "x.cnv").unwrap_err();
        assert_eq!(error.code(), Code::DamagedFile);
        assert!(error.to_string().contains("x.cnv"), "{error}");
    }
}
