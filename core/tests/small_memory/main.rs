//! Whole jobs in a cgroup of 512 MB, alone and eight of them at once: every answer is exact, and nobody is killed. The
//! PostgreSQL that they load has its memory elsewhere. `DATASUS_MILLIONS` (2; printed) is how many million rows each reads.
#![cfg(target_os = "linux")]

mod answers;
#[path = "../governor/group.rs"]
#[allow(dead_code, reason = "its usage file is the governor tests'")]
mod group;
#[path = "../many/mod.rs"]
mod many;
#[path = "../quiet/mod.rs"]
mod quiet;
#[path = "../postgres/server.rs"]
#[allow(dead_code, reason = "more than one job needs")]
mod server;
mod streams;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use datasus::params::{OnEmergency, Options};
use datasus::{AggregateFn, Client, Config, Csv, Destination, Job, Language, Parquet, Postgres, QueryParams, Secret};
use tempfile::TempDir;

use answers::{of_csv, of_parquet, of_rows, of_table};
use group::Group;

const LIMIT: u64 = 512 << 20;
const ROWS: usize = 1_000_000;
/// A CSV takes less than ten million rows.
const MOST_CSV: u64 = 9;

fn millions() -> u64 {
    let millions = std::env::var("DATASUS_MILLIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(2);
    assert!((1..=24).contains(&millions), "DATASUS_MILLIONS={millions}");
    millions
}

/// A file of a million rows per month, made once, beside the test's binary: the temporary folder may be a tmpfs, whose files
/// are memory.
fn source() -> &'static Path {
    static SOURCE: OnceLock<TempDir> = OnceLock::new();
    let make = || {
        println!("DATASUS_MILLIONS={}", millions());
        let source = tempfile::tempdir_in(beside()).unwrap();
        many::write(source.path(), millions() as usize, ROWS);
        source
    };
    SOURCE.get_or_init(make).path()
}

fn beside() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// Runs the jobs in a process of its own inside a group, shared out among so many clients, and checks what they wrote.
fn run(kinds: &[&str], clients: usize) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let source = source();
    let place = tempfile::tempdir_in(beside()).unwrap();
    let group = Group::with_limit(LIMIT);
    let server = server::shared();
    server.psql("DROP SCHEMA IF EXISTS pouca CASCADE");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "run_in_the_group", "--nocapture"])
        .env("DATASUS_TEST_SOURCE", source)
        .env("DATASUS_TEST_PLACE", place.path())
        .env("DATASUS_TEST_URL", server.url())
        .env("DATASUS_TEST_JOBS", kinds.join(","))
        .env("DATASUS_TEST_CLIENTS", clients.to_string())
        .env("DATASUS_TEST_PROCS", group.folder.join("cgroup.procs"))
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(900) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = child.kill();
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    println!("{}", said.lines().filter(|line| line.contains("peak")).collect::<Vec<_>>().join("\n"));
    assert!(done.status.success() && said.contains("peak"), "{}\n{said}", done.status);
    for (number, kind) in kinds.iter().enumerate() {
        let millions = if *kind == "csv" { millions().min(MOST_CSV) } else { millions() };
        let file = place.path().join("out").join(number.to_string());
        let found = match *kind {
            "csv" => of_csv(&file),
            "postgres" => of_table(server, &format!("pouca.t{number}")),
            "group" => of_parquet(&file, "valor"),
            _ => of_parquet(&file, "VAL_TOT"),
        };
        assert_eq!(found, of_rows(millions * ROWS as u64), "{kind} {number}");
    }
}

#[test]
fn a_group_for_each_row_is_exact_in_512_mb() {
    run(&["group"], 1);
}

#[test]
fn a_load_into_postgresql_is_exact_in_512_mb() {
    run(&["postgres"], 1);
}

#[test]
fn a_parquet_is_exact_in_512_mb() {
    run(&["parquet"], 1);
}

#[test]
fn a_csv_is_exact_in_512_mb() {
    run(&["csv"], 1);
}

/// Four clients, each on its own thread: they have one governor.
#[test]
fn eight_jobs_of_four_clients_at_once_in_512_mb_are_exact_and_nobody_is_killed() {
    run(&["csv", "parquet", "group", "postgres", "group", "sort", "parquet", "postgres"], 4);
}

/// A service's readers, all of them at once, who take their rows slowly: each gets every row, or an error that says that the memory
/// did not do. Nobody gets fewer rows than there are, and with the last of them the memory is free again.
#[test]
fn sixteen_streams_at_once_in_512_mb_are_whole_or_an_error_and_the_mode_is_normal_soon_after() {
    let (source, place, group) = (source(), tempfile::tempdir_in(beside()).unwrap(), Group::with_limit(LIMIT));
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "streams_in_the_group", "--nocapture"])
        .env("DATASUS_TEST_SOURCE", source)
        .env("DATASUS_TEST_PLACE", place.path())
        .env("DATASUS_TEST_PROCS", group.folder.join("cgroup.procs"))
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&done.stdout));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
#[ignore = "runs in a child process"]
fn streams_in_the_group() {
    let of = |name: &str| std::env::var(format!("DATASUS_TEST_{name}")).unwrap_or_default();
    if of("PROCS").is_empty() {
        return;
    }
    std::fs::write(of("PROCS"), std::process::id().to_string()).unwrap();
    let place = PathBuf::from(of("PLACE"));
    let config = Config { lake: Some(place.join("lake")), spill: Some(place.join("spill")), ..Config::default() };
    let client = Client::open_with(of("SOURCE"), config).unwrap();
    let read = || -> Result<(), datasus::Error> {
        let mut answer = client.query(&QueryParams::dataset("SIH-RD"))?;
        let (mut rows, mut held) = (0, std::collections::VecDeque::new());
        for batch in answer.by_ref() {
            let batch = batch?;
            rows += batch.num_rows() as u64;
            // What a host does that keeps some of it.
            held.push_back(batch);
            if held.len() > 8 {
                held.pop_front();
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        let report = answer.report()?;
        assert_eq!((rows, report.sampling), (millions() * ROWS as u64, None));
        Ok(())
    };
    let whole = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..16).map(|_| scope.spawn(read)).collect();
        let outcomes = readers.into_iter().map(|reader| reader.join().unwrap());
        let whole = outcomes.filter(|outcome| match outcome {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error.code(), datasus::Code::OutOfMemory, "{error}");
                false
            }
        });
        whole.count()
    });
    let ended = Instant::now();
    while client.mode() != datasus::Mode::Normal {
        assert!(ended.elapsed() < quiet::most(Duration::from_secs(10)), "{}", client.metrics());
        std::thread::sleep(Duration::from_millis(100));
    }
    println!("{whole} of 16 whole, the others DS-503; normal after {:?}", ended.elapsed());
}

/// Runs in the child process, inside the group.
#[test]
#[ignore = "runs in a child process"]
fn run_in_the_group() {
    let of = |name: &str| std::env::var(format!("DATASUS_TEST_{name}")).unwrap_or_default();
    if of("PROCS").is_empty() {
        return;
    }
    std::fs::write(of("PROCS"), std::process::id().to_string()).unwrap();
    let place = PathBuf::from(of("PLACE"));
    let config = Config {
        output: Some(place.join("out")),
        state: Some(place.join("jobs")),
        spill: Some(place.join("spill")),
        lake: Some(place.join("lake")),
        postgres: Some(Secret::new(of("URL"))),
        language: Language::En,
        ..Config::default()
    };
    let jobs = of("JOBS");
    let kinds: Vec<(usize, &str)> = jobs.split(',').enumerate().collect();
    let clients = of("CLIENTS").parse::<usize>().unwrap();
    let (start, source) = (Instant::now(), of("SOURCE"));
    let peak = std::thread::scope(|scope| {
        let run = |part: usize| {
            let client = Client::open_with(&source, config.clone()).unwrap();
            let mine = kinds.iter().filter(|(number, _)| number % clients == part);
            let jobs: Vec<(Job, &str)> = mine.map(|(number, kind)| (submit(&client, *number, kind), *kind)).collect();
            let peaks = jobs.into_iter().map(|(job, kind)| {
                let report = job.wait().unwrap_or_else(|error| panic!("{kind}: {error:?}"));
                assert!(report.sampling.is_none(), "{report}");
                report.performance.memory_peak_gb
            });
            peaks.fold(0f64, f64::max)
        };
        let threads: Vec<_> = (0..clients).map(|part| scope.spawn(move || run(part))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).fold(0f64, f64::max)
    });
    let (seconds, millions) = (start.elapsed().as_secs_f64(), millions());
    println!("{jobs} of {millions} M rows by {clients} clients: peak {peak} GB, {seconds:.0} s");
}

fn submit(client: &Client, number: usize, kind: &str) -> Job {
    let spill = Options { on_emergency: Some(OnEmergency::Spill), ..Options::default() };
    let all = QueryParams::dataset("SIH-RD").options(spill);
    let parquet = || -> Destination { Parquet::to(number.to_string()).into() };
    let (params, to) = match kind {
        "csv" if millions() > MOST_CSV => (all.competencia("202301".."202309"), Csv::to(number.to_string()).into()),
        "csv" => (all, Csv::to(number.to_string()).into()),
        "postgres" => {
            (all, Postgres { table: Some(format!("pouca.t{number}")), analyze: false, ..Postgres::default() }.into())
        }
        // As many groups as rows: the state goes to disk.
        "group" => (all.group_by(["N_AIH"]).aggregate(AggregateFn::Sum, "VAL_TOT", "valor"), parquet()),
        "sort" => (all.order_by("VAL_TOT", true), parquet()),
        _ => (all, parquet()),
    };
    client.submit(&params, [to]).unwrap()
}
