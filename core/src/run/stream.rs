//! Jobs whose rows go to a reader in this process.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use crossbeam_channel::Sender;

use super::delivery::refuse_same_names;
use super::execution::{Execution, Outcome, Prepared, Run};
use super::once_more::OnceMore;
use super::streaming::Streaming;
use super::{Report, bad_rows, emergency};
use crate::base::{CancelReason, Phase, Result};
use crate::plan::{SAMPLING, Sampled};
use crate::sink::arrow::{ArrowReader, stream};

/// Chunks that wait for a slow reader of the stream.
const STREAM_DEPTH: usize = 2;

/// The reading end goes to the caller as soon as the schema is known.
pub(super) fn run(run: Run, prepared: Prepared, to_caller: Sender<ArrowReader>) -> Result<Report> {
    let execution = Execution::start(run, prepared, None)?;
    run.ctx.progress.enter(Phase::Running);
    let letters = run.session.keep_letters(&execution)?;
    let streamed = rows(&execution, to_caller);
    let outcome = bad_rows::settle(letters, execution.statement.rows_left_out(), streamed)?;
    Ok(execution.report(outcome))
}

fn rows(execution: &Execution, to_caller: Sender<ArrowReader>) -> Result<Outcome> {
    let Execution { run: Run { session, ctx, .. }, prepared, files, statement, sampled, .. } = execution;
    let left_out = statement.rows_left_out();
    let start = |alone| {
        let mut settings = session.settings(false);
        let share = session.share(execution, alone, &mut settings)?;
        let running = session.engine.start(statement.clone(), &settings, &ctx.child())?;
        Ok((running, share))
    };
    let mut attempts = OnceMore::begin(start)?;
    let schema = with_sampling(&attempts.schema(), sampled.as_ref())?;
    refuse_same_names(&schema)?;
    let levers = session.governor.levers();
    let (sink, reader) = stream(schema.clone(), STREAM_DEPTH, levers.foreign(), &ctx.cancel);
    if to_caller.send(reader).is_err() {
        ctx.cancel.set(CancelReason::Caller);
    }
    let parking = attempts.lease().on(ctx);
    let expected = execution.known_rows();
    let streaming = Streaming { rows: &mut attempts, sink, schema: &schema, levers, ctx: &parking };
    let (rows, stored) = streaming.deliver(files, expected).map_err(|error| (*error).clone())?;
    let share = attempts.share();
    let dead_letters = bad_rows::rejected(&prepared.query, files) + left_out;
    session.metrics.dead_letters("all", dead_letters);
    Ok(Outcome { rows, stored, dead_letters, left_out, attempts: 1, sampled: sampled.clone(), ..Outcome::of(share) })
}

fn with_sampling(schema: &SchemaRef, sampled: Option<&Sampled>) -> Result<SchemaRef> {
    let Some(sampled) = sampled else { return Ok(schema.clone()) };
    let mut metadata = schema.metadata().clone();
    metadata.insert(SAMPLING.to_owned(), emergency::json(sampled)?);
    Ok(Arc::new(Schema::new_with_metadata(schema.fields().clone(), metadata)))
}
