//! Runs every case of `tests/conformance/cases` against the Rust face.

#[path = "asked.rs"]
mod asked;

#[path = "made.rs"]
mod made;

#[path = "../../core/tests/ftp_server/mod.rs"]
mod ftp_server;

#[path = "../../core/tests/skip/mod.rs"]
mod skip;

use std::path::{Path, PathBuf};

use arrow::array::{Array, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datasus::{Client, Config, Error, Isolation, QueryParams, Secret};
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("..")
}

fn real_data() -> Option<PathBuf> {
    let folder = std::env::var_os("DATASUS_REAL_DATA").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| root().join("../shared/data/real"));
    folder.is_dir().then_some(folder)
}

#[test]
fn every_case_answers_as_it_says() {
    every_case(Isolation::None);
}

/// Whatever the engine runs has a process of its own.
#[test]
#[cfg(target_os = "linux")]
fn every_case_answers_as_it_says_where_the_engine_is_apart() {
    every_case(Isolation::All);
}

fn config(isolation: Isolation) -> Config {
    Config { isolation, worker: Some(env!("CARGO_BIN_EXE_datasus-worker").into()), ..Default::default() }
}

fn every_case(isolation: Isolation) {
    let made = tempfile::tempdir().unwrap();
    made::write(made.path());
    let made_client = client(made.path(), isolation);
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(root().join("tests/conformance/cases")).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    let (mut ran, mut skipped, mut errors, mut failures) = (0, 0, 0, Vec::new());
    for path in names.iter().filter(|p| p.extension().is_some_and(|e| e == "json")) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let case: Value =
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let outcome = match case["source"].as_str() {
            Some("made") if case["server"] == "ftp" => served(made.path(), &case, isolation),
            Some("made") if case["written"].is_null() && case["engine"].is_null() => {
                run(&made_client, made.path(), &case)
            }
            Some("made") => {
                let folder = tempfile::tempdir().unwrap();
                made::write(folder.path());
                for (name, text) in case["written"].as_object().into_iter().flatten() {
                    let path = folder.path().join(name);
                    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                    std::fs::write(path, text.as_str().unwrap()).unwrap();
                }
                match (declaring(folder.path(), &case, isolation), &case["expect"]["error"]) {
                    (Ok(client), _) => run(&client, folder.path(), &case),
                    (Err(error), Value::Null) => Err(format!("does not open: {error:?}")),
                    (Err(error), expected) => check_error(&error, expected),
                }
            }
            Some("real") => {
                let Some(data) = real_data() else {
                    skipped += 1;
                    continue;
                };
                let folder = tempfile::tempdir().unwrap();
                for file in case["files"].as_array().unwrap() {
                    let from = data.join(file.as_str().unwrap());
                    std::fs::copy(&from, folder.path().join(from.file_name().unwrap())).unwrap();
                }
                run(&client(folder.path(), isolation), folder.path(), &case)
            }
            other => panic!("{name}: source {other:?}"),
        };
        ran += 1;
        let refused = |of: &Value| !of["error"].is_null();
        errors += usize::from(refused(&case["expect"]) || case["asks"].as_array().into_iter().flatten().any(refused));
        if let Err(why) = outcome {
            failures.push(format!("{name} ({}): {why}", case["about"].as_str().unwrap_or("?")));
        }
    }
    println!("conformance: {ran} cases ran, {errors} of them errors");
    if skipped > 0 {
        skip::for_want_of_data(&format!("no genuine files: {skipped} conformance cases"));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(errors >= 30, "at least 30 error cases, {errors} found");
}

fn client(source: &Path, isolation: Isolation) -> Client {
    let config = Config { output: Some(source.join("out")), ..config(isolation) };
    Client::open_with(source, config).unwrap()
}

/// A client of the folder with what the case declares of its files, and its settings.
fn declaring(folder: &Path, case: &Value, isolation: Isolation) -> datasus::Result<Client> {
    let of = |key: &str| -> Vec<(String, PathBuf)> {
        let all = case[key].as_object().into_iter().flatten();
        all.map(|(name, file)| (name.clone(), folder.join(file.as_str().unwrap()))).collect()
    };
    let csv = serde_json::from_value(case["csv"].clone()).unwrap_or_default();
    let engine = case["engine"].as_str().map(Secret::new);
    let config = Config { output: Some(folder.join("out")), csv, engine, ..config(isolation) };
    let mut builder = Client::builder(folder).config(config);
    for (dataset, path) in of("declared") {
        builder = builder.declare(dataset, [path.display().to_string()]);
    }
    for (name, path) in of("tables") {
        builder = builder.table(name, path);
    }
    builder.open()
}

/// The same of a client of an FTP server that holds the files in the ministry's folders, as `tests/ftp_server.py` does.
fn served(made: &Path, case: &Value, isolation: Isolation) -> Result<(), String> {
    let (server, here) = (ftp_server::FtpServer::start(), tempfile::tempdir().unwrap());
    for entry in std::fs::read_dir(made).unwrap().map(|entry| entry.unwrap()) {
        let name = entry.file_name().into_string().unwrap();
        let folders = [("RD", "SIHSUS/200801_/Dados"), ("DO", "SIM/CID10/DORES"), ("DN", "SINASC/1996_/Dados/DNRES")];
        let folder = folders.into_iter().find(|(prefix, _)| name.starts_with(prefix) && name.ends_with(".dbc"));
        if let Some((_, folder)) = folder {
            server.put(&format!("/dissemin/publicos/{folder}/{name}"), &std::fs::read(entry.path()).unwrap());
        }
    }
    let home = Some(here.path().join("home"));
    let config = Config { output: Some(here.path().into()), home, ..config(isolation) };
    run(&Client::open_with(server.address("/dissemin/publicos"), config).unwrap(), made, case)
}

fn run(client: &Client, source: &Path, case: &Value) -> Result<(), String> {
    asked::ask_all(client, source, case)?;
    if case["params"].is_null() && case["params_text"].is_null() {
        return Ok(());
    }
    let expect = &case["expect"];
    let params = match case["params_text"].as_str() {
        Some(text) => QueryParams::from_json(text),
        None => QueryParams::from_value(case["params"].clone()),
    };
    let answer = params.and_then(|params| {
        let mut answer = client.query(&params)?;
        let schema = answer.schema();
        let batches = answer.by_ref().collect::<datasus::Result<Vec<RecordBatch>>>()?;
        let report = answer.report()?;
        Ok((schema, batches, report, client.estimate(&params)?))
    });
    if let (Ok(params), Some(_)) = (QueryParams::from_value(case["params"].clone()), expect["profile"].as_object()) {
        let profile = client.profile(&params).map_err(|error| format!("no profile: {error:?}"))?;
        check_fields(&serde_json::to_value(&profile).unwrap(), &expect["profile"])?;
    }
    let (schema, batches, report, estimate) = match (answer, &expect["error"]) {
        (Err(error), Value::Null) => return Err(format!("unexpected {error:?}")),
        (Err(error), expected) => return check_error(&error, expected),
        (Ok(_), expected) if !expected.is_null() => return Err("an error was expected".into()),
        (Ok(answer), _) => answer,
    };
    let rows = as_text(&batches);
    if let Some(count) = expect["rows"].as_u64()
        && count != rows.len() as u64
    {
        return Err(format!("{} rows, expected {count}", rows.len()));
    }
    if let Some(columns) = expect["columns"].as_array() {
        let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        if !columns.iter().map(|c| c.as_str().unwrap()).eq(names.iter().copied()) {
            return Err(format!("columns {names:?}"));
        }
    }
    for (index, row) in expect["first"].as_array().into_iter().flatten().enumerate() {
        if rows.get(index) != row.as_array() {
            return Err(format!("row {index} is {:?}, expected {row}", rows.get(index)));
        }
    }
    for row in expect["contains"].as_array().into_iter().flatten() {
        if !rows.iter().any(|r| Some(r) == row.as_array()) {
            return Err(format!("no row {row} among {:?}", &rows[..rows.len().min(10)]));
        }
    }
    // Whatever is asked, what an estimate says it knows is so.
    if estimate.rows.is_exact() && estimate.rows.likely != rows.len() as u64 {
        return Err(format!("{} rows, and {} were said to be known", rows.len(), estimate.rows.likely));
    }
    check_fields(&serde_json::to_value(&estimate).unwrap(), &expect["estimate"])?;
    check_fields(&report.to_json(), &expect["report"])
}

fn check_error(error: &Error, expected: &Value) -> Result<(), String> {
    let json = error.to_json();
    for key in ["status", "error_code", "detail", "diagnostic", "trace_id", "retry", "retryable"] {
        if json.get(key).is_none_or(Value::is_null) {
            return Err(format!("the error has no {key}: {json}"));
        }
    }
    check_fields(&json, expected)
}

fn check_fields(json: &Value, expected: &Value) -> Result<(), String> {
    for (pointer, value) in expected.as_object().into_iter().flatten() {
        let found = json.pointer(pointer).unwrap_or(&Value::Null);
        let same = match (pointer.ends_with("/detail"), found, value) {
            (true, Value::String(found), Value::String(part)) => found.contains(part.as_str()),
            _ => agree(value, found),
        };
        if !same {
            return Err(format!("{pointer} is {found}, expected {value} in {json}"));
        }
    }
    Ok(())
}

/// Floating-point numbers as near as a double tells them.
fn agree(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Array(all), Value::Array(found)) => {
            all.len() == found.len() && all.iter().zip(found).all(|(one, found)| agree(one, found))
        }
        (Value::Number(one), Value::Number(other)) if one.is_f64() && other.is_f64() => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            (one - other).abs() <= 1e-12 * one.abs().max(other.abs())
        }
        _ => expected == found,
    }
}

fn as_text(batches: &[RecordBatch]) -> Vec<Vec<Value>> {
    let options = FormatOptions::default();
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<_> =
            batch.columns().iter().map(|c| ArrayFormatter::try_new(c.as_ref(), &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            let value = |(index, format): (usize, &ArrayFormatter)| match batch.column(index).is_null(row) {
                true => Value::Null,
                false => Value::String(format.value(row).to_string()),
            };
            rows.push(columns.iter().enumerate().map(value).collect());
        }
    }
    rows
}

#[test]
fn every_public_name_is_there() {
    let names = std::fs::read_to_string(root().join("tests/conformance/names.json")).unwrap();
    let names: serde_json::Map<String, Value> = serde_json::from_str(&names).unwrap();
    let rooms = [
        "client.rs",
        "client/knowing.rs",
        "client/holdings.rs",
        "client/rates.rs",
        "client/syncing.rs",
        "run/handles/job.rs",
        "source/typed_records.rs",
        "source/example_data/mod.rs",
    ];
    let text: String = rooms.map(|room| std::fs::read_to_string(root().join("core/src").join(room)).unwrap()).concat();
    for (what, of) in names.iter().filter(|(what, _)| *what != "about") {
        let function = of["rust"].as_str().and_then(|name| name.rsplit("::").next()).unwrap();
        assert!(text.contains(&format!("pub fn {function}(")), "{what}: {function}");
    }
}
