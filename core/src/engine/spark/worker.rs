//! What the thread of a statement does: asks the server, takes its answers at the pace of whoever reads them, and leaves nothing there.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use crossbeam_channel::Sender;

use super::address::Address;
use super::connection::Connection;
use super::operation::{Operation, patiently};
use super::rows::Rows;
use super::{made, request};
use crate::base::{Cancel, Ctx, Error, Result};
use crate::engine::Settings;
use crate::engine::duckdb::ToConsumer;
use crate::engine::gather::Gather;
use crate::engine::settings::Pace;
use crate::plan::{Statement, View};
use crate::store::runtime::wait;

/// Rows of a batch on the wire: the server cuts at 4 MB anyway.
const MOST_BATCH_ROWS: usize = 65_536;

/// Ends the session, whatever became of the statement.
struct Session<'s> {
    connection: Connection,
    ctx: &'s Ctx,
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        // A token of its own: the job's may be set, and then most of all something runs there.
        let ended = wait(&Cancel::default(), self.connection.clone().end());
        if let Err(why) = ended.and_then(|ended| ended.map_err(Error::internal)) {
            tracing::debug!(trace_id = %self.ctx.trace_id, detail = why.detail(), "the cluster's session ends by itself");
        }
    }
}

/// `started` is taken once the schema has gone that way, `stream` once the end has been said: an error goes to whoever is left.
pub(super) fn run(
    statement: &Statement,
    (address, ca): (&Address, Option<&Vec<u8>>),
    settings: &Settings,
    ctx: &Ctx,
    started: &mut Option<Sender<Result<SchemaRef>>>,
    stream: &mut Option<ToConsumer>,
) -> Result<()> {
    let binds = request::binds(statement)?;
    let pace = Pace::of(settings);
    let rows = pace.chunk_rows().min(MOST_BATCH_ROWS);
    let open = || Connection::open(address.clone(), ca.cloned());
    let connection = patiently(address, ctx, open)?;
    let version = patiently(address, ctx, || connection.clone().begin(rows))?;
    let engine = format!("spark {version}");
    let session = Session { connection, ctx };
    let operation = |plan| Operation::new(session.connection.clone(), address, ctx, plan, rows);
    let mut known = Vec::new();
    for view in &statement.views {
        let of: Vec<View> = vec![View { made: None, ..view.clone() }];
        for wanted in view.made.iter().map(made::wanted).collect::<Result<Vec<_>>>()?.into_iter().flatten() {
            // The table stands beside its own text, whose sources it has.
            let mut asked = operation(request::plan(&sources(&of), &wanted.inputs, &[], &[]));
            let mut values = Vec::new();
            let mut came = Rows::of(&mut asked);
            while let Some(batch) = came.next()? {
                values.push(batch);
            }
            ctx.tell_cluster(asked.used(&engine));
            known.push(wanted.table(&values)?);
        }
    }
    let mut asked = operation(request::plan(&statement.views, &statement.sql, binds, &known));
    let outcome = hand_over(&mut asked, pace, ctx, started, stream);
    ctx.tell_cluster(asked.used(&engine));
    outcome?;
    stream.take().map_or(Ok(()), |stream| stream.end(ctx))
}

/// Views with sources and without a text: a table of nothing, which the statement does not name.
fn sources(views: &[View]) -> Vec<View> {
    let nothing = |view: &View| View { relation: "SELECT 1".into(), ..view.clone() };
    views.iter().map(nothing).collect()
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
