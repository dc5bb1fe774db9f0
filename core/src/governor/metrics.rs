//! The governor's metrics, read when they are asked for.

use std::fmt;
use std::sync::atomic::Ordering::Relaxed;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::abandoned::{abandoned, ever_abandoned};
use super::{Governor, Mode};

/// Registered with each client's registry, so that all of them show the one governor.
impl Collector for Governor {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let pressure = self.pressure();
        let (leased, whole) = self.leased();
        let mut gauge = |name: &str, help: &str, value: f64| {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        gauge("memory_pressure_ratio", "Share of the tightest memory limit in use.", pressure.share)?;
        gauge("memory_used_bytes", "Memory in use under the tightest limit.", pressure.used as f64)?;
        gauge("memory_foreign_bytes", "Memory that the host keeps of our answers.", pressure.foreign as f64)?;
        let streams = self.throttle().streams().bytes();
        gauge("memory_stream_bytes", "Memory that streams hold for their readers.", streams as f64)?;
        let kept = self.throttle().caches().bytes();
        gauge("memory_cache_bytes", "Memory of kept answers, of all clients.", kept as f64)?;
        gauge("memory_lease_bytes", "Memory leased to jobs.", leased as f64)?;
        gauge("memory_leasable_bytes", "Memory that all leases together may have.", whole as f64)?;
        gauge("memory_swap_used_bytes", "Swap in use on the machine.", pressure.swap_used as f64)?;

        let left = abandoned();
        gauge("threads_abandoned", "Threads that do not stop, though nobody waits for them.", left.len() as f64)?;

        let limit = ConstGauge::new(pressure.limit as f64);
        let mut metric =
            encoder.encode_descriptor("memory_limit_bytes", "The tightest memory limit.", None, limit.metric_type())?;
        limit.encode(metric.encode_family(&[("by", pressure.by.as_str())])?)?;

        let mut metric =
            encoder.encode_descriptor("mode", "1 for the mode at the moment.", None, limit.metric_type())?;
        for mode in Mode::ALL {
            let now = ConstGauge::new(i64::from(self.mode() == mode));
            now.encode(metric.encode_family(&[("mode", mode.as_str())])?)?;
        }
        let (name, help) = ("thread_abandoned_seconds", "For how long a thread does not stop.");
        let mut metric = encoder.encode_descriptor(name, help, None, limit.metric_type())?;
        for (thread, trace_id, time) in left {
            let labels = [("thread", thread.as_str()), ("trace_id", trace_id.as_str())];
            ConstGauge::new(time.as_secs_f64()).encode(metric.encode_family(&labels)?)?;
        }
        let kind = ConstCounter::new(0u64).metric_type();
        let help = "Threads that did not stop in time.";
        ConstCounter::new(ever_abandoned()).encode(encoder.encode_descriptor(
            "threads_ever_abandoned",
            help,
            None,
            kind,
        )?)?;
        let mut metric = encoder.encode_descriptor("mode_changes", "Changes into a mode.", None, kind)?;
        for mode in Mode::ALL {
            let changes = ConstCounter::new(self.0.changes[mode as usize].load(Relaxed));
            changes.encode(metric.encode_family(&[("to", mode.as_str())])?)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Governor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Governor").field("mode", &self.mode()).field("pressure", &self.pressure()).finish()
    }
}
