//! The scheduler's metrics: who waits, who runs, and how long jobs waited to be started.

use std::fmt;
use std::time::{Duration, SystemTime};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::gauge::ConstGauge;

use super::Scheduler;
use crate::base::{Priority, TraceId};

/// Of which job a wait was; one for each bucket.
type Trace = [(&'static str, String); 1];

/// From submission to the start, by class.
#[derive(Debug)]
pub(super) struct Waits([HistogramWithExemplars<Trace>; 3]);

impl Default for Waits {
    fn default() -> Self {
        // Close around the promises: 1 s for health, 10 s for admin.
        let bounds = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
        Waits([(); 3].map(|()| HistogramWithExemplars::new(bounds.into_iter())))
    }
}

impl Waits {
    pub fn waited(&self, class: Priority, time: Duration, trace_id: &TraceId) {
        let trace = [("trace_id", trace_id.as_str().to_owned())];
        self.0[class as usize].observe(time.as_secs_f64(), Some(trace), Some(SystemTime::now()));
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
        let mut metric = encoder.encode_descriptor(name, help, None, HistogramWithExemplars::<Trace>::TYPE)?;
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

#[cfg(test)]
mod tests {
    use crate::base::{Ctx, Priority};
    use crate::metrics::Metrics;
    use crate::scheduler::{Handle, Limits, Order, Scheduler};

    #[test]
    fn a_bucket_of_waits_names_the_job_that_waited_in_open_metrics_and_in_no_other_text() {
        let scheduler = Scheduler::new(Limits::default());
        let metrics = Metrics::new([Box::new(scheduler.clone()) as _]);
        let order = Order { owner: scheduler.owner(1), priority: Priority::Admin, deadline: None, parks: false };
        let job = Handle::new(Ctx::default());
        scheduler.submit(order, &job, |_ctx| Ok(())).unwrap();
        job.wait().unwrap();
        let (open, trace) = (metrics.open_metrics(), format!(r#" # {{trace_id="{}"}} "#, job.ctx().trace_id));
        let named: Vec<&str> = open.lines().filter(|line| line.contains(&trace)).collect();
        assert!(
            matches!(named[..], [only] if only.starts_with("datasus_queue_wait_seconds_bucket{")
                && only.contains(r#"priority="admin""#)),
            "{named:?} in\n{open}"
        );
        assert!(!metrics.text().contains("trace_id"), "{}", metrics.text());
    }
}
