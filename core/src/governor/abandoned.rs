//! Threads of ours that do not stop when they are told to: they are somewhere in the engine where no interrupt reaches them, and a
//! thread cannot be ended from outside. Whoever waited for one goes on without it; it is counted and named until it ends by itself,
//! and past a bound no more SQL of users is taken.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::base::{Code, Error, Result, TraceId, text};

/// While there are so many, SQL of users is DS-503.
pub const MOST_ABANDONED: usize = 4;
/// How long a thread has to acknowledge that it is to stop.
pub const TO_ACKNOWLEDGE: Duration = Duration::from_secs(2);

static THREADS: Mutex<Threads> = Mutex::new(Threads { process: 0, number: 0, left: Vec::new() });
static EVER: AtomicU64 = AtomicU64::new(0);

struct Threads {
    process: u32,
    number: u64,
    left: Vec<Left>,
}

struct Left {
    number: u64,
    thread: String,
    trace_id: String,
    since: Instant,
}

/// A thread that somebody waited for in vain; dropped when it has ended.
pub struct Abandoned(u64);

impl Abandoned {
    /// Counts `thread` from now on.
    pub fn note(thread: &str, trace_id: &TraceId) -> Self {
        let mut threads = threads();
        threads.number += 1;
        let number = threads.number;
        let (thread, trace_id) = (thread.to_owned(), trace_id.to_string());
        tracing::warn!(trace_id = %trace_id, thread = %thread, "does not stop; whoever waited for it goes on without it");
        threads.left.push(Left { number, thread, trace_id, since: Instant::now() });
        EVER.fetch_add(1, Relaxed);
        Abandoned(number)
    }
}

impl Drop for Abandoned {
    fn drop(&mut self) {
        let mut threads = threads();
        if let Some(at) = threads.left.iter().position(|left| left.number == self.0) {
            let Left { thread, trace_id, since, .. } = threads.left.remove(at);
            tracing::info!(trace_id = %trace_id, thread = %thread, seconds = since.elapsed().as_secs_f64(), "has stopped after all");
        }
    }
}

/// DS-503 where too many threads are left behind to start another for SQL of a user.
pub fn refuse_if_too_many_abandoned() -> Result<()> {
    let threads = threads();
    let count = threads.left.len();
    if count < MOST_ABANDONED {
        return Ok(());
    }
    let names: Vec<String> = threads.left.iter().map(|left| left.thread.clone()).collect();
    Err(Error::new(
        Code::OutOfMemory,
        text!(
            "{count} consultas em SQL não param, embora o prazo delas tenha passado ou tenham sido canceladas, e ainda ocupam \
             memória e núcleos; com {MOST_ABANDONED} delas nenhum SQL novo começa. Consultas estruturadas continuam; tente de \
             novo mais tarde, ou reinicie o processo",
            "{count} SQL queries do not stop though their deadline passed or they were cancelled, and still take memory and \
             cores; with {MOST_ABANDONED} of them no new SQL begins. Structured queries go on; try again later, or restart the \
             process"
        ),
    )
    .with("threads_abandoned", names)
    .with("limit", MOST_ABANDONED)
    .with("retry_after_sec", 60)
    .stage("gate"))
}

/// Of each that is left: its name, the trace_id of its query, and for how long.
pub(super) fn abandoned() -> Vec<(String, String, Duration)> {
    let threads = threads();
    threads.left.iter().map(|left| (left.thread.clone(), left.trace_id.clone(), left.since.elapsed())).collect()
}

/// How many there have ever been.
pub(super) fn ever_abandoned() -> u64 {
    EVER.load(Relaxed)
}

fn threads() -> MutexGuard<'static, Threads> {
    let mut threads = THREADS.lock().unwrap_or_else(PoisonError::into_inner);
    // A forked child has none of its parent's threads.
    if threads.process != std::process::id() {
        (threads.process, threads.left) = (std::process::id(), Vec::new());
    }
    threads
}
