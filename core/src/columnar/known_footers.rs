//! Footers that were parsed before, found again by their own bytes, so that none is ever another file's: a query needs the one of each file
//! when it is checked, planned, estimated and run, and parsing takes fifty times as long as reading.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::errors::Result;
use parquet::file::metadata::ParquetMetaData;
use twox_hash::XxHash64;

/// Of all that is kept, bytes and what they were parsed to.
const MOST_BYTES: usize = 32 << 20;
/// Of one: those of many row groups are few, and would leave no room for others.
const MOST_OF_ONE: usize = 4 << 20;

pub(super) static KNOWN: LazyLock<KnownFooters> = LazyLock::new(KnownFooters::default);

/// Memory is scarce.
pub fn forget_footers() {
    *KNOWN.kept() = Kept::default();
}

#[derive(Default)]
pub(super) struct KnownFooters(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// By the file's size and a hash of the footer's bytes.
    footers: HashMap<(u64, u64), Known>,
    bytes: usize,
    clock: u64,
}

struct Known {
    text: Box<[u8]>,
    footer: Arc<ParquetMetaData>,
    arrow: Option<ArrowReaderMetadata>,
    bytes: usize,
    used: u64,
}

type Key = (u64, u64);

impl KnownFooters {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of a file of `size` bytes.
    pub fn footer(
        &self,
        text: &[u8],
        size: u64,
        parse: impl FnOnce() -> Result<Arc<ParquetMetaData>>,
    ) -> Result<Arc<ParquetMetaData>> {
        let key = (size, XxHash64::oneshot(0, text));
        if let Some(known) = self.kept().known(key, text) {
            return Ok(known.footer.clone());
        }
        let footer = parse()?;
        self.kept().keep(key, text, footer.clone(), None);
        Ok(footer)
    }

    /// The same with its columns' types.
    pub fn arrow(
        &self,
        text: &[u8],
        size: u64,
        parse: impl FnOnce() -> Result<Arc<ParquetMetaData>>,
        typed: impl FnOnce(Arc<ParquetMetaData>) -> Result<ArrowReaderMetadata>,
    ) -> Result<ArrowReaderMetadata> {
        let key = (size, XxHash64::oneshot(0, text));
        let known = self.kept().known(key, text).map(|known| (known.footer.clone(), known.arrow.clone()));
        let footer = match known {
            Some((_, Some(arrow))) => return Ok(arrow),
            Some((footer, None)) => footer,
            None => parse()?,
        };
        let arrow = typed(footer.clone())?;
        self.kept().keep(key, text, footer, Some(arrow.clone()));
        Ok(arrow)
    }
}

impl Kept {
    fn known(&mut self, key: Key, text: &[u8]) -> Option<&Known> {
        self.clock += 1;
        let known = self.footers.get_mut(&key).filter(|known| *known.text == *text)?;
        known.used = self.clock;
        Some(known)
    }

    /// In the place of what there is of it; what was used longest ago makes room.
    fn keep(&mut self, key: Key, text: &[u8], footer: Arc<ParquetMetaData>, arrow: Option<ArrowReaderMetadata>) {
        // Types are a field of some two hundred bytes for each column.
        let columns = footer.file_metadata().schema_descr().num_columns();
        let bytes = text.len() + footer.memory_size() + 200 * columns;
        if bytes > MOST_OF_ONE {
            return;
        }
        self.remove(key);
        // Half of them at once, so that files in their thousands do not have each other looked through.
        while self.bytes + bytes > MOST_BYTES && !self.footers.is_empty() {
            let mut used: Vec<u64> = self.footers.values().map(|known| known.used).collect();
            let half = used.len() / 2;
            let middle = *used.select_nth_unstable(half).1;
            self.footers.retain(|_, known| known.used > middle);
            self.bytes = self.footers.values().map(|known| known.bytes).sum();
        }
        self.bytes += bytes;
        let known = Known { text: text.into(), footer, arrow, bytes, used: self.clock };
        self.footers.insert(key, known);
    }

    fn remove(&mut self, key: Key) {
        self.bytes -= self.footers.remove(&key).map_or(0, |known| known.bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use bytes::Bytes;
    use parquet::arrow::ArrowWriter;

    use super::*;
    use crate::columnar::{parquet_footer, parse_parquet_footer};

    fn footer(rows: i64) -> (Bytes, u64) {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
        let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        let file = Bytes::from(writer.into_inner().unwrap());
        assert_eq!(parquet_footer(&file).unwrap().file_metadata().num_rows(), rows);
        let length = u32::from_le_bytes(file[file.len() - 8..file.len() - 4].try_into().unwrap()) as usize;
        (file.slice(file.len() - 8 - length..file.len() - 8), file.len() as u64)
    }

    #[test]
    fn a_footer_is_parsed_once_and_another_of_the_same_hash_is_another() {
        let (known, parsed) = (KnownFooters::default(), Cell::new(0));
        let ask = |(text, size): &(Bytes, u64)| {
            let parse = || {
                parsed.set(parsed.get() + 1);
                parse_parquet_footer(text, *size)
            };
            known.footer(text, *size, parse).unwrap().file_metadata().num_rows()
        };
        let (one, other) = (footer(10), footer(11));
        assert_eq!((ask(&one), ask(&one), ask(&other), ask(&one)), (10, 10, 11, 10));
        assert_eq!(parsed.get(), 2);
        // The bytes decide, whatever the hash says.
        let key = (one.1, XxHash64::oneshot(0, &one.0));
        known.kept().footers.get_mut(&key).unwrap().text = other.0.to_vec().into();
        assert_eq!((ask(&one), parsed.get()), (10, 3));
    }

    #[test]
    fn what_was_used_longest_ago_makes_room() {
        let (text, size) = footer(10);
        let parsed = parse_parquet_footer(&text, size).unwrap();
        let mut kept = Kept::default();
        // So long that a dozen fill it.
        let long = |byte: u8| vec![byte; MOST_OF_ONE - (1 << 16)];
        for byte in 0..12 {
            kept.keep((0, byte.into()), &long(byte), parsed.clone(), None);
            assert!(kept.bytes <= MOST_BYTES);
            assert!(byte == 0 || kept.known((0, 0), &long(0)).is_some());
            kept.clock += 1;
        }
        assert!(kept.known((0, 1), &long(1)).is_none() && kept.known((0, 11), &long(11)).is_some());
        kept.keep((0, 99), &vec![0; MOST_OF_ONE], parsed, None);
        assert!(kept.known((0, 99), &vec![0; MOST_OF_ONE]).is_none());
        let held = kept.footers.values().map(|known| known.bytes).sum::<usize>();
        assert_eq!(kept.bytes, held);
    }
}
