//! Where files come from, and how their records are read.

pub mod dbc;
pub mod declared;
mod example_data;
mod file_summary;
pub mod folder;
mod header_columns;
mod typed_records;
mod unlabelled;

pub use example_data::{write_example_data, write_example_data_until};
pub use file_summary::{BadColumn, FileSummary};
pub use header_columns::{HeaderColumn, header_columns, type_of, wider};
pub use typed_records::{LabelsOf, RecordsOf, TypedRecords};
pub(crate) use typed_records::{MOST_PROBLEMS, Make, check_names, no_column};
pub use unlabelled::Unlabelled;
pub(crate) use unlabelled::counted_columns;
