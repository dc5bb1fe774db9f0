//! Many streams at once in a cgroup: readers that are fast, slow, stopped or gone, wide rows and narrow ones, scans and the engine's
//! results. Every row comes once and in its place, nobody waits for ever, and what all of them hold stays within the budget.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch};
use datasus::governor::Governor;
use datasus::params::{OnEmergency, Options};
use datasus::{AggregateFn, Client, Config, QueryParams, Rows};
use tempfile::TempDir;

use crate::beside;
use crate::group::Group;
use crate::quiet;

const MB: u64 = 1 << 20;
/// Of a file; more where `make soak` has time for them. Where many streams are read in turn, each visit reads its row group up to its
/// place: the more of them, the fewer rows has each.
fn rows(shape: &str, streams: usize) -> usize {
    let rows = if shape == "wide" { 60_000 } else { 200_000 };
    let rows = if crate::millions() > 3 { rows * 3 } else { rows };
    // Whole rounds of `write_wide`.
    (rows / (streams / 16).max(1)).next_multiple_of(10_000)
}
const FILES: usize = 2;
const FIRST: u64 = 1_200_000_000_000;

/// Files of so many rows.
fn source(shape: &str, rows: usize) -> TempDir {
    let source = tempfile::tempdir_in(beside()).unwrap();
    match shape {
        "wide" => crate::many::write_wide(source.path(), FILES, rows),
        _ => crate::many::write(source.path(), FILES, rows),
    }
    source
}

/// What is asked of how many streams, and who reads them.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Asked {
    shape: String,
    ask: String,
    readers: String,
    streams: usize,
    limit: u64,
    rows: u64,
}

impl Asked {
    fn of(shape: &str, ask: &str, readers: &str, streams: usize, limit: u64) -> Self {
        let rows = (rows(shape, streams) * FILES) as u64;
        Asked { shape: shape.into(), ask: ask.into(), readers: readers.into(), streams, limit, rows }
    }

    /// Runs in a process of its own, inside a group of so many bytes; what is wrong, if anything is.
    fn ends(&self) -> Result<(), String> {
        let source = source(&self.shape, rows(&self.shape, self.streams));
        let (place, group) = (tempfile::tempdir_in(beside()).unwrap(), Group::with_limit(self.limit));
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "streams::in_the_group", "--nocapture"])
            .env("DATASUS_TEST_SOURCE", source.path())
            .env("DATASUS_TEST_PLACE", place.path())
            .env("DATASUS_TEST_ASK", serde_json::to_string(self).unwrap())
            .env("DATASUS_TEST_PROCS", group.folder.join("cgroup.procs"))
            .spawn()
            .unwrap();
        let start = Instant::now();
        while child.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(600) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = child.kill();
        let status = child.wait().unwrap();
        if status.success() { Ok(()) } else { Err(format!("{self:?}: {status}, after {:?}", start.elapsed())) }
    }

    fn run(&self) {
        self.ends().unwrap();
    }

    fn query(&self) -> QueryParams {
        let all = QueryParams::dataset("SIH-RD");
        let spill = Options { on_emergency: Some(OnEmergency::Spill), ..Options::default() };
        match self.ask.as_str() {
            "sort" => all.order_by("N_AIH", false).options(spill),
            "group" => all.group_by(["N_AIH"]).aggregate(AggregateFn::Sum, "VAL_TOT", "valor").options(spill),
            _ => all,
        }
    }
}

#[test]
fn sixteen_readers_of_wide_rows_that_stop_hold_little_in_512_mb_and_go_on_where_they_were() {
    Asked::of("wide", "scan", "stopped", 16, 512 * MB).run();
}

#[test]
fn sixteen_readers_of_sorted_rows_that_stop_hold_little_in_512_mb_and_go_on_where_they_were() {
    Asked::of("narrow", "sort", "stopped", 16, 512 * MB).run();
}

#[test]
fn sixty_four_readers_fast_slow_stopped_and_gone_in_512_mb_come_to_their_end() {
    Asked::of("narrow", "scan", "mixed", 64, 512 * MB).run();
}

#[test]
fn sixteen_readers_of_groups_fast_slow_stopped_and_gone_in_1_gb_come_to_their_end() {
    Asked::of("narrow", "group", "mixed", 16, 1024 * MB).run();
}

/// With `DATASUS_STREAMS` only those, as `wide,scan,stopped,16,512`.
#[test]
#[ignore = "make soak: every number of readers of every kind"]
fn any_number_of_readers_of_any_kind() {
    let asked = std::env::var("DATASUS_STREAMS").unwrap_or_default();
    let mut all: Vec<Asked> = Vec::new();
    for asked in asked.split_whitespace() {
        let parts: Vec<&str> = asked.split(',').collect();
        let limit = parts[4].parse::<u64>().unwrap() * MB;
        all.push(Asked::of(parts[0], parts[1], parts[2], parts[3].parse().unwrap(), limit));
    }
    if all.is_empty() {
        for (shape, ask) in [("wide", "scan"), ("narrow", "scan"), ("narrow", "sort"), ("narrow", "group")] {
            for (readers, limit) in [("stopped", 512), ("mixed", 512), ("stopped", 1024), ("mixed", 1024)] {
                all.extend([1, 4, 16, 64].map(|streams| Asked::of(shape, ask, readers, streams, limit * MB)));
            }
        }
    }
    // Each is told, whatever the others did.
    let wrong: Vec<String> = all.iter().filter_map(|asked| asked.ends().err()).collect();
    assert!(wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), all.len());
}

fn resident() -> u64 {
    datasus::faces::held_by_process()
}

/// One reader's place in its answer.
struct Reader {
    answer: Rows,
    rows: u64,
    sum: u128,
    ordered: bool,
}

impl Reader {
    fn open(client: &Client, asked: &Asked) -> Reader {
        let answer = client.query(&asked.query()).unwrap();
        Reader { answer, rows: 0, sum: 0, ordered: asked.ask != "group" }
    }

    /// The next batch, each of its rows checked; none after the last.
    fn take(&mut self) -> Option<RecordBatch> {
        let batch = self.answer.next()?.unwrap();
        for number in batch.column_by_name("N_AIH").unwrap().as_string::<i32>() {
            let number: u64 = number.unwrap().parse().unwrap();
            assert!(!self.ordered || number == FIRST + self.rows, "{number} at {}", self.rows);
            self.sum += u128::from(number);
            self.rows += 1;
        }
        Some(batch)
    }

    fn check(&self, asked: &Asked) {
        let rows = asked.rows;
        let sum = u128::from(FIRST) * u128::from(rows) + u128::from(rows) * u128::from(rows - 1) / 2;
        assert_eq!((self.rows, self.sum), (rows, sum));
        assert!(self.answer.report().unwrap().sampling.is_none());
    }
}

#[test]
#[ignore = "runs in a child process"]
fn in_the_group() {
    let of = |name: &str| std::env::var(format!("DATASUS_TEST_{name}")).unwrap_or_default();
    if of("PROCS").is_empty() {
        return;
    }
    std::fs::write(of("PROCS"), std::process::id().to_string()).unwrap();
    let place = PathBuf::from(of("PLACE"));
    let asked: Asked = serde_json::from_str(&of("ASK")).unwrap();
    let config = Config { lake: Some(place.join("lake")), spill: Some(place.join("spill")), ..Config::default() };
    let client = Client::open_with(of("SOURCE"), config).unwrap();
    // What a first query leaves for ever is nobody's stream.
    drop(client.query(&asked.query().limit(1)).unwrap().collect_batches().unwrap());
    std::thread::sleep(Duration::from_millis(300));
    let begun = Instant::now();
    let seen = Seen::start();
    match asked.readers.as_str() {
        "stopped" => stopped(&client, &asked, &seen),
        "mixed" => mixed(&client, &asked),
        other => panic!("{other}"),
    }
    let (took, ended) = (begun.elapsed(), Instant::now());
    // Two seconds on a machine that does nothing else.
    let most = quiet::most(Duration::from_secs(10));
    soon("the memory goes back", most, || resident() < seen.before + LEFT);
    let (back, most) = (ended.elapsed(), seen.end());
    let budget = asked.limit / 100 * 45;
    let heap = most.heap;
    println!(
        "{} {} x {}, {} of {} MB, took {took:?}: streams and readers held {} MB at most; the process grew by {} MB at most (then {} MB \
         were counted, {} MB leased, of malloc's {} MB in use and {} MB free), by {} MB {back:?} after the last",
        asked.streams,
        asked.shape,
        asked.ask,
        asked.readers,
        asked.limit / MB,
        most.counted / MB,
        (most.resident - most.before) / MB,
        most.counted_then / MB,
        most.leased_then / MB,
        heap.0 / MB,
        heap.1 / MB,
        resident().saturating_sub(most.before) / MB,
    );
    assert!(most.counted <= budget, "{} MB were held of {} MB", most.counted / MB, budget / MB);
    assert!(most.resident - most.before <= asked.limit / 4 * 3, "grew by {} MB", (most.resident - most.before) / MB);
}

/// What the engine and the allocator may keep for what comes next.
const LEFT: u64 = 96 * MB;

/// The most that there was, looked at every few milliseconds.
struct Seen {
    before: u64,
    ends: Arc<AtomicBool>,
    looks: Mutex<Option<JoinHandle<Most>>>,
}

#[derive(Clone, Copy)]
struct Most {
    before: u64,
    resident: u64,
    counted: u64,
    /// When the process was largest.
    counted_then: u64,
    leased_then: u64,
    heap: (u64, u64),
}

/// What malloc has given out, and what it keeps for the next who asks. DuckDB has an allocator of its own.
fn heap() -> (u64, u64) {
    // SAFETY: it takes nothing, and gives numbers.
    let of = unsafe { libc::mallinfo2() };
    ((of.uordblks + of.hblkhd) as u64, of.fordblks as u64)
}

fn counted() -> u64 {
    let governor = Governor::of_process();
    governor.throttle().streams().bytes() + governor.foreign().bytes()
}

impl Seen {
    fn start() -> Self {
        let (before, ends) = (resident(), Arc::new(AtomicBool::new(false)));
        let its = ends.clone();
        let looks = std::thread::spawn(move || {
            let mut most = Most { before, resident: before, counted: 0, counted_then: 0, leased_then: 0, heap: (0, 0) };
            while !its.load(SeqCst) {
                let now = resident();
                if now > most.resident {
                    let leased_then = Governor::of_process().leased().0;
                    most = Most { resident: now, counted_then: counted(), leased_then, heap: heap(), ..most };
                }
                most.counted = most.counted.max(counted());
                std::thread::sleep(Duration::from_millis(2));
            }
            most
        });
        Seen { before, ends, looks: Mutex::new(Some(looks)) }
    }

    fn end(&self) -> Most {
        self.ends.store(true, SeqCst);
        self.looks.lock().unwrap().take().unwrap().join().unwrap()
    }
}

/// Waits for what must come soon.
fn soon(what: &str, within: Duration, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(
            begun.elapsed() < within,
            "{what}: {} MB of the process, {} MB counted, {} MB leased, malloc's {} MB in use and {} MB free",
            resident() / MB,
            counted() / MB,
            Governor::of_process().leased().0 / MB,
            heap().0 / MB,
            heap().1 / MB
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Each takes one batch, and pauses. Then they are read in turn, to the end.
fn stopped(client: &Client, asked: &Asked, seen: &Seen) {
    let mut readers: Vec<Reader> = (0..asked.streams).map(|_| Reader::open(client, asked)).collect();
    let held: Vec<_> = readers.iter_mut().map(|reader| reader.take().unwrap()).collect();
    let governor = Governor::of_process();
    let parked = (asked.limit / 100 * 45 / 128).min(8 * MB) * asked.streams as u64;
    soon("what is beyond the batches that were taken", quiet::HANGS, || {
        governor.throttle().streams().bytes() <= parked
    });
    let (taken, at_most) = (governor.foreign().bytes(), asked.limit / 100 * 45);
    let waiting = governor.throttle().streams().bytes();
    assert!(taken + waiting <= at_most, "{} MB were taken, {} MB wait", taken / MB, waiting / MB);
    // With the engine's instances, and what else the allocator keeps.
    let most = seen.before + taken + parked + LEFT;
    soon("what stopped streams hold in the process", quiet::HANGS, || resident() < most);
    drop(held);
    let mut open = asked.streams;
    while open > 0 {
        open = readers.iter_mut().filter_map(Reader::take).count();
    }
    readers.iter().for_each(|reader| reader.check(asked));
}

/// One thread each: one reads as fast as it can, one is slow, one stops for a while after its first batch, and one goes away.
fn mixed(client: &Client, asked: &Asked) {
    std::thread::scope(|scope| {
        let read = |number: usize| {
            let mut reader = Reader::open(client, asked);
            let slowly = Duration::from_millis(if number % 4 == 1 { 20 } else { 0 });
            if number % 4 == 3 {
                return drop(reader.take());
            }
            if number % 4 == 2 {
                let held = reader.take();
                std::thread::sleep(Duration::from_secs(2));
                drop(held);
            }
            while reader.take().is_some() {
                std::thread::sleep(slowly);
            }
            reader.check(asked);
        };
        for number in 0..asked.streams {
            scope.spawn(move || read(number));
        }
    });
}
