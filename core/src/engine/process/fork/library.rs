//! The library's side of a fork server: a process that gives it workers which need not be started.

use std::io::{ErrorKind, Result as IoResult};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::pipe::{PipeFlags, pipe_with};

use super::{passing, server};
use crate::base::Result;
use crate::engine::process::child::{PIPE_BYTES, Process, TO_ANSWER, Worker, greeted, refused};
use crate::engine::process::place;
use crate::engine::process::readable::is_readable;
use crate::engine::process::request::{FORKS, Hello, environment};

/// Ends with the thread that has started it, and its workers with it.
pub struct ForkServer {
    program: Child,
    control: OwnedFd,
    hello: Hello,
}

impl ForkServer {
    /// Starts `program`, and hears that it is of this build; else DS-422. None where it cannot fork.
    pub fn start(program: &Path) -> Result<Option<Self>> {
        let flags = SocketFlags::CLOEXEC;
        let pair = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None);
        let (control, theirs) = pair.map_err(|error| refused(program, &error.to_string()))?;
        let mut child = Command::new(program)
            .env_clear()
            .envs(environment(place::libraries().as_deref()))
            .env(FORKS, "1")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| refused(program, &error.to_string()))?;
        let Some(mut says) = child.stdout.take() else { return Ok(None) };
        match greeted(&mut says, program) {
            Ok(hello) => {
                let server = ForkServer { program: child, control, hello };
                Ok(if server.hello.forks { Some(server) } else { None })
            }
            Err(error) => {
                end(&mut child);
                Err(error)
            }
        }
    }

    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// One more worker; none where there can be none now, of which those that are there hear nothing. An error: the server has ended.
    pub fn fork(&self) -> IoResult<Option<Worker>> {
        let pipe = || pipe_with(PipeFlags::CLOEXEC);
        let (Ok((theirs, requests)), Ok((answers, from)), Ok((ended, how))) = (pipe(), pipe(), pipe()) else {
            return Ok(None);
        };
        match passing::send(&self.control, server::FORK, &[theirs.as_fd(), from.as_fd(), how.as_fd()]) {
            Err(error) if !matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                return Ok(None);
            }
            sent => sent?,
        }
        drop((theirs, from, how));
        if !is_readable(&self.control, Instant::now() + TO_ANSWER)? {
            return Err(ErrorKind::TimedOut.into());
        }
        let (letter, descriptors) = passing::receive(&self.control)?.ok_or(ErrorKind::UnexpectedEof)?;
        // One whose process cannot be named here has its pipes closed, and ends.
        let process = descriptors.into_iter().next().filter(|_| letter == server::FORK);
        let Some(process) = process else { return Ok(None) };
        // One that stays small is only slower.
        let _ = rustix::pipe::fcntl_setpipe_size(&answers, PIPE_BYTES);
        let process = Process::forked(process, ended);
        Ok(Some(Worker { requests: requests.into(), answers: answers.into(), locks: self.hello.locks, process }))
    }
}

impl Drop for ForkServer {
    fn drop(&mut self) {
        end(&mut self.program);
    }
}

fn end(program: &mut Child) {
    // One that has ended already keeps its own end.
    let _ = program.kill();
    let _ = program.wait();
}
