//! The line that data travels: files -> lake -> statement -> engine -> sinks -> report.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use crossbeam_channel::Sender;

use super::bad_rows;
use super::emergency;
use super::memory::Share;
use super::once_more::OnceMore;
use super::recover::Resumed;
use super::streaming::Streaming;
use super::{BadValue, CacheUse, Job, NormalisedCodes, Performance, Report, Session, Source, Storage, Unreadable};
use crate::base::{Chunk, Code, Ctx, Error, PeakMemory, Phase, Result, masked, text};
use crate::governor::Mode;
use crate::lake::{ConvertOptions, LakeFile};
use crate::params::{Ask, OnBadValue, Projection, Query, QueryParams};
use crate::plan::{SAMPLING, Sampled, Selection, Statement, Wanted, nowhere, reads, statement};
use crate::scheduler::Status;
use crate::sink::arrow::{ArrowReader, stream};
use crate::sink::{Destination, FanOut, OutputRoot, Stored};
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

/// What a job's thread does.
pub(super) enum Task {
    /// The stream's reading end is handed over as soon as the schema is known.
    Stream {
        prepared: Prepared,
        to_caller: Sender<ArrowReader>,
    },
    Durable {
        prepared: Prepared,
        root: OutputRoot,
        destinations: Vec<Destination>,
    },
    Resume(Box<Resumed>),
}

impl Task {
    pub fn prepared(&self) -> &Prepared {
        match self {
            Task::Stream { prepared, .. } | Task::Durable { prepared, .. } => prepared,
            Task::Resume(resumed) => &resumed.prepared,
        }
    }

    fn datasets(&self) -> String {
        datasets(&self.prepared().query)
    }
}

/// Chunks that wait for a slow reader of the stream.
const STREAM_DEPTH: usize = 2;

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
    pub fn of(share: &Share) -> Self {
        Outcome { mode: share.mode, ..Outcome::default() }
    }
}

impl Session {
    pub(super) fn run(self: &Arc<Self>, work: Task, job: &Job, ctx: &Ctx) -> Result<Report> {
        let datasets = work.datasets();
        tracing::info!(trace_id = %ctx.trace_id, job_id = job.id(), datasets = %datasets, "started");
        let memory = PeakMemory::watch();
        let outcome = match work {
            Task::Stream { prepared, to_caller } => self
                .settled(prepared, ctx)
                .and_then(|prepared| self.run_stream(&prepared, to_caller, &memory, job, ctx)),
            Task::Durable { prepared, root, destinations } => self
                .settled(prepared, ctx)
                .and_then(|prepared| self.begin(prepared, root, destinations, &memory, job, ctx)),
            Task::Resume(resumed) => self.go_on(*resumed, &memory, job, ctx),
        };
        self.count(&outcome, memory.peak(), job);
        let report = outcome?;
        report.warnings.iter().for_each(|warning| ctx.log_warning(warning));
        let (rows, sampled) = (report.records_processed, report.sampling.is_some());
        tracing::info!(trace_id = %ctx.trace_id, job_id = job.id(), rows, sampled, "completed");
        Ok(report)
    }

    fn count(&self, outcome: &Result<Report>, peak: u64, job: &Job) {
        let (status, rows) = match outcome {
            Ok(report) => ("completed", report.records_processed),
            Err(error) if error.code() == Code::Cancelled => ("cancelled", 0),
            Err(_) => ("failed", 0),
        };
        self.metrics.job_ended(status, job.age(), rows, peak);
    }

    fn run_stream(
        &self,
        prepared: &Prepared,
        to_caller: Sender<ArrowReader>,
        memory: &PeakMemory,
        job: &Job,
        ctx: &Ctx,
    ) -> Result<Report> {
        let sampling = self.sampling_now(&prepared.query, false, ctx)?;
        // A sample is of what a file holds, whichever of its columns are read.
        let columns = if sampling.is_some() { None } else { Session::columns_of(&prepared.query) };
        let (files, unreadable) = self.readable(prepared, columns, ctx)?;
        ctx.progress.enter(Phase::Running);
        let wanted = Wanted { sampling: sampling.as_ref(), ..Wanted::default() };
        let statement = statement(&prepared.query, &files, wanted, self.engine.dialect())?;
        bad_rows::refuse_too_many(&statement, &files, &prepared.query)?;
        let sampled = emergency::sampled(sampling, &files);
        let letters = self.keep_letters(&prepared.params, &statement, &files, job, ctx)?;
        let left_out = statement.rows_left_out();
        let streamed = self.stream_rows(prepared, statement, &files, sampled, to_caller, ctx);
        let outcome = bad_rows::settle(letters, left_out, streamed)?;
        self.report(prepared, &files, unreadable, outcome, memory, job, ctx)
    }

    fn stream_rows(
        &self,
        prepared: &Prepared,
        statement: Statement,
        files: &[LakeFile],
        sampled: Option<Sampled>,
        to_caller: Sender<ArrowReader>,
        ctx: &Ctx,
    ) -> Result<Outcome> {
        let left_out = statement.rows_left_out();
        let rows = emergency::rows_read(sampled.as_ref(), files);
        let start = |alone| {
            let mut settings = self.settings(false);
            let share = self.share(&prepared.query, rows, &statement, alone, &mut settings, ctx)?;
            let running = self.engine.start(statement.clone(), &settings, &ctx.child())?;
            Ok((running, share))
        };
        let mut attempts = OnceMore::begin(start)?;
        let schema = with_sampling(&attempts.schema(), sampled.as_ref())?;
        refuse_same_names(&schema)?;
        let levers = self.governor.levers();
        let (sink, reader) = stream(schema.clone(), STREAM_DEPTH, levers.foreign(), &ctx.cancel);
        if to_caller.send(reader).is_err() {
            ctx.cancel.set(crate::base::CancelReason::Caller);
        }
        let parking = attempts.lease().on(ctx);
        let expected = known_rows(&prepared.query, files, sampled.as_ref(), left_out);
        let streaming = Streaming { rows: &mut attempts, sink, schema: &schema, levers, ctx: &parking };
        let (rows, stored) = streaming.deliver(files, expected).map_err(|error| (*error).clone())?;
        let share = attempts.share();
        let dead_letters = bad_rows::rejected(&prepared.query, files) + left_out;
        self.metrics.dead_letters("all", dead_letters);
        Ok(Outcome { rows, stored, dead_letters, left_out, attempts: 1, sampled, ..Outcome::of(share) })
    }

    #[allow(clippy::too_many_arguments, reason = "a report is of everything that a job had")]
    pub(super) fn report(
        &self,
        prepared: &Prepared,
        files: &[LakeFile],
        unreadable: Vec<Unreadable>,
        outcome: Outcome,
        memory: &PeakMemory,
        job: &Job,
        ctx: &Ctx,
    ) -> Result<Report> {
        outcome.stored.iter().for_each(|one| self.metrics.delivered(one.sink, one.rows, one.bytes));
        let Outcome { rows, stored, dead_letters, left_out, attempts, held, mode, sampled } = outcome;
        let mut normalised = NormalisedCodes::of(files.iter().filter(|file| reads(&prepared.query, file)));
        normalised.retain(|one| prepared.query.reads(&one.column));
        let mut warnings = self.report_warnings(prepared, files, &unreadable);
        warnings.extend(prepared.query.notes.iter().map(|note| note.get(self.config.language).to_owned()));
        warnings.extend(nowhere(&prepared.query, files).iter().map(|(dataset, columns)| {
            let names = columns.join(", ");
            let warning = text!(
                "{dataset}: nenhum arquivo da consulta tem {names}; é NULL em toda a resposta",
                "{dataset}: no file of the query has {names}; it is NULL in the whole answer"
            );
            warning.get(self.config.language).to_owned()
        }));
        let told = normalised_warning(&normalised);
        warnings.extend(told.map(|warning| warning.get(self.config.language).to_owned()));
        warnings.extend(stored.iter().flat_map(|s| &s.warnings).map(|w| w.get(self.config.language).to_owned()));
        let noted = sampled.as_ref().map(emergency::warning);
        warnings.extend(noted.map(|warning| warning.get(self.config.language).to_owned()));
        let of_sources = bad_rows::rejected(&prepared.query, files) + left_out;
        warnings.extend(bad_rows::warning(left_out, job.id()).map(|w| w.get(self.config.language).to_owned()));
        let refused = dead_letters.saturating_sub(of_sources);
        if refused > 0 {
            let id = job.id();
            let warning = text!(
                "{refused} linha(s) recusada(s) pelo destino estão em dead_letters(\"{id}\")",
                "{refused} row(s) that the target refused are in dead_letters(\"{id}\")"
            );
            warnings.push(warning.get(self.config.language).to_owned());
        }
        let warnings: Vec<String> = warnings.iter().map(|warning| masked(warning).into_owned()).collect();
        for warning in &warnings {
            tracing::warn!(trace_id = %ctx.trace_id, job_id = job.id(), "{warning}");
        }
        Ok(Report {
            contract: 1,
            status: Status::Completed,
            job_id: job.id().to_owned(),
            trace_id: ctx.trace_id.to_string(),
            records_processed: rows,
            storage: storage(stored),
            performance: Performance::measured(rows, job.age(), memory.peak()),
            mode,
            sampling: sampled,
            dead_letters,
            attempts,
            resumed_from: (!held.is_empty()).then_some(held),
            cache: CacheUse::Off,
            sources: files.iter().map(source_of).collect(),
            missing: prepared.selection.missing.clone(),
            warnings,
            unreadable,
            bad_values: bad_values(&prepared.query, files),
            normalised,
        })
    }

    /// The same with one version of each file.
    fn settled(&self, mut prepared: Prepared, ctx: &Ctx) -> Result<Prepared> {
        prepared.unreadable = self.settle_rivals(&prepared.query, &mut prepared.selection, &prepared.listing, ctx)?;
        Ok(prepared)
    }

    /// The lake's files; one that cannot be read ends the job, or is left out and named where `partial` says so. `columns`: those
    /// that will be read. What is kept or compared is always of all.
    pub(super) fn readable(
        &self,
        prepared: &Prepared,
        columns: Option<Arc<BTreeSet<String>>>,
        ctx: &Ctx,
    ) -> Result<(Vec<LakeFile>, Vec<Unreadable>)> {
        let options = ConvertOptions { columns, ..self.convert_options(&prepared.query) };
        let results = self.lake.ensure(&prepared.selection.files, self.catalog, &options, ctx);
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

    fn report_warnings(&self, prepared: &Prepared, files: &[LakeFile], unreadable: &[Unreadable]) -> Vec<String> {
        let mut warnings = self.warnings(&prepared.query, &prepared.selection, &prepared.listing, files);
        let mut add = |warning: crate::base::Text| warnings.push(warning.get(self.config.language).to_owned());
        if !unreadable.is_empty() {
            let count = unreadable.len();
            add(text!("{count} arquivo(s) que não se pôde ler ficaram de fora", "{count} unreadable file(s) left out"));
        }
        for file in files.iter().filter(|file| reads(&prepared.query, file)) {
            let (name, deleted, rejected) = (&file.source.file, file.source.rows_deleted, file.source.rows_rejected);
            if rejected > 0 {
                add(text!(
                    "{name}: {rejected} registro(s) que não se pôde ler estão fora da resposta",
                    "{name}: {rejected} record(s) that cannot be read are not in the answer"
                ));
            }
            if deleted > 0 {
                add(text!(
                    "{name}: {deleted} registro(s) marcado(s) como excluído(s) fora da resposta",
                    "{name}: {deleted} record(s) marked deleted are not in the answer"
                ));
            }
        }
        let bad: u64 = bad_values(&prepared.query, files).iter().map(|bad| bad.count).sum();
        // Where rows are left out, what is NULL is in columns that nobody read.
        if bad > 0 && prepared.query.options.on_bad_value == OnBadValue::Null {
            add(text!(
                "{bad} valor(es) que não se pôde ler viraram NULL; veja `bad_values`",
                "{bad} value(s) that did not parse became NULL; see `bad_values`"
            ));
        }
        warnings
    }
}

/// Says which columns were brought into the catalogue's form.
pub(super) fn normalised_warning(normalised: &[NormalisedCodes]) -> Option<crate::base::Text> {
    let count: u64 = normalised.iter().map(|one| one.count).sum();
    let names: Vec<&str> = normalised.iter().map(|one| one.column.as_str()).take(8).collect();
    let more = if normalised.len() > names.len() { ", …" } else { "" };
    let names = names.join(", ");
    (count > 0).then(|| {
        text!(
            "{count} código(s) de {names}{more} estão na forma do catálogo, e não na do arquivo; veja `normalised`",
            "{count} code(s) of {names}{more} have the catalogue's form and not the file's; see `normalised`"
        )
    })
}

fn datasets(query: &Query) -> String {
    query.scopes.iter().map(|scope| scope.grupo.dataset.to_string()).collect::<Vec<_>>().join(",")
}

/// Rows of the answer where they can be told beforehand: a scan without conditions.
pub(super) fn known_rows(query: &Query, files: &[LakeFile], sampled: Option<&Sampled>, left_out: u64) -> Option<u64> {
    let Ask::Structured(ask) = &query.ask else { return None };
    let whole = ask.predicates.is_empty()
        && !matches!(ask.projection, Projection::Grouped { .. })
        && !query.scopes.iter().any(|scope| scope.grupo.national.is_some() && scope.ufs.is_some());
    // How many of the rows that are left out would be in the sample is not counted.
    let whole = whole && (left_out == 0 || sampled.is_none());
    let rows = emergency::rows_read(sampled, files) - left_out;
    whole.then(|| ask.limit.map_or(rows, |limit| limit.min(rows)))
}

/// Every chunk to every sink that has not got it; nothing is published unless all rows came and no source changed
/// meanwhile.
pub(super) fn deliver(
    mut chunks: impl Iterator<Item = Result<Chunk>>,
    schema: &SchemaRef,
    mut fan_out: FanOut,
    files: &[LakeFile],
    expected: Option<u64>,
    ctx: &Ctx,
) -> Result<(u64, Vec<Stored>), Arc<Error>> {
    let mut rows = fan_out.held_rows().map(|(_, rows)| rows).min().unwrap_or(0);
    ctx.progress.begin_rows(rows);
    if let Some(expected) = expected {
        ctx.progress.expect_rows(expected);
    }
    let mut pump = || -> Result<(), Arc<Error>> {
        for chunk in chunks.by_ref() {
            let mut chunk = chunk?;
            chunk.batch = with_schema(chunk.batch, schema)?;
            let count = chunk.batch.num_rows() as u64;
            fan_out.write(&chunk)?;
            rows += count;
            ctx.progress.add_rows(count);
            ctx.slot.give_way();
        }
        ctx.check()?;
        files.iter().try_for_each(LakeFile::still_unchanged)?;
        Ok(())
    };
    match pump() {
        Ok(()) => Ok((rows, fan_out.finish()?)),
        Err(error) => {
            // A cancelled or late job says so, whatever its sinks noticed first. Asked while the statement still runs:
            // dropping it sets the token as well.
            let error = ctx.check().err().map_or(error, Arc::new);
            let error = Arc::new((*error).clone().traced(&ctx.trace_id, ctx.language));
            fan_out.abandon(&error);
            Err(error)
        }
    }
}

/// Two columns of one name: no sink could tell them apart. Only SQL can ask for them.
pub(super) fn refuse_same_names(schema: &SchemaRef) -> Result<()> {
    let mut seen = std::collections::BTreeSet::new();
    let Some(name) = schema.fields().iter().map(|field| field.name()).find(|name| !seen.insert(name.to_lowercase()))
    else {
        return Ok(());
    };
    Err(Error::new(
        Code::InvalidParams,
        text!(
            "A coluna {name} aparece duas vezes na resposta; dê-lhe um apelido (AS) ou junte com USING",
            "Column {name} appears twice in the answer; give it an alias (AS) or join by USING"
        ),
    )
    .with("received", name.as_str())
    .stage("query"))
}

fn with_sampling(schema: &SchemaRef, sampled: Option<&Sampled>) -> Result<SchemaRef> {
    let Some(sampled) = sampled else { return Ok(schema.clone()) };
    let mut metadata = schema.metadata().clone();
    metadata.insert(SAMPLING.to_owned(), emergency::json(sampled)?);
    Ok(Arc::new(Schema::new_with_metadata(schema.fields().clone(), metadata)))
}

pub(super) fn with_schema(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.schema_ref() == schema {
        return Ok(batch);
    }
    RecordBatch::try_new(schema.clone(), batch.columns().to_vec()).map_err(Error::internal)
}

fn storage(stored: Vec<Stored>) -> BTreeMap<String, Storage> {
    let mut by_sink: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in stored.into_iter().filter(|one| one.sink != "arrow") {
        by_sink.entry(one.sink.to_owned()).or_default().push(one.location);
    }
    by_sink
        .into_iter()
        .map(|(sink, mut locations)| match locations.len() {
            1 => (sink, Storage::One(locations.remove(0))),
            _ => (sink, Storage::Many(locations)),
        })
        .collect()
}

pub(super) fn source_of(file: &LakeFile) -> Source {
    Source { file: file.source.file.clone(), rows: file.rows, sha256: file.source.sha256.clone(), crc: file.source.crc }
}

/// Of the files that the query reads.
fn bad_values(query: &Query, files: &[LakeFile]) -> Vec<BadValue> {
    files.iter().filter(|file| reads(query, file)).flat_map(bad_values_of).collect()
}

pub(super) fn bad_values_of(file: &LakeFile) -> Vec<BadValue> {
    file.source
        .bad_values
        .iter()
        .map(|bad| BadValue {
            file: file.source.file.clone(),
            column: bad.column.clone(),
            count: bad.count,
            samples: bad.samples.iter().map(|(_, raw)| raw.clone()).collect(),
        })
        .collect()
}
