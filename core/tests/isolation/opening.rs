//! A worker that is not there, or of another build, is told when the client opens; never is SQL run in the process instead.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use datasus::{Client, Code, Config, Isolation};

use crate::{config, own_program, source, still_answers, workers};

fn refused(source: &Path, worker: &Path) -> datasus::Error {
    let config = Config { worker: Some(worker.into()), ..config(Isolation::Process) };
    let error = Client::open_with(source, config).err().expect("opens with another worker");
    assert_eq!(error.code(), Code::InvalidParams, "{error}");
    error
}

#[test]
fn a_worker_that_is_missing_or_of_another_build_is_told_when_the_client_opens() {
    let (source, folder) = (source(), tempfile::tempdir().unwrap());
    let missing = refused(source.path(), &folder.path().join("datasus-worker"));
    assert!(missing.detail().contains("DATASUS_WORKER"), "{missing}");
    let program = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let hello = r#"{"build":"0.1.0 0123456789abcdef","locks":{"landlock":7,"seccomp":true}}"#;
    let length = format!("\\{:03o}", hello.len());
    let zeros = "\\000".repeat(7);
    let other = program("other", &format!("printf 'H{length}{zeros}\\000{zeros}%s' '{hello}'; sleep 5"));
    let error = refused(source.path(), &other);
    assert_eq!(error.diagnostic()["received"], "0.1.0 0123456789abcdef", "{error}");
    for (name, text) in [("silent", "exit 0"), ("loud", "echo Hello, and much else; sleep 5"), ("endless", "yes H")] {
        assert!(refused(source.path(), &program(name, text)).detail().contains("no datasus-worker"), "{name}");
    }
    let plain = folder.path().join("plain");
    std::fs::write(&plain, "no program").unwrap();
    refused(source.path(), &plain);
    // Without one that is named there is none beside these tests.
    let config = Config { worker: None, ..config(Isolation::Process) };
    let error = Client::open_with(source.path(), config).err().unwrap();
    assert!(error.diagnostic()["looked_at"].to_string().contains("_bin/datasus-worker"), "{error}");
}

#[test]
fn workers_end_with_their_client() {
    let (source, folder) = (source(), tempfile::tempdir().unwrap());
    let program = own_program(folder.path());
    let config = Config { worker: Some(program.clone()), ..config(Isolation::Process) };
    let client = Client::open_with(source.path(), config).unwrap();
    still_answers(&client);
    assert!(!workers(&program).is_empty());
    drop(client);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !workers(&program).is_empty() {
        assert!(std::time::Instant::now() < until, "{:?} live still", workers(&program));
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
