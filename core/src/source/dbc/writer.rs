//! Writes DBC and DBF files: for tests and demos that have no genuine file, and for the variants nobody can fetch.

use std::io::{Seek, SeekFrom, Write};

use super::huffman::{DISTANCE_CODES, LENGTH_CODES, LENGTHS, LITERAL_CODES};
use super::window::HISTORY;
use crate::base::{Code, Error, Result, text};

/// The form of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOptions {
    /// True: a plain DBF. False: a DBC.
    pub plain: bool,
    /// 0x03; with 0x30 (Visual FoxPro) the header has 263 bytes more.
    pub version: u8,
    /// 0x0D, or 0x00 as in some genuine files.
    pub terminator: u8,
    /// True: the records are followed by the end mark 0x1A.
    pub end_mark: bool,
    /// True: literals are coded, as the format allows; genuine files never do.
    pub coded_literals: bool,
    /// Bits of a dictionary of 1, 2 or 4 KiB: 4, 5 or 6. Genuine files have 6; another number is taken as 6.
    pub dictionary_bits: u8,
}

impl Default for WriteOptions {
    fn default() -> Self {
        WriteOptions {
            plain: false,
            version: 0x03,
            terminator: 0x0d,
            end_mark: true,
            coded_literals: false,
            dictionary_bits: 6,
        }
    }
}

/// Writes records one by one; memory does not grow with the file.
pub struct DbcWriter<W: Write + Seek> {
    out: W,
    header: Vec<u8>,
    widths: Vec<usize>,
    options: WriteOptions,
    records: u32,
    body_crc: crc32fast::Hasher,
    imploder: Imploder,
    record: Vec<u8>,
}

impl<W: Write + Seek> DbcWriter<W> {
    /// `fields`: name, DBF type, width, decimals.
    pub fn create(mut out: W, fields: &[(&str, u8, u8, u8)], options: WriteOptions) -> Result<Self> {
        let extension = if options.version == 0x30 { 263 } else { 0 };
        let length = 32 + 32 * fields.len() + 1 + extension;
        let record_len: usize = 1 + fields.iter().map(|field| usize::from(field.2)).sum::<usize>();
        let (Ok(header_len), Ok(record_len)) = (u16::try_from(length), u16::try_from(record_len)) else {
            return Err(Error::new(
                Code::InvalidParams,
                text!("Registro ou cabeçalho maior que 65535 bytes", "Record or header beyond 65535 bytes"),
            ));
        };
        let mut header = vec![0u8; length];
        header[0] = options.version;
        header[1..4].copy_from_slice(&[124, 1, 31]);
        header[8..10].copy_from_slice(&header_len.to_le_bytes());
        header[10..12].copy_from_slice(&record_len.to_le_bytes());
        for (index, (name, dbf_type, width, decimals)) in fields.iter().enumerate() {
            let descriptor = &mut header[32 + 32 * index..64 + 32 * index];
            for (byte, letter) in descriptor.iter_mut().take(10).zip(name.bytes()) {
                *byte = letter;
            }
            descriptor[11] = *dbf_type;
            descriptor[16] = *width;
            descriptor[17] = *decimals;
        }
        header[32 + 32 * fields.len()] = options.terminator;
        out.write_all(&header).map_err(write_error)?;
        if !options.plain {
            // CRC-32 (known at the end), then the mode of literals and the size of the dictionary.
            let coded = u8::from(options.coded_literals);
            out.write_all(&[0, 0, 0, 0, coded, dictionary_bits(&options) as u8]).map_err(write_error)?;
        }
        Ok(DbcWriter {
            out,
            header,
            widths: fields.iter().map(|field| usize::from(field.2)).collect(),
            records: 0,
            body_crc: crc32fast::Hasher::new(),
            imploder: Imploder::new(options.coded_literals, dictionary_bits(&options)),
            options,
            record: Vec::new(),
        })
    }

    /// A record from its fields' text, padded to width: text to the left, and numbers as given.
    pub fn write(&mut self, values: &[&str]) -> Result<()> {
        self.write_flagged(b' ', values)
    }

    /// A record with another deletion flag: `*` marks it deleted.
    pub fn write_flagged(&mut self, flag: u8, values: &[&str]) -> Result<()> {
        let mut record = std::mem::take(&mut self.record);
        record.clear();
        record.push(flag);
        for (value, width) in values.iter().chain(std::iter::repeat(&"")).zip(&self.widths) {
            let latin1 = value.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'));
            let end = record.len() + width;
            record.extend(latin1.take(*width));
            record.resize(end, b' ');
        }
        let written = self.write_raw(&record);
        self.record = record;
        written
    }

    /// A record's bytes as they are, the flag included.
    pub fn write_raw(&mut self, record: &[u8]) -> Result<()> {
        self.records += 1;
        self.body(record)
    }

    fn body(&mut self, bytes: &[u8]) -> Result<()> {
        self.body_crc.update(bytes);
        if self.options.plain {
            return self.out.write_all(bytes).map_err(write_error);
        }
        self.imploder.push(bytes);
        if self.imploder.out.len() > 1 << 16 {
            self.out.write_all(&self.imploder.out).map_err(write_error)?;
            self.imploder.out.clear();
        }
        Ok(())
    }

    /// Ends the stream and writes count and CRC into the header.
    pub fn finish(mut self) -> Result<W> {
        if self.options.end_mark {
            self.body(&[0x1a])?;
        }
        self.header[4..8].copy_from_slice(&self.records.to_le_bytes());
        if !self.options.plain {
            self.imploder.end();
            self.out.write_all(&self.imploder.out).map_err(write_error)?;
        }
        let mut crc = crc32fast::Hasher::new();
        crc.update(&self.header);
        crc.combine(&self.body_crc);
        self.out.seek(SeekFrom::Start(0)).map_err(write_error)?;
        self.out.write_all(&self.header).map_err(write_error)?;
        if !self.options.plain {
            self.out.write_all(&crc.finalize().to_le_bytes()).map_err(write_error)?;
        }
        self.out.seek(SeekFrom::End(0)).map_err(write_error)?;
        self.out.flush().map_err(write_error)?;
        Ok(self.out)
    }
}

fn dictionary_bits(options: &WriteOptions) -> u32 {
    match options.dictionary_bits {
        bits @ 4..=6 => u32::from(bits),
        _ => 6,
    }
}

fn write_error(error: std::io::Error) -> Error {
    Error::io(error, std::path::Path::new("DBC")).stage("write")
}

const LONGEST: usize = 518;
const BUCKETS: usize = 1 << 14;

/// Compresses with the last place where the next three bytes stood: not the tightest, but fast.
struct Imploder {
    /// History and what has not been written yet.
    bytes: Vec<u8>,
    /// First byte that has not been written.
    next: usize,
    /// Place (plus one) in `bytes` of the last three bytes of each hash.
    last: Vec<u32>,
    bits: u64,
    count: u32,
    out: Vec<u8>,
    coded_literals: bool,
    dictionary_bits: u32,
}

impl Imploder {
    fn new(coded_literals: bool, dictionary_bits: u32) -> Self {
        let (bytes, out, last) = (Vec::new(), Vec::new(), vec![0; BUCKETS]);
        Imploder { bytes, next: 0, last, bits: 0, count: 0, out, coded_literals, dictionary_bits }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        // What is near the end may still become part of a longer copy.
        while self.bytes.len() - self.next > LONGEST {
            self.step();
        }
        if self.next > 1 << 20 {
            let drop = self.next - HISTORY;
            self.bytes.drain(..drop);
            self.next -= drop;
            self.last.iter_mut().for_each(|place| *place = place.saturating_sub(drop as u32));
        }
    }

    fn step(&mut self) {
        let here = self.next;
        let rest = &self.bytes[here..];
        if rest.len() >= 3 {
            let place = &mut self.last[hash(rest)];
            let before = (*place as usize).checked_sub(1);
            *place = here as u32 + 1;
            if let Some(from) = before.filter(|from| here - from <= 64 << self.dictionary_bits) {
                let most = rest.len().min(LONGEST);
                let length = self.bytes[from..].iter().zip(&rest[..most]).take_while(|(a, b)| a == b).count();
                if length >= 3 {
                    self.copy(here - from, length);
                    self.next += length;
                    return;
                }
            }
        }
        let byte = rest[0];
        if self.coded_literals {
            let (bits, width) = LITERAL_CODES[usize::from(byte)];
            self.put(u64::from(bits) << 1, 1 + u32::from(width));
        } else {
            self.put(u64::from(byte) << 1, 9);
        }
        self.next += 1;
    }

    fn copy(&mut self, distance: usize, length: usize) {
        self.put(1, 1);
        self.length(length);
        let low = if length == 2 { 2 } else { self.dictionary_bits };
        let (bits, width) = DISTANCE_CODES[(distance - 1) >> low];
        self.put(u64::from(bits), u32::from(width));
        self.put(((distance - 1) & ((1 << low) - 1)) as u64, low);
    }

    fn length(&mut self, length: usize) {
        let fits =
            |(base, extra): &(u16, u8)| (usize::from(*base)..usize::from(*base) + (1 << extra)).contains(&length);
        let symbol = LENGTHS.iter().position(fits).unwrap_or(LENGTHS.len() - 1);
        let (bits, width) = LENGTH_CODES[symbol];
        self.put(u64::from(bits), u32::from(width));
        let (base, extra) = LENGTHS[symbol];
        self.put((length - usize::from(base)) as u64, u32::from(extra));
    }

    fn put(&mut self, bits: u64, count: u32) {
        self.bits |= bits << self.count;
        self.count += count;
        while self.count >= 8 {
            self.out.push(self.bits as u8);
            self.bits >>= 8;
            self.count -= 8;
        }
    }

    fn end(&mut self) {
        while self.next < self.bytes.len() {
            self.step();
        }
        self.put(1, 1);
        self.length(super::huffman::END);
        self.put(0, 7);
        self.bits = 0;
        self.count = 0;
    }
}

fn hash(bytes: &[u8]) -> usize {
    let word = u32::from(bytes[0]) | u32::from(bytes[1]) << 8 | u32::from(bytes[2]) << 16;
    (word.wrapping_mul(0x9e37_79b1) >> 18) as usize % BUCKETS
}
