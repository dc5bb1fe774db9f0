//! Inputs of any size and odd values: refused before they cost anything, by errors that do not grow with them.

use std::path::Path;
use std::time::Duration;

use datasus::source::{RecordsOf, TypedRecords};
use datasus::{Catalog, Client, Code, Config, Csv, Destination, Error, Language, QueryParams};
use serde_json::{Value, json};

use super::child::{self, Bounds};
use super::files::{client_in, write_dbc};

const BOUNDS: Bounds = Bounds { memory: 400 << 20, time: Duration::from_secs(60) };
const LONG: usize = 10 << 20;

fn long() -> String {
    "x".repeat(LONG)
}

fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(",")
}

/// What is sent, by name; the text is made in the child.
const SENT: &[&str] = &[
    "name of a dataset",
    "name of a dataset in Rust",
    "name of a dataset in schema",
    "unknown keys",
    "unknown options",
    "keys of order_by",
    "keys of order_by in Rust",
    "columns",
    "columns of one megabyte",
    "ufs",
    "competencias",
    "conditions",
    "values that are wrong",
    "a value",
    "values",
    "nesting",
    "brackets",
    "a number",
    "a key twice",
    "addresses",
    "sql",
    "a bound value",
    "bound values",
    "options of reading",
    "columns of reading",
    "unknown columns of reading",
    "an unknown setting",
    "a setting",
    "destinations",
    "a destination",
    "the id of a job",
    "aggregates",
];

fn send(what: &str, folder: &Path) -> Result<(), Error> {
    let client = client_in(folder, "lake");
    let query = |json: &str| client.params(json).and_then(|params| client.query(&params)).map(drop);
    let settings =
        |value: Value| Config::from_env_and(&value).and_then(|config| Client::open_with(folder, config)).map(drop);
    let read = |options: &str| {
        let wanted = RecordsOf::from_json(options)?;
        let file = folder.join("source/RDAC2401.dbc");
        TypedRecords::open(&file, &wanted, Catalog::builtin(), Language::En).map(drop)
    };
    let rd = |rest: String| query(&format!(r#"{{"dataset":"SIH-RD",{rest}}}"#));
    match what {
        "name of a dataset" => query(&json!({"dataset": "x".repeat(7 << 20)}).to_string()),
        "name of a dataset in Rust" => client.query(&QueryParams::dataset(long())).map(drop),
        "name of a dataset in schema" => client.schema(&long()).map(drop),
        "unknown keys" => rd(list(240_000, |n| format!(r#""k{n}":1"#))),
        "unknown options" => rd(format!(r#""options":{{{}}}"#, list(300_000, |n| format!(r#""k{n}":1"#)))),
        "keys of order_by" => rd(format!(r#""order_by":[{}]"#, list(80_000, |_| r#"{"column":"CNES"}"#.into()))),
        "keys of order_by in Rust" => {
            let rd = (0..100_000).fold(QueryParams::dataset("SIH-RD"), |rd, n| rd.order_by(format!("C{n}"), false));
            client.query(&rd).map(drop)
        }
        "columns" => rd(format!(r#""columns":[{}]"#, list(4_096, |n| format!(r#""NO_SUCH_{n}""#)))),
        "columns of one megabyte" => {
            rd(format!(r#""columns":[{}]"#, list(7, |_| format!("{:?}", "y".repeat(1 << 20)))))
        }
        "ufs" => rd(format!(r#""uf":[{}]"#, list(200_000, |n| format!(r#""U{n}""#)))),
        "competencias" => rd(format!(r#""competencia":[{}]"#, list(200_000, |n| format!(r#""{n}""#)))),
        "conditions" => rd(format!(r#""where":[{}]"#, list(60_000, |_| r#"{"column":"CNES","op":"is_null"}"#.into()))),
        "values that are wrong" => rd(format!(r#""where":[{}]"#, list(240_000, |n| n.to_string()))),
        "a value" => rd(format!(r#""where":[{{"column":"CNES","op":"eq","value":"{}"}}]"#, "v".repeat(7 << 20))),
        "values" => {
            let values = list(230_000, |n| n.to_string());
            rd(format!(r#""where":[{{"column":"IDADE","op":"in","value":[{values}]}}]"#))
        }
        "nesting" => rd(format!(r#""where":[{}{}]"#, r#"{"not":"#.repeat(100_000), "}".repeat(100_000))),
        "brackets" => query(&"[".repeat(8 << 20)),
        "a number" => rd(format!(r#""limit":1{}"#, "0".repeat(7 << 20))),
        "a key twice" => {
            let key = "k".repeat(3 << 20);
            rd(format!(r#""{key}":1,"{key}":1"#))
        }
        "addresses" => rd(format!(r#""uf":{{"a":"{}"}}"#, "://'".repeat(1_500_000))),
        "sql" => client.query(&QueryParams::sql(format!("SELECT '{}'", long()))).map(drop),
        "a bound value" => client.query(&QueryParams::sql("SELECT $x AS x FROM sih_rd").bind("x", long())).map(drop),
        "bound values" => {
            let sql = QueryParams::sql("SELECT 1 AS x FROM sih_rd");
            client.query(&(0..100_000).fold(sql, |sql, n| sql.bind(format!("b{n}"), n))).map(drop)
        }
        "options of reading" => read(&format!(r#"{{"encoding":"{}"}}"#, "e".repeat(7 << 20))),
        "columns of reading" => read(&format!(r#"{{"columns":[{}]}}"#, list(240_000, |_| r#""CNES""#.into()))),
        "unknown columns of reading" => {
            read(&format!(r#"{{"columns":[{}]}}"#, list(4_000, |n| format!(r#""CNE{n}""#))))
        }
        "an unknown setting" => settings(json!({long(): 1})),
        "a setting" => settings(json!({"threads": long()})),
        "destinations" => client.destinations(&format!("[{}]", list(200_000, |n| format!(r#""{n}.csv""#)))).map(drop),
        "a destination" => client.destinations(&format!("{:?}", "d".repeat(7 << 20))).map(drop),
        "the id of a job" => client.resume(&long()).map(drop),
        "aggregates" => rd(format!(r#""aggregates":[{}]"#, list(80_000, |_| r#"{"fn":"sum","column":"A"}"#.into()))),
        other => panic!("{other}"),
    }
}

#[test]
#[ignore = "runs in a child process"]
fn takes_what_is_sent() {
    child::serve(|case| {
        let folder = Path::new(case["folder"].as_str().unwrap());
        match send(case["send"].as_str().unwrap(), folder) {
            Ok(()) => json!({"code": "taken"}),
            Err(error) => {
                let bytes = error.to_json().to_string().len() + error.to_string().len() + error.message().len();
                json!({"code": error.code().as_str(), "bytes": bytes})
            }
        }
    });
}

#[test]
fn what_is_too_large_is_refused_soon_in_little_memory_and_by_a_short_error() {
    let place = tempfile::tempdir().unwrap();
    write_dbc(&place.path().join("source/RDAC2401.dbc"), 5);
    let cases: Vec<Value> = SENT.iter().map(|send| json!({"send": send, "folder": place.path()})).collect();
    let outcomes = child::each("sizes::takes_what_is_sent", &cases, BOUNDS);
    for (what, outcome) in SENT.iter().zip(outcomes) {
        let answer = outcome.answer(what);
        let code = answer["code"].as_str().unwrap();
        assert!(["DS-400", "DS-404", "DS-422"].contains(&code), "{what}: {answer}");
        assert!(answer["bytes"].as_u64().unwrap() < 150_000, "{what}: {answer}");
    }
}

#[test]
fn settings_have_ranges_and_names_that_are_too_long_are_told() {
    let place = tempfile::tempdir().unwrap();
    write_dbc(&place.path().join("source/RDAC2401.dbc"), 5);
    for (settings, name) in [
        (json!({"threads": 100_000}), "threads"),
        (json!({"threads": 0}), "threads"),
        (json!({"chunk_rows": 4_000_000_000_u64}), "chunk_rows"),
        (json!({"chunk_rows": 0}), "chunk_rows"),
        (json!({"memory_limit": 1}), "memory_limit"),
        (json!({"memory_limit": u64::MAX}), "memory_limit"),
        (json!({"spill_limit": u64::MAX}), "spill_limit"),
        (json!({"deadline": 1e300}), "deadline"),
    ] {
        let config = Config::from_env_and(&settings).unwrap();
        let error = Client::open_with(place.path(), config).err().unwrap_or_else(|| panic!("{settings}"));
        assert!(error.code() == Code::InvalidParams && error.detail().contains(name), "{error}");
    }
    let client = client_in(place.path(), "lake");
    let name = "n".repeat(300);
    let rd = QueryParams::dataset("SIH-RD");
    let to: Destination = Csv::to(format!("{name}.csv")).into();
    for error in [
        client.export(&rd, [to]).err().unwrap(),
        client.export(&rd, Csv::to(format!("{name}/a.csv"))).err().unwrap(),
        Client::open(place.path().join(&name)).err().unwrap(),
        Client::open("/n".repeat(3_000)).err().unwrap(),
        TypedRecords::open(Path::new(&name), &RecordsOf::default(), Catalog::builtin(), Language::En).err().unwrap(),
        client.query(&QueryParams::dataset(name.repeat(2))).err().unwrap(),
        client.query(&rd.clone().columns([name.repeat(2)])).err().unwrap(),
    ] {
        assert_eq!(error.code(), Code::InvalidParams, "{error}");
    }
}

#[test]
fn a_number_that_a_double_does_not_hold_stays_exact_or_is_refused() {
    let place = tempfile::tempdir().unwrap();
    write_dbc(&place.path().join("source/RDAC2401.dbc"), 1);
    let client = client_in(place.path(), "lake");
    let ask = |bind: &str| {
        let sql = "SELECT CAST($x AS DECIMAL(20,1)) + VAL_TOT - VAL_TOT AS x FROM sih_rd";
        let params = client.params(&format!(r#"{{"sql": "{sql}", "bind": {{"x": {bind}}}}}"#))?;
        let batches = client.query(&params)?.collect_batches()?;
        let text = arrow::compute::cast(batches[0].column(0), &arrow::datatypes::DataType::Utf8).unwrap();
        Ok::<_, Error>(arrow::array::AsArray::as_string::<i32>(&text).value(0).to_owned())
    };
    let refused = ask("9007199254740993.5").unwrap_err();
    assert!(refused.code() == Code::Malformed && refused.detail().contains("9007199254740993.5"), "{refused}");
    assert!(ask("\"9007199254740993.5\"").unwrap().starts_with("9007199254740993.5"));
    assert!(ask("9007199254740993").unwrap().starts_with("9007199254740993."));
    assert!(ask("0.5").unwrap().starts_with("0.5"));
}
