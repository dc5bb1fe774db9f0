//! SQL that hears neither interrupt nor deadline: whoever waits for it comes back, nobody else notices, and it is counted until it ends.
//! Which SQL the gate lets in does not matter here: statements and parsing are made to hang (`HANGS`), and one that really hangs goes
//! to the engine below the gate.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use datasus::base::{Cancel, CancelReason, Ctx, TraceId};
use datasus::engine::{DuckDb, Engine, HANGS, Settings};
use datasus::faces::Deaf;
use datasus::faces::gate::{self, Patience};
use datasus::governor::{Ask, Governor, MOST_ABANDONED};
use datasus::params::Options;
use datasus::plan::{Binds, Statement};
use datasus::scheduler::Scheduler;
use datasus::{AggregateFn, Catalog, Client, Code, Config, Error, Language, QueryParams};
use serde_json::{Value, json};

use crate::child::{self, Bounds};
use crate::many;

const BOUNDS: Bounds = Bounds { memory: 2 << 30, time: Duration::from_secs(600) };
/// Longer than any test lasts.
const FOR_EVER: Duration = Duration::from_secs(3_600);
/// What must come back at once, on a busy machine.
const SOON: Duration = Duration::from_secs(120);
/// Deadline of what hangs, in seconds; more where that does not suffice for it to begin.
const SHORT: f64 = 0.3;

fn client(source: &Path) -> Client {
    let output = Some(source.join("out"));
    Client::open_with(source, Config { language: Language::En, output, ..Config::default() }).unwrap()
}

fn sql() -> QueryParams {
    QueryParams::sql("SELECT CNES, count(*) AS n FROM sih_rd GROUP BY CNES").competencia("202301")
}

fn aggregate() -> QueryParams {
    QueryParams::dataset("SIH-RD").group_by(["CNES"]).aggregate(AggregateFn::Sum, "VAL_TOT", "valor")
}

fn within(seconds: f64) -> Options {
    Options { deadline: Some(seconds), ..Default::default() }
}

fn rows(client: &Client, params: &QueryParams) -> Result<usize, Error> {
    client.query(params)?.map(|batch| Ok(batch?.num_rows())).sum()
}

/// `ask`, with a deadline, which passes while it hangs in `hangs`. On a busy machine a short one passes before that begins: then there
/// is more time. Gives the error and the deadline.
#[track_caller]
fn late<T>(hangs: &Deaf, ask: impl Fn(QueryParams) -> Result<T, Error>) -> (Error, f64) {
    let (before, mut seconds, mut last) = (hangs.hanging(), SHORT, None);
    hangs.hang_next(1, FOR_EVER);
    loop {
        match soon(|| ask(sql().options(within(seconds)))) {
            Err(error) => {
                assert_eq!(error.code(), Code::DeadlinePassed, "{error}");
                last = Some((error, seconds));
            }
            Ok(_) => assert!(hangs.hanging() > before, "it did not hang"),
        }
        // One that began just after its deadline hangs as well.
        if let Some(last) = last.take_if(|_| hangs.hanging() > before) {
            return last;
        }
        seconds *= 2.0;
    }
}

#[track_caller]
fn soon<T>(work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let done = work();
    assert!(began.elapsed() < SOON, "came back after {:?}", began.elapsed());
    done
}

#[track_caller]
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < SOON, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn gauge(client: &Client, name: &str) -> f64 {
    let metrics = client.metrics();
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{metrics}")).parse().unwrap()
}

fn abandoned(client: &Client) -> f64 {
    gauge(client, "datasus_threads_abandoned")
}

/// What hangs ends, and nothing is left of it.
fn release(client: &Client) {
    HANGS.hang_next(0, Duration::ZERO);
    gate::HANGS.hang_next(0, Duration::ZERO);
    until("the threads have ended", || abandoned(client) == 0.0);
    until("every lease is back", || Governor::of_process().leased().0 == 0);
}

#[test]
#[ignore = "runs in a child process"]
fn attack() {
    let folder = tempfile::tempdir().unwrap();
    many::write(folder.path(), 1, 10_000);
    let client = client(folder.path());
    child::serve(|case| {
        match case.as_str().unwrap() {
            "deadline" => deadline(&client),
            "cancelled and dropped" => cancelled_and_dropped(&client),
            "others" => others(&client, folder.path()),
            "too many" => too_many(&client),
            "parsing" => parsing(&client, folder.path()),
            "parsing, no deadline" => parsing_for_ever(&client),
            "close" => close(&client),
            other => panic!("{other}"),
        }
        json!("as it should be")
    });
}

fn passes(case: &str) {
    let outcome = child::one("workers::attack", json!(case), BOUNDS);
    assert_eq!(outcome.answer(case), &Value::from("as it should be"));
}

#[test]
fn a_deadline_comes_back_and_its_statement_is_named_and_charged_until_it_ends() {
    passes("deadline");
}

fn deadline(client: &Client) {
    let governor = Governor::of_process();
    let ever = gauge(client, "datasus_threads_ever_abandoned_total");
    let (error, _) = late(&HANGS, |params| rows(client, &params));
    let named = format!(",trace_id=\"{}\"}} ", error.trace_id().unwrap());
    let of_sql = "datasus_thread_abandoned_seconds{thread=\"datasus-sql-";
    until("it is named", || client.metrics().lines().any(|line| line.starts_with(of_sql) && line.contains(&named)));
    // On a busy machine the parser may have been one for a while.
    until("it is counted", || abandoned(client) == 1.0);
    assert!(gauge(client, "datasus_threads_ever_abandoned_total") > ever);
    until("its slot is back", || Scheduler::of_process().load().unwrap().running == 0);
    let (charged, whole) = governor.leased();
    assert!(charged >= 64 << 20, "{charged}");
    // Though it is charged, the next one need not wait for it, even for more than is left.
    let lease = governor.lease(Ask { want: whole, least: whole }, &Cancel::default()).unwrap();
    assert!(lease.bytes() + charged <= whole, "{} and {charged} of {whole}", lease.bytes());
    drop(lease);
    assert_eq!(governor.leased().0, charged);
    release(client);
    assert_eq!(rows(client, &sql()).unwrap(), 97);
}

#[test]
fn whoever_cancels_or_lets_go_of_a_statement_that_does_not_stop_is_free() {
    passes("cancelled and dropped");
}

fn cancelled_and_dropped(client: &Client) {
    HANGS.hang_next(2, FOR_EVER);
    let pending = client.begin_query(&sql()).unwrap();
    until("it hangs", || HANGS.hanging() == 1);
    pending.job().cancel();
    let error = soon(|| pending.wait()).map(drop).unwrap_err();
    assert_eq!(error.code(), Code::Cancelled, "{error}");
    let pending = client.begin_query(&sql()).unwrap();
    let job = pending.job().clone();
    until("it hangs", || HANGS.hanging() == 2);
    soon(|| drop(pending));
    let error = soon(|| job.wait()).unwrap_err();
    assert_eq!(error.code(), Code::Cancelled, "{error}");
    until("both are counted", || abandoned(client) == 2.0);
    // Into a file, by Ctrl-C.
    HANGS.hang_next(1, FOR_EVER);
    let job = client.submit(&sql(), datasus::Csv::to("never.csv"));
    let job = job.unwrap_or_else(|error| panic!("{error}"));
    until("it hangs", || HANGS.hanging() == 3);
    job.interrupt();
    let error = soon(|| job.wait()).unwrap_err();
    assert_eq!(error.code(), Code::Cancelled, "{error}");
    client.discard(job.id()).unwrap();
    release(client);
}

#[test]
fn two_statements_that_do_not_stop_keep_nobody_else_from_sql_structured_queries_and_closing() {
    passes("others");
}

fn others(client: &Client, source: &Path) {
    for _ in 0..2 {
        late(&HANGS, |params| client.begin_query(&params)?.wait());
    }
    let other = self::client(source);
    until("both are counted", || abandoned(&other) == 2.0);
    assert_eq!(soon(|| rows(&other, &sql())).unwrap(), 97);
    assert_eq!(soon(|| rows(&other, &aggregate())).unwrap(), 97);
    assert_eq!(soon(|| rows(&other, &QueryParams::dataset("SIH-RD"))).unwrap(), 10_000);
    soon(|| other.explain(&sql())).unwrap();
    soon(|| drop(other));
    release(client);
}

#[test]
fn with_too_many_that_do_not_stop_sql_is_refused_and_structured_queries_go_on() {
    passes("too many");
}

fn too_many(client: &Client) {
    for _ in 0..MOST_ABANDONED {
        late(&HANGS, |params| rows(client, &params));
    }
    until("all are counted", || abandoned(client) == MOST_ABANDONED as f64);
    let error = soon(|| rows(client, &sql())).unwrap_err();
    assert_eq!((error.code(), error.retryable()), (Code::OutOfMemory, true), "{error}");
    let names = &error.diagnostic()["threads_abandoned"];
    assert_eq!(names.as_array().unwrap().len(), MOST_ABANDONED, "{names}");
    assert_eq!(soon(|| rows(client, &aggregate())).unwrap(), 97);
    assert_eq!(soon(|| rows(client, &QueryParams::dataset("SIH-RD"))).unwrap(), 10_000);
    release(client);
    assert_eq!(rows(client, &sql()).unwrap(), 97);
}

#[test]
fn parsing_that_does_not_stop_knows_deadline_and_cancel_and_blocks_nobody() {
    passes("parsing");
}

fn parsing(client: &Client, source: &Path) {
    gate::HANGS.hang_next(1, FOR_EVER);
    let hung = {
        let client = client.clone();
        std::thread::spawn(move || client.begin_query(&sql().options(within(5.0))).map(drop))
    };
    // Another one meanwhile, of another client.
    let other = self::client(source);
    until("it hangs", || gate::HANGS.hanging() == 1);
    assert_eq!(soon(|| rows(&other, &sql())).unwrap(), 97);
    let error = soon(|| hung.join().unwrap()).unwrap_err();
    assert_eq!(error.code(), Code::DeadlinePassed, "{error}");
    until("it is counted", || abandoned(client) == 1.0);

    let (error, deadline) = late(&gate::HANGS, |params| client.submit(&params, datasus::Csv::to("x.csv")));
    assert_eq!(error.diagnostic()["deadline_sec"], json!(deadline), "{error}");

    gate::HANGS.hang_next(1, FOR_EVER);
    let cancel = Cancel::default();
    let patience = Patience { deadline: None, cancel: cancel.clone(), trace_id: TraceId::new() };
    let hung = std::thread::spawn(move || {
        gate::pass_within("SELECT 1", &std::collections::BTreeMap::new(), Catalog::builtin(), &patience).map(drop)
    });
    until("it hangs", || gate::HANGS.hanging() == 3);
    cancel.set(CancelReason::Caller);
    assert_eq!(soon(|| hung.join().unwrap()).unwrap_err().code(), Code::Cancelled);
    release(client);
    assert_eq!(rows(client, &sql()).unwrap(), 97);
}

#[test]
#[ignore = "make soak: it waits for as long as the gate does"]
fn parsing_without_a_deadline_of_its_own_ends() {
    passes("parsing, no deadline");
}

fn parsing_for_ever(client: &Client) {
    gate::HANGS.hang_next(1, FOR_EVER);
    let began = Instant::now();
    let error = client.begin_query(&sql()).map(drop).unwrap_err();
    assert_eq!(error.code(), Code::DeadlinePassed, "{error}");
    assert!(began.elapsed() < gate::MOST_TIME + SOON, "came back after {:?}", began.elapsed());
    release(client);
    assert_eq!(rows(client, &sql()).unwrap(), 97);
}

#[test]
fn closing_does_not_wait_for_what_does_not_stop() {
    passes("close");
}

fn close(client: &Client) {
    HANGS.hang_next(2, FOR_EVER);
    let _hung: Vec<_> = (0..2).map(|_| client.begin_query(&sql()).unwrap()).collect();
    until("one hangs", || HANGS.hanging() >= 1);
    assert!(!soon(|| Scheduler::of_process().close(Duration::from_millis(100))).unwrap());
}

/// In the engine's own code, below the gate: this takes longer than the universe is old.
fn glob(ctx: &Ctx) -> Result<usize, Error> {
    let folder = std::env::temp_dir();
    let settings = Settings {
        memory_limit: 64 << 20,
        spill_limit: 1 << 20,
        spill_root: folder.clone(),
        threads: 2,
        units: None,
        chunk_rows: 1_000,
        ahead_bytes: 1 << 20,
        channel_depth: 1,
        throttle: Default::default(),
        made: Default::default(),
        hold: None,
        answer: None,
    };
    let text = format!("SELECT lpad('', 10000, 'a') GLOB '{}*ab'", "*a".repeat(20));
    let statement = Statement {
        views: Vec::new(),
        written: None,
        sql: text,
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

/// A process that leaves two statements in the engine's own code and one in the parser ends as any other.
#[test]
#[ignore = "runs in a child process"]
fn leaves_them_and_ends() {
    if std::env::var_os("DATASUS_TEST_LEAVES").is_none() {
        return;
    }
    for _ in 0..2 {
        let ctx = Ctx::default();
        let token = ctx.cancel.clone();
        let late = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            token.set(CancelReason::Deadline(Duration::from_millis(300)));
        });
        let error = soon(|| glob(&ctx)).unwrap_err();
        assert_eq!(error.code(), Code::DeadlinePassed, "{error}");
        late.join().unwrap();
    }
    gate::HANGS.hang_next(1, FOR_EVER);
    let patience = Patience { deadline: Some(Duration::from_millis(100)), ..Default::default() };
    gate::pass_within("SELECT 1", &std::collections::BTreeMap::new(), Catalog::builtin(), &patience)
        .map(drop)
        .unwrap_err();
    println!("leaves them");
}

#[test]
fn a_process_ends_though_statements_do_not() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "workers::leaves_them_and_ends", "--nocapture"])
        .env("DATASUS_TEST_LEAVES", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() && began.elapsed() < BOUNDS.time {
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("leaves them"), "{done:?}");
}
