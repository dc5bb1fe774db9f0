//! Quotes of a CSV that do not pair. Its reader takes what lies between two of them for one value, so that two stray ones would make one
//! row of all the rows between them.

use std::io::Read;

use crate::base::{Error, text};

/// The same bytes; an error where a quote that opens a value is not closed at the end of one.
pub(super) struct Quotes<R> {
    inner: R,
    delimiter: u8,
    name: String,
    at: At,
    line: u64,
    /// The line of the last quote that opened a value.
    opened: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum At {
    /// Where a value begins.
    Start,
    /// In a value without quotes, in which a quote is a letter.
    Plain,
    Inside,
    /// Behind a quote within quotes: it ends the value, or is the first of two that are a letter.
    Closed,
    /// Blanks behind the end.
    Behind,
}

impl<R: Read> Quotes<R> {
    pub(super) fn of(inner: R, delimiter: u8, name: &str) -> Self {
        Quotes { inner, delimiter, name: name.to_owned(), at: At::Start, line: 1, opened: 1 }
    }

    fn unpaired(&self) -> std::io::Error {
        std::io::Error::other(unpaired(&self.name, self.opened))
    }
}

impl<R: Read> Read for Quotes<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(into)?;
        if count == 0 && !into.is_empty() && self.at == At::Inside {
            return Err(self.unpaired());
        }
        for byte in &into[..count] {
            let ends = *byte == self.delimiter || matches!(*byte, b'\n' | b'\r');
            self.at = match (self.at, *byte) {
                (At::Start, b'"') => {
                    self.opened = self.line;
                    At::Inside
                }
                (At::Inside, b'"') => At::Closed,
                (At::Inside, _) | (At::Closed, b'"') => At::Inside,
                (_, _) if ends => At::Start,
                (At::Closed | At::Behind, b' ') => At::Behind,
                (At::Closed | At::Behind, _) => return Err(self.unpaired()),
                (At::Start | At::Plain, _) => At::Plain,
            };
            self.line += u64::from(*byte == b'\n');
        }
        Ok(count)
    }
}

fn unpaired(name: &str, line: u64) -> Error {
    let what = text!(
        "{name}: as aspas abertas na linha {line} não fecham no fim de um valor. As que são parte de um texto têm de vir dobradas, e ele entre aspas; exporte o arquivo de novo",
        "{name}: the quote opened in line {line} is not closed at the end of a value. Quotes that are part of a text must be doubled, and the text must stand in quotes; export the file again"
    );
    super::bad_csv(name, line, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Code;

    /// The line of the quote that is refused; in blocks of three bytes, so that they end anywhere.
    fn refused(text: &str) -> Option<u64> {
        let mut quotes = Quotes::of(text.as_bytes(), b';', "a.csv");
        let mut came = Vec::new();
        loop {
            let mut block = [0; 3];
            match quotes.read(&mut block) {
                Ok(0) => break,
                Ok(count) => came.extend_from_slice(&block[..count]),
                Err(error) => {
                    let own = Error::within(&error).unwrap();
                    assert_eq!(own.code(), Code::DamagedFile);
                    return own.diagnostic()["line"].as_u64();
                }
            }
        }
        assert_eq!(came, text.as_bytes());
        None
    }

    #[test]
    fn a_quote_that_is_not_closed_at_the_end_of_a_value_is_refused_with_its_line() {
        for (text, expected) in [
            ("a;b\n1;\"BOM PASTOR;10\n2;x\n3;\"CASA;40\n", Some(2)),
            ("a;b\n1;x\n2;\"BOM PASTOR\n3;y\n4;z\n", Some(3)),
            ("a;b\n1;\"x\ny\"\n2;\"z\"w\n", Some(4)),
            ("a;b\n1;\"x\" \"y\"\n", Some(2)),
            ("a;b\n1;\"x\";2\r\n\"\";\"\"\r\n", None),
            ("a;b\n1;\"um \"\"nome\"\"; e\nmais\"\n", None),
            ("a;b\n1;S\u{e3}o \"x\"\n5\";\"x\" ;\n\"y\"", None),
            ("", None),
        ] {
            assert_eq!(refused(text), expected, "{text:?}");
        }
    }
}
