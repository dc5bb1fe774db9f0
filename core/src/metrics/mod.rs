//! What a client counts, as Prometheus text or as OpenMetrics, which alone has exemplars. A registry per client; nothing global.
//!
//! ```
//! use std::time::Duration;
//! use datasus::{governor::Governor, metrics::Metrics};
//!
//! let metrics = Metrics::new([Box::new(Governor::of_process()) as _]);
//! metrics.delivered("csv", 1_000, 40_000);
//! metrics.job_ended("completed", Duration::from_secs(2), 1_000, 90_000_000, "0a1b2c3d");
//! assert!(metrics.text().contains(r#"datasus_sink_rows_total{sink="csv"} 1000"#));
//! assert!(metrics.open_metrics().contains(r#"# {trace_id="0a1b2c3d"} 2.0"#));
//! ```

mod prometheus_text;

use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Sink {
    sink: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Figure {
    figure: &'static str,
}

/// Of which job a value is; in exemplars alone, where any number of them may be.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Trace {
    trace_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Part {
    part: &'static str,
}

/// What a query is built of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Complexity {
    /// Tables that are joined to others.
    pub joins: u64,
    /// Figures over groups.
    pub aggregations: u64,
    /// Window functions.
    pub windows: u64,
}

/// Counters of one client; any thread writes them.
pub struct Metrics {
    registry: Registry,
    sink_rows: Family<Sink, Counter>,
    sink_bytes: Family<Sink, Counter>,
    dead_letters: Family<Sink, Counter>,
    retries: Counter,
    jobs: Family<Status, Counter>,
    job_duration: Family<Status, HistogramWithExemplars<Trace>, fn() -> HistogramWithExemplars<Trace>>,
    complexity: Family<Part, Histogram, fn() -> Histogram>,
    throughput: Gauge<f64, AtomicU64>,
    memory_peak: Gauge<f64, AtomicU64>,
    estimates: Family<Figure, Histogram, fn() -> Histogram>,
}

/// The truth beside an estimate: 1 where it was right.
fn ratios() -> Histogram {
    Histogram::new([0.1, 0.25, 0.5, 0.75, 0.9, 1.1, 1.33, 2.0, 4.0, 10.0])
}

/// From a cached answer of some milliseconds to a load of hours.
fn durations() -> HistogramWithExemplars<Trace> {
    let bounds = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0, 3_600.0, 10_000.0];
    HistogramWithExemplars::new(bounds.into_iter())
}

fn parts() -> Histogram {
    Histogram::new([0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0])
}

impl Metrics {
    /// `more`: services that are read when the text is asked for, such as governor and scheduler.
    pub fn new(more: impl IntoIterator<Item = Box<dyn Collector>>) -> Self {
        let mut registry = Registry::with_prefix("datasus");
        let metrics = Metrics {
            sink_rows: Family::default(),
            sink_bytes: Family::default(),
            dead_letters: Family::default(),
            retries: Counter::default(),
            jobs: Family::default(),
            job_duration: Family::new_with_constructor(durations),
            complexity: Family::new_with_constructor(parts),
            throughput: Gauge::default(),
            memory_peak: Gauge::default(),
            estimates: Family::new_with_constructor(ratios),
            registry: Registry::default(),
        };
        // Counters get their `_total` in the text.
        registry.register("sink_rows", "Rows delivered to a sink", metrics.sink_rows.clone());
        registry.register("sink_bytes", "Bytes written by a sink", metrics.sink_bytes.clone());
        registry.register("dead_letters", "Records that a sink rejected", metrics.dead_letters.clone());
        registry.register("retries", "Attempts after the first", metrics.retries.clone());
        registry.register("jobs", "Jobs that ended", metrics.jobs.clone());
        registry.register("job_duration_seconds", "From submission to the last byte", metrics.job_duration.clone());
        let help = "Joins, aggregations and windows of the queries that were begun";
        registry.register("query_complexity", help, metrics.complexity.clone());
        registry.register("throughput_rows_per_second", "Of the last completed job", metrics.throughput.clone());
        registry.register("memory_peak_bytes", "The process's peak in the last job", metrics.memory_peak.clone());
        registry.register(
            "estimate_ratio",
            "What jobs took beside what was estimated, by figure: rows, duration, memory",
            metrics.estimates.clone(),
        );
        // There from the beginning: a rate of failures has a value before the first of them.
        for status in ["completed", "failed", "cancelled"] {
            drop(metrics.jobs.get_or_create(&Status { status }));
        }
        more.into_iter().for_each(|collector| registry.register_collector(collector));
        Metrics { registry, ..metrics }
    }

    /// A sink took `rows`, as `bytes` of its own form.
    pub fn delivered(&self, sink: &'static str, rows: u64, bytes: u64) {
        self.sink_rows.get_or_create(&Sink { sink }).inc_by(rows);
        self.sink_bytes.get_or_create(&Sink { sink }).inc_by(bytes);
    }

    /// So many records were refused by a sink of this kind, or (`all`) by the readers of files.
    pub fn dead_letters(&self, sink: &'static str, records: u64) {
        self.dead_letters.get_or_create(&Sink { sink }).inc_by(records);
    }

    /// A job was tried once more.
    pub fn retried(&self) {
        self.retries.inc();
    }

    /// A query begins to run.
    pub fn began(&self, query: Complexity) {
        let Complexity { joins, aggregations, windows } = query;
        for (part, count) in [("joins", joins), ("aggregations", aggregations), ("windows", windows)] {
            self.complexity.get_or_create(&Part { part }).observe(count as f64);
        }
    }

    /// `status` is the final one; `rows` those delivered; `peak_bytes` the process's peak during the job.
    pub fn job_ended(&self, status: &'static str, took: Duration, rows: u64, peak_bytes: u64, trace_id: &str) {
        self.jobs.get_or_create(&Status { status }).inc();
        let trace = Trace { trace_id: trace_id.to_owned() };
        let durations = self.job_duration.get_or_create(&Status { status });
        durations.observe(took.as_secs_f64(), Some(trace), Some(SystemTime::now()));
        self.memory_peak.set(peak_bytes as f64);
        if status == "completed" && !took.is_zero() {
            self.throughput.set(rows as f64 / took.as_secs_f64());
        }
    }

    /// A job has ended whose `figure` (`rows`, `duration`, `memory`) was `ratio` times what was estimated.
    pub fn estimated(&self, figure: &'static str, ratio: f64) {
        if ratio.is_finite() {
            self.estimates.get_or_create(&Figure { figure }).observe(ratio);
        }
    }

    /// Everything, in Prometheus' text format (0.0.4).
    pub fn text(&self) -> String {
        prometheus_text::encode(&self.registry)
    }

    /// The same in OpenMetrics' text format (1.0.0), with the `trace_id` of a job as exemplar of each bucket of durations and waits.
    pub fn open_metrics(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
