//! Parquet, for whoever reads or writes it: footers that anybody may have written, read within bounds, and files of ours, whose columns
//! are encoded side by side.

mod column_names;
mod dictionary_page;
mod known_footers;
mod parallel_column_writers;
mod parquet_columns;
mod parquet_footer;
mod text_type;
mod thrift;

pub use column_names::column_names;
pub use dictionary_page::{dictionary_words, read_texts_as};
pub use known_footers::forget_footers;
pub use parquet_columns::{PARQUET_MARK, ParquetColumns, parquet_properties};
pub use parquet_footer::{arrow_footer, footer_bytes, parquet_footer, parse_parquet_footer};
pub use text_type::{dictionary_type, is_text};
pub(crate) use thrift::Compact;
