//! The footer of a Parquet that anybody may have written: read within bounds, and refused where it says what cannot be.
//!
//! The reader sets memory aside for as many elements as a list claims to have before it looks for the first one: a footer of a
//! hundred bytes would take any amount. Here each element that is claimed must have a byte to stand in.

use std::sync::Arc;

use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{FooterTail, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::reader::ChunkReader;

use super::known_footers::KNOWN;
use super::thrift::Compact;

/// Bytes of a footer. 113 columns and a thousand row groups have some ten million.
const MOST_FOOTER: u64 = 128 << 20;
const TAIL: u64 = 8;

/// Reads the footer of `file`.
pub fn parquet_footer<R: ChunkReader>(file: &R) -> Result<Arc<ParquetMetaData>> {
    let (bytes, size) = footer_bytes(file)?;
    KNOWN.footer(&bytes, size, || parse_parquet_footer(&bytes, size))
}

/// Its bytes, without the tail, and how many the file has.
pub fn footer_bytes<R: ChunkReader>(file: &R) -> Result<(Bytes, u64)> {
    let size = file.len();
    let eof = || ParquetError::EOF(format!("a Parquet of {size} bytes"));
    let at = size.checked_sub(TAIL).ok_or_else(eof)?;
    let tail = file.get_bytes(at, TAIL as usize)?;
    let tail: [u8; TAIL as usize] = tail.as_ref().try_into().map_err(|_| eof())?;
    let length = FooterTail::try_new(&tail)?.metadata_length() as u64;
    if length > MOST_FOOTER.min(at) {
        return Err(damaged(format!("its footer claims {length} bytes, and the file has {size}")));
    }
    Ok((file.get_bytes(at - length, length as usize)?, size))
}

/// The same, as the reader of batches wants it.
pub fn arrow_footer<R: ChunkReader>(file: &R) -> Result<ArrowReaderMetadata> {
    let (bytes, size) = footer_bytes(file)?;
    let parse = || parse_parquet_footer(&bytes, size);
    KNOWN.arrow(&bytes, size, parse, |footer| ArrowReaderMetadata::try_new(footer, ArrowReaderOptions::default()))
}

/// The same of bytes that are a footer, without the tail, of a file of `size` bytes.
pub fn parse_parquet_footer(footer: &[u8], size: u64) -> Result<Arc<ParquetMetaData>> {
    Compact::new(footer).structure().ok_or_else(|| damaged("its footer claims more than it has".to_owned()))?;
    let metadata = ParquetMetaDataReader::decode_metadata(footer)?;
    let mut rows = 0_i64;
    for (number, group) in metadata.row_groups().iter().enumerate() {
        rows = rows.checked_add(group.num_rows()).ok_or_else(|| damaged("it claims too many rows".to_owned()))?;
        if !is_possible(group, size) {
            return Err(damaged(format!("row group {number} claims to lie where it cannot")));
        }
    }
    Ok(Arc::new(metadata))
}

/// Whether the group's columns lie within the file.
fn is_possible(group: &RowGroupMetaData, size: u64) -> bool {
    let within = |start: i64, length: i64| {
        let (start, length) = (u64::try_from(start), u64::try_from(length));
        matches!((start, length), (Ok(start), Ok(length)) if start.checked_add(length).is_some_and(|end| end <= size))
    };
    let of_column = |column: &parquet::file::metadata::ColumnChunkMetaData| {
        let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
        // Some writers say 0 where a column has no dictionary.
        let start = if start == 0 { column.data_page_offset() } else { start };
        within(start, column.compressed_size()) && column.uncompressed_size() >= 0 && column.num_values() >= 0
    };
    group.num_rows() >= 0 && group.columns().iter().all(of_column)
}

fn damaged(what: String) -> ParquetError {
    ParquetError::General(what)
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;

    use super::*;

    fn file() -> Vec<u8> {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100));
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..100).map(|n| format!("t{n}"))));
        let batch = RecordBatch::try_from_iter([("n", numbers), ("t", texts)]).unwrap();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap()
    }

    #[test]
    fn a_footer_that_claims_more_than_there_is_is_refused_and_a_sound_one_is_read() {
        let sound = file();
        let read = |bytes: Vec<u8>| parquet_footer(&Bytes::from(bytes)).map_err(|error| error.to_string());
        assert_eq!(read(sound.clone()).unwrap().file_metadata().num_rows(), 100);
        let mut two_gigabytes = sound.clone();
        let at = sound.len() - 8;
        two_gigabytes[at..at + 4].copy_from_slice(&i32::MAX.to_le_bytes());
        assert!(read(two_gigabytes).unwrap_err().contains("claims 2147483647 bytes"));
        // {2: a list of 2^31 - 1 structures}, as the schema is.
        let claims = [0x29, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07];
        let mut list = b"PAR1".to_vec();
        list.extend(claims);
        list.extend((claims.len() as u32).to_le_bytes());
        list.extend(b"PAR1");
        assert!(read(list).unwrap_err().contains("more than it has"));
        assert!(read(Vec::new()).is_err() && read(b"PAR1".to_vec()).is_err());
    }

    #[test]
    fn no_footer_of_any_changed_byte_panics() {
        let sound = file();
        let length = u32::from_le_bytes(sound[sound.len() - 8..sound.len() - 4].try_into().unwrap()) as usize;
        let first = sound.len() - 8 - length;
        for at in first..sound.len() {
            for with in [0x00, 0xff, sound[at] ^ 0x80, sound[at] ^ 1, sound[at].wrapping_add(1)] {
                let mut changed = sound.clone();
                changed[at] = with;
                let _ = parquet_footer(&Bytes::from(changed));
            }
        }
    }
}
