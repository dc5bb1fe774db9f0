//! What a client estimates with: samples that it has read, what jobs took, and what it foretold of jobs that have yet to run.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::answer::{Basis, Expected, ExpectedSeconds, Runs};
use super::history::{Entry, History, Traits};
use super::model::{Calibration, Corrected, Learner, Model};
use super::sample::{Sample, SampledColumn, Samples};
use super::spread::Spread;
use super::sql::{self, Found};
use super::structured::{self, Known};
use crate::base::{Error, Result};
use crate::columnar::parquet_footer;
use crate::labels::derived_column;
use crate::lake::LakeFile;
use crate::params::{Ask, ORIGIN, Predicate, Projection, Query, QueryParams, Scope};
use crate::plan::conditions;
use crate::source::declared::OwnTable;
use crate::store::{At, Location};

/// Deviations of a first guess.
const SECONDS_OFF: f64 = 0.8;
const BYTES_OFF: f64 = 0.35;
/// Estimates that wait for their jobs.
const FORETOLD: usize = 256;

/// A table of a query: its files, as far as they are there.
pub struct Files<'f> {
    /// The table.
    pub scope: &'f Scope,
    /// Those that are read and in the lake.
    pub read: Vec<&'f LakeFile>,
    /// Rows of those that are not.
    pub absent: Spread,
    /// Others of the dataset, which are taken to be alike where none of those read is there.
    pub beside: Vec<&'f LakeFile>,
    /// By the footers of those read: rows in row groups all of whose rows meet the conditions, and in those where some may.
    pub told: Option<[u64; 2]>,
}

impl Files<'_> {
    /// Of all that are read.
    pub fn rows(&self) -> Spread {
        let here = self.read.iter().map(|file| file.rows).sum::<u64>();
        Spread::exact(here as f64).plus(self.absent)
    }

    fn seen(&self) -> &[&LakeFile] {
        if self.read.is_empty() { &self.beside } else { &self.read }
    }
}

/// Rows that a query will give.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Of the answer.
    pub rows: Spread,
    /// Rows and groups that sorts, groups, windows and joins hold together.
    pub held: Spread,
    /// Of the sources.
    pub read: Spread,
    /// What says so.
    pub from: BTreeSet<Basis>,
}

/// Duration and memory that a job will take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Told {
    /// From submission to the last row.
    pub seconds: ExpectedSeconds,
    /// Peak of the process.
    pub bytes: Expected,
    /// How the first is told.
    pub seconds_by: Model,
    /// How the second is told.
    pub bytes_by: Model,
    /// Jobs that it is learned from.
    pub jobs: u64,
}

/// Shared by the jobs of a client.
pub struct Estimator {
    samples: Samples,
    learned: Mutex<Learned>,
    foretold: Mutex<VecDeque<(String, Rows)>>,
}

/// What is learned of jobs of one kind: by which engine, and whether their rows went to files and tables.
type Kind = (Runs, bool);

struct Learned {
    history: History,
    seconds: HashMap<Kind, Learner>,
    bytes: HashMap<Kind, Learner>,
    rows: Calibration,
}

impl Estimator {
    /// With the history of the jobs over this lake, whose folder of this machine it is.
    pub fn of_lake(lake: &Path) -> Self {
        let learned = Learned {
            history: History::below(lake),
            seconds: HashMap::new(),
            bytes: HashMap::new(),
            rows: Calibration::default(),
        };
        Estimator { samples: Samples::default(), learned: Mutex::new(learned), foretold: Mutex::default() }
    }

    fn learned(&self) -> MutexGuard<'_, Learned> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<(String, Rows)>> {
        self.foretold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Memory is scarce: what is kept for speed alone goes.
    pub fn shed(&self) {
        self.samples.forget();
    }

    /// The rows of `query` over these tables.
    pub fn rows(&self, query: &Query, tables: &[Files]) -> Result<Rows> {
        let read = tables.iter().map(Files::rows).fold(Spread::exact(0.0), Spread::plus);
        let mut from = BTreeSet::new();
        let found = match &query.ask {
            Ask::Catalog(_) => Found { rows: Spread::about(30.0, 1.0), held: Spread::exact(0.0) },
            Ask::Structured(ask) => {
                let Some(table) = tables.first() else { return Err(Error::internal("a query without a table")) };
                let conditions = conditions(query, table.scope);
                let told = table.told.filter(|_| table.absent == Spread::exact(0.0));
                let decided = matches!(told, Some([_, 0])) || conditions.is_empty();
                let keys: &[String] = match &ask.projection {
                    Projection::Grouped { keys, .. } => keys,
                    _ => &[],
                };
                let wanted = !decided || !keys.is_empty();
                let sample = if wanted { self.sample(query, table, &conditions)? } else { None };
                from.insert(if table.seen().is_empty() { Basis::Catalogue } else { Basis::Footers });
                from.extend(sample.is_some().then_some(Basis::Sample));
                structured::estimate(ask, &conditions, &Known { rows: table.rows(), told, sample: sample.as_ref() })
            }
            Ask::Sql(sql) => {
                let mut named = BTreeMap::new();
                for table in tables {
                    let conditions = conditions(query, table.scope);
                    let sample = self.sample(query, table, &conditions)?;
                    from.insert(if table.seen().is_empty() { Basis::Catalogue } else { Basis::Footers });
                    from.extend(sample.is_some().then_some(Basis::Sample));
                    named.insert(
                        table.scope.grupo.dataset.table(),
                        sql::Table { rows: table.rows(), columns: columns_of(table), conditions, sample },
                    );
                }
                for own in &query.own_tables {
                    let columns = own.columns.iter().map(|name| name.to_uppercase()).collect();
                    let rows = Spread::exact(rows_of_own(own)? as f64);
                    named.insert(own.name.clone(), sql::Table { rows, columns, conditions: Vec::new(), sample: None });
                }
                sql::estimate(&sql.syntax.statement, named, &sql.binds)
            }
        };
        Ok(Rows { rows: found.rows, held: found.held, read, from })
    }

    /// Rows of a table's files with the columns that conditions and keys name; none where no file is there.
    fn sample(&self, query: &Query, table: &Files, conditions: &[Predicate]) -> Result<Option<Sample>> {
        if table.seen().is_empty() {
            return Ok(None);
        }
        let mut names: BTreeSet<&str> = BTreeSet::new();
        let named: BTreeSet<String>;
        conditions.iter().for_each(|condition| condition.columns(&mut names));
        let compared = names.clone();
        match &query.ask {
            Ask::Structured(ask) => {
                if let Projection::Grouped { keys, .. } = &ask.projection {
                    names.extend(keys.iter().map(String::as_str));
                }
            }
            Ask::Sql(sql) => {
                let held = columns_of(table);
                let is_held =
                    |name: &&String| held.contains(*name) || derived_column(table.scope.grupo, name).is_some();
                named = sql.columns.iter().filter(is_held).cloned().collect();
                names.extend(named.iter().map(String::as_str));
            }
            Ask::Catalog(_) => return Ok(None),
        }
        let is_compared =
            |name: &str| matches!(query.ask, Ask::Sql(_)) || compared.iter().any(|one| one.eq_ignore_ascii_case(name));
        let sampled = |name: &&str| {
            let column = derived_column(table.scope.grupo, name)?;
            Some(SampledColumn { is_compared: is_compared(name), column })
        };
        let derived: Vec<SampledColumn> = names.iter().filter_map(sampled).collect();
        let is_derived = |name: &str| derived.iter().any(|one| one.column.name.eq_ignore_ascii_case(name));
        let columns = names.into_iter().filter(|name| !is_derived(name)).map(str::to_owned).collect();
        self.samples.of(table.seen(), &columns, &derived).map(Some)
    }

    /// The interval of a number of rows, as wide as what was told before has been wrong.
    pub fn interval(&self, rows: Spread) -> Expected {
        if rows.is_exact() {
            return Expected::exact(rows.likely.round() as u64);
        }
        let (below, above) = self.learned().refreshed().rows.interval(rows.sigma);
        let at = |off: f64| ((rows.likely + 1.0) * off.exp() - 1.0).max(0.0);
        Expected::between(at(below).min(rows.likely), rows.likely, at(above).max(rows.likely))
    }

    /// What a job like this will take.
    pub fn told(&self, traits: &Traits) -> Told {
        let mut learned = self.learned();
        let learned = learned.refreshed();
        let (seconds, bytes) = learned.told(traits);
        let (first_seconds, first_bytes) = (traits.first_seconds(), traits.first_bytes());
        let of = |first: f64, by: Corrected| (first * by.low, first * by.likely, first * by.high);
        let (low, likely, high) = of(first_seconds, seconds);
        // The process does not shrink for a job.
        let (few, some, many) = of(first_bytes, bytes);
        let jobs = learned.seconds.get(&kind(traits)).map_or(0, |learner| learner.seen() as u64);
        Told {
            seconds: ExpectedSeconds::between(low, likely, high),
            bytes: Expected::between(few, some, many),
            seconds_by: seconds.by,
            bytes_by: bytes.by,
            jobs,
        }
    }

    /// Keeps an estimate until its job has run.
    pub fn foretell(&self, params: &QueryParams, rows: &Rows) {
        let Ok(key) = serde_json::to_string(params) else { return };
        let mut waiting = self.waiting();
        waiting.retain(|(known, _)| *known != key);
        waiting.push_back((key, rows.clone()));
        if waiting.len() > FORETOLD {
            waiting.pop_front();
        }
    }

    /// What was estimated of a query over so many rows.
    pub fn foretold(&self, params: &QueryParams, rows_read: u64) -> Option<Rows> {
        let key = serde_json::to_string(params).ok()?;
        let waiting = self.waiting();
        let (_, rows) = waiting.iter().find(|(known, _)| *known == key)?;
        (!rows.read.is_exact() || rows.read.likely == rows_read as f64).then(|| rows.clone())
    }

    /// Learns from a job that has ended. Gives, by figure, the truth beside what would have been told.
    pub fn learn(&self, traits: Traits, told: Option<&Rows>, took: Duration, peak: u64) -> Vec<(&'static str, f64)> {
        let rows = told.map(|told| told.rows);
        let open = rows.filter(|rows| !rows.is_exact()).map(|rows| (rows.likely, rows.sigma));
        let entry = Entry::new(traits, open, took.as_secs_f64(), peak as f64);
        let mut learned = self.learned();
        let (seconds, bytes) = learned.told(&traits);
        let mut beside = vec![
            ("duration", entry.seconds / (traits.first_seconds() * seconds.likely)),
            ("memory", entry.peak / (traits.first_bytes() * bytes.likely)),
        ];
        beside.extend(rows.map(|rows| ("rows", (traits.rows + 1.0) / (rows.likely + 1.0))));
        learned.learn(&entry);
        learned.history.add(entry);
        beside
    }
}

fn kind(traits: &Traits) -> Kind {
    (traits.engine, traits.durable)
}

impl Learned {
    /// With what other processes have learned since.
    fn refreshed(&mut self) -> &mut Self {
        if self.history.refresh() {
            (self.seconds, self.bytes, self.rows) = Default::default();
            let entries: Vec<Entry> = self.history.entries().cloned().collect();
            entries.iter().for_each(|entry| self.learn(entry));
        }
        self
    }

    fn told(&self, traits: &Traits) -> (Corrected, Corrected) {
        let (sizes, like) = (traits.sizes(), traits.like());
        let nothing = Learner::default();
        let of = |learners: &HashMap<Kind, Learner>, off: f64| {
            learners.get(&kind(traits)).unwrap_or(&nothing).correct(&sizes, like, off)
        };
        (of(&self.seconds, SECONDS_OFF), of(&self.bytes, BYTES_OFF))
    }

    fn learn(&mut self, entry: &Entry) {
        let (traits, sizes, like) = (&entry.traits, entry.traits.sizes(), entry.traits.like());
        let kind = kind(traits);
        let beside = |truth: f64, first: f64| (truth.max(1e-6) / first.max(1e-6)).ln();
        let seconds = beside(entry.seconds, traits.first_seconds());
        self.seconds.entry(kind).or_default().learn(&sizes, like, seconds);
        self.bytes.entry(kind).or_default().learn(&sizes, like, beside(entry.peak, traits.first_bytes()));
        if let Some((likely, sigma)) = entry.told.filter(|(_, sigma)| *sigma > 0.0) {
            self.rows.learn(((traits.rows + 1.0) / (likely + 1.0)).ln(), sigma);
        }
    }
}

/// Names of a table's columns, in upper case.
fn columns_of(table: &Files) -> BTreeSet<String> {
    let of_files =
        table.seen().iter().flat_map(|file| file.schema.fields().iter().map(|field| field.name().to_uppercase()));
    let of_catalogue = table.scope.grupo.columns.iter().map(|column| column.name.to_uppercase());
    let of_headers = table.scope.header_columns.iter().map(|(name, _)| name.to_uppercase());
    let origin = ORIGIN.iter().map(|name| name.to_uppercase());
    of_files.chain(of_catalogue).chain(of_headers).chain(origin).collect()
}

/// By the footer of its Parquet.
fn rows_of_own(own: &OwnTable) -> Result<u64> {
    let stores = crate::store::Stores::default();
    let at = At::of(stores.open(&Location::file(&own.path))?);
    let footer =
        parquet_footer(&at).map_err(|error| Error::within(&error).unwrap_or_else(|| Error::internal(error)))?;
    Ok(u64::try_from(footer.file_metadata().num_rows()).unwrap_or(0))
}
