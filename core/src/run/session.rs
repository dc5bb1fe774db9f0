//! The front of this room: checks what is asked, and has a job run it.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::environment::{Environment, Parts};
use super::execution::Prepared;
use super::task::Task;
use super::{Job, Pending, Report, Rows, export, stream};
use crate::base::{Cancel, Ctx, Error, Priority, Result, text};
use crate::catalog::{FileId, Grupo};
use crate::config::Config;
use crate::gate;
use crate::lake::LakeFile;
use crate::params::{
    Extent, MissingFiles, Query, QueryParams, Question, Scope, SqlUse, check_sizes, validate, validate_question,
    validate_sql,
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
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize, schemars::JsonSchema)]
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
    /// Values that did not parse.
    pub bad_values: Vec<super::BadValue>,
    /// Codes that were written in another form.
    pub normalised: Vec<super::NormalisedCodes>,
    /// What people should know.
    pub warnings: Vec<String>,
}

impl Session {
    /// Opens a source.
    pub fn open(source: PathBuf, config: Config, parts: Parts) -> Result<Arc<Self>> {
        Environment::open(source, config, parts).map(|environment| Arc::new(Session(environment)))
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
        let query = prepared.query.clone();
        let task = Task::new(&query, false, move |run| export::run(run, prepared, root, destinations));
        self.spawn(task, &job, ctx)?;
        Ok(job)
    }

    /// Starts a job whose rows come back as a stream; returns when its schema is known.
    pub fn query(self: &Arc<Self>, params: &QueryParams) -> Result<Rows> {
        self.begin_query(params)?.wait()
    }

    /// The same, but returns when the query has been checked and queued.
    pub fn begin_query(self: &Arc<Self>, params: &QueryParams) -> Result<Pending> {
        let ctx = self.ctx();
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
        self.submit(params, destinations)?.wait()
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
        job.wait()
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
            explain(&query, &selection, &wanted, &others, to_convert, warnings, planned.as_ref())
        };
        run().map_err(|e| self.traced(e, &ctx))
    }

    /// `listed`: the files that the listing is to have. Where the catalogue knows no column of a dataset, all of its files say
    /// the types, whichever are selected.
    fn choose(&self, params: &QueryParams, listed: Extent, ctx: &Ctx) -> Result<(Query, Selection, Listing)> {
        self.scheduler.is_usable()?;
        check_sizes(params)?;
        let (names, stores) = (self.names_until(&ctx.cancel)?, &self.lake.stores().during(&ctx.cancel));
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
        let gate::Passed { tables, own, parameters, columns, star, ordered, compared, syntax, .. } =
            gate::pass_with(sql, &params.bind, self.catalog, &self.tables.names(), &patience)?;
        let own = own.iter().filter_map(|name| self.tables.table(name, self.lake.stores(), &ctx.cancel).transpose());
        Ok(SqlUse { tables, own: own.collect::<Result<_>>()?, parameters, columns, star, ordered, compared, syntax })
    }

    pub(super) fn prepare(&self, params: &QueryParams, ctx: &Ctx) -> Result<Prepared> {
        self.scheduler.is_usable()?;
        check_sizes(params)?;
        if let (Some(limit), Some(key)) = (&self.rate_limit, &params.options.rate_key) {
            limit.take(key)?;
        }
        let asks_catalog = |sql: &String| gate::question(sql, self.catalog).is_some();
        let from_user = params.sql.as_ref().is_some_and(|sql| !asks_catalog(sql));
        if from_user || !params.aggregates.is_empty() || !params.order_by.is_empty() {
            self.engine.warm(from_user);
        }
        let (query, selection, listing) = self.choose(params, Extent::Selected, ctx)?;
        Ok(Prepared { params: params.clone(), query, selection, listing, unreadable: Vec::new() })
    }

    pub(super) fn spawn(self: &Arc<Self>, task: Task, job: &Job, ctx: Ctx) -> Result<()> {
        let seconds = task.options.deadline.map_or(self.config.deadline, |own| own.min(self.config.deadline));
        let order = self.order(task.options.priority, seconds, task.parks);
        let (session, running) = (self.clone(), job.clone());
        let work = move |ctx: &Ctx| task.run(&session, &running, ctx).map_err(|e| session.traced(e, ctx));
        self.scheduler.submit(order, job.handle(), work).map_err(|e| self.traced(e, &ctx))
    }
}
