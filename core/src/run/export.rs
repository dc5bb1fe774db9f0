//! Jobs whose rows go to files and tables: attempts that go on where the one before stopped, and the end of the job's
//! folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use arrow::datatypes::SchemaRef;

use super::attempts::Attempts;
use super::bad_rows::{self, DEAD_LETTER_LIMIT};
use super::delivery::{deliver, refuse_same_names};
use super::environment::Environment;
use super::execution::{Execution, Outcome, Prepared, Run};
use super::memory::Share;
use super::result_info::result_info;
use super::stored_plan::StoredPlan;
use super::written::{Part, Written};
use super::{Report, materialise, written};
use crate::base::{CancelReason, Code, Error, Phase, Result, Stage, Text, UnitPlaces, Units, text};
use crate::engine::{RowStream, Settings, Writer};
use crate::lake::LakeFile;
use crate::params::QueryParams;
use crate::plan::{Scan, Statement, reads};
use crate::recovery::{DeadLetter, DeadLetters, End, Found, JobFolder, SOURCE, SinkState, Standing};
use crate::sink::{
    AllLimits, Destination, FanOut, ORIGIN_COLUMNS, OutputRoot, ResultInfo, Sink, Target, TargetEnv, refuse_twice,
};

/// What every attempt of a job works with.
pub(super) struct Export<'e> {
    pub execution: &'e Execution<'e>,
    pub targets: Vec<Arc<dyn Target>>,
    pub root: OutputRoot,
    pub info: ResultInfo,
    /// An earlier process began it.
    pub resumed: bool,
}

/// A new job: what can be refused is refused before its folder is made.
pub(super) fn run(run: Run, prepared: Prepared, root: OutputRoot, destinations: Vec<Destination>) -> Result<Report> {
    let Run { env, job, ctx, .. } = run;
    let targets: Vec<Arc<dyn Target>> = destinations.into_iter().map(Destination::target).collect();
    let limits = AllLimits(&targets);
    let execution = Execution::start(run, run.settled(prepared)?, Some(&limits))?;
    // A scan without conditions has as many rows as its files: where a target cannot hold them, that is said now.
    execution.known_rows().map_or(Ok(()), |rows| limits.refuse_rows(rows))?;
    let info = result_info(&execution)?;
    // Once more, with the names that those without one get.
    refuse_twice(&targets, &env.target_env(&root), Some(&info))?;
    let export = Export { execution: &execution, targets, root, info, resumed: false };
    let nowhere = env.state.root().join(job.id());
    export.sinks(&nowhere, Arc::new(DeadLetters::of(&nowhere)), Arc::default(), false)?;
    let plan = StoredPlan::new(&execution, &export.root.location(), &export.targets, &export.info)?;
    let unfinished = env.unfinished(&execution.prepared.params);
    if let Some(unfinished) = &unfinished {
        let warning = unfinished.get(ctx.language);
        tracing::warn!(trace_id = %ctx.trace_id, job_id = job.id(), warning, "unfinished jobs wait to be resumed");
    }
    let folder = env.state.create(job.id(), &plan.to_json()?)?;
    let outcome = export.attempts(folder, plan, false)?;
    drop(export);
    let mut report = ctx.stage(Stage::Report, |_| Ok(execution.report(outcome)))?;
    report.warnings.extend(unfinished.map(|unfinished| unfinished.get(ctx.language).to_owned()));
    Ok(report)
}

impl Environment {
    /// Of a state folder in which jobs wait to be resumed: which they are, and how. Those of the same query come first.
    pub(super) fn unfinished(&self, params: &QueryParams) -> Option<Text> {
        let found =
            self.state.list().inspect_err(|error| tracing::warn!(%error, "unfinished jobs were not looked for"));
        let waits = |job: &&Found| matches!(job.standing, Standing::Crashed | Standing::Failed | Standing::Foreign);
        let found = found.ok()?;
        let mut waiting: Vec<&Found> = found.iter().filter(waits).collect();
        let same = serde_json::to_value(params).ok();
        waiting.sort_by_key(|job| same.as_ref() != Some(&job.plan["params"]));
        let id = &waiting.first()?.id;
        let (count, root) = (waiting.len(), self.state.root().display());
        let named = waiting.iter().take(3).map(|job| job.id.as_str()).collect::<Vec<_>>().join(", ");
        let more = if count > 3 { ", …" } else { "" };
        Some(text!(
            "{count} trabalho(s) não terminado(s) em {root}: {named}{more}. Continue de onde parou com resume(\"{id}\"), ou desista com discard(\"{id}\")",
            "{count} unfinished job(s) in {root}: {named}{more}. Go on where it stopped with resume(\"{id}\"), or give it up with discard(\"{id}\")"
        ))
    }
}

impl Export<'_> {
    /// Attempts until one succeeds or no other may follow, and then the end of the job's folder.
    pub(super) fn attempts(&self, mut folder: JobFolder, mut plan: StoredPlan, foreign: bool) -> Result<Outcome> {
        let Execution { run: Run { env, job, ctx, .. }, files, statement, .. } = self.execution;
        let mut attempts = Attempts::default();
        let letters = Arc::new(DeadLetters::of(folder.path()));
        // Those of an earlier process are counted already.
        let before = if self.resumed { self.count(&letters)? } else { 0 };
        letters.add(self.unreadable_records())?;
        letters.add(bad_rows::letters(statement, files, ctx))?;
        let error = loop {
            match self.attempt(&mut folder, &mut plan, &letters, foreign, attempts.alone()) {
                Ok(mut outcome) => {
                    outcome.attempts = attempts.count();
                    outcome.dead_letters = self.count(&letters)?;
                    outcome.left_out = statement.rows_left_out();
                    env.metrics.dead_letters("all", outcome.dead_letters.saturating_sub(before));
                    self.close(folder, outcome.dead_letters)?;
                    return Ok(outcome);
                }
                Err(error) => match attempts.next(error, job.id(), &env.metrics, ctx) {
                    Ok(()) => {}
                    Err(last) => break last,
                },
            }
        };
        // A cancelled or late job says so, whatever was noticed first.
        let error = ctx.check().err().unwrap_or(error);
        let interrupted = ctx.cancel.reason() == Some(CancelReason::Interrupted);
        let error = if interrupted { interrupted_job(job.id()) } else { error };
        let dead_letters = self.count(&letters).unwrap_or(before);
        env.metrics.dead_letters("all", dead_letters.saturating_sub(before));
        let shown = error.clone().traced(&ctx.trace_id, ctx.language);
        // What cannot go on exactly may do so when the change is undone.
        let resumable = error.retryable() || interrupted || (self.resumed && error.code() == Code::Conflict);
        let mut end = End { resumable, error: Some(shown.to_json()), dead_letters };
        if end.resumable {
            if let Err(unsaid) = folder.leave(&end) {
                tracing::warn!(job_id = job.id(), error = %unsaid, "how the job ended could not be noted; it can be resumed all the same");
            }
            return Err(error.with("resumable", true).with("job_id", job.id()));
        }
        if let Err(left) = self.discard(&folder) {
            tracing::warn!(job_id = job.id(), error = %left, "not everything of the job could be removed; discard it later");
            end.resumable = true;
            folder.leave(&end)?;
        } else {
            self.close_with(folder, &end)?;
        }
        Err(error)
    }

    /// One attempt: from what the sinks hold to the last row.
    fn attempt(
        &self,
        folder: &mut JobFolder,
        plan: &mut StoredPlan,
        letters: &Arc<DeadLetters>,
        foreign: bool,
        alone: bool,
    ) -> Result<Outcome> {
        let Execution { run: Run { env, ctx, .. }, files, statement, sampled, .. } = self.execution;
        let path = folder.path().to_owned();
        let origin = if AllLimits(&self.targets).want_origin() { ORIGIN_COLUMNS.len() } else { 0 };
        let positional = statement.scan.as_ref().filter(|_| !plan.materialises);
        let places = Arc::new(OnceLock::new());
        let sinks = self.sinks(&path, letters.clone(), places.clone(), foreign)?;
        let mut fan_out = FanOut::new(sinks).with_origin(origin);
        let (scan, schema) = match positional {
            Some(scan) => {
                ctx.progress.enter(Phase::Loading);
                fan_out.start(&scan.schema, ctx).map_err(|error| (*error).clone())?;
                (scan.clone(), scan.schema.clone())
            }
            None => self.kept(folder, plan, &mut fan_out, alone)?,
        };
        // Before the first row: of a result that is kept the places are those of the kept rows.
        places.get_or_init(|| match plan.written {
            Some(_) => written::places(&scan, plan.unit_rows),
            None => scan.places(plan.unit_rows),
        });
        let scan_rows = scan.files.iter().flat_map(|file| &file.row_groups).sum::<u64>();
        let holding = fan_out.held_rows().filter(|(_, rows)| *rows > 0);
        let held: BTreeMap<String, u64> = holding.map(|(name, rows)| (name.to_owned(), rows)).collect();
        let units = Units { rows: plan.unit_rows, held: fan_out.held().to_vec() };
        let (mut settings, share) = self.share(alone)?;
        settings.units = Some(units);
        let engine = if positional.is_some() { &env.engine } else { &env.local };
        let statement = if positional.is_some() { statement.clone() } else { Statement::of_scan(scan) };
        let running = engine.start(statement, &settings, &ctx.child().within(Stage::Engine))?;
        // A kept result is counted.
        let kept = positional.is_none().then_some(scan_rows);
        let expected = kept.or_else(|| self.execution.known_rows());
        ctx.progress.enter(Phase::Loading);
        let running = Rows { running, schema: schema.clone() };
        let parking = share.lease.on(ctx);
        let (_, stored) = parking.stage(Stage::Sink, |ctx| {
            deliver(running, &schema, fan_out, files, expected, ctx).map_err(|error| (*error).clone())
        })?;
        let rows = stored.iter().map(|one| one.rows).max().unwrap_or(0);
        Ok(Outcome { rows, stored, held, sampled: sampled.clone(), ..Outcome::of(share.mode) })
    }

    /// The result in the job's folder, made now or by an earlier attempt.
    fn kept(
        &self,
        folder: &mut JobFolder,
        plan: &mut StoredPlan,
        fan_out: &mut FanOut,
        alone: bool,
    ) -> Result<(Scan, SchemaRef)> {
        let Execution { run: Run { env, ctx, .. }, files, statement, .. } = self.execution;
        let path = &folder.path().to_owned();
        if let Some(kept) = &plan.materialised {
            let schema = materialise::schema_of(kept, path)?;
            fan_out.start(&schema, ctx).map_err(|error| (*error).clone())?;
            return Ok((materialise::scan(kept, path, &schema)?, schema));
        }
        if let Some(Written { parts: Some(parts), .. }) = &plan.written {
            let schema = written::schema_of(parts)?;
            let scan = written::scan(parts, &schema)?;
            fan_out.start(&schema, ctx).map_err(|error| (*error).clone())?;
            return Ok((scan, schema));
        }
        if let (Some(writer), Some(shared)) = (env.engine.writer(), &env.config.engine_folder) {
            return self.written(folder, plan, fan_out, alone, (writer, shared));
        }
        ctx.progress.enter(Phase::Running);
        let (settings, share) = self.share(alone)?;
        let mut running =
            env.engine.start(statement.clone(), &settings, &share.lease.on(ctx).child().within(Stage::Engine))?;
        let schema = running.schema().clone();
        refuse_same_names(&schema)?;
        fan_out.start(&schema, ctx).map_err(|error| (*error).clone())?;
        let fits = |rows| AllLimits(&self.targets).refuse_rows(rows);
        let by_cluster = env.engine.writer().is_some();
        let kept = materialise::materialise(&mut running, path, env.config.spill_limit, by_cluster, fits, ctx);
        // A cancelled job says so, whatever was noticed first.
        let kept = kept.map_err(|error| ctx.check().err().unwrap_or(error))?;
        files.iter().try_for_each(LakeFile::still_unchanged)?;
        let scan = materialise::scan(&kept, path, &schema)?;
        plan.materialised = Some(kept);
        folder.set_plan(&plan.to_json()?)?;
        Ok((scan, schema))
    }

    /// The same as a cluster writes it into the folder that it shares with this machine.
    fn written(
        &self,
        folder: &mut JobFolder,
        plan: &mut StoredPlan,
        fan_out: &mut FanOut,
        alone: bool,
        (writer, shared): (&dyn Writer, &Path),
    ) -> Result<(Scan, SchemaRef)> {
        let Execution { run: Run { job, ctx, .. }, files, statement, .. } = self.execution;
        ctx.progress.enter(Phase::Running);
        let (settings, share) = self.share(alone)?;
        let ctx = &share.lease.on(ctx).child().within(Stage::Engine);
        if let Some(begun) = &plan.written {
            // What an earlier attempt had the cluster write is nobody's.
            writer.withdraw(&begun.folder, ctx);
            written::remove(&plan.to_json()?, job.id())?;
        }
        let into = written::create(shared, job.id())?;
        plan.written = Some(Written { folder: into.clone(), parts: None });
        folder.set_plan(&plan.to_json()?)?;
        let mut began = |schema: &SchemaRef| {
            refuse_same_names(schema)?;
            fan_out.start(schema, ctx).map_err(|error| (*error).clone())
        };
        let parts = writer.write(statement, &into, &settings, ctx, &mut began);
        // A cancelled job says so, whatever was noticed first.
        let parts = parts.map_err(|error| ctx.check().err().unwrap_or(error))?;
        files.iter().try_for_each(LakeFile::still_unchanged)?;
        let parts = parts.into_iter().map(Part::of).collect::<Result<Vec<_>>>()?;
        AllLimits(&self.targets).refuse_rows(parts.iter().flat_map(|part| &part.row_groups).sum())?;
        let schema = written::schema_of(&parts)?;
        let scan = written::scan(&parts, &schema)?;
        plan.written = Some(Written { folder: into, parts: Some(parts) });
        folder.set_plan(&plan.to_json()?)?;
        Ok((scan, schema))
    }

    /// The job's share of the memory, and the settings that follow from it.
    fn share(&self, alone: bool) -> Result<(Settings, Share)> {
        let env = self.execution.run.env;
        let mut settings = env.settings(true);
        let share = env.share(self.execution, alone, &mut settings)?;
        Ok((settings, share))
    }

    fn sinks(
        &self,
        folder: &Path,
        letters: Arc<DeadLetters>,
        places: Arc<OnceLock<UnitPlaces>>,
        foreign: bool,
    ) -> Result<Vec<Box<dyn Sink>>> {
        let Execution { run: Run { env, job, ctx, .. }, prepared, .. } = self.execution;
        let options = &prepared.query.options;
        let rows = options.checkpoint_rows.unwrap_or(super::stored_plan::UNIT_ROWS as u64);
        let env = env.target_env(&self.root);
        let open = |(number, target): (usize, &Arc<dyn Target>)| {
            let state = SinkState {
                checkpoint_rows: rows,
                dead_letter_limit: options.dead_letter_limit.unwrap_or(DEAD_LETTER_LIMIT),
                foreign,
                places: places.clone(),
                trace_id: ctx.trace_id.clone(),
                ..SinkState::new(folder, job.id(), number, letters.clone())
            };
            target.open(&env, &self.info, state)
        };
        self.targets.iter().enumerate().map(open).collect()
    }

    /// Records of the sources that the decoder could not read.
    fn unreadable_records(&self) -> Vec<DeadLetter> {
        let Execution { run: Run { ctx, .. }, prepared, files, .. } = self.execution;
        let of_file = |(number, file): (usize, &LakeFile)| {
            let source = &file.source;
            source
                .rejected
                .iter()
                .map(move |rejected| DeadLetter {
                    sink: "source".into(),
                    sink_number: SOURCE,
                    unit: number as u64,
                    row: rejected.row,
                    reason: rejected.reason().get(ctx.language).to_owned(),
                    sqlstate: None,
                    source_file: Some(source.file.clone()),
                    source_row: Some(rejected.row),
                    column: None,
                    value: Some(rejected.raw.clone()),
                    record: Default::default(),
                    trace_id: ctx.trace_id.to_string(),
                })
                .collect::<Vec<_>>()
        };
        let read = files.iter().enumerate().filter(|(_, file)| reads(&prepared.query, file));
        read.flat_map(of_file).collect()
    }

    /// Letters of all sinks, every record that the decoder could not read, and every row that was left out.
    fn count(&self, letters: &DeadLetters) -> Result<u64> {
        let Execution { prepared, files, statement, .. } = self.execution;
        let numbers = 0..self.targets.len();
        let of_sinks = numbers.map(|number| letters.count(number)).sum::<Result<u64>>()?;
        let of_sources = bad_rows::rejected(&prepared.query, files);
        Ok(of_sinks + of_sources + statement.rows_left_out())
    }

    fn close(&self, folder: JobFolder, dead_letters: u64) -> Result<()> {
        self.close_with(folder, &End { resumable: false, error: None, dead_letters })
    }

    /// The folder goes, unless it holds dead letters.
    fn close_with(&self, folder: JobFolder, end: &End) -> Result<()> {
        // What a process left that died while it was about to remove it, and what a cluster wrote.
        if let Err(left) = remove_leftovers(&folder) {
            tracing::warn!(job_id = folder.id(), error = %left, "not everything that the job wrote on its way could be removed");
        }
        if DeadLetters::read(folder.path())?.is_empty() { folder.remove() } else { folder.leave(end) }
    }

    fn discard(&self, folder: &JobFolder) -> Result<()> {
        let env = self.execution.run.env;
        discard_targets(folder, &self.targets, &env.target_env(&self.root), &self.info)?;
        remove_leftovers(folder)
    }
}

/// Ctrl-C, or the end of the process.
fn interrupted_job(id: &str) -> Error {
    Error::new(
        Code::Cancelled,
        text!(
            "Interrompido; o trabalho {id} ficou guardado. Continue de onde parou com resume(\"{id}\"), ou desista com discard(\"{id}\")",
            "Interrupted; job {id} is kept. Go on where it stopped with resume(\"{id}\"), or give it up with discard(\"{id}\")"
        ),
    )
    .stage("recovery")
}

/// Removes what the job left on servers.
pub(super) fn discard_targets(
    folder: &JobFolder,
    targets: &[Arc<dyn Target>],
    env: &TargetEnv,
    info: &ResultInfo,
) -> Result<()> {
    let letters = Arc::new(DeadLetters::of(folder.path()));
    for (number, target) in targets.iter().enumerate() {
        let state = SinkState {
            foreign: folder.was_foreign(),
            ..SinkState::new(folder.path(), folder.id(), number, letters.clone())
        };
        if state.has_begun() {
            target.open(env, info, state)?.discard()?;
        }
    }
    Ok(())
}

/// Removes the files outside of the folder that are of this job alone.
pub(super) fn remove_leftovers(folder: &JobFolder) -> Result<()> {
    folder.plan().map_or(Ok(()), |plan| written::remove(plan, folder.id()))?;
    for file in SinkState::leftovers(folder.path())? {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // A record can be wrong; what is not a temporary file of a job of ours stays.
        if !name.starts_with(&format!(".datasus-{}-", folder.id())) || !name.ends_with(".partial") {
            continue;
        }
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::io(error, &file)),
            _ => {}
        }
    }
    Ok(())
}

/// The rows with the columns that the sinks were started with.
struct Rows {
    running: RowStream,
    schema: SchemaRef,
}

impl Iterator for Rows {
    type Item = Result<crate::base::Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        let chunk = self.running.next()?;
        Some(chunk.and_then(|chunk| match chunk.batch.schema_ref() == &self.schema {
            true => Ok(chunk),
            false => materialise::restored(chunk, &self.schema),
        }))
    }
}
