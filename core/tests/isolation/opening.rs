//! A worker that is not there, or of another build, is told when the client opens; never is SQL run in the process instead.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use datasus::base::{Cancel, CancelReason};
use datasus::{Client, Code, Config, Isolation, Pending};

use crate::{config, metric, open_own_program, own_program, rows, server, source, sql, still_answers, until, workers};

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
    let (client, program) = open_own_program(source.path(), folder.path());
    still_answers(&client);
    assert!(!workers(&program).is_empty());
    drop(client);
    until("they live still", || workers(&program).is_empty());
}

/// However many statements want one while none can begin, each of them hears its cancel, and no worker begins for nobody.
#[test]
fn a_statement_that_waits_for_a_worker_hears_its_cancel_and_leaves_none_behind() {
    let (source, folder) = (source(), tempfile::tempdir().unwrap());
    let program = own_program(folder.path());
    let config = Config { worker: Some(program.clone()), threads: Some(6), ..config(Isolation::Process) };
    let client = Client::open_with(source.path(), config).unwrap();
    let waiting = || metric(&client, "datasus_engine_workers{state=\"waiting\"}");
    until("none waits", || waiting() >= 1.0);
    let server = server(&program);
    // SAFETY: a signal to a process of this test's own.
    let tell = |signal| assert_eq!(unsafe { libc::kill(server as i32, signal) }, 0);
    tell(libc::SIGSTOP);
    // Those that wait already; there are no others now.
    while waiting() > 0.0 {
        assert_eq!(rows(&client, "SELECT CNES FROM sih_rd LIMIT 1").unwrap(), 1);
    }
    let started = metric(&client, "datasus_engine_workers_started_total");
    std::thread::scope(|scope| {
        let ask = || {
            let cancel = Cancel::default();
            let (params, token) = (sql("SELECT CNES FROM sih_rd LIMIT 2"), cancel.clone());
            let client = &client;
            (cancel, scope.spawn(move || client.begin_query_until(&params, &token).and_then(Pending::wait).map(drop)))
        };
        let asked: Vec<_> = (0..6).map(|_| ask()).collect();
        std::thread::sleep(std::time::Duration::from_millis(300));
        for (cancel, waits) in asked {
            cancel.set(CancelReason::Caller);
            assert_eq!(waits.join().unwrap().unwrap_err().code(), Code::Cancelled);
        }
    });
    assert_eq!(metric(&client, "datasus_engine_workers_started_total"), started);
    tell(libc::SIGCONT);
    until("none waits", || waiting() >= 1.0);
    still_answers(&client);
    let most = started + 4.0;
    assert!(
        metric(&client, "datasus_engine_workers_started_total") <= most,
        "more than one for the statement, and spares"
    );
    // Two, and who forks them.
    until("too many wait", || workers(&program).len() <= 3);
}

#[test]
fn what_the_host_has_open_is_closed_in_its_workers() {
    let (source, folder) = (source(), tempfile::tempdir().unwrap());
    let (program, secret) = (own_program(folder.path()), folder.path().join("secret"));
    std::fs::write(&secret, "secret").unwrap();
    let open = std::fs::File::open(&secret).unwrap();
    // As a library in C leaves its own: programs that the host starts have it too.
    // SAFETY: plain numbers of an open file.
    assert_eq!(unsafe { libc::fcntl(std::os::fd::AsRawFd::as_raw_fd(&open), libc::F_SETFD, 0) }, 0);
    let config = Config { worker: Some(program.clone()), ..config(Isolation::Process) };
    let client = Client::open_with(source.path(), config).unwrap();
    let workers = workers(&program);
    assert!(!workers.is_empty());
    for worker in workers {
        let of = std::fs::read_dir(format!("/proc/{worker}/fd")).unwrap();
        let names: Vec<_> = of.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok()).collect();
        assert!(!names.is_empty() && !names.contains(&secret), "{names:?}");
    }
    still_answers(&client);
}

#[test]
fn without_a_folder_to_spill_to_a_statement_that_needs_one_says_so_and_others_run() {
    let (source, folder) = (source(), tempfile::tempdir().unwrap());
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let told = [Isolation::None, Isolation::Process].map(|isolation| {
        let config = Config { spill: Some(file.join("spill")), memory_limit: Some(128 << 20), ..config(isolation) };
        let client = Client::open_with(source.path(), config).unwrap();
        still_answers(&client);
        let large = "SELECT r, lpad(CAST(r AS VARCHAR), 60, '0') AS t FROM range(8000000) x(r) ORDER BY t DESC";
        let error = rows(&client, large).unwrap_err();
        still_answers(&client);
        error.detail().to_owned()
    });
    assert!(told.iter().all(|told| told.contains("Failed to create directory")), "{told:#?}");
}
