//! The DBF header, with the quirks of forty years of files.

use super::damage::Cause;
use super::input::Input;
use crate::base::Result;

/// A DBF header. Its language byte and date are noise in DATASUS files and are not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// 0x03 in all files but a few (0x30: Visual FoxPro).
    pub version: u8,
    /// Records that the header declares, deleted ones included.
    pub records: u32,
    pub header_len: usize,
    /// Bytes of a record, the deletion flag included.
    pub record_len: usize,
    pub fields: Vec<Field>,
}

/// A field of the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Trimmed, in upper case.
    pub name: String,
    /// `C`, `N` or `D` in all files seen.
    pub dbf_type: u8,
    pub width: usize,
    pub decimals: u8,
    /// From the start of the record.
    pub offset: usize,
}

impl Field {
    /// Whether it holds a number as text, to the right of its width.
    pub(super) fn is_number(&self) -> bool {
        matches!(self.dbf_type, b'N' | b'F')
    }

    /// Whether it holds text; the other types are binary, or point into another file.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.dbf_type, b'C' | b'N' | b'F' | b'D' | b'L')
    }
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
        let version = bytes[0];
        if header_len < 33 || record_len < 2 {
            let error = Cause::BadHeader.at(&name, if header_len < 33 { 8 } else { 10 });
            return Err(error.with("declared_header_len", header_len).with("declared_record_len", record_len));
        }
        bytes.resize(header_len, 0);
        let got = 32 + input.read(&mut bytes[32..])?;
        if got < header_len {
            return Err(Cause::Truncated.at(&name, got as u64));
        }
        let mut fields = Vec::new();
        let mut offset = 1;
        for (index, descriptor) in bytes[32..].chunks_exact(32).enumerate() {
            // 0x0D in most files, 0x00 in some; Clipper's two-byte end leaves no whole descriptor.
            if matches!(descriptor[0], 0x0d | 0x00) {
                break;
            }
            let at = 32 + 32 * index as u64;
            let raw = descriptor[..11].split(|byte| *byte == 0).next().unwrap_or_default();
            let field: String = raw.iter().map(|byte| char::from(*byte)).collect();
            let (dbf_type, width, decimals) = (descriptor[11], usize::from(descriptor[16]), descriptor[17]);
            if field.trim().is_empty() || width == 0 || !is_type(dbf_type) {
                return Err(Cause::BadHeader.at(&name, at).with("field", index).with("width", width));
            }
            fields.push(Field { name: field.trim().to_uppercase(), dbf_type, width, decimals, offset });
            offset += width;
        }
        if fields.is_empty() || offset != record_len {
            return Err(Cause::BadHeader
                .at(&name, 10)
                .with("declared_record_len", record_len)
                .with("sum_of_widths", offset));
        }
        let mut seen = std::collections::HashSet::new();
        if let Some(index) = fields.iter().position(|field: &Field| !seen.insert(field.name.as_str())) {
            let error = Cause::BadHeader.at(&name, 32 + 32 * index as u64);
            return Err(error.column(&fields[index].name).with("repeated_field", fields[index].name.as_str()));
        }
        Ok((Header { version, records, header_len, record_len, fields }, bytes))
    }

    /// Bytes of the records, as declared.
    pub(super) fn body_len(&self) -> u64 {
        u64::from(self.records) * self.record_len as u64
    }
}

/// The letters of the DBF types, and the signs of three that Visual FoxPro and dBase 7 added.
fn is_type(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'0' | b'@' | b'+')
}

/// What the file is instead, where its first bytes tell.
fn not_dbf(bytes: &[u8]) -> Option<Cause> {
    let text = String::from_utf8_lossy(bytes).trim_start_matches('\u{feff}').trim_start().to_lowercase();
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match bytes {
        [] => Some(Cause::Empty),
        [0x1f, 0x8b, ..] => Some(Cause::Gzip),
        [b'P', b'K', 3 | 5, ..] => Some(Cause::Zip),
        _ if text.starts_with('<') => Some(Cause::Html),
        _ if digits == 3 && matches!(bytes.get(3), Some(b' ' | b'-')) => Some(Cause::FtpText),
        [0x02 | 0x03 | 0x30 | 0x31 | 0x32 | 0x43 | 0x83 | 0x8b | 0xcb | 0xf5 | 0xfb, ..] => {
            (bytes.len() < 32).then_some(Cause::Truncated)
        }
        _ => Some(Cause::NotDbc),
    }
}
