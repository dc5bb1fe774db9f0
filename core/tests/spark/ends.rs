//! How a query on a cluster ends that does not end by itself.

use std::time::Duration;

use datasus::estimate::Runs;
use datasus::{AggregateFn, Client, Code, Config, Options, QueryParams, Secret};

use crate::cluster::{both, cluster, config, until};

fn grouped() -> QueryParams {
    QueryParams::dataset("SIH-RD")
        .group_by(["CNES", "DIAG_PRINC"])
        .aggregate(AggregateFn::Sum, "VAL_TOT", "valor")
        .aggregate(AggregateFn::CountDistinct, "N_AIH", "n")
}

fn rows(client: &Client, params: &QueryParams) -> datasus::Result<usize> {
    Ok(client.query(params)?.collect_batches()?.iter().map(|batch| batch.num_rows()).sum())
}

#[test]
fn a_cancelled_query_and_one_past_its_deadline_leave_nothing_running() {
    let Some(mut cluster) = cluster() else { return };
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    crate::many::write(source.path(), 1, 2_000);
    let [_, there] = both(source.path(), place.path(), &cluster.address());
    cluster.workers("pause");
    let pending = there.begin_query(&grouped()).unwrap();
    until("a job at work", || !cluster.running().is_empty());
    pending.job().cancel();
    assert_eq!(pending.wait().err().map(|error| error.code()), Some(Code::Cancelled));
    until("nothing at work", || cluster.running().is_empty());
    let soon = grouped().options(Options { deadline: Some(10.0), ..Options::default() });
    let pending = there.begin_query(&soon).unwrap();
    until("a job at work", || !cluster.running().is_empty());
    assert_eq!(pending.wait().err().map(|error| error.code()), Some(Code::DeadlinePassed));
    until("nothing at work", || cluster.running().is_empty());
    cluster.workers("resume");
    assert_eq!(rows(&there, &grouped()).unwrap(), 2_000);
}

/// The other one does nothing until then, so that the query does not end before.
#[test]
fn a_worker_that_dies_in_mid_query_changes_nothing_of_the_answer() {
    let Some(mut cluster) = cluster() else { return };
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    crate::many::write(source.path(), 4, 100_000);
    let [here, there] = both(source.path(), place.path(), &cluster.address());
    let expected = rows(&here, &grouped()).unwrap();
    cluster.order("pause worker 1");
    let pending = there.begin_query(&grouped()).unwrap();
    let begun = || {
        let at_work = |job: &serde_json::Value| {
            job["numCompletedTasks"].as_u64() > Some(0) && job["numActiveTasks"].as_u64() > Some(0)
        };
        cluster.running().iter().any(at_work)
    };
    until("tasks done, and others at work", begun);
    cluster.order("kill worker 0");
    cluster.order("resume worker 1");
    let total: usize = pending.wait().unwrap().collect_batches().unwrap().iter().map(|batch| batch.num_rows()).sum();
    assert_eq!(total, expected);
    cluster.order("start worker 0");
}

/// The reader holds the stream up, so that the server goes in its middle.
#[test]
fn a_server_that_dies_in_mid_stream_is_ds_502_after_three_attempts_and_the_next_query_finds_the_new_one() {
    let Some(mut cluster) = cluster() else { return };
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    crate::many::write(source.path(), 4, 200_000);
    let [_, there] = both(source.path(), place.path(), &cluster.address());
    let params = QueryParams::dataset("SIH-RD").columns(["N_AIH", "CNES", "DIAG_PRINC", "IDADE", "VAL_TOT"]);
    let mut stream = there.query(&params).unwrap();
    stream.next().unwrap().unwrap();
    cluster.order("kill connect");
    let error = stream.find_map(|batch| batch.err()).expect("a short answer was taken for the whole");
    assert_eq!((error.code(), error.retryable()), (Code::Unreachable, true), "{error}");
    assert_eq!(error.diagnostic()["attempts"], 3, "{error}");
    let error = rows(&there, &grouped()).unwrap_err();
    assert_eq!((error.code(), &error.diagnostic()["attempts"]), (Code::Unreachable, &3.into()), "{error}");
    cluster.order("start connect");
    assert_eq!(rows(&there, &grouped()).unwrap(), 97 * 100);
}

/// Without a cluster: nobody listens at the port.
#[test]
fn an_address_that_nobody_answers_is_ds_502_and_a_token_is_never_said() {
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    crate::many::write(source.path(), 1, 10);
    let nobody = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let address = format!("sc://127.0.0.1:{nobody}/;token=CANARY");
    let told = Config { engine: Some(Secret::new(&address)), ..config(place.path()) };
    assert!(!format!("{told:?}").contains("CANARY"));
    let client = Client::open_with(source.path(), told).unwrap();
    let began = std::time::Instant::now();
    let error = rows(&client, &grouped()).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(30), "three attempts, and their waits");
    assert_eq!((error.code(), &error.diagnostic()["attempts"]), (Code::Unreachable, &3.into()), "{error}");
    assert!(!format!("{error} {error:?} {}", error.to_json()).contains("CANARY"), "{error}");
    let open = |address: &str| {
        Client::open_with(source.path(), Config { engine: Some(Secret::new(address)), ..config(place.path()) })
    };
    let refused = open("sc://far.example/;token=CANARY").err().unwrap();
    assert_eq!(refused.code(), Code::InvalidParams);
    assert!(!refused.to_string().contains("CANARY"));
}

/// Nobody is asked for it.
#[test]
fn an_estimate_of_a_cluster_client_is_of_the_rows_and_of_what_this_process_holds() {
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    crate::many::write(source.path(), 2, 50_000);
    let [here, there] = both(source.path(), place.path(), "sc://127.0.0.1:1");
    let narrow = grouped().options(Options::default());
    let (of_here, of_there) = (here.estimate(&narrow).unwrap(), there.estimate(&narrow).unwrap());
    assert_eq!((of_there.engine, of_there.exceeds.as_slice()), (Runs::Cluster, [].as_slice()));
    assert_eq!((&of_there.rows, &of_there.bytes_to_read), (&of_here.rows, &of_here.bytes_to_read));
    assert_eq!(of_there.rows_read.likely, 100_000);
    assert!(of_there.work_bytes < of_here.work_bytes, "{} of {}", of_there.work_bytes, of_here.work_bytes);
    let refused = there.estimate(&QueryParams::sql("SELECT count(*) FROM sih_rd")).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidParams, "{refused}");
}
