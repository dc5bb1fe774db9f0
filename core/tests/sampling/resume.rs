//! A job keeps what it began with, whatever the memory is like when another process goes on with it.

use std::process::{Command, Stdio};

use datasus::Standing;

use crate::*;

/// Runs in a child process, in an emergency or not, and dies there.
#[test]
#[ignore = "runs in a child process"]
fn export_and_die() {
    let of = |name: &str| std::env::var(name).ok();
    let (Some(source), Some(place)) = (of("DATASUS_TEST_SOURCE"), of("DATASUS_TEST_PLACE")) else { return };
    if of("DATASUS_TEST_EMERGENCY").is_some() {
        set_emergency();
    }
    let client = Client::open_with(&source, config(Path::new(&place))).unwrap();
    client.export(&asked(), Csv::to("a.csv")).unwrap();
}

/// So many checkpoints that there is time to die between two of them.
fn asked() -> QueryParams {
    all().options(Options { checkpoint_rows: Some(1_000), ..on(OnEmergency::Sample) })
}

/// A job of a process that died with some of its rows written.
fn died_on_the_way(in_emergency: bool) -> (TempDir, Client, String) {
    for _ in 0..50 {
        let place = tempfile::tempdir().unwrap();
        let mut running = Command::new(std::env::current_exe().unwrap());
        running
            .args(["--ignored", "--exact", "resume::export_and_die"])
            .env("DATASUS_TEST_SOURCE", data())
            .env("DATASUS_TEST_PLACE", place.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if in_emergency {
            running.env("DATASUS_TEST_EMERGENCY", "1");
        }
        let mut running = running.spawn().unwrap();
        let client = client(place.path());
        let begun = || {
            let of_job =
                |job: std::fs::DirEntry| std::fs::metadata(job.path().join("sink-0.log")).map_or(0, |log| log.len());
            let jobs = std::fs::read_dir(place.path().join("jobs")).into_iter().flatten();
            jobs.map(|job| of_job(job.unwrap())).max().unwrap_or(0) > 1_000
        };
        until("the job begins", || begun() || running.try_wait().unwrap().is_some());
        running.kill().unwrap();
        running.wait().unwrap();
        let left = client.jobs().unwrap();
        if let [job] = left.as_slice()
            && job.standing == Standing::Crashed
        {
            let id = job.job_id.clone();
            return (place, client, id);
        }
    }
    panic!("no child died on the way");
}

fn csv(place: &TempDir) -> String {
    std::fs::read_to_string(place.path().join("out/a.csv")).unwrap()
}

#[test]
fn a_sample_that_died_is_resumed_as_the_same_sample_out_of_the_emergency() {
    let expected = {
        let _memory = emergency();
        let place = tempfile::tempdir().unwrap();
        client(place.path()).export(&asked(), Csv::to("a.csv")).unwrap();
        csv(&place)
    };
    let _memory = calm();
    let (place, client, id) = died_on_the_way(true);
    let report = client.resume(&id).unwrap().wait().unwrap();
    let held = report.resumed_from.as_ref().unwrap()["csv"];
    assert!(held > 0 && held < report.records_processed, "{held}");
    let sampled = report.sampling.clone().unwrap();
    assert_eq!(sampled.rows_kept, report.records_processed);
    assert!(report.warnings.iter().any(|warning| warning.contains("SAMPLE")));
    assert!(csv(&place) == expected, "the rows of an undisturbed run");
}

#[test]
fn an_exact_job_that_died_is_resumed_exactly_in_an_emergency() {
    let _memory = calm();
    let (place, client, id) = died_on_the_way(false);
    set_emergency();
    let report = client.resume(&id).unwrap().wait().unwrap();
    assert!(report.resumed_from.as_ref().unwrap()["csv"] > 0);
    assert_eq!((report.records_processed, report.sampling), (ROWS, None));
    assert_eq!(csv(&place).lines().count() as u64, ROWS + 1);
}

#[test]
fn a_sample_that_this_version_would_not_draw_is_not_gone_on_with() {
    let _memory = calm();
    let (place, client, id) = died_on_the_way(true);
    let path = place.path().join("jobs").join(&id).join("plan.json");
    let mut plan: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    // Older versions know format 1 alone, and leave it be.
    assert_eq!(plan["format"], 2);
    plan["sampling"]["method"] = "another".into();
    // States of before have none.
    plan.as_object_mut().unwrap().remove("crc32").unwrap();
    std::fs::write(&path, plan.to_string()).unwrap();
    assert_eq!(client.resume(&id).unwrap().wait().unwrap_err().code(), Code::Conflict);
}
