//! What is counted of kept answers, read when it is asked for.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::Counts;

/// A client's counts as its registry shows them.
#[derive(Debug)]
pub struct CacheMetrics(pub Arc<Counts>);

impl Collector for CacheMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let counts = &self.0;
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        let (l1, l2, misses) = (read(&counts.hits_l1), read(&counts.hits_l2), read(&counts.misses));
        let asked = l1 + l2 + misses;
        let rate = if asked == 0 { 0.0 } else { (l1 + l2) as f64 / asked as f64 };
        for (name, help, value) in [
            ("cache_hit_rate", "Share of the answers that were kept ones, of all that may be kept.", rate),
            ("cache_client_bytes", "Memory of the client's kept answers.", read(&counts.memory_bytes) as f64),
        ] {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        let kind = ConstCounter::new(0u64).metric_type();
        let mut metric = encoder.encode_descriptor(
            "cache_answers",
            "Answers that may be kept, by where they came from.",
            None,
            kind,
        )?;
        for (result, count) in [("hit-l1", l1), ("hit-l2", l2), ("miss", misses)] {
            ConstCounter::new(count).encode(metric.encode_family(&[("result", result)])?)?;
        }
        let mut metric = encoder.encode_descriptor(
            "cache_failures",
            "Why an answer was not taken from, or not kept in, a cache.",
            None,
            kind,
        )?;
        for (why, count) in [
            ("too-large", &counts.too_large),
            ("damaged", &counts.damaged),
            ("forged", &counts.forged),
            ("not-kept", &counts.not_kept),
            ("redis-slow", &counts.redis_slow),
            ("redis-unreachable", &counts.redis_unreachable),
            ("redis-refused", &counts.redis_refused),
            ("redis-skipped", &counts.redis_skipped),
        ] {
            ConstCounter::new(read(count)).encode(metric.encode_family(&[("why", why)])?)?;
        }
        Ok(())
    }
}
