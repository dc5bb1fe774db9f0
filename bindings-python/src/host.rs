//! What the core tells the interpreter: log lines, and that memory is scarce. A thread of Python's own takes it from a
//! bounded queue, so that no thread of ours ever waits for the GIL.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use datasus::governor::{Governor, Hook};
use datasus::scheduler::Scheduler;
use datasus::telemetry::{Line, Spans, flush, line_of};
use pyo3::prelude::*;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::error::raised;

/// Events that wait for Python; more are dropped, and log lines only.
const WAITING: usize = 4_096;

enum Told {
    Log(u8, Line),
    /// Memory rose above 70 %.
    MemoryRose,
}

/// In Python's numbers; above all levels until somebody listens.
static LEVEL: AtomicU8 = AtomicU8::new(u8::MAX);
static QUEUE: OnceLock<Sender<Told>> = OnceLock::new();
static HOOK: Mutex<Option<Arc<Hook>>> = Mutex::new(None);

struct ToPython;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for ToPython {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let level = match *event.metadata().level() {
            Level::ERROR => 40,
            Level::WARN => 30,
            Level::INFO => 20,
            Level::DEBUG => 10,
            Level::TRACE => 5,
        };
        if level < LEVEL.load(Relaxed) {
            return;
        }
        if let Some(queue) = QUEUE.get() {
            // A full queue loses a log line rather than hold up a job.
            let _ = queue.try_send(Told::Log(level, line_of(event, &context)));
        }
    }
}

/// The queue's end, for the one thread that takes from it.
#[pyclass(frozen, module = "datasus._datasus")]
pub struct HostEvents(Mutex<Option<Receiver<Told>>>);

#[pymethods]
impl HostEvents {
    /// (level, text, event and fields as JSON) of a log line, (0, "", "") where memory is scarce; none where there was nothing for so long.
    fn next_within(&self, py: Python<'_>, seconds: f64) -> Option<(u8, String, String)> {
        let patience = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
        py.detach(|| {
            let queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match queue.as_ref()?.recv_timeout(patience) {
                Ok(Told::Log(level, line)) => {
                    Some((level, line.to_string(), serde_json::json!([line.event, line.fields]).to_string()))
                }
                Ok(Told::MemoryRose) => Some((0, String::new(), String::new())),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => None,
            }
        })
    }
}

/// Starts the queue; the second call gives an empty one. DS-422: the environment names a collector that is none.
#[pyfunction]
pub fn host_events(py: Python<'_>) -> PyResult<HostEvents> {
    if QUEUE.get().is_some() {
        return Ok(HostEvents(Mutex::new(None)));
    }
    let spans = Spans::of_environment().map_err(|error| raised(py, &error))?;
    let (queue, events) = bounded(WAITING);
    if QUEUE.set(queue).is_err() {
        return Ok(HostEvents(Mutex::new(None)));
    }
    // Fails where a subscriber is set, and nothing else in this library sets one.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(spans).with(ToPython));
    let hook: Arc<Hook> = Arc::new(|| {
        if let Some(queue) = QUEUE.get() {
            let _ = queue.try_send(Told::MemoryRose);
        }
    });
    Governor::of_process().hook(&hook);
    *HOOK.lock().unwrap_or_else(PoisonError::into_inner) = Some(hook);
    Ok(HostEvents(Mutex::new(Some(events))))
}

/// Log lines below `level` (Python's numbers) are not made.
#[pyfunction]
pub fn set_log_level(level: u8) {
    LEVEL.store(level, Relaxed);
}

/// Cancels what runs, and waits a second at most for the threads that asked for it: they come back with an error, and let go of
/// what they hold.
#[pyfunction]
pub fn shut_down(py: Python<'_>) {
    crate::ending::close();
    LEVEL.store(u8::MAX, Relaxed);
    py.detach(|| {
        HOOK.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A forked child has nothing of its own to end.
        let _ = Scheduler::of_process().close(Duration::ZERO);
        crate::ending::settle(Duration::from_secs(1));
        // What the collector does not take by then is lost.
        let _ = flush(Duration::from_secs(1));
    });
}

/// From now on a thread that comes back stays in here.
#[pyfunction]
pub fn hold_back() {
    crate::ending::end();
}

/// For tests: the statements and the texts of SQL that come next hear no interrupt for so long.
#[pyfunction]
pub fn hang_next(statements: usize, texts: usize, seconds: f64) {
    let time = Duration::from_secs_f64(seconds.clamp(0.0, 1e6));
    datasus::engine::HANGS.hang_next(statements, time);
    datasus::faces::gate::HANGS.hang_next(texts, time);
}

/// For tests: how many of them hang at the moment.
#[pyfunction]
pub fn hanging() -> usize {
    datasus::engine::HANGS.hanging() + datasus::faces::gate::HANGS.hanging()
}

/// Bytes that the whole process may take; none: what cgroup and machine allow. For tests of what scarce memory does.
#[pyfunction]
#[pyo3(signature = (size))]
pub fn set_budget(size: Option<u64>) {
    Governor::of_process().set_budget(size);
}
