//! Whole jobs in a cgroup of 512 MB, eight of them at once: every answer is exact, and nobody is killed.
//! `DATASUS_MILLIONS` (3; printed) is how many million rows each reads.
#![cfg(target_os = "linux")]

#[path = "../governor/group.rs"]
#[allow(dead_code, reason = "its usage file is the governor tests'")]
mod group;
#[path = "../many/mod.rs"]
mod many;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use datasus::params::{OnEmergency, Options};
use datasus::{AggregateFn, Client, Config, Csv, Parquet, QueryParams};

use group::Group;

const LIMIT: u64 = 512 << 20;
const PLACE: &str = "DATASUS_TEST_PLACE";

fn millions() -> u64 {
    let millions = std::env::var("DATASUS_MILLIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(3);
    println!("DATASUS_MILLIONS={millions}");
    millions
}

#[test]
fn eight_jobs_at_once_in_512_mb_are_exact_and_nobody_is_killed() {
    let group = Group::with_limit(LIMIT);
    // Beside the test's binary: the temporary folder may be a tmpfs, whose files are memory.
    let beside = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let place = tempfile::tempdir_in(beside).unwrap();
    many::write(place.path(), millions() as usize, 1_000_000);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "run_eight", "--nocapture"])
        .env(PLACE, place.path())
        .env("DATASUS_TEST_PROCS", group.folder.join("cgroup.procs"))
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(300) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = child.kill();
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    println!("{said}");
    assert!(done.status.success() && said.contains("eight jobs"), "{}", done.status);
}

/// Runs in the child process, inside the group.
#[test]
#[ignore = "runs in a child process"]
fn run_eight() {
    let (Some(place), Some(procs)) = (std::env::var_os(PLACE), std::env::var_os("DATASUS_TEST_PROCS")) else { return };
    std::fs::write(procs, std::process::id().to_string()).unwrap();
    let place = Path::new(&place);
    let config = Config { output: Some(place.join("out")), ..Config::default() };
    let client = Client::open_with(place, config).unwrap();
    let spill = || Options { on_emergency: Some(OnEmergency::Spill), ..Options::default() };
    let all = || QueryParams::dataset("SIH-RD").options(spill());
    let rows = millions() * 1_000_000;
    let jobs: Vec<_> = (0..8)
        .map(|number| {
            let (params, to, expected) = match number % 4 {
                0 => (all(), Csv::to(format!("{number}.csv")).into(), rows),
                1 => (all(), Parquet::to(format!("{number}.parquet")).into(), rows),
                // As many groups as rows: the state goes to disk.
                2 => {
                    let groups = all().group_by(["N_AIH"]).aggregate(AggregateFn::Sum, "VAL_TOT", "valor");
                    (groups, Parquet::to(format!("{number}.parquet")).into(), rows)
                }
                _ => (all().order_by("VAL_TOT", true), Parquet::to(format!("{number}.parquet")).into(), rows),
            };
            (client.submit(&params, [to]).unwrap(), expected)
        })
        .collect();
    let mut peak = 0f64;
    for (job, expected) in jobs {
        let report = job.report().unwrap();
        assert_eq!(report.records_processed, expected, "{report}");
        peak = peak.max(report.performance.memory_peak_gb);
    }
    println!("eight jobs of {rows} rows, peak {peak} GB, mode {}", client.mode().as_str());
}
