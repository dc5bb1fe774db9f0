//! Where files come from, and how their records are read.

pub mod dbc;
mod example_data;
pub mod folder;
mod typed_records;

pub use example_data::{write_example_data, write_example_data_until};
pub use typed_records::{RecordsOf, TypedRecords};
