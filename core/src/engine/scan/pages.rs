//! The bytes of a Parquet file, by position. The column chunks of a row group are read in one piece each, and their
//! pages are slices of it.

use std::fs::File;
use std::io::{BufReader, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::buf::Reader;
use bytes::{Buf, Bytes};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// Compressed bytes of a row group that are held at once; what goes beyond is read page by page.
const MOST_LOADED: u64 = 16 << 20;

#[derive(Clone)]
pub(super) struct Pages {
    file: Arc<File>,
    length: u64,
    loaded: Arc<[(u64, Bytes)]>,
}

impl Pages {
    pub(super) fn of(file: File) -> std::io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Pages { file: Arc::new(file), length, loaded: Arc::default() })
    }

    /// The same file with these parts in memory, up to `most` bytes.
    pub(super) fn load(&self, parts: impl Iterator<Item = Range<u64>>, most: u64) -> Result<Self> {
        let mut loaded = Vec::new();
        let mut room = MOST_LOADED.min(most);
        for part in parts {
            let length = part.end.saturating_sub(part.start);
            if length <= room {
                room -= length;
                loaded.push((part.start, self.read(part.start, length as usize)?));
            }
        }
        Ok(Pages { loaded: loaded.into(), ..self.clone() })
    }

    pub(super) fn loaded_bytes(&self) -> usize {
        self.loaded.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    fn read(&self, start: u64, length: usize) -> Result<Bytes> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.length) {
            let have = self.length;
            return Err(ParquetError::EOF(format!("{length} bytes at {start} of a file of {have} bytes")));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start).map_err(|error| ParquetError::External(Box::new(error)))?;
        Ok(bytes.into())
    }

    /// What is in memory from `start` on.
    fn memory(&self, start: u64) -> Option<Bytes> {
        let holds = |(from, bytes): &&(u64, Bytes)| *from <= start && start < from + bytes.len() as u64;
        let (from, bytes) = self.loaded.iter().find(holds)?;
        Some(bytes.slice((start - from) as usize..))
    }
}

impl Length for Pages {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Pages {
    type T = Piece;

    fn get_read(&self, start: u64) -> Result<Piece> {
        Ok(match self.memory(start) {
            Some(bytes) => Piece::Memory(bytes.reader()),
            None => Piece::File(BufReader::new(FileFrom { file: self.file.clone(), at: start })),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        match self.memory(start).filter(|bytes| bytes.len() >= length) {
            Some(bytes) => Ok(bytes.slice(..length)),
            None => self.read(start, length),
        }
    }
}

/// What follows a position.
pub(super) enum Piece {
    Memory(Reader<Bytes>),
    File(BufReader<FileFrom>),
}

pub(super) struct FileFrom {
    file: Arc<File>,
    at: u64,
}

impl Read for FileFrom {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read_at(into, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Read for Piece {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Piece::Memory(bytes) => bytes.read(into),
            Piece::File(file) => file.read(into),
        }
    }
}
