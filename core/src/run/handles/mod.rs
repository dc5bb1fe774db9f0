//! What a caller holds of a job: the job itself, its rows, and rows that are still to come.

mod job;
mod pending;
mod rows;

pub use job::Job;
pub use pending::Pending;
pub(super) use pending::ToCaller;
pub use rows::Rows;
