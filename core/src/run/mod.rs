//! Wires plan, engine and sinks; owns jobs, answers and reports.

mod answer;
mod attempts;
mod bad_rows;
mod delivery;
mod described;
mod emergency;
mod execution;
mod export;
mod job;
mod materialise;
mod memory;
mod once_more;
mod parking;
mod pending;
mod recover;
mod report;
mod reporting;
mod result_info;
mod rivals;
mod session;
mod stored_plan;
mod stream;
mod streaming;
#[cfg(test)]
mod tests;

pub use crate::scheduler::{Event, Events, Status};
pub use answer::{Answer, Next};
pub use job::Job;
pub use pending::Pending;
pub use recover::{JobInfo, Replayed};
pub use report::{BadValue, CacheUse, NormalisedCodes, Performance, Report, Source, Storage, Unreadable};
pub use session::{EngineOver, Parts, Session, SyncReport};
pub use stored_plan::STATE_FORMAT;
