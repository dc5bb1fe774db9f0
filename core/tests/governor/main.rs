//! The governor in a real cgroup of 512 MB, and in a forked child.
#![cfg(target_os = "linux")]

mod group;
#[path = "../quiet/mod.rs"]
mod quiet;

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use datasus::base::{Cancel, Code};
use datasus::governor::{Ask, Bound, Governor, Lease, Mode, ModeChange};

use group::Group;

const LIMIT: u64 = 512 << 20;
const GROUP: &str = "DATASUS_TEST_GROUP";
/// Greater than what glibc's allocator ever keeps: freed, it is gone at once. 7 % of the limit.
const BLOCK: usize = 36 << 20;

#[test]
fn a_process_in_a_cgroup_of_512_mb_goes_through_the_modes_and_back() {
    let group = Group::with_limit(LIMIT);
    let log = tempfile::NamedTempFile::new().unwrap();
    let output = log.reopen().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["lives_in_a_cgroup", "--exact", "--nocapture"])
        .env(GROUP, group.folder.join(group.usage))
        .stdout(Stdio::from(output.try_clone().unwrap()))
        .stderr(Stdio::from(output))
        .spawn()
        .unwrap();
    let start = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if start.elapsed() > Duration::from_secs(600) => child.kill().unwrap(),
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    let said = std::fs::read_to_string(log.path()).unwrap();
    println!("{said}");
    assert!(status.success(), "{status}");
    assert_eq!(
        said.lines().filter(|line| line.contains("memory mode changed")).count(),
        4,
        "a log line for each change"
    );
}

/// Not a test of its own: the process that the one above starts.
#[test]
fn lives_in_a_cgroup() {
    let Some(usage) = std::env::var_os(GROUP) else { return };
    let usage = Path::new(&usage);
    std::fs::write(usage.with_file_name("cgroup.procs"), std::process::id().to_string()).unwrap();
    tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_ansi(false).init();

    let governor = Governor::of_process();
    let pressure = governor.pressure();
    assert_eq!((pressure.least_limit, governor.mode()), (LIMIT, Mode::Normal), "{pressure:?}");
    let changes = governor.subscribe();
    let leases = four_clients_share();
    page_cache_is_not_pressure(&governor, usage, &changes);

    let mut held = Vec::new();
    let at_once = Duration::ZERO..quiet::most(Duration::from_secs(1));
    rises_to(&mut held, 0.71);
    arrives(&changes, Mode::Conservative, Instant::now(), at_once.clone());
    rises_to(&mut held, 0.86);
    arrives(&changes, Mode::Emergency, Instant::now(), at_once);
    assert_eq!(governor.throttle().chunk_rows(65_536), 2_048);
    let down = Duration::from_millis(1_900)..quiet::most(Duration::from_secs(3));
    let freed = Instant::now();
    held.truncate(held.len() - 2);
    arrives(&changes, Mode::Conservative, freed, down.clone());
    let freed = Instant::now();
    drop(held);
    arrives(&changes, Mode::Normal, freed, down);
    drop(leases);
    assert_eq!((governor.leased().0, changes.try_recv().ok()), (0, None));
}

/// What a freed heap leaves in the allocator's hands, in many arenas and below what is still in use. Nobody works, and nobody
/// looks but the governor: the mode ends within ten seconds all the same.
#[test]
fn an_emergency_ends_within_ten_seconds_of_when_its_memory_was_freed() {
    let group = Group::with_limit(LIMIT);
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["frees_in_a_cgroup", "--exact", "--nocapture"])
        .env(GROUP, group.folder.join(group.usage))
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&done.stdout));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Not a test of its own: the process that the one above starts.
#[test]
fn frees_in_a_cgroup() {
    let Some(usage) = std::env::var_os(GROUP) else { return };
    std::fs::write(Path::new(&usage).with_file_name("cgroup.procs"), std::process::id().to_string()).unwrap();
    let governor = Governor::of_process();
    // A job that has ended: what follows is nobody's.
    drop(governor.lease(Ask { want: 1, least: 1 }, &Cancel::default()).unwrap());
    let fill = || std::thread::spawn(|| (0..29_000).map(|_| vec![1u8; 4_000]).collect::<Vec<_>>());
    let full: Vec<Vec<Vec<u8>>> = [(); 4].map(|()| fill()).into_iter().map(|half| half.join().unwrap()).collect();
    assert!(governor.pressure().share > 0.85 && governor.mode() == Mode::Emergency, "{governor:?}");
    // The purge that comes with the change finds all of it in use.
    std::thread::sleep(Duration::from_millis(500));
    let kept: Vec<Vec<u8>> = full.into_iter().flatten().step_by(100).collect();
    let freed = Instant::now();
    let most = quiet::most(Duration::from_secs(10));
    while governor.mode() != Mode::Normal {
        assert!(freed.elapsed() < most, "{governor:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("normal after {:?}", freed.elapsed());
    drop(kept);
}

/// Four clients, each on its thread: they have one governor, and it has one 45 %.
fn four_clients_share() -> Vec<Lease> {
    let client = || {
        let ask = Ask { want: LIMIT, least: 1 << 20 };
        Governor::of_process().lease(ask, &Cancel::default()).unwrap()
    };
    let clients: Vec<_> = (0..4).map(|_| std::thread::spawn(client)).collect();
    let leases: Vec<Lease> = clients.into_iter().map(|client| client.join().unwrap()).collect();
    let sum: u64 = leases.iter().map(Lease::bytes).sum();
    assert_eq!(Governor::of_process().leased().0, sum);
    assert!(sum > LIMIT / 3 && sum <= LIMIT / 100 * 45, "{sum} of {LIMIT}");
    leases
}

/// A file greater than the limit is written, and read thrice.
fn page_cache_is_not_pressure(governor: &Governor, usage: &Path, changes: &Receiver<ModeChange>) {
    // Beside the test's binary: the temporary folder may be a tmpfs, whose files are memory.
    let folder = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let mut file = tempfile::tempfile_in(folder).unwrap();
    let mut block = vec![7u8; 4 << 20];
    let mut highest = 0f64;
    let blocks = LIMIT as usize / block.len() * 5 / 4;
    for _ in 0..blocks {
        file.write_all(&block).unwrap();
        highest = highest.max(governor.pressure().share);
    }
    file.sync_all().unwrap();
    for _ in 0..3 {
        std::io::Seek::rewind(&mut file).unwrap();
        for _ in 0..blocks {
            file.read_exact(&mut block).unwrap();
            highest = highest.max(governor.pressure().share);
        }
    }
    let raw: u64 = std::fs::read_to_string(usage).unwrap().trim().parse().unwrap();
    println!("page cache: raw usage {:.2} of the limit, pressure at most {highest:.2}", raw as f64 / LIMIT as f64);
    assert!(raw as f64 > LIMIT as f64 * 0.85, "{raw} would not have been an emergency");
    assert_eq!((governor.mode(), changes.try_recv().ok()), (Mode::Normal, None));
}

/// Without asking the governor, who must see it by himself.
fn rises_to(held: &mut Vec<Vec<u8>>, share: f64) {
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    };
    while (resident() as f64) < share * LIMIT as f64 {
        std::thread::sleep(Duration::from_millis(60));
        held.push(vec![1; BLOCK]);
    }
}

fn arrives(changes: &Receiver<ModeChange>, mode: Mode, since: Instant, within: std::ops::Range<Duration>) {
    let change = changes.recv_timeout(quiet::HANGS).unwrap();
    let took = since.elapsed();
    println!("{:?} after {took:?}: {:?}", change.to, change.pressure);
    assert_eq!(change.to, mode);
    assert!(change.pressure.by == Bound::Cgroup || mode == Mode::Normal, "{:?}", change.pressure);
    assert!(within.contains(&took), "{took:?}");
}

#[test]
fn a_forked_child_is_refused_and_never_hangs() {
    let governor = Governor::of_process();
    let mut lease = governor.lease(Ask { want: 1 << 20, least: 0 }, &Cancel::default()).unwrap();
    // SAFETY: the child calls the governor and the allocator, which glibc makes usable after a fork, and leaves by _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: no pointer; a hang ends in SIGALRM.
        unsafe { libc::alarm(120) };
        let refused = governor.lease(Ask::default(), &Cancel::default()).err().map(|error| error.code());
        let (mode, pressure) = (governor.mode(), governor.pressure());
        governor.set_maintenance(true);
        lease.resize(0);
        lease.park();
        let resumed = lease.unpark(&Cancel::default()).err().map(|error| error.code());
        let bytes = lease.bytes();
        drop(lease);
        let right = refused == Some(Code::Forked) && resumed == Some(Code::Forked) && bytes == 1 << 20;
        let right = right && mode == governor.mode() && pressure.limit > 0 && governor.leased().0 == 0;
        // SAFETY: ends the child without running its parent's destructors.
        unsafe { libc::_exit(if right { 0 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: `child` is ours and `status` outlives the call.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "exit status or signal (14: it hung)");
    assert_eq!(governor.leased().0, 1 << 20);
}
