//! A kept answer as bytes: a head that says whose it is, and an Arrow IPC stream in a zstd frame.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use sha2::{Digest, Sha256};

use super::key::Key;
use crate::base::{Error, Result};

const MAGIC: &[u8; 8] = b"DSUSRES1";
const HEAD: usize = MAGIC.len() + 32 + 32 + 8 + 8;

/// Clones are the same bytes.
#[derive(Debug, Clone)]
pub struct Entry {
    bytes: Arc<[u8]>,
    /// By which it was packed; 0 where that is not known.
    level: i32,
}

impl Entry {
    /// Bytes that are not looked at before they are opened.
    pub fn unchecked(bytes: Vec<u8>) -> Self {
        Entry { bytes: bytes.into(), level: 0 }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn of(key: &Key, schema: &SchemaRef, batches: &[RecordBatch], level: i32) -> Result<Self> {
        let whole = concat_batches(schema, batches).map_err(Error::internal)?;
        let mut plain = Vec::new();
        let mut writer = StreamWriter::try_new(&mut plain, schema).map_err(Error::internal)?;
        writer.write(&whole).and_then(|()| writer.finish()).map_err(Error::internal)?;
        drop(writer);
        let numbers = [whole.num_rows() as u64, plain.len() as u64].map(u64::to_le_bytes).concat();
        let body = zstd::bulk::compress(&plain, level).map_err(Error::internal)?;
        Ok(Entry { level, ..Entry::unchecked(summed(key, &numbers, &body)) })
    }

    /// The same answer packed by another level; none where it is not what was packed.
    pub fn at_level(&self, level: i32) -> Option<Self> {
        if self.level == level {
            return Some(self.clone());
        }
        let (head, body) = self.bytes.split_at_checked(HEAD)?;
        let length = u64::from_le_bytes(head[80..88].try_into().ok()?);
        let plain = zstd::bulk::decompress(body, usize::try_from(length).ok()?).ok()?;
        let body = zstd::bulk::compress(&plain, level).ok()?;
        Some(Entry { level, ..Entry::unchecked(summed(&head[8..40], &head[72..88], &body)) })
    }

    /// The answer; none where these are not the bytes that were kept for `key`, or would be more than `most` when unpacked. The rows
    /// are nobody else's: whoever gets them may write into them.
    pub fn open(&self, key: &Key, most: u64) -> Option<(SchemaRef, RecordBatch)> {
        let bytes = &self.bytes;
        if bytes.len() < HEAD || bytes[..8] != *MAGIC || bytes[8..40] != *key || bytes[40..72] != sum(bytes) {
            return None;
        }
        let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let (rows, length) = (number(72)?, number(80)?);
        if length > most {
            return None;
        }
        let plain = zstd::bulk::decompress(&bytes[HEAD..], usize::try_from(length).ok()?).ok()?;
        // It is ours by its sum; should that be forged, a reader that panics is no reason to fail.
        let read = catch_unwind(AssertUnwindSafe(|| {
            let mut reader = StreamReader::try_new(plain.as_slice(), None).ok()?;
            let (schema, batch) = (reader.schema(), reader.next()?.ok()?);
            reader.next().is_none().then_some((schema, batch))
        }));
        let (schema, batch) = read.ok()??;
        (batch.num_rows() as u64 == rows).then_some((schema, batch))
    }
}

/// Head, with its sum, and body.
fn summed(key: &[u8], numbers: &[u8], body: &[u8]) -> Vec<u8> {
    let mut bytes = [&MAGIC[..], key, &[0; 32], numbers, body].concat();
    let sum = sum(&bytes);
    bytes[40..72].copy_from_slice(&sum);
    bytes
}

/// Of all but the sum's own place.
fn sum(bytes: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(&bytes[..40]).chain_update(&bytes[72..]).finalize().into()
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array, StringDictionaryBuilder};
    use arrow::datatypes::Int32Type;

    use super::*;

    fn batch(rows: usize) -> RecordBatch {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter((0..rows).map(|n| (n % 7 != 0).then_some(n as i64))));
        let mut texts = StringDictionaryBuilder::<Int32Type>::new();
        (0..rows).for_each(|n| texts.append_value(format!("t{}", n % 5)));
        RecordBatch::try_from_iter_with_nullable([("n", numbers, true), ("t", Arc::new(texts.finish()) as _, true)])
            .unwrap()
    }

    #[test]
    fn an_answer_comes_back_as_it_was_and_a_changed_bit_anywhere_is_no_answer() {
        let (key, other) = ([7; 32], [8; 32]);
        for batches in [vec![batch(100), batch(3)], vec![batch(0)], vec![]] {
            let schema = batch(0).schema();
            let entry = Entry::of(&key, &schema, &batches, 1).unwrap();
            let (kept, rows) = entry.open(&key, 1 << 20).unwrap();
            assert_eq!((kept, &rows), (schema.clone(), &concat_batches(&schema, &batches).unwrap()));
            assert!(entry.open(&other, 1 << 20).is_none() && entry.open(&key, 10).is_none());
            for at in 0..entry.bytes().len() {
                let mut bytes = entry.bytes().to_vec();
                bytes[at] ^= 1 << (at % 8);
                assert!(Entry::unchecked(bytes).open(&key, 1 << 20).is_none(), "byte {at}");
                assert!(Entry::unchecked(entry.bytes()[..at].to_vec()).open(&key, 1 << 20).is_none(), "cut at {at}");
            }
        }
    }

    #[test]
    fn bytes_whose_sum_is_right_and_that_are_no_answer_do_no_harm() {
        let key = [7; 32];
        for body in [vec![], zstd::bulk::compress(b"", 1).unwrap(), zstd::bulk::compress(&[0xff; 900], 1).unwrap()] {
            let mut bytes = [&MAGIC[..], &key, &[0; 32], &5u64.to_le_bytes(), &900u64.to_le_bytes(), &body].concat();
            let sum = sum(&bytes);
            bytes[40..72].copy_from_slice(&sum);
            assert!(Entry::unchecked(bytes).open(&key, 1 << 20).is_none());
        }
    }
}
