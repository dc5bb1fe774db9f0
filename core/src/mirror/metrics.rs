//! What is counted of files that are fetched, read when it is asked for.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;

/// Of one client.
#[derive(Debug, Default)]
pub struct Downloads {
    pub(super) files: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) retries: AtomicU64,
}

/// A client's counts as its registry shows them.
#[derive(Debug)]
pub struct DownloadMetrics(pub Arc<Downloads>);

impl Collector for DownloadMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let kind = ConstCounter::new(0u64).metric_type();
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        let help = "Files that were asked of a source, by whether they came.";
        let mut metric = encoder.encode_descriptor("downloads", help, None, kind)?;
        for (result, count) in [("fetched", &self.0.files), ("failed", &self.0.failed)] {
            ConstCounter::new(read(count)).encode(metric.encode_family(&[("result", result)])?)?;
        }
        for (name, help, count) in [
            ("download_bytes", "Bytes that came, of whole files and of others.", &self.0.bytes),
            ("download_retries", "Requests to a source that were made once more.", &self.0.retries),
        ] {
            ConstCounter::new(read(count)).encode(encoder.encode_descriptor(name, help, None, kind)?)?;
        }
        Ok(())
    }
}
