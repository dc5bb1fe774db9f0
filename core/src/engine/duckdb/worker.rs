//! The thread that owns connection and statement.
//!
//! It starts with `stream_arrow`, takes the schema, and loops on `Statement::step()`, which returns `Result`: the
//! crate's own Arrow iterators panic on a fetch error.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use crossbeam_channel::Sender;
use duckdb::params_from_iter;

use super::answer::ToConsumer;
use super::closing::Closing;
use super::instance_pool::{fresh, reused};
use super::seen::Counting;
use super::spill::Spill;
use super::watch::Watch;
use super::{HANGS, binds, failure, functions, reason, room};
use crate::base::{Ctx, Error, Result};
use crate::engine::Settings;
use crate::engine::gather::Gather;
use crate::engine::settings::Pace;
use crate::governor::SpillFolder;
use crate::plan::Statement;

/// `started` is taken once the schema has gone that way, `stream` once the end has been said: an error goes to whoever is left.
pub(super) fn run(
    (statement, folders): (&Statement, &[PathBuf]),
    settings: &Settings,
    ctx: &Ctx,
    watch: Watch,
    started: &mut Option<Sender<Result<SchemaRef>>>,
    stream: &mut Option<ToConsumer>,
    closing: &mut Option<Closing>,
) -> Result<()> {
    watch.begins();
    let ended = || Error::internal("the stream had ended");
    let folders = reused::folders(statement, folders);
    let stayed = folders.as_deref().and_then(|folders| reused::take(folders, &settings.spill_root));
    let fresh = stayed.is_none();
    let own_path = || SpillFolder::new_path(&settings.spill_root);
    let spill_path = stayed.as_ref().map_or_else(own_path, |kept| kept.spill_path.clone());
    // Made before the instance that writes to it, so that it goes after that, whatever happens.
    let spill = Arc::new(Spill::open(&spill_path, settings.spill_limit));
    let explain = |error: duckdb::Error| watch.explain(spill.explain(failure::explain(error, statement, ctx)));
    let bounds = room::bounds(settings, spill.quota(), statement.long_bytes);
    let connection = stayed.map_or_else(fresh::take, |kept| kept.bounded(&bounds)).map_err(explain)?;
    let interrupts = watch.over(connection.interrupt_handle(), &spill);
    match &folders {
        None => room::close(&connection, statement, &bounds, &spill_path).map_err(explain)?,
        Some(folders) if fresh => room::close_around(&connection, folders, &bounds, &spill_path).map_err(explain)?,
        Some(_) => {}
    }
    let sql = if statement.from_user { &statement.sql } else { &room::in_one(statement) };
    let counts = !statement.from_user && sql.contains(functions::COUNTED);
    let counting = counts.then(|| Counting::begin(&statement.seen));
    if let Some(counting) = &counting {
        connection.execute_batch(&counting.variable()).map_err(explain)?;
    }
    ctx.check()?;
    if statement.from_user {
        HANGS.hang();
    }
    let mut prepared = connection.prepare(sql).map_err(explain)?;
    ctx.check()?;
    // The stream itself is dropped at once: the result stays with the statement, and `step` takes it from there.
    let binds = binds::in_order(&prepared, &statement.binds).map_err(explain)?;
    let goes_on = || ctx.check().and_then(|()| watch.check());
    if let Err(error) = prepared.stream_arrow(params_from_iter(binds)).map(drop) {
        return Err(explain(reason::of(error, &mut prepared, statement, &goes_on)));
    }
    let schema = prepared.schema();
    let pace = Pace::of(settings);
    let mut gather = Gather::new(schema.clone(), pace.chunk_rows());
    let chunks = stream.as_ref().ok_or_else(ended)?;
    if started.take().is_none_or(|starter| starter.send(Ok(schema.clone())).is_err()) {
        return Ok(());
    }
    let hand_over = |chunk: RecordBatch| {
        pace.held().claim(&chunk);
        chunks.rows(chunk, ctx, &watch)
    };
    loop {
        goes_on()?;
        if statement.from_user {
            HANGS.hang();
        }
        let rows = match prepared.step() {
            Ok(Some(rows)) => rows,
            Ok(None) => break,
            Err(error) => return Err(explain(reason::of(error, &mut prepared, statement, &goes_on))),
        };
        gather.set_full(pace.chunk_rows());
        gather.set_most_bytes(pace.chunk_bytes());
        gather.push(rows.columns(), rows.len(), hand_over)?;
    }
    if let Some(chunk) = gather.finish().map_err(Error::internal)? {
        hand_over(chunk)?;
    }
    *closing = Some(Closing::begin());
    drop(interrupts);
    // What was spilled must be gone before the consumer learns that this was all; memory may go after that.
    if spill.is_used() {
        drop(prepared);
        drop(connection);
        drop(spill);
        drop(watch);
        return stream.take().map_or(Ok(()), |stream| stream.end(ctx));
    }
    drop(spill);
    drop(watch);
    stream.take().map_or(Ok(()), |stream| stream.end(ctx))?;
    drop(prepared);
    if let Some(folders) = folders
        && let Err(error) = reused::put(&connection, folders, spill_path, bounds)
    {
        tracing::debug!(%error, "the instance does not stay");
    }
    Ok(())
}
