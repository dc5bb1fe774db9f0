//! A Parquet with some of another's columns: their chunks are copied as they are, byte by byte, below a footer of their own.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use super::ReadAt;

/// Numbers of the columns (of the schema's roots) with these names, in any case, ascending; one at least where the file has any, since
/// the number of rows stands in columns.
pub(super) fn roots(footer: &ParquetMetaData, columns: &BTreeSet<String>) -> Vec<usize> {
    let fields = footer.file_metadata().schema().get_fields();
    let named = |field: &Arc<Type>| columns.iter().any(|column| column.eq_ignore_ascii_case(field.name()));
    let mut roots: Vec<usize> = (0..fields.len()).filter(|root| named(&fields[*root])).collect();
    if roots.is_empty() && !fields.is_empty() {
        roots.push(least(footer));
    }
    roots
}

/// The column of the fewest bytes.
fn least(footer: &ParquetMetaData) -> usize {
    let leaves = footer.file_metadata().schema_descr();
    let mut bytes = vec![0_u64; footer.file_metadata().schema().get_fields().len()];
    for group in footer.row_groups() {
        for (leaf, chunk) in group.columns().iter().enumerate() {
            bytes[leaves.get_column_root_idx(leaf)] += chunk.byte_range().1;
        }
    }
    (0..bytes.len()).min_by_key(|root| bytes[*root]).unwrap_or(0)
}

fn leaves(footer: &ParquetMetaData, roots: &[usize]) -> Vec<usize> {
    let schema = footer.file_metadata().schema_descr();
    (0..schema.num_columns()).filter(|leaf| roots.contains(&schema.get_column_root_idx(*leaf))).collect()
}

/// Bytes of the chunks of these columns.
pub(super) fn bytes_of(footer: &ParquetMetaData, roots: &[usize]) -> u64 {
    let leaves = leaves(footer, roots);
    let of_group = |group: &parquet::file::metadata::RowGroupMetaData| -> u64 {
        leaves.iter().map(|leaf| group.column(*leaf).byte_range().1).sum()
    };
    footer.row_groups().iter().map(of_group).sum()
}

/// Writes the columns `roots` of `object`, row group by row group; `goes_on` is asked before each.
pub(super) fn splice(
    object: &Arc<dyn ReadAt>,
    footer: &ParquetMetaData,
    roots: &[usize],
    out: impl Write + Send,
    goes_on: &dyn Fn() -> std::io::Result<()>,
) -> Result<()> {
    let schema = footer.file_metadata().schema();
    let fields = roots.iter().map(|root| schema.get_fields()[*root].clone()).collect();
    let schema = Arc::new(Type::group_type_builder(schema.name()).with_fields(fields).build()?);
    let properties = Arc::new(WriterProperties::builder().build());
    let leaves = leaves(footer, roots);
    let mut writer = SerializedFileWriter::new(out, schema, properties)?;
    for group in footer.row_groups() {
        let system = |error: std::io::Error| ParquetError::External(Box::new(error));
        goes_on().map_err(system)?;
        let chunks: Vec<&ColumnChunkMetaData> = leaves.iter().map(|leaf| group.column(*leaf)).collect();
        let range = |chunk: &&ColumnChunkMetaData| {
            let (start, length) = chunk.byte_range();
            start..start.saturating_add(length)
        };
        let ranges: Vec<_> = chunks.iter().map(range).collect();
        let read = object.read_ranges(&ranges).map_err(system)?;
        let mut out = writer.next_row_group()?;
        for (chunk, bytes) in chunks.into_iter().zip(read) {
            let metadata = chunk.clone();
            let closed = ColumnCloseResult {
                bytes_written: bytes.len() as u64,
                rows_written: group.num_rows().unsigned_abs(),
                bloom_filter: None,
                column_index: None,
                offset_index: None,
                metadata,
            };
            out.append_column(&Part { start: chunk.byte_range().0, bytes }, closed)?;
        }
        out.close()?;
    }
    writer.close().map(drop)
}

/// A part of a file, which is read at the places of the whole.
struct Part {
    start: u64,
    bytes: Bytes,
}

impl Part {
    fn from(&self, start: u64) -> Result<Bytes> {
        let outside = || ParquetError::EOF(format!("byte {start} is not of the part from {} on", self.start));
        let from = start.checked_sub(self.start).and_then(|from| usize::try_from(from).ok());
        from.filter(|from| *from <= self.bytes.len()).map(|from| self.bytes.slice(from..)).ok_or_else(outside)
    }
}

impl Length for Part {
    fn len(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl ChunkReader for Part {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(bytes::Buf::reader(self.from(start)?))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let rest = self.from(start)?;
        match rest.len() >= length {
            true => Ok(rest.slice(..length)),
            false => Err(ParquetError::EOF(format!("{length} bytes at {start} of a part"))),
        }
    }
}
