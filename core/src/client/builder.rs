//! A client with parts of the program's own.

use std::path::PathBuf;

use super::Client;
use crate::base::{Home, Result, TraceId};
use crate::config::Config;
use crate::run::{Parts, Session};
use crate::sink::ReadTarget;

/// What [`Client::open`] takes as it is, each of which may be another.
#[derive(Clone)]
pub struct ClientBuilder {
    source: PathBuf,
    config: Option<Config>,
    parts: Parts,
}

impl ClientBuilder {
    pub(super) fn new(source: PathBuf) -> Self {
        ClientBuilder { source, config: None, parts: Parts::default() }
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

    pub fn open(self) -> Result<Client> {
        let config = self.config.map_or_else(Config::from_env, Ok)?;
        let language = config.language;
        let opened = Session::open(self.source, config, self.parts);
        opened
            .map(|session| Client { session, home: Home::default() })
            .map_err(|error| error.traced(&TraceId::new(), language))
    }
}
