//! The engine in the process: what only reads is read here, everything else is DuckDB's.

use super::{DuckDb, Engine, Running, Settings, scan};
use crate::base::{Ctx, Result};
use crate::plan::Statement;

#[derive(Debug, Default, Clone, Copy)]
pub struct Local {
    duckdb: DuckDb,
}

impl Local {
    /// The engine, with an instance of DuckDB that is being opened for the first statement that needs one.
    pub fn warm() -> Self {
        Local { duckdb: DuckDb::warm() }
    }
}

impl Engine for Local {
    fn start(&self, mut statement: Statement, settings: &Settings, ctx: &Ctx) -> Result<Running> {
        match statement.scan.take() {
            Some(scan) => scan::start(scan, settings, ctx),
            None => self.duckdb.start(statement, settings, ctx),
        }
    }

    fn settle(&self) {
        self.duckdb.settle();
    }

    fn version(&self) -> String {
        self.duckdb.version()
    }
}
