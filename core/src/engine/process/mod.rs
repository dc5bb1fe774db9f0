//! The engine in a process of its own, for SQL of people whom the host does not know: one more engine behind the seam.
//!
//! `datasus-worker` runs the same code over the same files. Before it sees a statement the kernel holds it to its memory, its time and
//! its files ([`limits`]), shows it the statement's files and one folder to write to ([`landlock`]), and leaves it no network and no
//! other program ([`seccomp`]). One statement a worker. The statement goes there by a pipe and rows come back by another; a cancel and a
//! deadline are a kill, and a crash is one job's DS-500. On Linux workers are forked by a process that has an engine open and has seen no
//! statement ([`fork`]); elsewhere each is a program that is started.

mod carry;
mod child;
#[cfg(target_os = "linux")]
mod fork;
#[cfg(target_os = "linux")]
mod forked;
mod frames;
#[cfg(target_os = "linux")]
mod landlock;
mod limits;
mod locks;
mod metrics;
mod place;
mod pool;
mod readable;
mod request;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod seccomp;
mod starter;
mod worker;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use crossbeam_channel::{bounded, never};

use self::carry::Carried;
pub use self::metrics::WorkerMetrics;
use self::pool::Pool;
pub use self::worker::main;
use super::duckdb::{Drained, bounded_answer};
use super::{Engine, RowStream, Settings};
use crate::base::{Ctx, Error, Result};
use crate::plan::{Dialect, Statement};

/// Runs SQL of users in workers, and leaves the rest to the engine in the process.
pub struct Isolated {
    local: Arc<dyn Engine>,
    pool: Arc<Pool>,
    /// What is no user's SQL runs there too.
    all: bool,
}

impl Isolated {
    /// Before `local`. `worker` names the program; DS-422 where it is not there, or of another build.
    pub fn over(local: Arc<dyn Engine>, all: bool, worker: Option<&Path>) -> Result<Self> {
        let pool = Pool::open(place::program(worker)?)?;
        Ok(Isolated { local, pool: Arc::new(pool), all })
    }

    /// What is counted of its workers.
    pub fn metrics(&self) -> WorkerMetrics {
        WorkerMetrics(self.pool.counts().clone())
    }
}

impl Engine for Isolated {
    fn start(&self, statement: Statement, settings: &Settings, ctx: &Ctx) -> Result<RowStream> {
        let is_read = statement.answer.is_some() || statement.scan.is_some();
        if is_read || !(self.all || statement.from_user) {
            return self.local.start(statement, settings, ctx);
        }
        let (to_consumer, pieces) = bounded_answer(settings.channel_depth.max(1), never());
        let (to_starter, started) = bounded(1);
        let drained = Drained::new(pieces, settings);
        let carried = Carried { statement, settings: settings.clone(), ctx: ctx.clone(), pool: self.pool.clone() };
        std::thread::Builder::new()
            .name("datasus-carry".into())
            .spawn(move || {
                let (mut starter, mut stream) = (Some(to_starter), Some(to_consumer));
                let work = AssertUnwindSafe(|| carried.run(&mut starter, &mut stream));
                let outcome = catch_unwind(work).unwrap_or_else(|panic| Err(Error::panicked("worker", panic.as_ref())));
                match (outcome, starter.take(), stream.take()) {
                    (Err(error), Some(starter), _) => drop(starter.try_send(Err(error))),
                    (Err(error), None, Some(stream)) => stream.fail(error),
                    _ => {}
                }
            })
            .map_err(|error| Error::internal(format!("cannot start the thread of a worker: {error}")))?;
        match started.recv() {
            Ok(schema) => Ok(RowStream::of(schema?, Box::new(drained), ctx.cancel.clone())),
            Err(_) => Err(Error::internal("the thread of a worker ended without an answer")),
        }
    }

    fn dialect(&self) -> &dyn Dialect {
        self.local.dialect()
    }

    fn cuts_units(&self) -> bool {
        self.local.cuts_units()
    }

    fn is_repeatable(&self) -> bool {
        self.local.is_repeatable()
    }

    fn warm(&self, from_user: bool) {
        match from_user || self.all {
            true => self.pool.warm(),
            false => self.local.warm(false),
        }
    }

    fn shed(&self) {
        self.pool.shed();
        self.local.shed();
    }

    fn settle(&self) {
        self.local.settle();
    }

    fn version(&self) -> String {
        self.local.version()
    }
}
