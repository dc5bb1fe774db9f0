//! The scheduler's metrics: who waits, who runs, and how long jobs waited to be started.

use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;

use super::Scheduler;
use crate::base::Priority;

/// From submission to the start, by class.
#[derive(Debug)]
pub(super) struct Waits([Histogram; 3]);

impl Default for Waits {
    fn default() -> Self {
        // Close around the promises: 1 s for health, 10 s for admin.
        let bounds = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
        Waits([(); 3].map(|()| Histogram::new(bounds)))
    }
}

impl Waits {
    pub fn waited(&self, class: Priority, time: Duration) {
        self.0[class as usize].observe(time.as_secs_f64());
    }
}

/// Registered with each client's registry, so that all of them show the one scheduler.
impl Collector for Scheduler {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        // A forked child has no queue to tell of.
        let Ok(load) = self.load() else { return Ok(()) };
        let kind = ConstGauge::new(0i64).metric_type();
        for (name, help, jobs) in [
            ("jobs_running", "Jobs that hold a slot.", load.running),
            ("jobs_parked", "Jobs that wait for their consumer.", load.parked),
        ] {
            ConstGauge::new(jobs as i64).encode(encoder.encode_descriptor(name, help, None, kind)?)?;
        }
        let mut metric = encoder.encode_descriptor("queue_depth", "Jobs that wait to be started.", None, kind)?;
        for (class, jobs) in Priority::ALL.into_iter().zip(load.queued) {
            ConstGauge::new(jobs as i64).encode(metric.encode_family(&[("priority", class.as_str())])?)?;
        }
        let (name, help) = ("queue_wait_seconds", "From submission to the start.");
        let mut metric = encoder.encode_descriptor(name, help, None, Histogram::TYPE)?;
        for (class, waits) in Priority::ALL.into_iter().zip(&self.dispatcher.waits().0) {
            waits.encode(metric.encode_family(&[("priority", class.as_str())])?)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler").field("load", &self.load().ok()).finish()
    }
}
