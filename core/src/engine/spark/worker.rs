//! What the thread of a statement does: asks the server, and takes its answers at the pace of whoever reads them.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use crossbeam_channel::Sender;

use super::begun::{Begun, Server};
use super::operation::Operation;
use super::request;
use super::rows::Rows;
use crate::base::{Ctx, Error, Result};
use crate::engine::Settings;
use crate::engine::duckdb::ToConsumer;
use crate::engine::gather::Gather;
use crate::engine::settings::Pace;
use crate::plan::Statement;

/// `started` is taken once the schema has gone that way, `stream` once the end has been said: an error goes to whoever is left.
pub(super) fn run(
    statement: &Statement,
    server: &Server,
    settings: &Settings,
    ctx: &Ctx,
    started: &mut Option<Sender<Result<SchemaRef>>>,
    stream: &mut Option<ToConsumer>,
) -> Result<()> {
    let begun = Begun::of(statement, server, settings, ctx, |_| Ok(()))?;
    let mut asked = begun.operation(request::rows(begun.asked()));
    let outcome = hand_over(&mut asked, Pace::of(settings), ctx, started, stream);
    ctx.tell_cluster(asked.used(begun.engine()));
    outcome?;
    stream.take().map_or(Ok(()), |stream| stream.end(ctx))
}

fn hand_over(
    asked: &mut Operation,
    pace: Pace,
    ctx: &Ctx,
    started: &mut Option<Sender<Result<SchemaRef>>>,
    stream: &mut Option<ToConsumer>,
) -> Result<()> {
    let mut came = Rows::of(asked);
    let first = came.next()?.ok_or_else(|| Error::internal("spark: an answer without a schema"))?;
    let schema = first.schema();
    let mut gather = Gather::new(schema.clone(), pace.chunk_rows());
    let chunks = stream.as_ref().ok_or_else(|| Error::internal("the stream had ended"))?;
    if started.take().is_none_or(|starter| starter.send(Ok(schema)).is_err()) {
        return Ok(());
    }
    let hand_over = |chunk: RecordBatch| {
        pace.held().claim(&chunk);
        chunks.rows_until(chunk, ctx)
    };
    let mut next = Some(first);
    while let Some(batch) = next {
        gather.set_full(pace.chunk_rows());
        gather.set_most_bytes(pace.chunk_bytes());
        gather.push(batch.columns(), batch.num_rows(), hand_over)?;
        drop(batch);
        ctx.check()?;
        next = came.next()?;
    }
    match gather.finish().map_err(Error::internal)? {
        Some(chunk) => hand_over(chunk),
        None => Ok(()),
    }
}
