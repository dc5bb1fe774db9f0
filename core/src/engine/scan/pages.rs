//! The bytes of a Parquet, by position. The column chunks of a row group are read in one piece each, all at once, and their
//! pages are slices of it.

use std::io::{BufReader, Read};
use std::ops::Range;
use std::sync::Arc;

use bytes::buf::Reader;
use bytes::{Buf, Bytes};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use crate::store::{At, ReadAt};

/// Compressed bytes of a row group that are held at once; what goes beyond is read page by page.
const MOST_LOADED: u64 = 16 << 20;

#[derive(Clone)]
pub(super) struct Pages {
    object: Arc<dyn ReadAt>,
    loaded: Arc<[(u64, Bytes)]>,
}

impl Pages {
    pub(super) fn of(object: Arc<dyn ReadAt>) -> Self {
        Pages { object, loaded: Arc::default() }
    }

    /// The same object with these parts in memory, up to `most` bytes.
    pub(super) fn load(&self, parts: impl Iterator<Item = Range<u64>>, most: u64) -> Result<Self> {
        let (mut wanted, mut room) = (Vec::new(), MOST_LOADED.min(most));
        for part in parts {
            let length = part.end.saturating_sub(part.start);
            if length <= room {
                room -= length;
                wanted.push(part);
            }
        }
        let have = self.object.size();
        if let Some(beyond) = wanted.iter().find(|part| part.end > have) {
            let Range { start, end } = beyond;
            return Err(ParquetError::EOF(format!("{} bytes at {start} of a file of {have} bytes", end - start)));
        }
        let read = self.object.read_ranges(&wanted).map_err(|error| ParquetError::External(Box::new(error)))?;
        let loaded = wanted.into_iter().map(|part| part.start).zip(read).collect();
        Ok(Pages { loaded, ..self.clone() })
    }

    pub(super) fn loaded_bytes(&self) -> usize {
        self.loaded.iter().map(|(_, bytes)| bytes.len()).sum()
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
        self.object.size()
    }
}

impl ChunkReader for Pages {
    type T = Piece;

    fn get_read(&self, start: u64) -> Result<Piece> {
        Ok(match self.memory(start) {
            Some(bytes) => Piece::Memory(bytes.reader()),
            None => Piece::Object(At::of(self.object.clone()).get_read(start)?),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        match self.memory(start).filter(|bytes| bytes.len() >= length) {
            Some(bytes) => Ok(bytes.slice(..length)),
            None => At::of(self.object.clone()).get_bytes(start, length),
        }
    }
}

/// What follows a position.
pub(super) enum Piece {
    Memory(Reader<Bytes>),
    Object(BufReader<crate::store::Reader>),
}

impl Read for Piece {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Piece::Memory(bytes) => bytes.read(into),
            Piece::Object(object) => object.read(into),
        }
    }
}
