//! The bytes of an object in S3, always of the version that was opened: another one in its place is an error.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use object_store::{GetOptions, GetRange, ObjectStore};

use super::client::{Client, Place};
use crate::base::{Cancel, Error, Result};
use crate::store::{Location, ReadAt};

/// Of one who reads on, one request brings so much at most.
const MOST_AHEAD: u64 = 4 << 20;
/// Parts that lie so near to one another are fetched together, however little they are.
const NEAR: u64 = 4 << 10;
/// Requests at once for the parts of one object.
const AT_ONCE: usize = 6;

pub(super) struct Opened {
    pub client: Arc<Client>,
    pub cancel: Cancel,
    pub at: Location,
    pub place: Place,
    pub size: u64,
    pub etag: Option<String>,
    /// What came last, and from where.
    pub last: Mutex<(u64, Bytes)>,
}

impl Opened {
    fn fetch(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        // What has come is not asked for again.
        let come: Arc<Mutex<Vec<Option<Bytes>>>> = Arc::new(Mutex::new(vec![None; ranges.len()]));
        let all = || {
            let held = come.lock().unwrap_or_else(PoisonError::into_inner);
            let missing = (0..ranges.len()).filter(|at| held[*at].is_none());
            let missing: Vec<_> = missing.map(|at| (at, ranges[at].clone())).collect();
            drop(held);
            let (come, bucket, key, etag) =
                (come.clone(), self.place.bucket.clone(), self.place.key.clone(), self.etag.clone());
            async move {
                let one = |(at, range): (usize, Range<u64>)| {
                    let options = GetOptions {
                        if_match: etag.clone(),
                        range: Some(GetRange::Bounded(range)),
                        ..GetOptions::default()
                    };
                    let (bucket, key, come) = (bucket.clone(), key.clone(), come.clone());
                    async move {
                        let bytes = bucket.get_opts(&key, options).await?.bytes().await?;
                        come.lock().unwrap_or_else(PoisonError::into_inner)[at] = Some(bytes);
                        Ok(())
                    }
                };
                futures_util::stream::iter(missing).map(one).buffer_unordered(AT_ONCE).try_collect::<()>().await
            }
        };
        self.client.call(&self.cancel, &self.at, all)?;
        let come = std::mem::take(&mut *come.lock().unwrap_or_else(PoisonError::into_inner));
        let whole = |(bytes, range): (Option<Bytes>, &Range<u64>)| {
            bytes.filter(|bytes| bytes.len() as u64 == range.end - range.start)
        };
        come.into_iter()
            .zip(ranges)
            .map(whole)
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| Error::internal("the server sent another range than was asked for"))
    }
}

impl ReadAt for Opened {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        if at >= self.size || into.is_empty() {
            return Ok(0);
        }
        let (start, held) = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let end = start + held.len() as u64;
        let give = |from: u64, bytes: &Bytes, into: &mut [u8]| {
            let rest = &bytes[(at - from) as usize..];
            let given = rest.len().min(into.len());
            into[..given].copy_from_slice(&rest[..given]);
            given
        };
        if (start..end).contains(&at) {
            return Ok(give(start, &held, into));
        }
        let asked = into.len() as u64;
        // Who reads on will go on reading: each request brings twice as much as the one before.
        let reads_on = at == end && !held.is_empty();
        let length = if reads_on { asked.max((2 * held.len() as u64).min(MOST_AHEAD)) } else { asked };
        let length = length.min(self.size - at);
        let bytes = self.fetch(std::slice::from_ref(&(at..at + length))).map_err(io::Error::other)?.remove(0);
        let given = give(at, &bytes, into);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = (at, bytes);
        Ok(given)
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Bytes>> {
        if let Some(beyond) = ranges.iter().find(|range| range.end > self.size || range.start > range.end) {
            let said = format!("bytes {} to {} of {}", beyond.start, beyond.end, self.size);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, said));
        }
        let together = together(ranges);
        let fetched = self.fetch(&together).map_err(io::Error::other)?;
        let part = |range: &Range<u64>| {
            let at = together.partition_point(|whole| whole.end < range.end);
            let from = (range.start - together[at].start) as usize;
            fetched[at].slice(from..from + (range.end - range.start) as usize)
        };
        Ok(ranges.iter().map(|range| if range.is_empty() { Bytes::new() } else { part(range) }).collect())
    }
}

/// The ranges to ask for: those with little between them are one, so that what nobody wants stays below an eighth.
fn together(ranges: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut sorted: Vec<Range<u64>> = ranges.iter().filter(|range| !range.is_empty()).cloned().collect();
    sorted.sort_by_key(|range| (range.start, range.end));
    let mut together: Vec<Range<u64>> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match together.last_mut() {
            Some(last) if range.start <= last.end + NEAR.max((range.end - range.start) / 8) => {
                last.end = last.end.max(range.end);
            }
            _ => together.push(range),
        }
    }
    together
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init)]
mod tests {
    use super::*;

    #[test]
    fn near_parts_are_fetched_together_and_far_ones_alone() {
        assert_eq!(together(&[0..10, 10..20, 5_000..5_010]), [0..20, 5_000..5_010]);
        assert_eq!(together(&[100_000..200_000, 210_000..300_000, 90_000..99_000]), [90_000..300_000]);
        assert_eq!(together(&[7..7, 0..100, 20..30]), [0..100]);
        assert!(together(&[]).is_empty());
    }
}
