//! What a job's thread does, from its beginning to its end, whatever its rows are for.

use std::time::Instant;

use super::environment::Environment;
use super::execution::Run;
use super::{Job, Report, complexity};
use crate::base::{Ctx, PeakMemory, Result};
use crate::metrics::Complexity;
use crate::params::{Options, Query};

/// A job that waits for its turn.
pub(super) struct Task {
    pub options: Options,
    /// Its reader may hold it up: it gives its slot back then.
    pub parks: bool,
    datasets: String,
    complexity: Complexity,
    work: Box<dyn FnOnce(Run) -> Result<Report> + Send>,
}

impl Task {
    pub fn new(query: &Query, parks: bool, work: impl FnOnce(Run) -> Result<Report> + Send + 'static) -> Self {
        let datasets: Vec<String> = query.scopes.iter().map(|scope| scope.grupo.dataset.to_string()).collect();
        let (options, complexity) = (query.options.clone(), complexity::of(&query.ask));
        Task { options, parks, datasets: datasets.join(","), complexity, work: Box::new(work) }
    }

    /// To its end, in the job's own thread.
    pub fn run(self, env: &Environment, job: &Job, ctx: &Ctx) -> Result<Report> {
        tracing::info!(trace_id = %ctx.trace_id, job_id = job.id(), datasets = %self.datasets, "started");
        ctx.span.tell("datasets", self.datasets.as_str());
        env.metrics.began(self.complexity);
        let memory = PeakMemory::watch();
        let run = Run { env, memory: &memory, began: Instant::now(), job, ctx };
        let outcome = (self.work)(run);
        run.count(&outcome);
        let report = outcome?;
        report.warnings.iter().for_each(|warning| ctx.log_warning(warning));
        let (rows, sampled) = (report.records_processed, report.sampling.is_some());
        ctx.span.tell("rows", rows);
        tracing::info!(trace_id = %ctx.trace_id, job_id = job.id(), rows, sampled, "completed");
        Ok(report)
    }
}
