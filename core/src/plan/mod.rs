//! From a query to pruned files and one SQL statement.

mod bad_rows;
mod catalog_answer;
mod dialect;
mod explain;
mod missing;
mod named;
mod origin;
mod own;
mod prune;
mod sample;
mod scan;
mod select;
mod selection_words;
mod statement;
mod table;
mod versions;
mod view;

pub use bad_rows::BadRows;
pub use dialect::Dialect;
pub use explain::{Explain, Share, explain};
pub use missing::Missing;
pub use named::nowhere;
pub use origin::reads;
pub use prune::{Verdict, judge, statistics};
pub use sample::{BELOW as SAMPLE_BELOW, FileSample, PRIME as SAMPLE_PRIME, SAMPLING, Sampled, Sampling};
pub use scan::{Output, Scan, ScanFile};
pub use select::{Selection, held, select};
pub use selection_words::{missing_error, selection_warnings};
pub use statement::{Binds, Statement, Wanted, statement};
pub use versions::{LeftOut, Reason, Rivals, different_rows, foretold};
pub use view::View;
