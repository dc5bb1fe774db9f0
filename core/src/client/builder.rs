//! A client with parts of the program's own.

use std::path::PathBuf;
use std::sync::Arc;

use super::Client;
use crate::base::{ForkGuard, Result, TraceId};
use crate::config::Config;
use crate::engine::Engine;
use crate::run::{Parts, Session};
use crate::sink::ReadTarget;
use crate::store::{Patience, Store};

/// What [`Client::open`] takes as it is, each of which may be another.
#[derive(Clone)]
pub struct ClientBuilder {
    source: PathBuf,
    config: Option<Config>,
    parts: Parts,
    declared: Vec<(String, Vec<String>)>,
    tables: Vec<(String, PathBuf)>,
}

impl ClientBuilder {
    pub(super) fn new(source: PathBuf) -> Self {
        ClientBuilder { source, config: None, parts: Parts::default(), declared: Vec::new(), tables: Vec::new() }
    }

    /// Settings; without them, those of the `DATASUS_*` variables.
    pub fn config(self, config: Config) -> Self {
        ClientBuilder { config: Some(config), ..self }
    }

    /// Knows targets of one more kind: jobs that write to such ones can be resumed, discarded and replayed by this client.
    pub fn target(mut self, kind: &'static str, read: ReadTarget) -> Self {
        self.parts.targets = self.parts.targets.with(kind, read);
        self
    }

    /// Runs every statement in `engine`.
    pub fn engine(self, engine: Arc<dyn Engine>) -> Self {
        self.engine_over(move |_| engine.clone())
    }

    /// Has what `over` makes stand before the engine in the process, which it is given: it may answer by itself, or have that one
    /// run the statement.
    pub fn engine_over(mut self, over: impl Fn(Arc<dyn Engine>) -> Arc<dyn Engine> + Send + Sync + 'static) -> Self {
        self.parts.engine = Some(Arc::new(over));
        self
    }

    /// Reads objects of one more store: the source may be one of its locations (`scheme://path`).
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.parts.stores = self.parts.stores.with(store);
        self
    }

    /// How long servers of a source elsewhere may take.
    pub fn patience(mut self, patience: Patience) -> Self {
        self.parts.patience = patience;
        self
    }

    /// Declares where the files of a dataset are: Parquet or CSV of any name, which may hold many UFs and months
    /// ([`Config::declared`]). The source may then be empty (`""`).
    pub fn declare(mut self, dataset: impl Into<String>, paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.declared.push((dataset.into(), paths.into_iter().map(Into::into).collect()));
        self
    }

    /// A table of one's own for SQL to read, out of a Parquet or CSV ([`Config::tables`]).
    pub fn table(mut self, name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.tables.push((name.into(), path.into()));
        self
    }

    /// As [`Client::open`].
    pub fn open(self) -> Result<Client> {
        let mut config = self.config.map_or_else(Config::from_env, Ok)?;
        for (dataset, paths) in self.declared {
            // Whoever declares twice is told, whichever way.
            let known = config.declared.contains_key(&dataset);
            config.declared.insert(if known { format!(" {dataset}") } else { dataset }, paths);
        }
        config.tables.extend(self.tables);
        let language = config.language;
        let opened = Session::open(self.source, config, self.parts);
        opened
            .map(|session| Client { session, fork_guard: ForkGuard::default() })
            .map_err(|error| error.traced(&TraceId::new(), language))
    }
}
