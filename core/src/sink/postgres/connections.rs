//! How many of the connections that loads may have are at work, in the whole process.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;

static ALLOWED: AtomicI64 = AtomicI64::new(0);
static AT_WORK: AtomicI64 = AtomicI64::new(0);

/// So many connections more, for as long as it is held.
pub(super) struct Counted(&'static AtomicI64, i64);

impl Counted {
    /// What a load may have.
    pub(super) fn allowed(connections: usize) -> Self {
        Self::of(&ALLOWED, i64::try_from(connections).unwrap_or(i64::MAX))
    }

    /// One that takes rows.
    pub(super) fn at_work() -> Self {
        Self::of(&AT_WORK, 1)
    }

    fn of(counter: &'static AtomicI64, by: i64) -> Self {
        counter.fetch_add(by, Relaxed);
        Counted(counter, by)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Relaxed);
    }
}

/// As a registry shows them.
#[derive(Debug)]
pub struct Connections;

impl Collector for Connections {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let (allowed, at_work) = (ALLOWED.load(Relaxed), AT_WORK.load(Relaxed));
        let usage = if allowed == 0 { 0.0 } else { at_work as f64 / allowed as f64 };
        for (name, help, value) in [
            ("conn_pool_usage_ratio", "Share of the PostgreSQL connections of running loads that take rows.", usage),
            ("conn_pool_connections", "PostgreSQL connections that take rows.", at_work as f64),
            ("conn_pool_limit", "PostgreSQL connections that running loads may have.", allowed as f64),
        ] {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}
