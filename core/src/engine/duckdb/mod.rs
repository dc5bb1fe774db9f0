//! DuckDB, embedded: one in-memory instance per running statement, in a closed room.

mod answer;
mod aside;
mod binds;
mod closing;
mod drained;
mod failure;
mod kept;
mod room;
mod spare;
mod spill;
mod user_sql;
mod watch;
mod worker;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::bounded;

use self::closing::Closing;
use self::drained::Drained;
use super::{Engine, Running, Settings};
use crate::base::{Ctx, Error, Result};
use crate::plan::Statement;

/// 400 chained CTEs overflow Rust's default of 2 MiB.
const STACK_BYTES: usize = 64 << 20;

/// The embedded engine.
#[derive(Debug, Default, Clone, Copy)]
pub struct DuckDb;

impl Engine for DuckDb {
    fn start(&self, statement: Statement, settings: &Settings, ctx: &Ctx) -> Result<Running> {
        ctx.check()?;
        let (to_consumer, pieces) = answer::bounded(settings.channel_depth.max(1));
        let (to_starter, started) = bounded(1);
        let drained = Drained::new(pieces, settings);
        let (settings, worker_ctx) = (settings.clone(), ctx.clone());
        std::thread::Builder::new()
            .name("datasus-duckdb".into())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                let (mut starter, mut stream, mut closing) = (Some(to_starter), Some(to_consumer), None);
                let work = AssertUnwindSafe(|| {
                    worker::run(&statement, &settings, &worker_ctx, &mut starter, &mut stream, &mut closing)
                });
                let outcome = catch_unwind(work).unwrap_or_else(|panic| Err(Error::panicked("engine", panic.as_ref())));
                let closing = closing.unwrap_or_else(Closing::begin);
                // Whoever still waits gets the error: the starter before it has the schema, the consumer from then on.
                match (outcome, starter.take(), stream.take()) {
                    (Err(error), Some(starter), _) => drop(starter.try_send(Err(error))),
                    (Err(error), None, Some(stream)) => stream.fail(error),
                    _ => {}
                }
                if statement.from_user {
                    spare::refill();
                }
                drop(closing);
            })
            .map_err(|error| Error::internal(format!("cannot start the engine's thread: {error}")))?;
        match started.recv() {
            Ok(Ok(schema)) => Ok(Running::new(schema, Box::new(drained), ctx.cancel.clone())),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(Error::internal("the engine's thread ended without an answer")),
        }
    }

    fn warm(&self, from_user: bool) {
        if spare::is_there() || (!from_user && kept::is_there()) {
            return;
        }
        let closing = Closing::begin();
        let open = move || {
            spare::refill();
            drop(closing);
        };
        let opening = std::thread::Builder::new().name("datasus-warm".into()).spawn(open);
        if let Err(error) = opening {
            tracing::debug!(%error, "no thread to open a spare instance");
        }
    }

    fn shed(&self) {
        kept::shed();
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
