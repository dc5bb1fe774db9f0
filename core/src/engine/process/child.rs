//! One worker, as the library sees it.

use std::fs::File;
use std::io::{Error as IoError, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use super::forked::Forked;
use super::frames::{self, Kind};
use super::readable::is_readable;
use super::request::{BUILD, Hello, Locks, environment};
use super::{limits, place};
use crate::base::{Code, Error, Result, clip, text};

/// A program that has not said who it is by then is another one.
pub(super) const TO_ANSWER: Duration = Duration::from_secs(20);
const MOST_OF_HELLO: usize = 4 << 10;
/// Of the pipe of rows: some batches, so that worker and reader do not take turns.
#[cfg(target_os = "linux")]
pub(super) const PIPE_BYTES: usize = 1 << 20;

/// A worker that waits, or is at work; killed when it is dropped.
pub(super) struct Worker {
    pub requests: File,
    pub answers: File,
    pub locks: Locks,
    pub(super) process: Process,
}

/// The process alone; clones are the same one.
#[derive(Clone)]
pub(super) struct Process {
    of: Arc<Origin>,
    /// The library's process.
    home: u32,
}

/// Where it comes from.
enum Origin {
    Started(Mutex<Child>),
    #[cfg(target_os = "linux")]
    Forked(Forked),
}

impl Worker {
    /// Starts `program`, and hears that it is of this build; else DS-422.
    pub fn start(program: &Path) -> Result<Self> {
        let mut child = Command::new(program)
            .env_clear()
            .envs(environment(place::libraries().as_deref()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| refused(program, &error.to_string()))?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let process = Process { of: Arc::new(Origin::Started(Mutex::new(child))), home: std::process::id() };
        let (requests, mut answers) = pipes.ok_or_else(|| Error::internal("a worker without pipes"))?;
        match greeted(&mut answers, program) {
            Ok(Hello { locks, .. }) => {
                // One that stays small is only slower.
                #[cfg(target_os = "linux")]
                let _ = rustix::pipe::fcntl_setpipe_size(&answers, PIPE_BYTES);
                let (requests, answers) = (OwnedFd::from(requests).into(), OwnedFd::from(answers).into());
                Ok(Worker { requests, answers, locks, process })
            }
            Err(error) => {
                process.kill();
                Err(error)
            }
        }
    }

    pub fn process(&self) -> Process {
        self.process.clone()
    }

    /// Whether it waits still, as far as can be seen.
    pub fn waits(&self) -> bool {
        self.process.lives()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.process.end();
    }
}

impl Process {
    /// One of a fork server: `process` names it, and how it ended will be said to `ended`.
    #[cfg(target_os = "linux")]
    pub fn forked(process: OwnedFd, ended: OwnedFd) -> Self {
        Process { of: Arc::new(Origin::Forked(Forked::of(process, ended))), home: std::process::id() }
    }

    fn lives(&self) -> bool {
        match &*self.of {
            Origin::Started(child) => child_of(child).try_wait().is_ok_and(|ended| ended.is_none()),
            #[cfg(target_os = "linux")]
            Origin::Forked(forked) => forked.lives(),
        }
    }

    /// Ends it, if it has not ended, and waits for nothing.
    pub fn signal(&self) {
        if self.home != std::process::id() {
            return;
        }
        match &*self.of {
            // One that has ended already hears nothing.
            Origin::Started(child) => drop(child_of(child).kill()),
            #[cfg(target_os = "linux")]
            Origin::Forked(forked) => forked.signal(),
        }
    }

    /// Ends it, if it has not ended, and is there until it has.
    fn end(&self) {
        if self.home != std::process::id() {
            return;
        }
        self.signal();
        match &*self.of {
            Origin::Started(child) => drop(child_of(child).wait()),
            #[cfg(target_os = "linux")]
            Origin::Forked(forked) => forked.wait(),
        }
    }

    /// What ends it, and holds nothing of it meanwhile.
    pub fn killer(&self) -> impl Fn() + Send + Sync + use<> {
        let (of, home) = (Arc::downgrade(&self.of), self.home);
        move || of.upgrade().into_iter().for_each(|of| Process { of, home }.signal())
    }

    /// Ends it, if it has not ended, and says how it ended. None in a process that is not its parent.
    pub fn kill(&self) -> Option<ExitStatus> {
        if self.home != std::process::id() {
            return None;
        }
        self.signal();
        match &*self.of {
            // One that has ended already keeps its own end.
            Origin::Started(child) => child_of(child).wait().ok(),
            #[cfg(target_os = "linux")]
            Origin::Forked(forked) => forked.ended(),
        }
    }
}

fn child_of(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hears that it is of this build; else DS-422.
pub(super) fn greeted(answers: &mut ChildStdout, program: &Path) -> Result<Hello> {
    match hello(answers) {
        Ok(hello) if hello.build == BUILD => Ok(hello),
        Ok(Hello { build, .. }) => Err(of_another_build(program, &clip(&build))),
        Err(error) => Err(refused(program, &error.to_string())),
    }
}

fn hello(answers: &mut ChildStdout) -> std::io::Result<Hello> {
    // Byte by byte as they come: what another program prints may never end, or not begin.
    let (until, mut said) = (Instant::now() + TO_ANSWER, Vec::new());
    loop {
        if !is_readable(&answers, until)? {
            return Err(IoError::new(ErrorKind::TimedOut, "it does not say who it is"));
        }
        let mut byte = [0];
        std::io::Read::read_exact(answers, &mut byte)?;
        said.push(byte[0]);
        match frames::read(&mut said.as_slice(), 0) {
            Ok(frame) if frame.kind == Kind::Hello => return Ok(serde_json::from_slice(&frame.head)?),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof && said.len() < MOST_OF_HELLO => {}
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => return Err(error),
            _ => return Err(IoError::new(ErrorKind::InvalidData, "it says something else")),
        }
    }
}

/// Why a worker ended before its answer did.
pub(super) fn ended(how: Option<ExitStatus>) -> Error {
    let signal = how.and_then(|how| how.signal());
    if how.and_then(|how| how.code()) == Some(limits::OUT_OF_MEMORY) {
        return out_of_memory();
    }
    if signal == Some(libc::SIGXCPU) {
        return Error::new(
            Code::DeadlinePassed,
            text!(
                "A consulta usou todo o tempo de processador que seu prazo permite; aumente `deadline` ou restrinja a consulta",
                "The query used all the processor time that its deadline allows; raise `deadline` or narrow the query"
            ),
        )
        .stage("isolation");
    }
    let name = signal.map_or_else(|| how.map_or_else(|| "?".into(), |how| how.to_string()), name_of);
    let error = Error::new(
        Code::Internal,
        text!(
            "O processo em que o SQL desta consulta rodava terminou no meio ({name}); as outras consultas continuam. Se um sistema sem memória não o encerrou, relate o SQL com o trace_id",
            "The process in which this query's SQL ran ended in the middle ({name}); other queries go on. Unless a system without memory ended it, report the SQL with the trace_id"
        ),
    )
    .with("defect", format!("worker: {name}"))
    .stage("isolation");
    signal.into_iter().fold(error, |error, signal| error.with("signal", signal))
}

fn out_of_memory() -> Error {
    Error::new(
        Code::OutOfMemory,
        text!(
            "A memória concedida à consulta não bastou. Aumente `memory_limit` ou restrinja a consulta",
            "The memory granted to the query was not enough. Raise `memory_limit` or narrow the query"
        ),
    )
    .caused_by(crate::base::Cause::EngineMemory)
    .stage("isolation")
}

fn name_of(signal: i32) -> String {
    let names = [
        (libc::SIGABRT, "SIGABRT"),
        (libc::SIGBUS, "SIGBUS"),
        (libc::SIGFPE, "SIGFPE"),
        (libc::SIGILL, "SIGILL"),
        (libc::SIGKILL, "SIGKILL"),
        (libc::SIGSEGV, "SIGSEGV"),
        (libc::SIGSYS, "SIGSYS"),
        (libc::SIGTERM, "SIGTERM"),
        (libc::SIGTRAP, "SIGTRAP"),
    ];
    let found = names.iter().find(|(number, _)| *number == signal);
    found.map_or_else(|| format!("signal {signal}"), |(_, name)| (*name).to_owned())
}

pub(super) fn refused(program: &Path, why: &str) -> Error {
    let shown = program.display();
    Error::new(
        Code::InvalidParams,
        text!(
            "{shown} não serve de `worker`: não começa, ou não é um datasus-worker. Indique o que acompanha esta versão do datasus",
            "{shown} does not do as `worker`: it does not start, or is no datasus-worker ({why}). Name the one that comes with this version of datasus"
        ),
    )
    .with("why", clip(why))
    .file(shown.to_string())
    .stage("isolation")
}

fn of_another_build(program: &Path, build: &str) -> Error {
    let shown = program.display();
    Error::new(
        Code::InvalidParams,
        text!(
            "{shown} é de outra compilação do datasus ({build}; esta é {BUILD}). Indique em `worker` o programa que acompanha esta biblioteca",
            "{shown} is of another build of datasus ({build}; this one is {BUILD}). Name by `worker` the program that comes with this library"
        ),
    )
    .with("received", build)
    .with("expected", BUILD)
    .file(shown.to_string())
    .stage("isolation")
}
