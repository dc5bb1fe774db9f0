//! The fork server's side: a process that has opened an engine, run no statement of anybody's, and forks a worker whenever it is asked to.
//! A worker then begins with the engine open and its pages in place, which takes a fortieth of what starting a program does.

use std::fs::File;
use std::io::{Error as IoError, Result as IoResult, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::retry_on_intr;
use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, WaitOptions, getpid, getrlimit, kill_process, pidfd_open, setrlimit,
    waitpid,
};

use super::passing;
use crate::engine::process::limits;

/// Asks for a worker, with its ends of two pipes and one for how it ended; the answer, with a descriptor of its process.
pub(super) const FORK: u8 = b'F';
/// The answer where there can be none.
pub(super) const REFUSED: u8 = b'R';

/// Whether this kernel has what it takes.
pub fn is_possible() -> bool {
    // SAFETY: signal 0 is none; it is asked whether one could be sent.
    let hears = |me: OwnedFd| unsafe { libc::syscall(libc::SYS_pidfd_send_signal, me.as_raw_fd(), 0, 0, 0) } == 0;
    pidfd_open(getpid(), PidfdFlags::empty()).is_ok_and(hears)
}

/// A worker that was forked, for as long as it lives.
struct Forked {
    pid: Pid,
    process: OwnedFd,
    /// Where how it ended is written to.
    ended: File,
}

impl Forked {
    /// Says how it ended; false while it lives.
    fn told(&mut self) -> bool {
        match waitpid(Some(self.pid), WaitOptions::NOHANG) {
            Ok(None) => false,
            Ok(Some((_, how))) => {
                // Who does not listen any more does not want to know.
                let _ = self.ended.write_all(&how.as_raw().to_le_bytes());
                true
            }
            Err(_) => true,
        }
    }
}

/// Serves until the library closes `control`. Returns in each worker that it forks with that one's pipes: requests, and answers.
pub fn serve(control: File) -> IoResult<Option<(File, File)>> {
    // What the host ignores a program that it starts ignores too, and then nobody hears how its children ended.
    // SAFETY: no handler is installed.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    let parent = std::process::id();
    // Each worker takes two, and sets a bound of its own.
    let open = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: open.maximum, maximum: open.maximum })?;
    let mut workers: Vec<Forked> = Vec::new();
    loop {
        let mut looked_at = vec![PollFd::new(&control, PollFlags::IN)];
        looked_at.extend(workers.iter().map(|worker| PollFd::new(&worker.process, PollFlags::IN)));
        retry_on_intr(|| poll(&mut looked_at, None))?;
        let is_asked = !looked_at[0].revents().is_empty();
        workers.retain_mut(|worker| !worker.told());
        if !is_asked {
            continue;
        }
        let Some((letter, descriptors)) = passing::receive(&control)? else { return Ok(None) };
        // A thread that is not there in the child may have held a lock.
        let is_alone = limits::threads().is_ok_and(|threads| threads == 1);
        // Where no more may be open some are missing.
        let (FORK, true, Ok([requests, answers, ended])) = (letter, is_alone, <[OwnedFd; 3]>::try_from(descriptors))
        else {
            passing::send(&control, REFUSED, &[])?;
            continue;
        };
        // SAFETY: no other thread runs, so that the child is a whole copy of this process.
        match unsafe { libc::fork() } {
            -1 => passing::send(&control, REFUSED, &[])?,
            0 => {
                // All that is open here is the server's, or another worker's.
                drop((control, workers, ended));
                let lives = limits::end_with(parent)?;
                return Ok(lives.then(|| (requests.into(), answers.into())));
            }
            pid => {
                let pid = Pid::from_raw(pid).ok_or_else(|| IoError::other("a worker without a number"))?;
                // Nobody else waits for it, so that its number stays its own.
                match pidfd_open(pid, PidfdFlags::empty()) {
                    Ok(process) => {
                        passing::send(&control, FORK, &[process.as_fd()])?;
                        workers.push(Forked { pid, process, ended: ended.into() });
                    }
                    Err(_) => {
                        kill_process(pid, Signal::KILL)?;
                        retry_on_intr(|| waitpid(Some(pid), WaitOptions::empty()))?;
                        passing::send(&control, REFUSED, &[])?;
                    }
                }
            }
        }
    }
}
