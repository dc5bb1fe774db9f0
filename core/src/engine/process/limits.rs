//! What the kernel holds a worker to: memory, time, files. Set before it has seen a statement, and never raised again.

use std::io::Result as IoResult;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

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
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    Ok(std::os::unix::process::parent_id() == parent)
}

/// What the host has open and has not marked as its own: here it is closed, before anything of this process is open.
pub(super) fn close_inherited() -> IoResult<()> {
    const FIRST: libc::c_int = 3;
    #[cfg(target_os = "linux")]
    // SAFETY: plain numbers; beside the standard streams nothing is open that this process has opened.
    if unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, 0) } == 0 {
        return Ok(());
    }
    // Kernels before 5.9, and containers that do not know the call.
    let open: Vec<libc::c_int> =
        std::fs::read_dir("/dev/fd")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    for descriptor in open.into_iter().filter(|descriptor| *descriptor >= FIRST) {
        // SAFETY: as above; that of the list itself is closed already, and then nothing happens.
        unsafe { libc::close(descriptor) };
    }
    Ok(())
}

/// Of this process.
#[cfg(target_os = "linux")]
pub(super) fn threads() -> IoResult<usize> {
    Ok(std::fs::read_dir("/proc/self/task")?.count())
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
    {
        let own = STACKS.saturating_add(limits.threads.saturating_mul(STACK));
        let data = data_now()?.saturating_add(limits.data).saturating_add(own);
        set_one(Resource::Data, data, data)?;
    }
    set_one(Resource::Fsize, limits.file, limits.file)?;
    set_one(Resource::Nofile, limits.files, limits.files)?;
    set_one(Resource::Core, 0, 0)?;
    if let Some(seconds) = limits.cpu_seconds {
        // Where both are met at once the kernel sends SIGKILL, which says nothing of time.
        set_one(Resource::Cpu, seconds, seconds.saturating_add(1))?;
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

/// Where the hard bound is lower already, no more than that.
fn set_one(resource: Resource, soft: u64, hard: u64) -> IoResult<()> {
    let most = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    Ok(setrlimit(resource, Rlimit { current: Some(soft.min(most)), maximum: Some(hard.min(most)) })?)
}

/// What counts against RLIMIT_DATA.
#[cfg(target_os = "linux")]
fn data_now() -> IoResult<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kilobytes.map(|kilobytes| kilobytes << 10).ok_or_else(|| std::io::Error::other("no VmData in /proc/self/status"))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::base::Code;
    use crate::engine::process::child;

    #[test]
    #[ignore = "runs in a process of its own"]
    fn uses_up_its_time() {
        if std::env::var_os("DATASUS_TEST_TIME").is_none() {
            return;
        }
        set(&Limits { data: 1 << 30, threads: 2, file: 1 << 20, files: 64, cpu_seconds: Some(1) }).unwrap();
        let limit = getrlimit(Resource::Cpu);
        assert!(limit.current < limit.maximum, "{limit:?}");
        loop {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn processor_time_that_is_used_up_is_told_as_time() {
        let name = "engine::process::limits::tests::uses_up_its_time";
        let ran = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", name, "--test-threads=1"])
            .env("DATASUS_TEST_TIME", "1")
            .output()
            .unwrap();
        let error = child::ended(Some(ran.status));
        assert_eq!(error.code(), Code::DeadlinePassed, "{error} {}", String::from_utf8_lossy(&ran.stdout));
    }
}
