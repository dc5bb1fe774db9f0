//! Jobs as traces: what a collector of OpenTelemetry gets of them, by what it parses.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use datasus::base::{Ctx, JobSpan, Stage, TraceId};
use datasus::telemetry::{Collector, Spans, flush};
use datasus::{Client, Code, Config, Csv, QueryParams, Secret};
use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt;

use crate::logged::{Received, listen, sent};

/// The spans of a job, by their names.
fn spans_of(trace_id: &str) -> BTreeMap<String, Value> {
    let spans: Vec<Value> = sent().lines().flat_map(crate::logged::spans_of).collect();
    let of_job = spans.into_iter().filter(|span| span["traceId"].as_str().unwrap().ends_with(trace_id));
    of_job.map(|span| (span["name"].as_str().unwrap().to_owned(), span)).collect()
}

fn attribute(span: &Value, key: &str) -> Value {
    let all = span["attributes"].as_array().unwrap();
    let found = all.iter().find(|one| one["key"] == key);
    found.map_or(Value::Null, |one| one["value"].as_object().unwrap().values().next().unwrap().clone())
}

fn nanoseconds(span: &Value, key: &str) -> u128 {
    span[key].as_str().unwrap().parse().unwrap()
}

fn made(folder: &std::path::Path) -> Client {
    datasus::source::write_example_data(&folder.join("fonte"), 20).unwrap();
    Client::open_with(folder.join("fonte"), Config { output: Some(folder.to_owned()), ..Config::default() }).unwrap()
}

#[test]
fn a_job_is_a_trace_whose_stages_are_below_it_with_what_it_did() {
    listen();
    let folder = tempfile::tempdir().unwrap();
    let client = made(folder.path());
    let report = client.export(&QueryParams::dataset("SIH-RD").uf(["AC"]).columns(["CNES"]), Csv::to("a.csv")).unwrap();
    drop(client);
    let spans = spans_of(&report.trace_id);
    let names: BTreeSet<&str> = spans.keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["job", "plan", "wait", "files", "engine", "sink", "report"]));
    let job = &spans["job"];
    assert_eq!((job.get("parentSpanId"), &job["status"]), (None, &serde_json::json!({})));
    let told = ["trace_id", "job_id", "datasets", "priority", "rows", "status"].map(|key| attribute(job, key));
    let (trace, id) = (report.trace_id.as_str(), report.job_id.as_str());
    assert_eq!(told, [trace, id, "SIH-RD", "user", "60", "completed"].map(Value::from));
    assert_eq!((job["traceId"].as_str().unwrap().len(), job["spanId"].as_str().unwrap().len()), (32, 16));
    for (name, stage) in spans.iter().filter(|(name, _)| *name != "job") {
        assert_eq!((&stage["parentSpanId"], &stage["traceId"]), (&job["spanId"], &job["traceId"]), "{name}");
        assert_eq!(attribute(stage, "stage"), Value::from(name.as_str()));
        let (from, to) = (nanoseconds(stage, "startTimeUnixNano"), nanoseconds(stage, "endTimeUnixNano"));
        assert!(from <= to && nanoseconds(job, "startTimeUnixNano") <= from, "{name}: {from} to {to}");
    }
    // The wait is over before the rows are read, and these are before the report is written.
    let begins = |name: &str| nanoseconds(&spans[name], "startTimeUnixNano");
    assert!(nanoseconds(&spans["wait"], "endTimeUnixNano") <= begins("files") && begins("engine") <= begins("report"));
    let events: Vec<&str> = job["events"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!((events.first(), events.last()), (Some(&"started"), Some(&"completed")), "{events:?}");
}

#[test]
fn a_stage_that_fails_says_so_and_so_does_its_job() {
    listen();
    let folder = tempfile::tempdir().unwrap();
    let client = made(folder.path());
    let refused = client.query(&QueryParams::dataset("SIH-RD").columns(["CNESX"])).map(drop).unwrap_err();
    let damaged = folder.path().join("fonte/RDAC2401.dbc");
    let bytes = std::fs::read(&damaged).unwrap();
    std::fs::write(&damaged, &bytes[..bytes.len() / 2]).unwrap();
    let broken = QueryParams::dataset("SIH-RD").uf(["AC"]).competencia("202401");
    let broken = client.query(&broken).and_then(|mut rows| rows.next().unwrap()).map(drop).unwrap_err();
    drop(client);
    assert_eq!((refused.code(), broken.code()), (Code::InvalidParams, Code::DamagedFile));
    for (error, stage) in [(&refused, "plan"), (&broken, "files")] {
        let spans = spans_of(error.trace_id().unwrap().as_str());
        for name in ["job", stage] {
            let status = &spans[name]["status"];
            assert_eq!((&status["code"], attribute(&spans[name], "code")), (&2.into(), error.code().as_str().into()));
            assert_eq!(status["message"].as_str(), Some(error.detail()));
        }
        assert!(!spans.contains_key("sink"), "{spans:?}");
    }
    // Whatever was logged of it bears its trace, and, once it has one, its job.
    let log = crate::logged::logged();
    let failed = format!("trace_id={}", broken.trace_id().unwrap());
    assert!(log.lines().any(|line| line.contains("failed") && line.contains(&failed)), "{failed}");
}

/// A job that fails, as `spans` sees it.
fn job_seen_by(spans: Spans) -> String {
    let trace_id = TraceId::new();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(spans), || {
        let ctx = Ctx { span: JobSpan::of_job(&trace_id), trace_id: trace_id.clone(), ..Ctx::default() };
        let work = |_: &Ctx| {
            tracing::warn!(url = "postgres://ana:CANARIO@h/d", "seen");
            Ok(())
        };
        ctx.stage(Stage::Engine, work).unwrap();
        ctx.span.tell("detail", "password=CANARIO");
        ctx.span.end();
    });
    trace_id.to_string()
}

#[test]
fn a_collector_that_is_busy_is_asked_again_and_one_that_refuses_is_not() {
    let (busy, refusing) = (Received::answering([503, 429]), Received::answering([400]));
    let token = Secret::new("Bearer CANARIO-token");
    let collector = busy.collector().service("vigilância").header("authorization", &token).unwrap();
    assert!(!format!("{collector:?}").contains("CANARIO"), "{collector:?}");
    let trace = job_seen_by(Spans::sent_to(collector).unwrap());
    job_seen_by(Spans::sent_to(refusing.collector()).unwrap());
    assert!(flush(Duration::from_secs(300)));
    assert_eq!((busy.bodies().len(), refusing.bodies().len()), (3, 1));
    let bodies = busy.bodies();
    assert!(bodies[0] == bodies[1] && bodies[1] == bodies[2], "the same once more");
    assert!(bodies[2].contains(&trace) && bodies[2].contains("vigilância") && !bodies[2].contains("ana:"));
    assert!(!bodies[2].contains("CANARIO"), "{}", bodies[2]);
    let head = &busy.heads()[0];
    assert!(head.starts_with("POST /v1/traces ") && head.contains("CANARIO-token"), "{head}");
    let spans = busy.spans();
    assert_eq!(spans.iter().map(|span| span["name"].as_str().unwrap()).collect::<Vec<_>>()[..2], ["engine", "job"]);
}

#[test]
fn an_address_that_is_none_is_refused_and_a_collector_that_is_not_there_holds_up_nobody() {
    for wrong in ["127.0.0.1:4318", "ftp://h", "", "http://"] {
        assert_eq!(Collector::at(wrong).unwrap_err().code(), Code::InvalidParams, "{wrong}");
    }
    assert!(Collector::at("http://h").unwrap().header("a b", &Secret::new("x")).is_err());
    // Nobody listens at a port that was just let go of.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let spans = Spans::sent_to(Collector::at(&format!("http://{gone}")).unwrap()).unwrap();
    job_seen_by(spans);
    // Three attempts, and then it is lost.
    assert!(flush(Duration::from_secs(300)));
}
