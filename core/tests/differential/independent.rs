//! A DBC, read without any code of ours: PKWare's stream by another's decoder, the records cut by the header's widths.

use std::path::Path;

pub struct Records {
    /// Upper-case names.
    pub fields: Vec<String>,
    /// Latin-1, without trailing blanks and NULs; numbers, which stand on the right, without those before them.
    pub rows: Vec<Vec<String>>,
}

pub fn read(path: &Path) -> Records {
    let file = std::fs::read(path).unwrap();
    let start = usize::from(u16::from_le_bytes([file[8], file[9]]));
    let length = usize::from(u16::from_le_bytes([file[10], file[11]]));
    let count = u32::from_le_bytes([file[4], file[5], file[6], file[7]]) as usize;
    // Behind the header come four bytes of CRC.
    let body = if count == 0 { Vec::new() } else { explode::explode(&file[start + 4..]).unwrap() };
    let mut fields = Vec::new();
    for descriptor in file[32..start].chunks_exact(32).take_while(|descriptor| !matches!(descriptor[0], 0 | 0x0d)) {
        let name = descriptor[..11].split(|byte| *byte == 0).next().unwrap();
        let is_number = descriptor[11] == b'N';
        fields.push((latin1(name).trim().to_uppercase(), usize::from(descriptor[16]), is_number));
    }
    let rows = (body.chunks_exact(length).take(count).filter(|record| record[0] != b'*')).map(|record| {
        let mut at = 1;
        let cut = fields.iter().map(|(_, width, is_number)| {
            at += width;
            let text = latin1(&record[at - width..at]);
            let text = text.trim_end_matches([' ', '\0']);
            (if *is_number { text.trim_start_matches([' ', '\0']) } else { text }).to_owned()
        });
        cut.collect()
    });
    Records { rows: rows.collect(), fields: fields.into_iter().map(|(name, ..)| name).collect() }
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}
