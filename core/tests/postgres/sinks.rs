//! A table and files in one pass.

use datasus::sink::postgres::Mode;
use datasus::{Code, Csv, Destination, Parquet};
use serde_json::json;

use crate::server::{PASSWORD, shared};
use crate::*;

#[test]
fn a_table_and_two_files_hold_the_same_rows() {
    let (folder, client) = client();
    let destinations = (to("junto.rd", Mode::Create), Csv::to("a.csv"), Parquet::to("a.parquet"));
    let report = client.export(&both_months(), destinations).unwrap().to_json();
    assert_eq!(report["storage"], json!({"postgres": "junto.rd", "csv": "a.csv", "parquet": "a.parquet"}));
    assert_eq!(shared().psql("SELECT count(*), sum(val_tot) FROM junto.rd"), [["60", "7228.90"]]);
    let csv = std::fs::read_to_string(folder.path().join("out/a.csv")).unwrap();
    assert_eq!(csv.lines().count(), 61);
}

/// Each makes the schema and the tables that the sink keeps beside the rows, and finds them half made by another.
#[test]
fn the_first_loads_of_a_database_may_begin_at_the_same_instant() {
    for round in 0..5 {
        shared().psql(&format!("CREATE DATABASE primeira{round}"));
        let url = shared().url_of("postgres", PASSWORD, &format!("primeira{round}"), "");
        let clients: Vec<_> = (0..4).map(|_| client_at(&url)).collect();
        std::thread::scope(|scope| {
            for (n, (_folder, client)) in clients.iter().enumerate() {
                scope.spawn(move || load(client, &january(), to(&format!("juntas.t{n}"), Mode::Create)).unwrap());
            }
        });
    }
}

#[test]
fn when_one_fails_the_error_has_the_state_of_each_and_none_is_left() {
    let (folder, client) = client();
    shared().psql("CREATE SCHEMA dividido; CREATE TABLE dividido.curta (n_aih varchar(3))");
    let destinations = (Csv::to("b.csv"), to("dividido.curta", Mode::Append), to("dividido.outra", Mode::Create));
    let error = client.export(&january().columns(["N_AIH"]), destinations).unwrap_err();
    assert_eq!(error.code(), Code::TooManyDeadLetters);
    let states: Vec<(&str, &str)> = error.diagnostic()["sinks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| (s["sink"].as_str().unwrap(), s["state"].as_str().unwrap()))
        .collect();
    assert_eq!(states, [("csv", "abandoned"), ("postgres", "failed"), ("postgres", "abandoned")], "{error:?}");
    assert!(!folder.path().join("out/b.csv").exists());
    assert_eq!(shared().psql("SELECT to_regclass('dividido.outra'), count(*) FROM dividido.curta"), [["<NULL>", "0"]]);

    // Refused only when the rows are moved to their table: before anything is published.
    shared().psql("CREATE TABLE dividido.unica (k bigint UNIQUE)");
    let destinations = [to("dividido.primeira", Mode::Create), to("dividido.unica", Mode::Append)];
    let error = client.export(&sql("SELECT range % 2 AS k FROM range(4)"), destinations).unwrap_err();
    assert_eq!(error.context().sqlstate.as_deref(), Some("23505"), "{error:?}");
    let states = error.diagnostic()["sinks"].clone();
    assert_eq!(
        (states[0]["state"].clone(), states[1]["state"].clone()),
        (json!("abandoned"), json!("failed")),
        "{states}"
    );
    assert_eq!(
        shared().psql("SELECT to_regclass('dividido.primeira'), count(*) FROM dividido.unica"),
        [["<NULL>", "0"]]
    );

    // One would undo or double what the other wrote.
    let one = |table: &str| -> Destination { to(table, Mode::Append).into() };
    let csv = |path: Option<&str>| -> Destination { Csv { path: path.map(Into::into), ..Csv::default() }.into() };
    let default =
        client.export(&january(), [csv(None)]).unwrap().to_json()["storage"]["csv"].as_str().unwrap().to_owned();
    let twice = [
        [one("x"), one("public.x")],
        [csv(Some("./a.csv")), Parquet::to("a.csv").into()],
        [csv(None), csv(None)],
        [csv(None), csv(Some(&default))],
    ];
    for destinations in twice {
        let error = client.export(&january(), destinations).unwrap_err();
        assert_eq!(error.code(), Code::InvalidParams, "{error:?}");
        assert!(error.detail().contains("Two destinations"), "{error:?}");
    }
    assert_eq!(stages("dividido"), [[""; 0]; 0]);
}

#[test]
fn the_demo_loads_a_table_and_keeps_the_secret() {
    let folder = tempfile::tempdir().unwrap();
    let tests = std::env::current_exe().unwrap();
    let demo = tests.parent().unwrap().parent().unwrap().join("examples/demo");
    let run = || {
        let done = std::process::Command::new(&demo)
            .current_dir(folder.path())
            .env_remove("DATASUS_SOURCE")
            .env("DATASUS_POSTGRES", shared().url())
            .output()
            .unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "{said}");
        assert!(!said.contains(canary::WORD), "{said}");
        assert!(said.contains("\"postgres\": \"datasus_demo.internacoes\""), "{said}");
    };
    run();
    run();
    assert_eq!(shared().psql("SELECT count(*), count(DISTINCT n_aih) FROM datasus_demo.internacoes")[0][0], "12000");
}
