//! Whether what failed is tried once more, and how: decided here, by what the error says of its cause.

use crate::base::{Cause, Ctx, Error, Result};
use crate::metrics::Metrics;
use crate::recovery::Retries;

/// The attempts of one job.
#[derive(Default)]
pub(super) struct Attempts {
    retries: Retries,
    /// The job's share of the memory did not do: it has all of it now, and one thread.
    alone: bool,
}

impl Attempts {
    /// How many there were, the one at hand included.
    pub fn count(&self) -> u32 {
        self.retries.attempts()
    }

    pub fn alone(&self) -> bool {
        self.alone
    }

    /// Whether it runs once more with all the memory that jobs may have, when the others have given theirs back. Once.
    pub fn runs_alone(&mut self, error: &Error) -> bool {
        let again = is_short_of_memory(error) && !std::mem::replace(&mut self.alone, true);
        if again {
            tracing::warn!("out of memory; runs once more alone");
        }
        again
    }

    /// After a failed attempt of a job whose sinks hold what they have: waits for the next one, without the job's slot. `Err`: there
    /// is none, and why.
    pub fn next(&mut self, error: Error, job_id: &str, metrics: &Metrics, ctx: &Ctx) -> Result<()> {
        if error.cause() == Some(Cause::TargetLost) && ctx.check().is_ok() {
            let error = error.traced(&ctx.trace_id, ctx.language);
            tracing::warn!(trace_id = %ctx.trace_id, job_id, attempt = self.count(), code = %error.code(), detail = error.detail(), "attempt failed");
            metrics.retried();
            return match ctx.slot.retry(|| self.retries.wait(&ctx.cancel)).flatten()? {
                true => Ok(()),
                false => Err(error.with("attempts", self.count())),
            };
        }
        if self.runs_alone(&error) { Ok(()) } else { Err(error) }
    }
}

/// The engine's share did not do; an emergency that the query wants to fail in is another matter.
pub(super) fn is_short_of_memory(error: &Error) -> bool {
    error.cause() == Some(Cause::EngineMemory)
}
