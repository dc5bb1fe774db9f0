//! Jobs whose rows go to a reader in this process.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};

use super::delivery::{ToReader, refuse_same_names};
use super::execution::{Execution, Outcome, Prepared, Run};
use super::handles::ToCaller;
use super::oom_retry::OomRetry;
use super::stored_plan::StoredPlan;
use super::{Report, bad_rows, sampled};
use crate::base::{CancelReason, Phase, Result, Stage};
use crate::labels::Derived;
use crate::params::{Ask, Query};
use crate::plan::{SAMPLING, Sampled};
use crate::recovery::{DeadLetters, End, JobFolder};
use crate::sink::ResultInfo;
use crate::sink::arrow::stream;

/// Chunks that wait for a slow reader of the stream.
const STREAM_DEPTH: usize = 2;

/// The reading end goes to the caller as soon as the schema is known.
pub(super) fn run(run: Run, prepared: Prepared, to_caller: ToCaller) -> Result<Report> {
    let execution = Execution::start(run, run.settled(prepared)?, None)?;
    run.ctx.progress.enter(Phase::Running);
    let letters = keep_letters(&execution)?;
    let streamed = rows(&execution, to_caller);
    let outcome = settle(letters, execution.statement.rows_left_out(), streamed)?;
    run.ctx.stage(Stage::Report, |_| Ok(execution.report(outcome)))
}

fn rows(execution: &Execution, to_caller: ToCaller) -> Result<Outcome> {
    let Execution { run: Run { env, ctx, .. }, prepared, files, statement, sampled, .. } = execution;
    let left_out = statement.rows_left_out();
    let start = |alone| {
        let mut settings = env.settings(false);
        let share = env.share(execution, alone, &mut settings)?;
        let running =
            env.engine.start(statement.clone(), &settings, &share.lease.on(ctx).child().within(Stage::Engine))?;
        Ok((running, share))
    };
    let mut attempts = OomRetry::begin(start)?;
    let schema = with_sampling(&attempts.schema(), sampled.as_ref())?;
    refuse_same_names(&schema)?;
    let throttle = env.governor.throttle();
    let (sink, reader) = stream(schema.clone(), STREAM_DEPTH, throttle.foreign(), &ctx.cancel);
    let reader = reader.with_words(words(&prepared.query, &schema));
    if !to_caller.give(reader) {
        ctx.cancel.set(CancelReason::Caller);
    }
    let parking = attempts.lease().on(ctx);
    let expected = execution.known_rows();
    let (rows, stored) = parking.stage(Stage::Sink, |ctx| {
        let to_reader = ToReader { rows: &mut attempts, sink, schema: &schema, throttle, ctx };
        to_reader.deliver(files, expected).map_err(|error| (*error).clone())
    })?;
    let share = attempts.share();
    let dead_letters = bad_rows::rejected(&prepared.query, files) + left_out;
    env.metrics.dead_letters("all", dead_letters);
    Ok(Outcome {
        rows,
        stored,
        dead_letters,
        left_out,
        attempts: 1,
        sampled: sampled.clone(),
        ..Outcome::of(share.mode)
    })
}

/// Columns of the answer that hold words of labels and derived columns, as texts or by their numbers, by their place. What the user's
/// SQL makes of them is text.
fn words(query: &Query, schema: &Schema) -> Vec<(usize, Arc<Derived>)> {
    let Ask::Structured(ask) = &query.ask else { return Vec::new() };
    let known: Vec<&Arc<Derived>> = ask.derived.iter().chain(&ask.labels.columns).collect();
    let of = |(at, field): (usize, &Arc<arrow::datatypes::Field>)| {
        let derived = known.iter().find(|one| one.has_words() && one.name == *field.name())?;
        matches!(field.data_type(), DataType::Utf8 | DataType::Int32).then(|| (at, (*derived).clone()))
    };
    schema.fields().iter().enumerate().filter_map(of).collect()
}

fn with_sampling(schema: &SchemaRef, sampled: Option<&Sampled>) -> Result<SchemaRef> {
    let Some(sampled) = sampled else { return Ok(schema.clone()) };
    let mut metadata = schema.metadata().clone();
    metadata.insert(SAMPLING.to_owned(), sampled::json(sampled)?);
    Ok(Arc::new(Schema::new_with_metadata(schema.fields().clone(), metadata)))
}

/// Keeps the letters of a stream, which has no folder of its own; none where there are none.
fn keep_letters(execution: &Execution) -> Result<Option<JobFolder>> {
    let Execution { run: Run { env, job, ctx, .. }, files, statement, .. } = execution;
    let letters = bad_rows::letters(statement, files, ctx);
    if letters.is_empty() {
        return Ok(None);
    }
    let plan = StoredPlan::new(execution, &env.output, &[], &ResultInfo::default())?;
    let folder = env.state.create(job.id(), &plan.to_json()?)?;
    Arc::new(DeadLetters::of(folder.path())).add(letters)?;
    Ok(Some(folder))
}

/// The folder stays with its letters where the stream came to its end, and goes where it did not.
fn settle<T>(folder: Option<JobFolder>, dead_letters: u64, outcome: Result<T>) -> Result<T> {
    match (folder, outcome) {
        (None, outcome) => outcome,
        (Some(folder), Ok(done)) => {
            folder.leave(&End { resumable: false, error: None, dead_letters })?;
            Ok(done)
        }
        (Some(folder), Err(error)) => {
            if let Err(left) = folder.remove() {
                tracing::warn!(error = %left, "the dead letters of a stream that failed could not be removed");
            }
            Err(error)
        }
    }
}
