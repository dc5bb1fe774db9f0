//! What makes a job survive a crash: its folder, its checkpoints, its dead letters, and when to try again.
//!
//! A job that writes to durable sinks has a folder below the state folder, with its plan, a lock that lives as long as
//! its process, the checkpoints of its sinks and its dead letters. What they hold is opaque here.

mod dead_letters;
mod found;
mod job_folder;
mod job_lock;
mod log;
mod retry;
mod sink_state;
mod state_folder;

pub use dead_letters::{DeadLetter, DeadLetters, SOURCE};
pub use found::{End, Found, Standing};
pub use job_folder::JobFolder;
pub use log::Log;
pub use retry::Retries;
pub use sink_state::SinkState;
pub use state_folder::StateFolder;
