//! Cancelled, killed, cut off: the target stays as it was, and the next load cleans up.

use std::process::{Command, Stdio};
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use datasus::sink::postgres::Mode;
use datasus::{Code, Options};

use crate::server::{PASSWORD, shared};
use crate::*;

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + quiet::HANGS;
    while !done() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
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
    let hold = hold();
    let (folder, client) = client_of_many(Some(&hold));
    let job = client.submit(&all_of_many(), to("cancela.t", Mode::Create)).unwrap();
    until("rows flow", || job.progress().rows > 100_000);
    let began = Instant::now();
    job.cancel();
    let error = job.wait().unwrap_err();
    println!("cancelled in {} ms", began.elapsed().as_millis());
    assert_eq!(error.code(), Code::Cancelled, "{error:?}");
    assert!(began.elapsed() < quiet::most(Duration::from_secs(5)), "{:?}", began.elapsed());
    hold.release();
    nothing_left("cancela");
    assert!(client.jobs().unwrap().is_empty());
    assert_eq!(std::fs::read_dir(folder.path().join(".datasus/jobs")).unwrap().count(), 0);
}

#[test]
fn a_deadline_ends_a_load_and_a_resume_goes_on() {
    let hold = hold();
    let (_folder, client) = client_of_many(Some(&hold));
    let params = all_of_many().options(Options { deadline: Some(10.0), ..Options::default() });
    let error = load(&client, &params, to("prazo.t", Mode::Create)).unwrap_err();
    assert_eq!(error.code(), Code::DeadlinePassed, "{error:?}");
    hold.release();
    assert_eq!(shared().psql("SELECT to_regclass('prazo.t')"), [["<NULL>"]]);
    let left = client.jobs().unwrap();
    assert_eq!((left.len(), left[0].standing), (1, datasus::Standing::Failed));
    // Each resume has the deadline anew, and goes on from where the one before stopped.
    let mut rows = 0;
    let report = loop {
        match client.resume(&left[0].job_id).unwrap().wait() {
            Ok(report) => break report,
            Err(error) => {
                assert_eq!(error.code(), Code::DeadlinePassed, "{error:?}");
                let sql = format!("SELECT sum(rows) FROM datasus.ledger WHERE job = '{}'", left[0].job_id);
                let now: u64 = shared().psql(&sql)[0][0].parse().unwrap();
                assert!(now > rows, "{now} rows after {rows}");
                rows = now;
            }
        }
    };
    assert_eq!(report.records_processed, 3_000_000);
    assert!(report.resumed_from.unwrap()["postgres"] > 0);
    assert_eq!(
        shared().psql("SELECT count(*), count(DISTINCT n_aih), sum(val_tot) FROM prazo.t"),
        [["3000000", "3000000", "44999985000.00"]]
    );
    nothing_of_jobs("prazo");
}

/// A load that waits for another's lock on its target can be cancelled too.
#[test]
fn a_load_that_waits_for_a_lock_can_be_cancelled() {
    let (_folder, client) = client();
    load(&client, &january(), to("trava.t", Mode::Append)).unwrap();
    let server = shared();
    let holder =
        std::thread::spawn(|| server.try_psql("postgres", PASSWORD, "BEGIN; LOCK TABLE trava.t; SELECT pg_sleep(600)"));
    until("locked", || {
        server
            .psql("SELECT count(*) FROM pg_locks WHERE relation = 'trava.t'::regclass AND mode = 'AccessExclusiveLock'")
            [0][0]
            == "1"
    });
    let february = datasus::QueryParams::dataset("SIH-RD").uf(["AC"]).competencia("202402");
    let job = client.submit(&february, to("trava.t", Mode::Append)).unwrap();
    until("waiting", || {
        server.psql("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'trava.t'::regclass")[0][0] == "1"
    });
    job.cancel();
    assert_eq!(job.wait().unwrap_err().code(), Code::Cancelled);
    assert!(!holder.is_finished(), "it ended while the lock was held");
    server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%LOCK TABLE trava.t%' AND pid <> pg_backend_pid()");
    assert!(holder.join().unwrap().is_err(), "nobody ended the holder");
    assert_eq!(server.psql("SELECT count(*) FROM trava.t"), [["40"]]);
    assert_eq!(stages("trava"), [[""; 0]; 0]);
}

/// Another session holds the table `schema.t`, which has twenty rows; given up by [`HeldTable::release`]. The client's role waits
/// for 300 ms.
struct HeldTable {
    schema: &'static str,
    holder: std::thread::JoinHandle<()>,
    _folder: tempfile::TempDir,
    client: datasus::Client,
    job: datasus::Job,
}

impl HeldTable {
    fn table(schema: &'static str) -> Self {
        let server = shared();
        server.psql(&format!(
            "CREATE ROLE {schema} SUPERUSER LOGIN PASSWORD '{PASSWORD}'; ALTER ROLE {schema} SET lock_timeout = '300ms'"
        ));
        let (_folder, client) = client_at(&server.url_of(schema, PASSWORD, "postgres", ""));
        load(&client, &january(), to(&format!("{schema}.t"), Mode::Append)).unwrap();
        let lock = format!("BEGIN; LOCK TABLE {schema}.t; SELECT pg_sleep(600)");
        let holder = std::thread::spawn(move || {
            let ended = server.try_psql("postgres", PASSWORD, &lock);
            assert!(ended.is_err(), "nobody ended the holder");
        });
        let held = format!(
            "SELECT count(*) FROM pg_locks WHERE relation = '{schema}.t'::regclass AND mode = 'AccessExclusiveLock'"
        );
        until("locked", || server.psql(&held)[0][0] == "1");
        let february = datasus::QueryParams::dataset("SIH-RD").uf(["AC"]).competencia("202402");
        let job = client.submit(&february, to(&format!("{schema}.t"), Mode::Append)).unwrap();
        HeldTable { schema, holder, _folder, client, job }
    }

    fn release(self) -> (datasus::Client, datasus::Job, tempfile::TempDir) {
        let schema = self.schema;
        shared().psql(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = '{schema}.t'::regclass
             AND mode = 'AccessExclusiveLock' AND granted"
        ));
        self.holder.join().unwrap();
        (self.client, self.job, self._folder)
    }
}

#[test]
fn a_lock_that_is_never_given_up_is_tried_three_times_and_the_job_stays() {
    let held = HeldTable::table("presa");
    let error = held.job.wait().unwrap_err();
    let said = (error.code(), error.context().sqlstate.as_deref(), error.diagnostic()["attempts"].as_u64());
    assert_eq!(said, (Code::Unreachable, Some("55P03"), Some(3)), "{error:?}");
    assert_eq!(error.diagnostic()["resumable"], true);
    let (client, job, _folder) = held.release();
    let left = client.jobs().unwrap();
    assert_eq!((left[0].job_id.as_str(), left[0].standing), (job.id(), datasus::Standing::Failed));
    let before = shared().psql("SELECT count(*) FROM presa.t")[0][0].parse::<u64>().unwrap();
    let report = client.resume(job.id()).unwrap().wait().unwrap();
    assert!(report.records_processed > 0 && report.resumed_from.as_ref().unwrap()["postgres"] > 0, "{report}");
    let after = before + report.records_processed;
    assert_eq!(
        shared().psql("SELECT count(*), count(DISTINCT (n_aih, mes_cmpt)) FROM presa.t"),
        [[after.to_string(), after.to_string()]]
    );
    nothing_of_jobs("presa");
}

#[test]
fn a_lock_that_is_given_up_between_two_attempts_costs_an_attempt_and_no_row() {
    let held = HeldTable::table("solta");
    until("a second attempt", || held.job.status() == datasus::Status::Retrying);
    let (client, job, _folder) = held.release();
    let report = job.wait().unwrap();
    assert!([2, 3].contains(&report.attempts), "{report}");
    assert_eq!(shared().psql("SELECT count(*), count(DISTINCT (n_aih, mes_cmpt)) FROM solta.t"), [["60", "60"]]);
    assert!(client.jobs().unwrap().is_empty());
    nothing_of_jobs("solta");
}

#[test]
fn a_session_that_the_server_ends_is_taken_up_again_and_nothing_is_lost_or_doubled() {
    let hold = hold();
    let (_folder, client) = client_of_many(Some(&hold));
    let job = client.submit(&all_of_many(), to("corta.t", Mode::Create)).unwrap();
    until("a load is held", || hold.held.load(SeqCst) > 0);
    let hit = || {
        shared()
            .psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY \"corta\".%' LIMIT 1")
    };
    until("a COPY is hit", || hit() == [["t"]]);
    hold.release();
    let report = job.wait().unwrap();
    assert_eq!((report.attempts, report.records_processed), (2, 3_000_000), "{report}");
    assert!(report.resumed_from.unwrap()["postgres"] > 0);
    assert_eq!(
        shared().psql("SELECT count(*), count(DISTINCT n_aih), sum(val_tot) FROM corta.t"),
        [["3000000", "3000000", "44999985000.00"]]
    );
    nothing_of_jobs("corta");
}

/// The test below runs this one in a process of its own, and kills it.
#[test]
#[ignore = "runs in a child process"]
fn load_and_die() {
    let (Ok(url), Ok(folder)) = (std::env::var("DATASUS_TEST_URL"), std::env::var("DATASUS_TEST_FOLDER")) else {
        return;
    };
    let client = open(std::path::Path::new(&folder), &url);
    let _ = load(&client, &all_of_many(), to("morre.t", Mode::Create));
}

fn dies_in_mid_load(folder: &std::path::Path) {
    let hold = hold();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "interrupted::load_and_die"])
        .env("DATASUS_TEST_URL", held(&hold))
        .env("DATASUS_TEST_FOLDER", folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("rows flow", || {
        !stages("morre").is_empty()
            && shared().psql("SELECT coalesce(max(pg_relation_size(oid)), 0) > 4000000 FROM pg_class WHERE relnamespace = 'morre'::regnamespace")[0][0] == "t"
    });
    child.kill().unwrap();
    child.wait().unwrap();
    hold.release();
}

#[test]
fn after_kill_9_the_target_is_untouched_and_the_job_goes_on_or_is_given_up() {
    let (folder, client) = client_of_many(None);
    let server = shared();
    dies_in_mid_load(folder.path());
    assert_eq!(server.psql("SELECT to_regclass('morre.t')"), [["<NULL>"]]);
    let left = client.jobs().unwrap();
    assert_eq!((left.len(), left[0].standing), (1, datasus::Standing::Crashed), "{left:?}");
    assert!(!serde_json::to_string(&left).unwrap().contains(canary::WORD));
    let report = client.resume(&left[0].job_id).unwrap().wait().unwrap();
    assert_eq!(report.records_processed, 3_000_000);
    assert_eq!(
        server.psql("SELECT count(*), count(DISTINCT n_aih), sum(val_tot) FROM morre.t"),
        [["3000000", "3000000", "44999985000.00"]]
    );
    nothing_of_jobs("morre");

    server.psql("DROP TABLE morre.t");
    dies_in_mid_load(folder.path());
    client.discard(&client.jobs().unwrap()[0].job_id).unwrap();
    nothing_of_jobs("morre");
    assert!(client.jobs().unwrap().is_empty());

    // What nobody comes back for goes after a week.
    dies_in_mid_load(folder.path());
    until("the server notices", || sessions("morre") == 0);
    load(&client, &january_of_many(), to("morre.outra", Mode::Create)).unwrap();
    assert_eq!(stages("morre").len(), 1);
    server.psql("UPDATE datasus.jobs SET touched_at = now() - interval '8 days' WHERE stage LIKE 'morre.%'");
    load(&client, &january_of_many(), to("morre.mais_uma", Mode::Create)).unwrap();
    nothing_of_jobs("morre");
    // And the job, which has nothing on the server any more, begins anew.
    let report = client.resume(&client.jobs().unwrap()[0].job_id).unwrap().wait().unwrap();
    assert_eq!((report.records_processed, report.resumed_from), (3_000_000, None));
}

fn january_of_many() -> datasus::QueryParams {
    all_of_many().uf(["AC"]).competencia("202301")
}

/// No staging table in the schema, and no record of a job that would have one there.
fn nothing_of_jobs(schema: &str) {
    assert_eq!(stages(schema), [[""; 0]; 0]);
    let sql = format!("SELECT count(*) FROM datasus.jobs WHERE stage LIKE '{schema}.%'");
    assert_eq!(shared().psql(&sql), [["0"]]);
    let units = "SELECT count(*) FROM datasus.ledger l WHERE NOT EXISTS (SELECT 1 FROM datasus.jobs j WHERE (j.job, j.sink) = (l.job, l.sink))";
    // Those of another test's job go just after it.
    until("units without a job", || shared().psql(units) == [["0"]]);
}
