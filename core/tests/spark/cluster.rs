//! A cluster of the tests' own (`tests/spark_cluster.py`), one for all of them: it ends with this process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use datasus::{Client, Config, Language, Secret};
use serde_json::Value;

use crate::skip;

/// What the server lets nobody in without.
pub const TOKEN: &str = "CANARY-token-of-the-tests";

pub struct Cluster {
    told: Value,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    _program: Child,
}

static CLUSTER: OnceLock<Option<Mutex<Cluster>>> = OnceLock::new();

/// Whether anything may be started: it takes minutes and gigabytes, which whoever runs one test beside does not expect.
#[track_caller]
pub fn is_asked_for() -> bool {
    let is_asked_for = std::env::var_os("DATASUS_CLUSTER").is_some();
    if !is_asked_for {
        skip::for_want_of_a_tool("no cluster was started: `make test` and `make test-cluster` set DATASUS_CLUSTER=1");
    }
    is_asked_for
}

/// The cluster, for one test at a time; none where these tests are not asked for, or it cannot be started.
#[track_caller]
pub fn cluster() -> Option<MutexGuard<'static, Cluster>> {
    if !is_asked_for() {
        return None;
    }
    let cluster = CLUSTER.get_or_init(|| Cluster::start().map(Mutex::new));
    if cluster.is_none() {
        skip::for_want_of_a_tool("no Spark: `bash setup/spark.sh` fetches it");
    }
    let cluster = cluster.as_ref()?.lock().unwrap_or_else(|poisoned| {
        // A test that failed may have left the workers paused.
        let mut cluster = PoisonError::into_inner(poisoned);
        cluster.workers("resume");
        cluster
    });
    Some(cluster)
}

impl Cluster {
    fn start() -> Option<Self> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/spark_cluster.py");
        let mut program = Command::new("python3")
            .arg(program)
            // Many small tasks, so that a query is at work for a while.
            .args(["--workers", "2", "--conf", "spark.sql.files.maxPartitionBytes=65536"])
            .args(["--conf", "spark.sql.files.openCostInBytes=0", "--token", TOKEN])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let (orders, answers) = (program.stdin.take()?, BufReader::new(program.stdout.take()?));
        let mut cluster = Cluster { told: Value::Null, orders, answers, _program: program };
        cluster.told = cluster.answer()?;
        println!("cluster: {}", cluster.told);
        Some(cluster)
    }

    fn answer(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.answers.read_line(&mut line).ok()?;
        serde_json::from_str(&line).ok()
    }

    /// `kill worker 0`, `start connect`, `pause worker 1`, ...
    pub fn order(&mut self, what: &str) {
        writeln!(self.orders, "{what}").unwrap();
        let told = self.answer();
        self.told = told.unwrap_or_else(|| panic!("the cluster ended at: {what}"));
    }

    /// Both workers do nothing (`pause`), or go on (`resume`): meanwhile what is asked is at work, and does not end.
    pub fn workers(&mut self, what: &str) {
        for number in 0..2 {
            self.order(&format!("{what} worker {number}"));
        }
    }

    /// With the token.
    pub fn address(&self) -> String {
        format!("{}/;token={TOKEN}", self.bare())
    }

    pub fn bare(&self) -> &str {
        self.told["connect"].as_str().unwrap()
    }

    /// Of the driver's REST API.
    fn ask(&self, what: &str) -> Option<Value> {
        let api = self.told["api"].as_str()?;
        let all = get(&format!("{api}/applications"))?;
        let id = all[0]["id"].as_str()?;
        get(&format!("{api}/applications/{id}/{what}"))
    }

    /// Jobs that run there.
    pub fn running(&self) -> Vec<Value> {
        self.ask("jobs?status=running").and_then(|jobs| jobs.as_array().cloned()).unwrap_or_default()
    }
}

impl Cluster {
    /// The physical plan of the statement that came last.
    pub fn last_plan(&self) -> String {
        let all = self.ask("sql?details=false&planDescription=true&offset=0&length=1000000").unwrap();
        let plan = |statement: &Value| statement["planDescription"].as_str().map(str::to_owned);
        all.as_array().unwrap().last().and_then(plan).unwrap()
    }
}

/// Asks in the first form of HTTP, which ends an answer with its connection.
fn get(address: &str) -> Option<Value> {
    let (server, path) = address.strip_prefix("http://")?.split_once('/')?;
    let mut asks = TcpStream::connect(server).ok()?;
    asks.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(asks, "GET /{path} HTTP/1.0\r\nHost: {server}\r\n\r\n").ok()?;
    let mut told = Vec::new();
    asks.read_to_end(&mut told).ok()?;
    let body = told.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    serde_json::from_slice(&told[body..]).ok()
}

/// Looks until it is so; a server's state tells no other way.
pub fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(180);
    while !is_so() {
        assert!(Instant::now() < end, "{what}: not within three minutes");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub fn config(place: &Path) -> Config {
    Config {
        language: Language::En,
        threads: Some(2),
        lake: Some(place.join("lake")),
        output: Some(place.to_owned()),
        state: Some(place.join("jobs")),
        // What runs is looked at here.
        cache_entry_limit: 0,
        ..Config::default()
    }
}

/// The same source and lake, on this machine and on the cluster at `address`.
pub fn both(source: &Path, place: &Path, address: &str) -> [Client; 2] {
    let there = Config { engine: Some(Secret::new(address)), ..config(place) };
    [config(place), there].map(|config| Client::open_with(source, config).unwrap())
}
