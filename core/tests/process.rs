//! What all clients of a process share: slots and memory, what they tell of them, and the disk that they spill to.
#![cfg(target_os = "linux")]

#[path = "many/mod.rs"]
mod many;
mod skip;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use datasus::base::Cancel;
use datasus::governor::{Ask, Governor, Hook};
use datasus::params::{OnEmergency, Options};
use datasus::{AggregateFn, Client, Code, Config, Csv, Language, Mode, Priority, QueryParams, Rows, Status};
use tempfile::TempDir;

/// Every wait ends, at the latest then.
const PATIENCE: Duration = Duration::from_secs(120);
const ROWS: usize = 3_000_000;
const MONTH: usize = ROWS / 3;
const PLACE: &str = "DATASUS_TEST_PLACE";

/// The tests set what is the process's own: one at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Three files of a million rows, made once.
fn data() -> &'static Path {
    static DATA: OnceLock<TempDir> = OnceLock::new();
    DATA.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        many::write(folder.path(), 3, MONTH);
        folder
    })
    .path()
}

fn client(source: &Path, spill: &Path, memory_limit: Option<u64>) -> Client {
    let spill = Some(spill.to_owned());
    Client::open_with(source, Config { spill, memory_limit, language: Language::En, ..Config::default() }).unwrap()
}

/// Never a sample, however little memory a test leaves.
fn exact() -> Options {
    Options { on_emergency: Some(OnEmergency::Spill), ..Default::default() }
}

fn all() -> QueryParams {
    QueryParams::dataset("SIH-RD").options(exact())
}

/// With 64 MB it spills.
fn sorted() -> QueryParams {
    all().order_by("VAL_TOT", true)
}

const LITTLE: Option<u64> = Some(64 << 20);

/// A group per row: it needs 64 MB at the least.
fn grouped() -> QueryParams {
    all().group_by(["N_AIH"]).aggregate(AggregateFn::Sum, "VAL_TOT", "valor")
}

fn urgent() -> Options {
    Options { priority: Priority::Health, ..exact() }
}

fn rows(answer: Rows) -> usize {
    answer.map(|batch| batch.unwrap().num_rows()).sum()
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs `work` in a thread, and fails where it hangs.
fn ends<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, end) = bounded(1);
    let thread = std::thread::spawn(move || {
        let _ = done.send(work());
    });
    match end.recv_timeout(PATIENCE) {
        Ok(result) => result,
        Err(_) if thread.is_finished() => panic!("{what} panicked"),
        Err(_) => panic!("{what} hangs"),
    }
}

fn spilled(spill: &Path) -> Vec<PathBuf> {
    let files = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().map(|e| e.unwrap().path());
    files(spill.to_owned()).flat_map(files).filter(|path| !path.ends_with("owner.json")).collect()
}

fn names(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

/// Little memory for all leases, or one slot: whoever is held up by its reader keeps neither slot nor memory. A month of
/// rows is many times what waits for a reader.
#[test]
fn nested_and_zipped_queries_end_with_one_slot_and_with_little_memory() {
    let _alone = alone();
    let governor = Governor::of_process();
    let spill = tempfile::tempdir().unwrap();
    let client = client(data(), spill.path(), None);
    let [all, sorted, grouped] = [all(), sorted(), grouped()].map(|params| params.competencia("202301"));
    for (maintenance, budget) in [(true, None), (false, Some(200 << 20)), (true, Some(200 << 20))] {
        governor.set_budget(budget);
        client.set_maintenance(maintenance).unwrap();
        let what = format!("maintenance {maintenance}, budget {budget:?}");
        let ours = client.clone();
        let (all, sorted, grouped) = (all.clone(), sorted.clone(), grouped.clone());
        let of_nested = grouped.clone();
        let zipped = ends(&what, move || {
            let mut streams = [&grouped, &sorted, &grouped, &all].map(|params| ours.query(params).unwrap());
            let (mut counts, mut open) = ([0; 4], 4);
            while open > 0 {
                open = 0;
                for (stream, count) in streams.iter_mut().zip(&mut counts) {
                    if let Some(batch) = stream.next() {
                        *count += batch.unwrap().num_rows();
                        open += 1;
                    }
                }
            }
            counts
        });
        assert_eq!(zipped, [MONTH; 4], "{what}");
        let ours = client.clone();
        let nested = ends(&what, move || {
            let outer = ours.query(&of_nested).unwrap();
            let (mut count, mut inner) = (0, 0);
            for batch in outer {
                count += batch.unwrap().num_rows();
                if inner < 3 {
                    assert_eq!(rows(ours.query(&of_nested).unwrap()), MONTH);
                    inner += 1;
                }
            }
            (count, inner)
        });
        assert_eq!(nested, (MONTH, 3), "{what}");
    }
    client.set_maintenance(false).unwrap();
    governor.set_budget(None);
    until("every lease is back", || governor.leased().0 == 0);
    assert_eq!(names(spill.path()), 0);
}

/// With one slot, and room for one of the two: the more urgent one would wait for memory that the other keeps while that
/// waits for the slot.
#[test]
fn a_job_that_makes_room_leaves_its_memory_too() {
    let _alone = alone();
    let governor = Governor::of_process();
    let place = tempfile::tempdir().unwrap();
    let output = Some(place.path().to_owned());
    let client = Client::open_with(data(), Config { output, ..Config::default() }).unwrap();
    governor.set_budget(Some(1 << 30));
    client.set_maintenance(true).unwrap();
    let most = governor.leased().1 - (80 << 20);
    let others = governor.lease(Ask { want: most, least: most }, &Cancel::default()).unwrap();
    let export = client.submit(&all(), Csv::to("a.csv")).unwrap();
    until("it runs", || export.progress().rows > 0);
    let (ours, behind) = (client.clone(), export.clone());
    let groups = ends("the urgent query", move || {
        let answer = ours.query(&grouped().options(urgent())).unwrap();
        assert!(behind.progress().rows < ROWS as u64, "it had ended before: this test shows nothing");
        rows(answer)
    });
    assert_eq!(groups, ROWS);
    let report = export.wait_timeout(PATIENCE).expect("it goes on").unwrap();
    assert_eq!(report.records_processed, ROWS as u64);
    client.set_maintenance(false).unwrap();
    drop(others);
    governor.set_budget(None);
}

#[test]
fn a_stream_whose_share_of_the_memory_does_not_do_waits_for_all_of_it_and_is_exact() {
    let _alone = alone();
    let governor = Governor::of_process();
    let spill = tempfile::tempdir().unwrap();
    let client = client(data(), spill.path(), None);
    let (_, whole) = governor.leased();
    let most = whole - (70 << 20);
    let others = governor.lease(Ask { want: most, least: most }, &Cancel::default()).unwrap();
    // Its state is every text of the column, and cannot be spilled.
    let params = QueryParams::sql("SELECT quantile_disc(N_AIH, 0.5) AS m, count(DISTINCT N_AIH) AS n FROM sih_rd");
    let query = std::thread::spawn(move || client.query(&params).unwrap().collect_batches().unwrap());
    std::thread::sleep(Duration::from_secs(3));
    assert!(!query.is_finished(), "it ran in 64 MB: this test shows nothing");
    drop(others);
    let batches = ends("the second run", move || query.join().unwrap());
    let shown = arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
    assert!(shown.contains("1200001499999") && shown.contains(&ROWS.to_string()), "{shown}");
}

#[test]
fn the_metrics_tell_of_queue_slots_and_memory() {
    let _alone = alone();
    let spill = tempfile::tempdir().unwrap();
    let client = client(data(), spill.path(), None);
    let value = |of: &str| {
        let text = client.metrics();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let number = line.rsplit(' ').next().unwrap();
            assert!(number.parse::<f64>().is_ok(), "{line}");
        }
        let line = text.lines().find_map(|line| line.strip_prefix(of)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {of} in\n{text}")).parse::<f64>().unwrap()
    };
    let waited = |class| value(&format!("datasus_queue_wait_seconds_count{{priority=\"{class}\"}}"));
    let before = ["health", "admin", "user"].map(waited);
    let mut held_up = client.query(&all()).unwrap();
    let first = held_up.next().unwrap().unwrap().num_rows();
    until("it is parked", || held_up.job().status() == Status::Parked);
    until("the text says so", || value("datasus_jobs_parked") == 1.0);
    client.set_maintenance(true).unwrap();
    assert_eq!(value("datasus_mode{mode=\"maintenance\"}"), 1.0);
    // The one slot is taken by a job that nobody can wait for: its own reader waits for it.
    assert_eq!(rows(client.query(&all().limit(5).options(urgent())).unwrap()), 5);
    client.set_maintenance(false).unwrap();
    client.sync(&all()).unwrap();
    assert_eq!(["health", "admin", "user"].map(waited), [before[0] + 1.0, before[1] + 1.0, before[2] + 1.0]);
    assert_eq!(rows(held_up), ROWS - first);
    until("all have ended", || value("datasus_jobs_running") == 0.0 && value("datasus_jobs_parked") == 0.0);
    assert_eq!(value("datasus_queue_depth{priority=\"user\"}"), 0.0);
    assert!(value("datasus_memory_pressure_ratio") > 0.0);
    assert!(value("datasus_mode_changes_total{to=\"maintenance\"}") >= 1.0);
}

#[test]
fn a_client_hears_of_every_mode_and_its_host_is_asked_for_memory() {
    let _alone = alone();
    let spill = tempfile::tempdir().unwrap();
    let client = client(data(), spill.path(), None);
    let mut changes = client.mode_changes();
    let calls = Arc::new(AtomicUsize::new(0));
    let hook: Arc<Hook> = {
        let calls = calls.clone();
        Arc::new(move || assert!(calls.fetch_add(1, SeqCst) < usize::MAX))
    };
    client.on_memory_pressure(&hook);
    client.set_maintenance(true).unwrap();
    assert_eq!(changes.next().unwrap().to, Mode::Maintenance);
    client.set_maintenance(false).unwrap();
    assert_eq!(changes.next_within(PATIENCE).unwrap().to, Mode::Normal);
    assert!(changes.next_within(Duration::from_millis(20)).is_none());
    Governor::of_process().set_budget(Some(1 << 20));
    assert_eq!(changes.next_within(PATIENCE).unwrap().to, Mode::Emergency);
    until("the host's hook", || calls.load(SeqCst) > 0);
    Governor::of_process().set_budget(None);
    assert_eq!(changes.next_within(PATIENCE).unwrap().to, Mode::Normal);
}

/// Runs in a child process: spills, stops itself once it has the first of its rows, and reads the rest if it is let go on. The disk is
/// asked now and then: the reader takes longer than that.
#[test]
#[ignore = "runs in a child process"]
fn spills_and_stops() {
    let Some(place) = std::env::var_os(PLACE) else { return };
    let spill = Path::new(&place).join("spill");
    let client = client(&Path::new(&place).join("source"), &spill, LITTLE);
    // A reader that pauses, if only because the machine is busy, has its rows put aside: what is all there needs no disk any more.
    let mut answer = loop {
        let mut answer = client.query(&sorted()).unwrap();
        answer.next().unwrap().unwrap();
        if answer.job().status() != Status::Parked {
            break answer;
        }
    };
    assert!(!spilled(&spill).is_empty());
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP).unwrap();
    let error = answer.find_map(|batch| {
        std::thread::sleep(Duration::from_millis(200));
        batch.err()
    });
    assert_eq!(error.expect("it ends before its last row").code(), Code::DiskFull);
    until("only theirs is left", || names(&spill) == 1);
}

struct Killed(Child);

impl Killed {
    fn now(self) {}
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One that has spilled and stands still: it is about to make or remove nothing.
fn stopped_child(place: &Path) -> Killed {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "spills_and_stops"])
        .env(PLACE, place)
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(place.join("said")).unwrap())
        .spawn();
    let child = Killed(child.unwrap());
    let stat = format!("/proc/{}/stat", child.0.id());
    until("it has its first rows, and stops", || {
        let stat = std::fs::read_to_string(&stat).unwrap();
        let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
        assert!(!matches!(state, None | Some("Z")), "it ended before it stopped");
        state == Some("T")
    });
    child
}

#[test]
fn what_a_killed_process_spilled_goes_with_the_next_client_and_what_a_living_one_spilled_stays() {
    let _alone = alone();
    let place = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(data(), place.path().join("source")).unwrap();
    let spill = place.path().join("spill");
    let begin = || {
        let before = names(&spill);
        let child = stopped_child(place.path());
        assert!(names(&spill) > before && !spilled(&spill).is_empty(), "it spills");
        child
    };
    begin().now();
    assert!(!spilled(&spill).is_empty(), "what a killed process leaves");
    client(data(), &spill, None);
    assert_eq!(names(&spill), 0);
    let lives = begin();
    client(data(), &spill, None);
    assert!(!spilled(&spill).is_empty(), "its owner lives");
    lives.now();
    client(data(), &spill, None);
    assert_eq!(names(&spill), 0);
}

/// A file system of so many bytes; it goes with the guard.
struct Small(TempDir);

impl Small {
    fn of(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path()).status();
        if !mounted.is_ok_and(|status| status.success()) {
            skip::on_this_machine("no right to mount a tmpfs: a full disk");
            return None;
        }
        Some(Small(folder))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_disk_too_small_for_a_spill_ends_it_with_ds_507_before_it_is_full_and_leaves_nothing() {
    let _alone = alone();
    // Too small to begin with, and too small to end with.
    for size in ["4m", "32m"] {
        let Some(small) = Small::of(size) else { return };
        let spill = small.0.path();
        let client = client(data(), spill, LITTLE);
        let count = all().aggregate(AggregateFn::Count, "*", "n");
        assert_eq!(rows(client.query(&count).unwrap()), 1, "what need not spill is answered");
        let error = client.query(&sorted()).and_then(|answer| answer.collect_batches()).unwrap_err();
        assert_eq!(error.code(), Code::DiskFull, "{size}: {error:?}");
        assert_eq!(names(spill), 0, "{size}");
        assert_eq!(rows(client.query(&count).unwrap()), 1, "and the client goes on");
    }
}

/// The whole process stands still while the disk is filled: it cannot have read its rows before.
#[test]
fn a_disk_that_another_fills_meanwhile_ends_a_stream_with_ds_507_and_nothing_is_left() {
    let _alone = alone();
    let place = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(data(), place.path().join("source")).unwrap();
    // Neither has the rest of the result room there, which goes to the same disk while its reader pauses.
    let Some(small) = Small::of("250m") else { return };
    let spill = small.0.path();
    std::os::unix::fs::symlink(spill, place.path().join("spill")).unwrap();
    let mut child = stopped_child(place.path());
    let mut theirs = std::fs::File::create(spill.join("theirs")).unwrap();
    // Into the reserve, and not to its end.
    while datasus::governor::disk_room(spill).unwrap() > 0 {
        theirs.write_all(&vec![1; 1 << 20]).unwrap();
    }
    let pid = rustix::process::Pid::from_raw(child.0.id() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    let mut status = None;
    until("the stream ends", || {
        status = child.0.try_wait().unwrap();
        status.is_some()
    });
    let said = std::fs::read_to_string(place.path().join("said")).unwrap();
    assert!(status.is_some_and(|status| status.success()), "the child did not see DS-507: {said}");
}
