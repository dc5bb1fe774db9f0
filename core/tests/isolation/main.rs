//! SQL in a process of its own: the same answers, and whatever becomes of that process, the host lives and says what happened.
#![cfg(target_os = "linux")]

mod answers;
mod attacks;
mod ends;
#[path = "../genuine/mod.rs"]
mod genuine;
#[path = "../many/mod.rs"]
mod many;
mod opening;
mod ungated;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use datasus::{Client, Config, Isolation, Language, Options, QueryParams, Result};

/// The program that Cargo has built beside these tests.
pub const WORKER: &str = env!("CARGO_BIN_EXE_datasus-worker");

pub fn config(isolation: Isolation) -> Config {
    Config {
        isolation,
        worker: Some(WORKER.into()),
        language: Language::En,
        threads: Some(2),
        // What runs is looked at here.
        cache_entry_limit: 0,
        ..Config::default()
    }
}

/// Over files that the library makes: admissions, deaths, births, facilities and beds.
pub fn source() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    datasus::source::write_example_data(folder.path(), 200).unwrap();
    folder
}

pub fn open(source: &Path, isolation: Isolation) -> Client {
    Client::open_with(source, config(isolation)).unwrap()
}

pub fn sql(text: &str) -> QueryParams {
    QueryParams::sql(text).options(Options { missing: datasus::MissingFiles::Warn, ..Options::default() })
}

pub fn rows(client: &Client, text: &str) -> Result<usize> {
    let answer = client.query(&sql(text))?;
    Ok(answer.collect_batches()?.iter().map(|batch| batch.num_rows()).sum())
}

/// Two minutes at most.
pub fn until(what: &str, is: impl Fn() -> bool) {
    let late = Instant::now() + Duration::from_secs(120);
    while !is() {
        assert!(Instant::now() < late, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The process is well, and so is its client.
pub fn still_answers(client: &Client) {
    assert_eq!(rows(client, "SELECT CNES FROM sih_rd LIMIT 7").unwrap(), 7);
}

/// A sample of a client's metrics.
pub fn metric(client: &Client, name: &str) -> f64 {
    let text = client.metrics();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

/// Processes of this one that run `program`.
pub fn workers(program: &Path) -> Vec<u32> {
    let program = program.canonicalize().unwrap();
    let processes =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    processes
        .filter(|process: &u32| std::fs::read_link(format!("/proc/{process}/exe")).is_ok_and(|exe| exe == program))
        .collect()
}

/// Of these the one that forks the others.
pub fn server(program: &Path) -> u32 {
    let me = std::process::id();
    let of_me = |worker: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{worker}/stat")).unwrap_or_default();
        let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
        parent == Some(me)
    };
    let servers: Vec<u32> = workers(program).into_iter().filter(of_me).collect();
    assert_eq!(servers.len(), 1, "{servers:?}");
    servers[0]
}

/// The program under a name of its own, so that its processes are told from those of other tests.
pub fn own_program(folder: &Path) -> PathBuf {
    let program = folder.join("datasus-worker");
    std::fs::copy(WORKER, &program).unwrap();
    program
}

/// Isolated, with a program of its own.
pub fn open_own_program(source: &Path, folder: &Path) -> (Client, PathBuf) {
    let program = own_program(folder);
    let config = Config { worker: Some(program.clone()), ..config(Isolation::Process) };
    (Client::open_with(source, config).unwrap(), program)
}
