//! R12: names of schemas, tables, columns, keys and indexes are names, whatever they hold.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use datasus::sink::postgres::Mode;
use datasus::{Code, Postgres};

use crate::server::shared;
use crate::*;

#[test]
fn a_thousand_payloads_in_names_run_nothing() {
    let (_folder, client) = client();
    let server = shared();
    server.psql("CREATE TABLE public.sentinela (x int); INSERT INTO public.sentinela VALUES (1)");
    let pieces = [
        "'", "\"", ";", "--", "/*", "*/", "\\", "\0", "\n", "’", "＇", "`", "$1", "%", ")", "(", "$$", ".", "é",
        "\u{202e}",
    ];
    let commands = [
        "DROP TABLE public.sentinela",
        "DELETE FROM sentinela",
        "COPY sentinela TO PROGRAM 'true'",
        "SELECT pg_sleep(60)",
    ];
    let mut payloads: Vec<String> = Vec::new();
    for a in pieces {
        for b in pieces {
            let command = commands[payloads.len() % commands.len()];
            for text in [format!("x{a}; {command}; {b}"), format!("{a}{b}; {command}; --"), format!("{a}{command}{b}")]
            {
                payloads.push(text);
            }
        }
    }
    payloads.push("n".repeat(64));
    assert!(payloads.len() >= 1_000, "{}", payloads.len());
    // A scan of plain rows: only a column's own name needs SQL.
    let rows = january().limit(1);
    let to = |table: &str, mode| Postgres { connections: 1, ..to(table, mode) };
    let outcome = |n: usize, payload: &String| {
        let table = format!("nomes.t{n}");
        // Most are refused before a connection; the few that are names of columns go all the way.
        match n % 5 {
            0 => load(&client, &rows, to(payload, Mode::Create)),
            1 => load(&client, &rows, to(&format!("nomes.{payload}"), Mode::Create)),
            2 => load(&client, &rows, Postgres { indexes: Some(vec![payload.clone()]), ..to(&table, Mode::Create) }),
            3 => load(&client, &rows, Postgres { key: vec![payload.clone()], ..to(&table, Mode::Upsert) }),
            _ => {
                let alias = payload.replace('"', "\"\"");
                let names = Postgres { indexes: Some(vec![payload.clone()]), ..to(&table, Mode::Create) };
                load(&client, &sql(&format!("SELECT 1 AS \"{alias}\"")), names)
            }
        }
    };
    let (next, loaded) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, SeqCst);
                    let Some(payload) = payloads.get(n) else { return };
                    match outcome(n, payload) {
                        Ok(_) => drop(loaded.fetch_add(1, SeqCst)),
                        Err(error) => assert!(
                            matches!(
                                error.code(),
                                Code::InvalidParams | Code::Conflict | Code::Forbidden | Code::Malformed
                            ),
                            "{payload:?}: {error:?}"
                        ),
                    }
                }
            });
        }
    });
    let loaded = loaded.into_inner();
    println!("{} payloads, {loaded} were names and became them, the others refused", payloads.len());
    assert!(loaded > 100, "{loaded}");
    assert_eq!(server.psql("SELECT count(*) FROM public.sentinela"), [["1"]]);
}

#[test]
fn a_name_is_never_cut() {
    let (_folder, client) = client();
    let long = "n".repeat(64);
    for table in [format!("nomes_longos.{long}"), format!("{long}.t"), "a.b.c".into(), String::new()] {
        assert_eq!(
            load(&client, &sql("SELECT 1 AS x"), to(&table, Mode::Create)).unwrap_err().code(),
            Code::InvalidParams,
            "{table}"
        );
    }
    let error = load(&client, &sql(&format!("SELECT 1 AS {long}")), to("nomes_longos.t", Mode::Create)).unwrap_err();
    assert_eq!(error.code(), Code::InvalidParams);
    let just = "c".repeat(63);
    let names =
        Postgres { indexes: Some(vec![just.clone()]), ..to(&format!("nomes_longos.{}", "t".repeat(63)), Mode::Create) };
    load(&client, &sql(&format!("SELECT 1 AS {just}")), names.clone()).unwrap();
    load(&client, &sql(&format!("SELECT 1 AS {just}")), Postgres { mode: Mode::Replace, ..names }).unwrap();
}
