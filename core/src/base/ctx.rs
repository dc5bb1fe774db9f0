//! What a running piece of work carries with it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Cancel, ClusterUse, JobSpan, Language, Progress, Result, Slot, Stage, TableIndex, Text, TraceId};

/// Cancellation, right to run, progress, trace and language of one job; cheap to clone.
#[derive(Clone, Default)]
pub struct Ctx {
    /// Stops the job.
    pub cancel: Cancel,
    /// The job's right to run.
    pub slot: Slot,
    /// How long the job may take, from its submission; none: that is not known here.
    pub deadline: Option<Duration>,
    /// How far the job has come.
    pub progress: Arc<Progress>,
    /// Ties log lines, errors and report together.
    pub trace_id: TraceId,
    /// What listeners of `tracing` see of the job.
    pub span: JobSpan,
    /// In which people are told.
    pub language: Language,
    /// What is to be said of the job when it ends.
    pub notes: Arc<Mutex<Vec<Text>>>,
    /// It only plans: files that are not here stay where they are.
    pub fetches_nothing: bool,
    /// What became of the indexes of its tables.
    pub indexes: Arc<Mutex<Vec<TableIndex>>>,
    /// What the job did on a cluster, where one runs its statements.
    pub cluster: Arc<Mutex<Option<ClusterUse>>>,
}

impl Ctx {
    /// Has the job's report say so, once.
    pub fn note(&self, note: Text) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    /// What was noted.
    pub fn notes(&self) -> Vec<Text> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the job's report name an index of a table.
    pub fn tell_index(&self, index: TableIndex) {
        self.indexes.lock().unwrap_or_else(PoisonError::into_inner).push(index);
    }

    /// Those that were told of.
    pub fn told_indexes(&self) -> Vec<TableIndex> {
        self.indexes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the job's report say what another statement did on a cluster.
    pub fn tell_cluster(&self, used: ClusterUse) {
        let mut told = self.cluster.lock().unwrap_or_else(PoisonError::into_inner);
        let before = told.take().unwrap_or_default();
        *told = Some(ClusterUse {
            engine: used.engine,
            stages: before.stages + used.stages,
            tasks: before.tasks + used.tasks,
            reconnects: before.reconnects + used.reconnects,
        });
    }

    /// What was told of it.
    pub fn told_cluster(&self) -> Option<ClusterUse> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same for a part of the job that can be stopped without the rest.
    pub fn child(&self) -> Ctx {
        Ctx { cancel: self.cancel.child(), ..self.clone() }
    }

    /// The same within a stage, which ends with the last clone of what comes back.
    pub fn within(&self, stage: Stage) -> Ctx {
        Ctx { span: self.span.within(stage), ..self.clone() }
    }

    /// Has `work` be a stage; what it fails with is told of the stage.
    pub fn stage<T>(&self, stage: Stage, work: impl FnOnce(&Ctx) -> Result<T>) -> Result<T> {
        let (ctx, began) = (self.within(stage), Instant::now());
        let _entered = ctx.span.enter();
        let done = work(&ctx).inspect_err(|error| ctx.span.failed(error));
        tracing::debug!(trace_id = %self.trace_id, seconds = began.elapsed().as_secs_f64(), "stage ended");
        done
    }

    /// A report's warning, for who reads the log and not the report.
    pub fn log_warning(&self, warning: &str) {
        tracing::warn!(trace_id = %self.trace_id, warning, "completed with a warning");
    }

    /// The job's end, once it has been cancelled or its deadline has passed.
    pub fn check(&self) -> Result<()> {
        self.cancel.check()
    }
}
