//! What a job keeps so that another process can go on with it: which jobs there are, going on with one, giving one up, and its dead
//! letters.

mod jobs;
mod resumed;

pub use jobs::{JobInfo, Replayed};
