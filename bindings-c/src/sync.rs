//! Converting ahead of a query.

use std::ffi::{c_char, c_void};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};
use datasus::base::{Cancel, CancelReason, Progress as Counted};
use datasus::{Error, QueryParams, Result};

use crate::args::text;
use crate::client::{ClientHandle, json, say};
use crate::error::ErrorOut;
use crate::fence::fence;
use crate::guard::fenced;
use crate::held::Held;
use crate::job::Progress;
use crate::status::{JobState, Status};
use crate::text::TextOut;

/// Called ten times a second or more by the thread that waits; false ends the wait. It must return, and must not throw.
pub type KeepGoing = Option<unsafe extern "C" fn(user: *mut c_void) -> bool>;

/// The same with how far the call has come, which is valid during this one.
pub type Watch = Option<unsafe extern "C" fn(progress: *const Progress, user: *mut c_void) -> bool>;

/// Fetches and converts ahead of a query, and waits for it; `params`: a query, or a list of them, of which only dataset, uf and
/// competencia count; without a dataset it is all that the source holds. `keep_going`, unless it is
/// NULL, is called meanwhile by the calling thread, with `user`; once it says false the call ends with DS-499, and files that
/// were converted by then stay. `outcome` receives JSON, the caller's. DS-460: a damaged file.
///
/// # Safety
/// `params`: a text; `keep_going`: NULL or a function that `user` suits; `outcome`: a place for a datasus_text; `error`: NULL or
/// a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_sync(
    client: *mut ClientHandle,
    params: *const c_char,
    keep_going: KeepGoing,
    user: *mut c_void,
    outcome: *mut TextOut,
    error: *mut ErrorOut,
) -> Status {
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_sync", error, || unsafe {
        let params = text(params, "params")?;
        let is_over = |now: &Progress| now.state == JobState::Completed as i32;
        let keep_going = |now: &Progress| is_over(now) || keep_going.is_none_or(|keep_going| keep_going(user));
        say(client, outcome, |held| sync(held.clone(), held.client.params_list(params)?, keep_going))
    })
}

/// datasus_client_sync with a function that is told how far it has come: files, bytes, pace and the time that is left (phase 4 while files
/// are downloaded). `watch`, unless it is NULL, is called by the calling thread with `user`, ten times a second or more, and once
/// when all is there; once it says false the call ends with DS-499, and files that were converted by then stay.
///
/// # Safety
/// `params`: a text; `watch`: NULL or a function that `user` suits; `outcome`: a place for a datasus_text; `error`: NULL or a
/// datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_sync_watched(
    client: *mut ClientHandle,
    params: *const c_char,
    watch: Watch,
    user: *mut c_void,
    outcome: *mut TextOut,
    error: *mut ErrorOut,
) -> Status {
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_sync_watched", error, || unsafe {
        let params = text(params, "params")?;
        let watch = |progress: &Progress| watch.is_none_or(|watch| watch(progress, user));
        say(client, outcome, |held| sync(held.clone(), held.client.params_list(params)?, watch))
    })
}

/// What datasus_client_sync would fetch and convert, of the same `params`: files, bytes, what is here, what has changed, what is
/// preliminary. No file is fetched. `plan` receives JSON, the caller's.
///
/// # Safety
/// `params`: a text; `plan`: a place for a datasus_text; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_plan_sync(
    client: *mut ClientHandle,
    params: *const c_char,
    plan: *mut TextOut,
    error: *mut ErrorOut,
) -> Status {
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_plan_sync", error, || unsafe {
        let params = text(params, "params")?;
        say(client, plan, |held| json(&held.client.plan_sync(&held.client.params_list(params)?)?))
    })
}

/// Between two questions whether to go on.
const ASK: Duration = Duration::from_millis(25);

/// The same while the caller's thread is told how far it has come.
fn sync(held: Arc<Held>, params: Vec<QueryParams>, keep_going: impl Fn(&Progress) -> bool) -> Result<String> {
    let counted: Arc<OnceLock<Arc<Counted>>> = Arc::default();
    let begun = counted.clone();
    let now = |status| Progress::new(status, &counted.get().map(|counted| counted.snapshot()).unwrap_or_default());
    let work = move |cancel: &Cancel| {
        let begins = |progress| {
            // It begins once.
            let _ = begun.set(progress);
        };
        json(&held.client.sync_each(&params, cancel, begins)?)
    };
    let synced = watched("datasus-sync", work, || keep_going(&now(datasus::Status::Running)));
    if synced.is_ok() {
        // It is over, whatever the host says.
        keep_going(&now(datasus::Status::Completed));
    }
    synced
}

/// The work has a thread of its own, so that the caller's can ask.
pub fn watched<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce(&Cancel) -> Result<T> + Send + 'static,
    keep_going: impl Fn() -> bool,
) -> Result<T> {
    let (cancel, (done, outcome)) = (Cancel::default(), bounded(1));
    let stop = cancel.clone();
    // Also of what ends before it is asked again.
    if !keep_going() {
        stop.set(CancelReason::Caller);
    }
    let work = move || {
        let ended = fenced(name, || work(&cancel));
        // Somebody listens until this has come.
        let _ = done.send(ended);
    };
    let thread = std::thread::Builder::new().name(name.into()).spawn(work);
    let thread = thread.map_err(|error| Error::internal(format!("cannot start a thread: {error}")))?;
    let ended = loop {
        match outcome.recv_timeout(ASK) {
            Ok(ended) => break ended,
            Err(RecvTimeoutError::Timeout) if keep_going() => {}
            Err(RecvTimeoutError::Timeout) => stop.set(CancelReason::Caller),
            Err(RecvTimeoutError::Disconnected) => break Err(Error::internal("a call's thread went away")),
        }
    };
    // It has nothing left to do; what it dropped is gone when this returns.
    let _ = thread.join();
    ended
}
