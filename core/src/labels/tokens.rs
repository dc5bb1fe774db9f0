//! The codes of a row of a conversion table.

use std::borrow::Cow;

/// A code, or a range of them; both ends are as long as the table's codes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Token {
    /// This code.
    One(String),
    /// From one to another, both included.
    Range(String, String),
}

impl Token {
    /// Whether it holds the padded `key`; bytes are compared, of letters too.
    pub fn holds(&self, key: &[u8]) -> bool {
        match self {
            Token::One(code) => code.as_bytes() == key,
            Token::Range(low, high) => low.as_bytes() <= key && key <= high.as_bytes(),
        }
    }

    /// A range from the blank field on: what no other row names. Four of the ministry's tables have it at their end (`  -99` in
    /// `Flux_Cli`, `Ativ_Ens`, `TurnosAt` and SIA's `TP_ESTAB`), where it would hide every code of theirs.
    pub fn is_rest(&self) -> bool {
        matches!(self, Token::Range(low, _) if low.bytes().all(|byte| byte == b' '))
    }

    /// The code, or the least of the range.
    pub fn first(&self) -> &str {
        let (Token::One(code) | Token::Range(code, _)) = self;
        code
    }
}

/// The same as bytes of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Span<'a> {
    One(Cow<'a, [u8]>),
    Range(Cow<'a, [u8]>, Cow<'a, [u8]>),
}

impl<'a> Span<'a> {
    pub fn of(token: &'a Token) -> Self {
        match token {
            Token::One(code) => Span::One(latin1(code)),
            Token::Range(low, high) => Span::Range(latin1(low), latin1(high)),
        }
    }

    /// As [`Token::is_rest`].
    pub fn is_rest(&self) -> bool {
        matches!(self, Span::Range(low, _) if low.iter().all(|byte| *byte == b' '))
    }

    /// As [`Token::first`].
    pub fn first(&self) -> &[u8] {
        let (Span::One(code) | Span::Range(code, _)) = self;
        code
    }
}

impl From<Span<'_>> for Token {
    fn from(span: Span<'_>) -> Self {
        let code = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect();
        match span {
            Span::One(one) => Token::One(code(&one)),
            Span::Range(low, high) => Token::Range(code(&low), code(&high)),
        }
    }
}

/// Codes are bytes of the record; what is beyond Latin-1 is in none.
pub(super) fn latin1(text: &str) -> Cow<'_, [u8]> {
    match text.is_ascii() {
        true => Cow::Borrowed(text.as_bytes()),
        false => text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect(),
    }
}

/// The codes of a list: separated by commas, not trimmed; filled with blanks, or cut, to `width`. A range has a fixed shape: its two
/// ends, each of `width`, and a hyphen between.
pub(super) fn tokens(list: &[u8], width: usize) -> Vec<Token> {
    spans(list, width).map(Token::from).collect()
}

pub(super) fn spans(list: &[u8], width: usize) -> impl Iterator<Item = Span<'_>> {
    // A comma at the end ends the list, also with fewer blanks behind it than a code has; a list of nothing has no code.
    let last = list.iter().rposition(|byte| *byte == b',').map_or(0, |comma| comma + 1);
    let nothing = list.len() - last < width && list[last..].iter().all(|byte| *byte == b' ');
    let list = match (nothing, last.checked_sub(1)) {
        (false, _) => Some(list),
        (true, Some(comma)) => Some(&list[..comma]),
        (true, None) => None,
    };
    list.into_iter().flat_map(|list| list.split(|byte| *byte == b',')).filter_map(move |part| span(part, width))
}

fn span(part: &[u8], width: usize) -> Option<Span<'_>> {
    let filled = || part.iter().copied().chain(std::iter::repeat(b' ')).take(width).collect();
    let heading =
        |with: u8| part.len() >= 2 && part.iter().all(|byte| *byte == with || *byte == b' ') && part[0] == with;
    if heading(b'-') || heading(b'X') {
        return None;
    }
    let range = part.get(width) == Some(&b'-')
        && part.len() > 2 * width
        && part[2 * width + 1..].iter().all(|byte| *byte == b' ');
    Some(match range {
        true => Span::Range(Cow::Borrowed(&part[..width]), Cow::Borrowed(&part[width + 1..2 * width + 1])),
        false if part.len() >= width => Span::One(Cow::Borrowed(&part[..width])),
        false => Span::One(Cow::Owned(filled())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(code: &str) -> Token {
        Token::One(code.into())
    }

    fn range(low: &str, high: &str) -> Token {
        Token::Range(low.into(), high.into())
    }

    #[test]
    fn shapes_of_codes() {
        assert_eq!(tokens(b"1", 2), [one("1 ")]);
        assert_eq!(tokens(b"123456", 3), [one("123")]);
        assert_eq!(tokens(b"00-99", 2), [range("00", "99")]);
        assert_eq!(tokens(b"A37 -A379", 4), [range("A37 ", "A379")]);
        assert_eq!(tokens(b" -Z,S", 1), [range(" ", "Z"), one("S")]);
        assert_eq!(tokens(b"0-,  ,10-99", 2), [one("0-"), one("  "), range("10", "99")]);
        assert_eq!(tokens(b"00,,01,", 2), [one("00"), one("  "), one("01")]);
        assert_eq!(tokens(b",", 1), [one(" ")]);
        assert_eq!(tokens(b" ,", 1), [one(" ")]);
        // Blanks at the end of the line.
        assert_eq!(tokens(b"5 , ", 2), [one("5 ")]);
        assert_eq!(tokens(b"5 ,  ", 2), [one("5 "), one("  ")]);
        assert_eq!(tokens(b"", 1), []);
        assert_eq!(tokens(b"----", 3), []);
        assert_eq!(tokens(b"XX", 2), []);
        assert_eq!(tokens(b"1981  -198112", 6), [range("1981  ", "198112")]);
    }

    proptest::proptest! {
        #[test]
        fn every_code_is_as_long_as_its_table_says(list in "[ -~]{0,80}", width in 1usize..9) {
            for token in tokens(list.as_bytes(), width) {
                match token {
                    Token::One(code) => assert_eq!(code.len(), width),
                    Token::Range(low, high) => assert_eq!((low.len(), high.len()), (width, width)),
                }
            }
        }

        #[test]
        fn a_code_that_is_listed_is_found(codes in proptest::collection::vec("[0-9A-W]{3}", 1..20), at in 0usize..20) {
            let wanted = codes[at % codes.len()].clone();
            let found = tokens(codes.join(",").as_bytes(), 3);
            assert_eq!(found.len(), codes.len());
            assert!(found.iter().any(|token| token.holds(wanted.as_bytes())));
        }
    }
}
