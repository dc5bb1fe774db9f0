//! What a job leaves that is stopped in the middle, by whom, and what is measured of one that fails.

use datasus::{Code, Job, Standing};

use crate::server::{Server, shared};
use crate::*;

/// A job whose rows have all gone over, and that waits for the lock of its table, which another session holds.
fn waiting(schema: &str) -> (TempDir, Client, Job, std::thread::JoinHandle<()>) {
    let (folder, client) = client();
    load(&client, &january(), to(&format!("{schema}.t"), Mode::Append)).unwrap();
    let lock = format!("BEGIN; LOCK TABLE {schema}.t; SELECT pg_sleep(600)");
    let holder = std::thread::spawn(move || drop(shared().try_psql("postgres", server::PASSWORD, &lock)));
    until(|server| locks(server, schema, "granted AND mode = 'AccessExclusiveLock'") == 1);
    let february = QueryParams::dataset("SIH-RD").uf(["AC"]).competencia("202402");
    let job = client.submit(&february, to(&format!("{schema}.t"), Mode::Append)).unwrap();
    until(|server| locks(server, schema, "NOT granted") == 1);
    (folder, client, job, holder)
}

fn locks(server: &Server, schema: &str, which: &str) -> u64 {
    let sql = format!("SELECT count(*) FROM pg_locks WHERE relation = '{schema}.t'::regclass AND {which}");
    server.psql(&sql)[0][0].parse().unwrap()
}

fn release(schema: &str, holder: std::thread::JoinHandle<()>) {
    shared().psql(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_locks
         WHERE relation = '{schema}.t'::regclass AND mode = 'AccessExclusiveLock' AND granted"
    ));
    holder.join().unwrap();
}

fn until(mut done: impl FnMut(&Server) -> bool) {
    let end = std::time::Instant::now() + quiet::HANGS;
    while !done(shared()) {
        assert!(std::time::Instant::now() < end);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn an_interrupted_job_is_kept_and_named_and_goes_on() {
    let (_folder, client, job, holder) = waiting("parada");
    job.interrupt();
    let error = job.wait().unwrap_err();
    assert_eq!((error.code(), error.diagnostic()["resumable"].as_bool()), (Code::Cancelled, Some(true)), "{error:?}");
    let resume = format!("resume(\"{}\")", job.id());
    assert!(error.detail().contains(&resume), "{error}");
    release("parada", holder);
    let left = client.jobs().unwrap();
    assert_eq!((left.len(), left[0].job_id.as_str(), left[0].standing), (1, job.id(), Standing::Failed));
    // Whoever begins another in this folder hears of it.
    let report = load(&client, &january(), to("parada.outra", Mode::Create)).unwrap();
    assert!(report.warnings.iter().any(|warning| warning.contains(&resume)), "{:?}", report.warnings);
    let report = client.resume(job.id()).unwrap().wait().unwrap();
    assert_eq!((report.records_processed, report.resumed_from.unwrap()["postgres"]), (20, 20));
    assert_eq!(shared().psql("SELECT count(*) FROM parada.t"), [["60"]]);
    let report = load(&client, &january(), to("parada.mais_uma", Mode::Create)).unwrap();
    assert!(!report.warnings.iter().any(|warning| warning.contains("unfinished")), "{:?}", report.warnings);
}

#[test]
fn a_cancelled_job_leaves_nothing_wherever_it_was() {
    let (_folder, client, job, holder) = waiting("largada");
    job.cancel();
    let error = job.wait().unwrap_err();
    assert_eq!((error.code(), error.diagnostic().get("resumable")), (Code::Cancelled, None), "{error:?}");
    release("largada", holder);
    assert!(client.jobs().unwrap().is_empty());
    assert_eq!(stages("largada"), [[""; 0]; 0]);
    assert_eq!(shared().psql("SELECT count(*) FROM largada.t"), [["40"]]);
}

#[test]
fn of_a_failed_job_its_dead_letters_and_its_memory_are_measured_too() {
    let (_folder, client) = client();
    shared().psql("CREATE SCHEMA medida; CREATE TABLE medida.t (n_aih text CHECK (n_aih = 'x'))");
    let refused = load(&client, &january().columns(["N_AIH"]), to("medida.t", Mode::Append)).unwrap_err();
    assert_eq!(refused.code(), Code::TooManyDeadLetters, "{refused}");
    let metrics = client.metrics();
    let of = |name: &str| -> f64 {
        let line =
            metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}: {metrics}"));
        line.trim().parse().unwrap()
    };
    assert_eq!(of("datasus_jobs_total{status=\"failed\"}"), 1.0);
    assert!(of("datasus_dead_letters_total{sink=\"all\"}") > 0.0);
    assert!(of("datasus_memory_peak_bytes") > 1e6);
}
