//! Seccomp: the system calls that an engine needs which reads files, writes to its folder and computes with threads. What is not named
//! here fails with EPERM: sockets, other programs, other processes, mounts, keys, `io_uring`, and whatever kernels will have.

use std::io::{Error as IoError, Result as IoResult};

use libc::{BPF_ABS, BPF_JEQ, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter, sock_fprog};

/// Whatever their arguments.
const ALLOWED: &[libc::c_long] = &[
    // Files by descriptor, and by name: which, landlock says.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_openat,
    libc::SYS_close,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_flock,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_fadvise64,
    libc::SYS_mkdirat,
    libc::SYS_unlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_dup,
    // Memory.
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_membarrier,
    libc::SYS_mincore,
    // Threads; how they begin is looked at below.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_set_tid_address,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_getcpu,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_restart_syscall,
    // Signals to itself.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    // Clocks and what the machine is.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getrusage,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_ppoll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lstat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_access,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rmdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_time,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_arch_prctl,
];

/// Of a descriptor, what is asked, copied and locked; not whom its signals go to, which could be any process of the user's.
const OF_DESCRIPTORS: &[libc::c_int] = &[
    libc::F_DUPFD,
    libc::F_DUPFD_CLOEXEC,
    libc::F_GETFD,
    libc::F_SETFD,
    libc::F_GETFL,
    libc::F_GETLK,
    libc::F_SETLK,
    libc::F_SETLKW,
    libc::F_OFD_GETLK,
    libc::F_OFD_SETLK,
    libc::F_OFD_SETLKW,
];

#[cfg(target_arch = "x86_64")]
const ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCH: u32 = 0xc000_00b7;

// As linux/prctl.h has it.
const PR_SET_VMA: libc::c_int = 0x5356_4d41;

// Places in `seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const FIRST: u32 = 16;
const SECOND: u32 = FIRST + 8;
const THIRD: u32 = FIRST + 2 * 8;

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const REFUSE: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
const UNKNOWN: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;

/// Whether the kernel has filters.
pub(super) fn is_there() -> bool {
    let action = libc::SECCOMP_RET_ERRNO;
    // SAFETY: asks whether an action is known; the number lives through the call.
    unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0usize, &raw const action) == 0 }
}

/// For the whole process, which has not more than one thread. Does nothing where the kernel has no filters.
pub(super) fn enter() -> IoResult<()> {
    if !is_there() {
        return Ok(());
    }
    let filter = filter(std::process::id());
    let length = u16::try_from(filter.len()).map_err(|_| IoError::other("a filter of too many lines"))?;
    let program = sock_fprog { len: length, filter: filter.as_ptr().cast_mut() };
    // As the next call wants it.
    rustix::thread::set_no_new_privs(true)?;
    let program = &raw const program;
    // SAFETY: the program and its lines live through the call; the kernel copies them and changes nothing.
    let set = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, libc::SECCOMP_FILTER_FLAG_TSYNC, program)
    };
    if set == 0 { Ok(()) } else { Err(IoError::last_os_error()) }
}

fn filter(own: u32) -> Vec<sock_filter> {
    let mut lines = vec![load(ARCHITECTURE), equal(ARCH, 0, 1), skip(1), end(REFUSE), load(NUMBER)];
    // Of the other ABI of the same processor (x32).
    #[cfg(target_arch = "x86_64")]
    lines.extend([jump(BPF_JMP | BPF_JSET | BPF_K, 0x4000_0000, 0, 1), end(REFUSE)]);
    for number in ALLOWED {
        lines.extend([equal(*number as u32, 0, 1), end(ALLOW)]);
    }
    // Threads, but no processes; glibc asks by the older call where the newer is not known.
    lines.extend([equal(libc::SYS_clone3 as u32, 0, 1), end(UNKNOWN)]);
    let thread = libc::CLONE_THREAD as u32;
    lines.extend([equal(libc::SYS_clone as u32, 0, 4), load(FIRST)]);
    lines.extend([jump(BPF_JMP | BPF_JSET | BPF_K, thread, 0, 1), end(ALLOW), end(REFUSE)]);
    // Signals to itself, as `abort` sends them.
    for number in [libc::SYS_tgkill, libc::SYS_kill] {
        lines.extend([equal(number as u32, 0, 4), load(FIRST)]);
        lines.extend([equal(own, 0, 1), end(ALLOW), end(REFUSE)]);
    }
    // Names of threads and of mappings.
    let names = [libc::PR_SET_NAME, PR_SET_VMA];
    for (number, argument, allowed) in [(libc::SYS_prctl, FIRST, &names[..]), (libc::SYS_fcntl, SECOND, OF_DESCRIPTORS)]
    {
        let each = allowed.iter().flat_map(|value| [equal(*value as u32, 0, 1), end(ALLOW)]);
        let those = 2 * allowed.len() as u8;
        lines.extend([equal(number as u32, 0, those + 2), load(argument)]);
        lines.extend(each);
        lines.push(end(REFUSE));
    }
    // Limits are asked for, not changed.
    lines.extend([equal(libc::SYS_prlimit64 as u32, 0, 5), load(THIRD), equal(0, 0, 3)]);
    lines.extend([load(THIRD + 4), equal(0, 0, 1), end(ALLOW)]);
    lines.push(end(REFUSE));
    lines
}

fn line(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: code as u16, jt, jf, k }
}

fn load(at: u32) -> sock_filter {
    line(BPF_LD | BPF_W | BPF_ABS, at, 0, 0)
}

fn end(with: u32) -> sock_filter {
    line(BPF_RET | BPF_K, with, 0, 0)
}

fn jump(code: u32, k: u32, yes: u8, no: u8) -> sock_filter {
    line(code, k, yes, no)
}

fn equal(to: u32, yes: u8, no: u8) -> sock_filter {
    jump(BPF_JMP | BPF_JEQ | BPF_K, to, yes, no)
}

fn skip(lines: u32) -> sock_filter {
    line(BPF_JMP | libc::BPF_JA | BPF_K, lines, 0, 0)
}
