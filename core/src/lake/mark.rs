//! Parquet that datasus has written, told by its footer: every one of ours says so in `created_by`, which a program that
//! reads it and writes it anew replaces by its own name.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use crate::columnar::{MOST_FOOTER, PARQUET_MARK, parse_parquet_footer};
use crate::store::{Location, ReadAt, Reader, Stores};

const TAIL: u64 = 8;
const MAGIC: &[u8] = b"PAR1";

/// False as well for what cannot be read: whoever reads it will say why.
pub(super) fn is_ours(stores: &Stores, at: &Location) -> bool {
    stores.open(at).is_ok_and(|object| read(object).unwrap_or(false))
}

/// The same of a file of this machine.
pub fn is_written_by_us(path: &Path) -> bool {
    is_ours(&Stores::default(), &Location::file(path))
}

fn read(object: Arc<dyn ReadAt>) -> std::io::Result<bool> {
    let mut file = Reader::new(object);
    let size = file.seek(SeekFrom::End(0))?;
    if size < TAIL {
        return Ok(false);
    }
    let mut tail = [0; TAIL as usize];
    file.seek(SeekFrom::Start(size - TAIL))?;
    file.read_exact(&mut tail)?;
    let length = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    if &tail[4..] != MAGIC || length > MOST_FOOTER.min(size - TAIL) {
        return Ok(false);
    }
    let mut footer = vec![0; length as usize];
    file.seek(SeekFrom::Start(size - TAIL - length))?;
    file.read_exact(&mut footer)?;
    // Decoding a footer takes far longer than looking for a word that almost none has.
    if memchr::memmem::find(&footer, PARQUET_MARK.as_bytes()).is_none() {
        return Ok(false);
    }
    let Ok(metadata) = parse_parquet_footer(&footer, size) else { return Ok(false) };
    Ok(metadata.file_metadata().created_by().is_some_and(|by| by.starts_with(PARQUET_MARK)))
}
