//! Landlock: from now on the process opens these files and this folder, and no others; it connects to nobody.

use std::io::{Error as IoError, Result as IoResult};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

// As linux/landlock.h has them.
const VERSION: libc::c_ulong = 1;
const PATH_BENEATH: libc::c_long = 1;
const EXECUTE: u64 = 1;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
const REMOVE_DIR: u64 = 1 << 4;
const REMOVE_FILE: u64 = 1 << 5;
const MAKE_DIR: u64 = 1 << 7;
const MAKE_REG: u64 = 1 << 8;
/// All of the first version, from EXECUTE to MAKE_SYM.
const FIRST: u64 = (1 << 13) - 1;
const REFER: u64 = 1 << 13;
const TRUNCATE: u64 = 1 << 14;
const IOCTL_DEV: u64 = 1 << 15;
/// Bind and connect.
const TCP: u64 = 0b11;
/// Abstract sockets, and signals, of processes outside.
const SCOPES: u64 = 0b11;

#[repr(C)]
struct Ruleset {
    fs: u64,
    net: u64,
    scoped: u64,
}

#[repr(C, packed)]
struct Beneath {
    allowed: u64,
    parent: i32,
}

/// 0: the kernel has none, or it is turned off.
pub(super) fn version() -> u32 {
    // SAFETY: asks for a number; no structure is given.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, 0usize, 0usize, VERSION) };
    u32::try_from(version).unwrap_or(0)
}

/// For the calling thread and those that it will start. Does nothing where there is none.
pub(super) fn enter<'p>(files: impl Iterator<Item = &'p Path>, written: Option<&Path>) -> IoResult<()> {
    let version = version();
    if version == 0 {
        return Ok(());
    }
    let newer = [(2, REFER), (3, TRUNCATE), (5, IOCTL_DEV)];
    let fs = newer.iter().filter(|(from, _)| version >= *from).fold(FIRST, |all, (_, right)| all | right);
    let net = if version >= 4 { TCP } else { 0 };
    let scoped = if version >= 6 { SCOPES } else { 0 };
    let rules = ruleset(&Ruleset { fs, net, scoped }, version)?;
    for file in files {
        allow(&rules, file, READ_FILE)?;
        // The engine reads the folder of a name that it takes for a pattern.
        if file.as_os_str().as_bytes().iter().any(|byte| b"*?[".contains(byte))
            && let Some(folder) = file.parent()
        {
            allow(&rules, folder, READ_DIR)?;
        }
    }
    if let Some(folder) = written {
        let rights = READ_FILE | WRITE_FILE | READ_DIR | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | TRUNCATE;
        allow(&rules, folder, rights & fs & !EXECUTE)?;
    }
    // As the next call wants it.
    rustix::thread::set_no_new_privs(true)?;
    // SAFETY: the descriptor is a ruleset's, and open.
    succeeds(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules.as_raw_fd(), 0usize) }).map(drop)
}

fn ruleset(of: &Ruleset, version: u32) -> IoResult<OwnedFd> {
    // Older kernels know less of the structure.
    let known = match version {
        ..=3 => 8,
        4..=5 => 16,
        _ => size_of::<Ruleset>(),
    };
    // SAFETY: the structure lives through the call, and is at least as long as is said.
    let made = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, of as *const Ruleset, known, 0usize) };
    let made = succeeds(made)?;
    // SAFETY: the kernel has just given it to us, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(made as i32) })
}

fn allow(rules: &OwnedFd, path: &Path, allowed: u64) -> IoResult<()> {
    let opened = match rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
        // What is not there is not read: the engine says so in its own words.
        Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => return Ok(()),
        opened => opened?,
    };
    let rule = Beneath { allowed, parent: opened.as_raw_fd() };
    let (rules, rule) = (rules.as_raw_fd(), &raw const rule);
    // SAFETY: both descriptors are open, and the structure lives through the call.
    succeeds(unsafe { libc::syscall(libc::SYS_landlock_add_rule, rules, PATH_BENEATH, rule, 0usize) }).map(drop)
}

fn succeeds(answer: libc::c_long) -> IoResult<libc::c_long> {
    if answer < 0 { Err(IoError::last_os_error()) } else { Ok(answer) }
}
