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
mod spark;

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
pub use spark::{Spark, SparkDialect};

use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;

use crate::base::{Code, Ctx, Error, Result, text};
use crate::plan::{Dialect, Statement};
use crate::store::Location;

/// DS-422: SQL of users is DuckDB's, and so is the gate that reads it.
pub(crate) fn no_user_sql() -> Error {
    Error::new(
        Code::InvalidParams,
        text!(
            "SQL não vai para o cluster: pergunte por parâmetros (`columns`, `filters`, `group_by`, `aggregates`), ou abra outro cliente sem `engine`, que executa SQL nesta máquina",
            "SQL does not go to the cluster: ask by parameters (`columns`, `filters`, `group_by`, `aggregates`), or open another client without `engine`, which runs SQL on this machine"
        ),
    )
    .stage("validate")
}

/// An engine that writes its answers as Parquet into a folder which it and this machine see under one path.
pub trait Writer {
    /// Writes the whole answer somewhere in `folder` and gives its files, in the order of the rows. `began` hears the schema before the
    /// first row is made, and its error is this one's. After an error nothing there counts. Called from a job's thread.
    fn write(
        &self,
        statement: &Statement,
        folder: &Path,
        settings: &Settings,
        ctx: &Ctx,
        began: &mut dyn FnMut(&SchemaRef) -> Result<()>,
    ) -> Result<Vec<PathBuf>>;

    /// Ends what processes that are gone may have left at work there on `folder`, as far as it can be reached.
    fn withdraw(&self, folder: &Path, ctx: &Ctx);
}

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

    /// Whether it takes the SQL of users as it is written.
    fn takes_user_sql(&self) -> bool {
        true
    }

    /// Whether rows that are only read come in the order of their files without being told.
    fn keeps_order(&self) -> bool {
        true
    }

    /// Whether an equal statement over files of equal content has the same rows (those without an order in whichever), so that its
    /// answer may be kept.
    fn is_repeatable(&self) -> bool {
        false
    }

    /// Whether it opens by itself what lies there; of everything else it gets copies on this machine.
    fn opens(&self, location: &Location) -> bool {
        location.is_file()
    }

    /// The same engine, where it can write its answers itself.
    fn writer(&self) -> Option<&dyn Writer> {
        None
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
