//! States that this version did not make, or cannot go on with.

use datasus::{Code, Csv, Standing};

use crate::*;

fn change_plan(place: &Path, job: &str, change: impl Fn(&mut serde_json::Value)) {
    let path = place.join("jobs").join(job).join("plan.json");
    let mut plan = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut plan);
    std::fs::write(&path, plan.to_string()).unwrap();
}

const ID: &str = "01M891EXQSDCB7ZX08Y3AS1S5T";

/// A job in the state of format 1, as version 0.1.0 left it when it died after two of three files.
fn first_format(place: &Path, source: &Path) -> Client {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recovery/format-1");
    let folder = place.join("jobs").join(ID);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::create_dir_all(place.join("out")).unwrap();
    for entry in std::fs::read_dir(&fixture).unwrap() {
        let entry = entry.unwrap();
        let to = match entry.file_name().to_str().unwrap() {
            "partial.csv" => place.join(format!("out/.datasus-{ID}-0.partial")),
            name => folder.join(name),
        };
        std::fs::copy(entry.path(), to).unwrap();
    }
    // The sources are known by size and time, and the output by its place: those of this machine.
    change_plan(place, ID, |plan| {
        plan["output"] = place.join("out").to_str().unwrap().into();
        for file in plan["files"].as_array_mut().unwrap() {
            let path = source.join(file["source"].as_str().unwrap());
            let (size, time) = datasus::source::folder::stamp(&path).unwrap();
            file["hash"] = format!("{size}:{time}").into();
        }
    });
    client(source, place, None)
}

fn source() -> TempDir {
    let source = tempfile::tempdir().unwrap();
    many::write(source.path(), 3, 1_000);
    source
}

/// Every released format stays readable.
#[test]
fn a_state_of_the_first_format_is_gone_on_with() {
    let (place, source) = (tempfile::tempdir().unwrap(), source());
    let client = first_format(place.path(), source.path());
    assert_eq!(client.jobs().unwrap()[0].standing, Standing::Foreign);
    let report = client.resume(ID).unwrap().wait().unwrap();
    assert_eq!((report.records_processed, report.resumed_from.unwrap()["csv"]), (3_000, 2_000));
    let text = std::fs::read_to_string(place.path().join("out/a.csv")).unwrap();
    let whole = tempfile::tempdir().unwrap();
    crate::client(source.path(), whole.path(), None).export(&all(), Csv::to("a.csv")).unwrap();
    assert!(text == std::fs::read_to_string(whole.path().join("out/a.csv")).unwrap());
}

#[test]
fn an_unknown_format_is_409_and_can_be_given_up() {
    let (place, source) = (tempfile::tempdir().unwrap(), source());
    let client = first_format(place.path(), source.path());
    change_plan(place.path(), ID, |plan| plan["format"] = 99.into());
    let error = client.resume(ID).unwrap_err();
    assert_eq!((error.code(), error.diagnostic()["received"].as_u64()), (Code::Conflict, Some(99)), "{error:?}");
    client.discard(ID).unwrap();
    assert!(client.jobs().unwrap().is_empty());
}

#[test]
fn a_source_that_changed_is_409_until_it_is_what_it_was() {
    let (place, source) = (tempfile::tempdir().unwrap(), source());
    let client = first_format(place.path(), source.path());
    let file = source.path().join("RDAC2303.parquet");
    let aside = source.path().join("aside");
    std::fs::rename(&file, &aside).unwrap();
    let error = client.resume(ID).unwrap_err();
    assert_eq!(
        (error.code(), error.context().file.as_deref()),
        (Code::Conflict, Some("RDAC2303.parquet")),
        "{error:?}"
    );
    std::fs::copy(source.path().join("RDAC2301.parquet"), &file).unwrap();
    assert_eq!(client.resume(ID).unwrap().wait().unwrap_err().code(), Code::Conflict);
    std::fs::rename(&aside, &file).unwrap();
    assert_eq!(client.resume(ID).unwrap().wait().unwrap().records_processed, 3_000);
}

/// `partial` leaves out what cannot be read when a job begins, never what it has begun with.
#[test]
fn a_file_that_broke_since_is_409_even_where_a_new_job_would_leave_it_out() {
    let (place, source) = (tempfile::tempdir().unwrap(), source());
    let client = first_format(place.path(), source.path());
    change_plan(place.path(), ID, |plan| {
        plan["params"]["options"] = serde_json::json!({"partial": true});
        plan["unreadable"] = serde_json::json!([{"file": "RDAC2304.dbc", "error_code": "DS-460", "detail": "x"}]);
    });
    let file = source.path().join("RDAC2303.parquet");
    let aside = source.path().join("aside");
    std::fs::rename(&file, &aside).unwrap();
    std::fs::write(&file, "not a Parquet").unwrap();
    assert_eq!(client.resume(ID).unwrap().wait().unwrap_err().code(), Code::Conflict);
    std::fs::rename(&aside, &file).unwrap();
    let report = client.resume(ID).unwrap().wait().unwrap();
    assert_eq!((report.records_processed, report.unreadable.len()), (3_000, 1));
    assert_eq!(report.unreadable[0].file, "RDAC2304.dbc");
}

/// What cannot begin changes nothing: why the job failed is known afterwards as before.
#[test]
fn a_resume_that_cannot_begin_keeps_the_jobs_state_and_error() {
    let (place, source) = (tempfile::tempdir().unwrap(), source());
    let client = first_format(place.path(), source.path());
    let end =
        serde_json::json!({"resumable": true, "error": {"error_code": "DS-507", "detail": "x"}, "dead_letters": 2});
    std::fs::write(place.path().join("jobs").join(ID).join("end.json"), end.to_string()).unwrap();
    let before = client.jobs().unwrap();
    assert_eq!((before[0].standing, before[0].dead_letters), (Standing::Failed, 2));
    let file = source.path().join("RDAC2303.parquet");
    let aside = source.path().join("aside");
    std::fs::rename(&file, &aside).unwrap();
    assert_eq!(client.resume(ID).unwrap_err().code(), Code::Conflict);
    assert_eq!(client.jobs().unwrap(), before);
    // Found out by the job itself.
    std::fs::copy(source.path().join("RDAC2301.parquet"), &file).unwrap();
    assert_eq!(client.resume(ID).unwrap().wait().unwrap_err().code(), Code::Conflict);
    assert_eq!(client.jobs().unwrap(), before);
    std::fs::rename(&aside, &file).unwrap();
    assert_eq!(client.resume(ID).unwrap().wait().unwrap().records_processed, 3_000);
}

#[test]
fn a_job_whose_lock_somebody_deleted_goes_on() {
    let (place, source) = (tempfile::tempdir().unwrap(), source());
    let client = first_format(place.path(), source.path());
    std::fs::remove_file(place.path().join("jobs").join(ID).join("lock")).unwrap();
    assert_eq!(client.jobs().unwrap().len(), 1);
    assert_eq!(client.resume(ID).unwrap().wait().unwrap().records_processed, 3_000);
}

/// A process was killed, and somebody runs the same again.
#[test]
fn a_new_run_says_that_an_unfinished_job_is_there_and_how_to_go_on_with_it() {
    let (place, source) = (tempfile::tempdir().unwrap(), source());
    let client = first_format(place.path(), source.path());
    let report = client.export(&all(), Csv::to("b.csv")).unwrap();
    let said =
        |warning: &&String| warning.contains("1 unfinished job") && warning.contains(&format!("resume(\"{ID}\")"));
    assert_eq!(report.warnings.iter().filter(said).count(), 1, "{:?}", report.warnings);
    client.discard(ID).unwrap();
    let report = client.export(&all(), Csv::to("c.csv")).unwrap();
    assert!(!report.warnings.iter().any(|warning| warning.contains("unfinished")), "{:?}", report.warnings);
}
