//! Wires plan, engine and sinks; owns jobs, answers and reports.

mod attempts;
mod bad_rows;
mod column_use;
mod complexity;
mod delivery;
mod described;
mod dictionaries;
mod emergency;
mod environment;
mod estimating;
mod execution;
mod export;
mod handles;
mod materialise;
mod materials;
mod memory;
mod oom_retry;
mod parking;
mod places;
mod plan_sync;
mod profile;
mod report;
mod reporting;
mod result_info;
mod resume;
mod rivals;
mod sampled;
mod session;
mod stored_plan;
mod stream;
mod task;
#[cfg(test)]
mod tests;
mod unlabelled;
mod written;

pub use crate::engine::CacheUse;
pub use crate::scheduler::{Ended, Event, Events, Status};
pub use crate::source::Unlabelled;
pub use dictionaries::{DictionarySync, KitFailed, KitSynced};
pub use environment::{EngineOver, Parts};
pub use handles::{Job, Pending, Rows};
pub use plan_sync::{FileState, PlannedFile, SyncPlan};
pub use profile::{Change, ColumnProfile, CompetenciaRows, FrequentValue, InCompetencia, Profile};
pub use report::{BadValue, NormalisedCodes, Performance, Report, Series, Source, Storage, Unreadable};
pub use resume::{DestinationOptions, JobDestination, JobInfo, Replayed};
pub use session::SyncReport;

pub(crate) use session::Session;
