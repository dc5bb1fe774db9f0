//! Everything that the library logs, at TRACE, is searched for the password of the tests' server.

use std::io::{self, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_subscriber::fmt::MakeWriter;

/// Part of every password of the tests.
pub const WORD: &str = "CANARY";

static LINES: AtomicU64 = AtomicU64::new(0);
static HITS: AtomicU64 = AtomicU64::new(0);

/// Listens from now on, to `tracing` and `log` alike.
pub fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber =
            tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(Search).with_ansi(false);
        subscriber.try_init().unwrap();
    });
}

/// No line held the secret so far; how many there were.
pub fn check() -> u64 {
    assert_eq!(HITS.load(Ordering::SeqCst), 0, "the password stands in a log line");
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
