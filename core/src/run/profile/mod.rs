//! What is in the columns of a dataset: one pass over the rows of a query, in a job of its own.
//!
//! Values are counted one by one while they are few enough for the memory that there is; where they are not, how many there are is an
//! estimate, which is said, and those alone are called frequent that are so for certain.

mod cells;
mod change;
mod columns;
mod form;
mod seen;
mod sketch;
mod table;
mod told;
mod warnings;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, AsArray, StringArray};
use rayon::prelude::*;

use self::columns::{Watched, label_of};
pub use self::form::{Change, ColumnProfile, CompetenciaRows, FrequentValue, InCompetencia, Profile};
use super::execution::{Execution, Outcome, Prepared, Run};
use super::oom_retry::OomRetry;
use super::{Report, bad_rows};
use crate::base::{Code, Error, Phase, Result, Stage, text};
use crate::catalog::Competencia;
use crate::governor::{Mode, Throttle};
use crate::params::{Ask, CacheMode, Projection, Query, QueryParams};
use crate::plan::shown_columns;

/// The competência of a row's file.
const COMPETENCIA: &str = "datasus_competencia";
/// Rows between two looks at the memory.
const SLICE: usize = 8_192;
/// What all counts together may take.
const MOST_BYTES: usize = 128 << 20;
/// The same where memory is scarce.
const LEAST_BYTES: usize = 8 << 20;

/// Where a job leaves what it learned, beside its report.
pub(super) type Place = Arc<Mutex<Option<Profile>>>;

/// DS-422 for a query that is more than columns and conditions: what is counted are the files' rows.
pub(super) fn refuse(params: &QueryParams) -> Result<()> {
    let asked = [
        ("sql", params.sql.is_some()),
        ("group_by", !params.group_by.is_empty()),
        ("aggregates", !params.aggregates.is_empty()),
        ("order_by", !params.order_by.is_empty()),
        ("limit", params.limit.is_some()),
        ("labels", params.labels.is_some() || params.labels_only),
    ];
    let Some((name, _)) = asked.into_iter().find(|(_, asked)| *asked) else { return Ok(()) };
    Err(Error::new(
        Code::InvalidParams,
        text!(
            "`profile` conta as linhas dos arquivos: leva `dataset`, `uf`, `competencia`, `columns`, `filters` e `options`, e não `{name}`",
            "`profile` counts the files' rows: it takes `dataset`, `uf`, `competencia`, `columns`, `filters` and `options`, and not `{name}`"
        ),
    )
    .with("received", name)
    .stage("validate"))
}

/// To the end, in the job's own thread.
pub(super) fn run(run: Run, prepared: Prepared, place: &Place) -> Result<Report> {
    let mut prepared = run.settled(prepared)?;
    // What is counted is no answer that anybody asks for again.
    prepared.query.options.cache = CacheMode::Off;
    let sampling = run.env.sampling_now(&prepared.query, false, run.ctx)?;
    let (files, unreadable) = run.readable(&prepared, None)?;
    let wanted = project(&mut prepared.query, &files);
    let execution = Execution::over(run, prepared, (files, unreadable), sampling, None, false)?;
    run.ctx.progress.enter(Phase::Running);
    let (watched, competencias, outcome) = pass(&execution, &wanted)?;
    let (query, rows) = (execution.prepared.query.clone(), outcome.rows);
    let report = run.ctx.stage(Stage::Report, |_| Ok(execution.report(outcome)))?;
    let profile = told::profile(&query, watched, &competencias, rows, report.clone(), run.env.config.language);
    *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(profile);
    Ok(report)
}

/// Has the query read the columns that are profiled, whose names it gives, and those that are needed to know their labels.
fn project(query: &mut Query, files: &[crate::lake::LakeFile]) -> Vec<String> {
    let shown = shown_columns(query, files);
    let (Some(scope), Ask::Structured(ask)) = (query.scopes.first(), &mut query.ask) else { return Vec::new() };
    let wanted = match &ask.projection {
        Projection::Columns(names) => names.clone(),
        _ => shown,
    };
    let mut read = wanted.clone();
    let labels = wanted.iter().filter_map(|name| label_of(scope, name));
    let inputs: Vec<String> = labels.flat_map(|label| label.inputs.clone()).collect();
    for name in inputs.into_iter().chain([COMPETENCIA.to_owned()]) {
        if !read.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            read.push(name);
        }
    }
    ask.projection = Projection::Columns(read);
    wanted
}

/// Competências in the order in which they came, and the rows of each.
type Competencias = Vec<(String, u64)>;

fn pass(execution: &Execution, wanted: &[String]) -> Result<(Vec<Watched>, Competencias, Outcome)> {
    let Execution { run: Run { env, ctx, .. }, prepared, files, statement, sampled, .. } = execution;
    let start = |alone| {
        let mut settings = env.settings(false);
        let share = env.share(execution, alone, &mut settings)?;
        let running = env.engine.start(statement.clone(), &settings, &ctx.child().within(Stage::Engine))?;
        Ok((running, share))
    };
    let mut chunks = OomRetry::begin(start)?;
    let schema = chunks.schema();
    let Some(scope) = prepared.query.scopes.first() else { return Err(Error::internal("a profile of no dataset")) };
    let mut watched = Watched::of(scope, &schema, wanted)?;
    let competencia = schema.index_of(COMPETENCIA).map_err(Error::internal)?;
    let (mut competencias, mut rows) = (Competencias::new(), 0);
    let throttle = env.governor.throttle();
    ctx.progress.begin_rows(0);
    if let Some(expected) = execution.known_rows() {
        ctx.progress.expect_rows(expected);
    }
    for chunk in chunks.by_ref() {
        let batch = chunk.map_err(|error| ctx.check().err().unwrap_or(error))?.batch;
        rows += batch.num_rows() as u64;
        for from in (0..batch.num_rows()).step_by(SLICE) {
            ctx.check()?;
            let slice = batch.slice(from, SLICE.min(batch.num_rows() - from));
            let runs = runs(slice.column(competencia).as_string::<i32>(), &mut competencias);
            watched.par_iter_mut().try_for_each(|one| one.add(&slice, &runs)).map_err(Error::internal)?;
            keep_within(&mut watched, &throttle);
        }
        ctx.progress.add_rows(batch.num_rows() as u64);
        ctx.slot.yield_now();
    }
    ctx.check()?;
    files.iter().try_for_each(crate::lake::LakeFile::still_unchanged)?;
    let left_out = statement.rows_left_out();
    let outcome = Outcome {
        rows,
        dead_letters: bad_rows::rejected(&prepared.query, files) + left_out,
        left_out,
        attempts: 1,
        sampled: sampled.clone(),
        ..Outcome::of(chunks.share().mode)
    };
    Ok((watched, competencias, outcome))
}

/// Rows that stand together and are of one competência, each with its number.
fn runs(texts: &StringArray, known: &mut Competencias) -> Vec<(Range<usize>, usize)> {
    let mut runs: Vec<(Range<usize>, usize)> = Vec::new();
    for row in 0..texts.len() {
        let text = texts.value(row);
        if let Some((rows, number)) = runs.last_mut()
            && known[*number].0 == text
        {
            rows.end = row + 1;
            continue;
        }
        let number = known.iter().position(|(of, _)| of == text).unwrap_or_else(|| {
            known.push((text.to_owned(), 0));
            known.len() - 1
        });
        runs.push((row..row + 1, number));
    }
    runs.iter().for_each(|(rows, number)| known[*number].1 += rows.len() as u64);
    runs
}

/// Those that take most count fewer values once all take too much.
fn keep_within(watched: &mut [Watched], throttle: &Throttle) {
    let most = match throttle.mode() {
        Mode::Normal | Mode::Maintenance => MOST_BYTES,
        Mode::Conservative => MOST_BYTES / 4,
        Mode::Emergency => LEAST_BYTES,
    };
    let mut bytes: usize = watched.iter().map(|one| one.seen.bytes()).sum();
    while bytes > most {
        let Some(largest) = watched.iter_mut().max_by_key(|one| one.seen.bytes()) else { return };
        let before = largest.seen.bytes();
        largest.seen.give_back();
        let saved = before - largest.seen.bytes();
        if saved == 0 {
            return;
        }
        bytes -= saved;
    }
}

/// Numbers of competências in their order in time.
fn in_order(competencias: &Competencias) -> BTreeMap<Competencia, usize> {
    let read = |(number, (text, _)): (usize, &(String, u64))| Some((Competencia::parse(text)?, number));
    competencias.iter().enumerate().filter_map(read).collect()
}
