//! DuckDB, embedded: one in-memory instance per running statement, in a closed room.

mod answer;
mod aside;
mod binds;
mod closing;
mod dialect;
mod drained;
mod failure;
mod functions;
mod instance_pool;
mod into_vector;
mod outgrown;
mod own_growth;
mod quiet;
mod reason;
mod room;
mod seen;
mod spill;
mod user_sql;
mod watch;
mod worker;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crossbeam_channel::bounded;

pub(super) use self::answer::{ToConsumer, bounded as bounded_answer};
use self::closing::Closing;
pub(super) use self::drained::Drained;
use self::instance_pool::{fresh, reused};
use self::watch::Watch;
pub use dialect::DuckDbDialect;

use super::{Engine, RowStream, Settings};
use crate::base::{Ctx, Deaf, Error, Result};
use crate::governor::refuse_if_too_many_abandoned;
use crate::plan::{Dialect, Statement};

/// 400 chained CTEs overflow Rust's default of 2 MiB.
const STACK_BYTES: usize = 64 << 20;

/// For tests: the statements of users that come next hear no interrupt for a while.
#[doc(hidden)]
pub static HANGS: Deaf = Deaf::new();

/// The embedded engine.
#[derive(Debug, Default, Clone)]
pub struct DuckDb {
    folders: Arc<[PathBuf]>,
    /// Nothing comes after its statement.
    once: bool,
}

impl DuckDb {
    /// For statements over files of these folders, now and later.
    pub fn over(folders: Vec<PathBuf>) -> Self {
        DuckDb { folders: folders.into(), once: false }
    }
}

impl DuckDb {
    /// Opens an instance that has run a statement, for the one that comes next, here or in a fork of this process.
    pub(super) fn prepare() {
        fresh::refill();
        fresh::exercise();
    }

    /// For one statement, on the instance that was prepared.
    pub(super) fn for_one() -> Self {
        fresh::adopt();
        DuckDb { once: true, ..DuckDb::default() }
    }
}

impl Engine for DuckDb {
    fn start(&self, statement: Statement, settings: &Settings, ctx: &Ctx) -> Result<RowStream> {
        ctx.check()?;
        if statement.from_user {
            refuse_if_too_many_abandoned()?;
        }
        let (mut settings, worker_ctx, name) = (settings.clone(), ctx.clone(), name(&statement));
        let limit = statement.from_user.then_some(settings.memory_limit);
        let (watch, abandoned) = Watch::start(&name, settings.hold.take(), limit, ctx)?;
        let (to_consumer, pieces) = answer::bounded(settings.channel_depth.max(1), abandoned.clone());
        let (to_starter, started) = bounded(1);
        let (folders, once) = (self.folders.clone(), self.once);
        let drained = Drained::new(pieces, &settings);
        std::thread::Builder::new()
            .name(name)
            .stack_size(STACK_BYTES)
            .spawn(move || {
                let _entered = worker_ctx.span.enter();
                let (mut starter, mut stream, mut closing) = (Some(to_starter), Some(to_consumer), None);
                let work = AssertUnwindSafe(|| {
                    worker::run(
                        (&statement, &folders),
                        &settings,
                        &worker_ctx,
                        watch,
                        &mut starter,
                        &mut stream,
                        &mut closing,
                    )
                });
                let outcome = catch_unwind(work).unwrap_or_else(|panic| Err(Error::panicked("engine", panic.as_ref())));
                let closing = closing.unwrap_or_else(Closing::begin);
                // Whoever still waits gets the error: the starter before it has the schema, the consumer from then on.
                match (outcome, starter.take(), stream.take()) {
                    (Err(error), Some(starter), _) => drop(starter.try_send(Err(error))),
                    (Err(error), None, Some(stream)) => stream.fail(error),
                    _ => {}
                }
                if statement.from_user && !once {
                    fresh::refill();
                }
                drop(closing);
            })
            .map_err(|error| Error::internal(format!("cannot start the engine's thread: {error}")))?;
        match answer::unless_abandoned(&started, &abandoned)? {
            Ok(Ok(schema)) => Ok(RowStream::of(schema, Box::new(drained), ctx.cancel.clone())),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(Error::internal("the engine's thread ended without an answer")),
        }
    }

    fn dialect(&self) -> &dyn Dialect {
        &DuckDbDialect
    }

    fn warm(&self, from_user: bool) {
        if fresh::is_there() || (!from_user && reused::is_there()) {
            return;
        }
        let closing = Closing::begin();
        let open = move || {
            fresh::refill();
            drop(closing);
        };
        let opening = std::thread::Builder::new().name("datasus-warm".into()).spawn(open);
        if let Err(error) = opening {
            tracing::debug!(%error, "no thread to open a spare instance");
        }
    }

    fn shed(&self) {
        reused::shed();
    }

    fn settle(&self) {
        closing::settle();
    }

    fn version(&self) -> String {
        // Not asked of an instance: one that cannot be opened (no descriptor left) takes the process with it in 1.5.5.
        // SAFETY: the library's own constant, a text that ends with NUL.
        let version = unsafe { std::ffi::CStr::from_ptr(::duckdb::ffi::duckdb_library_version()) };
        format!("duckdb {}", version.to_string_lossy())
    }
}

/// SQL of users gets a number, so that its thread is told from the others in logs and metrics; a name has 15 letters at most.
fn name(statement: &Statement) -> String {
    static STATEMENTS: AtomicU32 = AtomicU32::new(0);
    match statement.from_user {
        true => format!("datasus-sql-{}", STATEMENTS.fetch_add(1, Relaxed) % 1_000),
        false => "datasus-duckdb".into(),
    }
}
