//! The DBF header, with the quirks of forty years of files.

use chrono::NaiveDate;

use super::damage::Cause;
use super::field::{Field, StoredAs, is_visual_foxpro};
use super::input::Input;
use crate::base::{Error, Result, Text, text};

/// A DBF header. Its language byte is noise in DATASUS files and is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// 0x03 in all files but a few (0x30: Visual FoxPro).
    pub version: u8,
    /// The day of the last change, as the writer put it; none where that is no day.
    pub changed: Option<NaiveDate>,
    /// Records that the header declares, deleted ones included.
    pub records: u32,
    /// Bytes of the header.
    pub header_len: usize,
    /// Bytes of a record, the deletion flag included.
    pub record_len: usize,
    /// In the record's order.
    pub fields: Vec<Field>,
}

impl Header {
    /// Reads and checks the header; returns it with its bytes as they stand (the CRC covers them unchanged).
    pub(super) fn read(input: &mut Input) -> Result<(Header, Vec<u8>)> {
        let name = input.name.clone();
        let mut bytes = vec![0; 32];
        let got = input.read(&mut bytes)?;
        bytes.truncate(got);
        if let Some(cause) = not_dbf(&bytes) {
            return Err(cause.at(&name, 0));
        }
        let u16_at = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
        let records = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        let (header_len, record_len) = (u16_at(8), u16_at(10));
        let (version, changed) = (bytes[0], day([bytes[1], bytes[2], bytes[3]]));
        if header_len < 33 {
            let why = text!(
                "ele declara ter {header_len} bytes, e 33 é o mínimo",
                "it declares to be {header_len} bytes long, and 33 is the least"
            );
            return Err(wrong(&name, 8, why).with("declared_header_len", header_len));
        }
        if record_len < 2 {
            let why = text!(
                "ele declara registros de {record_len} byte(s), e 2 é o mínimo",
                "it declares records of {record_len} byte(s), and 2 is the least"
            );
            return Err(wrong(&name, 10, why).with("declared_record_len", record_len));
        }
        bytes.resize(header_len, 0);
        let got = 32 + input.read(&mut bytes[32..])?;
        if got < header_len {
            return Err(Cause::Truncated.at(&name, got as u64));
        }
        let mut fields: Vec<Field> = Vec::new();
        let mut offset = 1;
        // Of `_NullFlags`, in the order of the fields that have one.
        let mut null_bits = Vec::new();
        for (index, descriptor) in bytes[32..].chunks_exact(32).enumerate() {
            // 0x0D in most files, 0x00 in some; Clipper's two-byte end leaves no whole descriptor.
            if matches!(descriptor[0], 0x0d | 0x00) {
                break;
            }
            let at = 32 + 32 * index as u64;
            let number = index + 1;
            let raw = descriptor[..11].split(|byte| *byte == 0).next().unwrap_or_default();
            let field: String = raw.iter().map(|byte| char::from(*byte)).collect();
            let field = field.trim().to_uppercase();
            let (dbf_type, width, decimals) = (descriptor[11], usize::from(descriptor[16]), descriptor[17]);
            let wrong = |why: Text| wrong(&name, at, why).column(&field).with("field", number).with("width", width);
            if field.is_empty() {
                return Err(wrong(text!("o campo número {number} não tem nome", "field number {number} has no name")));
            }
            if width == 0 {
                let why =
                    text!("o campo {number}, {field}, tem largura 0", "field {number}, {field}, has a width of 0");
                return Err(wrong(why));
            }
            if !is_type(dbf_type) {
                let why = text!(
                    "o tipo do campo {number}, {field}, é o byte 0x{dbf_type:02X}, que não é tipo nenhum",
                    "the type of field {number}, {field}, is the byte 0x{dbf_type:02X}, which is no type at all"
                );
                return Err(wrong(why));
            }
            if is_visual_foxpro(version) {
                let nullable = descriptor[18] & 0x02 != 0;
                // V and Q have a bit for their length before the one for no value.
                null_bits.extend(matches!(dbf_type, b'V' | b'Q').then_some(None));
                null_bits.extend(nullable.then_some(Some(index)));
            }
            let stored = StoredAs::of(dbf_type, width, version, &field);
            fields.push(Field { name: field, dbf_type, width, decimals, offset, stored, null_bit: None });
            offset += width;
        }
        if fields.is_empty() {
            let why = text!("ele não descreve nenhum campo", "it describes no field");
            return Err(wrong(&name, 32, why).with("declared_record_len", record_len));
        }
        if offset != record_len {
            let count = fields.len();
            let why = text!(
                "os {count} campos somam registros de {offset} bytes, e ele declara {record_len}",
                "the {count} fields make records of {offset} bytes, and it declares {record_len}"
            );
            let error = wrong(&name, 10, why);
            return Err(error.with("declared_record_len", record_len).with("sum_of_widths", offset));
        }
        let mut seen = std::collections::HashSet::new();
        if let Some(index) = fields.iter().position(|field: &Field| !seen.insert(field.name.as_str())) {
            let field = fields[index].name.as_str();
            let why = text!("o campo {field} aparece duas vezes", "field {field} appears twice");
            let error = wrong(&name, 32 + 32 * index as u64, why);
            return Err(error.column(field).with("repeated_field", field));
        }
        if let Some(flags) = fields.iter().find(|field| field.stored == StoredAs::NullFlags).map(|field| field.offset) {
            for (bit, field) in null_bits.into_iter().enumerate() {
                if let Some(field) = field.and_then(|index: usize| fields.get_mut(index)) {
                    field.null_bit = Some((flags + bit / 8, 1 << (bit % 8)));
                }
            }
        }
        Ok((Header { version, changed, records, header_len, record_len, fields }, bytes))
    }

    /// Bytes of the records, as declared.
    pub(super) fn body_len(&self) -> u64 {
        u64::from(self.records) * self.record_len as u64
    }
}

/// Year (since 1900, or its last two digits), month and day; the ministry's first files are of 1979.
fn day([year, month, day]: [u8; 3]) -> Option<NaiveDate> {
    let century = if year < 79 { 2000 } else { 1900 };
    NaiveDate::from_ymd_opt(century + i32::from(year), month.into(), day.into())
}

/// The letters of the DBF types, and the signs of three that Visual FoxPro and dBase 7 added.
fn is_type(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'0' | b'@' | b'+')
}

/// DS-460 of a header that cannot be: `why` says of which field, and what.
fn wrong(file: &str, offset: u64, why: Text) -> Error {
    Cause::BadHeader.explained(file, offset, &why)
}

/// What the file is instead, where its first bytes tell.
fn not_dbf(bytes: &[u8]) -> Option<Cause> {
    let text = String::from_utf8_lossy(bytes).trim_start_matches('\u{feff}').trim_start().to_lowercase();
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match bytes {
        [] => Some(Cause::Empty),
        [0x1f, 0x8b, ..] => Some(Cause::Gzip),
        // Its fields are described in 48 bytes each, from byte 68.
        [0x04 | 0x8c, _, 1..=12, 1..=31, ..] => Some(Cause::Dbase7),
        [b'P', b'K', 3 | 5, ..] => Some(Cause::Zip),
        _ if text.starts_with('<') => Some(Cause::Html),
        _ if digits == 3 && matches!(bytes.get(3), Some(b' ' | b'-')) => Some(Cause::FtpText),
        [0x02 | 0x03 | 0x30 | 0x31 | 0x32 | 0x43 | 0x83 | 0x8b | 0xcb | 0xf5 | 0xfb, ..] => {
            (bytes.len() < 32).then_some(Cause::Truncated)
        }
        _ => Some(Cause::NotDbc),
    }
}
