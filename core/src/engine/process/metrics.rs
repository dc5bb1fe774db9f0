//! What is told of a client's workers.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::pool::Counts;

/// Registered with the client's metrics.
#[derive(Debug)]
pub struct WorkerMetrics(pub(super) Arc<Counts>);

impl Collector for WorkerMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let counts = &self.0;
        let gauge = ConstGauge::new(0u64).metric_type();
        let help = "Processes of this client for SQL.";
        let mut metric = encoder.encode_descriptor("engine_workers", help, None, gauge)?;
        for (state, count) in [("running", &counts.running), ("waiting", &counts.waiting)] {
            ConstGauge::new(count.load(Relaxed)).encode(metric.encode_family(&[("state", state)])?)?;
        }
        let help = "Whether the kernel shuts them in by it.";
        let mut metric = encoder.encode_descriptor("engine_worker_locks", help, None, gauge)?;
        for (lock, there) in [("landlock", &counts.landlock), ("seccomp", &counts.seccomp)] {
            let there = u64::from(there.load(Relaxed) > 0);
            ConstGauge::new(there).encode(metric.encode_family(&[("lock", lock)])?)?;
        }
        let mut counter = |name: &str, help: &str, count: &AtomicU64| {
            let counter = ConstCounter::new(count.load(Relaxed));
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)
        };
        counter("engine_workers_started", "Processes that were started.", &counts.started)?;
        counter("engine_workers_killed", "Those ended by a cancel or a deadline.", &counts.killed)?;
        counter("engine_workers_crashed", "Those that ended by themselves before their answer did.", &counts.crashed)
    }
}
