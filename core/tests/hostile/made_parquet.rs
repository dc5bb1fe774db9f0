//! A Parquet of one column (IDADE, whole numbers) and one page, byte by byte: with a CRC-32, which the crate does not write, and with
//! claims that no writer makes.

use std::sync::Arc;

use parquet::basic::Compression;
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, ParquetMetaData, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::SchemaDescriptor;

#[derive(Clone)]
pub struct Page {
    pub body: Vec<u8>,
    pub values: i32,
    /// What the header claims the page to be when it is unpacked.
    pub unpacked: i32,
    /// What it claims to be as it lies there; none: what it is.
    pub packed: Option<i32>,
    pub with_crc: bool,
    pub snappy: bool,
    /// In the footer, by Parquet's number; 0 is none.
    pub codec: u8,
}

impl Page {
    pub fn of(values: &[i32]) -> Self {
        let body: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let unpacked = body.len() as i32;
        let values = values.len() as i32;
        Page { body, values, unpacked, packed: None, with_crc: false, snappy: false, codec: 0 }
    }
}

/// A number as Thrift's compact form has it.
fn number(number: i32) -> Vec<u8> {
    let mut left = ((number << 1) ^ (number >> 31)) as u32;
    let mut bytes = Vec::new();
    while left >= 128 {
        bytes.push(left as u8 | 128);
        left >>= 7;
    }
    bytes.push(left as u8);
    bytes
}

fn header(page: &Page) -> Vec<u8> {
    let mut header = vec![0x15, 0];
    let packed = page.packed.unwrap_or(page.body.len() as i32);
    for value in [page.unpacked, packed] {
        header.push(0x15);
        header.extend(number(value));
    }
    // The data page's header: its values, plain, and levels that it has none of.
    if page.with_crc {
        header.push(0x15);
        header.extend(number(crc32fast::hash(&page.body) as i32));
        header.push(0x1c);
    } else {
        header.push(0x2c);
    }
    header.push(0x15);
    header.extend(number(page.values));
    header.extend([0x15, 0, 0x15, 6, 0x15, 6, 0, 0]);
    header
}

pub fn file(page: &Page) -> Vec<u8> {
    let schema = Arc::new(parse_message_type("message schema { REQUIRED INT32 IDADE; }").unwrap());
    let schema = Arc::new(SchemaDescriptor::new(schema));
    let mut bytes = b"PAR1".to_vec();
    bytes.extend(header(page));
    bytes.extend(&page.body);
    let length = bytes.len() as i64 - 4;
    let codec = match (page.snappy, page.codec) {
        (true, _) | (_, 1) => Compression::SNAPPY,
        (_, 2) => Compression::GZIP(Default::default()),
        (_, 3) => Compression::LZO,
        (_, 4) => Compression::BROTLI(Default::default()),
        (_, 5) => Compression::LZ4,
        (_, 7) => Compression::LZ4_RAW,
        _ => Compression::UNCOMPRESSED,
    };
    let column = ColumnChunkMetaData::builder(schema.column(0))
        .set_compression(codec)
        .set_num_values(page.values.into())
        .set_total_compressed_size(length)
        .set_total_uncompressed_size(length)
        .set_data_page_offset(4)
        .set_encodings(vec![parquet::basic::Encoding::PLAIN])
        .build()
        .unwrap();
    let group = RowGroupMetaData::builder(schema.clone())
        .set_num_rows(page.values.into())
        .set_total_byte_size(length)
        .set_column_metadata(vec![column])
        .build()
        .unwrap();
    let about = FileMetaData::new(2, page.values.into(), None, None, schema, None);
    let mut footer = Vec::new();
    ParquetMetaDataWriter::new(&mut footer, &ParquetMetaData::new(about, vec![group])).finish().unwrap();
    bytes.extend(footer);
    bytes
}

/// A file that is nothing but this footer.
pub fn footer_of(footer: &[u8]) -> Vec<u8> {
    let mut bytes = b"PAR1".to_vec();
    bytes.extend(footer);
    bytes.extend((footer.len() as u32).to_le_bytes());
    bytes.extend(b"PAR1");
    bytes
}
