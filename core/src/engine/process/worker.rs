//! The worker itself: says who it is, opens an engine, waits for its one statement, shuts itself in, runs it, and ends.

use std::fs::File;
use std::io::{Error as IoError, Result as IoResult, Write};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use rustix::io::fcntl_dupfd_cloexec;

use super::frames::{self, Kind, RowsOut};
use super::request::{BUILD, Hello, PARENT, Request};
use super::{limits, locks};
use crate::base::{Ctx, Error, ErrorCarried, Owner, Result};
use crate::engine::{DuckDb, Engine};
use crate::labels::Edition;

/// This program can be its own worker.
static CAN_SERVE: AtomicBool = AtomicBool::new(false);

/// To be called first of all in `main`, before threads and files are opened: the program then serves as the worker of its own client
/// where [`Config::isolation`](crate::Config::isolation) asks for one and no `datasus-worker` is named. Returns at once, except in a
/// process that was started as a worker: there it never returns.
///
/// ```no_run
/// fn main() -> datasus::Result<()> {
///     datasus::worker::main();
///     let config = datasus::Config { isolation: datasus::Isolation::Process, ..Default::default() };
///     let client = datasus::Client::open_with("dados", config)?;
///     # drop(client);
///     Ok(())
/// }
/// ```
pub fn main() {
    match std::env::var(PARENT).ok().and_then(|parent| parent.parse().ok()) {
        None => CAN_SERVE.store(true, Relaxed),
        Some(parent) => {
            // A pipe that breaks off is the end of whoever asked; there is nobody else to tell.
            let ended = serve(parent);
            end(i32::from(ended.is_err()));
        }
    }
}

/// Whether [`main`] has been called here.
pub(super) fn can_serve() -> bool {
    CAN_SERVE.load(Relaxed)
}

fn serve(parent: u32) -> IoResult<()> {
    if !limits::end_with(parent)? {
        return Ok(());
    }
    limits::close_inherited()?;
    let (requests, mut answers) = pipes()?;
    let forks = forks();
    let hello = Hello { build: BUILD.to_owned(), locks: locks::offered(), forks };
    frames::write(&mut answers, Kind::Hello, &serde_json::to_vec(&hello)?, &[])?;
    DuckDb::prepare();
    #[cfg(target_os = "linux")]
    if forks {
        drop(answers);
        return super::fork::serve(requests)?.map_or(Ok(()), |(requests, answers)| serve_one(requests, answers));
    }
    serve_one(requests, answers)
}

/// Whether this process is to fork workers, and can.
fn forks() -> bool {
    #[cfg(target_os = "linux")]
    return std::env::var_os(super::request::FORKS).is_some() && super::fork::is_possible();
    #[cfg(not(target_os = "linux"))]
    false
}

fn serve_one(mut requests: File, mut answers: File) -> IoResult<()> {
    // What is asked of files that will not be open: once.
    let _ = Owner::me();
    let engine = DuckDb::for_one();
    let frame = match frames::read(&mut requests, u64::MAX) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(()),
        frame => frame?,
    };
    if frame.kind != Kind::Request {
        return Err(IoError::other("no request"));
    }
    let mut request: Request = serde_json::from_slice(&frame.head)?;
    frames::write(&mut answers, Kind::Begins, &[], &[])?;
    for kits in std::mem::take(&mut request.kits) {
        Edition::take(kits);
    }
    let shut_in = shut_in(&request).map_err(|error| Error::internal(format!("a worker cannot be shut in: {error}")));
    let told = match shut_in.map_err(Ended::from).and_then(|()| run(&engine, &request, &mut answers)) {
        Ok(()) => frames::write(&mut answers, Kind::End, &[], &[]),
        Err(Ended::Error(error)) => {
            let carried = serde_json::to_vec(&ErrorCarried::from(&*error))?;
            frames::write(&mut answers, Kind::Failed, &carried, &[])
        }
        Err(Ended::Unheard(error)) => Err(error),
    };
    told.and_then(|()| answers.flush())
}

/// Why there are no more rows.
enum Ended {
    Error(Box<Error>),
    /// Nobody listens any more.
    Unheard(IoError),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Ended::Error(Box::new(error))
    }
}

/// Both ends, under numbers that the standard streams do not have: nothing that is printed is taken for an answer.
fn pipes() -> IoResult<(File, File)> {
    let moved = |stream: BorrowedFd| Ok::<_, IoError>(File::from(fcntl_dupfd_cloexec(stream, 3)?));
    let pipes = (moved(rustix::stdio::stdin())?, moved(rustix::stdio::stdout())?);
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    rustix::stdio::dup2_stdout(&nothing)?;
    Ok(pipes)
}

/// From here on the process can read the statement's files, write to its folder, and do nothing else.
fn shut_in(request: &Request) -> IoResult<()> {
    std::env::set_current_dir(&request.folder)?;
    // Locks of the calling thread are those of the threads that it starts, and of no other.
    #[cfg(target_os = "linux")]
    let threads = limits::threads()?;
    #[cfg(target_os = "linux")]
    if threads != 1 {
        return Err(IoError::other(format!("{threads} threads run already")));
    }
    limits::set(&limits::Limits {
        data: request.data_bytes,
        threads: request.threads as u64 + 2,
        file: request.spill_limit.saturating_add(64 << 20),
        files: 256 + 2 * request.files.len() as u64 + 16 * request.threads as u64,
        cpu_seconds: request.cpu_seconds,
    })?;
    locks::enter(request.files.iter().map(Path::new), request.spill_root.as_deref())
}

fn run(engine: &DuckDb, request: &Request, answers: &mut File) -> std::result::Result<(), Ended> {
    let rows = engine.start(request.statement(), &request.settings(), &Ctx::default())?;
    let mut out = RowsOut::begin(answers, rows.schema()).map_err(Ended::Unheard)?;
    rows.into_iter().try_for_each(|chunk: Result<_>| out.write(answers, &chunk?.batch).map_err(Ended::Unheard))
}

/// At once: an instance that is closed in order takes longer than many a statement, and what it spilled is gone already.
fn end(code: i32) -> ! {
    // SAFETY: ends the process, and touches nothing.
    unsafe { libc::_exit(code) }
}
