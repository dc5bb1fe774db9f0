//! Waiting until there is something to read, for a while.

use std::os::fd::AsFd;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// False once it is `until`, whatever signals the host's threads get meanwhile.
pub(super) fn is_readable(pipe: &impl AsFd, until: Instant) -> std::io::Result<bool> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let wait = Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos() as _ };
        match poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(&wait)) {
            Ok(0) if left.is_zero() => return Ok(false),
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_wait_that_signals_interrupt_ends_at_its_time_and_not_before() {
        extern "C" fn nothing(_: libc::c_int) {}
        // SAFETY: the handler does nothing, and nobody else uses this signal.
        unsafe { libc::signal(libc::SIGUSR2, nothing as *const () as libc::sighandler_t) };
        let (empty, _kept) = std::io::pipe().unwrap();
        let (began, wait) = (Instant::now(), Duration::from_millis(300));
        // SAFETY: gives a number.
        let waiting = unsafe { libc::pthread_self() };
        let over = &std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                while !over.load(std::sync::atomic::Ordering::Acquire) {
                    // SAFETY: the thread waits for this one to end, and so it lives.
                    unsafe { libc::pthread_kill(waiting, libc::SIGUSR2) };
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
            let readable = is_readable(&empty, began + wait);
            over.store(true, std::sync::atomic::Ordering::Release);
            assert!(!readable.unwrap() && began.elapsed() >= wait, "{:?}", began.elapsed());
        });
    }
}
