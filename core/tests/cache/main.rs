//! Kept answers: a question asked again costs nothing, and is never answered from a state that the sources do not have.

mod levels;
#[path = "../placed/mod.rs"]
mod placed;
#[path = "../proxy/mod.rs"]
mod proxy;
#[path = "../quiet/mod.rs"]
mod quiet;
mod redis;
mod server;
#[path = "../skip/mod.rs"]
mod skip;

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};

use datasus::base::Ctx;
use datasus::engine::{Engine, RowStream, Settings};
use datasus::plan::{Dialect, Statement};
use datasus::source::dbc::{DbcWriter, WriteOptions};
use datasus::{
    AggregateFn, CacheMode, CacheUse, Client, Code, Config, Csv, Priority, QueryParams, Report, Result, col,
};
use placed::config;
use tempfile::TempDir;

/// January 2024 of `uf`: `rows` admissions, each worth `value`, the last of which has a date that is none.
fn write(folder: &Path, uf: &str, rows: usize, value: &str) {
    let fields = [("N_AIH", b'C', 13, 0), ("CNES", b'C', 7, 0), ("DT_INTER", b'C', 8, 0), ("VAL_TOT", b'N', 14, 2)];
    let file = File::create(folder.join(format!("RD{uf}2401.dbc"))).unwrap();
    let mut writer = DbcWriter::create(file, &fields, WriteOptions::default()).unwrap();
    for row in 0..rows {
        let (number, cnes) = (format!("{row:013}"), format!("{:07}", row % 3));
        let date = if row + 1 == rows { "20240231" } else { "20240115" };
        writer.write(&[&number, &cnes, date, &format!("{value:>14}")]).unwrap();
    }
    writer.finish().unwrap();
}

/// Ours, that counts what it is asked to run, and holds it while it is told to.
struct Counting {
    inner: Arc<dyn Engine>,
    gate: Arc<Gate>,
}

#[derive(Default)]
struct Gate {
    runs: AtomicUsize,
    closed: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn set(&self, closed: bool) {
        *self.closed.lock().unwrap() = closed;
        self.changed.notify_all();
    }

    fn runs(&self) -> usize {
        self.runs.load(SeqCst)
    }
}

impl Engine for Counting {
    fn start(&self, statement: Statement, settings: &Settings, ctx: &Ctx) -> Result<RowStream> {
        self.gate.runs.fetch_add(1, SeqCst);
        let mut closed = self.gate.closed.lock().unwrap();
        while *closed {
            closed = self.gate.changed.wait_timeout(closed, std::time::Duration::from_millis(5)).unwrap().0;
            ctx.check()?;
        }
        drop(closed);
        self.inner.start(statement, settings, ctx)
    }

    fn dialect(&self) -> &dyn Dialect {
        self.inner.dialect()
    }

    fn cuts_units(&self) -> bool {
        true
    }

    fn is_repeatable(&self) -> bool {
        true
    }

    fn version(&self) -> String {
        self.inner.version()
    }
}

fn open(source: &Path, config: Config) -> (Client, Arc<Gate>) {
    let gate = Arc::<Gate>::default();
    let counted = gate.clone();
    let over = move |inner| Arc::new(Counting { inner, gate: counted.clone() }) as Arc<dyn Engine>;
    (Client::builder(source).config(config).engine_over(over).open().unwrap(), gate)
}

fn grouped() -> QueryParams {
    QueryParams::dataset("SIH-RD")
        .uf(["AC"])
        .competencia("202401")
        .group_by(["CNES"])
        .aggregate(AggregateFn::Sum, "VAL_TOT", "valor")
        .aggregate(AggregateFn::Max, "DT_INTER", "last")
        .order_by("CNES", false)
}

fn ask(client: &Client, params: &QueryParams) -> (String, Report) {
    let mut rows = client.query(params).unwrap();
    let batches: Vec<_> = rows.by_ref().map(|batch| batch.unwrap()).collect();
    (arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string(), rows.report().unwrap())
}

fn with(params: QueryParams, cache: CacheMode) -> QueryParams {
    let mut params = params;
    params.options.cache = cache;
    params
}

#[test]
fn a_question_asked_again_is_not_run_and_its_warnings_come_all_the_same() {
    let (place, source) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    write(source.path(), "AC", 30, "100.00");
    let (client, gate) = open(source.path(), config(place.path()));
    let (expected, first) = ask(&client, &grouped());
    assert!(expected.contains("1000.00"), "{expected}");
    let (rows, again) = ask(&client, &grouped());
    assert_eq!((first.cache, again.cache, gate.runs()), (CacheUse::Miss, CacheUse::HitL1, 1));
    assert_eq!((rows, again.records_processed), (expected.clone(), 3));
    assert!(!first.warnings.is_empty() && !first.bad_values.is_empty(), "{first:?}");
    assert_eq!(
        (&again.warnings, &again.bad_values, &again.sources),
        (&first.warnings, &first.bad_values, &first.sources)
    );
    let (rows, refreshed) = ask(&client, &with(grouped(), CacheMode::Refresh));
    assert_eq!((rows, refreshed.cache, gate.runs()), (expected.clone(), CacheUse::Miss, 2));
    let (rows, off) = ask(&client, &with(grouped(), CacheMode::Off));
    assert_eq!((rows, off.cache, gate.runs()), (expected, CacheUse::Off, 3));
    // The same text by another name of the table, other values, other columns: other questions.
    let sql = |sex: &str| QueryParams::sql("SELECT count(*) AS n FROM sih_rd WHERE CNES = $c").bind("c", sex);
    for (asked, expected) in [("0000000", CacheUse::Miss), ("0000001", CacheUse::Miss), ("0000000", CacheUse::HitL1)] {
        assert_eq!(ask(&client, &sql(asked)).1.cache, expected, "{asked}");
    }
    // A table that goes to a file is one of these, rows as they stand in the files are not.
    let report = client.export(&grouped(), Csv::to("a.csv")).unwrap();
    assert!(matches!(report.cache, CacheUse::Miss | CacheUse::HitL1), "{:?}", report.cache);
    let plain = QueryParams::dataset("SIH-RD").columns(["CNES"]);
    assert_eq!(ask(&client, &plain).1.cache, CacheUse::Off);
    let now = QueryParams::sql("SELECT count(*) AS n, current_date AS d FROM sih_rd");
    assert_eq!([ask(&client, &now).1.cache, ask(&client, &now).1.cache], [CacheUse::Off; 2]);
    let metrics = client.metrics();
    assert!(metrics.contains(r#"datasus_cache_answers_total{result="hit-l1"} "#), "{metrics}");
    let rate = metrics.lines().find_map(|line| line.strip_prefix("datasus_cache_hit_rate ")).unwrap();
    assert!((0.2..0.8).contains(&rate.parse::<f64>().unwrap()), "{rate}");
}

#[test]
fn a_file_that_changed_is_another_question_and_the_old_file_the_old_one() {
    let (place, source) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    write(source.path(), "AC", 30, "100.00");
    let (client, gate) = open(source.path(), config(place.path()));
    let (before, _) = ask(&client, &grouped());
    write(source.path(), "AC", 30, "200.00");
    let (after, report) = ask(&client, &grouped());
    assert!(report.cache == CacheUse::Miss && after.contains("2000.00") && after != before, "{after}");
    // The content of before is the question of before.
    write(source.path(), "AC", 30, "100.00");
    let (rows, report) = ask(&client, &grouped());
    assert_eq!((rows, report.cache, gate.runs()), (before.clone(), CacheUse::HitL1, 2));
    // A file more.
    let all = QueryParams::sql("SELECT sum(VAL_TOT) AS v FROM sih_rd");
    let (one, _) = ask(&client, &all);
    write(source.path(), "RR", 10, "1.00");
    let (two, report) = ask(&client, &all);
    assert!(report.cache == CacheUse::Miss && one != two, "{one}{two}");
    // The user's own Parquet, in place: known by size, time and what the file system says of it.
    let own = TempDir::new().unwrap();
    let write_own = |value: i64| {
        let cnes: arrow::array::ArrayRef = Arc::new(arrow::array::StringArray::from(vec!["1", "2"]));
        let age: arrow::array::ArrayRef = Arc::new(arrow::array::Int64Array::from(vec![value, value]));
        let batch = arrow::array::RecordBatch::try_from_iter([("CNES", cnes), ("IDADE", age)]).unwrap();
        let file = File::create(own.path().join("RDAC2401.parquet")).unwrap();
        let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    };
    write_own(10);
    let elsewhere = TempDir::new().unwrap();
    let (client, gate) = open(own.path(), config(elsewhere.path()));
    let sum = QueryParams::sql("SELECT sum(IDADE) AS s FROM sih_rd");
    let (rows, report) = ask(&client, &sum);
    // Read in place it may change again unseen for a moment; converted it is known by its content at once.
    assert!(rows.contains("20") && report.cache != CacheUse::HitL1, "{rows}");
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    ask(&client, &sum);
    let before = gate.runs();
    assert_eq!((ask(&client, &sum).1.cache, gate.runs()), (CacheUse::HitL1, before));
    write_own(11);
    assert!(ask(&client, &sum).0.contains("22"));
    assert_eq!(gate.runs(), before + 1);
}

#[test]
fn a_hundred_equal_questions_at_once_run_one() {
    let (place, source) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    write(source.path(), "AC", 30, "100.00");
    let (client, gate) = open(source.path(), config(place.path()));
    gate.set(true);
    let jobs: Vec<_> = (0..100).map(|_| client.begin_query(&grouped()).unwrap()).collect();
    while gate.runs() == 0 {
        std::thread::yield_now();
    }
    gate.set(false);
    let mut uses = Vec::new();
    for job in jobs {
        let mut rows = job.wait().unwrap();
        assert_eq!(rows.by_ref().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 3);
        uses.push(rows.report().unwrap().cache);
    }
    assert_eq!(gate.runs(), 1);
    assert_eq!(uses.iter().filter(|used| **used == CacheUse::HitL1).count(), 99);
}

/// There are more of them than slots, and those who wait for the answer give theirs up.
#[test]
fn those_who_wait_for_an_equal_question_keep_nobody_from_another() {
    let (place, source) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    write(source.path(), "AC", 30, "100.00");
    let (client, gate) = open(source.path(), config(place.path()));
    gate.set(true);
    let jobs: Vec<_> = (0..100).map(|_| client.begin_query(&grouped()).unwrap()).collect();
    while gate.runs() == 0 {
        std::thread::yield_now();
    }
    let (elsewhere, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    write(other.path(), "RR", 10, "1.00");
    let (another, _) = open(other.path(), config(elsewhere.path()));
    let mut params = QueryParams::sql("SELECT count(*) AS n FROM sih_rd");
    params.options.deadline = Some(600.0);
    // One core has one slot, which the one that runs has; the class `health` has another.
    if std::thread::available_parallelism().is_ok_and(|cores| cores.get() == 1) {
        params.options.priority = Priority::Health;
    }
    let (rows, report) = ask(&another, &params);
    assert!(rows.contains("10") && report.cache == CacheUse::Miss, "{rows}");
    assert_eq!(gate.runs(), 1, "the hundred still wait for one");
    // One of them may be cancelled where it waits.
    let mut jobs = jobs;
    let last = jobs.pop().unwrap();
    last.job().cancel();
    assert_eq!(last.wait().err().unwrap().code(), Code::Cancelled);
    gate.set(false);
    for job in jobs {
        assert_eq!(job.wait().unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 3);
    }
    assert_eq!(gate.runs(), 1);
}

#[test]
fn the_one_that_runs_may_be_cancelled_or_fail_and_the_others_have_their_answer() {
    let (place, source) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    write(source.path(), "AC", 30, "100.00");
    let (client, gate) = open(source.path(), config(place.path()));
    gate.set(true);
    let first = client.begin_query(&grouped()).unwrap();
    while gate.runs() == 0 {
        std::thread::yield_now();
    }
    let others: Vec<_> = (0..20).map(|_| client.begin_query(&grouped()).unwrap()).collect();
    first.job().cancel();
    assert_eq!(first.wait().err().unwrap().code(), Code::Cancelled);
    gate.set(false);
    for job in others {
        assert_eq!(job.wait().unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 3);
    }
    assert_eq!(gate.runs(), 2);
    // Its own error is each one's own.
    let wrong = QueryParams::sql("SELECT CAST(CNES || 'x' AS INTEGER) AS n FROM sih_rd GROUP BY 1");
    let jobs: Vec<_> = (0..8).map(|_| client.begin_query(&wrong).unwrap()).collect();
    for job in jobs {
        let error = job.wait().and_then(|rows| rows.collect_batches()).unwrap_err();
        assert_eq!(error.code(), Code::InvalidParams, "{error}");
    }
    // Two streams of one question, read in turn.
    let twice = with(grouped(), CacheMode::Use);
    let (left, right) = (client.query(&twice).unwrap(), client.query(&twice).unwrap());
    assert_eq!(left.zip(right).filter(|(left, right)| left.as_ref().unwrap() == right.as_ref().unwrap()).count(), 1);
}

#[test]
fn what_is_too_large_comes_whole_and_in_order_and_is_not_kept() {
    let (place, source) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    write(source.path(), "AC", 20_000, "1.00");
    let small = Config { cache_entry_limit: 100_000, chunk_rows: 1_000, ..config(place.path()) };
    let (client, gate) = open(source.path(), small);
    let off = TempDir::new().unwrap();
    let plain = Client::open_with(source.path(), Config { cache_memory: 0, ..config(off.path()) }).unwrap();
    let ordered = QueryParams::dataset("SIH-RD")
        .columns(["N_AIH", "VAL_TOT"])
        .filter(col("CNES").ne("0000001"))
        .order_by("N_AIH", false);
    let (expected, report) = ask(&plain, &ordered);
    assert_eq!(report.cache, CacheUse::Off, "a client that keeps nothing");
    for _ in 0..2 {
        let (rows, report) = ask(&client, &ordered);
        assert!(rows == expected, "other rows");
        assert_eq!((report.cache, report.records_processed), (CacheUse::Miss, 13_333));
    }
    assert_eq!(gate.runs(), 2);
    assert!(client.metrics().contains(r#"datasus_cache_failures_total{why="too-large"} "#), "{}", client.metrics());
    // Kept ones come in batches of the size that is asked for.
    let all = TempDir::new().unwrap();
    let (client, _) =
        open(source.path(), Config { cache_entry_limit: 8_000_000, chunk_rows: 1_000, ..config(all.path()) });
    for expected_use in [CacheUse::Miss, CacheUse::HitL1] {
        let mut rows = client.query(&ordered).unwrap();
        let batches: Vec<_> = rows.by_ref().map(|batch| batch.unwrap()).collect();
        assert!(batches.iter().all(|batch| batch.num_rows() <= 1_000));
        assert_eq!(rows.report().unwrap().cache, expected_use);
        assert!(arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string() == expected);
    }
}

#[test]
fn a_folder_outlives_the_process_and_what_is_damaged_in_it_is_no_answer() {
    let (place, source) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    write(source.path(), "AC", 30, "100.00");
    let folder = place.path().join("answers");
    let on_disk = || Config { cache_folder: Some(folder.clone()), ..config(place.path()) };
    let (client, _) = open(source.path(), on_disk());
    let (expected, _) = ask(&client, &grouped());
    drop(client);
    let (client, gate) = open(source.path(), on_disk());
    let (rows, report) = ask(&client, &grouped());
    assert_eq!((rows, report.cache, gate.runs()), (expected.clone(), CacheUse::HitL1, 0));
    let files = || std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let [kept] = &files()[..] else { panic!("{:?}", files()) };
    let whole = std::fs::read(kept).unwrap();
    for damaged in [whole[..whole.len() / 2].to_vec(), Vec::new(), [&whole[..whole.len() - 1], b"!"].concat()] {
        std::fs::write(kept, damaged).unwrap();
        let (client, gate) = open(source.path(), on_disk());
        let (rows, report) = ask(&client, &grouped());
        assert_eq!((rows, report.cache, gate.runs()), (expected.clone(), CacheUse::Miss, 1));
        assert_eq!(std::fs::read(kept).unwrap(), whole, "it is kept anew");
    }
    // A folder that cannot be written is no reason to fail.
    let nowhere = Config { cache_folder: Some(place.path().join("out/file.txt/answers")), ..config(place.path()) };
    std::fs::create_dir_all(place.path().join("out")).unwrap();
    std::fs::write(place.path().join("out/file.txt"), "").unwrap();
    let (client, _) = open(source.path(), nowhere);
    assert_eq!(ask(&client, &grouped()).0, expected);
    assert!(client.metrics().contains(r#"datasus_cache_failures_total{why="not-kept"} 1"#), "{}", client.metrics());
}

#[test]
fn an_answer_without_all_of_its_files_is_not_kept() {
    let (place, source) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    write(source.path(), "AC", 30, "100.00");
    std::fs::write(source.path().join("RDRR2401.dbc"), [3u8; 500]).unwrap();
    let (client, gate) = open(source.path(), config(place.path()));
    let mut params = QueryParams::sql("SELECT count(*) AS n FROM sih_rd");
    params.options.partial = true;
    params.options.priority = Priority::User;
    for _ in 0..2 {
        let (rows, report) = ask(&client, &params);
        assert!(rows.contains("30") && report.unreadable.len() == 1, "{rows}");
        assert_eq!(report.cache, CacheUse::Off);
    }
    assert_eq!(gate.runs(), 2);
}
