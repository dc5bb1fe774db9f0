//! DBC and DBF files, decoded in a bounded window straight into Arrow columns.
//!
//! A DBC is `DBF header | CRC-32 of the whole decoded DBF | PKWare implode stream`. The CRC is known at the last byte:
//! batches come before it, and a file that does not match it ends with DS-460 as its last item. Either may stand in a zip, as the
//! ministry publishes IBGE's populations.

mod batches;
mod binary;
mod cells;
mod columns;
mod damage;
mod decoded;
mod encoding;
mod explode;
mod field;
mod filter;
mod forms;
mod header;
mod huffman;
mod input;
mod odd_fields;
mod record_file;
mod summary;
mod to_dbf;
mod values;
mod window;
mod writer;
mod zipped;

pub use batches::Batches;
pub use cells::CellColumn;
pub use encoding::{Encoding, EncodingChoice};
pub use field::Field;
pub use filter::{Condition, RowFilter, Test};
pub use forms::Normalised;
pub use header::Header;
pub use record_file::{Layout, OutputColumn, ReadOptions, RecordFile};
pub use summary::{BadCell, BadValues, CrcState, RejectedRecord, Summary, notices};
pub use to_dbf::dbc_to_dbf;
pub use values::whole_number;
pub use writer::{DbcWriter, WriteOptions};
