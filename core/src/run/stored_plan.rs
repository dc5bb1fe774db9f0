//! What a job stores before its first row, so that another process can go on with exactly the same.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Unreadable;
use super::execution::{Execution, Prepared};
use super::written::Written;
use crate::base::{Code, Error, Result, text};
use crate::catalog::FileId;
use crate::lake::LakeFile;
use crate::params::{Options, QueryParams};
use crate::plan::Sampling;
use crate::sink::{ResultInfo, StoredTarget, Target};
use crate::source::folder::SourceFile;
use crate::store::Location;

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
    pub output: Location,
    pub destinations: Vec<StoredTarget>,
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
    /// The same where a cluster writes it. Older versions, which know of none, have other SQL for the query, and refuse the job by that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<Written>,
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

/// Who asked was counted, and is nobody's business later: whoever goes on with the job may be another.
pub(super) fn without_key(params: &QueryParams) -> QueryParams {
    QueryParams { options: Options { rate_key: None, ..params.options.clone() }, ..params.clone() }
}

impl StoredPlan {
    pub fn new(
        execution: &Execution,
        output: &Location,
        targets: &[Arc<dyn Target>],
        info: &ResultInfo,
    ) -> Result<Self> {
        let Execution { run, prepared: Prepared { params, .. }, files, unreadable, statement, sampled, kept: _ } =
            execution;
        let engine = &run.env.engine;
        Ok(StoredPlan {
            format: if sampled.is_some() { STATE_FORMAT } else { WITHOUT_SAMPLES },
            datasus: env!("CARGO_PKG_VERSION").to_owned(),
            engine: engine.version(),
            created_at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            params: without_key(params),
            output: output.clone(),
            destinations: targets.iter().map(|one| one.stored(info)).collect::<Result<_>>()?,
            files: files.iter().map(PinnedFile::of).collect(),
            unreadable: unreadable.clone(),
            sql: statement.sql.clone(),
            unit_rows: params.options.checkpoint_rows.map_or(UNIT_ROWS, |rows| rows as usize),
            sampling: sampled.as_ref().map(|sampled| sampled.sampling.clone()),
            materialises: !(statement.is_positional() && engine.cuts_units()),
            materialised: None,
            written: None,
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
        serde_json::from_value(plan.clone()).map_err(not_read)
    }

    pub fn to_json(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(Error::internal)
    }
}

/// DS-409 for a plan, or a part of one, that is of a known format and does not read.
pub(super) fn not_read(error: serde_json::Error) -> Error {
    Error::new(
        Code::Conflict,
        text!(
            "O plano guardado deste trabalho não se lê; descarte-o e repita",
            "The stored plan of this job cannot be read ({error}); discard it and run it again"
        ),
    )
    .stage("recovery")
}

/// Rows between two checkpoints where the query does not say.
pub(super) const UNIT_ROWS: usize = 10_000;

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
