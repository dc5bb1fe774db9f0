//! What a query will take, told before it runs: rows, bytes, duration and memory, each with an interval.
//!
//! Rows come from the footers of the Parquet, and where conditions and groups leave them open from a small sample of the columns
//! that these name (`sample`); of the user's SQL by its tree (`sql`). Duration and memory are learned from what the jobs of
//! this installation took (`model`, `history`). Nothing here runs a statement, and nothing is fetched or converted.

mod answer;
mod complexity;
mod distinct;
mod estimator;
mod history;
mod model;
mod sample;
mod spread;
mod sql;
mod structured;

pub use answer::{Basis, Bounded, Estimate, Expected, ExpectedSeconds, Runs};
pub use complexity::Complexity;
pub use estimator::{Estimator, Files, Rows, Told};
pub use history::Traits;
pub use model::Model;
pub use spread::Spread;
