//! DBC and DBF files, decoded in a bounded window straight into Arrow columns.
//!
//! A DBC is `DBF header | CRC-32 of the whole decoded DBF | PKWare implode stream`. The CRC is known at the last byte:
//! batches come before it, and a file that does not match it ends with DS-460 as its last item.

mod batches;
mod cells;
mod columns;
mod damage;
mod explode;
mod filter;
mod header;
mod huffman;
mod input;
mod record_file;
mod to_dbf;
mod values;
mod window;
mod writer;

pub use batches::{BadCell, BadValues, Batches, CrcState, RejectedRecord, Summary};
pub use cells::CellColumn;
pub use filter::{Condition, RowFilter, Test};
pub use header::{Field, Header};
pub use record_file::{Layout, OutputColumn, ReadOptions, RecordFile};
pub use to_dbf::dbc_to_dbf;
pub use values::whole_number;
pub use writer::{DbcWriter, WriteOptions};
