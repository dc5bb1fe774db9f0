//! What a job stores before its first row, so that another process can go on with exactly the same.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Unreadable;
use crate::base::{Code, Error, Result, Secret, text};
use crate::catalog::FileId;
use crate::lake::LakeFile;
use crate::params::QueryParams;
use crate::plan::{Sampled, Sampling, Statement};
use crate::sink::postgres::stored_address;
use crate::sink::{Destination, Subject};
use crate::source::folder::SourceFile;

/// Of the state folder. A change that an older version would read wrongly raises it; what one format means never changes
/// (core/tests/state has a job of each).
pub const STATE_FORMAT: u32 = 2;
/// Of a job that reads all rows: such a state is as it was before there were samples, and older versions go on with it.
const WITHOUT_SAMPLES: u32 = 1;

/// `plan.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredPlan {
    pub format: u32,
    /// Versions of the SDK and of the engine that made it.
    pub datasus: String,
    pub engine: String,
    pub created_at: String,
    pub params: QueryParams,
    pub output: PathBuf,
    pub destinations: Vec<StoredDestination>,
    pub files: Vec<PinnedFile>,
    /// Files that `partial` left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unreadable>,
    /// The SQL, for those who want to know, and the answer's columns, which must be the same.
    pub sql: String,
    /// Source rows of a unit.
    pub unit_rows: usize,
    /// The rows that are read, from format 2 on; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling: Option<Sampling>,
    /// True: the result itself is kept in the job's folder, because its rows are not rows of a file.
    pub materialises: bool,
    pub materialised: Option<Materialised>,
}

/// A destination, and its server without the password.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredDestination {
    pub to: Destination,
    /// The server that it named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The address had a password, or options for the session, which are not stored.
    pub password_left_out: bool,
}

/// A file of the plan, and what makes it the same file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PinnedFile {
    pub source: String,
    /// What the catalogue calls it: files of partitions have the same name everywhere. None in older states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<FileId>,
    /// SHA-256 of the source, or size and time of the user's own Parquet.
    pub hash: String,
    pub converter: u32,
    pub row_groups: Vec<u64>,
}

/// The result, kept whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Materialised {
    /// In the job's folder.
    pub file: String,
    pub sha256: String,
    pub row_groups: Vec<u64>,
}

impl StoredPlan {
    #[allow(clippy::too_many_arguments, reason = "a plan is of everything that a job had")]
    pub fn new(
        params: &QueryParams,
        output: &Path,
        destinations: &[Destination],
        files: &[LakeFile],
        statement: &Statement,
        sampled: Option<&Sampled>,
        subject: &Subject,
        engine: String,
    ) -> Result<Self> {
        Ok(StoredPlan {
            format: if sampled.is_some() { STATE_FORMAT } else { WITHOUT_SAMPLES },
            datasus: env!("CARGO_PKG_VERSION").to_owned(),
            engine,
            created_at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            params: params.clone(),
            output: output.to_owned(),
            destinations: destinations.iter().map(|one| StoredDestination::of(one, subject)).collect::<Result<_>>()?,
            files: files.iter().map(PinnedFile::of).collect(),
            unreadable: Vec::new(),
            sql: statement.sql.clone(),
            unit_rows: params.options.checkpoint_rows.map_or(UNIT_ROWS, |rows| rows as usize),
            sampling: sampled.map(|sampled| sampled.sampling.clone()),
            materialises: !statement.is_positional(),
            materialised: None,
        })
    }

    /// DS-409 for a format that this version does not know.
    pub fn read(plan: &Value) -> Result<Self> {
        let format = plan["format"].as_u64().unwrap_or(0);
        if !(u64::from(WITHOUT_SAMPLES)..=u64::from(STATE_FORMAT)).contains(&format) {
            let by = plan["datasus"].as_str().unwrap_or("?");
            return Err(Error::new(
                Code::Conflict,
                text!(
                    "O estado deste trabalho tem o formato {format} (datasus {by}) e esta versão entende até o {STATE_FORMAT}; continue-o com aquela versão, ou descarte-o e repita",
                    "The state of this job has format {format} (datasus {by}) and this version understands up to {STATE_FORMAT}; resume it with that version, or discard it and run it again"
                ),
            )
            .with("expected_format", STATE_FORMAT)
            .with("received", format)
            .stage("recovery"));
        }
        serde_json::from_value(plan.clone()).map_err(|error| {
            Error::new(
                Code::Conflict,
                text!(
                    "O plano guardado deste trabalho não se lê; descarte-o e repita",
                    "The stored plan of this job cannot be read ({error}); discard it and run it again"
                ),
            )
            .stage("recovery")
        })
    }

    pub fn to_json(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(Error::internal)
    }
}

/// Rows between two checkpoints where the query does not say.
pub(super) const UNIT_ROWS: usize = 10_000;

impl StoredDestination {
    fn of(destination: &Destination, subject: &Subject) -> Result<Self> {
        let mut to = destination.clone().named(subject);
        let mut stored = (None, false);
        if let Destination::Postgres(postgres) = &mut to
            && let Some(url) = postgres.url.take()
        {
            let (url, left_out) = stored_address(&url)?;
            stored = (Some(url), left_out);
        }
        Ok(StoredDestination { to, url: stored.0, password_left_out: stored.1 })
    }

    /// The destination as it was; `server` is the address for those whose password was left out.
    pub fn restore(&self, server: Option<&Secret>) -> Result<Destination> {
        let mut to = self.to.clone();
        if let (Destination::Postgres(postgres), Some(url)) = (&mut to, &self.url) {
            postgres.url = match (self.password_left_out, server) {
                (false, _) => Some(Secret::new(url.as_str())),
                (true, Some(server)) if is_the_way(server, url) => Some(server.clone()),
                (true, _) => {
                    return Err(Error::new(
                        Code::CredentialsRefused,
                        text!(
                            "A senha (e `options`) de {url} não é guardada; dê o mesmo endereço, com ela, em `postgres` ou DATASUS_POSTGRES",
                            "The password (and `options`) of {url} is not stored; give the same address, with it, by `postgres` or DATASUS_POSTGRES"
                        ),
                    )
                    .stage("recovery"));
                }
            };
        }
        Ok(to)
    }
}

/// Whether `server` is the address that was stored without its secrets, by this version or by one that wrote it otherwise.
fn is_the_way(server: &Secret, stored: &str) -> bool {
    let read = |address: &Secret| stored_address(address).map(|(address, _)| address).ok();
    read(server).is_some_and(|server| server == stored || read(&Secret::new(stored)) == Some(server))
}

impl PinnedFile {
    /// Whether it is a file of this name, and of the same dataset, UF, competência and part.
    pub fn is_named(&self, file: &SourceFile) -> bool {
        file.name() == self.source && self.id.as_ref().is_none_or(|id| *id == file.id)
    }

    /// Whether the file is what it was when the job began.
    pub fn is_still(&self, file: &LakeFile) -> bool {
        let now = PinnedFile::of(file);
        let id = self.id.clone().or_else(|| now.id.clone());
        PinnedFile { id, ..self.clone() } == now
    }

    pub fn of(file: &LakeFile) -> Self {
        PinnedFile {
            source: file.source.file.clone(),
            id: Some(file.id.clone()),
            hash: file.content(),
            converter: file.source.converter,
            row_groups: file.row_groups.iter().map(|group| group.rows).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Postgres;

    #[test]
    fn no_secret_is_stored_and_the_address_is_known_again() {
        let given = "postgres://u:p?CANARY@h/d?sslmode=require&options=-c%20x%3DCANARY";
        let of = |url: &str| {
            let to = Destination::from(Postgres { url: Some(Secret::new(url)), ..Postgres::default() });
            StoredDestination::of(&to, &Subject::default()).unwrap()
        };
        let stored = of(given);
        let text = serde_json::to_string(&stored).unwrap();
        assert!(!text.contains("CANARY") && stored.password_left_out, "{text}");
        let restored = |stored: &StoredDestination, server: Option<&str>| {
            let Destination::Postgres(postgres) = stored.restore(server.map(Secret::new).as_ref())? else { panic!() };
            Ok::<_, Error>(postgres.url.unwrap().reveal().to_owned())
        };
        assert_eq!(restored(&stored, Some(given)).unwrap(), given);
        assert_eq!(restored(&stored, None).unwrap_err().code(), Code::CredentialsRefused);
        assert_eq!(restored(&stored, Some("postgres://u:x@h/e")).unwrap_err().code(), Code::CredentialsRefused);
        // As versions before wrote it.
        let before = StoredDestination { url: Some("postgres://u@h/d?sslmode=require".into()), ..stored };
        assert_eq!(restored(&before, Some(given)).unwrap(), given);
        assert_eq!(restored(&of("postgres://u@h/d"), None).unwrap(), "postgres://u@h:5432/d");
    }
}
