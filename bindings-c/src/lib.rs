//! The C face: `libdatasus` and `datasus.h`, which cbindgen makes of this crate.
//!
//! Every exported function is one line into `fence`, or into `guard` where it has no error to fill: panics are caught, a forked child is
//! seen, and the error is written. What C holds are tickets, not addresses (`ticket`): a handle that was released, or never was one, is an
//! error. Parameters and answers of the control plane are the contract's JSON, rows an `ArrowArrayStream`.

mod args;
mod cancel;
mod client;
#[cfg(feature = "uniffi")]
mod control;
mod error;
mod events;
mod fence;
mod guard;
mod held;
mod host;
mod job;
mod knowing;
mod log;
mod records;
mod recovery;
mod rows;
mod status;
mod stream;
mod sync;
mod tables;
mod text;
mod ticket;

pub use cancel::*;
pub use client::{
    ClientHandle, datasus_client_catalog, datasus_client_datasets, datasus_client_dictionaries,
    datasus_client_estimate, datasus_client_explain, datasus_client_metrics, datasus_client_open,
    datasus_client_open_metrics, datasus_client_query, datasus_client_query_until, datasus_client_release,
    datasus_client_schema, datasus_client_set_maintenance, datasus_client_submit, datasus_client_submit_until,
};
pub use error::{ErrorOut, datasus_error_release};
pub use events::{Destructor, EventCallback, datasus_job_on_event};
pub use host::*;
pub use job::*;
pub use knowing::*;
pub use log::{LogCallback, datasus_set_log};
pub use records::*;
pub use recovery::*;
pub use status::*;
pub use stream::{datasus_stream_error, datasus_stream_summary};
pub use sync::*;
pub use text::{TextOut, datasus_text_release};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[cfg(feature = "uniffi")]
uniffi::setup_scaffolding!();
