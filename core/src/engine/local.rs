//! The engine in the process: what only reads is read here, everything else is DuckDB's.

use std::path::PathBuf;

use super::{DuckDb, Engine, RowStream, Settings, scan};
use crate::base::{Ctx, Result};
use crate::plan::{Dialect, Statement};

/// The engine of this process: a scan of our own for plain rows, DuckDB for everything else.
#[derive(Debug, Default, Clone)]
pub struct Local {
    duckdb: DuckDb,
}

impl Local {
    /// For statements over files of these folders, now and later: what is opened for one may serve the next.
    pub fn over(folders: Vec<PathBuf>) -> Self {
        Local { duckdb: DuckDb::over(folders) }
    }
}

impl Engine for Local {
    fn start(&self, mut statement: Statement, settings: &Settings, ctx: &Ctx) -> Result<RowStream> {
        if let Some(answer) = statement.answer.take() {
            return Ok(RowStream::new(answer.schema(), std::iter::once(Ok(answer)), ctx.cancel.clone()));
        }
        match statement.scan.take() {
            Some(scan) => scan::start(scan, settings, ctx),
            None => self.duckdb.start(statement, settings, ctx),
        }
    }

    fn dialect(&self) -> &dyn Dialect {
        self.duckdb.dialect()
    }

    fn cuts_units(&self) -> bool {
        true
    }

    fn is_repeatable(&self) -> bool {
        true
    }

    fn warm(&self, from_user: bool) {
        self.duckdb.warm(from_user);
    }

    fn shed(&self) {
        self.duckdb.shed();
    }

    fn settle(&self) {
        self.duckdb.settle();
    }

    fn version(&self) -> String {
        self.duckdb.version()
    }
}
