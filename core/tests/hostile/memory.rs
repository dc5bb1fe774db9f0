//! SQL whose memory the engine does not count: it is interrupted into DS-503 before the system ends the process, and is never
//! interrupted for what the host has grown by. Below the gate, which may refuse such texts.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use datasus::base::{CancelReason, Ctx};
use datasus::engine::{DuckDb, Engine, Settings};
use datasus::faces::held_by_process;
use datasus::governor::{Ask, Governor};
use datasus::plan::{Binds, Statement};
use datasus::{Code, Error};

use crate::group::Group;

const MB: u64 = 1 << 20;
const SERVES: &str = "DATASUS_TEST_GROWS";

/// As a client's SQL is run, with a share of the memory.
fn run(sql: &str, ctx: &Ctx) -> Result<usize, Error> {
    let governor = Governor::of_process();
    let mut lease = governor.lease(Ask { want: 1 << 40, least: 64 * MB }, &ctx.cancel)?;
    let settings = Settings {
        memory_limit: (lease.bytes() - (512 * MB).min(lease.bytes() / 5 * 2)).max(64 * MB),
        spill_limit: 1 << 30,
        spill_root: std::env::temp_dir(),
        threads: 2,
        units: None,
        chunk_rows: 8_192,
        ahead_bytes: 8 * MB,
        channel_depth: 2,
        throttle: governor.throttle(),
        made: governor.throttle().streams().clone(),
        hold: Some(lease.hold()),
        answer: None,
    };
    let statement = Statement {
        views: Vec::new(),
        written: None,
        sql: sql.into(),
        binds: Binds::Positional(Vec::new()),
        files: Vec::new(),
        columns: Vec::new(),
        from_user: true,
        long_bytes: 0,
        scan: None,
        left_out: Vec::new(),
        answer: None,
        seen: Default::default(),
    };
    let running = DuckDb::default().start(statement, &settings, ctx)?;
    running.map(|chunk| Ok(chunk?.batch.num_rows())).sum()
}

/// Runs `case` in a process of its own, in a cgroup of so many bytes if that is said; gives what it printed of itself.
fn child(case: &str, limit: Option<u64>) -> String {
    // A process has one group at a time, and its children are large.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let group = limit.map(Group::with_limit);
    let procs = group.as_ref().map(|group| group.folder.join("cgroup.procs"));
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "memory::grows", "--nocapture"])
        .env(SERVES, case)
        .env("DATASUS_TEST_PROCS", procs.unwrap_or_default())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() && began.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{case}: {}\n{said}\n{}", done.status, String::from_utf8_lossy(&done.stderr));
    let told = said.lines().find_map(|line| line.strip_prefix("told: "));
    told.unwrap_or_else(|| panic!("{case} told nothing:\n{said}")).to_owned()
}

#[test]
#[ignore = "runs in a child process"]
fn grows() {
    let Ok(case) = std::env::var(SERVES) else { return };
    let procs = std::env::var("DATASUS_TEST_PROCS").unwrap();
    if !procs.is_empty() {
        std::fs::write(procs, std::process::id().to_string()).unwrap();
    }
    if std::env::var_os("DATASUS_TEST_LOOKS").is_some() {
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(std::io::stderr).init();
    }
    let told = match case.as_str() {
        "host" => host_grows(false),
        "host in huge pages" => host_grows(true),
        sql => {
            let first = outcome(run(sql, &Ctx::default()));
            // The process goes on, and so does SQL.
            assert_eq!(run("SELECT * FROM range(10)", &Ctx::default()).unwrap(), 10);
            first
        }
    };
    println!("told: {told}");
}

fn outcome(done: Result<usize, Error>) -> String {
    match done {
        Ok(rows) => format!("{rows} rows"),
        Err(error) => format!("{} {}", error.code(), error.detail()),
    }
}

/// A statement that takes some memory and does not end, beside a host that grows to the limit.
fn host_grows(huge: bool) -> String {
    Governor::of_process().set_budget(Some(held_by_process() + 1_200 * MB));
    let ctx = Ctx::default();
    let token = ctx.cancel.clone();
    static GROWN: AtomicBool = AtomicBool::new(false);
    let host = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        let mut kept = Vec::new();
        for _ in 0..8 {
            let mut more = vec![0u8; 130 << 20];
            if huge {
                let address = more.as_mut_ptr().align_offset(2 << 20);
                // SAFETY: within the vector; advice changes nothing of what it holds.
                unsafe { libc::madvise(more.as_mut_ptr().add(address).cast(), 128 << 20, libc::MADV_HUGEPAGE) };
            }
            more.iter_mut().step_by(4_096).for_each(|byte| *byte = 1);
            kept.push(more);
            std::thread::sleep(Duration::from_millis(100));
        }
        GROWN.store(true, SeqCst);
        std::thread::sleep(Duration::from_millis(500));
        token.set(CancelReason::Caller);
        kept.len()
    });
    let sql = "SELECT count(*) FROM (SELECT r % 500000 AS k, count(*) AS n FROM range(100000000000) t(r) GROUP BY k)";
    let done = run(sql, &ctx);
    let whole = GROWN.load(SeqCst);
    assert!(whole || done.is_err());
    assert_eq!(host.join().unwrap(), 8);
    format!("{} {whole}", done.map_or_else(|error| error.code().to_string(), |rows| rows.to_string()))
}

#[test]
fn states_of_aggregates_that_outgrow_512_mb_are_interrupted_and_the_process_lives() {
    for sql in [
        "SELECT quantile_cont(r, 0.5) FROM range(100000000) t(r)",
        "SELECT median(r) FROM range(100000000) t(r)",
        "SELECT mad(r) FROM range(100000000) t(r)",
    ] {
        refuses(sql);
    }
}

#[test]
fn tables_of_states_that_outgrow_512_mb_are_interrupted_and_the_process_lives() {
    for sql in [
        "SELECT mode(r) FROM range(60000000) t(r)",
        "SELECT entropy(r) FROM range(60000000) t(r)",
        "SELECT len(list(r)) FROM range(200000000) t(r)",
        "SELECT len(map_keys(histogram(r))) FROM range(10000000) t(r)",
    ] {
        refuses(sql);
    }
}

#[track_caller]
fn refuses(sql: &str) {
    let told = child(sql, Some(512 * MB));
    println!("{sql}: {told}");
    assert!(told.starts_with(Code::OutOfMemory.as_str()), "{sql}: {told}");
}

/// Twice as much at a time is the gate's to refuse: it comes in one step, which hears no interrupt.
#[test]
fn large_values_in_512_mb_are_interrupted_and_the_process_lives() {
    for sql in [
        "SELECT list(r) OVER () FROM range(6000) t(r)",
        "SELECT len(replace(lpad('', 10000, 'b'), 'b', lpad('', 10000, 'c')))",
    ] {
        let told = child(sql, Some(512 * MB));
        println!("{sql}: {told}");
        assert!(told.starts_with(Code::OutOfMemory.as_str()) || told.contains("rows"), "{sql}: {told}");
    }
}

/// What analysts do, beyond their share and on disk: the watch lets it be.
#[test]
fn sorts_groups_and_medians_that_spill_in_512_mb_are_answered() {
    for (sql, rows) in [
        ("SELECT r, r::VARCHAR AS s FROM range(4000000) t(r) ORDER BY (r * 7919) % 20000003", 4_000_000),
        ("SELECT r AS k, count(*), sum(r) FROM range(5000000) t(r) GROUP BY k", 5_000_000),
        ("SELECT median(r) FROM range(5000000) t(r)", 1),
        ("SELECT r % 5000 AS k, median(r), mode(r % 7) FROM range(3000000) t(r) GROUP BY k", 5_000),
    ] {
        assert_eq!(child(sql, Some(512 * MB)), format!("{rows} rows"), "{sql}");
    }
}

#[test]
fn a_host_that_grows_to_its_limit_ends_no_statement() {
    for case in ["host", "host in huge pages"] {
        assert_eq!(child(case, None), format!("{} true", Code::Cancelled.as_str()), "{case}");
    }
}
