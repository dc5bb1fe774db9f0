//! One job from its plan to its report: what it reads is settled once, and then its rows go their way, to a reader or to files and
//! tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;

use super::environment::Environment;
use super::{Job, Report, Unreadable, bad_rows, sampled};
use crate::base::{Code, Ctx, PeakMemory, Result, Stage};
use crate::engine::KeptAnswer;
use crate::governor::Mode;
use crate::lake::{ConvertOptions, LakeFile};
use crate::params::{Ask, CacheMode, Projection, Query, QueryParams};
use crate::plan::{self, Sampled, Sampling, Selection, Statement, Wanted};
use crate::sink::{AllLimits, ORIGIN_COLUMNS, Stored};
use crate::source::folder::Listing;

/// A query that has passed validation, with its files.
pub(super) struct Prepared {
    pub params: QueryParams,
    pub query: Query,
    pub selection: Selection,
    pub listing: Listing,
    /// Versions of files that could not be read, and were left out.
    pub unreadable: Vec<Unreadable>,
}

/// What a job has done when its last sink is published.
#[derive(Default)]
pub(super) struct Outcome {
    pub rows: u64,
    pub stored: Vec<Stored>,
    pub dead_letters: u64,
    /// Of these the rows whose values did not parse.
    pub left_out: u64,
    pub attempts: u32,
    /// Rows that each sink held already when the last attempt began.
    pub held: BTreeMap<String, u64>,
    /// The governor's mode when the job (its last attempt) began.
    pub mode: Mode,
    pub sampled: Option<Sampled>,
}

impl Outcome {
    pub fn of(mode: Mode) -> Self {
        Outcome { mode, ..Outcome::default() }
    }
}

/// Whose job runs, and with what.
#[derive(Clone, Copy)]
pub(super) struct Run<'r> {
    pub env: &'r Environment,
    pub memory: &'r PeakMemory,
    /// When it was its turn.
    pub began: Instant,
    pub job: &'r Job,
    pub ctx: &'r Ctx,
}

/// A job whose files are there and whose statement is made: nothing of what it reads changes any more.
pub(super) struct Execution<'r> {
    pub run: Run<'r>,
    pub prepared: Prepared,
    pub files: Vec<LakeFile>,
    /// Files that `partial` left out.
    pub unreadable: Vec<Unreadable>,
    pub statement: Statement,
    /// What it reads of the files where that is not all.
    pub sampled: Option<Sampled>,
    /// What its answer is of; none where it is not one to be kept.
    pub kept: Option<KeptAnswer>,
}

impl Run<'_> {
    pub fn count(&self, outcome: &Result<Report>) {
        let (status, rows) = match outcome {
            Ok(report) => ("completed", report.records_processed),
            Err(error) if error.code() == Code::Cancelled => ("cancelled", 0),
            Err(_) => ("failed", 0),
        };
        let (age, peak) = (self.job.age(), self.memory.peak());
        self.env.metrics.job_ended(status, age, rows, peak, self.ctx.trace_id.as_str());
    }

    /// The same with one version of each file.
    pub fn settled(&self, mut prepared: Prepared) -> Result<Prepared> {
        prepared.unreadable =
            self.env.settle_rivals(&prepared.query, &mut prepared.selection, &prepared.listing, self.ctx)?;
        Ok(prepared)
    }

    /// The lake's files; one that cannot be read ends the job, or is left out and named where `partial` says so. `columns`: those
    /// that will be read. What is kept or compared is always of all.
    pub fn readable(
        &self,
        prepared: &Prepared,
        columns: Option<Arc<BTreeSet<String>>>,
    ) -> Result<(Vec<LakeFile>, Vec<Unreadable>)> {
        self.ctx.stage(Stage::Files, |ctx| Run { ctx, ..*self }.read(prepared, columns))
    }

    fn read(
        &self,
        prepared: &Prepared,
        columns: Option<Arc<BTreeSet<String>>>,
    ) -> Result<(Vec<LakeFile>, Vec<Unreadable>)> {
        let (env, ctx) = (self.env, self.ctx);
        let options = ConvertOptions { columns, ..env.convert_options(&prepared.query) };
        let results = env.in_lake(&prepared.selection.files, &options, ctx);
        ctx.check()?;
        let mut files = Vec::with_capacity(results.len());
        let mut unreadable = prepared.unreadable.clone();
        let mut first = None;
        for (source, result) in prepared.selection.files.iter().zip(results) {
            match result {
                Ok(file) => files.push(file),
                Err(error) if !prepared.query.options.partial => return Err(error),
                Err(error) => {
                    unreadable.push(Unreadable::of(&source.location, error.clone(), ctx));
                    first.get_or_insert(error);
                }
            }
        }
        match first {
            Some(error) if files.is_empty() => Err(error),
            _ => Ok((files, unreadable)),
        }
    }
}

impl Run<'_> {
    /// The same files for an engine that reads files of this machine: of those in another store copies with these columns.
    fn copied(&self, files: Vec<LakeFile>, columns: &[String]) -> Result<Vec<LakeFile>> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(COPIERS)
            .thread_name(|index| format!("datasus-copy-{index}"))
            .build();
        let copy = |file: LakeFile| self.ctx.check().and_then(|()| file.with_copy(columns));
        match pool {
            Ok(pool) if files.len() > 1 => pool.install(|| files.into_par_iter().map(copy).collect()),
            _ => files.into_iter().map(copy).collect(),
        }
    }
}

/// Copies that are fetched at once.
const COPIERS: usize = 4;

impl<'r> Execution<'r> {
    /// The rows that `limits` take, of all files; those of a stream where there are none. Waits, samples or fails where memory is
    /// nearly exhausted.
    pub fn start(run: Run<'r>, prepared: Prepared, limits: Option<&AllLimits>) -> Result<Self> {
        let sampling = run.env.sampling_now(&prepared.query, limits.is_some(), run.ctx)?;
        // A sample is of what a file holds, and what is kept or compared is of all: whichever of the columns are read.
        let columns = match (&sampling, limits) {
            (None, None) => Environment::columns_of(&prepared.query),
            _ => None,
        };
        let (files, unreadable) = run.readable(&prepared, columns)?;
        // A stream's reader puts words behind dictionaries.
        Execution::over(run, prepared, (files, unreadable), sampling, limits, limits.is_none())
    }

    /// The same over files that are there. `numbers`: a scan gives words by their numbers.
    pub fn over(
        run: Run<'r>,
        prepared: Prepared,
        (mut files, unreadable): (Vec<LakeFile>, Vec<Unreadable>),
        sampling: Option<Sampling>,
        limits: Option<&AllLimits>,
        numbers: bool,
    ) -> Result<Self> {
        let wanted = Wanted {
            origin: limits.is_some_and(AllLimits::want_origin).then_some(ORIGIN_COLUMNS),
            sampling: sampling.as_ref(),
            ordered: limits.is_some_and(AllLimits::by_order) || !run.env.engine.keeps_order(),
            numbers,
        };
        let engine = &run.env.engine;
        let dialect = engine.dialect();
        if files.iter().all(|file| engine.opens(&file.object.location)) {
            files = files.into_iter().map(LakeFile::in_place).collect();
        }
        let mut statement = plan::statement(&prepared.query, &files, wanted, dialect)?;
        // An engine that is not ours may read by SQL what ours scans.
        let scanned = statement.scan.is_some() && run.env.scans;
        if !scanned && statement.answer.is_none() && files.iter().any(|file| !engine.opens(&file.object.location)) {
            files = run.copied(files, &statement.columns)?;
            statement = plan::statement(&prepared.query, &files, wanted, dialect)?;
        }
        bad_rows::refuse_too_many(&statement, &files, &prepared.query)?;
        let sampled = sampled::sampled(sampling, &files);
        let mode = prepared.query.options.cache;
        let whole = sampled.is_none() && unreadable.is_empty();
        let kept = (run.env.keeps_answers && whole && mode != CacheMode::Off).then(|| KeptAnswer::of(&files, mode));
        Ok(Execution { run, prepared, files, unreadable, statement, sampled, kept })
    }

    /// Rows that the job reads, before its conditions.
    pub fn rows_read(&self) -> u64 {
        sampled::rows_read(self.sampled.as_ref(), &self.files)
    }

    /// Rows of the answer where they can be told beforehand: a scan without conditions.
    pub fn known_rows(&self) -> Option<u64> {
        let (query, left_out) = (&self.prepared.query, self.statement.rows_left_out());
        let Ask::Structured(ask) = &query.ask else { return None };
        let whole = ask.predicates.is_empty()
            && !matches!(ask.projection, Projection::Grouped { .. })
            && !query.scopes.iter().any(|scope| scope.grupo.national.is_some() && scope.ufs.is_some());
        // How many of the rows that are left out would be in the sample is not counted.
        let whole = whole && (left_out == 0 || self.sampled.is_none());
        let rows = self.rows_read() - left_out;
        whole.then(|| ask.limit.map_or(rows, |limit| limit.min(rows)))
    }
}
