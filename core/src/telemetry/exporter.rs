//! Sends spans in batches, from a thread of its own: no job waits for a collector.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use reqwest::Client;
use serde_json::{Value, json};

use super::collector::Collector;
use crate::base::{Error, Result};

/// Spans that wait; one more is lost, and counted.
const WAITING: usize = 4_096;
/// Spans of a request, and how long the first of them waits for others.
const BATCH: usize = 512;
const PAUSE: Duration = Duration::from_secs(1);
/// Between attempts at one batch; after the last it is lost, and counted.
const AGAIN: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

enum Told {
    Span(Value),
    /// Whoever waits for what was told before.
    Flush(Sender<()>),
}

static LOST: AtomicU64 = AtomicU64::new(0);
/// All that were started, for [`flush`].
static QUEUES: Mutex<Vec<Sender<Told>>> = Mutex::new(Vec::new());

/// The queue's beginning.
pub(super) struct Exporter(Sender<Told>);

impl Exporter {
    pub fn start(collector: Collector) -> Result<Self> {
        let client = collector.client()?;
        let (queue, told) = bounded(WAITING);
        let work = move || Work { collector, client, batch: Vec::new() }.run(&told);
        let thread = std::thread::Builder::new().name("datasus-otlp".into()).spawn(work);
        thread.map_err(|error| Error::internal(format!("cannot start a thread: {error}")))?;
        QUEUES.lock().unwrap_or_else(PoisonError::into_inner).push(queue.clone());
        Ok(Exporter(queue))
    }

    pub fn send(&self, span: Value) {
        if let Err(TrySendError::Full(_)) = self.0.try_send(Told::Span(span)) {
            LOST.fetch_add(1, Relaxed);
        }
    }
}

/// Waits, `patience` at most, until the spans that were over by now are sent, or lost. True: all had their turn.
pub fn flush(patience: Duration) -> bool {
    let until = Instant::now() + patience;
    let queues = QUEUES.lock().unwrap_or_else(PoisonError::into_inner).clone();
    queues.iter().all(|queue| {
        let (done, sent) = bounded(1);
        let left = || until.saturating_duration_since(Instant::now());
        queue.send_timeout(Told::Flush(done), left()).is_ok() && sent.recv_timeout(left()).is_ok()
    })
}

struct Work {
    collector: Collector,
    client: Client,
    batch: Vec<Value>,
}

impl Work {
    fn run(mut self, told: &Receiver<Told>) {
        let mut due = Instant::now();
        loop {
            let patience =
                if self.batch.is_empty() { PAUSE * 60 } else { due.saturating_duration_since(Instant::now()) };
            match told.recv_timeout(patience) {
                Ok(Told::Span(span)) => {
                    if self.batch.is_empty() {
                        due = Instant::now() + PAUSE;
                    }
                    self.batch.push(span);
                    if self.batch.len() >= BATCH {
                        self.send();
                    }
                }
                Ok(Told::Flush(done)) => {
                    self.send();
                    // Nobody waits any more, perhaps.
                    let _ = done.try_send(());
                }
                Err(RecvTimeoutError::Timeout) => self.send(),
                Err(RecvTimeoutError::Disconnected) => return self.send(),
            }
        }
    }

    fn send(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let spans = std::mem::take(&mut self.batch);
        let count = spans.len() as u64;
        let body = self.body(spans);
        let mut waits = AGAIN.into_iter();
        let why = loop {
            let why = match self.collector.post(&self.client, &body) {
                Ok(200..=299) => break None,
                // Those that may do later; the others never do.
                Ok(status @ (429 | 502 | 503 | 504)) => format!("HTTP {status}"),
                Ok(status) => break Some(format!("HTTP {status}")),
                Err(why) => why,
            };
            match waits.next() {
                Some(wait) => std::thread::sleep(wait),
                None => break Some(why),
            }
        };
        let lost = LOST.swap(0, Relaxed) + if why.is_some() { count } else { 0 };
        if lost > 0 {
            let why = why.unwrap_or_else(|| "the queue was full".to_owned());
            tracing::warn!(lost, collector = self.collector.shown(), why, "spans were not sent");
        }
    }

    /// One `ExportTraceServiceRequest`.
    fn body(&self, spans: Vec<Value>) -> Value {
        let version = env!("CARGO_PKG_VERSION");
        let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
        let resource = [
            text("service.name", self.collector.name()),
            text("telemetry.sdk.name", "datasus"),
            text("telemetry.sdk.version", version),
            text("telemetry.sdk.language", "rust"),
        ];
        json!({"resourceSpans": [{
            "resource": {"attributes": resource},
            "scopeSpans": [{"scope": {"name": "datasus", "version": version}, "spans": spans}],
        }]})
    }
}
