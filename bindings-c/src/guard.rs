//! What stands before every function: panics, forked children and errors without a trace are dealt with here. Who has an error to fill
//! goes through `fence`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};

use datasus::base::TraceId;
use datasus::faces::ForkGuard;
use datasus::{Error, Language, Result};

use crate::status::Status;

/// The process that used the library first. A child forked from it has none of its threads, and perhaps its locks: nothing that
/// takes a lock may be reached there.
fn home() -> ForkGuard {
    static HOME: OnceLock<ForkGuard> = OnceLock::new();
    *HOME.get_or_init(ForkGuard::default)
}

/// True in a forked child, where whatever is let go of is left as it is.
pub fn is_forked() -> bool {
    home().is_left()
}

/// Without anybody to tell: for callbacks and streams.
pub fn fenced<T>(name: &'static str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        home().check()?;
        panic_if_asked(name);
        work()
    }));
    let outcome = outcome.unwrap_or_else(|panic| Err(Error::panicked(name, panic.as_ref())));
    outcome.map_err(|error| match error.trace_id() {
        Some(_) => error,
        None => error.traced(&TraceId::new(), Language::default()),
    })
}

/// The same for a function that has no error to fill; what `work` says, or a panic of it, is the status.
pub fn guarded(name: &'static str, work: impl FnOnce() -> Result<()>) -> Status {
    fenced(name, work).map_or_else(|why| Status::from(why.code()), |()| Status::Ok)
}

static ASKED: AtomicBool = AtomicBool::new(false);
static WHERE: Mutex<Option<String>> = Mutex::new(None);

/// The next call of the function `name` panics: the tests show with it what a panic is outside.
pub fn panic_next(name: &str) {
    *WHERE.lock().unwrap_or_else(PoisonError::into_inner) = Some(name.to_owned());
    ASKED.store(true, SeqCst);
}

fn panic_if_asked(name: &str) {
    if !ASKED.load(SeqCst) {
        return;
    }
    let mut place = WHERE.lock().unwrap_or_else(PoisonError::into_inner);
    if place.as_deref() == Some(name) {
        *place = None;
        ASKED.store(false, SeqCst);
        drop(place);
        panic!("on purpose");
    }
}
