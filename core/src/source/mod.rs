//! Where files come from, and how their records are read.

pub mod dbc;
pub mod folder;
mod typed_records;

pub use typed_records::{RecordsOf, TypedRecords};
