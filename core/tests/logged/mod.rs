//! What is logged at TRACE, and sent to a collector, by whichever test of a binary.

mod collector;

use std::io::Write;
use std::sync::{LazyLock, Mutex, Once};
use std::time::Duration;

use datasus::telemetry::{Spans, flush};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

#[allow(unused_imports, reason = "not every binary parses them")]
pub use collector::{Received, spans_of};

static LOGGED: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static COLLECTOR: LazyLock<Received> = LazyLock::new(Received::begin);

struct Log;

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        LOGGED.lock().unwrap().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// From here on; what other tests of the binary log is there as well.
pub fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let lines = tracing_subscriber::fmt::layer().with_writer(|| Log).with_ansi(false);
        let lines = lines.with_span_events(FmtSpan::NEW | FmtSpan::CLOSE);
        let spans = Spans::sent_to(COLLECTOR.collector()).unwrap();
        tracing_subscriber::registry().with(LevelFilter::TRACE).with(lines).with(spans).try_init().unwrap();
    });
}

/// All that came since, in the log and to the collector.
pub fn logged() -> String {
    let sent = sent();
    format!("{}\n{sent}", String::from_utf8_lossy(&LOGGED.lock().unwrap()))
}

/// What the collector has got.
pub fn sent() -> String {
    assert!(flush(Duration::from_secs(300)), "the collector did not get all");
    COLLECTOR.bodies().join("\n")
}
