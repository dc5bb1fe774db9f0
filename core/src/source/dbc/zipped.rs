//! The table in a zip, read in a stream: nothing is unpacked to disk, and no more comes out than the zip declares.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use flate2::read::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

use super::damage::Cause;
use crate::base::{Error, Result, Text, text};
use crate::store::{ReadAt, Reader};

/// How a zip begins that has members.
const MAGIC: [u8; 4] = *b"PK\x03\x04";
/// No DBF that its readers take is larger, and the ministry splits what would be.
const LARGEST: u64 = 4 << 30;
/// The ministry's have 28 at most.
const MOST_MEMBERS: usize = 1_000;
/// Names in a sentence.
const NAMED: usize = 10;

/// One member's bytes, compared with the size and CRC-32 that the zip declares.
pub(super) struct Member {
    bytes: Bytes,
    /// Decoded.
    pub size: u64,
    left: u64,
    crc: crc32fast::Hasher,
    expected: u32,
    ended: bool,
}

enum Bytes {
    Stored(Part),
    Deflated(Box<DeflateDecoder<BufReader<Part>>>),
}

/// A piece of the zip; says whether reading it failed, which is no damage.
struct Part {
    object: Arc<dyn ReadAt>,
    at: u64,
    end: u64,
    failed: bool,
}

/// What is wrong with a member, within the error of a reader.
#[derive(Debug)]
pub(super) struct Damaged(pub(super) Cause);

impl std::fmt::Display for Damaged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for Damaged {}

/// Whether an object begins as a zip does.
pub(super) fn is_zip(object: &dyn ReadAt) -> bool {
    let (mut head, mut filled) = ([0; 4], 0);
    while filled < head.len() {
        match object.read_at(&mut head[filled..], filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Whoever reads it is told.
            Err(_) => return false,
        }
    }
    head == MAGIC
}

impl Member {
    /// The only DBC or DBF of the zip that is called `name`; of several the one that is named like the zip.
    pub fn open(object: Arc<dyn ReadAt>, name: &str) -> Result<Self> {
        let bad = |error: zip::result::ZipError| match error {
            zip::result::ZipError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                Error::io(error, name.as_ref())
            }
            other => Cause::BadZip.at(name, 0).because(other),
        };
        let mut archive = ZipArchive::new(Reader::new(object.clone())).map_err(bad)?;
        if archive.len() > MOST_MEMBERS {
            let count = archive.len();
            return Err(other(name, &text!("tem {count} membros", "it has {count} members")));
        }
        let mut names = Vec::with_capacity(archive.len());
        for index in 0..archive.len() {
            let member = archive.by_index_raw(index).map_err(bad)?;
            if !member.is_dir() {
                names.push((index, member.name().to_owned()));
            }
        }
        let index = chosen(&names, name)?;
        let member = archive.by_index_raw(index).map_err(bad)?;
        let inner = member.name().to_owned();
        if member.encrypted() {
            return Err(other(name, &text!("{inner} tem senha", "{inner} has a password")));
        }
        let (size, packed, at) = (member.size(), member.compressed_size(), member.data_start());
        if size > LARGEST {
            let most = text!(
                "{inner} teria {size} bytes, e nenhum DBF passa de {LARGEST}",
                "{inner} would have {size} bytes, and no DBF has more than {LARGEST}"
            );
            return Err(Cause::TooLong.explained(name, at, &most));
        }
        let end = at.checked_add(packed).filter(|end| *end <= object.size());
        let end = end.ok_or_else(|| Cause::BadZip.at(name, at))?;
        let part = Part { object: object.clone(), at, end, failed: false };
        let bytes = match member.compression() {
            CompressionMethod::Stored => Bytes::Stored(part),
            CompressionMethod::Deflated => Bytes::Deflated(Box::new(DeflateDecoder::new(BufReader::new(part)))),
            method => {
                return Err(other(
                    name,
                    &text!("{inner} está comprimido por {method}", "{inner} is packed by {method}"),
                ));
            }
        };
        let (crc, expected) = (crc32fast::Hasher::new(), member.crc32());
        Ok(Member { bytes, size, left: size, crc, expected, ended: false })
    }

    /// At the end of the member: nothing may follow, and the sum must be right.
    fn end(&mut self) -> io::Result<()> {
        let more = self.decode(&mut [0])? > 0;
        let right = self.crc.clone().finalize() == self.expected;
        self.ended = !more && right;
        match (more, right) {
            (true, _) => Err(io::Error::other(Damaged(Cause::TooLong))),
            (_, false) => Err(io::Error::other(Damaged(Cause::BadCrc))),
            _ => Ok(()),
        }
    }

    fn decode(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let (read, failed) = match &mut self.bytes {
            Bytes::Stored(part) => (part.read(into), part.failed),
            Bytes::Deflated(decoder) => (decoder.read(into), decoder.get_ref().get_ref().failed),
        };
        let damaged = |error: io::Error| match error.kind() {
            _ if failed => error,
            io::ErrorKind::Interrupted => error,
            io::ErrorKind::UnexpectedEof => io::Error::other(Damaged(Cause::Truncated)),
            _ => io::Error::other(Damaged(Cause::BadCode)),
        };
        read.map_err(damaged)
    }
}

impl Read for Member {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.ended || into.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            return self.end().map(|()| 0);
        }
        let most = into.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.decode(&mut into[..most])?;
        if read == 0 {
            return Err(io::Error::other(Damaged(Cause::Truncated)));
        }
        self.left -= read as u64;
        self.crc.update(&into[..read]);
        Ok(read)
    }
}

impl Read for Part {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = into.len().min(usize::try_from(self.end - self.at).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        let read = self.object.read_at(&mut into[..most], self.at).inspect_err(|error| {
            self.failed = error.kind() != io::ErrorKind::Interrupted;
        })?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Nothing is broken, but it is not read.
fn other(name: &str, why: &Text) -> Error {
    Cause::Zip.explained(name, 0, why)
}

fn chosen(names: &[(usize, String)], zip: &str) -> Result<usize> {
    let tables: Vec<&(usize, String)> = names.iter().filter(|(_, name)| is_table(name)).collect();
    if let [(index, _)] = tables[..] {
        return Ok(*index);
    }
    let like_the_zip: Vec<&&(usize, String)> =
        tables.iter().filter(|(_, name)| stem(name).eq_ignore_ascii_case(stem(zip))).collect();
    if let [(index, _)] = like_the_zip[..] {
        return Ok(*index);
    }
    let shown = if tables.is_empty() { names.iter().collect() } else { tables.clone() };
    let more = if shown.len() > NAMED { ", …" } else { "" };
    let list =
        format!("{}{more}", shown.iter().take(NAMED).map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", "));
    let why = match tables.is_empty() {
        true => text!("não tem DBC nem DBF dentro; tem {list}", "no DBC or DBF is in it; it has {list}"),
        false => text!(
            "tem várias tabelas, e nenhuma com o nome dele: {list}; deixe nele a que quer, ou tire-a de lá",
            "it has several tables, and none of its name: {list}; leave the one that you want in it, or take that out"
        ),
    };
    let members: Vec<&str> = shown.iter().map(|(_, name)| name.as_str()).collect();
    Err(other(zip, &why).with("members", members))
}

/// macOS lays its own notes beside each file, under the same name.
fn is_table(name: &str) -> bool {
    let lower = name.to_lowercase();
    (lower.ends_with(".dbf") || lower.ends_with(".dbc")) && !lower.starts_with("__macosx/")
}

fn stem(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}
