//! What a process tells of its jobs while they run: log lines that bear their job, and traces for a collector of OpenTelemetry. The
//! jobs' spans are `tracing`'s ([`crate::base::Stage`]); [`Spans`] is the layer that reads them.
//!
//! ```no_run
//! use datasus::telemetry::{Collector, Spans};
//! use tracing_subscriber::layer::SubscriberExt;
//!
//! // Each job is a trace: `job`, and below it `plan`, `wait`, `files`, `engine`, `sink`, `report`.
//! let spans = Spans::sent_to(Collector::at("http://127.0.0.1:4318")?)?;
//! let subscriber = tracing_subscriber::registry().with(spans);
//! tracing::subscriber::set_global_default(subscriber).expect("the only one");
//! // ... jobs, and at the end of the process:
//! datasus::telemetry::flush(std::time::Duration::from_secs(2));
//! # Ok::<(), datasus::Error>(())
//! ```
//!
//! Passwords are masked in every text. A collector that does not answer holds up no job: what waits for it is bounded, and what is
//! lost is counted in a log line.

mod collector;
mod exporter;
mod fields;
mod line;
mod spans;

pub use collector::{Collector, is_asked_for};
pub use exporter::flush;
pub use line::{Line, line_of};
pub use spans::Spans;
