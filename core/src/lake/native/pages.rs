//! The pages of a column chunk before anything is unpacked: what their headers claim must be possible, and where they carry a
//! CRC-32 it is compared. DuckDB compares none, so that a damaged value would be another value in SQL, and none would be told.

use bytes::Bytes;
use parquet::basic::Compression;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::ChunkReader;

use crate::base::Cancel;
use crate::columnar::Compact;
use crate::store::At;

/// Bytes of a header that are read at first, and at most: statistics may stand in it.
const HEADER: usize = 1 << 10;
const MOST_HEADER: usize = 16 << 20;
/// Bytes that are compared at once.
const PIECE: usize = 1 << 20;
/// Snappy says 64 bytes in three, at best.
const MOST_OF_SNAPPY: u64 = 24;

/// Whether a column's content is what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crcs {
    /// Every page has a CRC-32, and it is that of the page.
    Sound,
    /// Pages have none.
    Absent,
}

struct Header {
    length: u64,
    packed: u64,
    unpacked: u64,
    crc: Option<u32>,
}

/// Walks a chunk's pages. An error where one claims what cannot be, or is not what its CRC-32 says.
pub(super) fn look(at: &At, chunk: &ColumnChunkMetaData, cancel: &Cancel) -> Result<Crcs> {
    let (mut here, length) = chunk.byte_range();
    let end = here.saturating_add(length);
    let (mut crcs, mut values) = (Crcs::Sound, 0_u64);
    while here < end && values < chunk.num_values().unsigned_abs() {
        if let Err(stopped) = cancel.check() {
            return Err(ParquetError::External(Box::new(stopped)));
        }
        let (header, of_page) = header(at, here, end)?;
        let body = here + header.length;
        let next = body.checked_add(header.packed).filter(|next| *next <= end);
        let next = next.ok_or_else(|| damaged(format!("the page at {here} claims to end behind its column")))?;
        let is_snappy = chunk.compression() == Compression::SNAPPY;
        if is_snappy && header.unpacked / MOST_OF_SNAPPY > header.packed + 64 {
            let (packed, unpacked) = (header.packed, header.unpacked);
            return Err(damaged(format!("the page at {here} claims to be {unpacked} bytes, packed in {packed}")));
        }
        match header.crc {
            Some(crc) => compare(at, body, header.packed, crc, cancel)?,
            None => crcs = Crcs::Absent,
        }
        values = values.saturating_add(of_page);
        here = next;
    }
    Ok(crcs)
}

/// The header of the page at `start`, and its values as far as they are rows' (a dictionary's are not).
fn header(at: &At, start: u64, end: u64) -> Result<(Header, u64)> {
    let most = end.saturating_sub(start).min(MOST_HEADER as u64) as usize;
    let mut length = HEADER.min(most);
    loop {
        let bytes: Bytes = at.get_bytes(start, length)?;
        let mut walk = Compact::new(&bytes);
        let (mut packed, mut unpacked, mut crc, mut values) = (None, None, None, 0);
        let walked = walk.numbers(&mut |path: &[i64], number: i64| match path {
            [2] => unpacked = u64::try_from(number).ok(),
            [3] => packed = u64::try_from(number).ok(),
            // Its bits, whatever sign they have.
            [4] => crc = Some(number as u32),
            // Of a data page, in either form.
            [5, 1] | [8, 1] => values = u64::try_from(number).unwrap_or(0),
            _ => {}
        });
        match (walked, packed, unpacked) {
            (Some(()), Some(packed), Some(unpacked)) => {
                return Ok((Header { length: walk.walked() as u64, packed, unpacked, crc }, values));
            }
            (None, ..) if length < most => length = length.saturating_mul(16).min(most),
            _ => return Err(damaged(format!("there is no page at {start}"))),
        }
    }
}

fn compare(at: &At, start: u64, length: u64, expected: u32, cancel: &Cancel) -> Result<()> {
    let mut crc = crc32fast::Hasher::new();
    let mut done = 0;
    while done < length {
        if let Err(stopped) = cancel.check() {
            return Err(ParquetError::External(Box::new(stopped)));
        }
        let piece = (length - done).min(PIECE as u64);
        crc.update(&at.get_bytes(start + done, piece as usize)?);
        done += piece;
    }
    if crc.finalize() == expected {
        return Ok(());
    }
    Err(damaged(format!("the CRC-32 of the page at {start} does not match its content")))
}

fn damaged(what: String) -> ParquetError {
    ParquetError::General(what)
}
