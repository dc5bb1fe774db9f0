//! Jobs that die, lose their server, fill the disk or meet bad rows: nothing is lost, nothing comes twice.
//!
//! The long forms run with `make soak`: `DATASUS_KILLS` (kills a destination), `DATASUS_FAULTS=all` (every system
//! call, not thirty of them), `DATASUS_SEED`; printed.

#[path = "../postgres/canary.rs"]
#[allow(dead_code)]
mod canary;
mod disk;
#[cfg(target_os = "linux")]
mod faults;
#[cfg(target_os = "linux")]
mod fiu;
mod kill;
mod letters;
#[path = "../many/mod.rs"]
mod many;
#[path = "../proxy/mod.rs"]
mod proxy;
#[path = "../quiet/mod.rs"]
mod quiet;
#[path = "../postgres/server.rs"]
#[allow(dead_code)]
mod server;
mod servers;
#[path = "../skip/mod.rs"]
mod skip;
mod state;
mod unparsed;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use datasus::{Client, Config, Language, QueryParams, Secret};
use tempfile::TempDir;

/// Thirty files of 10,000 rows, made once.
fn data() -> &'static Path {
    static DATA: OnceLock<TempDir> = OnceLock::new();
    DATA.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        many::write(folder.path(), 30, 10_000);
        folder
    })
    .path()
}

const ROWS: u64 = 300_000;

/// A client on `source` that writes to `place/out` and keeps its jobs in `place/jobs`.
fn client(source: &Path, place: &Path, url: Option<&str>) -> Client {
    let config = Config {
        output: Some(place.join("out")),
        state: Some(place.join("jobs")),
        lake: Some(place.join("lake")),
        spill: Some(place.join("spill")),
        postgres: url.map(Secret::new),
        language: Language::En,
        ..Config::default()
    };
    Client::open_with(source, config).unwrap()
}

fn all() -> QueryParams {
    QueryParams::dataset("SIH-RD")
}

/// Runs an ignored test of this binary in a process of its own, which says to `said` how it failed.
fn child(name: &str, variables: &[(&str, &str)], said: Stdio) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", name])
        .envs(variables.iter().copied())
        .stdout(Stdio::null())
        .stderr(said)
        .spawn()
        .unwrap()
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + quiet::HANGS;
    while !done() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The table's rows, each once, with the sum that they have.
fn check(server: &server::Server, table: &str) {
    let sum = ROWS * (ROWS - 1) / 2;
    let expected = [[ROWS.to_string(), ROWS.to_string(), format!("{}.{:02}", sum / 100, sum % 100)]];
    let sql = format!("SELECT count(*), count(DISTINCT n_aih), sum(val_tot) FROM {table}");
    assert_eq!(server.psql(&sql), expected, "{table}");
}

/// Nothing is left on the server but the tables of the schema, which is this test's own.
fn nothing_left(server: &server::Server, schema: &str) {
    let stages = "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relname LIKE 'datasus\\_stage%'";
    assert_eq!(server.psql(&format!("{stages} AND nspname = '{schema}'")), [[""; 0]; 0]);
    assert_eq!(server.psql(&format!("SELECT count(*) FROM datasus.jobs WHERE stage LIKE '{schema}.%'")), [["0"]]);
    let units = "SELECT count(*) FROM datasus.ledger l WHERE job NOT LIKE 'replay %'
        AND NOT EXISTS (SELECT 1 FROM datasus.jobs j WHERE (j.job, j.sink) = (l.job, l.sink))";
    // Those of another test's job go just after it.
    until("units without a job", || server.psql(units) == [["0"]]);
}

/// A small generator of pseudo-random numbers, so that a failure can be run again by its seed.
struct Random(u64);

impl Random {
    fn seeded() -> Self {
        let seed = std::env::var("DATASUS_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| {
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64
        });
        println!("DATASUS_SEED={seed}");
        Random(seed)
    }

    /// From 0 to `below` - 1.
    fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }
}
