//! What a query will take, told without running it; and what is learned of it once it has run.

use std::collections::BTreeSet;

use super::complexity;
use super::environment::Environment;
use super::execution::{Execution, Outcome};
use super::memory::columns_of;
use super::session::Session;
use crate::base::{Ctx, Result, held_by_process};
use crate::engine::{CacheUse, no_user_sql};
use crate::estimate::{Basis, Bounded, Estimate, Expected, Files, Rows, Runs, Spread, Traits};
use crate::lake::LakeFile;
use crate::params::{Ask, Extent, Query, QueryParams, Scope};
use crate::plan::{Planned, Selection, Statement, Wanted, conditions, planned, reads, statement};
use crate::source::dbc::{ReadOptions, RecordFile};
use crate::source::folder::{FileKind, SourceFile};

/// Footers and headers that an estimate reads at most; the others are taken to be alike.
const MOST_READ: usize = 64;
/// Files of a dataset that say what others of it are like.
const MOST_BESIDE: usize = 8;
/// Of a megabyte of DBC or DBF, and of fetching one: seconds, about, and how far off that may be.
const CONVERTS: f64 = 0.06;
const FETCHES: f64 = 0.8;
const OF_FILES_OFF: f64 = 0.9;

/// The files of a query, as far as they are there.
struct Standing {
    here: Vec<LakeFile>,
    beside: Vec<LakeFile>,
    absent: Vec<SourceFile>,
    /// Bytes of what is to be converted first.
    to_convert: u64,
    files_to_convert: u64,
    to_download: Expected,
    files_to_download: u64,
}

impl Session {
    /// What a query will take. Listings, footers, headers and samples are read; nothing is fetched, converted or run.
    pub fn estimate(&self, params: &QueryParams) -> Result<Estimate> {
        let ctx = Ctx { fetches_nothing: true, ..self.ctx() };
        self.estimated(params, &ctx).map_err(|error| self.traced(error, &ctx))
    }

    fn estimated(&self, params: &QueryParams, ctx: &Ctx) -> Result<Estimate> {
        let (query, mut selection, listing) = self.choose(params, Extent::Selected, ctx)?;
        if matches!(query.ask, Ask::Sql(_)) && !self.engine.takes_user_sql() {
            return Err(no_user_sql());
        }
        // Of versions that must have the same rows all are fetched and converted.
        let rivals = selection.rivals.iter().flat_map(|one| one.versions.iter().skip(1)).flatten().cloned();
        let rivals: Vec<SourceFile> = rivals.collect();
        let foretold = self.foretell_rivals(&query, &mut selection, &listing)?;
        let standing = self.standing(&query, &selection, &rivals, ctx)?;
        let planned = match standing.here.is_empty() && !query.scopes.is_empty() {
            true => None,
            false => Some(statement(&query, &standing.here, Wanted::default(), self.engine.dialect())?),
        };
        let columns = planned.as_ref().map_or_else(|| columns_of(&query), |statement| statement.columns.clone());
        let (tables, bytes_to_read, mut from) = self.tables(&query, &standing, &columns)?;
        let mut rows = self.estimates.rows(&query, &tables)?;
        if let Some(answer) = planned.as_ref().and_then(|statement| statement.answer.as_ref()) {
            rows.rows = Spread::exact(answer.num_rows() as f64);
        }
        let left_out = planned.as_ref().map_or(0, Statement::rows_left_out);
        if left_out > 0 && !matches!(&query.ask, Ask::Structured(ask) if ask.keys().is_some_and(|keys| keys.is_empty()))
        {
            // Which of them the conditions would have let in is not looked at.
            let off = left_out as f64 / rows.read.likely.max(1.0);
            rows.rows = Spread::about(rows.rows.likely * (1.0 - off).max(0.0), rows.rows.sigma.hypot(off.max(0.002)));
        }
        from.extend(rows.from.iter().copied());
        self.estimates.foretell(params, &rows);
        let engine = self.runs(&query, planned.as_ref());
        let needs = self.work(&query, planned.as_ref(), rows.read.high() as u64, &self.settings(false), Some(&rows));
        let limit = self.settings(false).memory_limit;
        let work_bytes = needs.ask().want.min(limit);
        let traits = Traits {
            engine,
            durable: false,
            rows_read: rows.read.likely,
            columns: columns.len() as f64,
            bytes_read: planned.as_ref().map_or(bytes_to_read.likely as f64, |one| bytes_of(&standing.here, one)),
            rows: rows.rows.likely,
            held: rows.held.likely,
            threads: self.settings(false).threads as f64,
            resident: held_by_process() as f64,
            work_bytes: work_bytes as f64,
        };
        let told = self.estimates.told(&traits);
        from.extend((told.jobs > 0).then_some(Basis::History));
        let to_convert = standing.to_convert;
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        let of_files = megabytes(to_convert) * CONVERTS / traits.threads.max(1.0)
            + megabytes(standing.to_download.likely) * FETCHES;
        let duration = told.seconds.with(of_files, OF_FILES_OFF);
        let mut exceeds = Vec::new();
        if needs.ask().want > limit {
            exceeds.push(Bounded::MemoryLimit);
        }
        let spilled = needs.ask().want.saturating_sub(limit);
        if spilled > self.config.spill_limit {
            exceeds.push(Bounded::SpillLimit);
        }
        if standing.to_download.likely > self.config.max_download {
            exceeds.push(Bounded::MaxDownload);
        }
        let mut warnings = self.warnings(&query, &selection, &listing, &standing.here);
        warnings.extend(foretold.iter().chain(&ctx.notes()).map(|one| one.get(self.language()).to_owned()));
        Ok(Estimate {
            rows: self.estimates.interval(rows.rows),
            rows_read: Expected::within(rows.read),
            bytes_to_download: standing.to_download,
            bytes_to_convert: Expected::exact(to_convert),
            bytes_to_read,
            duration_sec: duration,
            memory_bytes: told.bytes,
            work_bytes,
            files: selection.files.len() as u64,
            files_to_download: standing.files_to_download,
            files_to_convert: standing.files_to_convert,
            engine,
            complexity: complexity::of(&query.ask).into(),
            exceeds,
            basis: from.into_iter().collect(),
            history: told.jobs,
            duration_by: told.seconds_by,
            memory_by: told.bytes_by,
            warnings,
        })
    }

    /// Which of the files are in the lake, and what is to come.
    fn standing(&self, query: &Query, selection: &Selection, rivals: &[SourceFile], ctx: &Ctx) -> Result<Standing> {
        let options = self.convert_options(query);
        let current = |file: &SourceFile| self.lake.current(file, self.catalog, &options);
        let (mut here, mut absent) = (Vec::new(), Vec::new());
        for file in &selection.files {
            ctx.check()?;
            match current(file) {
                Some(found) => here.push(found),
                None => absent.push(file.clone()),
            }
        }
        let mut beside = Vec::new();
        let bare = query.scopes.iter().map(|scope| &scope.grupo.dataset);
        let bare: BTreeSet<_> =
            bare.filter(|dataset| here.iter().all(|file| file.id.dataset != **dataset)).cloned().collect();
        if !bare.is_empty() && !absent.is_empty() {
            let names = self.listed(Some(&bare), ctx)?;
            let others = self.foretold(&names)?.files;
            // The last ones are most alike; who has none of them in the lake has hardly an older one.
            let others = others.iter().rev().filter(|file| bare.contains(&file.id.dataset)).take(MOST_READ);
            beside.extend(others.filter_map(current).take(MOST_BESIDE));
        }
        let mirror = self.mirror.as_ref();
        let to_convert: Vec<&SourceFile> =
            absent.iter().chain(rivals.iter().filter(|file| current(file).is_none())).collect();
        let to_come = to_convert.iter().filter(|file| mirror.is_some_and(|mirror| !mirror.is_here(&file.object())));
        let sizes: Vec<u64> = to_come.map(|file| file.size).collect();
        let to_download = Expected::exact(sizes.iter().sum());
        let bytes = to_convert.iter().map(|file| file.size).sum();
        let (files_to_convert, files_to_download) = (to_convert.len() as u64, sizes.len() as u64);
        Ok(Standing { here, beside, absent, to_convert: bytes, files_to_convert, to_download, files_to_download })
    }

    /// The tables with what is known of their rows, the bytes of the columns that are read, and what says so.
    fn tables<'s>(
        &self,
        query: &'s Query,
        standing: &'s Standing,
        columns: &[String],
    ) -> Result<(Vec<Files<'s>>, Expected, BTreeSet<Basis>)> {
        let (mut tables, mut bytes, mut from) = (Vec::new(), Spread::exact(0.0), BTreeSet::new());
        for scope in &query.scopes {
            let of_scope = |file: &&LakeFile| file.id.dataset == scope.grupo.dataset;
            let read: Vec<&LakeFile> =
                standing.here.iter().filter(of_scope).filter(|file| reads(query, file)).collect();
            let beside: Vec<&LakeFile> = standing.beside.iter().filter(of_scope).collect();
            let conditions = conditions(query, scope);
            let looked = spaced(&read, MOST_READ);
            let mut of_looked = Planned::default();
            for file in &looked {
                let one = planned(file, query, &conditions, columns)?;
                of_looked.bytes = of_looked.bytes.and(one.bytes);
                of_looked.rows_that_do += one.rows_that_do;
                of_looked.rows_that_may += one.rows_that_may;
            }
            let all: u64 = read.iter().flat_map(|file| &file.row_groups).map(|group| group.bytes).sum();
            let share = of_looked.bytes.read as f64 / (of_looked.bytes.present as f64).max(1.0);
            bytes = bytes.plus(match looked.len() == read.len() {
                true => Spread::exact(of_looked.bytes.read as f64),
                false => Spread::about(all as f64 * share, 0.1),
            });
            let told = (looked.len() == read.len()).then_some([of_looked.rows_that_do, of_looked.rows_that_may]);
            let absent = standing.absent.iter().filter(|file| file.id.dataset == scope.grupo.dataset);
            let absent: Vec<&SourceFile> = absent.collect();
            let rows_absent =
                self.rows_of_absent(scope, &absent, if read.is_empty() { &beside } else { &read }, &mut from);
            if !absent.is_empty() {
                let like = if read.is_empty() { &beside } else { &read };
                let (rows, size): (u64, u64) =
                    like.iter().fold((0, 0), |(rows, size), file| (rows + file.rows, size + file.bytes));
                let width = scope.grupo.columns.len().max(1) as f64;
                let each = if rows > 0 { size as f64 / rows as f64 } else { width };
                let part = if columns.is_empty() { 1.0 } else { (columns.len() as f64 / width).min(1.0) };
                bytes = bytes.plus(rows_absent.times(Spread::about(each * part, 0.7)));
            }
            tables.push(Files { scope, read, absent: rows_absent, beside, told });
        }
        Ok((tables, Expected::within(bytes), from))
    }

    /// Rows of files that are not converted: by their headers where they are here, else by their size and what others have.
    fn rows_of_absent(
        &self,
        scope: &Scope,
        absent: &[&SourceFile],
        like: &[&LakeFile],
        from: &mut BTreeSet<Basis>,
    ) -> Spread {
        if absent.is_empty() {
            return Spread::exact(0.0);
        }
        let is_here = |file: &SourceFile| self.mirror.as_ref().is_none_or(|mirror| mirror.is_here(&file.object()));
        let (mut rows, mut sizes, mut rest) = (0u64, 0u64, 0u64);
        let (mut headers, mut asked) = (0, 0);
        for file in absent {
            let said = match asked < MOST_READ && file.kind != FileKind::Parquet && is_here(file) {
                true => {
                    asked += 1;
                    RecordFile::open_in(self.lake.stores(), &file.location, &ReadOptions::default()).ok()
                }
                false => None,
            };
            match said {
                Some(open) => {
                    rows += u64::from(open.header().records);
                    sizes += file.size;
                    headers += 1;
                }
                None => rest += file.size,
            }
        }
        if headers > 0 {
            from.insert(Basis::Headers);
        }
        // Records that are marked deleted are counted in a header.
        let told = if headers > 0 { Spread::about(rows as f64, 0.002) } else { Spread::exact(0.0) };
        if rest == 0 {
            return told;
        }
        from.insert(Basis::Listing);
        let (known, of): (u64, u64) =
            like.iter().fold((rows, sizes), |(rows, size), file| (rows + file.rows, size + file.source.size));
        let each = match known > 0 && of > 0 {
            true => Spread::about(known as f64 / of as f64, 0.25),
            // A record of the catalogue's columns, of which a DBC has an eighth.
            false => Spread::about(8.0 / (6.0 * scope.grupo.columns.len().max(10) as f64), 0.8),
        };
        told.plus(each.times(Spread::exact(rest as f64)))
    }

    fn runs(&self, query: &Query, planned: Option<&Statement>) -> Runs {
        match (&query.ask, planned) {
            (Ask::Catalog(_), _) => Runs::Catalogue,
            _ if self.is_cluster() => Runs::Cluster,
            (_, Some(statement)) if statement.scan.is_some() && self.scans => Runs::Scan,
            (Ask::Structured(ask), None) if query.is_plain_scan() && ask.order_by.is_empty() && self.scans => {
                Runs::Scan
            }
            _ => Runs::Duckdb,
        }
    }
}

impl Environment {
    /// Rows of a job's answer and what it holds, where its share of the memory depends on it; as it was estimated before, or now. An
    /// estimate that fails is none: the job goes by the bounds.
    pub(super) fn foreseen(&self, execution: &Execution) -> Option<Rows> {
        let (prepared, files) = (&execution.prepared, &execution.files);
        let known = self.estimates.foretold(&prepared.params, execution.rows_read());
        known.or_else(|| {
            let query = &prepared.query;
            let table = |scope| Files {
                scope,
                read: of_scope(query, scope, files),
                absent: Spread::exact(0.0),
                beside: Vec::new(),
                told: None,
            };
            let tables: Vec<Files> = query.scopes.iter().map(table).collect();
            let rows = self.estimates.rows(query, &tables);
            let rows = rows.inspect_err(|error| tracing::debug!(error = error.detail(), "a job was not estimated"));
            let rows = rows.ok()?;
            self.estimates.foretell(&prepared.params, &rows);
            Some(rows)
        })
    }

    fn ran(&self, statement: &Statement) -> Runs {
        match statement.scan {
            _ if self.is_cluster() => Runs::Cluster,
            Some(_) if self.scans => Runs::Scan,
            _ => Runs::Duckdb,
        }
    }

    /// Notes what a job took beside what was told of it.
    pub(super) fn learn_from(&self, execution: &Execution, outcome: &Outcome) {
        let (prepared, statement, run) = (&execution.prepared, &execution.statement, &execution.run);
        let kept = execution.kept.as_ref().map(|kept| kept.used());
        let is_whole = outcome.attempts == 1 && outcome.sampled.is_none() && outcome.held.is_empty();
        let was_run = !matches!(kept, Some(CacheUse::HitL1 | CacheUse::HitL2)) && statement.answer.is_none();
        // What was fetched or converted on the way is no measure of the query.
        let converted = run.ctx.progress.has_made_files();
        if !is_whole || !was_run || converted {
            return;
        }
        let rows_read = execution.rows_read();
        let told = self.estimates.foretold(&prepared.params, rows_read);
        let settings = self.settings(false);
        // Of SQL only an estimate tells what it holds.
        let bound = || held_by(&prepared.query, rows_read, outcome.rows) as f64;
        let held = told.as_ref().map_or_else(bound, |told| told.held.likely);
        let found = Rows {
            rows: Spread::exact(outcome.rows as f64),
            held: Spread::exact(held),
            read: Spread::exact(rows_read as f64),
            from: BTreeSet::new(),
        };
        let needs = self.work(&prepared.query, Some(statement), rows_read, &settings, Some(&found));
        let traits = Traits {
            engine: self.ran(statement),
            durable: !outcome.stored.iter().all(|one| one.sink == "arrow"),
            rows_read: rows_read as f64,
            columns: statement.columns.len() as f64,
            bytes_read: bytes_of(&execution.files, statement),
            rows: outcome.rows as f64,
            held,
            threads: settings.threads as f64,
            resident: run.memory.at_start() as f64,
            work_bytes: needs.ask().want.min(settings.memory_limit) as f64,
        };
        let beside = self.estimates.learn(traits, told.as_ref(), run.began.elapsed(), run.memory.peak());
        beside.into_iter().for_each(|(figure, ratio)| self.metrics.estimated(figure, ratio));
    }
}

/// Groups and ordered rows of an answer of so many.
fn held_by(query: &Query, rows_read: u64, rows: u64) -> u64 {
    match &query.ask {
        Ask::Structured(ask) if !query.is_plain_scan() => rows * (1 + u64::from(!ask.order_by.is_empty())),
        Ask::Structured(ask) if !ask.order_by.is_empty() => rows,
        Ask::Structured(_) | Ask::Catalog(_) => 0,
        Ask::Sql(_) => rows_read.min(rows.saturating_mul(2)),
    }
}

/// Compressed bytes of the columns that are read, about.
fn bytes_of(files: &[LakeFile], statement: &Statement) -> f64 {
    let of_file = |file: &LakeFile| {
        let bytes: u64 = file.row_groups.iter().map(|group| group.bytes).sum();
        let fields = file.schema.fields().len().max(1) as f64;
        bytes as f64 * (statement.columns.len() as f64 / fields).min(1.0)
    };
    files.iter().map(of_file).sum()
}

/// At most so many of them, at even distances.
fn spaced<'f>(files: &[&'f LakeFile], most: usize) -> Vec<&'f LakeFile> {
    let wanted = files.len().min(most);
    (0..wanted).map(|nth| files[(nth * files.len() + files.len() / 2) / wanted]).collect()
}

/// Of `files`, those of a table that the query reads.
fn of_scope<'f>(query: &Query, scope: &Scope, files: &'f [LakeFile]) -> Vec<&'f LakeFile> {
    files.iter().filter(|file| file.id.dataset == scope.grupo.dataset && reads(query, file)).collect()
}
