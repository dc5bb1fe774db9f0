//! Log lines for the host: a bounded queue and a thread that calls it, so that no job ever waits for it.

use std::ffi::{c_char, c_void};
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};
use datasus::telemetry::{Spans, line_of};
use datasus::{Error, Result};
use serde_json::json;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::args::not_one_of;
use crate::error::ErrorOut;
use crate::events::{Destructor, Listening, User, has_ended};
use crate::fence::fence;
use crate::guard::fenced;
use crate::status::Status;
use crate::text::without_nul;

/// Lines that wait for the host; more are dropped.
const WAITING: usize = 4_096;

/// Called with `user` by a thread of the library's, one call at a time; `line`, a JSON object with level, target, message, the
/// event's fields, and trace_id, job_id and stage where they are known, is valid during the call. It must not throw, nor call
/// datasus_shut_down.
pub type LogCallback = Option<unsafe extern "C" fn(line: *const c_char, user: *mut c_void)>;

struct Host {
    callback: unsafe extern "C" fn(line: *const c_char, user: *mut c_void),
    user: User,
}

// SAFETY: `user` suits any thread, as the interface asks, and one alone calls.
unsafe impl Sync for Host {}

static LEVEL: AtomicI32 = AtomicI32::new(0);
static HOST: Mutex<Option<Arc<Host>>> = Mutex::new(None);
static QUEUE: OnceLock<Sender<String>> = OnceLock::new();

/// Sends log lines to `callback`: of level 1 (errors), and also 2 (warnings), 3 (what jobs do), 4 (debug) or 5 (trace); 0 or a NULL
/// callback: none any more. One listener for the process; a new one takes the place of the old. Without one nothing is logged,
/// and nothing is ever printed.
///
/// `user` belongs to the library from here on, whatever this returns: `destroy`, unless it is NULL, is called with it once, after
/// the last call. A host that is slow loses lines, and no job waits for it. DS-422: another level.
///
/// # Safety
/// `callback`, `destroy`: functions that `user` suits, in any thread; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_set_log(
    level: i32,
    callback: LogCallback,
    user: *mut c_void,
    destroy: Destructor,
    error: *mut ErrorOut,
) -> Status {
    let user = User::new(user, destroy);
    fence("datasus_set_log", error, move || {
        if !(0..=5).contains(&level) {
            return Err(not_one_of("level", level.into(), "0, 1, 2, 3, 4, 5"));
        }
        let host = callback.filter(|_| level > 0).map(|callback| Arc::new(Host { callback, user }));
        if host.is_some() {
            begin()?;
        }
        LEVEL.store(if host.is_some() { level } else { 0 }, Relaxed);
        let before = std::mem::replace(&mut *HOST.lock().unwrap_or_else(PoisonError::into_inner), host);
        // Not under the lock: it may call the host.
        drop(before);
        Ok(())
    })
}

/// The queue and its thread, once.
pub fn begin() -> Result<()> {
    static ONCE: Mutex<()> = Mutex::new(());
    let _one = ONCE.lock().unwrap_or_else(PoisonError::into_inner);
    if QUEUE.get().is_some() {
        return Ok(());
    }
    // DS-422: the environment names a collector that is none.
    let spans = Spans::of_environment()?;
    let (queue, lines) = bounded(WAITING);
    let thread = std::thread::Builder::new().name("datasus-log".into()).spawn(move || tell(&lines));
    thread.map_err(|error| Error::internal(format!("cannot start a thread: {error}")))?;
    let _ = QUEUE.set(queue);
    // Fails where a subscriber is set, and nothing else in this library sets one.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(spans).with(ToHost));
    Ok(())
}

fn tell(lines: &Receiver<String>) {
    for line in lines {
        let calling = Listening::begin();
        let host = HOST.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if has_ended() {
            return;
        }
        if let Some(host) = host {
            let line = without_nul(line);
            // A panic of ours loses a line.
            let _ = fenced("datasus-log", || {
                // SAFETY: the host's promise.
                unsafe { (host.callback)(line.as_ptr(), host.user.pointer()) };
                Ok(())
            });
        }
        drop(calling);
    }
}

struct ToHost;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for ToHost {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let level = match *event.metadata().level() {
            Level::ERROR => 1,
            Level::WARN => 2,
            Level::INFO => 3,
            Level::DEBUG => 4,
            Level::TRACE => 5,
        };
        if level > LEVEL.load(Relaxed) {
            return;
        }
        let said = line_of(event, &context);
        let mut line = said.fields;
        // What an event says of itself takes no place of these.
        line.insert("level".into(), event.metadata().level().as_str().to_lowercase().into());
        line.insert("target".into(), event.metadata().target().into());
        line.insert("message".into(), said.event.into());
        if let Some(queue) = QUEUE.get() {
            // A full queue loses a log line rather than hold up a job.
            let _ = queue.try_send(json!(line).to_string());
        }
    }
}
