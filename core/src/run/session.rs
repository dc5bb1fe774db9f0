//! The front of this room: checks what is asked, and has a job run it.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

use serde::Serialize;

use super::environment::{Environment, Parts};
use super::execution::Prepared;
use super::task::Task;
use super::{Job, Pending, Profile, Report, Rows, Unreadable, export, profile, stream};
use crate::base::{Cancel, Ctx, Error, JobSpan, Result, Stage, text};
use crate::catalog::{Dataset, FileId, Grupo, LogicalType};
use crate::config::Config;
use crate::engine::no_user_sql;
use crate::gate;
use crate::labels::{edition_of, read_ahead};
use crate::lake::{ConvertOptions, LakeFile};
use crate::params::{
    Ask, Extent, MissingFiles, Query, QueryParams, Question, Scope, SqlUse, check_sizes, unknown_words, validate,
    validate_question, validate_sql,
};
use crate::plan::{Explain, Selection, Wanted, explain, missing_error, select, statement};
use crate::scheduler::Handle;
use crate::sink::{Destination, refuse_twice};
use crate::source::folder::{Listing, Names, SourceFile};
use crate::source::header_columns;

/// One source with its lake. It opens and owns what jobs share, and runs none.
pub struct Session(Environment);

impl Deref for Session {
    type Target = Environment;

    fn deref(&self) -> &Environment {
        &self.0
    }
}

/// What a conversion ahead of a query did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, serde::Deserialize, schemars::JsonSchema)]
#[non_exhaustive]
pub struct SyncReport {
    /// Files that are in the lake now.
    pub files: u64,
    /// Their rows.
    pub rows: u64,
    /// Bytes of the lake's Parquet for these files.
    pub bytes: u64,
    /// How long it took.
    pub duration_sec: f64,
    /// Each of the files.
    pub sources: Vec<super::Source>,
    /// Files left out because they could not be fetched or read (`partial`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unreadable>,
    /// Values that did not parse.
    pub bad_values: Vec<super::BadValue>,
    /// Codes that were written in another form.
    pub normalised: Vec<super::NormalisedCodes>,
    /// What people should know.
    pub warnings: Vec<String>,
}

impl SyncReport {
    /// The two as one.
    fn add(&mut self, other: SyncReport) {
        self.files += other.files;
        self.rows += other.rows;
        self.bytes += other.bytes;
        self.sources.extend(other.sources);
        self.unreadable.extend(other.unreadable);
        self.bad_values.extend(other.bad_values);
        self.normalised.extend(other.normalised);
        self.warnings.extend(other.warnings);
    }
}

impl Session {
    /// Opens a source.
    pub fn open(source: PathBuf, config: Config, parts: Parts) -> Result<Arc<Self>> {
        Environment::open(source, config, parts).map(|environment| Arc::new(Session(environment)))
    }

    /// Starts a job whose rows go to files. It ends once `cancel` is set, and so does this call.
    pub fn submit(
        self: &Arc<Self>,
        params: &QueryParams,
        destinations: Vec<Destination>,
        cancel: &Cancel,
    ) -> Result<Job> {
        let ctx = self.new_ctx(&cancel.child());
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
        let query = prepared.query.clone();
        let task = Task::new(&query, false, move |run| export::run(run, prepared, root, destinations));
        self.spawn(task, &job, ctx)?;
        Ok(job)
    }

    /// Starts a job whose rows come back as a stream; returns when its schema is known.
    pub fn query(self: &Arc<Self>, params: &QueryParams) -> Result<Rows> {
        self.begin_query(params, &Cancel::default())?.wait()
    }

    /// The same, but returns when the query has been checked and queued. It ends once `cancel` is set, and so does this call.
    pub fn begin_query(self: &Arc<Self>, params: &QueryParams, cancel: &Cancel) -> Result<Pending> {
        let ctx = self.new_ctx(&cancel.child());
        let prepared = self.prepare(params, &ctx).map_err(|e| self.traced(e, &ctx))?;
        let job = Job::new(ulid::Ulid::new().to_string(), ctx.clone());
        let (to_caller, pending) = Pending::new(job.clone());
        let query = prepared.query.clone();
        let task = Task::new(&query, true, move |run| stream::run(run, prepared, to_caller));
        self.spawn(task, &job, ctx)?;
        Ok(pending)
    }

    /// Runs a query into files and tables.
    pub fn export(self: &Arc<Self>, params: &QueryParams, destinations: Vec<Destination>) -> Result<Report> {
        self.submit(params, destinations, &Cancel::default())?.wait()
    }

    /// What is in the columns that `params` selects; waits for it.
    pub fn profile(self: &Arc<Self>, params: &QueryParams, ctx: Ctx) -> Result<Profile> {
        let prepared = profile::refuse(params).and_then(|()| self.prepare(params, &ctx));
        let prepared = prepared.map_err(|e| self.traced(e, &ctx))?;
        let (job, place) = (Job::new(ulid::Ulid::new().to_string(), ctx.clone()), profile::Place::default());
        let (query, left) = (prepared.query.clone(), place.clone());
        let task = Task::new(&query, false, move |run| profile::run(run, prepared, &left));
        self.spawn(task, &job, ctx)?;
        job.wait()?;
        let profile = place.lock().unwrap_or_else(PoisonError::into_inner).take();
        profile.ok_or_else(|| Error::internal("a profile ended without a result"))
    }

    /// Fetches and converts the files of each of `all` ahead of a query; only dataset, UF and competência count.
    /// An administrator's job among the others, so that it does not take their cores.
    pub fn sync(self: &Arc<Self>, all: &[QueryParams], ctx: Ctx) -> Result<SyncReport> {
        self.begin_sync(all, ctx)?.wait()
    }

    fn begin_sync(self: &Arc<Self>, all: &[QueryParams], ctx: Ctx) -> Result<Handle<SyncReport>> {
        let began = std::time::Instant::now();
        let (session, job, all) = (self.clone(), Handle::new(ctx.clone()), all.to_vec());
        let work = move |ctx: &Ctx| {
            let _entered = ctx.span.enter();
            let mut whole = SyncReport::default();
            let one = |params: &QueryParams| -> Result<SyncReport> {
                let (query, mut selection, listing) = session.choose(params, Extent::Selected, ctx)?;
                let unreadable = session.settle_rivals(&query, &mut selection, &listing, ctx)?;
                let mut report = ctx.stage(Stage::Files, |ctx| session.convert(&query, &selection, &listing, ctx))?;
                report.warnings.extend(unreadable.into_iter().map(|one| format!("{}: {}", one.file, one.detail)));
                Ok(report)
            };
            all.iter()
                .try_for_each(|params| one(params).map(|report| whole.add(report)))
                .map_err(|e| session.traced(e, ctx))?;
            whole.warnings.extend(ctx.notes().iter().map(|note| note.get(session.config.language).to_owned()));
            whole.warnings.iter().for_each(|warning| ctx.log_warning(warning));
            whole.duration_sec = began.elapsed().as_secs_f64();
            Ok(whole)
        };
        self.scheduler.submit(self.order_of_sync(), &job, work).map_err(|e| self.traced(e, &ctx))?;
        Ok(job)
    }

    /// What a job of this client carries, for who starts one and stops it.
    pub fn new_ctx(&self, cancel: &Cancel) -> Ctx {
        let ctx = self.ctx();
        Ctx { cancel: cancel.clone(), span: JobSpan::of_job(&ctx.trace_id), ..ctx }
    }

    fn convert(&self, query: &Query, selection: &Selection, listing: &Listing, ctx: &Ctx) -> Result<SyncReport> {
        let options = self.convert_options(query);
        let results = self.in_lake(&selection.files, &options, ctx);
        ctx.check()?;
        let mut files = Vec::with_capacity(results.len());
        let mut unreadable = Vec::new();
        for (file, result) in selection.files.iter().zip(results) {
            match result {
                Ok(file) => files.push(file),
                Err(error) if !query.options.partial => return Err(error),
                Err(error) => unreadable.push(Unreadable::of(&file.location, error, ctx)),
            }
        }
        let warnings = self.warnings(query, selection, listing, &files);
        Ok(SyncReport {
            files: files.len() as u64,
            rows: files.iter().map(|file| file.rows).sum(),
            bytes: files.iter().map(|file| file.bytes).sum(),
            duration_sec: 0.0,
            sources: files.iter().map(|file| self.source_of(file)).collect(),
            unreadable,
            bad_values: files.iter().flat_map(super::reporting::bad_values_of).collect(),
            normalised: super::NormalisedCodes::of(&files),
            warnings,
        })
    }

    /// What a query would read.
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
            let mut told = explain(&query, &selection, &wanted, &others, to_convert, warnings, planned.as_ref())?;
            told.indexes = self.column_use.planned(&query, self.config.language);
            Ok(told)
        };
        run().map_err(|e| self.traced(e, &ctx))
    }

    /// `listed`: the files that the listing is to have. Where the catalogue knows no column of a dataset, all of its files say
    /// the types, whichever are selected.
    pub(super) fn choose(
        &self,
        params: &QueryParams,
        listed: Extent,
        ctx: &Ctx,
    ) -> Result<(Query, Selection, Listing)> {
        self.scheduler.is_usable()?;
        check_sizes(params)?;
        let stores = &self.lake.stores().during(&ctx.cancel);
        let whole = |grupo: &Grupo, extent| extent == Extent::Dataset || grupo.columns.is_empty();
        // Names are read when they are needed: what is wrong with a query is said without them. And once, whoever needs them: of a
        // folder that has just changed, or lies on the network, each reading is a whole one. (A tree elsewhere has its listings here.)
        let read = OnceLock::<Arc<Names>>::new();
        let names_of = |datasets: BTreeSet<Dataset>| -> Result<Arc<Names>> {
            if let Some(names) = read.get() {
                return Ok(names.clone());
            }
            let names = self.listed(Some(&datasets), ctx)?;
            Ok(if self.mirror.is_none() { read.get_or_init(|| names).clone() } else { names })
        };
        let file_columns = |scope: &Scope, extent| {
            let whole = whole(scope.grupo, extent) && self.mirror.is_none();
            let wanted = |id: &FileId| if whole { id.dataset == scope.grupo.dataset } else { scope.selects(id) };
            let files = names_of(BTreeSet::from([scope.grupo.dataset.clone()]))?.stat(stores, wanted)?.files;
            self.columns_of_files(scope.grupo, files, ctx)
        };
        let edition = edition_of(&self.dictionaries_folder())?;
        let mut query = match &params.sql {
            None => validate(params, self.catalog, &file_columns)?,
            Some(sql) => match gate::question(sql, self.catalog, &self.tables.names()) {
                Some(asked) => {
                    validate_question(params, asked.and_then(|asked| self.with_files(asked, &names_of, ctx)))?
                }
                None => validate_sql(params, sql, self.judged(params, sql, ctx), edition)?,
            },
        };
        query.set_edition(edition);
        if let Ask::Structured(ask) = &query.ask {
            query.notes.extend(unknown_words(ask));
            read_ahead(&ask.derived);
            read_ahead(&ask.labels.columns);
        }
        let datasets = query.scopes.iter().map(|scope| scope.grupo.dataset.clone()).collect();
        let names = names_of(datasets)?;
        let wanted = |id: &FileId| {
            let of_scope = |scope: &Scope| match whole(scope.grupo, listed) && self.mirror.is_none() {
                true => scope.grupo.dataset == id.dataset,
                false => scope.selects(id),
            };
            query.scopes.iter().any(of_scope)
        };
        let listing = names.stat(stores, wanted)?;
        for scope in query.scopes.iter_mut().filter(|scope| scope.grupo.columns.is_empty()) {
            // Of a tree elsewhere the files that are asked for say the types, and not all that there are.
            let files = listing.files.iter().filter(|file| self.mirror.is_none() || scope.selects(&file.id));
            let files = self.at_hand(files.cloned().collect(), ctx)?;
            scope.header_columns = header_columns(&scope.grupo.dataset, &files, self.lake.stores());
        }
        let selection = select(&query, &listing, self.catalog, &|file| self.lake.is_ours(file))?;
        let complete = selection.missing.is_empty() && selection.without_files.is_empty();
        if !complete && query.options.missing == MissingFiles::Error {
            return Err(missing_error(&selection, &query, &self.foretold(&names)?, self.catalog));
        }
        Ok((query, selection, listing))
    }

    /// Where the catalogue knows no column of a dataset, those of its files.
    fn with_files(
        &self,
        asked: Question,
        names_of: &dyn Fn(BTreeSet<Dataset>) -> Result<Arc<Names>>,
        ctx: &Ctx,
    ) -> Result<Question> {
        match asked {
            Question::Columns { grupo, .. } if grupo.columns.is_empty() => {
                let names = names_of(BTreeSet::from([grupo.dataset.clone()]))?;
                let files = names.stat(self.lake.stores(), |id| id.dataset == grupo.dataset)?.files;
                Ok(Question::Columns { grupo, of_files: self.lake.columns_of(grupo, &self.here(files)) })
            }
            Question::Own { name, .. } => {
                let table = self.tables.table(&name, self.lake.stores(), &ctx.cancel)?;
                let fields = table.iter().flat_map(|table| table.schema.fields());
                let columns = fields.map(|field| (field.name().clone(), field.data_type().clone())).collect();
                Ok(Question::Own { name, columns })
            }
            asked => Ok(asked),
        }
    }

    /// The columns that files have beyond those of the catalogue. Of a tree elsewhere: of those that are here or in the lake; where the
    /// catalogue knows none, they are fetched for it.
    fn columns_of_files(&self, grupo: &Grupo, files: Vec<SourceFile>, ctx: &Ctx) -> Result<Vec<(String, LogicalType)>> {
        if self.mirror.is_none() {
            return Ok(self.lake.columns_of(grupo, &files));
        }
        if grupo.columns.is_empty() {
            return Ok(self.lake.columns_of(grupo, &self.at_hand(files, ctx)?));
        }
        let options = ConvertOptions { verify_crc: self.config.verify_crc, ..ConvertOptions::default() };
        let in_lake = files.iter().filter_map(|file| self.lake.current(file, self.catalog, &options));
        let names_of = |file: LakeFile| file.schema.fields().iter().map(|field| field.name().to_uppercase()).collect();
        let names: BTreeSet<String> = in_lake.flat_map(|file| -> Vec<String> { names_of(file) }).collect();
        let mut columns = self.lake.columns_of(grupo, &self.here(files));
        for name in names {
            if grupo.column(&name).is_none() && !columns.iter().any(|(known, _)| *known == name) {
                columns.push((name, LogicalType::Text));
            }
        }
        Ok(columns)
    }

    /// User SQL goes through the gate before anything else looks at it.
    fn judged(&self, params: &QueryParams, sql: &str, ctx: &Ctx) -> Result<SqlUse> {
        // One that is no number of seconds is refused with the other parameters.
        let own = params.options.deadline.filter(|seconds| *seconds > 0.0);
        let own = own.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let deadline = own.into_iter().chain([Duration::from_secs_f64(self.config.deadline)]).min();
        let patience = gate::Patience { deadline, cancel: ctx.cancel.clone(), trace_id: ctx.trace_id.clone() };
        let gate::Passed { tables, own, parameters, columns, star, ordered, compared, syntax, .. } =
            gate::pass_with(sql, &params.bind, self.catalog, &self.tables.names(), &patience)?;
        let own = own.iter().filter_map(|name| self.tables.table(name, self.lake.stores(), &ctx.cancel).transpose());
        Ok(SqlUse { tables, own: own.collect::<Result<_>>()?, parameters, columns, star, ordered, compared, syntax })
    }

    pub(super) fn prepare(&self, params: &QueryParams, ctx: &Ctx) -> Result<Prepared> {
        ctx.stage(Stage::Plan, |ctx| self.checked(params, ctx))
    }

    fn checked(&self, params: &QueryParams, ctx: &Ctx) -> Result<Prepared> {
        self.scheduler.is_usable()?;
        ctx.check()?;
        check_sizes(params)?;
        if let (Some(limit), Some(key)) = (&self.rate_limit, &params.options.rate_key) {
            limit.take(key)?;
        }
        let asks_catalog = |sql: &String| gate::question(sql, self.catalog, &self.tables.names()).is_some();
        let from_user = params.sql.as_ref().is_some_and(|sql| !asks_catalog(sql));
        if from_user && !self.engine.takes_user_sql() {
            return Err(no_user_sql());
        }
        if from_user || !params.aggregates.is_empty() || !params.order_by.is_empty() {
            self.engine.warm(from_user);
        }
        let (query, selection, listing) = self.choose(params, Extent::Selected, ctx)?;
        self.refuse_too_large(&query, &selection)?;
        self.column_use.note(&query);
        Ok(Prepared { params: params.clone(), query, selection, listing, unreadable: Vec::new() })
    }

    pub(super) fn spawn(self: &Arc<Self>, task: Task, job: &Job, ctx: Ctx) -> Result<()> {
        let seconds = task.options.deadline.map_or(self.config.deadline, |own| own.min(self.config.deadline));
        let order = self.order(task.options.priority, seconds, task.parks);
        ctx.span.tell("job_id", job.id());
        ctx.span.tell("priority", order.priority.as_str());
        let (session, running, waiting) = (self.clone(), job.clone(), ctx.within(Stage::Wait));
        let deadline = Some(Duration::from_secs_f64(seconds));
        let work = move |ctx: &Ctx| {
            drop(waiting);
            let _entered = ctx.span.enter();
            let ctx = &Ctx { deadline, ..ctx.clone() };
            task.run(&session, &running, ctx).map_err(|error| session.traced(error, ctx))
        };
        self.scheduler.submit(order, job.handle(), work).map_err(|e| self.traced(e, &ctx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Code, FileSystem};
    use crate::sink::Csv;

    #[test]
    fn a_job_that_keeps_a_state_is_refused_on_a_file_system_of_the_network_and_rows_are_read_all_the_same() {
        let place = tempfile::tempdir().unwrap();
        let [source, output, state] = ["fonte", "out", "jobs"].map(|name| place.path().join(name));
        crate::source::write_example_data(&source, 5).unwrap();
        let config = Config { output: Some(output.clone()), state: Some(state.clone()), ..Config::default() };
        let params = QueryParams::dataset("SIH-RD").uf(["AC"]).competencia("202401").columns(["CNES"]);
        let open = |kind| {
            let mut environment = Environment::open(source.clone(), config.clone(), Parts::default()).unwrap();
            environment.state = environment.state.clone().on(FileSystem::of_kind(kind));
            Arc::new(Session(environment))
        };
        // NFS, as `statfs` has it.
        let session = open(0x6969);
        let refused = session.export(&params, vec![Csv::to("a.csv").into()]).unwrap_err();
        assert_eq!((refused.code(), refused.retryable()), (Code::Forbidden, false), "{refused}");
        assert_eq!(refused.diagnostic()["file_system"], "0x6969");
        assert!(refused.detail().contains("DATASUS_STATE") && !output.join("a.csv").exists());
        assert_eq!((session.jobs().unwrap(), std::fs::read_dir(&state).unwrap().count()), (Vec::new(), 0));
        let rows = session.query(&params).unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>();
        assert_eq!(rows, 5, "what keeps no state needs no place for it");
        // ext4.
        assert_eq!(open(0xef53).export(&params, vec![Csv::to("a.csv").into()]).unwrap().records_processed, 5);
    }
}
