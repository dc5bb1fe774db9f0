//! What the jobs of a client share: settings, catalogue, source, lake, engine, and the services beside them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatchReader;
use rayon::prelude::*;

use super::column_use::ColumnUse;
use super::places::{homeless, local_folder, remote_cache, short_hash, source_of, spill_root, state_root};
use crate::base::{Cancel, Ctx, Error, Language, Priority, Result, TraceId};
use crate::cache::{Answers, CacheMetrics, Cached};
use crate::catalog::{Catalog, Dataset};
use crate::columnar::forget_footers;
use crate::config::{Config, Isolation};
use crate::engine::{Engine, Isolated, Local, Settings, Spark};
use crate::estimate::Estimator;
use crate::governor::{self, BatchMemory, Governor, Hook, Mode, ModeChanges};
use crate::lake::{ConvertOptions, Lake, LakeFile, is_written_by_us};
use crate::limit::RateLimit;
use crate::metrics::Metrics;
use crate::mirror::{DownloadMetrics, Mirror, MirrorStore, home};
use crate::params::Query;
use crate::plan::{Selection, selection_warnings};
use crate::recovery::StateFolder;
use crate::scheduler::{Order, Owner, Scheduler};
use crate::sink::postgres::Connections;
use crate::sink::{Credentials, Destination, OutputRoot, Spared, TargetEnv, Targets};
use crate::source::declared::{Declared, OwnTables, refuse_other_forms};
use crate::source::folder::{Ignored, KnownNames, Listing, Names, SourceFile};
use crate::store::{ChunkCache, Location, Patience, S3, S3Settings, SparedElsewhere, SparedKind, Stores};

/// Rows of a chunk on its way to a file or table: several are held at once, and none is handed to the host.
const DURABLE_CHUNK_ROWS: usize = 8 << 10;
/// How far the engine may run ahead of the host, and of a sink: the sink's own work keeps the cores busy.
const AHEAD_BYTES: u64 = 32 << 20;
const DURABLE_AHEAD_BYTES: u64 = 8 << 20;

/// One source with its lake; shared by the jobs of a client.
pub struct Environment {
    pub(super) config: Config,
    pub(super) catalog: &'static Catalog,
    pub(super) source: Location,
    /// Where the source is a tree elsewhere.
    pub(super) mirror: Option<Arc<Mirror>>,
    names: KnownNames,
    /// How long servers may take.
    pub(super) patience: Patience,
    /// What stands beside the declared files where there is no folder.
    nothing: Arc<Names>,
    declared: Declared,
    pub(super) tables: OwnTables,
    pub(super) lake: Lake,
    pub(super) engine: Arc<dyn Engine>,
    /// The one in the process, for what jobs have kept.
    pub(super) local: Arc<dyn Engine>,
    /// The kinds of targets that its jobs may have.
    pub(super) targets: Targets,
    /// How often one may ask; none: as often as one likes.
    pub(super) rate_limit: Option<RateLimit>,
    /// The engine is ours, which reads by itself what is only read.
    pub(super) scans: bool,
    /// Whether an answer may be a kept one.
    pub(super) keeps_answers: bool,
    pub(super) output: Location,
    pub(super) state: StateFolder,
    pub(super) column_use: ColumnUse,
    pub(super) scheduler: Scheduler,
    owner: Owner,
    pub(super) governor: Governor,
    pub(super) metrics: Metrics,
    pub(super) estimates: Arc<Estimator>,
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
    /// How long servers may take.
    pub patience: Patience,
}

/// Makes the engine of a client; it is given the one in the process.
pub type EngineOver = Arc<dyn Fn(Arc<dyn Engine>) -> Arc<dyn Engine> + Send + Sync>;

impl Default for Parts {
    fn default() -> Self {
        Parts { targets: Destination::kinds(), engine: None, stores: Stores::default(), patience: Patience::default() }
    }
}

impl Environment {
    pub fn open(source: PathBuf, config: Config, parts: Parts) -> Result<Self> {
        config.check()?;
        let config = config.at_home();
        let cache = Arc::new(ChunkCache::at(remote_cache(&config), config.remote_cache_limit));
        let mut stores = parts.stores;
        if !stores.knows(&Location::of("s3", "")) {
            let notes = Some(cache.root().join("uploads"));
            stores = stores.with(Arc::new(S3::new(S3Settings::of(&config, notes)?, cache.clone())?));
        }
        let mirror = mirror_of(&source, &config, &mut stores, parts.patience)?;
        let alone = source.as_os_str().is_empty() && !config.declared.is_empty();
        let (source, folder) = match &mirror {
            Some(mirror) => (Mirror::root(), Some(mirror.files())),
            None if alone => (Location::default(), Some(PathBuf::from("."))),
            None => source_of(&source, &stores)?,
        };
        // A bucket alone is read as any store is, and its lake lives where those of other sources elsewhere do.
        let elsewhere = mirror.is_some() || source.scheme() == "s3";
        let home = elsewhere.then(|| home(config.home.as_deref()));
        let lake = match (&config.lake, &folder) {
            (Some(lake), _) => lake.clone(),
            (None, _) if home.is_some() => home.iter().map(|home| home.join("lake")).collect(),
            (None, Some(folder)) => folder.join(".datasus").join("lake"),
            (None, None) => return Err(homeless(&source)),
        };
        let root = Location::parse(&lake);
        let lake = match stores.knows(&root) && !root.is_file() {
            // What is in the making has a folder here, of its own for each lake.
            true => Lake::at(stores, &root, &cache.root().join("lakes").join(short_hash(&root)))?,
            false => Lake::over(stores, &lake)?,
        };
        let nothing = Names::nothing(&source);
        let sources = config.declared.iter().map(|(name, paths)| (name.clone(), paths.clone()));
        let beside = match root.is_file() {
            true => lake.location().path().to_owned(),
            false => cache.root().join("lakes").join(short_hash(&root)),
        };
        let declared = Declared::of(sources, &config.csv, &beside, Catalog::builtin())?;
        let tables = OwnTables::of(&config.tables, &config.csv, &beside, Catalog::builtin())?;
        refuse_other_forms(&config.csv, &declared, &tables, Catalog::builtin())?;
        let output = Location::parse(config.output.as_deref().unwrap_or(Path::new(".")));
        let read = folder.clone().filter(|_| mirror.is_some()).unwrap_or_else(|| local_folder(&source));
        let of_source = if alone { None } else { Some(read) };
        let folders = of_source.into_iter().chain([local_folder(&lake.location()), cache.root().to_owned()]);
        let local: Arc<dyn Engine> = Arc::new(Local::over(folders.collect()));
        let scans = parts.engine.is_none() && config.engine.is_none();
        let isolated = match config.isolation {
            Isolation::None => None,
            which => {
                let all = which == Isolation::All;
                Some(Arc::new(Isolated::over(local.clone(), all, config.worker.as_deref())?))
            }
        };
        let workers = isolated.as_ref().map(|isolated| Box::new(isolated.metrics()) as _);
        let ours = isolated.map_or_else(|| local.clone(), |isolated| isolated as Arc<dyn Engine>);
        let ours = cluster(ours, &config)?;
        let engine = parts.engine.map_or_else(|| ours.clone(), |over| over(ours.clone()));
        let governor = Governor::of_process();
        governor.shared_by(config.processes);
        let answers = Answers::of(&config, &governor)?;
        let rate_limit = RateLimit::of(&config)?;
        let counts = answers.as_ref().map(Answers::counts);
        let keeps_answers = answers.is_some();
        let engine = answers.map_or_else(|| engine.clone(), |answers| Arc::new(Cached::over(engine.clone(), answers)));
        let state = match (&home, &config.state, &config.lake) {
            (Some(home), None, None) => home.join("jobs"),
            _ => state_root(&config, &lake.location(), folder.as_deref())?,
        };
        let state = std::path::absolute(&state).map_err(|e| Error::io(e, &state))?;
        // Beside the folder of jobs, in which nothing else lies; in it where it is the user's own.
        let beside_jobs = if config.state.is_some() { Some(state.as_path()) } else { state.parent() };
        let column_use = ColumnUse::at(beside_jobs.unwrap_or(&state).join("column-use.json"));
        let state = StateFolder::at(state);
        let scheduler = Scheduler::of_process();
        let owner = scheduler.owner(config.threads.unwrap_or(usize::MAX));
        let estimates = Arc::new(Estimator::of_lake(lake.here()));
        let shed: Arc<Hook> = {
            let (engine, estimates, footers) = (engine.clone(), estimates.clone(), lake.shed());
            Arc::new(move || {
                engine.shed();
                estimates.shed();
                footers();
                forget_footers();
            })
        };
        governor.sheds(&shed);
        // What a process that was killed spilled is no reason not to open.
        if let Err(error) = governor::sweep(&spill_root(&config)) {
            tracing::warn!(%error, "spill folders of dead processes were not looked for");
        }
        let counted = counts.map(|counts| Box::new(CacheMetrics(counts)) as _);
        let services = [Box::new(governor.clone()) as _, Box::new(scheduler.clone()) as _, Box::new(Connections) as _];
        let downloads = mirror.as_ref().map_or_else(Arc::default, |mirror| mirror.downloads().clone());
        let downloads = [Box::new(DownloadMetrics(downloads)) as _];
        let metrics = Metrics::new(services.into_iter().chain(downloads).chain(counted).chain(workers));
        Ok(Environment {
            config,
            catalog: Catalog::builtin(),
            source,
            mirror,
            names: KnownNames::default(),
            patience: parts.patience,
            nothing,
            declared,
            tables,
            lake,
            engine,
            local,
            rate_limit,
            scans,
            keeps_answers,
            targets: parts.targets,
            output,
            state,
            column_use,
            scheduler,
            owner,
            governor,
            metrics,
            estimates,
            _shed: shed,
        })
    }

    pub fn add_table(&self, name: &str, reader: impl RecordBatchReader) -> Result<()> {
        self.tables.add(name, reader, self.catalog)
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

    pub fn open_metrics(&self) -> String {
        self.metrics.open_metrics()
    }

    pub fn catalog(&self) -> &'static Catalog {
        self.catalog
    }

    pub fn listing(&self) -> Result<Listing> {
        self.foretold(&self.listed(None, &self.ctx())?)
    }

    /// All that `names` have; of a tree elsewhere nothing more is asked for that.
    pub(super) fn foretold(&self, names: &Arc<Names>) -> Result<Listing> {
        match &self.mirror {
            Some(mirror) => names.stat_by(|location| mirror.foretold(location), |_| true),
            None => names.stat(self.lake.stores(), |_| true),
        }
    }

    /// The names of the source; of a tree elsewhere, of these datasets at least.
    pub(super) fn listed(&self, datasets: Option<&BTreeSet<Dataset>>, ctx: &Ctx) -> Result<Arc<Names>> {
        if let Some(mirror) = &self.mirror {
            mirror.ensure_listed(datasets, self.config.transfers, ctx)?;
        }
        self.names_until(&ctx.cancel)
    }

    /// The names of the source, the declared files among them, which are laid out first where they are new.
    pub(super) fn names_until(&self, cancel: &Cancel) -> Result<Arc<Names>> {
        let beside = match self.source.is_file() && self.source.path().as_os_str().is_empty() {
            true => self.nothing.clone(),
            false => self.names.of(self.lake.stores(), &self.source, self.catalog)?,
        };
        self.declared.names(self.lake.stores(), beside, cancel)
    }

    /// The same without the Parquet that datasus has written, which comes beside it.
    pub fn listing_of_sources(&self) -> Result<(Listing, Vec<SourceFile>)> {
        let mut listing = self.listing()?;
        let files = std::mem::take(&mut listing.files);
        let (ours, sources) = files.into_par_iter().partition(|file| self.lake.is_ours(file));
        listing.files = sources;
        Ok((listing, ours))
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
        let mut elsewhere = Vec::new();
        let lake = self.lake.location();
        if !lake.is_file() {
            elsewhere.push(SparedElsewhere { root: lake, kind: SparedKind::Lake });
        }
        if !self.source.is_file() {
            let named = listing.map(|listing| listing.names.locations().cloned().collect::<Vec<_>>());
            let mut files = named.unwrap_or_default();
            files.sort();
            elsewhere.push(SparedElsewhere { root: self.source.clone(), kind: SparedKind::Source(files.into()) });
        }
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
            lake: self.lake.here().to_owned(),
            state: self.state.root().to_owned(),
            source: if self.source.is_file() { self.source.path().to_owned() } else { PathBuf::new() },
            files: files.unwrap_or_default().into(),
            is_ours: Some(is_written_by_us),
            elsewhere: elsewhere.into(),
        }
    }

    pub(super) fn order(&self, priority: Priority, seconds: f64, parks: bool) -> Order {
        let deadline = Some(Duration::from_secs_f64(seconds));
        Order { owner: self.owner, priority: priority.max(self.config.max_priority), deadline, parks }
    }

    pub(super) fn ctx(&self) -> Ctx {
        Ctx { trace_id: TraceId::new(), language: self.config.language, ..Default::default() }
    }

    pub(super) fn traced(&self, error: Error, ctx: &Ctx) -> Error {
        let error = error.traced(&ctx.trace_id, self.config.language);
        let stage = error.context().stage.unwrap_or("query");
        ctx.span.failed(&error);
        let _entered = ctx.span.enter();
        tracing::warn!(trace_id = %ctx.trace_id, code = %error.code(), stage, detail = error.detail(), "failed");
        error
    }

    /// How a query's files are converted. Where the catalogue has no columns, all files of the dataset in the source say the
    /// types.
    pub(super) fn convert_options(&self, query: &Query) -> ConvertOptions {
        let threads = self.governor.throttle().workers(self.threads());
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
            made: if durable { BatchMemory::default() } else { self.governor.throttle().streams().clone() },
            throttle: self.governor.throttle(),
            hold: None,
            answer: None,
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
        let of_declared = query.scopes.iter().flat_map(|scope| self.declared.said(&scope.grupo.dataset));
        of_selection
            .into_iter()
            .chain(of_files)
            .chain(of_declared)
            .map(|warning| warning.get(self.config.language).to_owned())
            .collect()
    }

    pub fn language(&self) -> Language {
        self.config.language
    }

    fn threads(&self) -> usize {
        self.config.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    }
}

/// The engine that the settings name, before the one in the process.
fn cluster(local: Arc<dyn Engine>, config: &Config) -> Result<Arc<dyn Engine>> {
    match &config.engine {
        None => Ok(local),
        Some(address) => Ok(Arc::new(Spark::over(local, address, config.ca.as_deref())?)),
    }
}

/// The tree that a source is, where it is one; its objects are then those of one more store.
fn mirror_of(source: &Path, config: &Config, stores: &mut Stores, patience: Patience) -> Result<Option<Arc<Mirror>>> {
    let Some(given) = source.to_str().filter(|given| Mirror::is_of(given, config)) else { return Ok(None) };
    // A store of the program's own comes first.
    if stores.knows(&Location::parse(source)) && config.mirrors.is_empty() {
        return Ok(None);
    }
    let home = home(config.home.as_deref());
    let home = std::path::absolute(&home).map_err(|error| Error::io(error, &home))?;
    let mirror = Mirror::open(given, config, &home, stores, patience, Catalog::builtin())?;
    let mirror = Arc::new(mirror);
    *stores = stores.clone().with(Arc::new(MirrorStore::of(mirror.clone())));
    Ok(Some(mirror))
}
