//! Runs one statement over the planned files and hands its rows out in chunks.
//!
//! An engine takes a statement and settings; it knows nothing of DATASUS. What only reads is read here ([`Local`]),
//! everything else is DuckDB's.

mod duckdb;
mod gather;
mod kept_answer;
mod local;
mod process;
mod row_stream;
mod scan;
mod settings;

pub use duckdb::{DuckDb, DuckDbDialect, HANGS};
pub use gather::Gather;
pub use kept_answer::{CacheUse, KeptAnswer};
pub use local::Local;
pub(crate) use process::Isolated;
#[doc(hidden)]
pub use process::main as worker_main;
pub use row_stream::{RowSource, RowStream};
pub use scan::Condition;
pub use settings::Settings;

use crate::base::{Ctx, Result};
use crate::plan::{Dialect, Statement};

/// Where a statement runs.
pub trait Engine: Send + Sync {
    /// Starts `statement` and returns once its schema is known (or it has failed). The rows then come from
    /// [`RowStream`] at the pace at which they are taken. Called from any thread.
    fn start(&self, statement: Statement, settings: &Settings, ctx: &Ctx) -> Result<RowStream>;

    /// How the SQL of its statements is written.
    fn dialect(&self) -> &dyn Dialect;

    /// Whether it cuts the rows of a [`Scan`](crate::plan::Scan) at [`Settings::units`] and leaves out those that are held. Of one
    /// that does not, durable sinks get what a job has kept of its whole answer.
    fn cuts_units(&self) -> bool {
        false
    }

    /// Whether an equal statement over files of equal content has the same rows (those without an order in whichever), so that its
    /// answer may be kept.
    fn is_repeatable(&self) -> bool {
        false
    }

    /// A statement is being planned that a [`Scan`](crate::plan::Scan) will not do for: gets ready for it, without waiting.
    /// `from_user`: its SQL is the user's.
    fn warm(&self, _from_user: bool) {}

    /// Memory is scarce: gives back what is kept for speed alone. Waits for nothing.
    fn shed(&self) {}

    /// Returns once nothing is left at work that must not be cut off by the end of the process.
    fn settle(&self) {}

    /// Name and version, for reports and provenance.
    fn version(&self) -> String;
}
