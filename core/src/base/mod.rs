//! The ground floor: what every room of the house may use, and which uses none of them.

mod batch_bytes;
mod cancel;
mod cause;
mod chunk;
mod clip;
mod cluster_use;
mod code;
mod ctx;
mod deaf;
mod did_you_mean;
mod error;
mod error_carried;
mod error_form;
mod exact_json;
mod file_hash;
mod file_lock;
mod file_system;
mod fold;
mod foreign;
mod fork_guard;
mod kept_rows;
mod mask;
mod metadata_host;
mod next;
mod on_emergency;
mod owner;
mod page_faults;
mod place;
mod priority;
mod process_memory;
mod progress;
#[cfg(test)]
#[path = "../../tests/quiet/mod.rs"]
pub mod quiet;
mod regular_file;
mod sealed_json;
mod secret;
mod short_copy;
#[cfg(test)]
#[path = "../../tests/skip/mod.rs"]
pub mod skip;
mod sleeper;
mod slot;
mod stage;
mod table_index;
mod text;
mod tilde;
mod trace_id;
mod units;
mod whole_file;
mod writeback;

pub(crate) use batch_bytes::HeldBytes;
pub use batch_bytes::batch_bytes;
pub use cancel::{Cancel, CancelReason};
pub use cause::Cause;
pub use chunk::{Chunk, Origin, SourceRows, UnitId};
pub use cluster_use::ClusterUse;
pub use code::{Code, Retry};
pub use ctx::Ctx;
pub use error::{Context, Error, Problem, Result};
pub use error_form::{ContextForm, ErrorForm, Failed, ProblemForm};
pub use next::Next;
pub use on_emergency::OnEmergency;
pub use priority::Priority;
pub use progress::{Phase, Progress, ProgressSnapshot};
pub use secret::Secret;
pub use sleeper::Sleeper;
pub use slot::{RunPermit, Slot, YieldReason};
pub use stage::{JobSpan, Stage};
pub use table_index::{IndexState, TableIndex};
pub use text::{Language, Text};
pub use trace_id::TraceId;
pub use units::{CommittedUnits, UnitPlaces, Units};

pub(crate) use cancel::deadline_passed;
pub(crate) use clip::clip;
pub(crate) use deaf::Deaf;
pub(crate) use did_you_mean::did_you_mean;
pub(crate) use error_carried::ErrorCarried;
pub(crate) use exact_json::{MOST_JSON, NotJson, exact_json, has_named_options, options_by_name};
pub(crate) use file_hash::file_sha256;
pub(crate) use file_lock::lock_file;
pub(crate) use file_system::FileSystem;
pub(crate) use fold::fold;
pub(crate) use foreign::{io_words, json_words, type_words, value_words};
pub(crate) use fork_guard::{ForkGuard, forked};
pub(crate) use kept_rows::KeptRows;
pub(crate) use mask::{holds_secret, masked, masked_json};
pub(crate) use metadata_host::is_metadata_host;
pub(crate) use owner::Owner;
pub(crate) use page_faults::{PageFaults, resident_now};
pub(crate) use place::Place;
pub(crate) use process_memory::{PeakMemory, held_by_process};
pub(crate) use regular_file::{
    FILE_MODE, FOLDER_MODE, NO_LINK, Odd, Trusted, create_folders, create_new, open_source, refused,
};
pub(crate) use sealed_json::{is_sealed, sealed_json};
pub(crate) use secret::refuse_address;
pub(crate) use short_copy::copy_short;
pub(crate) use text::text;
pub(crate) use tilde::expand_home;
pub(crate) use whole_file::WholeFile;
pub(crate) use writeback::Writeback;

/// What [`crate::faces`] hands on.
#[doc(hidden)]
pub mod of_faces {
    pub use super::deaf::Deaf;
    pub use super::exact_json::{NotJson, exact_json};
    pub use super::file_system::FileSystem;
    pub use super::fork_guard::ForkGuard;
    pub use super::mask::masked;
    pub use super::page_faults::{PageFaults, resident_now};
    pub use super::process_memory::held_by_process;
}
