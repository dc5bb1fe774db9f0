//! What earlier processes left: which jobs, going on with one, giving one up, and its dead letters.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::job_info::{JobInfo, destinations};
use super::resumed::{Resumed, changed, go_on};
use crate::base::{Cancel, Code, Error, Result, masked_json, text};
use crate::recovery::{DeadLetter, DeadLetters, End, JobFolder, Log, Standing};
use crate::run::Job;
use crate::run::export::{discard_targets, remove_leftovers};
use crate::run::session::Session;
use crate::run::stored_plan::{PinnedFile, StoredPlan, without_key};
use crate::run::task::Task;
use crate::sink::{Replay, ResultInfo, Target, parquet};

/// What a replay of dead letters did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Replayed {
    /// Rows that are in their table now.
    pub loaded: u64,
    /// Letters that stay, with the reason that they were refused for this time.
    pub left: u64,
}

impl Session {
    /// What earlier processes left, and what runs now.
    pub fn jobs(&self) -> Result<Vec<JobInfo>> {
        let ctx = self.ctx();
        let found = self.state.list().map_err(|error| self.traced(error, &ctx))?;
        let info = found.into_iter().map(|mut job| {
            let count = DeadLetters::read(&job.path).map(|letters| letters.len() as u64);
            let count = count.unwrap_or_else(|error| {
                job.unreadable.get_or_insert(error);
                0
            });
            let destinations = destinations(&job.plan).unwrap_or_else(|error| {
                job.unreadable.get_or_insert(error);
                Vec::new()
            });
            let unreadable = job.unreadable.map(|error| self.traced(error, &ctx).to_json());
            JobInfo {
                job_id: job.id,
                standing: if unreadable.is_some() { Standing::Unreadable } else { job.standing },
                created_at: job.plan["created_at"].as_str().unwrap_or_default().to_owned(),
                params: masked_json(job.plan["params"].clone()),
                destinations,
                dead_letters: job.end.as_ref().map_or(count, |end| end.dead_letters),
                error: unreadable.or_else(|| job.end.and_then(|end| end.error)).map(masked_json),
                pid: job.owner.as_ref().map_or(0, |owner| owner.pid),
                host: job.owner.map(|owner| owner.host).unwrap_or_default(),
            }
        });
        Ok(info.collect())
    }

    /// Takes the job over and goes on with it, where it stopped. It ends once `cancel` is set, and so does this call.
    pub fn resume(self: &Arc<Self>, job_id: &str, cancel: &Cancel) -> Result<Job> {
        let ctx = self.new_ctx(&cancel.child());
        let taken = || -> Result<Resumed> {
            let folder = self.state.take(job_id)?;
            if folder.end().is_some_and(|end| !end.resumable) {
                return Err(ended(job_id));
            }
            let plan = StoredPlan::read(folder.plan()?)?;
            let root = self.output_root(&plan.output)?;
            let targets = self.restored(&plan)?;
            // States of earlier releases have the key.
            let mut prepared = self.prepare(&without_key(&plan.params), &ctx)?;
            let of = |pinned: &PinnedFile| {
                let chosen_first = prepared.selection.files.iter().chain(&prepared.listing.files);
                let found = chosen_first.into_iter().find(|file| pinned.is_named(file));
                found.cloned().ok_or_else(|| changed(&pinned.source))
            };
            prepared.selection.files = plan.files.iter().map(of).collect::<Result<_>>()?;
            // Which version is read was decided when the job began.
            prepared.selection.rivals.clear();
            let root = root.sparing(self.spared(Some(&prepared.listing)));
            Ok(Resumed { prepared, folder, plan, root, targets })
        };
        let resumed = taken().map_err(|error| self.traced(error, &ctx))?;
        let query = resumed.prepared.query.clone();
        let job = Job::new(job_id.to_owned(), ctx.clone());
        self.spawn(Task::new(&query, false, move |run| go_on(run, resumed)), &job, ctx)?;
        Ok(job)
    }

    /// Gives a job up: what it left in its targets goes, and its folder.
    pub fn discard(&self, job_id: &str) -> Result<()> {
        let ctx = self.ctx();
        let done = || -> Result<()> {
            let folder = self.state.take(job_id)?;
            // Of a plan that cannot be read only the files are known; a staging table goes by itself after a week.
            if let Ok(plan) = folder.plan().and_then(|plan| self.known_targets(StoredPlan::read(plan)?))
                && folder.end().is_none_or(|end| end.resumable)
            {
                let root = self.output_root(&plan.output)?;
                let targets = self.restored(&plan)?;
                let info = ResultInfo { job_id: job_id.to_owned(), ..ResultInfo::default() };
                discard_targets(&folder, &targets, &self.target_env(&root), &info)?;
            }
            remove_leftovers(&folder)?;
            folder.remove()
        };
        done().map_err(|error| self.traced(error, &ctx))
    }

    /// The records of a job that were not taken, in the order in which they came.
    pub fn dead_letters(&self, job_id: &str) -> Result<Vec<DeadLetter>> {
        let read = || DeadLetters::read(&self.state.find(job_id)?);
        read().map_err(|error| self.traced(error, &self.ctx()))
    }

    /// The same as a Parquet file below the output folder; gives how many there are.
    pub fn export_dead_letters(&self, job_id: &str, path: &Path) -> Result<u64> {
        let written = || -> Result<u64> {
            let letters = DeadLetters::read(&self.state.find(job_id)?)?;
            let root = self.output_root(&self.output)?.sparing(self.spared(None));
            parquet::write_once(&root, path, &table(&letters)?)?;
            Ok(letters.len() as u64)
        };
        written().map_err(|error| self.traced(error, &self.ctx()))
    }

    /// Sends dead letters to their table once more; those that are taken now go.
    pub fn replay(&self, job_id: &str) -> Result<Replayed> {
        let ctx = self.ctx();
        let replayed = || -> Result<Replayed> {
            let folder = self.state.take(job_id)?;
            match folder.end().cloned() {
                Some(end) if !end.resumable && end.error.is_none() => self.replay_in(folder, end),
                _ => Err(not_complete(job_id)),
            }
        };
        replayed().map_err(|error| self.traced(error, &ctx))
    }

    fn restored(&self, plan: &StoredPlan) -> Result<Vec<Arc<dyn Target>>> {
        plan.destinations.iter().map(|one| self.targets.restore(one, self.credentials())).collect()
    }

    /// DS-409 for a plan with a target that this client cannot read.
    fn known_targets(&self, plan: StoredPlan) -> Result<StoredPlan> {
        plan.destinations.iter().try_for_each(|one| self.targets.read(one).map(drop))?;
        Ok(plan)
    }

    fn replay_in(&self, folder: JobFolder, end: End) -> Result<Replayed> {
        let targets = self.restored(&StoredPlan::read(folder.plan()?)?)?;
        let credentials = self.credentials();
        let (mut log, mut letters) = Log::<DeadLetter>::open(&DeadLetters::path(folder.path()))?;
        let before = letters.len();
        for (number, target) in targets.iter().enumerate() {
            let (of_target, others): (Vec<_>, Vec<_>) =
                letters.into_iter().partition(|letter| letter.sink_number == number);
            letters = others;
            let replay =
                Replay { credentials, job_id: folder.id(), letters: of_target, language: self.config.language };
            letters.extend(target.replay(replay)?);
        }
        log.replace(&letters)?;
        targets.iter().try_for_each(|target| target.replayed(credentials, folder.id()))?;
        let done = Replayed { loaded: (before - letters.len()) as u64, left: letters.len() as u64 };
        match letters.is_empty() {
            true => folder.remove()?,
            false => folder.leave(&End { dead_letters: done.left, ..end })?,
        }
        Ok(done)
    }
}

/// Dead letters as a table; a record as JSON.
fn table(letters: &[DeadLetter]) -> Result<RecordBatch> {
    let text = |get: &dyn Fn(&DeadLetter) -> Option<String>| -> ArrayRef {
        Arc::new(letters.iter().map(get).collect::<StringArray>())
    };
    let number = |get: &dyn Fn(&DeadLetter) -> Option<u64>| -> ArrayRef {
        Arc::new(letters.iter().map(get).collect::<UInt64Array>())
    };
    RecordBatch::try_from_iter_with_nullable([
        ("sink", text(&|letter| Some(letter.sink.clone())), true),
        ("unit", number(&|letter| Some(letter.unit)), true),
        ("row", number(&|letter| Some(letter.row)), true),
        ("reason", text(&|letter| Some(letter.reason.clone())), true),
        ("sqlstate", text(&|letter| letter.sqlstate.clone()), true),
        ("source_file", text(&|letter| letter.source_file.clone()), true),
        ("source_row", number(&|letter| letter.source_row), true),
        ("column", text(&|letter| letter.column.clone()), true),
        ("value", text(&|letter| letter.value.clone()), true),
        ("record", text(&|letter| serde_json::to_string(&letter.record).ok()), true),
        ("trace_id", text(&|letter| Some(letter.trace_id.clone())), true),
    ])
    .map_err(Error::internal)
}

fn ended(job_id: &str) -> Error {
    Error::new(
        Code::Conflict,
        text!(
            "O trabalho {job_id} já terminou; só restam suas linhas recusadas (dead_letters, replay)",
            "Job {job_id} has ended; only its dead letters are left (dead_letters, replay)"
        ),
    )
    .with("received", job_id)
    .stage("recovery")
}

fn not_complete(job_id: &str) -> Error {
    Error::new(
        Code::Conflict,
        text!(
            "O trabalho {job_id} não terminou bem, e sua tabela não tem as outras linhas: continue-o com resume, ou descarte-o",
            "Job {job_id} has not completed, and its table does not have the other rows: go on with resume, or discard it"
        ),
    )
    .with("received", job_id)
    .stage("recovery")
}
