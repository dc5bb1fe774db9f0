//! By which columns this client's queries look for rows: what the tables that it loads are indexed by.
//!
//! Names of columns and counts, nothing else, kept beside the state of jobs. Processes that share a state add to one file. What a
//! process that was killed had not written yet is lost, and nobody misses it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::base::{Cancel, CancelReason, Error, Result, Trusted, WholeFile, lock_file, text};
use crate::gate::{Sought, sought};
use crate::params::{Ask, Projection, Query};
use crate::plan::PlannedIndex;
use crate::sink::IndexedColumn;

/// Queries between two looks at the file.
const PENDING: u64 = 32;
/// Uses of a column that make it worth an index.
const LEAST: u64 = 3;
/// Columns that are kept; those that are used least go.
const MOST: usize = 4_096;
/// Of the file.
const MOST_BYTES: u64 = 4 << 20;

/// What a client's queries look for.
pub(super) struct ColumnUse {
    file: PathBuf,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Of the file, when it was last looked at.
    known: Counts,
    /// Not in it yet.
    new: Counts,
    queries: u64,
}

/// By dataset and column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Counts(BTreeMap<String, BTreeMap<String, Uses>>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Uses {
    filtered: u64,
    joined: u64,
    ordered: u64,
}

impl Uses {
    fn all(self) -> u64 {
        self.filtered.saturating_add(self.joined).saturating_add(self.ordered)
    }

    fn add(&mut self, other: Uses) {
        self.filtered = self.filtered.saturating_add(other.filtered);
        self.joined = self.joined.saturating_add(other.joined);
        self.ordered = self.ordered.saturating_add(other.ordered);
    }
}

impl Counts {
    fn add(&mut self, other: &Counts) {
        for (dataset, columns) in &other.0 {
            let of_dataset = self.0.entry(dataset.clone()).or_default();
            columns.iter().for_each(|(column, uses)| of_dataset.entry(column.clone()).or_default().add(*uses));
        }
    }

    fn bound(&mut self) {
        let mut all: Vec<u64> = self.0.values().flat_map(BTreeMap::values).map(|uses| uses.all()).collect();
        if all.len() <= MOST {
            return;
        }
        all.sort_unstable_by(|a, b| b.cmp(a));
        let least = all[MOST / 2];
        self.0.values_mut().for_each(|columns| columns.retain(|_, uses| uses.all() > least));
        self.0.retain(|_, columns| !columns.is_empty());
    }
}

impl ColumnUse {
    /// Kept in `file`, whose folder is not made for it.
    pub fn at(file: PathBuf) -> Self {
        ColumnUse { file, seen: Mutex::default() }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a query.
    pub fn note(&self, query: &Query) {
        let Sought { filtered, joined, ordered } = looked_for(query);
        let mut new = Counts::default();
        for scope in &query.scopes {
            let known = |column: &&String| {
                let named = scope.grupo.columns.iter().any(|one| one.name.eq_ignore_ascii_case(column));
                named || scope.header_columns.iter().any(|(name, _)| name.eq_ignore_ascii_case(column))
            };
            let of_dataset = new.0.entry(scope.grupo.dataset.to_string()).or_default();
            let mut count = |columns: &BTreeSet<String>, uses: Uses| {
                let known = columns.iter().filter(known);
                known.for_each(|column| of_dataset.entry(column.clone()).or_default().add(uses));
            };
            count(&filtered, Uses { filtered: 1, ..Uses::default() });
            count(&joined, Uses { joined: 1, ..Uses::default() });
            count(&ordered, Uses { ordered: 1, ..Uses::default() });
        }
        new.0.retain(|_, columns| !columns.is_empty());
        if new.0.is_empty() {
            return;
        }
        let mut seen = self.seen();
        seen.new.add(&new);
        seen.new.bound();
        seen.queries += 1;
        if seen.queries >= PENDING {
            self.settle(&mut seen);
        }
    }

    /// Brings the file and what is known together. A file that cannot be read or written is no reason for anything to fail.
    fn settle(&self, seen: &mut Seen) {
        seen.queries = 0;
        if let Err(error) = self.merge(seen) {
            tracing::debug!(%error, "by which columns queries look for rows was not kept");
        }
    }

    fn merge(&self, seen: &mut Seen) -> Result<()> {
        if !self.file.parent().is_some_and(|folder| folder.is_dir()) {
            return Ok(());
        }
        let nothing_new = seen.new.0.is_empty();
        if nothing_new && !self.file.exists() {
            return Ok(());
        }
        // Whoever has it keeps nobody waiting: what is new is added the next time.
        let at_once = Cancel::default();
        at_once.set(CancelReason::Caller);
        let _lock = match nothing_new {
            true => None,
            false => Some(lock_file(&self.file.with_extension("lock"), Trusted::Own, &at_once)?),
        };
        // One that cannot be read is begun anew.
        let read = Trusted::Own.read_all(&self.file, MOST_BYTES).ok();
        let mut known: Counts = read.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        known.add(&seen.new);
        known.bound();
        if !nothing_new {
            let bytes = serde_json::to_vec(&known).map_err(Error::internal)?;
            let mut file = WholeFile::create(&self.file)?;
            file.write_all(&bytes).map_err(|error| Error::io(error, &self.file))?;
            file.publish_unforced()?;
        }
        (seen.known, seen.new) = (known, Counts::default());
        Ok(())
    }

    /// What a table of the query's answer should be indexed by, the most useful first: what the query itself looks for, then what
    /// others did.
    pub fn worth_an_index(&self, query: &Query) -> Vec<IndexedColumn> {
        let Sought { filtered, joined, ordered } = looked_for(query);
        let mut found: Vec<IndexedColumn> = Vec::new();
        let mut add = |column: &str, why| {
            if !found.iter().any(|one| one.column.eq_ignore_ascii_case(column)) {
                found.push(IndexedColumn { column: column.to_owned(), why });
            }
        };
        for column in &filtered {
            add(column, text!("esta consulta põe uma condição nela", "this query puts a condition on it"));
        }
        for column in &joined {
            add(column, text!("esta consulta junta tabelas por ela", "this query joins by it"));
        }
        for column in &ordered {
            add(column, text!("esta consulta ordena por ela", "this query orders by it"));
        }
        let mut seen = self.seen();
        self.settle(&mut seen);
        let mut all = seen.known.clone();
        all.add(&seen.new);
        drop(seen);
        let mut uses: BTreeMap<&str, Uses> = BTreeMap::new();
        for scope in &query.scopes {
            let of_dataset = all.0.get(&scope.grupo.dataset.to_string()).into_iter().flatten();
            of_dataset.for_each(|(column, of)| uses.entry(column).or_default().add(*of));
        }
        let mut often: Vec<(&str, Uses)> = uses.into_iter().filter(|(_, uses)| uses.all() >= LEAST).collect();
        often.sort_by_key(|(name, uses)| (std::cmp::Reverse(uses.all()), *name));
        for (column, Uses { filtered, joined, ordered }) in often {
            add(
                column,
                text!(
                    "consultas deste cliente a usam: {filtered} em condições, {joined} em junções, {ordered} na ordem",
                    "this client's queries use it: {filtered} in conditions, {joined} in joins, {ordered} in orders"
                ),
            );
        }
        found
    }

    /// The same for `explain`: of the columns that the answer is known to have.
    pub fn planned(&self, query: &Query, language: crate::base::Language) -> Vec<PlannedIndex> {
        let answers = |column: &str| match &query.ask {
            Ask::Sql(sql) => sql.star || sql.columns.contains(&column.to_uppercase()),
            Ask::Catalog(_) => false,
            Ask::Structured(ask) => match &ask.projection {
                Projection::All => true,
                Projection::Columns(columns) => columns.iter().any(|one| one.eq_ignore_ascii_case(column)),
                Projection::Grouped { keys, .. } => keys.iter().any(|one| one.eq_ignore_ascii_case(column)),
            },
        };
        let worth = self.worth_an_index(query).into_iter().filter(|one| answers(&one.column));
        worth.map(|one| PlannedIndex::new(one.column, one.why.get(language).to_owned())).collect()
    }
}

impl Drop for ColumnUse {
    fn drop(&mut self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.new.0.is_empty() {
            self.settle(&mut seen);
        }
    }
}

fn looked_for(query: &Query) -> Sought {
    match &query.ask {
        Ask::Sql(sql) => sought(&sql.syntax.statement),
        Ask::Catalog(_) => Sought::default(),
        Ask::Structured(ask) => {
            let mut names = BTreeSet::new();
            ask.predicates.iter().for_each(|predicate| predicate.columns(&mut names));
            Sought {
                filtered: names.into_iter().map(str::to_owned).collect(),
                joined: BTreeSet::new(),
                // Rows lie in the order of the first one.
                ordered: ask.order_by.first().map(|key| key.column.clone()).into_iter().collect(),
            }
        }
    }
}
