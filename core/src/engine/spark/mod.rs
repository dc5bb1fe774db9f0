//! Apache Spark, by Spark Connect: statements run on a cluster, and their rows come back as Arrow at the pace of whoever reads them.
//!
//! Plans go there as SQL of Spark's own ([`SparkDialect`]) with bound values, over the lake's files, which the cluster must see under the
//! same path. Each statement has a session of its own on the server; it is ended with the statement, and whatever still runs in it.
//! Where the connection breaks off the answer is taken up where it stopped. SQL of users is not taken: what the gate lets pass is
//! DuckDB's.

mod address;
mod begun;
mod connection;
mod dialect;
mod failure;
mod made;
mod operation;
mod path;
mod proto;
mod request;
mod rows;
mod worker;
mod writing;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use crossbeam_channel::{bounded, never};

use self::address::Address;
use self::begun::Server;
pub use self::dialect::SparkDialect;
use super::duckdb::{Drained, bounded_answer};
use super::{Engine, RowStream, Settings, Writer, no_user_sql};
use crate::base::{Ctx, Error, Result, Secret};
use crate::plan::{Dialect, Statement};
use crate::store::Location;

/// A cluster behind a Spark Connect server.
pub struct Spark {
    /// For what needs no engine.
    local: Arc<dyn Engine>,
    server: Server,
}

impl Spark {
    /// Before `local`. Nothing is asked of the server before the first statement. DS-422 where `address` is none. `ca`: a PEM of
    /// authorities that are trusted beside the system's.
    pub fn over(local: Arc<dyn Engine>, address: &Secret, ca: Option<&Path>) -> Result<Self> {
        let ca = ca.map(|path| std::fs::read(path).map_err(|error| Error::io(error, path).stage("config")));
        Ok(Spark { local, server: Server { address: Address::parse(address)?, ca: ca.transpose()? } })
    }
}

impl Engine for Spark {
    fn start(&self, statement: Statement, settings: &Settings, ctx: &Ctx) -> Result<RowStream> {
        ctx.check()?;
        if statement.from_user {
            return Err(no_user_sql());
        }
        if statement.answer.is_some() || statement.views.is_empty() {
            return self.local.start(statement, settings, ctx);
        }
        let (to_consumer, pieces) = bounded_answer(settings.channel_depth.max(1), never());
        let (to_starter, started) = bounded(1);
        let drained = Drained::new(pieces, settings);
        let (server, settings, ctx) = (self.server.clone(), settings.clone(), ctx.clone());
        let cancel = ctx.cancel.clone();
        std::thread::Builder::new()
            .name("datasus-spark".into())
            .spawn(move || {
                let _entered = ctx.span.enter();
                let (mut starter, mut stream) = (Some(to_starter), Some(to_consumer));
                let work =
                    AssertUnwindSafe(|| worker::run(&statement, &server, &settings, &ctx, &mut starter, &mut stream));
                let outcome = catch_unwind(work).unwrap_or_else(|panic| Err(Error::panicked("engine", panic.as_ref())));
                match (outcome, starter.take(), stream.take()) {
                    (Err(error), Some(starter), _) => drop(starter.try_send(Err(error))),
                    (Err(error), None, Some(stream)) => stream.fail(error),
                    _ => {}
                }
            })
            .map_err(|error| Error::internal(format!("cannot start the engine's thread: {error}")))?;
        match started.recv() {
            Ok(schema) => Ok(RowStream::of(schema?, Box::new(drained), cancel)),
            Err(_) => Err(Error::internal("the engine's thread ended without an answer")),
        }
    }

    fn dialect(&self) -> &dyn Dialect {
        &SparkDialect
    }

    fn takes_user_sql(&self) -> bool {
        false
    }

    fn keeps_order(&self) -> bool {
        false
    }

    fn is_repeatable(&self) -> bool {
        true
    }

    /// With access of its own.
    fn opens(&self, location: &Location) -> bool {
        location.is_file() || location.scheme() == "s3"
    }

    fn writer(&self) -> Option<&dyn Writer> {
        Some(self)
    }

    fn shed(&self) {
        self.local.shed();
    }

    fn settle(&self) {
        self.local.settle();
    }

    /// Which version the server has is known to each statement.
    fn version(&self) -> String {
        "spark connect".into()
    }
}
