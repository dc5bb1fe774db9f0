//! What a caller holds of a job: the job itself, its rows, and rows that are still to come.

mod answer;
mod job;
mod pending;

pub use answer::{Answer, Next};
pub use job::Job;
pub use pending::Pending;
