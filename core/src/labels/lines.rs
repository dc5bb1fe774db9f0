//! The lines of a kit's text files, and their characters.

use crate::source::dbc::Encoding;

/// What ends the text in files of DOS.
const END: u8 = 0x1a;

/// Lines without their ends and comments, tabs as the blanks that they stand for.
pub(super) struct Lines<'b> {
    rest: Option<&'b [u8]>,
    /// Whether `;` begins a comment wherever it stands in a line, and `:` in the first column.
    comments: bool,
}

impl<'b> Lines<'b> {
    pub fn of(bytes: &'b [u8]) -> Self {
        let end = bytes.iter().position(|byte| *byte == END).unwrap_or(bytes.len());
        Lines { rest: Some(&bytes[..end]), comments: true }
    }

    /// The same with its comments.
    pub fn whole(bytes: &'b [u8]) -> Self {
        Lines { comments: false, ..Lines::of(bytes) }
    }
}

impl Iterator for Lines<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let rest = self.rest.take()?;
        let line = match rest.iter().position(|byte| *byte == b'\n') {
            Some(at) => {
                self.rest = Some(&rest[at + 1..]);
                &rest[..at]
            }
            None => rest,
        };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = match line.iter().position(|byte| *byte == b';').filter(|_| self.comments) {
            _ if self.comments && line.first() == Some(&b':') => &[],
            Some(at) => &line[..at],
            None => line,
        };
        let mut spaced = Vec::with_capacity(line.len());
        for byte in line {
            match byte {
                b'\t' => spaced.resize((spaced.len() / 8 + 1) * 8, b' '),
                byte => spaced.push(*byte),
            }
        }
        Some(spaced)
    }
}

/// The characters of a part of a line, without the blanks around: single lines of a kit are in another code page than the rest.
pub(super) fn label_text(bytes: &[u8]) -> String {
    label_text_among(bytes, Encoding::Latin1)
}

/// The same of a part that stands among others which are mostly of `others`.
pub(super) fn label_text_among(bytes: &[u8], others: Encoding) -> String {
    Encoding::of_line_among(bytes, others).text(bytes).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_comments_and_the_end_of_a_dos_file() {
        let lines: Vec<String> =
            Lines::of(b"a\tb ; c\r\n:d\r\ne\x1af").map(|line| String::from_utf8(line).unwrap()).collect();
        assert_eq!(lines, ["a       b ", "", "e"]);
    }

    #[test]
    fn each_line_says_what_it_is_written_in() {
        assert_eq!(label_text(b"  Regi\xe3o  "), "Região");
        assert_eq!(label_text(b"Munic\xa1pio"), "Município");
        assert_eq!(label_text("Região".as_bytes()), "Região");
    }
}
