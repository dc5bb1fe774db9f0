//! Files and tables of what the cluster writes itself into the folder that it shares with this machine.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering::SeqCst;

use datasus::sink::postgres::Mode;
use datasus::{Client, Code, Config, Csv, Destination, Options, Postgres, QueryParams, Secret, Standing};

use crate::cluster::{Cluster, cluster, config, until};
use crate::proxy;
use crate::server::{Server, shared};

const FILES: usize = 4;
const OF_FILE: usize = 100_000;
const ROWS: usize = FILES * OF_FILE;

fn all() -> QueryParams {
    let options = Options { checkpoint_rows: Some(20_000), ..Options::default() };
    QueryParams::dataset("SIH-RD")
        .columns(["N_AIH", "CNES", "IDADE", "VAL_TOT", "datasus_competencia"])
        .options(options)
}

fn client(source: &Path, place: &Path, address: Option<&str>, url: Option<&str>) -> Client {
    let config = Config {
        engine: address.map(Secret::new),
        engine_folder: Some(place.join("shared")),
        postgres: url.map(Secret::new),
        ..config(place)
    };
    Client::open_with(source, config).unwrap()
}

fn into(table: &str) -> Destination {
    Postgres { table: Some(table.into()), mode: Mode::Create, connections: 1, ..Postgres::default() }.into()
}

/// Every row once, and nothing left of the way.
fn check(server: &Server, table: &str, place: &Path) {
    let sum = ROWS * (ROWS - 1) / 2;
    let expected = [[ROWS.to_string(), ROWS.to_string(), format!("{}.{:02}", sum / 100, sum % 100)]];
    let sql = format!("SELECT count(*), count(DISTINCT n_aih), sum(val_tot) FROM {table}");
    assert_eq!(server.psql(&sql), expected, "{table}");
    assert_eq!(left(&place.join("shared")), [""; 0]);
    assert_eq!(left(&place.join("jobs")), [""; 0]);
}

fn left(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path().display().to_string()).collect()
}

/// Runs in a child process.
#[test]
#[ignore = "runs in a child process"]
fn export_and_die() {
    let of = |name: &str| std::env::var(name).ok();
    let (Some(source), Some(place), Some(table)) =
        (of("DATASUS_TEST_SOURCE"), of("DATASUS_TEST_PLACE"), of("DATASUS_TEST_TABLE"))
    else {
        return;
    };
    let (address, url) = (of("DATASUS_TEST_ENGINE"), of("DATASUS_TEST_URL"));
    let client = client(Path::new(&source), Path::new(&place), address.as_deref(), url.as_deref());
    client.export(&all(), [into(&table)]).unwrap();
}

fn child(source: &Path, place: &Path, cluster: &Cluster, url: &str, table: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "writing::export_and_die"])
        .envs([("DATASUS_TEST_SOURCE", source), ("DATASUS_TEST_PLACE", place)])
        .envs([
            ("DATASUS_TEST_ENGINE", cluster.address().as_str()),
            ("DATASUS_TEST_URL", url),
            ("DATASUS_TEST_TABLE", table),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn what_is_larger_than_the_limit_names_the_folder_and_goes_that_way_to_a_table_and_a_file() {
    let Some(cluster) = cluster() else { return };
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    crate::many::write(source.path(), FILES, OF_FILE);
    let server = shared();
    let narrow = |engine_folder, engine: &str| {
        let engine = Some(Secret::new(engine));
        let postgres = Some(Secret::new(server.url()));
        let config = Config { engine, engine_folder, postgres, spill_limit: 100_000, ..config(place.path()) };
        Client::open_with(source.path(), config).unwrap()
    };
    let error = narrow(None, &cluster.address()).export(&all(), [into("escrito.a")]).unwrap_err();
    assert_eq!(error.code(), Code::DiskFull, "{error}");
    assert!(error.detail().contains("`engine_folder`"), "{error}");
    let shared = place.path().join("shared");
    let client = narrow(Some(shared), &cluster.address());
    for job in client.jobs().unwrap() {
        client.discard(&job.job_id).unwrap();
    }
    let report = client.export(&all(), [into("escrito.a"), Csv::to("there.csv").into()]).unwrap();
    assert_eq!(report.records_processed, ROWS as u64);
    let used = report.cluster.clone().unwrap();
    assert!(used.stages > 0 && used.tasks > 0 && report.bytes.read > 1 << 20, "{used:?} {report}");
    check(server, "escrito.a", place.path());
    // In the order of the files, as without a cluster.
    let here = Client::open_with(source.path(), config(place.path())).unwrap();
    here.export(&all(), Csv::to("here.csv")).unwrap();
    let whole = |name: &str| std::fs::read(place.path().join(name)).unwrap();
    assert!(whole("here.csv") == whole("there.csv"), "other bytes than without a cluster");
    // Of no row there is a file with columns all the same.
    let none = all().filter(datasus::col("IDADE").gt(1_000));
    for (client, name) in [(&here, "none-here.csv"), (&client, "none-there.csv")] {
        assert_eq!(client.export(&none, Csv::to(name)).unwrap().records_processed, 0);
    }
    assert_eq!(whole("none-here.csv"), whole("none-there.csv"));
}

#[test]
fn a_load_that_is_killed_goes_on_with_what_the_cluster_wrote() {
    let Some(cluster) = cluster() else { return };
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    crate::many::write(source.path(), FILES, OF_FILE);
    let server = shared();
    let hold = proxy::Hold::after(4 << 20);
    let port = proxy::holding(server.port, hold.clone());
    let url = server.url().replace(&format!(":{}/", server.port), &format!(":{port}/"));
    let mut running = child(source.path(), place.path(), &cluster, &url, "escrito.b");
    until("the load is held", || hold.held.load(SeqCst) > 0);
    running.kill().unwrap();
    running.wait().unwrap();
    hold.release();
    // It needs no cluster any more.
    let client = client(source.path(), place.path(), Some(&cluster.address()), Some(&server.url()));
    let jobs = client.jobs().unwrap();
    let [job] = jobs.as_slice() else { panic!("{jobs:?}") };
    assert_eq!(job.standing, Standing::Crashed);
    let report = client.resume(&job.job_id).unwrap().wait().unwrap();
    let held = report.resumed_from.clone().unwrap_or_default();
    assert!(held.values().any(|rows| *rows > 0), "killed with work done: {held:?}");
    assert!(report.cluster.is_none(), "nothing ran there anew");
    check(server, "escrito.b", place.path());
}

#[test]
fn a_job_that_is_killed_while_the_cluster_writes_has_it_written_anew_and_nothing_runs_on() {
    let Some(mut cluster) = cluster() else { return };
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    crate::many::write(source.path(), FILES, OF_FILE);
    let server = shared();
    cluster.workers("pause");
    let mut running = child(source.path(), place.path(), &cluster, &server.url(), "escrito.c");
    until("a job at work", || !cluster.running().is_empty());
    running.kill().unwrap();
    running.wait().unwrap();
    let client = client(source.path(), place.path(), Some(&cluster.address()), Some(&server.url()));
    let id = client.jobs().unwrap()[0].job_id.clone();
    let abandoned: Vec<_> = cluster.running().iter().map(|job| job["jobId"].clone()).collect();
    assert!(!abandoned.is_empty(), "the cluster knows of no kill");
    let resumed = client.resume(&id).unwrap();
    let ours = |job: &serde_json::Value| !abandoned.contains(&job["jobId"]);
    until("another job at work, and the first one ended", || {
        let running = cluster.running();
        !running.is_empty() && running.iter().all(ours)
    });
    cluster.workers("resume");
    resumed.wait().unwrap();
    check(server, "escrito.c", place.path());
    // A cancel ends it there, and leaves nothing.
    cluster.workers("pause");
    let job = client.submit(&all(), [into("escrito.d")]).unwrap();
    until("a job at work", || !cluster.running().is_empty());
    job.cancel();
    assert_eq!(job.wait().unwrap_err().code(), Code::Cancelled);
    until("nothing at work", || cluster.running().is_empty());
    assert_eq!(left(&place.path().join("shared")), [""; 0]);
    cluster.workers("resume");
}
