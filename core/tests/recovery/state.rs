//! States that this version did not make, or cannot go on with.

use datasus::{Code, Csv, Standing};

use crate::*;

/// A job that its deadline has stopped.
fn stopped(place: &Path, source: &Path) -> (Client, String) {
    let client = client(source, place, None);
    let options = datasus::params::Options { deadline: Some(1e-3), ..Default::default() };
    assert_eq!(
        client.export(&all().options(options), [Csv::to("a.csv").into()]).unwrap_err().code(),
        Code::DeadlinePassed
    );
    let job = client.jobs().unwrap()[0].job_id.clone();
    (client, job)
}

fn change_plan(place: &Path, job: &str, change: impl Fn(&mut serde_json::Value)) {
    let path = place.join("jobs").join(job).join("plan.json");
    let mut plan = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut plan);
    std::fs::write(&path, plan.to_string()).unwrap();
}

#[test]
fn an_unknown_format_and_a_changed_source_are_409_with_the_way_out() {
    let place = tempfile::tempdir().unwrap();
    let source = tempfile::tempdir().unwrap();
    many::write(source.path(), 2, 1_000);
    // Too quick for a deadline: the plan is made by hand from one that crashed.
    let client = client(source.path(), place.path(), None);
    let options = datasus::params::Options { deadline: Some(1e-6), ..Default::default() };
    let stopped = client.export(&all().options(options), [Csv::to("a.csv").into()]);
    let Some(job) = client.jobs().unwrap().first().map(|job| job.job_id.clone()) else {
        // It was stopped before it had a folder.
        assert_eq!(stopped.unwrap_err().code(), Code::DeadlinePassed);
        return;
    };
    change_plan(place.path(), &job, |plan| plan["format"] = 99.into());
    let error = client.resume(&job).unwrap_err();
    assert_eq!((error.code(), error.diagnostic()["received"].as_u64()), (Code::Conflict, Some(99)), "{error:?}");
    assert_eq!(client.jobs().unwrap()[0].standing, Standing::Failed);
    client.discard(&job).unwrap();
    assert!(client.jobs().unwrap().is_empty());
}

/// A job in the state of format 1, as version 0.1.0 left it when it was killed: every released format stays readable.
#[test]
fn a_state_of_the_first_format_is_gone_on_with() {
    let place = tempfile::tempdir().unwrap();
    let source = tempfile::tempdir().unwrap();
    many::write(source.path(), 3, 1_000);
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recovery/format-1");
    let id = "01K8WZ4T5D3JQ0V4T9S6Y2B7XN";
    let folder = place.path().join("jobs").join(id);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::create_dir_all(place.path().join("out")).unwrap();
    for entry in std::fs::read_dir(&fixture).unwrap() {
        let entry = entry.unwrap();
        let text = std::fs::read_to_string(entry.path()).unwrap();
        match entry.file_name().to_str().unwrap() {
            "partial.csv" => std::fs::write(place.path().join(format!("out/.datasus-{id}-0.partial")), text).unwrap(),
            name => std::fs::write(folder.join(name), text).unwrap(),
        }
    }
    // The sources are known by size and time, and the output by its place: those of this machine.
    change_plan(place.path(), id, |plan| {
        plan["output"] = place.path().join("out").to_str().unwrap().into();
        for file in plan["files"].as_array_mut().unwrap() {
            let path = source.path().join(file["source"].as_str().unwrap());
            let (size, time) = datasus::source::folder::stamp(&path).unwrap();
            file["hash"] = format!("{size}:{time}").into();
        }
    });
    let client = client(source.path(), place.path(), None);
    assert_eq!(client.jobs().unwrap()[0].standing, Standing::Foreign);
    let report = client.resume(id).unwrap().report().unwrap();
    assert_eq!((report.records_processed, report.resumed_from.unwrap()["csv"]), (3_000, 1_000));
    let text = std::fs::read_to_string(place.path().join("out/a.csv")).unwrap();
    let whole = tempfile::tempdir().unwrap();
    crate::client(source.path(), whole.path(), None).export(&all(), [Csv::to("a.csv").into()]).unwrap();
    assert!(text == std::fs::read_to_string(whole.path().join("out/a.csv")).unwrap());
}
