//! What a job keeps so that another process can go on with it: which jobs there are, going on with one, giving one up, and its dead
//! letters.

mod jobs;
pub(in crate::run) mod resumed;
pub(in crate::run) mod stored_plan;

pub use jobs::{JobInfo, Replayed};
pub use stored_plan::STATE_FORMAT;
