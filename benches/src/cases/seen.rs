//! The plain stream while somebody looks: log lines at INFO, spans, and metrics that are read every second.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use datasus::Client;
use datasus::telemetry::Spans;
use serde_json::Value;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

use super::stream;
use crate::arguments::Arguments;
use crate::job;

/// Fifteen times as often as Prometheus asks by default.
const SCRAPES: Duration = Duration::from_secs(1);

pub fn stream(arguments: &Arguments) -> Result<Value, String> {
    match arguments.text("by")? {
        "nobody" => stream::take(arguments, &job::everything(), None),
        "all" => {
            let lines = tracing_subscriber::fmt::layer().with_writer(std::io::sink);
            let subscriber = tracing_subscriber::registry().with(LevelFilter::INFO).with(lines).with(Spans::kept());
            tracing::subscriber::set_global_default(subscriber).map_err(|error| error.to_string())?;
            stream::take_beside(arguments, &job::everything(), None, Scrapes::of)
        }
        other => Err(format!("by: expected nobody or all, received {other:?}")),
    }
}

/// Reads the metrics until it goes.
struct Scrapes {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Scrapes {
    fn of(client: &Client) -> Self {
        let (stop, stopped) = channel();
        let client = client.clone();
        let work = move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(SCRAPES) {
                std::hint::black_box(client.open_metrics());
            }
        };
        Scrapes { stop: Some(stop), thread: Some(std::thread::spawn(work)) }
    }
}

impl Drop for Scrapes {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A scrape that panicked is no figure.
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
    }
}
