//! Where a job's rows go, before it is open: what kind it is, what it is equal to, what it takes, and how a job that another process
//! goes on with finds it again. A kind of one's own is a [`Target`] in a client's [`Targets`]; nothing else knows the kinds.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Debug;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{OutputRoot, ResultInfo, Sink};
use crate::base::{Code, Error, Language, Result, Secret, json_words, text};
use crate::recovery::{DeadLetter, SinkState};

/// A sink before it is open. Called from any thread; nothing but [`Target::open`]'s sink and the replay goes to a server or disk.
pub trait Target: Debug + Send + Sync {
    /// The key of its options in JSON, and in `report.storage`.
    fn kind(&self) -> &'static str;

    /// What it leads to. `info` is none while a query is only being checked: a target without a name has none yet.
    fn identity(&self, env: &TargetEnv, info: Option<&ResultInfo>) -> Identity;

    /// What it takes, and what it must be given.
    fn limits(&self) -> Limits {
        Limits::default()
    }

    /// Checks options and names (DS-422, DS-403, DS-409) without going to the target, and gives the sink. `state` is the place of
    /// its checkpoints: where earlier attempts have left some, the sink goes on from there.
    fn open(&self, env: &TargetEnv, info: &ResultInfo, state: SinkState) -> Result<Box<dyn Sink>>;

    /// What of it a job's state keeps, so that another process can go on: options with the name that it has for `info`, and no
    /// secret.
    fn stored(&self, info: &ResultInfo) -> Result<StoredTarget>;

    /// The same with the address that was stored apart; DS-401 where its secrets are not among `credentials`.
    fn at(&self, _address: &StoredAddress, _credentials: Credentials) -> Result<Arc<dyn Target>> {
        Err(Error::internal("a target without an address was given one"))
    }

    /// Sends records that it refused once more; gives those that it refuses again. A target that can't keeps them all.
    fn replay(&self, replay: Replay) -> Result<Vec<DeadLetter>> {
        Ok(replay.letters)
    }

    /// Those that were taken are letters no more: nothing needs to be remembered of their replay.
    fn replayed(&self, _credentials: Credentials, _job_id: &str) -> Result<()> {
        Ok(())
    }
}

/// What a target gets of the client.
#[derive(Clone, Copy)]
pub struct TargetEnv<'e> {
    /// The folder below which files are written.
    pub root: &'e OutputRoot,
    /// Passwords, which no state keeps.
    pub credentials: Credentials<'e>,
}

/// Addresses, with their secrets, of a client's configuration.
#[derive(Debug, Clone, Copy, Default)]
pub struct Credentials<'c> {
    /// `Config::postgres`.
    pub postgres: Option<&'c Secret>,
}

/// The dead letters of one target of a job.
pub struct Replay<'r> {
    /// Passwords, which no state keeps.
    pub credentials: Credentials<'r>,
    /// The job whose letters they are.
    pub job_id: &'r str,
    /// What is sent once more.
    pub letters: Vec<DeadLetter>,
    /// Of the new reasons.
    pub language: Language,
}

/// What a target leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Equal for targets of which one would undo what the other wrote, or double it.
    pub key: OsString,
    /// What the user calls it.
    pub shown: String,
}

/// What a target takes, and what it must be given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// More rows are DS-413.
    pub rows: Option<u64>,
    /// Its rows must say which source they come from: it takes [`super::ORIGIN_COLUMNS`].
    pub wants_origin: bool,
    /// The order of the rows decides which of them stay.
    pub by_order: bool,
}

/// The limits of several targets.
pub struct AllLimits<'t>(pub &'t [Arc<dyn Target>]);

impl AllLimits<'_> {
    /// True where a sink has to be told of each row's source.
    pub fn want_origin(&self) -> bool {
        self.0.iter().any(|one| one.limits().wants_origin)
    }

    /// True where rows have to come in the answer's order.
    pub fn by_order(&self) -> bool {
        self.0.iter().any(|one| one.limits().by_order)
    }

    /// DS-413 where one of them takes no so many rows.
    pub fn refuse_rows(&self, rows: u64) -> Result<()> {
        let over = |target: &&Arc<dyn Target>| target.limits().rows.is_some_and(|limit| rows > limit);
        match self.0.iter().find(over) {
            None => Ok(()),
            Some(target) => Err(too_many_rows(target.kind(), rows, target.limits().rows.unwrap_or_default())),
        }
    }
}

/// DS-413: `rows` are more than `limit`.
pub(super) fn too_many_rows(kind: &'static str, rows: u64, limit: u64) -> Error {
    let name = kind.to_uppercase();
    Error::new(
        Code::TooManyRows,
        text!(
            "O resultado tem ao menos {rows} linhas e um destino {name} leva até {limit}; restrinja a consulta ou use Parquet",
            "The result has at least {rows} rows and a {name} destination takes up to {limit}; narrow the query or use Parquet"
        ),
    )
    .with("expected_format", format!("at most {limit} rows"))
    .with("received", rows)
    .with("limit", limit)
    .stage(kind)
}

/// DS-422 where two lead to the same. `info` as for [`Target::identity`].
pub fn refuse_twice(targets: &[Arc<dyn Target>], env: &TargetEnv, info: Option<&ResultInfo>) -> Result<()> {
    let mut seen = std::collections::BTreeSet::new();
    for Identity { key, shown } in targets.iter().map(|one| one.identity(env, info)) {
        if !seen.insert(key) {
            return Err(Error::new(
                Code::InvalidParams,
                text!(
                    "Dois destinos levam a {shown}; dê um nome a cada um, por exemplo a.csv e b.csv",
                    "Two destinations lead to {shown}; give each a name of its own, for example a.csv and b.csv"
                ),
            )
            .with("received", shown)
            .stage("validate"));
        }
    }
    Ok(())
}

/// A target as a job's state keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredTarget {
    /// Its options by its kind, and nothing else.
    to: Map<String, Value>,
    #[serde(flatten)]
    address: StoredAddress,
}

/// The address that a target named, without its secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAddress {
    /// Without its password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The address had a password, or options for the session, which are not stored.
    pub password_left_out: bool,
}

impl StoredTarget {
    /// Options as JSON, without secrets; an address that may hold some is stored apart.
    pub fn new(kind: &'static str, options: &impl Serialize, address: StoredAddress) -> Result<Self> {
        let options = serde_json::to_value(options).map_err(Error::internal)?;
        Ok(StoredTarget { to: Map::from_iter([(kind.to_owned(), options)]), address })
    }

    /// Where it leads.
    pub fn address(&self) -> &StoredAddress {
        &self.address
    }
}

/// Reads a target's options from their JSON: of a job's state, and of destinations that programs name. `Err` says what is wrong.
pub type ReadTarget = fn(Value) -> serde_json::Result<Arc<dyn Target>>;

/// The kinds of targets that a client knows.
#[derive(Clone, Default)]
pub struct Targets(BTreeMap<&'static str, ReadTarget>);

impl Targets {
    /// The same with one more, in the place of one of its name.
    pub fn with(mut self, kind: &'static str, read: ReadTarget) -> Self {
        self.0.insert(kind, read);
        self
    }

    /// The target that was stored, without its address. DS-409 for a kind that is not known, or other options than this version's.
    pub fn read(&self, stored: &StoredTarget) -> Result<Arc<dyn Target>> {
        let Some((kind, options)) = stored.to.iter().next() else { return Err(unreadable("?", "no kind")) };
        let Some(read) = self.0.get(kind.as_str()) else { return Err(unknown(kind)) };
        read(options.clone()).map_err(|error| unreadable(kind, &json_words(&error).en))
    }

    /// The target as it was; `credentials` has the secrets that were left out.
    pub fn restore(&self, stored: &StoredTarget, credentials: Credentials) -> Result<Arc<dyn Target>> {
        let target = self.read(stored)?;
        if stored.address.url.is_some() { target.at(&stored.address, credentials) } else { Ok(target) }
    }
}

fn unknown(kind: &str) -> Error {
    Error::new(
        Code::Conflict,
        text!(
            "O destino deste trabalho é do tipo \"{kind}\", que este cliente não conhece; registre-o ao abrir o cliente, ou descarte o trabalho",
            "The destination of this job is of kind \"{kind}\", which this client does not know; register it when the client is opened, or discard the job"
        ),
    )
    .with("received", kind)
    .stage("recovery")
}

fn unreadable(kind: &str, why: &str) -> Error {
    Error::new(
        Code::Conflict,
        text!(
            "O destino {kind} guardado deste trabalho não se lê; descarte-o e repita",
            "The stored destination {kind} of this job cannot be read ({why}); discard it and run it again"
        ),
    )
    .stage("recovery")
}
