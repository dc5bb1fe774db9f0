//! Threads for calls that wait. Not libuv's: it has four, and files and names are looked up by them.

use std::sync::LazyLock;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use datasus::Error;

type Work = Box<dyn FnOnce(Option<Error>) + Send>;

/// How long a thread waits for its next call.
const IDLE: Duration = Duration::from_secs(10);

/// Without a place of its own: who sends meets a thread that waits, or starts one.
static HANDOVER: LazyLock<(Sender<Work>, Receiver<Work>)> = LazyLock::new(|| bounded(0));

/// How far behind the event loop our threads stand when both want a core: without it, a loop that wakes up on a machine of few
/// cores waits until a thread of the engine has used its slice up.
#[cfg(target_os = "linux")]
const NICE: libc::c_int = 5;

/// For this thread and all that it starts, which are all of the core's and of the engine's: Linux hands the value down.
fn step_back() {
    #[cfg(target_os = "linux")]
    // SAFETY: 0 is the calling thread; nothing but its priority is touched. Where it is refused, it stays as it is.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, NICE);
    }
}

/// Runs `work` on a thread; where none can be started, here, with the reason.
pub fn run(work: impl FnOnce(Option<Error>) + Send + 'static) {
    let (hand, _) = &*HANDOVER;
    if let Err(TrySendError::Full(work) | TrySendError::Disconnected(work)) = hand.try_send(Box::new(work)) {
        // Through a place both can reach: a thread that does not start would take the work with it.
        let first = std::sync::Arc::new(std::sync::Mutex::new(Some(work)));
        let taken = first.clone();
        let take = |place: &std::sync::Mutex<Option<Work>>| {
            place.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
        };
        let started = std::thread::Builder::new().name("datasus-call".into()).spawn(move || {
            step_back();
            let mut next = take(&taken);
            while let Some(work) = next {
                work(None);
                next = HANDOVER.1.recv_timeout(IDLE).ok();
            }
        });
        if let Err(error) = started
            && let Some(work) = take(&first)
        {
            work(Some(Error::internal(format!("cannot start a thread: {error}"))));
        }
    }
}
