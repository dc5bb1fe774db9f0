//! Wires plan, engine and sinks; owns jobs, answers and reports.

mod answer;
mod job;
mod pipeline;
mod report;
mod session;
mod subject;

pub use crate::scheduler::{Event, Events, Status};
pub use answer::Answer;
pub use job::Job;
pub use report::{BadValue, Performance, Report, Source, Storage, Unreadable};
pub use session::{Session, SyncReport};
