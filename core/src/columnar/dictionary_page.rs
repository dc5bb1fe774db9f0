//! Text columns all of whose pages use a dictionary: its values are asked then and its rows are not, or rows are read by its numbers.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::reader::ChunkReader;
use parquet::file::serialized_reader::SerializedPageReader;

use super::text_type::{dictionary_type, is_text};

/// Whether no page of a column does without its dictionary.
fn is_behind_dictionary(column: &ColumnChunkMetaData) -> bool {
    let mask = column.page_encoding_stats_mask();
    let only = |encoding| mask.is_some_and(|mask| mask.is_only(encoding));
    only(Encoding::RLE_DICTIONARY) || only(Encoding::PLAIN_DICTIONARY)
}

/// The schema by which a file's texts are read; none: its own. All are plain texts, but those that `coded` names stand behind their
/// dictionaries where no row group does without.
pub fn read_texts_as(schema: &SchemaRef, footer: &ParquetMetaData, coded: impl Fn(&str) -> bool) -> Option<SchemaRef> {
    let leaves = footer.file_metadata().schema_descr();
    let is_behind = |root: usize| {
        let leaf = (0..leaves.num_columns()).find(|leaf| leaves.get_column_root_idx(*leaf) == root);
        leaf.is_some_and(|leaf| footer.row_groups().iter().all(|group| is_behind_dictionary(group.column(leaf))))
    };
    let as_read = |(root, field): (usize, &Arc<Field>)| {
        let with = |kind| Arc::new(field.as_ref().clone().with_data_type(kind));
        match is_text(field.data_type()) {
            false => field.clone(),
            true if coded(field.name()) && is_behind(root) => with(dictionary_type()),
            true => with(DataType::Utf8),
        }
    };
    let fields: Vec<Arc<Field>> = schema.fields().iter().enumerate().map(as_read).collect();
    let same = fields.iter().zip(schema.fields()).all(|(one, other)| one.data_type() == other.data_type());
    (!same).then(|| Schema::new(fields).into())
}

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
    if !is_behind_dictionary(column) || column.column_type() != Type::BYTE_ARRAY {
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
