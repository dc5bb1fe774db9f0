//! Everything that the library logs, at TRACE, or sends to a collector of traces, is searched for the password of the tests' server.

#[path = "../logged/collector.rs"]
#[allow(dead_code, reason = "its bodies alone are searched")]
mod collector;

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Once};
use std::time::Duration;

use datasus::telemetry::{Spans, flush};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use collector::Received;

/// Part of every password of the tests.
pub const WORD: &str = "CANARY";

static LINES: AtomicU64 = AtomicU64::new(0);
static HITS: AtomicU64 = AtomicU64::new(0);
static COLLECTOR: LazyLock<Received> = LazyLock::new(Received::begin);

/// Listens from now on, to `tracing` and `log` alike.
pub fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let lines = tracing_subscriber::fmt::layer().with_writer(Search).with_ansi(false);
        let lines = lines.with_span_events(FmtSpan::NEW | FmtSpan::CLOSE);
        let spans = Spans::sent_to(COLLECTOR.collector()).unwrap();
        tracing_subscriber::registry().with(LevelFilter::TRACE).with(lines).with(spans).try_init().unwrap();
    });
}

/// No line held the secret so far; how many there were.
pub fn check() -> u64 {
    assert_eq!(HITS.load(Ordering::SeqCst), 0, "the password stands in a log line");
    assert!(flush(Duration::from_secs(300)), "the collector did not get all");
    let bodies = COLLECTOR.bodies();
    assert!(!bodies.iter().any(|body| body.contains(WORD)), "the password stands in a trace");
    LINES.load(Ordering::SeqCst)
}

struct Search;

impl Write for Search {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        LINES.fetch_add(1, Ordering::SeqCst);
        if String::from_utf8_lossy(line).contains(WORD) {
            HITS.fetch_add(1, Ordering::SeqCst);
            eprintln!("SECRET IN LOG: {}", String::from_utf8_lossy(line));
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Search {
    type Writer = Search;

    fn make_writer(&'a self) -> Search {
        Search
    }
}
