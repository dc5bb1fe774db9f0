//! From a query to pruned files and one SQL statement.

mod bad_rows;
mod by_codes;
mod catalog_answer;
mod dialect;
mod explain;
mod missing;
mod mixed_names;
mod named;
mod origin;
mod own;
mod prune;
mod read_groups;
mod sample;
mod scan;
mod select;
mod selection_words;
mod statement;
mod structured_sql;
mod table;
mod versions;
mod view;

pub use bad_rows::BadRows;
pub use dialect::Dialect;
pub use explain::{Explain, Planned, PlannedIndex, Share, explain, planned};
pub use missing::Missing;
pub use read_groups::ReadGroups;
pub(crate) use sample::sample_condition;
pub use sample::{BELOW as SAMPLE_BELOW, FileSample, PRIME as SAMPLE_PRIME, SAMPLING, Sampled, Sampling};
pub use scan::{Output, Scan, ScanFile};
pub use select::{Selection, select};
pub use statement::{Binds, Statement, Wanted, statement};
pub use versions::{LeftOut, Reason, Rivals};
pub use view::{Made, Source, View};

pub(crate) use named::{nowhere, shown_columns};
pub(crate) use origin::{origin_of, reads};
pub(crate) use prune::{Verdict, judge, statistics};
pub(crate) use scan::conditions;
pub(crate) use select::held;
pub(crate) use selection_words::{missing_error, selection_warnings};
pub(crate) use versions::{different_rows, foretold};
