//! Wires plan, engine and sinks; owns jobs, answers and reports.

mod answer;
mod deadline;
mod job;
mod pipeline;
mod report;
mod session;
mod subject;

pub use answer::Answer;
pub use job::{Job, Status};
pub use report::{BadValue, Performance, Report, Source, Storage, Unreadable};
pub use session::{Session, SyncReport};
