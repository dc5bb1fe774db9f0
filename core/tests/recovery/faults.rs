//! The n-th system call fails, moves fewer bytes, or is the process's last, for each n until a run passes undisturbed: no
//! state comes of it from which a resume loses a row or has one twice.

use std::process::Output;

use datasus::recovery::DeadLetters;
use datasus::sink::postgres::Mode;
use datasus::{Csv, DeadLetter, Destination, Options, Parquet, Postgres, Standing};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::fiu::{Fault, at};
use crate::server::shared;
use crate::*;

const FILES: [&str; 11] = [
    "posix/io/rw/read",
    "posix/io/rw/pread",
    "posix/io/rw/write",
    "posix/io/rw/pwrite",
    "posix/io/rw/writev",
    "posix/io/rw/ftruncate",
    "posix/io/sync/fsync",
    "posix/io/sync/fdatasync",
    "posix/io/oc/open",
    "posix/io/dir/rename",
    "posix/io/dir/unlink",
];
/// Those that a socket's or an event's descriptor never sees.
const NO_SOCKETS: [&str; 6] = [
    "posix/io/rw/ftruncate",
    "posix/io/sync/fsync",
    "posix/io/sync/fdatasync",
    "posix/io/oc/open",
    "posix/io/dir/rename",
    "posix/io/dir/unlink",
];
const SHORT: [&str; 5] =
    ["posix/io/rw/read", "posix/io/rw/pread", "posix/io/rw/write", "posix/io/rw/pwrite", "posix/io/rw/writev"];
/// Each write is asked about twice, its length first: one that is cut short, and the next one fails.
const LETTERS: [&str; 3] = ["posix/io/rw/write", "posix/io/rw/write/reduce", "posix/io/sync/fdatasync"];
const MONTHS: usize = 3;
const FEW: u64 = 3_000;

fn fault(kind: &str) -> (Fault, &'static [&'static str]) {
    let of = |errno, lasts: Option<u64>| Fault { errno, lasts, dies: false };
    match kind {
        "eio" => (of(libc::EIO, None), &FILES),
        // Space may come back at once, or stay away for the whole attempt.
        "enospc" => (of(libc::ENOSPC, None), &FILES[2..]),
        "full" => (of(libc::ENOSPC, Some(1)), &FILES[2..]),
        "short" => (of(0, None), &SHORT),
        "letters" => (of(libc::ENOSPC, Some(2)), &LETTERS),
        "table" => (of(libc::EIO, None), &NO_SOCKETS),
        "dies" => (Fault { errno: 0, lasts: None, dies: true }, &FILES),
        other => panic!("{other}"),
    }
}

/// Runs `test` of this binary under fiu-run, and gives what it said.
fn under_fiu(test: &str, variables: &[(&str, &str)]) -> Output {
    let mut child = Command::new("fiu-run")
        .args(["-x", "-f", ""])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", test, "--nocapture"])
        .envs(variables.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("fiu-run: `make servers` (Debian: apt-get install fiu-utils)");
    let (done, ended) = std::sync::mpsc::channel::<()>();
    let pid = child.id() as i32;
    let watch = std::thread::spawn(move || {
        if ended.recv_timeout(Duration::from_secs(600)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            // SAFETY: a child of this process that has not been waited for.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
    });
    let (mut said, mut complained) = (Vec::new(), Vec::new());
    let mut errors = child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || std::io::copy(&mut errors, &mut complained).map(|_| complained));
    std::io::copy(&mut child.stdout.take().unwrap(), &mut said).unwrap();
    let complained = reader.join().unwrap().unwrap();
    let status = child.wait().unwrap();
    drop(done);
    watch.join().unwrap();
    Output { status, stdout: said, stderr: complained }
}

fn swept(kind: &str) {
    let seed = Random::seeded().0.to_string();
    let done = under_fiu("faults::one_call_after_the_other", &[("DATASUS_TEST_FAULT", kind), ("DATASUS_SEED", &seed)]);
    let said = String::from_utf8_lossy(&done.stdout);
    println!("{}", said.lines().filter(|line| line.contains("call")).collect::<Vec<_>>().join("\n"));
    let complained = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.contains("undisturbed"), "{}\n{said}\n{complained}", done.status);
}

#[test]
fn a_call_that_fails_loses_no_row_and_doubles_none() {
    swept("eio");
}

#[test]
fn a_disk_that_is_full_for_one_call_or_from_it_on_loses_no_row_and_doubles_none() {
    swept("enospc");
    swept("full");
}

#[test]
fn calls_that_move_fewer_bytes_than_asked_lose_no_row_and_double_none() {
    swept("short");
}

/// A load into a table with dead letters, and their replay.
#[test]
fn a_call_that_fails_loses_no_dead_letter_and_replays_none_twice() {
    swept("table");
}

/// Two connections of a load share the store: what the disk did not take of one must not stand in the way of the other's.
#[test]
fn a_letter_behind_one_that_was_torn_is_read_again() {
    swept("letters");
}

/// The calls to fail: every one, or about thirty of `all`, from a random one on.
fn step(all: u64, random: &mut Random) -> (u64, u64) {
    match std::env::var("DATASUS_FAULTS").as_deref() {
        Ok("all") => (1, 1),
        _ => {
            let step = (all / 30).max(1);
            (1 + random.below(step), step)
        }
    }
}

/// Runs in a child process, under fiu-run.
#[test]
#[ignore = "runs in a child process"]
fn one_call_after_the_other() {
    let Ok(kind) = std::env::var("DATASUS_TEST_FAULT") else { return };
    // SAFETY: no other thread looks at the environment yet. A server that is started here is not to be watched.
    unsafe { std::env::remove_var("LD_PRELOAD") };
    let source = tempfile::tempdir().unwrap();
    many::write(source.path(), MONTHS, FEW as usize / MONTHS);
    let (fault, points) = fault(&kind);
    let whole = Whole::of(source.path());
    fault.watch(points);
    let run: &dyn Fn(u64) -> (bool, u64) = if kind == "table" {
        shared().psql("CREATE SCHEMA faltas");
        &|n| table(source.path(), n)
    } else if kind == "letters" {
        &letters
    } else {
        &|n| files(source.path(), &whole, n)
    };
    let (sound, all) = run(u64::MAX - 1);
    assert!(sound);
    let (mut n, step) = step(all, &mut Random::seeded());
    let (mut runs, mut failed) = (0, 0);
    loop {
        let (sound, calls) = run(n);
        runs += 1;
        failed += u64::from(!sound);
        if sound && calls < n {
            break;
        }
        n += step;
    }
    println!("{kind}: {all} calls, {runs} runs, {failed} failed, the last one undisturbed");
    assert!(failed > 0 || kind == "short", "no call mattered");
}

fn small() -> QueryParams {
    all().options(Options { checkpoint_rows: Some(500), dead_letter_limit: Some(0.05), ..Options::default() })
}

fn both() -> [Destination; 2] {
    [Csv::to("a.csv").into(), Parquet { row_group_rows: 1_000, ..Parquet::to("a.parquet") }.into()]
}

/// What an undisturbed run writes.
struct Whole {
    csv: Vec<u8>,
    parquet: arrow::array::RecordBatch,
}

impl Whole {
    fn of(source: &Path) -> Self {
        let place = tempfile::tempdir().unwrap();
        client(source, place.path(), None).export(&small(), both()).unwrap();
        Whole::read(place.path())
    }

    fn read(place: &Path) -> Self {
        let file = bytes::Bytes::from(std::fs::read(place.join("out/a.parquet")).unwrap());
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let schema = reader.schema().clone();
        let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
        let parquet = arrow::compute::concat_batches(&schema, &batches).unwrap();
        Whole { csv: std::fs::read(place.join("out/a.csv")).unwrap(), parquet }
    }

    /// What has a name is whole; gives how many of the two have theirs.
    fn named(&self, place: &Path, n: u64) -> usize {
        let names: Vec<_> = std::fs::read_dir(place.join("out"))
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with('.'))
            .collect();
        if names.iter().any(|name| name == "a.csv") {
            assert!(std::fs::read(place.join("out/a.csv")).unwrap() == self.csv, "{n}");
        }
        names.len()
    }

    /// Both files are whole, and nothing else is left.
    fn is_all(&self, place: &Path, n: u64) {
        let found = Whole::read(place);
        assert!(found.csv == self.csv, "call {n}: another CSV");
        assert!(found.parquet.columns() == self.parquet.columns(), "call {n}: other rows in the Parquet");
        let names = |folder: &str| std::fs::read_dir(place.join(folder)).unwrap().map(|e| e.unwrap().file_name());
        assert_eq!(names("out").count(), 2, "call {n}: {:?}", names("out").collect::<Vec<_>>());
        assert_eq!(names("jobs").count(), 0, "call {n}: {:?}", names("jobs").collect::<Vec<_>>());
    }
}

/// The job that is left, if one is.
fn left(client: &Client, n: u64) -> Option<String> {
    let left = client.jobs().unwrap();
    assert!(left.len() < 2, "call {n}: {left:?}");
    let left = left.first()?;
    assert!([Standing::Failed, Standing::Crashed].contains(&left.standing), "call {n}: {left:?}");
    Some(left.job_id.clone())
}

/// With `DATASUS_SHOWN`, which errors there were.
fn shown(n: u64, done: &datasus::Result<datasus::Report>) {
    if let (Err(error), true) = (done, std::env::var_os("DATASUS_SHOWN").is_some()) {
        println!("call {n}: {} {}", error.code(), error.detail());
    }
}

/// An export and a resume that each meet the fault, and what must follow without one. True where the export did not fail.
fn files(source: &Path, whole: &Whole, n: u64) -> (bool, u64) {
    let place = tempfile::tempdir().unwrap();
    let client = client(source, place.path(), None);
    let (first, calls) = at(n, || client.export(&small(), both()));
    let named = whole.named(place.path(), n);
    shown(n, &first);
    match left(&client, n) {
        Some(job) => {
            assert!(first.is_err(), "call {n}: complete, and {job} is left");
            let again = at(n, || client.resume(&job).and_then(|job| job.wait())).0;
            shown(n, &again);
            let named = whole.named(place.path(), n);
            if let Some(job) = left(&client, n) {
                assert!(again.is_err(), "call {n}: complete, and {job} is left");
                let report = client.resume(&job).unwrap().wait().unwrap();
                assert_eq!(report.records_processed, FEW);
            } else if named == 0 {
                panic!("call {n}: given up: {again:?}");
            }
        }
        // It never began, or it was given up, or only what it leaves behind could not be removed.
        None if first.is_err() && named < 2 => {
            assert_eq!(named, 0, "call {n}");
            client.export(&small(), both()).unwrap();
        }
        None => {}
    }
    whole.is_all(place.path(), n);
    (first.is_ok(), calls)
}

/// The same into a table that refuses four rows, and then takes them.
fn table(source: &Path, n: u64) -> (bool, u64) {
    let place = tempfile::tempdir().unwrap();
    let server = shared();
    let client = client(source, place.path(), Some(&server.url()));
    server.psql(
        "DROP TABLE IF EXISTS faltas.t; CREATE TABLE faltas.t (n_aih text, cnes text, diag_princ text, idade int, \
         val_tot numeric(14,2) CONSTRAINT quatro CHECK (val_tot NOT IN (0, 4.99, 5, 29.99)))",
    );
    let to = || Postgres { table: Some("faltas.t".into()), mode: Mode::Append, analyze: false, ..Postgres::default() };
    let count = || server.psql("SELECT count(*), count(DISTINCT n_aih) FROM faltas.t").remove(0);
    let of = |rows: u64| [rows.to_string(), rows.to_string()];
    let (first, calls) = at(n, || client.export(&small(), to()));
    let failed = first.is_err();
    shown(n, &first);
    let complete = |job: &datasus::JobInfo| job.standing == Standing::Ended;
    let mut tries = 0;
    // With its dead letters the folder of a complete job stays.
    let job = loop {
        let left = client.jobs().unwrap();
        tries += 1;
        assert!(tries < 5 && left.len() < 2, "call {n}: {left:?}");
        match left.first() {
            Some(job) if complete(job) => break job.job_id.clone(),
            Some(job) => {
                assert!(count() == of(0) || count() == of(FEW - 4), "call {n}: {:?}", count());
                let resume = || client.resume(&job.job_id).and_then(|job| job.wait());
                let again = if tries == 1 { at(n, resume).0 } else { resume() };
                shown(n, &again);
                assert!(tries == 1 || again.is_ok(), "call {n}: {again:?}");
            }
            None => {
                assert!(failed && count() == of(0), "call {n}: {:?}", count());
                client.export(&small(), to()).unwrap();
            }
        }
    };
    assert_eq!(count(), of(FEW - 4), "call {n}");
    let mut rows: Vec<_> =
        client.dead_letters(&job).unwrap().iter().map(|letter| letter.record["N_AIH"].clone()).collect();
    rows.sort_by_key(|row| row.to_string());
    assert_eq!(rows, ["1200000000000", "1200000000499", "1200000000500", "1200000002999"], "call {n}");
    server.psql("ALTER TABLE faltas.t DROP CONSTRAINT quatro");
    if at(n, || client.replay(&job)).0.is_err() && !client.jobs().unwrap().is_empty() {
        client.replay(&job).unwrap();
    }
    assert_eq!(count(), of(FEW), "call {n}, replayed");
    assert!(client.jobs().unwrap().is_empty(), "call {n}");
    (!failed, calls)
}

/// The store alone: letters of one unit, which may not get there, and then those of another.
fn letters(n: u64) -> (bool, u64) {
    let folder = tempfile::tempdir().unwrap();
    let letter = |unit, row| DeadLetter {
        sink: "postgres".into(),
        sink_number: 0,
        unit,
        row,
        reason: "motivo".into(),
        sqlstate: None,
        source_file: None,
        source_row: Some(row),
        column: None,
        value: None,
        record: Default::default(),
        trace_id: "t".into(),
    };
    let (one, other) = (vec![letter(1, 1), letter(1, 2)], vec![letter(2, 3)]);
    let store = DeadLetters::of(folder.path());
    let (first, calls) = at(n, || store.add(one.clone()));
    if n == 1 {
        let torn = std::fs::metadata(DeadLetters::path(folder.path())).unwrap().len();
        assert!(first.is_err() && torn > 0, "nothing was torn: {torn} bytes");
    }
    store.add(other.clone()).unwrap();
    let read = || DeadLetters::read(folder.path()).unwrap();
    let there = if first.is_ok() { [one.clone(), other.clone()].concat() } else { other.clone() };
    assert_eq!(read(), there, "call {n}");
    drop(store);
    // The unit that failed comes again.
    DeadLetters::of(folder.path()).add([one.clone(), other].concat()).unwrap();
    assert_eq!(read().len(), 3, "call {n}");
    (first.is_ok(), calls)
}

/// Runs in a child process, under fiu-run: goes on with the job that is there, or begins one, and dies at a call.
#[test]
#[ignore = "runs in a child process"]
fn die_at_a_call() {
    let of = |name: &str| std::env::var(name).ok();
    let (Some(source), Some(place), Some(n)) =
        (of("DATASUS_TEST_SOURCE"), of("DATASUS_TEST_PLACE"), of("DATASUS_TEST_CALL"))
    else {
        return;
    };
    let (fault, points) = fault("dies");
    fault.watch(points);
    let client = client(Path::new(&source), Path::new(&place), None);
    let left = client.jobs().unwrap();
    let (done, calls) = at(n.parse().unwrap(), || match left.first() {
        Some(left) => client.resume(&left.job_id).and_then(|job| job.wait()),
        None => client.export(&small(), both()),
    });
    done.unwrap();
    println!("calls: {calls}");
}

#[test]
fn a_process_that_dies_at_any_call_loses_no_row_and_doubles_none() {
    let source = tempfile::tempdir().unwrap();
    many::write(source.path(), MONTHS, FEW as usize / MONTHS);
    let whole = Whole::of(source.path());
    let run = |place: &Path, n: u64| {
        let variables = [
            ("DATASUS_TEST_SOURCE", source.path().to_str().unwrap()),
            ("DATASUS_TEST_PLACE", place.to_str().unwrap()),
            ("DATASUS_TEST_CALL", &n.to_string()),
        ];
        let done = under_fiu("faults::die_at_a_call", &variables);
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        let died = std::os::unix::process::ExitStatusExt::signal(&done.status) == Some(libc::SIGKILL);
        assert!(died || done.status.success(), "call {n}: {said}{}", String::from_utf8_lossy(&done.stderr));
        // On one core the harness puts its own words before it.
        said.lines().find_map(|line| line.split_once("calls: ")?.1.parse::<u64>().ok())
    };
    let place = tempfile::tempdir().unwrap();
    let all = run(place.path(), u64::MAX - 1).expect("an undisturbed run");
    whole.is_all(place.path(), 0);
    let (mut n, step) = step(all, &mut Random::seeded());
    let mut died = 0;
    loop {
        let place = tempfile::tempdir().unwrap();
        let looker = client(source.path(), place.path(), None);
        let first = run(place.path(), n);
        let named = whole.named(place.path(), n);
        if let Some(job) = left(&looker, n) {
            run(place.path(), n);
            whole.named(place.path(), n);
            if left(&looker, n).is_some() {
                looker.resume(&job).unwrap().wait().unwrap();
            }
        } else if named == 0 {
            looker.export(&small(), both()).unwrap();
        }
        whole.is_all(place.path(), n);
        died += u64::from(first.is_none());
        if first.is_some() {
            break;
        }
        n += step;
    }
    println!("dies: {all} calls, died at {died} of them, the last run undisturbed");
    assert!(died >= 20.min(all / step), "{died}");
}
