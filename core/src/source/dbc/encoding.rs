//! How the bytes of a text field are read as characters.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{ReadOptions, RecordFile};
use crate::base::{Code, Error, Result, Text, did_you_mean, text};

/// An encoding of text.
///
/// Files of the catalogue are Latin-1, whatever their language byte says: where genuine files hold more than ASCII it is
/// Latin-1 in all of them, and the scrambled CNS of SIA holds bytes from 0x7B to 0x9F that mean nothing and must come out as
/// they went in. Tables beside them (registers of municipalities, of TabWin) were written under DOS and Windows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Encoding {
    /// ISO 8859-1: every byte is the character of its number, so that none can fail.
    #[default]
    #[serde(rename = "latin-1")]
    Latin1,
    /// DOS Latin-1.
    #[serde(rename = "cp850")]
    Cp850,
    /// Windows; the five bytes that it leaves open are read as Latin-1 reads them.
    #[serde(rename = "cp1252")]
    Cp1252,
    /// A field that is not valid UTF-8 is NULL, and counted.
    #[serde(rename = "utf-8")]
    Utf8,
}

/// What a caller asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EncodingChoice {
    /// The one that a first pass over the file finds, with a warning that says which.
    Auto,
    /// This one.
    Known(Encoding),
}

impl EncodingChoice {
    /// As users write them.
    pub const NAMES: &[&str] = &["latin-1", "cp850", "cp1252", "utf-8", "auto"];
}

impl std::str::FromStr for EncodingChoice {
    type Err = Error;

    /// By its name, in any case; `latin1`, `iso-8859-1`, `windows-1252` and `utf8` are understood too.
    fn from_str(name: &str) -> Result<Self> {
        let known = match name.trim().to_lowercase().replace('_', "-").as_str() {
            "latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" => Encoding::Latin1,
            "cp850" | "cp-850" | "ibm850" => Encoding::Cp850,
            "cp1252" | "cp-1252" | "windows-1252" => Encoding::Cp1252,
            "utf-8" | "utf8" => Encoding::Utf8,
            "auto" => return Ok(EncodingChoice::Auto),
            _ => {
                let list = Self::NAMES.join(", ");
                let problem = text!(
                    "`encoding`: esperado um destes: {list}; recebido \"{name}\"",
                    "`encoding`: expected one of {list}; received \"{name}\""
                );
                return Err(Error::new(Code::InvalidParams, problem)
                    .with("received", name)
                    .with("valid_values", Self::NAMES)
                    .with("did_you_mean", did_you_mean(name, Self::NAMES.iter().copied()))
                    .stage("validate"));
            }
        };
        Ok(EncodingChoice::Known(known))
    }
}

impl Encoding {
    /// As users write it.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Latin1 => "latin-1",
            Encoding::Cp850 => "cp850",
            Encoding::Cp1252 => "cp1252",
            Encoding::Utf8 => "utf-8",
        }
    }

    /// Adds the text of `value` to `into`, as UTF-8. False, with nothing added, where it is not text of this encoding.
    #[inline(always)]
    pub(super) fn push(self, value: &[u8], into: &mut Vec<u8>) -> bool {
        if value.is_ascii() {
            into.extend_from_slice(value);
            return true;
        }
        self.push_beyond_ascii(value, into)
    }

    fn push_beyond_ascii(self, value: &[u8], into: &mut Vec<u8>) -> bool {
        if self == Encoding::Utf8 {
            let valid = std::str::from_utf8(value).is_ok();
            if valid {
                into.extend_from_slice(value);
            }
            return valid;
        }
        if self == Encoding::Latin1 {
            for &byte in value {
                if byte < 0x80 {
                    into.push(byte);
                } else {
                    into.extend_from_slice(&[0xc0 | (byte >> 6), 0x80 | (byte & 0x3f)]);
                }
            }
            return true;
        }
        let mut utf8 = [0; 4];
        value.iter().for_each(|byte| into.extend_from_slice(self.character(*byte).encode_utf8(&mut utf8).as_bytes()));
        true
    }

    fn character(self, byte: u8) -> char {
        let table = match self {
            Encoding::Cp850 => &CP850,
            Encoding::Cp1252 => &CP1252,
            Encoding::Latin1 | Encoding::Utf8 => return char::from(byte),
        };
        byte.checked_sub(0x80).map_or(char::from(byte), |high| table[usize::from(high)])
    }

    /// Reads the file once, and tells what its text fields are written in; none where they are all ASCII.
    pub fn found(path: &Path) -> Result<Option<Encoding>> {
        let file = RecordFile::open(path, &ReadOptions { verify_crc: false, partial: true, ..Default::default() })?;
        let fields: Vec<(usize, usize)> = (file.header().fields.iter())
            .filter(|field| field.is_text())
            .map(|field| (field.offset, field.width))
            .collect();
        let mut signs = Signs::default();
        file.each_record(|record| {
            for (offset, width) in &fields {
                signs.see(super::values::bare(&record[*offset..offset + width]));
            }
        })?;
        Ok(signs.verdict())
    }

    /// What a single line of text fits best; Latin-1 where nothing speaks for another.
    pub fn of_line(line: &[u8]) -> Encoding {
        Encoding::of_line_among(line, Encoding::Latin1)
    }

    /// The same of several together; none where they are all ASCII.
    pub fn of_lines<'l>(lines: impl IntoIterator<Item = &'l [u8]>) -> Option<Encoding> {
        let mut signs = Signs::default();
        lines.into_iter().for_each(|line| signs.see(line));
        signs.verdict()
    }

    /// What a line fits best which stands among others that are mostly of `others`: these count where it does not tell by itself.
    pub fn of_line_among(line: &[u8], others: Encoding) -> Encoding {
        let mut signs = Signs::default();
        signs.see(line);
        signs.verdict_among(others).unwrap_or_default()
    }

    /// The text of `bytes`; what is not of this encoding is read as Latin-1.
    pub fn text(self, bytes: &[u8]) -> String {
        let mut into = Vec::with_capacity(bytes.len());
        if !self.push(bytes, &mut into) {
            return bytes.iter().map(|byte| char::from(*byte)).collect();
        }
        String::from_utf8(into).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// The sentence that goes with a choice that was made.
    pub fn choice_warning(self, name: &str) -> Text {
        let chosen = self.name();
        text!(
            "{name}: o texto foi lido como {chosen}, o que melhor cabe nos seus bytes; se não for, diga `encoding`",
            "{name}: its text was read as {chosen}, which fits its bytes best; if it is not, say `encoding`"
        )
    }
}

/// What the bytes beyond ASCII speak for: letters of Portuguese in the case of their neighbours.
#[derive(Default)]
struct Signs {
    fields: u64,
    valid_utf8: u64,
    dos: u64,
    windows: u64,
    /// Bytes from 0x80 to 0x9F that are signs in Windows and nothing in Latin-1.
    of_windows_alone: u64,
}

impl Signs {
    fn see(&mut self, value: &[u8]) {
        if value.is_ascii() {
            return;
        }
        self.fields += 1;
        self.valid_utf8 += u64::from(std::str::from_utf8(value).is_ok());
        for (at, byte) in value.iter().enumerate().filter(|(_, byte)| **byte >= 0x80) {
            let beside = |at: Option<usize>| at.and_then(|at| value.get(at)).filter(|byte| byte.is_ascii_alphabetic());
            let near = [beside(at.checked_sub(1)), beside(Some(at + 1))];
            let begins = at < 2 || !value[at - 2].is_ascii_alphabetic();
            self.dos += fit(Encoding::Cp850.character(*byte), near, begins);
            self.windows += fit(Encoding::Cp1252.character(*byte), near, begins);
            self.of_windows_alone += u64::from(*byte < 0xa0 && !Encoding::Cp1252.character(*byte).is_control());
        }
    }

    fn verdict(&self) -> Option<Encoding> {
        self.verdict_among(Encoding::Latin1)
    }

    /// `others`: what texts beside these are in, which counts where these alone do not tell.
    fn verdict_among(&self, others: Encoding) -> Option<Encoding> {
        if self.fields == 0 {
            return None;
        }
        Some(if self.valid_utf8 == self.fields {
            Encoding::Utf8
        } else if self.dos > self.windows || (self.dos == self.windows && others == Encoding::Cp850) {
            Encoding::Cp850
        } else if self.of_windows_alone > 0 {
            Encoding::Cp1252
        } else {
            Encoding::Latin1
        })
    }
}

/// How well a letter stands where it is: those of Portuguese count twice those of names from elsewhere (`Müller`), and none where one
/// of its case may not stand. A small letter goes after a capital that begins the word (`São`), and not before one; a capital goes not
/// after a small one.
fn fit(letter: char, [before, after]: [Option<&u8>; 2], begins: bool) -> u64 {
    let small = letter.to_lowercase().next().unwrap_or(letter);
    let weight = match small {
        'ª' | 'º' | '°' => return 2,
        _ if PORTUGUESE.contains(small) => 2,
        _ if FOREIGN.contains(small) => 1,
        _ => return 0,
    };
    let stands = match letter.is_lowercase() {
        true => {
            before.is_none_or(|byte| byte.is_ascii_lowercase() || begins)
                && after.is_none_or(|byte| byte.is_ascii_lowercase())
        }
        false => before.is_none_or(|byte| byte.is_ascii_uppercase()),
    };
    if stands { weight } else { 0 }
}

const PORTUGUESE: &str = "áàâãçéêíóôõúü";
const FOREIGN: &str = "äèïöùñ";

/// Bytes 0x80 to 0xFF, by the Unicode Consortium's VENDORS/MICSFT/PC/CP850.TXT.
#[rustfmt::skip]
const CP850: [char; 128] = [
    'Ç', 'ü', 'é', 'â', 'ä', 'à', 'å', 'ç', 'ê', 'ë', 'è', 'ï', 'î', 'ì', 'Ä', 'Å',
    'É', 'æ', 'Æ', 'ô', 'ö', 'ò', 'û', 'ù', 'ÿ', 'Ö', 'Ü', 'ø', '£', 'Ø', '×', 'ƒ',
    'á', 'í', 'ó', 'ú', 'ñ', 'Ñ', 'ª', 'º', '¿', '®', '¬', '½', '¼', '¡', '«', '»',
    '░', '▒', '▓', '│', '┤', 'Á', 'Â', 'À', '©', '╣', '║', '╗', '╝', '¢', '¥', '┐',
    '└', '┴', '┬', '├', '─', '┼', 'ã', 'Ã', '╚', '╔', '╩', '╦', '╠', '═', '╬', '¤',
    'ð', 'Ð', 'Ê', 'Ë', 'È', 'ı', 'Í', 'Î', 'Ï', '┘', '┌', '█', '▄', '¦', 'Ì', '▀',
    'Ó', 'ß', 'Ô', 'Ò', 'õ', 'Õ', 'µ', 'þ', 'Þ', 'Ú', 'Û', 'Ù', 'ý', 'Ý', '¯', '´',
    '\u{ad}', '±', '‗', '¾', '¶', '§', '÷', '¸', '°', '¨', '·', '¹', '³', '²', '■', '\u{a0}',
];

/// Bytes 0x80 to 0xFF, by the Unicode Consortium's VENDORS/MICSFT/WINDOWS/CP1252.TXT.
#[rustfmt::skip]
const CP1252: [char; 128] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    '\u{a0}', '¡', '¢', '£', '¤', '¥', '¦', '§', '¨', '©', 'ª', '«', '¬', '\u{ad}', '®', '¯',
    '°', '±', '²', '³', '´', 'µ', '¶', '·', '¸', '¹', 'º', '»', '¼', '½', '¾', '¿',
    'À', 'Á', 'Â', 'Ã', 'Ä', 'Å', 'Æ', 'Ç', 'È', 'É', 'Ê', 'Ë', 'Ì', 'Í', 'Î', 'Ï',
    'Ð', 'Ñ', 'Ò', 'Ó', 'Ô', 'Õ', 'Ö', '×', 'Ø', 'Ù', 'Ú', 'Û', 'Ü', 'Ý', 'Þ', 'ß',
    'à', 'á', 'â', 'ã', 'ä', 'å', 'æ', 'ç', 'è', 'é', 'ê', 'ë', 'ì', 'í', 'î', 'ï',
    'ð', 'ñ', 'ò', 'ó', 'ô', 'õ', 'ö', '÷', 'ø', 'ù', 'ú', 'û', 'ü', 'ý', 'þ', 'ÿ',
];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(encoding: Encoding, bytes: &[u8]) -> Option<String> {
        let mut into = Vec::new();
        encoding.push(bytes, &mut into).then(|| String::from_utf8(into).unwrap())
    }

    #[test]
    fn each_encoding_reads_its_own_bytes() {
        assert_eq!(read(Encoding::Latin1, b"S\xe3o Jos\xe9 \x84").unwrap(), "São José \u{84}");
        assert_eq!(read(Encoding::Cp850, b"S\xc6o Jos\x82 \xc7").unwrap(), "São José Ã");
        assert_eq!(read(Encoding::Cp1252, b"\x93S\xe3o\x94 \x81").unwrap(), "“São” \u{81}");
        assert_eq!(read(Encoding::Utf8, "São".as_bytes()).unwrap(), "São");
        assert_eq!(read(Encoding::Utf8, b"S\xe3o"), None);
    }

    #[test]
    fn a_word_tells_its_code_page_by_letters_of_portuguese_in_their_case() {
        for (bytes, text) in [
            (&b"Sim\xe4es Filho"[..], "Simões Filho"),
            (b"LABORAT\xe0RIO", "LABORATÓRIO"),
            (b"INCOMPAT\xd6VEL", "INCOMPATÍVEL"),
            (b"INCOMPAT\xcdVEL", "INCOMPATÍVEL"),
            (b"V\xd6NCULO EMPREGAT\xd6CIO N\xc7O INFORMADO", "VÍNCULO EMPREGATÍCIO NÃO INFORMADO"),
            (b"S\xe3o Jos\xe9", "São José"),
            (b"\xc1gua", "Água"),
            (b"M\xfcller", "Müller"),
        ] {
            assert_eq!(Encoding::of_line(bytes).text(bytes), text);
        }
        // By itself it says nothing, and then those beside it do.
        let among = |others| Encoding::of_line_among(b"\xe0bidos", others).text(b"\xe0bidos");
        assert_eq!((among(Encoding::Cp850).as_str(), among(Encoding::Latin1).as_str()), ("Óbidos", "àbidos"));
    }

    #[test]
    fn the_first_pass_tells_them_apart() {
        let verdict = |fields: &[&[u8]]| {
            let mut signs = Signs::default();
            fields.iter().for_each(|field| signs.see(field));
            signs.verdict()
        };
        assert_eq!(verdict(&[b"SAO PAULO"]), None);
        assert_eq!(verdict(&[b"S\xc6o Paulo", b"BEL\x90M", b"GOI\xb5NIA"]), Some(Encoding::Cp850));
        assert_eq!(verdict(&[b"S\xe3o Paulo", b"BEL\xc9M", b"GOI\xc2NIA"]), Some(Encoding::Latin1));
        assert_eq!(verdict(&[b"\x93S\xe3o Paulo\x94"]), Some(Encoding::Cp1252));
        assert_eq!(verdict(&["São Paulo".as_bytes(), "BELÉM".as_bytes()]), Some(Encoding::Utf8));
    }
}
