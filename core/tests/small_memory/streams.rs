//! Many streams at once in a cgroup: readers that are fast, slow, stopped or gone, wide rows and narrow ones, scans and the engine's
//! results. Every row comes once and in its place, nobody waits for ever, and what all of them hold stays within the budget.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch};
use datasus::governor::Governor;
use datasus::params::{OnEmergency, Options};
use datasus::{AggregateFn, Answer, Client, Config, QueryParams};
use tempfile::TempDir;

use crate::beside;
use crate::group::Group;

pub const MB: u64 = 1 << 20;
/// Of a file, in either shape.
const ROWS: usize = 260_000;
const FILES: usize = 2;
const FIRST: u64 = 1_200_000_000_000;

fn wide() -> &'static Path {
    static WIDE: OnceLock<TempDir> = OnceLock::new();
    WIDE.get_or_init(|| {
        let source = tempfile::tempdir_in(beside()).unwrap();
        crate::many::write_wide(source.path(), FILES, ROWS);
        source
    })
    .path()
}

fn narrow() -> &'static Path {
    static NARROW: OnceLock<TempDir> = OnceLock::new();
    NARROW
        .get_or_init(|| {
            let source = tempfile::tempdir_in(beside()).unwrap();
            crate::many::write(source.path(), FILES, ROWS);
            source
        })
        .path()
}

/// Runs `readers` in a process of its own, inside a group of `limit` bytes.
fn run(limit: u64, shape: &str, ask: &str, readers: &str, streams: usize) {
    let source = if shape == "wide" { wide() } else { narrow() };
    let (place, group) = (tempfile::tempdir_in(beside()).unwrap(), Group::with_limit(limit));
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "streams::in_the_group", "--nocapture"])
        .env("DATASUS_TEST_SOURCE", source)
        .env("DATASUS_TEST_PLACE", place.path())
        .env("DATASUS_TEST_ASK", format!("{ask},{readers},{streams},{limit}"))
        .env("DATASUS_TEST_PROCS", group.folder.join("cgroup.procs"))
        .spawn()
        .unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(300) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let status = child.wait().unwrap();
    assert!(status.success(), "{shape} {ask} {readers} {streams} in {limit}: {status}");
}

/// `DATASUS_STREAMS`: shape, ask, readers, streams and MB, as `wide,scan,stopped,16,512`.
#[test]
#[ignore = "measures, for the record"]
fn what_streams_hold() {
    let asked = std::env::var("DATASUS_STREAMS").unwrap_or_default();
    for asked in asked.split_whitespace() {
        let parts: Vec<&str> = asked.split(',').collect();
        run(parts[4].parse::<u64>().unwrap() * MB, parts[0], parts[1], parts[2], parts[3].parse().unwrap());
    }
}

fn resident() -> u64 {
    datasus::base::held_by_process()
}

struct Asked {
    ask: String,
    readers: String,
    streams: usize,
    limit: u64,
}

impl Asked {
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

/// One reader's place in its answer.
struct Reader {
    answer: Answer,
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

    fn check(&self) {
        let rows = (ROWS * FILES) as u64;
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
    let ask = of("ASK");
    let mut parts = ask.split(',');
    let mut part = || parts.next().unwrap().to_owned();
    let asked =
        Asked { ask: part(), readers: part(), streams: part().parse().unwrap(), limit: part().parse().unwrap() };
    let config = Config { lake: Some(place.join("lake")), spill: Some(place.join("spill")), ..Config::default() };
    let client = Client::open_with(of("SOURCE"), config).unwrap();
    // What a first query leaves for ever is nobody's stream.
    drop(client.query(&asked.query().limit(1)).unwrap().collect_batches().unwrap());
    std::thread::sleep(Duration::from_millis(300));
    let before = resident();
    match asked.readers.as_str() {
        "stopped" => stopped(&client, &asked, before),
        "mixed" => mixed(&client, &asked, before),
        other => panic!("{other}"),
    }
}

/// What the readers did, and how long it took.
fn told(asked: &Asked, before: u64, begun: Instant, what: &str) {
    let (governor, rss) = (Governor::of_process(), resident().saturating_sub(before));
    println!(
        "{} x {}, {} of {} MB, {what} after {:?}: rss +{} MB, peak +{} MB, streams {} MB, readers {} MB, leased {} of {} MB",
        asked.streams,
        asked.ask,
        asked.readers,
        asked.limit / MB,
        begun.elapsed(),
        rss / MB,
        peak().saturating_sub(before) / MB,
        governor.levers().streams().bytes() / MB,
        governor.foreign().bytes() / MB,
        governor.leased().0 / MB,
        governor.leased().1 / MB,
    );
}

/// Waits for what must come soon.
fn soon(what: &str, within: Duration, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < within, "{what}: rss {} MB", resident() / MB);
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Each takes one batch, and pauses. Then they are read in turn, to the end.
fn stopped(client: &Client, asked: &Asked, before: u64) {
    let begun = Instant::now();
    let mut readers: Vec<Reader> = (0..asked.streams).map(|_| Reader::open(client, asked)).collect();
    let held: Vec<_> = readers.iter_mut().map(|reader| reader.take().unwrap()).collect();
    told(asked, before, begun, "opened");
    for _ in 0..6 {
        std::thread::sleep(Duration::from_millis(500));
        told(asked, before, begun, "parked");
    }
    drop(held);
    let mut open = asked.streams;
    while open > 0 {
        open = readers.iter_mut().filter_map(Reader::take).count();
    }
    readers.iter().for_each(Reader::check);
    told(asked, before, begun, "read in turn");
    drop(readers);
    for _ in 0..4 {
        std::thread::sleep(Duration::from_millis(500));
        told(asked, before, begun, "gone");
    }
}

/// One thread each: one reads as fast as it can, one is slow, one stops for good after its first batch until all others have ended,
/// and one goes away.
fn mixed(client: &Client, asked: &Asked, before: u64) {
    let begun = Instant::now();
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
            reader.check();
        };
        for number in 0..asked.streams {
            scope.spawn(move || read(number));
        }
    });
    told(asked, before, begun, "all read");
    for _ in 0..4 {
        std::thread::sleep(Duration::from_millis(500));
        told(asked, before, begun, "gone");
    }
}

fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
