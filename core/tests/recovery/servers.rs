//! PostgreSQL that goes away in the middle, or answers into the void.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use datasus::sink::postgres::Mode;
use datasus::{Code, Postgres, Standing, Status};

use crate::proxy::{Breaks, Hold};
use crate::server::{PASSWORD, Server, shared};
use crate::*;

fn to(table: &str) -> Postgres {
    Postgres { table: Some(table.into()), mode: Mode::Create, analyze: false, ..Postgres::default() }
}

/// Ends the job's sessions once a load is held in its middle, and lets no new one in.
fn cut_off(job: &datasus::Job, breaks: &Breaks, hold: &Hold) {
    until("a load is held", || hold.held.load(SeqCst) > 0);
    breaks.down.store(true, SeqCst);
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'datasus";
    shared().psql(&format!("{end} {} %'", job.id()));
    hold.release();
}

/// After some 50,000 rows.
fn hold() -> Arc<Hold> {
    Hold::after(4 << 20)
}

fn through(port: u16) -> String {
    format!("postgres://postgres:{PASSWORD}@127.0.0.1:{port}/postgres")
}

#[test]
fn a_connection_cut_anywhere_is_taken_up_again() {
    let _ = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_test_writer().try_init();
    let mut random = Random::seeded();
    let rounds: Vec<(usize, u64)> = (0..8).map(|round| (round, 1 + random.below(24_000_000))).collect();
    let cut = |(round, after): (usize, u64)| {
        let breaks = Arc::new(Breaks::default());
        breaks.after_bytes.store(after, SeqCst);
        let place = tempfile::tempdir().unwrap();
        let client = client(data(), place.path(), Some(&through(proxy::start(shared().port, breaks.clone()))));
        let table = format!("cortes.t{round}");
        let report = client.export(&all(), to(&table)).unwrap();
        assert_eq!(u64::from(report.attempts), 1 + breaks.broken.load(SeqCst), "round {round}");
        assert_eq!(report.records_processed, ROWS);
        check(shared(), &table);
        assert!(client.jobs().unwrap().is_empty());
    };
    // While one waits for its next attempt, others load.
    for some in rounds.chunks(4) {
        std::thread::scope(|scope| some.iter().for_each(|round| drop(scope.spawn(|| cut(*round)))));
    }
    nothing_left(shared(), "cortes");
}

/// The server has committed, and the word of it is lost: once for each commit of the job, the last one included.
#[test]
fn a_commit_whose_answer_is_lost_is_neither_lost_nor_repeated() {
    // True: there was such a commit.
    let lost = |commit: u64| -> bool {
        let breaks = Arc::new(Breaks::default());
        breaks.at_commit.store(commit, SeqCst);
        let place = tempfile::tempdir().unwrap();
        let client = client(data(), place.path(), Some(&through(proxy::start(shared().port, breaks.clone()))));
        let table = format!("confirma.t{commit}");
        let few = datasus::params::Options { checkpoint_rows: Some(40_000), ..Default::default() };
        let report = client.export(&all().options(few), to(&table)).unwrap();
        check(shared(), &table);
        assert_eq!(report.records_processed, ROWS);
        breaks.broken.load(SeqCst) > 0
    };
    // While one waits for its next attempt, others load.
    let mut seen = 0;
    for first in (1..).step_by(4) {
        let some: Vec<bool> = std::thread::scope(|scope| {
            let threads: Vec<_> = (first..first + 4)
                .map(|commit| {
                    scope.spawn({
                        let lost = &lost;
                        move || lost(commit)
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        seen += some.iter().filter(|there| **there).count();
        if some.contains(&false) {
            break;
        }
    }
    assert!(seen >= 8, "{seen} commits");
    nothing_left(shared(), "confirma");
}

/// The server takes the COMMIT, stops, and keeps the connection: that has an end too, and the rows are there once. A cancel comes
/// too late by then.
#[test]
fn a_commit_that_is_never_answered_does_not_wait_for_ever() {
    for asked_in_vain in [false, true] {
        let (place, breaks) = (tempfile::tempdir().unwrap(), Arc::new(Breaks::default()));
        breaks.silent.store(true, SeqCst);
        let short = "?sslmode=disable&tcp_user_timeout=2";
        let url = format!("{}{short}", through(proxy::start(shared().port, breaks.clone())));
        let client = client(data(), place.path(), Some(&url));
        let table = format!("mudo.t{}", i32::from(asked_in_vain));
        let job = client.submit(&all(), to(&table)).unwrap();
        until("the COMMIT is out", || breaks.broken.load(SeqCst) > 0);
        if !asked_in_vain {
            job.cancel();
        }
        breaks.silent.store(false, SeqCst);
        breaks.down.store(asked_in_vain, SeqCst);
        let report = match asked_in_vain {
            false => job.wait().unwrap(),
            true => {
                let error = job.wait().unwrap_err();
                assert_eq!(error.code(), Code::Unreachable, "{error:?}");
                breaks.down.store(false, SeqCst);
                client.resume(job.id()).unwrap().wait().unwrap()
            }
        };
        assert_eq!(report.records_processed, ROWS);
        check(shared(), &table);
        assert!(client.jobs().unwrap().is_empty());
    }
    nothing_left(shared(), "mudo");
}

#[test]
fn a_server_that_is_down_is_tried_three_times_and_the_job_stays() {
    let breaks = Arc::new(Breaks::default());
    let port = proxy::start(shared().port, breaks.clone());
    breaks.down.store(true, SeqCst);
    let place = tempfile::tempdir().unwrap();
    let client = client(data(), place.path(), Some(&through(port)));
    let job = client.submit(&all(), to("caido.t")).unwrap();
    until("a second attempt", || job.status() == Status::Retrying);
    let error = job.wait().unwrap_err();
    assert_eq!((error.code(), error.diagnostic()["attempts"].as_u64()), (Code::Unreachable, Some(3)), "{error:?}");
    assert_eq!(error.diagnostic()["resumable"], true);
    let left = client.jobs().unwrap();
    assert_eq!((left[0].job_id.as_str(), left[0].standing), (job.id(), Standing::Failed));
    assert_eq!(left[0].error.as_ref().unwrap()["error_code"], "DS-502");
    assert!(!format!("{left:?}").contains(PASSWORD));
    breaks.down.store(false, SeqCst);
    let resumed = client.resume(job.id()).unwrap();
    // Two at once: the second is told who has it.
    if let Err(error) = client.resume(job.id()) {
        assert!([Code::Conflict, Code::NotFound].contains(&error.code()), "{error:?}");
    } else {
        panic!("two resumes of one job");
    }
    assert_eq!(resumed.wait().unwrap().records_processed, ROWS);
    check(shared(), "caido.t");
    assert_eq!(client.resume(job.id()).unwrap_err().code(), Code::NotFound);
    assert_eq!(client.resume("../../etc").unwrap_err().code(), Code::NotFound);
}

/// A server of its own, which is shut down as by a power cut and started again while rows come in. What it had committed
/// without forcing it to disk may be gone, rows and ledger together.
#[test]
fn a_server_that_crashes_and_comes_back_has_every_row_once() {
    let server = Server::start("wal_writer_delay = 10s\nfsync = on");
    let place = tempfile::tempdir().unwrap();
    let client = client(data(), place.path(), Some(&server.url()));
    let job = client.submit(&all(), Postgres { connections: 1, ..to("queda.t") }).unwrap();
    until("rows flow", || job.progress().rows > 60_000);
    server.control(&["restart", "-m", "immediate", "-w"]);
    let outcome = job.wait();
    let report = match outcome {
        Ok(report) => report,
        // Still starting after three attempts: a resume then.
        Err(error) => {
            assert_eq!(error.code(), Code::Unreachable, "{error:?}");
            client.resume(job.id()).unwrap().wait().unwrap()
        }
    };
    assert_eq!(report.records_processed, ROWS);
    check(&server, "queda.t");
    nothing_left(&server, "queda");
    server.control(&["stop", "-m", "immediate"]);
}

#[test]
fn a_table_that_was_altered_meanwhile_is_not_gone_on_with() {
    let place = tempfile::tempdir().unwrap();
    let (breaks, hold) = (Arc::new(Breaks::default()), hold());
    let port = proxy::breaking_and_holding(shared().port, breaks.clone(), hold.clone());
    let client = client(data(), place.path(), Some(&through(port)));
    shared().psql("CREATE SCHEMA mudada; CREATE TABLE mudada.t (n_aih text, cnes text, diag_princ text, idade int, val_tot numeric(14,2))");
    let append = Postgres { mode: Mode::Append, connections: 1, ..to("mudada.t") };
    let job = client.submit(&all(), append).unwrap();
    cut_off(&job, &breaks, &hold);
    assert_eq!(job.wait().unwrap_err().code(), Code::Unreachable);
    breaks.down.store(false, SeqCst);
    shared().psql("ALTER TABLE mudada.t ALTER COLUMN idade TYPE bigint");
    let error = client.resume(job.id()).unwrap().wait().unwrap_err();
    assert_eq!(error.code(), Code::Conflict, "{error:?}");
    assert_eq!(shared().psql("SELECT count(*) FROM mudada.t"), [["0"]]);
    // The way out: undo the change.
    shared().psql("ALTER TABLE mudada.t ALTER COLUMN idade TYPE int");
    let report = client.resume(job.id()).unwrap().wait().unwrap();
    assert!(report.resumed_from.unwrap()["postgres"] > 0);
    check(shared(), "mudada.t");
    nothing_left(shared(), "mudada");
    assert!(client.jobs().unwrap().is_empty());
}

/// What stands before the server keeps every connection and lets no more through, wherever in the talk that begins: giving a job
/// up, and sending its dead letters again, end all the same, and can be done later.
#[test]
fn a_server_that_stops_answering_ends_a_discard_and_a_replay() {
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let replayable = crate::letters::load_past_a_check(source.path(), place.path(), "calado").job_id;
    let (breaks, hold) = (Arc::new(Breaks::default()), hold());
    let port = proxy::breaking_and_holding(shared().port, breaks.clone(), hold.clone());
    let failing = client(data(), place.path(), Some(&through(port)));
    let job = failing.submit(&all(), Postgres { connections: 1, ..to("calado.parado") }).unwrap();
    cut_off(&job, &breaks, &hold);
    assert_eq!(job.wait().unwrap_err().code(), Code::Unreachable);

    // How far so many bytes reach depends on the server's answers: into the handshake, and into the session.
    let mut said = Vec::new();
    // A login takes its time on a busy machine: only the one that is never answered ends by its time.
    for (bytes, connect) in [(300, 1), (1_200, 30)] {
        let hold = proxy::Hold::after(bytes);
        let port = proxy::holding(shared().port, hold.clone());
        let short =
            format!("?sslmode=disable&connect_timeout={connect}&tcp_user_timeout=1&options=-c%20lock_timeout%3D100");
        let client = client(source.path(), place.path(), Some(&format!("{}{short}", through(port))));
        let ended = std::thread::scope(|scope| {
            let replay = scope.spawn(|| client.replay(&replayable).map(drop));
            let discard = client.discard(job.id());
            [replay.join().unwrap(), discard]
        });
        hold.release();
        for error in ended.map(Result::unwrap_err) {
            assert_eq!((error.code(), error.context().stage), (Code::Unreachable, Some("postgres")), "{error:?}");
            said.push(error.detail().to_owned());
        }
    }
    let in_session = said.iter().filter(|detail| detail.contains("stopped answering")).count();
    assert!(in_session >= 2, "{said:?}");
    let client = client(source.path(), place.path(), Some(&shared().url()));
    for left in client.jobs().unwrap() {
        match left.job_id == replayable {
            true => assert_eq!(client.replay(&replayable).unwrap().left, 1, "the check refuses it still"),
            false => client.discard(&left.job_id).unwrap(),
        }
    }
    assert_eq!(shared().psql("SELECT to_regclass('calado.parado')"), [["<NULL>"]]);
    client.discard(&replayable).unwrap();
    assert!(client.jobs().unwrap().is_empty());
    nothing_left(shared(), "calado");
}

impl Server {
    /// Runs pg_ctl on the server's folder.
    fn control(&self, words: &[&str]) {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(self.program("pg_ctl"));
        let done = command
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(["-l"])
            .arg(self.folder.join("data").join("log-again"))
            .args(words)
            .stdout(std::process::Stdio::null())
            .status();
        assert!(done.unwrap().success(), "pg_ctl {words:?}");
    }
}
