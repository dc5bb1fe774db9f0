//! The bytes of an object by their position: several threads read it at once, and none moves another's place.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};
use sha2::{Digest, Sha256};

/// An opened object.
pub trait ReadAt: Send + Sync {
    /// Bytes of the object.
    fn size(&self) -> u64;

    /// Some bytes from `at` on, at least one unless the object has ended there.
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize>;

    /// All bytes of each of these ranges, which are known to be wanted: one that pays for each request asks for several at once.
    fn read_ranges(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Bytes>> {
        let one = |range: &Range<u64>| {
            let length = range.end.checked_sub(range.start).and_then(|length| usize::try_from(length).ok());
            let mut bytes = vec![0; length.ok_or(io::ErrorKind::InvalidInput)?];
            let mut read = 0;
            while read < bytes.len() {
                match self.read_at(&mut bytes[read..], range.start + read as u64) {
                    Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(more) => read += more,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(bytes.into())
        };
        ranges.iter().map(one).collect()
    }
}

/// A regular file, with the size that it had when it was opened.
pub(super) struct OpenFile {
    file: File,
    size: u64,
}

impl OpenFile {
    pub(super) fn of(file: File) -> io::Result<Self> {
        Ok(OpenFile { size: file.metadata()?.len(), file })
    }
}

impl ReadAt for OpenFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        self.file.read_at(into, at)
    }
}

/// The object from its beginning, or wherever one goes.
pub struct Reader {
    object: Arc<dyn ReadAt>,
    at: u64,
}

impl Reader {
    /// Reads the object from its start.
    pub fn new(object: Arc<dyn ReadAt>) -> Self {
        Reader { object, at: 0 }
    }
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.object.read_at(into, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.object.size().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// The SHA-256 of an object, in hexadecimal.
pub fn sha256(object: Arc<dyn ReadAt>) -> io::Result<String> {
    let mut reader = Reader::new(object);
    let mut sha256 = Sha256::new();
    let mut block = vec![0; 1 << 18];
    loop {
        match reader.read(&mut block) {
            Ok(0) => return Ok(hex::encode(sha256.finalize())),
            Ok(length) => sha256.update(&block[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// An object as readers of Parquet want it.
#[derive(Clone)]
pub struct At(Arc<dyn ReadAt>);

impl At {
    /// Reads pieces of the object, as Parquet asks for them.
    pub fn of(object: Arc<dyn ReadAt>) -> Self {
        At(object)
    }
}

impl Length for At {
    fn len(&self) -> u64 {
        self.0.size()
    }
}

impl ChunkReader for At {
    type T = BufReader<Reader>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::new(Reader { object: self.0.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let have = self.0.size();
        if start.checked_add(length as u64).is_none_or(|end| end > have) {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} of a file of {have} bytes")));
        }
        let range = start..start + length as u64;
        let mut read = self.0.read_ranges(&[range]).map_err(|error| ParquetError::External(Box::new(error)))?;
        Ok(read.pop().unwrap_or_default())
    }
}
