//! What a job tells: a thread of its own per listener calls the host, under no lock.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use datasus::{Error, Events};

use crate::args::{live, null};
use crate::error::ErrorOut;
use crate::fence::fence;
use crate::guard::{fenced, is_forked};
use crate::job::{JOBS, JobHandle, Progress};
use crate::status::Status;

/// Called with `user` by a thread of the library's, one call at a time; `progress` is valid during the call. It must not throw,
/// nor call datasus_shut_down.
pub type EventCallback = Option<unsafe extern "C" fn(progress: *const Progress, user: *mut c_void)>;

/// Called once with `user`, when it is needed no more.
pub type Destructor = Option<unsafe extern "C" fn(user: *mut c_void)>;

/// The host's pointer, which goes with this.
pub struct User {
    pointer: *mut c_void,
    destroy: Destructor,
}

// SAFETY: the interface asks for a pointer that any thread may use, one at a time.
unsafe impl Send for User {}

impl User {
    pub fn new(pointer: *mut c_void, destroy: Destructor) -> Self {
        User { pointer, destroy }
    }

    pub fn pointer(&self) -> *mut c_void {
        self.pointer
    }
}

impl Drop for User {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy.filter(|_| !is_forked()) {
            // SAFETY: the host gave both, one for the other; this is the only call.
            unsafe { destroy(self.pointer) }
        }
    }
}

/// Tells the changes of a job's state, each in order, and its progress, ten times a second at most; the last call has a final
/// state (completed, failed, cancelled). It goes on when the job's handle is released.
///
/// `user` belongs to the library from here on, whatever this returns: `destroy`, unless it is NULL, is called with it once,
/// after the last event, by some thread. DS-422: callback is NULL, or the job was released.
///
/// # Safety
/// `callback`, `destroy`: functions that `user` suits, in any thread; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_job_on_event(
    job: *mut JobHandle,
    callback: EventCallback,
    user: *mut c_void,
    destroy: Destructor,
    error: *mut ErrorOut,
) -> Status {
    let user = User::new(user, destroy);
    fence("datasus_job_on_event", error, move || {
        let callback = callback.ok_or_else(|| null("callback"))?;
        let events = live(&JOBS, job, "job")?.subscribe();
        let listening = Listening::begin();
        let listen = move || {
            // The whole of it, not its parts.
            let (user, _listening) = (user, listening);
            let _ = fenced("datasus-events", || {
                // SAFETY: the host's promise.
                tell(events, |progress| unsafe { callback(progress, user.pointer) });
                Ok(())
            });
            drop(user);
        };
        let thread = std::thread::Builder::new().name("datasus-events".into()).spawn(listen);
        thread.map(drop).map_err(|error| Error::internal(format!("cannot start a thread: {error}")))
    })
}

/// How long an end of the process may go unnoticed.
const PATIENCE: Duration = Duration::from_millis(100);

fn tell(mut events: Events, callback: impl Fn(&Progress)) {
    while !events.is_over() && !ENDED.load(SeqCst) {
        if let Some(event) = events.next_within(PATIENCE) {
            callback(&Progress::new(event.status, &event.progress));
        }
    }
}

static ENDED: AtomicBool = AtomicBool::new(false);
static LISTENING: Mutex<usize> = Mutex::new(0);
static FEWER: Condvar = Condvar::new();

/// True once the host is not to be called any more.
pub fn has_ended() -> bool {
    ENDED.load(SeqCst)
}

/// One thread that may call the host.
pub struct Listening;

impl Listening {
    pub fn begin() -> Self {
        *LISTENING.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Listening
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        *LISTENING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        FEWER.notify_all();
    }
}

/// No more events; waits for the calls that are under way, two seconds at most.
pub fn end() {
    ENDED.store(true, SeqCst);
    let listening = LISTENING.lock().unwrap_or_else(PoisonError::into_inner);
    // Whatever the outcome: a host that does not return from its callback is not waited for.
    let _ = FEWER.wait_timeout_while(listening, Duration::from_secs(2), |listening| *listening > 0);
}
