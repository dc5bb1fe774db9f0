//! The words of a text column's dictionary, where all of its pages use it: its values are asked then, and its rows are not.

use std::sync::Arc;

use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::ChunkReader;
use parquet::file::serialized_reader::SerializedPageReader;

/// The words that the column `leaf` of a row group has, each once at most; none where some of its pages do without the
/// dictionary.
pub fn dictionary_words<R: ChunkReader + Clone + 'static>(
    at: &R,
    footer: &ParquetMetaData,
    group: usize,
    leaf: usize,
) -> Result<Option<Vec<Vec<u8>>>> {
    let of_group = footer.row_group(group);
    let column = of_group.column(leaf);
    let mask = column.page_encoding_stats_mask();
    let only = |encoding| mask.is_some_and(|mask| mask.is_only(encoding));
    let all_behind_it = only(Encoding::RLE_DICTIONARY) || only(Encoding::PLAIN_DICTIONARY);
    if !all_behind_it || column.column_type() != Type::BYTE_ARRAY {
        return Ok(None);
    }
    let rows = usize::try_from(of_group.num_rows()).unwrap_or(0);
    let mut pages = SerializedPageReader::new(Arc::new(at.clone()), column, rows, None)?;
    let Some(Page::DictionaryPage { buf, num_values, .. }) = pages.get_next_page()? else { return Ok(None) };
    let mut words = Vec::new();
    let mut rest = &buf[..];
    for _ in 0..num_values {
        let word = rest.split_first_chunk::<4>().and_then(|(length, after)| {
            let (word, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            rest = after;
            Some(word.to_vec())
        });
        words.push(word.ok_or_else(|| ParquetError::EOF("a dictionary page is cut off".into()))?);
    }
    Ok(Some(words))
}
