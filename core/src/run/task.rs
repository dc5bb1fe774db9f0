//! What a job's thread does, from its beginning to its end.

use crossbeam_channel::Sender;

use super::environment::Environment;
use super::execution::{Prepared, Run};
use super::resume::resumed::{self, Resumed};
use super::{Job, Report, export, stream};
use crate::base::{Ctx, PeakMemory, Result};
use crate::params::Query;
use crate::sink::arrow::ArrowReader;
use crate::sink::{Destination, OutputRoot};

/// What a job's thread does.
pub(super) enum Task {
    /// The stream's reading end is handed over as soon as the schema is known.
    Stream {
        prepared: Prepared,
        to_caller: Sender<ArrowReader>,
    },
    Durable {
        prepared: Prepared,
        root: OutputRoot,
        destinations: Vec<Destination>,
    },
    Resume(Box<Resumed>),
}

impl Task {
    pub fn prepared(&self) -> &Prepared {
        match self {
            Task::Stream { prepared, .. } | Task::Durable { prepared, .. } => prepared,
            Task::Resume(resumed) => &resumed.prepared,
        }
    }

    fn datasets(&self) -> String {
        datasets(&self.prepared().query)
    }
}

/// Runs `task` to its end, in the job's own thread.
pub(super) fn run(env: &Environment, task: Task, job: &Job, ctx: &Ctx) -> Result<Report> {
    let datasets = task.datasets();
    tracing::info!(trace_id = %ctx.trace_id, job_id = job.id(), datasets = %datasets, "started");
    let memory = PeakMemory::watch();
    let run = Run { env, memory: &memory, job, ctx };
    let outcome = match task {
        Task::Stream { prepared, to_caller } => {
            run.settled(prepared).and_then(|prepared| stream::run(run, prepared, to_caller))
        }
        Task::Durable { prepared, root, destinations } => {
            run.settled(prepared).and_then(|prepared| export::run(run, prepared, root, destinations))
        }
        Task::Resume(resumed) => resumed::go_on(run, *resumed),
    };
    run.count(&outcome);
    let report = outcome?;
    report.warnings.iter().for_each(|warning| ctx.log_warning(warning));
    let (rows, sampled) = (report.records_processed, report.sampling.is_some());
    tracing::info!(trace_id = %ctx.trace_id, job_id = job.id(), rows, sampled, "completed");
    Ok(report)
}

fn datasets(query: &Query) -> String {
    query.scopes.iter().map(|scope| scope.grupo.dataset.to_string()).collect::<Vec<_>>().join(",")
}
