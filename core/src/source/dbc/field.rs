//! A field of the records, and how its bytes are to be read.

use crate::base::{Text, text};

/// A field of the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Trimmed, in upper case.
    pub name: String,
    /// `C`, `N` or `D` in all genuine files seen.
    pub dbf_type: u8,
    /// Bytes of the field.
    pub width: usize,
    /// Digits behind the point.
    pub decimals: u8,
    /// From the start of the record.
    pub offset: usize,
    pub(super) stored: StoredAs,
    /// In a Visual FoxPro table: the byte of the record, and the bit in it, that says that the field holds no value.
    pub(super) null_bit: Option<(usize, u8)>,
}

/// What a field's bytes are.
///
/// The layouts are those of Microsoft's "Table File Structure" (Visual FoxPro): integers have their least significant byte
/// first. `+` and `@` are stored so by the xBase dialects that keep this header (Harbour and others); dBASE 7, where they
/// came up first, has another header and another order of bytes, and is refused as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoredAs {
    /// C, L, D: text as it stands.
    Text,
    /// N, F: a number as text, to the right of its width.
    Number,
    /// I, +: 32 bits with a sign.
    Integer,
    /// B of Visual FoxPro: an IEEE 754 double.
    Double,
    /// Y: 64 bits with a sign, in ten-thousandths.
    Currency,
    /// T, @: the Julian day number, then the milliseconds since midnight, 32 bits each.
    DateTime,
    /// `_NullFlags` of Visual FoxPro: a bit for each field that may hold no value. It is not data.
    NullFlags,
    /// It cannot be read; the reason is that of [`Field::refusal`].
    Unread,
}

impl StoredAs {
    pub(super) fn of(dbf_type: u8, width: usize, version: u8, name: &str) -> StoredAs {
        let foxpro = is_visual_foxpro(version);
        match (dbf_type, width) {
            (b'C' | b'D' | b'L', _) => StoredAs::Text,
            (b'N' | b'F', _) => StoredAs::Number,
            (b'I' | b'+', 4) => StoredAs::Integer,
            // Elsewhere B is a pointer into a memo file.
            (b'B', 8) if foxpro => StoredAs::Double,
            (b'Y', 8) => StoredAs::Currency,
            (b'T' | b'@', 8) => StoredAs::DateTime,
            (b'0', _) if name == "_NULLFLAGS" => StoredAs::NullFlags,
            _ => StoredAs::Unread,
        }
    }

    /// Whether the bytes are a number of the machine, to be written as text before anything else.
    pub(super) fn is_binary(self) -> bool {
        matches!(self, StoredAs::Integer | StoredAs::Double | StoredAs::Currency | StoredAs::DateTime)
    }
}

/// Versions whose field descriptors have flags, and a `_NullFlags`.
pub(super) fn is_visual_foxpro(version: u8) -> bool {
    matches!(version, 0x30..=0x32)
}

impl Field {
    /// Whether it holds a number as text, to the right of its width.
    pub(super) fn is_number(&self) -> bool {
        self.stored == StoredAs::Number
    }

    /// Whether it is a column; `_NullFlags` of Visual FoxPro is not, but says which of the others hold no value.
    pub fn is_column(&self) -> bool {
        self.stored != StoredAs::NullFlags
    }

    /// Whether its bytes are text that an encoding gives a meaning.
    pub(super) fn is_text(&self) -> bool {
        self.stored == StoredAs::Text
    }

    /// Why it cannot be read.
    pub(super) fn refusal(&self) -> Option<Text> {
        if self.stored != StoredAs::Unread {
            return None;
        }
        let (name, letter, width) = (&self.name, char::from(self.dbf_type), self.width);
        Some(match self.dbf_type {
            b'M' | b'G' | b'P' | b'B' => text!(
                "o campo {name} é do tipo {letter}: seu conteúdo está num arquivo de memo à parte (.dbt, .fpt), que não é lido",
                "field {name} is of type {letter}: its content lies in a memo file beside it (.dbt, .fpt), which is not read"
            ),
            b'I' | b'+' | b'Y' | b'T' | b'@' => text!(
                "o campo {name} é do tipo {letter} com largura {width}, que esse tipo não tem",
                "field {name} is of type {letter} with width {width}, which that type does not have"
            ),
            _ => text!(
                "o campo {name} é do tipo {letter}, que não é lido (são lidos C, N, F, D, L, I, +, Y, T, @ e, do Visual FoxPro, B)",
                "field {name} is of type {letter}, which is not read (C, N, F, D, L, I, +, Y, T, @ and, of Visual FoxPro, B are)"
            ),
        })
    }
}
