//! The one async runtime of the stores that speak over a network: two threads, started with the first call. Who calls waits like
//! for any other call, from a plain thread or from inside a runtime of its own, and no longer than its job may go on.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::OnceLock;

use crossbeam_channel::{bounded, select};
use futures_util::FutureExt;
use tokio::runtime::{Builder, Runtime};

use crate::base::{Cancel, Error, ForkGuard, Result};

const THREADS: usize = 2;
/// For names that are looked up, which the system does while its caller waits.
const LOOK_UPS: usize = 4;

struct Shared {
    runtime: Runtime,
    home: ForkGuard,
}

static SHARED: OnceLock<Shared> = OnceLock::new();

/// DS-498 in a forked child, which has none of its threads.
fn shared() -> Result<&'static Runtime> {
    if SHARED.get().is_none() {
        let built = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .max_blocking_threads(LOOK_UPS)
            .thread_name("datasus-store")
            .enable_all()
            .build();
        let runtime = built.map_err(Error::internal)?;
        // Another thread may have been first.
        if let Err(second) = SHARED.set(Shared { runtime, home: ForkGuard::default() }) {
            second.runtime.shutdown_background();
        }
    }
    let shared = SHARED.get().ok_or_else(|| Error::internal("the stores' runtime went away"))?;
    shared.home.check()?;
    Ok(&shared.runtime)
}

/// Runs `future` and waits for what it gives; with the token's error as soon as that is set (a job's deadline sets it too), and then the
/// future is dropped where it waits. Never to be called in a future that runs here.
pub(crate) fn wait<T: Send + 'static>(cancel: &Cancel, future: impl Future<Output = T> + Send + 'static) -> Result<T> {
    cancel.check()?;
    let (done, given) = bounded(1);
    let task = shared()?.spawn(async move {
        // Nobody listens any more where the token was set.
        let _ = done.send(AssertUnwindSafe(future).catch_unwind().await);
    });
    let stop = |error| {
        task.abort();
        error
    };
    select! {
        recv(given) -> given => match given {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(panic)) => Err(Error::panicked("store", panic.as_ref())),
            Err(_) => Err(Error::internal("a store's task ended without an answer")),
        },
        recv(cancel.signal()) -> _ => match cancel.check() {
            Err(error) => Err(stop(error)),
            Ok(()) => Err(stop(Error::internal("a token woke without being set"))),
        },
    }
}

/// Has `future` run to its end beside its caller, who does not wait: what is left of a piece of work that nobody asks for any more.
/// Nothing happens in a forked child.
pub(crate) fn detach(future: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = shared() {
        runtime.spawn(future);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::{CancelReason, Code};

    /// Says when it is dropped.
    struct Told(crossbeam_channel::Sender<()>);

    impl Drop for Told {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }

    #[test]
    fn a_wait_ends_with_the_jobs_deadline_and_drops_what_it_waited_for() {
        let (cancel, (began, has_begun), (dropped, is_dropped)) = (Cancel::default(), bounded(1), bounded(1));
        let token = cancel.clone();
        let waiting = std::thread::spawn(move || {
            wait(&token, async move {
                let _told = Told(dropped);
                let _ = began.send(());
                std::future::pending::<()>().await;
            })
        });
        has_begun.recv_timeout(Duration::from_secs(20)).unwrap();
        cancel.set(CancelReason::Deadline(Duration::from_secs(3)));
        assert_eq!(waiting.join().unwrap().unwrap_err().code(), Code::DeadlinePassed);
        is_dropped.recv_timeout(Duration::from_secs(20)).expect("the future still stands");
        // One that is set already starts nothing.
        assert_eq!(wait(&cancel, async { panic!("started") }).unwrap_err().code(), Code::DeadlinePassed);
    }

    #[test]
    fn it_is_called_from_anywhere_and_a_panic_is_an_error() {
        let cancel = Cancel::default();
        assert_eq!(wait(&cancel, async { 42 }).unwrap(), 42);
        // Inside a runtime of the caller's, where `block_on` would panic.
        let own = Builder::new_current_thread().build().unwrap();
        assert_eq!(own.block_on(async { wait(&Cancel::default(), async { 43 }).unwrap() }), 43);
        let error = wait(&cancel, async { panic!("odd") }).unwrap_err();
        assert!(error.code() == Code::Internal && error.detail().contains("odd"), "{error}");
    }

    #[test]
    fn a_forked_child_is_refused_and_never_hangs() {
        let cancel = Cancel::default();
        wait(&cancel, async {}).unwrap();
        // SAFETY: the child calls this module and the allocator, which glibc makes usable after a fork, and leaves by _exit.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: no pointer; a hang ends in SIGALRM.
            unsafe { libc::alarm(10) };
            detach(async {});
            let refused = wait(&cancel, async {}).err().map(|error| error.code());
            // SAFETY: ends the child without running its parent's destructors.
            unsafe { libc::_exit(if refused == Some(Code::Forked) { 0 } else { 1 }) };
        }
        let mut status = 0;
        // SAFETY: `child` is ours and `status` outlives the call.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0, "exit status or signal (14: it hung)");
    }
}
