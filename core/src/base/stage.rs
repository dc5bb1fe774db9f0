//! Stages of a job as spans of `tracing`: who listens sees what a job does, where its time goes, and in which stage it failed.

use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::Empty;
use tracing::{Span, Value, info_span};

use super::{Error, TraceId, masked};

/// What a job does; its name is that of the span, and `stage` in the log lines within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// What is asked is checked, and the files are chosen.
    Plan,
    /// In the queue.
    Wait,
    /// Files come, and become Parquet.
    Files,
    /// A statement runs; the rows are taken meanwhile.
    Engine,
    /// Rows go where they belong.
    Sink,
    /// The report is written.
    Report,
}

impl Stage {
    /// A span of this stage below `job`.
    fn span(self, job: &Span) -> Span {
        macro_rules! stage {
            ($name:literal) => {
                info_span!(parent: job, $name, stage = $name, code = Empty, detail = Empty)
            };
        }
        match self {
            Stage::Plan => stage!("plan"),
            Stage::Wait => stage!("wait"),
            Stage::Files => stage!("files"),
            Stage::Engine => stage!("engine"),
            Stage::Sink => stage!("sink"),
            Stage::Report => stage!("report"),
        }
    }
}

/// The span of a job, or of a stage of it; clones are the same one. None by default.
#[derive(Clone, Default)]
pub struct JobSpan(Arc<Mutex<Option<Span>>>);

impl JobSpan {
    /// Of a new job.
    pub fn of_job(trace_id: &TraceId) -> Self {
        JobSpan::new(info_span!(
            "job",
            %trace_id,
            job_id = Empty,
            datasets = Empty,
            priority = Empty,
            rows = Empty,
            status = Empty,
            code = Empty,
            detail = Empty
        ))
    }

    fn new(span: Span) -> Self {
        JobSpan(Arc::new(Mutex::new(Some(span))))
    }

    /// A stage of it, which ends with the last clone.
    pub fn within(&self, stage: Stage) -> JobSpan {
        self.span().map(|job| JobSpan::new(stage.span(&job))).unwrap_or_default()
    }

    /// None once it has ended.
    fn span(&self) -> Option<Span> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells a fact of it.
    pub fn tell(&self, name: &'static str, value: impl Value) {
        if let Some(span) = self.span() {
            span.record(name, value);
        }
    }

    /// What it failed with.
    pub fn failed(&self, error: &Error) {
        self.tell("code", error.code().as_str());
        self.tell("detail", &*masked(error.detail()));
    }

    /// What is logged until the guard goes, by this thread, is of it.
    #[must_use]
    pub fn enter(&self) -> Option<tracing::span::EnteredSpan> {
        self.span().map(Span::entered)
    }

    /// It is over, whoever still holds a clone.
    pub fn end(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}
