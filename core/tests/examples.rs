//! The examples run: the demo from nothing, then the others on the files that it made.

use std::path::PathBuf;
use std::process::{Command, Output};

fn run(example: &str, arguments: &[&str], folder: &std::path::Path) -> Output {
    // Cargo builds the examples before the tests, in the folder beside theirs.
    let tests: PathBuf = std::env::current_exe().unwrap();
    let path = tests.parent().unwrap().parent().unwrap().join("examples").join(example);
    Command::new(path).args(arguments).current_dir(folder).env_remove("DATASUS_SOURCE").output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn every_example_runs() {
    let folder = tempfile::tempdir().unwrap();
    let demo = run("demo", &[], folder.path());
    assert!(demo.status.success(), "{}", text(&demo));
    for said in ["SIH-RD: 6 files", "12000 rows", "| PROC_REA", "\"status\": \"completed\"", "internacoes.parquet"] {
        assert!(text(&demo).contains(said), "{said}: {}", text(&demo));
    }
    let csv = std::fs::read_to_string(folder.path().join("demo-output/internacoes.csv")).unwrap();
    assert_eq!(csv.lines().count(), 12_001);

    let query = run("query", &["demo-output/source"], folder.path());
    assert!(query.status.success() && text(&query).contains("| CNES"), "{}", text(&query));
    let files = run("files", &["demo-output/source"], folder.path());
    assert!(files.status.success(), "{}", text(&files));
    let csv = std::fs::read_to_string(folder.path().join("internacoes.csv")).unwrap();
    assert!(csv.starts_with("\u{feff}CNES;DIAG_PRINC;DT_INTER;VAL_TOT\r\n"), "{}", &csv[..60]);
    let jobs = run("jobs", &["demo-output/source"], folder.path());
    assert!(jobs.status.success() && text(&jobs).contains("mode: "), "{}", text(&jobs));
    let rates = run("rates", &["demo-output/source"], folder.path());
    assert!(rates.status.success() && text(&rates).contains(" births, "), "{}", text(&rates));
    let errors = run("errors", &["demo-output/source"], folder.path());
    assert!(text(&errors).contains("\"error_code\": \"DS-422\""), "{}", text(&errors));
}
