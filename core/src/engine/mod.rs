//! Runs one statement over the planned files and hands its rows out in chunks.
//!
//! An engine takes a statement and settings; it knows nothing of DATASUS. What only reads is read here ([`Local`]),
//! everything else is DuckDB's.

mod duckdb;
mod duckdb_dialect;
mod gather;
mod local;
mod running;
mod scan;
mod settings;

pub use duckdb::{DuckDb, HANGS};
pub use duckdb_dialect::DuckDbDialect;
pub use gather::Gather;
pub use local::Local;
pub use running::Running;
pub use settings::Settings;

use crate::base::{Ctx, Result};
use crate::plan::{Dialect, Statement};

/// Where a statement runs.
pub trait Engine: Send + Sync {
    /// Starts `statement` and returns once its schema is known (or it has failed). The rows then come from
    /// [`Running`] at the pace at which they are taken. Called from any thread.
    fn start(&self, statement: Statement, settings: &Settings, ctx: &Ctx) -> Result<Running>;

    /// How the SQL of its statements is written.
    fn dialect(&self) -> &dyn Dialect;

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
