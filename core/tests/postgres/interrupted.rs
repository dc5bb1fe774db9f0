//! Cancelled, killed, cut off: the target stays as it was, and the next load cleans up.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use datasus::sink::postgres::Mode;
use datasus::{Code, Options};

use crate::server::shared;
use crate::*;

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Rows without end, as far as a test is concerned.
fn endless() -> datasus::QueryParams {
    sql("SELECT range AS n, 'um texto qualquer' AS t FROM range(100000000000)")
}

fn sessions(schema: &str) -> u64 {
    let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY \"{schema}\".%'");
    shared().psql(&sql)[0][0].parse().unwrap()
}

fn nothing_left(schema: &str) {
    until("sessions end", || sessions(schema) == 0);
    assert_eq!(stages(schema), [[""; 0]; 0]);
    assert_eq!(shared().psql(&format!("SELECT to_regclass('{schema}.t')")), [["<NULL>"]]);
}

#[test]
fn a_cancelled_load_leaves_nothing() {
    let (_folder, client) = client();
    let job = client.submit(&endless(), [to("cancela.t", Mode::Create).into()]).unwrap();
    until("rows flow", || job.progress().rows > 200_000);
    let began = Instant::now();
    job.cancel();
    let error = job.report().unwrap_err();
    println!("cancelled in {} ms", began.elapsed().as_millis());
    assert_eq!(error.code(), Code::Cancelled, "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    nothing_left("cancela");
}

#[test]
fn a_deadline_ends_a_load() {
    let (_folder, client) = client();
    let params = endless().options(Options { deadline: Some(1.0), ..Options::default() });
    let error = load(&client, &params, to("prazo.t", Mode::Create)).unwrap_err();
    assert_eq!(error.code(), Code::DeadlinePassed, "{error:?}");
    nothing_left("prazo");
}

/// A load that waits for another's lock on its target can be cancelled too.
#[test]
fn a_load_that_waits_for_a_lock_can_be_cancelled() {
    let (_folder, client) = client();
    load(&client, &january(), to("trava.t", Mode::Append)).unwrap();
    let server = shared();
    let holder = std::thread::spawn(|| server.psql("BEGIN; LOCK TABLE trava.t; SELECT pg_sleep(4)"));
    until("locked", || {
        server
            .psql("SELECT count(*) FROM pg_locks WHERE relation = 'trava.t'::regclass AND mode = 'AccessExclusiveLock'")
            [0][0]
            == "1"
    });
    let february = datasus::QueryParams::dataset("SIH-RD").uf(["AC"]).competencia("202402", "202402");
    let job = client.submit(&february, [to("trava.t", Mode::Append).into()]).unwrap();
    until("waiting", || {
        server.psql("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'trava.t'::regclass")[0][0] == "1"
    });
    let began = Instant::now();
    job.cancel();
    assert_eq!(job.report().unwrap_err().code(), Code::Cancelled);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    holder.join().unwrap();
    assert_eq!(server.psql("SELECT count(*) FROM trava.t"), [["40"]]);
    assert_eq!(stages("trava"), [[""; 0]; 0]);
}

#[test]
fn a_session_that_the_server_ends_ends_the_load_and_may_be_tried_again() {
    let (_folder, client) = client();
    let job = client.submit(&endless(), [to("corta.t", Mode::Create).into()]).unwrap();
    until("rows flow", || job.progress().rows > 200_000);
    until("a COPY is hit", || {
        shared()
            .psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY \"corta\".%' LIMIT 1");
        job.status() == datasus::Status::Failed
    });
    let error = job.report().unwrap_err();
    assert_eq!((error.code(), error.retryable()), (Code::Unreachable, true), "{error:?}");
    // A write that fails first takes the place of the server's last word.
    assert!(matches!(error.context().sqlstate.as_deref(), None | Some("57P01")), "{error:?}");
    nothing_left("corta");
}

/// The test below runs this one in a process of its own, and kills it.
#[test]
#[ignore = "runs in a child process"]
fn load_for_ever() {
    let Ok(url) = std::env::var("DATASUS_TEST_URL") else { return };
    let (_folder, client) = client_at(&url);
    let _ = load(&client, &endless(), to("morre.t", Mode::Create));
}

#[test]
fn after_kill_9_the_target_is_untouched_and_the_next_load_sweeps() {
    let (_folder, client) = client();
    let server = shared();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "interrupted::load_for_ever"])
        .env("DATASUS_TEST_URL", server.url())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("rows flow", || {
        !stages("morre").is_empty()
            && server.psql("SELECT coalesce(max(pg_relation_size(oid)), 0) > 10000000 FROM pg_class WHERE relnamespace = 'morre'::regnamespace")[0][0] == "t"
    });
    child.kill().unwrap();
    child.wait().unwrap();
    until("the server notices", || sessions("morre") == 0);
    assert_eq!(server.psql("SELECT to_regclass('morre.t')"), [["<NULL>"]]);
    assert_eq!(stages("morre").len(), 1);
    load(&client, &january(), to("morre.t", Mode::Create)).unwrap();
    assert_eq!(server.psql("SELECT count(*) FROM morre.t"), [["40"]]);
    assert_eq!(stages("morre"), [[""; 0]; 0]);
}
