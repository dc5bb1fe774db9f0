//! User SQL: what crashed, stalled or outgrew the engine, its brothers, every function at its edges, and texts from a grammar. None of
//! them ends the process, holds it longer than its deadline allows, or takes more memory than its bound; what analysts write runs.
//!
//! `DATASUS_SQL` (1,000) and `DATASUS_EDGES` (600) say how many texts and calls; `DATASUS_SEED` runs a failure again; printed.

use std::path::Path;
use std::time::Duration;

use datasus::params::{MissingFiles, Options};
use datasus::{Client, Config, Language, QueryParams};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::child::{self, Bounds, Outcome};
use crate::grammar::{Grammar, edges};

#[path = "../../src/gate/tests/notebooks.rs"]
mod notebooks;
#[path = "../../src/gate/tests/hostile.rs"]
mod texts;

const CHILD: &str = "sql::answers";
/// Ours is 256 MB for the engine; the rest is what its plans, vectors and the process itself take.
const BOUNDS: Bounds = Bounds { memory: 900 << 20, time: Duration::from_secs(120) };
/// Of what must run, also on a machine at work: its deadline, and more than it.
const PATIENT: f64 = 240.0;
const LONG: Bounds = Bounds { time: Duration::from_secs(300), ..BOUNDS };

/// Admissions, deaths, births, facilities and beds.
fn source() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    datasus::source::write_example_data(folder.path(), 200).unwrap();
    folder
}

#[test]
#[ignore = "runs in a child process"]
fn answers() {
    let mut client: Option<Client> = None;
    child::serve(|case| {
        let source = Path::new(case["source"].as_str().unwrap());
        let config = Config {
            language: Language::En,
            memory_limit: Some(256 << 20),
            spill_limit: 256 << 20,
            lake: Some(source.join("lake")),
            threads: Some(2),
            // A batch of 65,536 rows with a text of 10,000 each is 650 MB by itself: the size of the answer, not of the SQL.
            chunk_rows: 2_048,
            ..Config::default()
        };
        let client = client.get_or_insert_with(|| Client::open_with(source, config).unwrap());
        let deadline = case["deadline"].as_f64();
        let options = Options { deadline, missing: MissingFiles::Warn, ..Options::default() };
        let mut params = QueryParams::sql(case["sql"].as_str().unwrap()).options(options);
        if let Some(bind) = case["bind"].as_object() {
            params = bind.iter().fold(params, |params, (name, value)| params.bind(name, value.clone()));
        }
        let mut rows = 0;
        let answer = client.query(&params).and_then(|answer| {
            for batch in answer {
                rows += batch?.num_rows();
                // Enough to see that it runs.
                if rows > 100_000 {
                    break;
                }
            }
            Ok(())
        });
        match answer {
            Ok(()) => json!({"rows": rows}),
            Err(error) => {
                json!({"code": error.code().to_string(), "detail": error.detail().chars().take(300).collect::<String>()})
            }
        }
    });
}

fn cases<'t>(source: &TempDir, deadline: f64, texts: impl IntoIterator<Item = &'t str>) -> Vec<Value> {
    texts.into_iter().map(|sql| json!({"source": source.path(), "sql": sql, "deadline": deadline})).collect()
}

fn number(name: &str, short: usize) -> usize {
    let number = std::env::var(name).ok().and_then(|number| number.parse().ok()).unwrap_or(short);
    println!("{name}={number}");
    number
}

fn seed() -> u64 {
    let seed = std::env::var("DATASUS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(18);
    println!("DATASUS_SEED={seed}");
    seed
}

/// Runs each in a child; what each took is printed.
fn run(source: &TempDir, deadline: f64, texts: &[(&str, String)]) -> Vec<Value> {
    let bounds = if deadline < PATIENT { BOUNDS } else { LONG };
    let outcomes = child::each(CHILD, &cases(source, deadline, texts.iter().map(|(_, sql)| &**sql)), bounds);
    let told = texts.iter().zip(&outcomes).map(|((name, _), outcome)| {
        if let Outcome::Answered { answer, took, peak } = outcome {
            println!("{:>6} ms {:>4} MB {name}: {answer}", took.as_millis(), peak >> 20);
        }
        outcome.answer(name).clone()
    });
    told.collect()
}

#[test]
fn what_took_the_host_down_is_refused_and_what_is_large_but_harmless_runs() {
    let source = source();
    let refused = texts::refused();
    for ((name, _), answer) in refused.iter().zip(run(&source, PATIENT, &refused)) {
        let code = answer["code"].as_str().unwrap_or("ran");
        assert!(["DS-422", "DS-403"].contains(&code), "{name}: {answer}");
    }
    let harmless = texts::harmless();
    for ((name, _), answer) in harmless.iter().zip(run(&source, PATIENT, &harmless)) {
        assert!(answer["rows"].is_u64(), "{name}: {answer}");
    }
    println!("{} refused, {} run", refused.len(), harmless.len());
}

/// The engine counts a text that waits for its reader as 16 bytes, so that rows of them waited by the gigabyte.
#[test]
fn rows_of_long_texts_wait_in_bounded_memory() {
    let source = source();
    let texts = [
        "SELECT lpad(CAST(r AS VARCHAR), 5000, 'b') AS x FROM range(1000000) t(r)",
        "SELECT lpad('a', 5000, 'b') AS x, r FROM range(1000000) t(r)",
        "SELECT * FROM (SELECT lpad(CAST(r AS VARCHAR), 5000, 'b') AS x FROM range(1000000) t(r)) UNION ALL SELECT 'b'",
        "SELECT lpad(CNES, 9000, '0') AS x FROM sih_rd, range(100) t(r)",
    ];
    let bounds = Bounds { memory: 500 << 20, ..LONG };
    for (sql, outcome) in texts.iter().zip(child::each(CHILD, &cases(&source, PATIENT, texts), bounds)) {
        let answer = outcome.answer(sql);
        assert!(answer["rows"].as_u64() > Some(50_000), "{sql}: {answer}");
    }
}

#[test]
fn what_public_notebooks_ask_runs() {
    let source = source();
    let all = child::each(CHILD, &cases(&source, PATIENT, notebooks::NOTEBOOKS.iter().copied()), LONG);
    let told = notebooks::NOTEBOOKS.iter().zip(&all).map(|(sql, outcome)| (sql, outcome.answer(sql)));
    let failed: Vec<_> = told.filter(|(_, answer)| !answer["rows"].is_u64()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    println!("{} run", all.len());
}

/// Counts what came of them; a crash, a hang or too much memory fails with the texts that did it.
fn tally(cases: &[Value], outcomes: &[Outcome]) {
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    let mut faults = Vec::new();
    for (case, outcome) in cases.iter().zip(outcomes) {
        let kind = match outcome {
            Outcome::Answered { answer, .. } => answer["code"].as_str().unwrap_or("answered").to_owned(),
            fault => {
                faults.push(format!("{fault:?}: {}", case["sql"].as_str().unwrap_or_default()));
                "fault".to_owned()
            }
        };
        *counts.entry(kind).or_default() += 1;
    }
    println!("{} texts: {counts:?}", cases.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(
        counts.get("DS-500"),
        None,
        "a defect: {:?}",
        outcomes
            .iter()
            .zip(cases)
            .find(|(outcome, _)| matches!(outcome, Outcome::Answered { answer, .. } if answer["code"] == "DS-500"))
    );
}

#[test]
fn texts_from_a_grammar_neither_crash_nor_hang_nor_outgrow_their_bounds() {
    let source = source();
    let mut grammar = Grammar::seeded(seed());
    let texts: Vec<String> = (0..number("DATASUS_SQL", 1_000)).map(|_| grammar.text()).collect();
    let cases = cases(&source, 1.0, texts.iter().map(String::as_str));
    tally(&cases, &child::each(CHILD, &cases, BOUNDS));
}

#[test]
fn every_function_takes_every_edge_value() {
    let source = source();
    let texts = edges(seed(), number("DATASUS_EDGES", 600));
    let cases = cases(&source, 2.0, texts.iter().map(String::as_str));
    tally(&cases, &child::each(CHILD, &cases, BOUNDS));
}

#[test]
fn values_of_parameters_are_bounded_as_those_in_the_text_are() {
    let source = source();
    let at = source.path();
    let case = |sql: &str, value: Value| json!({"source": at, "sql": sql, "bind": {"p": value}, "deadline": PATIENT});
    let lag = "SELECT lag(IDADE, $p) OVER (ORDER BY CNES) FROM sih_rd";
    let like = "SELECT count(*) FROM sih_rd WHERE CNES LIKE $p";
    let cases =
        [case(lag, json!(1)), case(lag, json!(i64::MIN)), case(like, json!("2%")), case(like, json!("%a_%a_%a_%a_%b"))];
    let codes: Vec<Value> =
        child::each(CHILD, &cases, LONG).iter().map(|outcome| outcome.answer("bind")["code"].clone()).collect();
    assert_eq!(codes, [Value::Null, json!("DS-422"), Value::Null, json!("DS-422")]);
}

#[test]
#[ignore = "by hand: DATASUS_ATTACKS names a file with a JSON list of texts"]
fn attacks_by_hand() {
    let source = source();
    let texts: Vec<String> =
        serde_json::from_slice(&std::fs::read(std::env::var("DATASUS_ATTACKS").unwrap()).unwrap()).unwrap();
    let cases = cases(&source, 3.0, texts.iter().map(String::as_str));
    let memory = number("DATASUS_MEGABYTES", 900) as u64;
    let bounds = Bounds { time: Duration::from_secs(12), memory: memory << 20 };
    for (text, outcome) in texts.iter().zip(child::each(CHILD, &cases, bounds)) {
        let shown: String = text.chars().take(150).collect();
        match outcome {
            Outcome::Answered { answer, took, peak } => {
                let loud = if took.as_secs_f64() > 5.2 || peak > 600 << 20 { "LOUD " } else { "" };
                println!("{loud}{:>6} ms {:>4} MB {answer} {shown}", took.as_millis(), peak >> 20);
            }
            other => println!("LOUD {other:?} {shown}"),
        }
    }
}
