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

#[test]
#[ignore = "measures, for the record"]
fn what_parked_streams_hold() {
    for (shape, ask) in [("wide", "scan"), ("narrow", "scan"), ("wide", "sort")] {
        for streams in [1, 4, 16] {
            run(20 << 30, shape, ask, "stopped", streams);
        }
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
        other => panic!("{other}"),
    }
}

/// Each takes one batch, and pauses. Then they are read in turn, to the end.
fn stopped(client: &Client, asked: &Asked, before: u64) {
    let Asked { ask, streams, limit, .. } = asked;
    let begun = Instant::now();
    let mut readers: Vec<Reader> = (0..*streams).map(|_| Reader::open(client, asked)).collect();
    let held: Vec<_> = readers.iter_mut().map(|reader| reader.take().unwrap()).collect();
    let opened = begun.elapsed();
    std::thread::sleep(Duration::from_millis(1_500));
    let taken: u64 = held.iter().map(datasus::base::batch_bytes).sum();
    let now = resident();
    let (leased, whole) = Governor::of_process().leased();
    println!(
        "{ask} x {streams} stopped, limit {} MB: rss +{} MB, of which taken {} MB, leased {} of {} MB, foreign {} MB; opened in {opened:?}",
        limit / MB,
        now.saturating_sub(before) / MB,
        taken / MB,
        leased / MB,
        whole / MB,
        Governor::of_process().foreign().bytes() / MB,
    );
    drop(held);
    let begun = Instant::now();
    let mut open = *streams;
    while open > 0 {
        open = readers.iter_mut().filter_map(Reader::take).count();
    }
    readers.iter().for_each(Reader::check);
    println!("read in turn in {:?}; peak {} MB", begun.elapsed(), peak() / MB);
    drop(readers);
    let ended = Instant::now();
    while ended.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("2 s later: rss +{} MB", resident().saturating_sub(before) / MB);
}

fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
