//! The engine in the process: what only reads is read here, everything else is DuckDB's.

use super::{DuckDb, Engine, Running, Settings, scan};
use crate::base::{Ctx, Result};
use crate::plan::{Dialect, Statement};

#[derive(Debug, Default, Clone, Copy)]
pub struct Local {
    duckdb: DuckDb,
}

impl Engine for Local {
    fn start(&self, mut statement: Statement, settings: &Settings, ctx: &Ctx) -> Result<Running> {
        if let Some(answer) = statement.answer.take() {
            return Ok(Running::of_batches(answer.schema(), std::iter::once(Ok(answer)), ctx.cancel.clone()));
        }
        match statement.scan.take() {
            Some(scan) => scan::start(scan, settings, ctx),
            None => self.duckdb.start(statement, settings, ctx),
        }
    }

    fn dialect(&self) -> &dyn Dialect {
        self.duckdb.dialect()
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
