//! Ways in which a statement ends before its answer does.

use std::time::Duration;

use datasus::base::{Cancel, CancelReason};
use datasus::{Client, Code, Config, Isolation, Options, Pending};

use crate::ungated::Ungated;
use crate::{config, metric, open_own_program, server, source, sql, still_answers, until, workers};

/// Has no end that anybody lives to see, and hears no interrupt for long.
const ENDLESS: &str = "SELECT sum(a.r * b.r) FROM range(100000000) a(r), range(100000000) b(r)";
/// Many rows, at once.
const ROWS: &str = "SELECT r, lpad(CAST(r AS VARCHAR), 40, '0') AS t FROM range(20000000) x(r)";

#[test]
fn a_cancel_and_a_deadline_are_a_kill() {
    let source = source();
    let client = Client::open_with(source.path(), config(Isolation::Process)).unwrap();
    let running = || metric(&client, "datasus_engine_workers{state=\"running\"}");
    let cancel = Cancel::default();
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| client.begin_query_until(&sql(ENDLESS), &cancel).and_then(Pending::wait).map(drop));
        until("it does not begin", || running() == 1.0);
        cancel.set(CancelReason::Caller);
        assert_eq!(waits.join().unwrap().unwrap_err().code(), Code::Cancelled);
    });
    let options = Options { deadline: Some(0.5), ..Options::default() };
    let error = client.query(&datasus::QueryParams::sql(ENDLESS).options(options)).map(drop).unwrap_err();
    assert_eq!(error.code(), Code::DeadlinePassed, "{error}");
    // Let go in mid-answer.
    let mut rows = client.query(&sql(ROWS)).unwrap();
    rows.next().unwrap().unwrap();
    drop(rows);
    until("a worker goes on", || running() == 0.0);
    assert!(metric(&client, "datasus_engine_workers_killed_total") >= 2.0);
    assert_eq!(metric(&client, "datasus_engine_workers_crashed_total"), 0.0);
    still_answers(&client);
}

#[test]
fn a_worker_that_is_killed_in_mid_answer_is_an_error_of_that_job_alone() {
    let (source, folder) = (source(), tempfile::tempdir().unwrap());
    let (client, program) = open_own_program(source.path(), folder.path());
    let mut rows = client.query(&sql(ROWS)).unwrap();
    rows.next().unwrap().unwrap();
    // Waiting ones too: the next statement finds another.
    for worker in workers(&program) {
        // SAFETY: a signal to processes that this test has started.
        unsafe { libc::kill(worker as i32, libc::SIGKILL) };
    }
    let error = rows.find_map(Result::err).expect("rows to the end");
    assert_eq!((error.code(), &error.diagnostic()["signal"]), (Code::Internal, &9.into()), "{error}");
    assert!(error.detail().contains("SIGKILL") && error.trace_id().is_some(), "{error}");
    assert_eq!(metric(&client, "datasus_engine_workers_crashed_total"), 1.0);
    still_answers(&client);
}

/// Workers go with the one that forks them, and a statement that runs says so; the next one has another server.
#[test]
fn a_fork_server_that_is_killed_is_an_error_of_what_runs_and_of_nothing_else() {
    let (source, folder) = (source(), tempfile::tempdir().unwrap());
    let (client, program) = open_own_program(source.path(), folder.path());
    for _ in 0..3 {
        let mut rows = client.query(&sql(ROWS)).unwrap();
        rows.next().unwrap().unwrap();
        let before = server(&program);
        // SAFETY: a signal to a process that this test has started.
        assert_eq!(unsafe { libc::kill(before as i32, libc::SIGKILL) }, 0);
        let error = rows.find_map(Result::err).expect("rows to the end");
        assert_eq!((error.code(), &error.diagnostic()["signal"]), (Code::Internal, &9.into()), "{error}");
        still_answers(&client);
        assert_ne!(server(&program), before);
    }
}

/// Each worker is a copy of one process, and has nothing of the others: not their files, and not what they write.
#[test]
fn a_worker_has_two_pipes_and_nothing_of_the_others_open() {
    let (source, folder) = (source(), tempfile::tempdir().unwrap());
    let (client, program) = open_own_program(source.path(), folder.path());
    let mut running: Vec<_> = (0..3).map(|_| client.query(&sql(ROWS)).unwrap()).collect();
    running.iter_mut().for_each(|rows| assert!(rows.next().unwrap().is_ok()));
    let server = server(&program);
    let pipes = |worker: &u32| -> Vec<String> {
        let of = std::fs::read_dir(format!("/proc/{worker}/fd")).into_iter().flatten();
        let names =
            of.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok()?.into_os_string().into_string().ok());
        names.filter(|name| name.starts_with("pipe:") || name.starts_with("socket:")).collect()
    };
    // One that is being forked has not closed yet what was its server's.
    until("they have other files open", || {
        let workers = workers(&program).into_iter().filter(|worker| *worker != server);
        let open: Vec<Vec<String>> = workers.map(|worker| pipes(&worker)).collect();
        let all: std::collections::BTreeSet<&String> = open.iter().flatten().collect();
        open.len() >= 3 && open.iter().all(|pipes| pipes.len() == 2) && all.len() == 2 * open.len()
    });
}

#[test]
fn memory_is_a_limit_of_the_kernel_and_tried_once_more_alone() {
    let source = source();
    let config = Config { memory_limit: Some(128 << 20), spill_limit: 64 << 20, ..config(Isolation::Process) };
    let ungated = Ungated::open(source.path(), config);
    // Of these the engine counts nothing.
    for text in [
        "SELECT list(r) FROM range(1000000000) t(r)",
        "SELECT histogram(r) FROM range(1000000000) t(r)",
        "SELECT string_agg(r::VARCHAR, '') FROM range(1000000000) t(r)",
        "SELECT DISTINCT a.r * 1000 + b.r FROM range(10000000) a(r), range(1000) b(r)",
    ] {
        let error = ungated.run(text, Vec::new(), 60.0).expect_err(text);
        assert!(matches!(error.code(), Code::OutOfMemory | Code::DiskFull), "{text}: {error:?}");
        still_answers(&ungated.client);
    }
    assert_eq!(metric(&ungated.client, "datasus_engine_workers_crashed_total"), 0.0);
}

#[test]
fn what_is_spilled_goes_with_a_worker_that_is_killed() {
    let (source, spill) = (source(), tempfile::tempdir().unwrap());
    let config =
        Config { memory_limit: Some(128 << 20), spill: Some(spill.path().into()), ..config(Isolation::Process) };
    let client = Client::open_with(source.path(), config).unwrap();
    let spilled = || {
        let folders = std::fs::read_dir(spill.path()).unwrap().map(|entry| entry.unwrap().path());
        let inner = folders.flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten());
        let files = inner.flat_map(|entry| std::fs::read_dir(entry.unwrap().path()).into_iter().flatten());
        files.filter(|file| file.as_ref().is_ok_and(|file| file.file_name() != "owner.json")).count()
    };
    let text = "SELECT r, lpad(CAST(r AS VARCHAR), 60, '0') AS t FROM range(200000000) x(r) ORDER BY t DESC";
    let cancel = Cancel::default();
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| client.begin_query_until(&sql(text), &cancel).and_then(Pending::wait).map(drop));
        until("it does not spill", || spilled() > 0);
        cancel.set(CancelReason::Caller);
        assert_eq!(waits.join().unwrap().unwrap_err().code(), Code::Cancelled);
    });
    until("it stays", || std::fs::read_dir(spill.path()).unwrap().count() == 0);
    still_answers(&client);
}

/// A reader that stops to read holds no worker for ever: what is left goes to disk, and comes from there.
#[test]
fn a_reader_that_is_slow_gets_every_row() {
    let source = source();
    let client = Client::open_with(source.path(), config(Isolation::Process)).unwrap();
    let mut rows = client.query(&sql("SELECT r FROM range(3000000) x(r)")).unwrap();
    let mut read = rows.next().unwrap().unwrap().num_rows();
    until("it holds its worker", || {
        std::thread::sleep(Duration::from_millis(50));
        metric(&client, "datasus_engine_workers{state=\"running\"}") == 0.0
    });
    still_answers(&client);
    read += rows.map(|batch| batch.unwrap().num_rows()).sum::<usize>();
    assert_eq!(read, 3_000_000);
}
