//! A worker of a fork server, which alone is its parent.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Signal, pidfd_send_signal};

use super::readable::is_readable;

/// A process that was killed ends at once, unless it is in the midst of giving back its memory.
const TO_END: Duration = Duration::from_secs(20);
/// A server says it at once, unless it is stopped.
const TO_SAY: Duration = Duration::from_secs(1);

pub(super) struct Forked {
    process: OwnedFd,
    ended: Mutex<Ended>,
}

struct Ended {
    said: File,
    how: Option<ExitStatus>,
}

impl Forked {
    pub fn of(process: OwnedFd, ended: OwnedFd) -> Self {
        Forked { process, ended: Mutex::new(Ended { said: ended.into(), how: None }) }
    }

    pub fn lives(&self) -> bool {
        is_readable(&self.process, Instant::now()).is_ok_and(|ended| !ended)
    }

    pub fn signal(&self) {
        // One that has ended already hears nothing.
        let _ = pidfd_send_signal(&self.process, Signal::KILL);
    }

    /// Until it has ended, whatever becomes of its server.
    pub fn wait(&self) {
        let _ = is_readable(&self.process, Instant::now() + TO_END);
    }

    /// How it ended, once it is told to.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.wait();
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.how.is_none() && is_readable(&ended.said, Instant::now() + TO_SAY).is_ok_and(|said| said) {
            let mut how = [0; 4];
            // A server that has ended says nothing, and its workers were killed with it.
            let how = ended.said.read_exact(&mut how).map_or(libc::SIGKILL, |()| i32::from_le_bytes(how));
            ended.how = Some(ExitStatus::from_raw(how));
        }
        ended.how
    }
}
