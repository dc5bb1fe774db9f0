//! How long a value can become. The engine works on some 2,000 rows at once, and what a function makes of them lies outside the
//! memory limit until the next look.

use serde_json::Value;

/// Bytes of a column of the catalogue: a DBF field has 254 at most.
const COLUMN: u64 = 256;
/// Of a number, a date, or what else is short as text.
pub(super) const PLAIN: u64 = 40;
/// Bytes of a value in a row at most, and of all the long ones of a row.
pub(super) const MAX_IN_ROW: u64 = 64 << 10;
/// What is shorter does not count among them.
pub(super) const LONG: u64 = 1 << 10;
/// Of one that is computed once.
pub(super) const MAX_ALONE: u64 = 4 << 20;
/// Times the length of a text that was put together from rows.
pub(super) const MAX_TIMES: u64 = 40;
/// Product of the lengths of two texts that are compared letter by letter.
pub(super) const MAX_COMPARED: u64 = COLUMN * COLUMN;
/// Bytes of an element of a list beside its text.
const ELEMENT: u64 = 17;

/// At most `bytes`, and `times` the longest text or list that an aggregate puts together from rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Size {
    pub bytes: u64,
    pub times: u64,
    /// Elements, where it is a list.
    pub items: u64,
    /// The same in every row.
    pub constant: bool,
}

impl Default for Size {
    fn default() -> Self {
        Size::plain(false)
    }
}

impl Size {
    pub const COLUMN: Size = Size { bytes: COLUMN, times: 0, items: COLUMN, constant: false };
    /// What an aggregate put together.
    pub const WHOLE: Size = Size { bytes: 0, times: 1, items: COLUMN, constant: false };
    pub const EMPTY: Size = Size { bytes: 0, times: 0, items: 0, constant: true };

    pub fn plain(constant: bool) -> Self {
        Size { bytes: PLAIN, times: 0, items: 0, constant }
    }

    pub fn of(value: &Value) -> Self {
        let bytes = value.as_str().map_or(PLAIN, |text| text.len() as u64);
        Size { bytes, times: 0, items: 0, constant: true }
    }

    pub fn or(self, other: Size) -> Self {
        Size {
            bytes: self.bytes.max(other.bytes),
            times: self.times.max(other.times),
            items: self.items.max(other.items),
            constant: self.constant && other.constant,
        }
    }

    pub fn and(self, other: Size) -> Self {
        Size {
            bytes: self.bytes.saturating_add(other.bytes),
            times: self.times.saturating_add(other.times),
            items: self.items.saturating_add(other.items),
            constant: self.constant && other.constant,
        }
    }

    pub fn times(self, factor: u64) -> Self {
        Size { bytes: self.bytes.saturating_mul(factor), times: self.times.saturating_mul(factor), ..self }
    }

    pub fn is_too_long(self) -> bool {
        self.bytes > if self.constant { MAX_ALONE } else { MAX_IN_ROW } || self.times > MAX_TIMES
    }

    /// The length of what is known to be in rows; that of aggregates counts as a megabyte.
    pub fn length(self) -> u64 {
        self.bytes.saturating_add(self.times.saturating_mul(1 << 20))
    }
}

/// Functions that compare two texts letter by letter.
pub(super) const LETTER_BY_LETTER: &[&str] =
    &["levenshtein", "editdist3", "jaccard", "jaro_similarity", "jaro_winkler_similarity"];

/// What `name` makes of its arguments. `literal` gives a constant argument.
pub(super) fn made<'v>(name: &str, of: &[Size], literal: impl Fn(usize) -> Option<&'v Value>) -> Size {
    let constant = of.iter().all(|size| size.constant);
    let first = of.first().copied().unwrap_or(Size::plain(constant));
    let longest = of.iter().copied().fold(Size::plain(constant), Size::or);
    let sum = || of.iter().copied().fold(Size { constant, ..Size::plain(true) }, Size::and);
    let text = |at: usize| literal(at).and_then(Value::as_str);
    let made = match name {
        "length"
        | "len"
        | "strlen"
        | "char_length"
        | "ascii"
        | "ord"
        | "unicode"
        | "hash"
        | "instr"
        | "strpos"
        | "position"
        | "starts_with"
        | "ends_with"
        | "contains"
        | "prefix"
        | "suffix"
        | "bit_count"
        | "year"
        | "month"
        | "day"
        | "date_diff"
        | "datediff"
        | "array_length"
        | "list_count"
        | "list_unique"
        | "list_position"
        | "list_contains"
        | "count"
        | "chr"
        | "levenshtein"
        | "hamming"
        | "jaccard"
        | "jaro_similarity"
        | "jaro_winkler_similarity"
        | "editdist3"
        | "regexp_matches"
        | "regexp_full_match" => Size::plain(constant),
        "md5" | "sha256" => Size { bytes: 64, ..Size::plain(constant) },
        "||" | "concat" | "list_concat" | "list_zip" | "row" | "struct_pack" => sum(),
        "concat_ws" | "array_to_string" => {
            let separator = first.bytes.max(of.get(1).map_or(0, |size| size.bytes)).min(100);
            let pieces = of.len() as u64 + of.iter().map(|size| size.items).fold(0, u64::saturating_add);
            let sum = sum();
            Size { bytes: sum.bytes.saturating_add(separator.saturating_mul(pieces)), ..sum.times(2) }
        }
        "list_value" | "list_pack" | "array_value" => Size { items: of.len() as u64, ..sum() },
        "lpad" | "rpad" => {
            let length = literal(1).and_then(Value::as_u64).unwrap_or(10_000);
            let widest = if text(2).is_some_and(str::is_ascii) { 1 } else { 4 };
            Size { bytes: length.saturating_mul(widest), ..Size::plain(constant) }
        }
        "replace" => {
            let (from, to) = (text(1).map_or(1, str::len).max(1) as u64, text(2).map_or(100, str::len) as u64);
            first.times(to.div_ceil(from).max(1))
        }
        "regexp_replace" => {
            let to = text(2).unwrap_or_default();
            let copies = to.bytes().filter(|byte| *byte == b'\\').count() as u64;
            first.times(1 + to.len() as u64 + copies)
        }
        "hex" | "to_hex" | "regexp_escape" => first.times(2),
        "+" | "-" | "*" | "/" | "//" | "%" | "**" | "^" => Size::plain(constant),
        "strftime" => longest.times(10),
        "string_split" | "str_split" | "split" | "string_to_array" | "regexp_split_to_array" | "regexp_extract_all" => {
            Size { items: first.bytes.saturating_add(1), ..first.times(ELEMENT) }
        }
        _ => longest,
    };
    Size { constant, ..made }
}
