//! What a job stores before its first row, so that another process can go on with exactly the same.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Unreadable;
use crate::base::{Code, Error, Result, Secret, text};
use crate::lake::LakeFile;
use crate::params::QueryParams;
use crate::plan::{Sampled, Sampling, Statement};
use crate::sink::{Destination, Subject};

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
    /// The address had a password, which is not stored.
    pub password_left_out: bool,
}

/// A file of the plan, and what makes it the same file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PinnedFile {
    pub source: String,
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
    ) -> Self {
        StoredPlan {
            format: if sampled.is_some() { STATE_FORMAT } else { WITHOUT_SAMPLES },
            datasus: env!("CARGO_PKG_VERSION").to_owned(),
            engine,
            created_at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            params: params.clone(),
            output: output.to_owned(),
            destinations: destinations.iter().map(|one| StoredDestination::of(one, subject)).collect(),
            files: files.iter().map(PinnedFile::of).collect(),
            unreadable: Vec::new(),
            sql: statement.sql.clone(),
            unit_rows: params.options.checkpoint_rows.map_or(UNIT_ROWS, |rows| rows as usize),
            sampling: sampled.map(|sampled| sampled.sampling.clone()),
            materialises: !statement.is_positional(),
            materialised: None,
        }
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
    fn of(destination: &Destination, subject: &Subject) -> Self {
        let mut to = destination.clone().named(subject);
        let mut stored = (None, false);
        if let Destination::Postgres(postgres) = &mut to
            && let Some(url) = postgres.url.take()
        {
            let (url, left_out) = without_password(url.reveal());
            stored = (Some(url), left_out);
        }
        StoredDestination { to, url: stored.0, password_left_out: stored.1 }
    }

    /// The destination as it was; `server` is the address for those whose password was left out.
    pub fn restore(&self, server: Option<&Secret>) -> Result<Destination> {
        let mut to = self.to.clone();
        if let (Destination::Postgres(postgres), Some(url)) = (&mut to, &self.url) {
            postgres.url = match (self.password_left_out, server) {
                (false, _) => Some(Secret::new(url.as_str())),
                (true, Some(server)) if without_password(server.reveal()).0 == *url => Some(server.clone()),
                (true, _) => {
                    return Err(Error::new(
                        Code::CredentialsRefused,
                        text!(
                            "A senha de {url} não é guardada; dê o mesmo endereço, com a senha, em `postgres` ou DATASUS_POSTGRES",
                            "The password of {url} is not stored; give the same address, with its password, by `postgres` or DATASUS_POSTGRES"
                        ),
                    )
                    .stage("recovery"));
                }
            };
        }
        Ok(to)
    }
}

/// The address without its password, and whether it had one.
fn without_password(url: &str) -> (String, bool) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (user, place) = rest.rsplit_once('@').unwrap_or(("", rest));
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("password=")).collect();
    let left_out = !password.is_empty() || query.split('&').any(|pair| pair.starts_with("password="));
    let at = if name.is_empty() { String::new() } else { format!("{name}@") };
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    (format!("{scheme}://{at}{place}{query}"), left_out)
}

impl PinnedFile {
    pub fn of(file: &LakeFile) -> Self {
        PinnedFile {
            source: file.source.file.clone(),
            hash: super::subject::source_key(file).hash,
            converter: file.source.converter,
            row_groups: file.row_groups.iter().map(|group| group.rows).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_left_out_wherever_it_stands() {
        let shown = |url| without_password(url);
        assert_eq!(
            shown("postgres://u:p@h:5432/d?sslmode=require"),
            ("postgres://u@h:5432/d?sslmode=require".into(), true)
        );
        assert_eq!(shown("postgres://u@h/d?password=p&a=b"), ("postgres://u@h/d?a=b".into(), true));
        assert_eq!(shown("postgres://u:p%40@h/d"), ("postgres://u@h/d".into(), true));
        assert_eq!(shown("postgres://u:p@x@h/d"), ("postgres://u@h/d".into(), true));
        assert_eq!(shown("postgres://u@h/d"), ("postgres://u@h/d".into(), false));
    }
}
