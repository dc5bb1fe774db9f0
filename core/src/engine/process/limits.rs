//! What the kernel holds a worker to: memory, time, files. Set before it has seen a statement, and never raised again.

#![allow(clippy::unnecessary_cast, reason = "the numbers of resources have other types elsewhere")]

use std::io::{Error as IoError, Result as IoResult};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Exit of a worker that has met the bound of its memory where nothing could answer any more.
pub(super) const OUT_OF_MEMORY: i32 = 77;
/// What is in a way of growing asks for twice what it has: with half of the bound left it has not met it.
static PROBE: AtomicUsize = AtomicUsize::new(0);
/// Of its data, what a worker has besides the statement's: stacks of its threads.
const STACKS: u64 = 160 << 20;
const STACK: u64 = 12 << 20;

/// The process ends with its parent, whatever way that ends. False where it has ended already.
pub(super) fn end_with(parent: u32) -> IoResult<bool> {
    #[cfg(target_os = "linux")]
    // SAFETY: plain numbers; the worst that can come back is an error.
    if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) } != 0 {
        return Err(IoError::last_os_error());
    }
    Ok(std::os::unix::process::parent_id() == parent)
}

pub(super) struct Limits {
    /// Bytes that its data may grow by.
    pub data: u64,
    pub threads: u64,
    /// Of one file.
    pub file: u64,
    pub files: u64,
    pub cpu_seconds: Option<u64>,
}

pub(super) fn set(limits: &Limits) -> IoResult<()> {
    #[cfg(target_os = "linux")]
    set_one(libc::RLIMIT_DATA, data_now()?.saturating_add(limits.data) + STACKS + limits.threads * STACK)?;
    set_one(libc::RLIMIT_FSIZE, limits.file)?;
    set_one(libc::RLIMIT_NOFILE, limits.files)?;
    set_one(libc::RLIMIT_CORE, 0)?;
    if let Some(seconds) = limits.cpu_seconds {
        set_one(libc::RLIMIT_CPU, seconds)?;
    }
    // A file that has become too large is an error of whoever writes it.
    // SAFETY: no handler is installed, the signal is ignored.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    PROBE.store(usize::try_from(limits.data / 2).unwrap_or(usize::MAX), Relaxed);
    // SAFETY: the handler calls only what a handler may call.
    unsafe { libc::signal(libc::SIGABRT, out_of_memory as *const () as libc::sighandler_t) };
    Ok(())
}

/// Whoever gives up for want of memory says no more than that it gives up. Another cause leaves the signal as it was.
extern "C" fn out_of_memory(signal: libc::c_int) {
    // SAFETY: system calls alone, which a handler may make; the mapping is nobody else's.
    unsafe {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let place = libc::mmap(
            std::ptr::null_mut(),
            PROBE.load(Relaxed),
            protection,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        if place == libc::MAP_FAILED {
            libc::_exit(OUT_OF_MEMORY);
        }
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

/// The hard bound too, where it is not lower already.
fn set_one(resource: impl TryInto<u32>, to: u64) -> IoResult<()> {
    let resource = resource.try_into().map_err(|_| IoError::from(std::io::ErrorKind::InvalidInput))?;
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the structure is ours and lives through the call.
    if unsafe { libc::getrlimit(resource as _, &mut limit) } != 0 {
        return Err(IoError::last_os_error());
    }
    let to = (to as libc::rlim_t).min(limit.rlim_max);
    let limit = libc::rlimit { rlim_cur: to, rlim_max: to };
    // SAFETY: as above.
    if unsafe { libc::setrlimit(resource as _, &limit) } != 0 { Err(IoError::last_os_error()) } else { Ok(()) }
}

/// What counts against RLIMIT_DATA.
#[cfg(target_os = "linux")]
fn data_now() -> IoResult<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kilobytes.map(|kilobytes| kilobytes << 10).ok_or_else(|| IoError::other("no VmData in /proc/self/status"))
}
