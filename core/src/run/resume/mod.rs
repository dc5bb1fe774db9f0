//! What a job keeps so that another process can go on with it: which jobs there are, going on with one, giving one up, and its dead
//! letters.

mod job_info;
mod jobs;
mod resumed;

pub use job_info::{DestinationOptions, JobDestination, JobInfo};
pub use jobs::Replayed;
