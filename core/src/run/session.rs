//! What a client's jobs share: catalogue, source, lake, engine and bounds.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rayon::prelude::*;
use serde::Serialize;

use super::execution::{self, Prepared, Task};
use super::export::state_root;
use super::{Answer, Job, Pending, Report};
use crate::base::{Cancel, Ctx, Error, Language, Odd, Priority, Result, TraceId, expand_home, refuse_address, text};
use crate::catalog::{Catalog, FileId, Grupo};
use crate::config::Config;
use crate::engine::{Engine, Local, Settings};
use crate::gate;
use crate::governor::{self, Governor, Hook, Mode, ModeChanges};
use crate::lake::{ConvertOptions, Lake, LakeFile};
use crate::metrics::Metrics;
use crate::params::{
    Extent, MissingFiles, Query, QueryParams, Question, Scope, SqlUse, check_sizes, validate, validate_question,
    validate_sql,
};
use crate::plan::{Explain, Selection, Wanted, explain, missing_error, select, selection_warnings, statement};
use crate::recovery::StateFolder;
use crate::scheduler::{Handle, Order, Owner, Scheduler};
use crate::sink::{Credentials, Destination, OutputRoot, Spared, TargetEnv, Targets, refuse_twice};
use crate::source::folder::{Ignored, KnownNames, Listing, Names, SourceFile};
use crate::source::header_columns;
use crate::store::{Location, Stores};

/// Rows of a chunk on its way to a file or table: several are held at once, and none is handed to the host.
const DURABLE_CHUNK_ROWS: usize = 8 << 10;
/// How far the engine may run ahead of the host, and of a sink: the sink's own work keeps the cores busy.
const AHEAD_BYTES: u64 = 32 << 20;
const DURABLE_AHEAD_BYTES: u64 = 8 << 20;

/// One source with its lake; shared by the jobs of a client.
pub struct Session {
    pub(super) config: Config,
    pub(super) catalog: &'static Catalog,
    pub(super) source: Location,
    names: KnownNames,
    pub(super) lake: Lake,
    pub(super) engine: Arc<dyn Engine>,
    /// The one in the process, for what jobs have kept.
    pub(super) local: Arc<dyn Engine>,
    /// The kinds of targets that its jobs may have.
    pub(super) targets: Targets,
    pub(super) output: Location,
    pub(super) state: StateFolder,
    pub(super) scheduler: Scheduler,
    owner: Owner,
    pub(super) governor: Governor,
    pub(super) metrics: Metrics,
    /// What the engine keeps for speed alone goes while memory is scarce, for as long as somebody holds this.
    _shed: Arc<Hook>,
}

/// What a session works with, each of which a program may bring itself.
#[derive(Clone)]
pub struct Parts {
    /// The kinds of targets that are known.
    pub targets: Targets,
    /// What stands before the engine in the process, or in its place.
    pub engine: Option<EngineOver>,
    /// Where sources may lie.
    pub stores: Stores,
}

/// Makes the engine of a client; it is given the one in the process.
pub type EngineOver = Arc<dyn Fn(Arc<dyn Engine>) -> Arc<dyn Engine> + Send + Sync>;

impl Default for Parts {
    fn default() -> Self {
        Parts { targets: Destination::kinds(), engine: None, stores: Stores::default() }
    }
}

/// What a conversion ahead of a query did.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize, schemars::JsonSchema)]
#[non_exhaustive]
pub struct SyncReport {
    pub files: u64,
    pub rows: u64,
    /// Bytes of the lake's Parquet for these files.
    pub bytes: u64,
    pub duration_sec: f64,
    pub sources: Vec<super::Source>,
    pub bad_values: Vec<super::BadValue>,
    pub normalised: Vec<super::NormalisedCodes>,
    pub warnings: Vec<String>,
}

impl Session {
    pub fn open(source: PathBuf, config: Config, parts: Parts) -> Result<Arc<Self>> {
        config.check()?;
        let config = config.at_home();
        let (source, folder) = source_of(&source, &parts.stores)?;
        let lake = match (&config.lake, &folder) {
            (Some(lake), _) => lake.clone(),
            (None, Some(folder)) => folder.join(".datasus").join("lake"),
            (None, None) => return Err(homeless(&source)),
        };
        let lake = Lake::over(parts.stores, &lake)?;
        let output = Location::parse(config.output.as_deref().unwrap_or(Path::new(".")));
        let local: Arc<dyn Engine> =
            Arc::new(Local::over(vec![source.path().to_owned(), lake.root().to_owned()]));
        let engine = parts.engine.map_or_else(|| local.clone(), |over| over(local.clone()));
        let state = state_root(&config, folder.as_deref().unwrap_or(lake.root()));
        let state = std::path::absolute(&state).map_err(|e| Error::io(e, &state))?;
        let state = StateFolder::at(state);
        let scheduler = Scheduler::of_process();
        let owner = scheduler.owner(config.threads.unwrap_or(usize::MAX));
        let governor = Governor::of_process();
        let shed: Arc<Hook> = {
            let engine = engine.clone();
            Arc::new(move || engine.shed())
        };
        governor.sheds(&shed);
        // What a process that was killed spilled is no reason not to open.
        if let Err(error) = governor::sweep(&spill_root(&config)) {
            tracing::warn!(%error, "spill folders of dead processes were not looked for");
        }
        let metrics = Metrics::new([Box::new(governor.clone()) as _, Box::new(scheduler.clone()) as _]);
        Ok(Arc::new(Session {
            config,
            catalog: Catalog::builtin(),
            source,
            names: KnownNames::default(),
            lake,
            engine,
            local,
            targets: parts.targets,
            output,
            state,
            scheduler,
            owner,
            governor,
            metrics,
            _shed: shed,
        }))
    }

    /// Returns once nothing is left at work that must not be cut off by the end of the process.
    pub fn settle(&self) {
        self.engine.settle();
    }

    pub fn mode(&self) -> Mode {
        // The mode follows a look at the memory, and without jobs the last one may be long past.
        self.governor.pressure();
        self.governor.mode()
    }

    /// Governor and queue: one job at a time, one thread each.
    pub fn set_maintenance(&self, on: bool) -> Result<()> {
        self.governor.set_maintenance(on);
        self.scheduler.set_maintenance(on)
    }

    pub fn mode_changes(&self) -> ModeChanges {
        self.governor.changes()
    }

    pub fn on_memory_pressure(&self, hook: &Arc<Hook>) {
        self.governor.hook(hook);
    }

    pub fn metrics(&self) -> String {
        self.metrics.text()
    }

    pub fn catalog(&self) -> &'static Catalog {
        self.catalog
    }

    pub fn listing(&self) -> Result<Listing> {
        self.names()?.stat(self.lake.stores(), |_| true)
    }

    fn names(&self) -> Result<Arc<Names>> {
        self.names.of(self.lake.stores(), &self.source, self.catalog)
    }

    /// The same without the Parquet that datasus has written, which comes beside it.
    pub fn listing_of_sources(&self) -> Result<(Listing, Vec<SourceFile>)> {
        let mut listing = self.listing()?;
        let files = std::mem::take(&mut listing.files);
        let (ours, sources) = files.into_par_iter().partition(|file| self.lake.is_ours(file));
        listing.files = sources;
        Ok((listing, ours))
    }

    /// Starts a job whose rows go to files.
    pub fn submit(self: &Arc<Self>, params: &QueryParams, destinations: Vec<Destination>) -> Result<Job> {
        let ctx = self.ctx();
        let started = || {
            if destinations.is_empty() {
                return Err(Error::new(
                    crate::base::Code::InvalidParams,
                    text!(
                        "Nenhum destino: diga para onde vão as linhas, por exemplo \"dados.csv\"",
                        "No destination: say where the rows go, for example \"data.csv\""
                    ),
                ));
            }
            let root = self.output_root(&self.output)?;
            let targets: Vec<_> = destinations.iter().cloned().map(Destination::target).collect();
            refuse_twice(&targets, &self.target_env(&root), None)?;
            let prepared = self.prepare(params, &ctx)?;
            Ok((root.sparing(self.spared(Some(&prepared.listing))), prepared))
        };
        let (root, prepared) = started().map_err(|e| self.traced(e, &ctx))?;
        let job = Job::new(ulid::Ulid::new().to_string(), ctx.clone());
        self.spawn(Task::Durable { prepared, root, destinations }, &job, ctx)?;
        Ok(job)
    }

    pub(super) fn credentials(&self) -> Credentials<'_> {
        Credentials { postgres: self.config.postgres.as_ref() }
    }

    pub(super) fn output_root(&self, at: &Location) -> Result<OutputRoot> {
        OutputRoot::open_in(self.lake.stores(), at)
    }

    pub(super) fn target_env<'e>(&'e self, root: &'e OutputRoot) -> TargetEnv<'e> {
        TargetEnv { root, credentials: self.credentials() }
    }

    /// What no output touches.
    pub(super) fn spared(&self, listing: Option<&Listing>) -> Spared {
        let files = listing.map(|listing| {
            let sources = listing.names.locations();
            // A Parquet of another name may be an answer.
            let is_parquet = |name: String| name.to_lowercase().ends_with(".parquet");
            let of_source = |file: &&Ignored| file.may_hold_records() && !is_parquet(file.name());
            let archives = listing.ignored.iter().filter(of_source).map(|file| &file.location);
            // Outputs are files of this machine: they touch no others.
            let local = sources.chain(archives).filter(|at| at.is_file());
            local.map(|at| at.path().to_owned()).collect::<Vec<_>>()
        });
        Spared {
            lake: self.lake.root().to_owned(),
            state: self.state.root().to_owned(),
            source: if self.source.is_file() { self.source.path().to_owned() } else { PathBuf::new() },
            files: files.unwrap_or_default().into(),
        }
    }

    /// Starts a job whose rows come back as a stream; returns when its schema is known.
    pub fn query(self: &Arc<Self>, params: &QueryParams) -> Result<Answer> {
        let mut pending = self.begin_query(params)?;
        pending.wait(None).unwrap_or_else(|| Err(Error::internal("a wait without a bound came back")))
    }

    /// The same, but returns when the query has been checked and queued.
    pub fn begin_query(self: &Arc<Self>, params: &QueryParams) -> Result<Pending> {
        let ctx = self.ctx();
        let prepared = self.prepare(params, &ctx).map_err(|e| self.traced(e, &ctx))?;
        let job = Job::new(ulid::Ulid::new().to_string(), ctx.clone());
        let (to_caller, reader) = crossbeam_channel::bounded(1);
        self.spawn(Task::Stream { prepared, to_caller }, &job, ctx)?;
        Ok(Pending::new(reader, job))
    }

    pub fn export(self: &Arc<Self>, params: &QueryParams, destinations: Vec<Destination>) -> Result<Report> {
        self.submit(params, destinations)?.report()
    }

    /// Converts the files of `params` ahead of a query; only its dataset, UF and competência count.
    /// An administrator's job among the others, so that it does not take their cores.
    pub fn sync(self: &Arc<Self>, params: &QueryParams, cancel: &Cancel) -> Result<SyncReport> {
        let ctx = Ctx { cancel: cancel.clone(), ..self.ctx() };
        let (query, mut selection, listing) =
            self.choose(params, Extent::Selected, &ctx).map_err(|e| self.traced(e, &ctx))?;
        let (session, job) = (self.clone(), Handle::new(ctx.clone()));
        let order = self.order(Priority::Admin, self.config.deadline, false);
        let work = move |ctx: &Ctx| {
            let settled = session.settle_rivals(&query, &mut selection, &listing, ctx);
            let done = settled.and_then(|unreadable| {
                let mut report = session.convert(&query, &selection, &listing, ctx)?;
                report.warnings.extend(unreadable.into_iter().map(|one| format!("{}: {}", one.file, one.detail)));
                Ok(report)
            });
            done.map_err(|e| session.traced(e, ctx))
        };
        self.scheduler.submit(order, &job, work).map_err(|e| self.traced(e, &ctx))?;
        job.wait(None).unwrap_or_else(|| Err(Error::internal("a conversion ended without an outcome")))
    }

    fn convert(&self, query: &Query, selection: &Selection, listing: &Listing, ctx: &Ctx) -> Result<SyncReport> {
        let began = std::time::Instant::now();
        let options = self.convert_options(query);
        let results = self.lake.ensure(&selection.files, self.catalog, &options, ctx);
        ctx.check()?;
        let files = results.into_iter().collect::<Result<Vec<LakeFile>>>()?;
        let warnings = self.warnings(query, selection, listing, &files);
        warnings.iter().for_each(|warning| ctx.log_warning(warning));
        Ok(SyncReport {
            files: files.len() as u64,
            rows: files.iter().map(|file| file.rows).sum(),
            bytes: files.iter().map(|file| file.bytes).sum(),
            duration_sec: began.elapsed().as_secs_f64(),
            sources: files.iter().map(super::reporting::source_of).collect(),
            bad_values: files.iter().flat_map(super::reporting::bad_values_of).collect(),
            normalised: super::NormalisedCodes::of(&files),
            warnings,
        })
    }

    pub fn explain(&self, params: &QueryParams) -> Result<Explain> {
        let ctx = self.ctx();
        let run = || {
            let (query, mut selection, listing) = self.choose(params, Extent::Dataset, &ctx)?;
            let foretold = self.foretell_rivals(&query, &mut selection, &listing)?;
            let used = |file: &&SourceFile| query.scopes.iter().any(|scope| scope.grupo.dataset == file.id.dataset);
            let ours = |file: &SourceFile| selection.ours.iter().any(|ours| ours.location == file.location);
            let of_dataset = listing.files.iter().filter(used).filter(|file| !ours(file));
            let options = self.convert_options(&query);
            let chosen = |file: &SourceFile| selection.files.iter().any(|wanted| wanted.location == file.location);
            let current = |file: &SourceFile| self.lake.current(file, self.catalog, &options);
            let others: Vec<LakeFile> = of_dataset.filter(|file| !chosen(file)).filter_map(current).collect();
            let mut wanted = Vec::new();
            let mut to_convert = Vec::new();
            for file in &selection.files {
                match current(file) {
                    Some(current) => wanted.push(current),
                    None => to_convert.push(file.location.to_string()),
                }
            }
            let planned = match wanted.is_empty() {
                true => None,
                false => Some(statement(&query, &wanted, Wanted::default(), self.engine.dialect())?),
            };
            let mut warnings = self.warnings(&query, &selection, &listing, &wanted);
            warnings.extend(foretold.iter().map(|warning| warning.get(self.config.language).to_owned()));
            explain(&query, &selection, &wanted, &others, to_convert, warnings, planned.as_ref())
        };
        run().map_err(|e| self.traced(e, &ctx))
    }

    /// `listed`: the files that the listing is to have. Where the catalogue knows no column of a dataset, all of its files say
    /// the types, whichever are selected.
    fn choose(&self, params: &QueryParams, listed: Extent, ctx: &Ctx) -> Result<(Query, Selection, Listing)> {
        self.scheduler.is_usable()?;
        check_sizes(params)?;
        let (names, stores) = (self.names()?, self.lake.stores());
        let whole = |grupo: &Grupo, extent| extent == Extent::Dataset || grupo.columns.is_empty();
        let file_columns = |scope: &Scope, extent| {
            let whole = whole(scope.grupo, extent);
            let wanted = |id: &FileId| if whole { id.dataset == scope.grupo.dataset } else { scope.selects(id) };
            Ok(self.lake.columns_of(scope.grupo, &names.stat(stores, wanted)?.files))
        };
        let mut query = match &params.sql {
            None => validate(params, self.catalog, &file_columns)?,
            Some(sql) => match gate::question(sql, self.catalog) {
                Some(asked) => validate_question(params, asked.and_then(|asked| self.with_files(asked, &names)))?,
                None => validate_sql(params, sql, self.judged(params, sql, ctx))?,
            },
        };
        let wanted = |id: &FileId| {
            let of_scope = |scope: &Scope| match whole(scope.grupo, listed) {
                true => scope.grupo.dataset == id.dataset,
                false => scope.selects(id),
            };
            query.scopes.iter().any(of_scope)
        };
        let listing = names.stat(stores, wanted)?;
        for scope in query.scopes.iter_mut().filter(|scope| scope.grupo.columns.is_empty()) {
            scope.header_columns = header_columns(&scope.grupo.dataset, &listing.files, self.lake.stores());
        }
        let selection = select(&query, &listing, self.catalog, &|file| self.lake.is_ours(file))?;
        let complete = selection.missing.is_empty() && selection.without_files.is_empty();
        if !complete && query.options.missing == MissingFiles::Error {
            return Err(missing_error(&selection, &query, &names.stat(stores, |_| true)?, self.catalog));
        }
        Ok((query, selection, listing))
    }

    /// Where the catalogue knows no column of a dataset, those of its files.
    fn with_files(&self, asked: Question, names: &Arc<Names>) -> Result<Question> {
        match asked {
            Question::Columns { grupo, .. } if grupo.columns.is_empty() => {
                let files = names.stat(self.lake.stores(), |id| id.dataset == grupo.dataset)?.files;
                Ok(Question::Columns { grupo, of_files: self.lake.columns_of(grupo, &files) })
            }
            asked => Ok(asked),
        }
    }

    /// User SQL goes through the gate before anything else looks at it.
    fn judged(&self, params: &QueryParams, sql: &str, ctx: &Ctx) -> Result<SqlUse> {
        // One that is no number of seconds is refused with the other parameters.
        let own = params.options.deadline.filter(|seconds| *seconds > 0.0);
        let own = own.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let deadline = own.into_iter().chain([Duration::from_secs_f64(self.config.deadline)]).min();
        let patience = gate::Patience { deadline, cancel: ctx.cancel.clone(), trace_id: ctx.trace_id.clone() };
        let gate::Passed { tables, parameters, columns, star, ordered, compared, syntax, .. } =
            gate::pass_within(sql, &params.bind, self.catalog, &patience)?;
        Ok(SqlUse { tables, parameters, columns, star, ordered, compared, syntax })
    }

    pub(super) fn prepare(&self, params: &QueryParams, ctx: &Ctx) -> Result<Prepared> {
        self.scheduler.is_usable()?;
        check_sizes(params)?;
        let asks_catalog = |sql: &String| gate::question(sql, self.catalog).is_some();
        let from_user = params.sql.as_ref().is_some_and(|sql| !asks_catalog(sql));
        if from_user || !params.aggregates.is_empty() || !params.order_by.is_empty() {
            self.engine.warm(from_user);
        }
        let (query, selection, listing) = self.choose(params, Extent::Selected, ctx)?;
        Ok(Prepared { params: params.clone(), query, selection, listing, unreadable: Vec::new() })
    }

    pub(super) fn spawn(self: &Arc<Self>, task: Task, job: &Job, ctx: Ctx) -> Result<()> {
        let options = &task.prepared().query.options;
        let seconds = options.deadline.map_or(self.config.deadline, |own| own.min(self.config.deadline));
        let order = self.order(options.priority, seconds, matches!(task, Task::Stream { .. }));
        let (session, running) = (self.clone(), job.clone());
        let work = move |ctx: &Ctx| execution::run(&session, task, &running, ctx).map_err(|e| session.traced(e, ctx));
        self.scheduler.submit(order, job.handle(), work).map_err(|e| self.traced(e, &ctx))
    }

    fn order(&self, priority: Priority, seconds: f64, parks: bool) -> Order {
        let deadline = Some(Duration::from_secs_f64(seconds));
        Order { owner: self.owner, priority: priority.max(self.config.max_priority), deadline, parks }
    }

    pub(super) fn ctx(&self) -> Ctx {
        Ctx { trace_id: TraceId::new(), language: self.config.language, ..Default::default() }
    }

    pub(super) fn traced(&self, error: Error, ctx: &Ctx) -> Error {
        let error = error.traced(&ctx.trace_id, self.config.language);
        tracing::warn!(trace_id = %ctx.trace_id, code = %error.code(), detail = error.detail(), "failed");
        error
    }

    /// How a query's files are converted. Where the catalogue has no columns, all files of the dataset in the source say the
    /// types.
    pub(super) fn convert_options(&self, query: &Query) -> ConvertOptions {
        let threads = self.governor.levers().workers(self.threads());
        let untyped = query.scopes.iter().filter(|scope| !scope.header_columns.is_empty());
        let of_headers = untyped.map(|scope| (scope.grupo.dataset.clone(), scope.header_columns.clone()));
        let header_columns = Arc::new(of_headers.collect());
        let (verify_crc, partial) = (self.config.verify_crc, query.options.partial);
        ConvertOptions { threads, verify_crc, partial, header_columns, ..Default::default() }
    }

    /// The columns that `query` reads, in upper case; none: all of them, or it cannot be told.
    pub(super) fn columns_of(query: &Query) -> Option<Arc<BTreeSet<String>>> {
        let read = query.columns_read()?;
        let of_ufs = query.scopes.iter().filter_map(|scope| Some(scope.grupo.uf_column.as_ref()?.name.as_str()));
        let names = read.into_iter().chain(of_ufs);
        // Upper case of other letters is one thing here and another in an engine.
        let names = names.map(|name| name.is_ascii().then(|| name.to_uppercase())).collect::<Option<_>>()?;
        Some(Arc::new(names))
    }

    /// `durable`: for sinks that keep several chunks on their way.
    pub(super) fn settings(&self, durable: bool) -> Settings {
        Settings {
            memory_limit: self.config.memory_limit.unwrap_or_else(|| self.governor.leased().1),
            spill_limit: self.config.spill_limit,
            spill_root: spill_root(&self.config),
            threads: self.threads(),
            units: None,
            chunk_rows: self.config.chunk_rows.min(if durable { DURABLE_CHUNK_ROWS } else { usize::MAX }),
            ahead_bytes: if durable { DURABLE_AHEAD_BYTES } else { AHEAD_BYTES },
            channel_depth: 2,
            levers: self.governor.levers(),
            hold: None,
        }
    }

    pub(super) fn warnings(
        &self,
        query: &Query,
        selection: &Selection,
        listing: &Listing,
        files: &[LakeFile],
    ) -> Vec<String> {
        let of_files = files.iter().flat_map(|file| [file.source.warnings.clone(), file.source.notices()].concat());
        let of_selection = selection_warnings(selection, query, listing, self.catalog);
        of_selection.into_iter().chain(of_files).map(|warning| warning.get(self.config.language).to_owned()).collect()
    }

    pub fn language(&self) -> Language {
        self.config.language
    }

    fn threads(&self) -> usize {
        self.config.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    }
}

/// Where the source lies, and its folder where that is one of this machine.
fn source_of(given: &Path, stores: &Stores) -> Result<(Location, Option<PathBuf>)> {
    let source = Location::parse(given);
    if !source.is_file() && stores.knows(&source) {
        return Ok((source, None));
    }
    refuse_address(&given.to_string_lossy()).map_err(|error| error.stage("source"))?;
    let path = expand_home(given);
    let folder = match std::fs::metadata(&path) {
        Ok(found) if found.is_dir() => path.clone(),
        Ok(found) if found.is_file() => path.parent().map(Into::into).unwrap_or_default(),
        Ok(_) => return Err(Error::io(Odd::NotAFile.into(), &path).stage("source")),
        Err(error) => return Err(Error::io(error, &path).stage("source")),
    };
    Ok((Location::file(path), Some(folder)))
}

/// What is converted of a source elsewhere needs a folder here.
fn homeless(source: &Location) -> Error {
    Error::new(
        crate::base::Code::InvalidParams,
        text!(
            "A fonte {source} não é uma pasta desta máquina: diga em `lake` (ou DATASUS_LAKE) a pasta do que é convertido",
            "The source {source} is no folder of this machine: say by `lake` (or DATASUS_LAKE) the folder of what is converted"
        ),
    )
    .with("received", source.to_string())
    .stage("source")
}

fn spill_root(config: &Config) -> PathBuf {
    config.spill.clone().unwrap_or_else(std::env::temp_dir)
}
