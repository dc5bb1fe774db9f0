//! A password in 93 spellings, through every door: it stands in no answer, error, log line, metric, file or folder name.

use std::path::Path;

use datasus::{Client, Config, Destination, Error, Language, Postgres, QueryParams, Secret};
use serde_json::{Value, json};

use crate::logged::{listen, logged};

/// Each sign between the two may end what somebody takes for the password.
const ONE: &str = "CANARYA";
const TWO: &str = "CANARYB";

fn spellings() -> Vec<String> {
    let mut spellings = Vec::new();
    for sign in ["", "@", "?", "/", "#", ":", "%40", "&", "=", "%3F", "%FF", "p%61ssword="] {
        for before in ["postgres://u:", "postgresql://127.0.0.1:1@u:", "POSTGRES://u:", "u:", "postgres:/u:"] {
            spellings.push(format!("{before}{ONE}{sign}{TWO}@127.0.0.1:1/d"));
        }
    }
    for base in ["postgres://u@127.0.0.1:1/d?", "postgres://127.0.0.1:1/d?user=u&", "postgresql://u:p@127.0.0.1:1?"] {
        for key in ["password", "p%61ssword", "pass%77ord", "PASSWORD", "sslpassword", "connect_timeout=1&password"] {
            spellings.push(format!("{base}{key}={ONE}{TWO}"));
        }
        spellings.push(format!("{base}password={ONE}@{TWO}"));
        spellings.push(format!("{base}password={ONE}%20{TWO}&sslmode=require"));
        spellings.push(format!("{base}options=-c%20app.key%3D{ONE}{TWO}"));
    }
    spellings.push(format!("host=127.0.0.1 port=1 user=u password={ONE}{TWO}"));
    spellings.push(format!("postgres://u:{ONE} {TWO}@127.0.0.1:1/d"));
    spellings.push(format!("postgres://u:{ONE}\"{TWO}@127.0.0.1:1/d"));
    spellings.push(format!("postgres://u:{ONE}'{TWO}@127.0.0.1:1/d"));
    spellings.push(format!("postgres://u:{ONE}{TWO}"));
    spellings.push(format!("PGPASSWORD={ONE}{TWO}"));
    spellings
}

fn of_error(error: Error) -> String {
    let source = std::error::Error::source(&error).map(|source| format!("{source} {source:?}"));
    format!("{error} {error:?} {} {} {source:?}", error.to_json(), error.message())
}

fn told<T>(outcome: Result<T, Error>, of: impl FnOnce(T) -> String) -> String {
    outcome.map_or_else(of_error, of)
}

/// Every name and every file below, but for what the user's own SQL is kept in.
fn stored(folder: &Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        into.push_str(&format!("{}\n", entry.path().display()));
        if entry.file_type().unwrap().is_dir() {
            stored(&entry.path(), into);
        } else if let Ok(text) = std::fs::read(entry.path()) {
            into.push_str(&String::from_utf8_lossy(&text));
        }
    }
}

/// What comes out of each door that a spelling is put through.
fn doors(url: &str, source: &Path, place: &Path) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    let mut tell = |door: &str, text: String| out.push((door.to_owned(), text));
    let config = || Config {
        output: Some(place.join("out")),
        state: Some(place.join("state")),
        language: Language::En,
        threads: Some(1),
        ..Config::default()
    };
    let shown = |client: Client| client.metrics();
    tell("open", told(Client::open_with(url, config()), shown));
    for field in
        ["lake", "output", "state", "spill", "postgres", "threads", "deadline", "language", "max_priority", "other"]
    {
        for given in [json!({field: url}), json!({field: [url]}), json!({field: {url: url}})] {
            tell(field, told(Config::from_env_and(&given), |config| format!("{config:?} {}", json!(config))));
        }
        let folder = |config: Config| match field {
            "lake" => Config { lake: Some(url.into()), ..config },
            "output" => Config { output: Some(url.into()), ..config },
            "state" => Config { state: Some(url.into()), ..config },
            _ => Config { spill: Some(url.into()), ..config },
        };
        if matches!(field, "lake" | "output" | "state" | "spill") {
            let client = Client::open_with(source, folder(config()));
            let listed = |client: Client| format!("{:?}", client.jobs().map_err(of_error));
            tell(field, told(client, listed));
        }
    }
    tell("unknown setting", told(Config::from_env_and(&json!({url: 1})), |config| format!("{config:?}")));
    let client = Client::open_with(source, config()).unwrap();
    let query = |params: Value| {
        let params = client.params(&params.to_string())?;
        client.explain(&params).map(|explain| json!(explain).to_string())
    };
    for params in [
        json!({"dataset": url}),
        json!({"dataset": [url]}),
        json!({"dataset": {"name": url}}),
        json!({"dataset": "SIH-RD", "uf": [url]}),
        json!({"dataset": "SIH-RD", "competencia": url}),
        json!({"dataset": "SIH-RD", "columns": [url]}),
        json!({"dataset": "SIH-RD", "where": {url: 1}}),
        json!({"dataset": "SIH-RD", "where": {"SEXO": url}}),
        json!({"dataset": "SIH-RD", "where": {"SEXO": {url: 1}}}),
        json!({"dataset": "SIH-RD", "order_by": [url]}),
        json!({"dataset": "SIH-RD", "limit": url}),
        json!({"dataset": "SIH-RD", "options": {"priority": url}}),
        json!({"dataset": "SIH-RD", "options": {url: 1}}),
        json!({"dataset": "SIH-RD", url: 1}),
        json!({"sql": url}),
        json!({"sql": format!("SELECT '{url}' FROM nowhere")}),
        json!({"sql": format!("SELECT \"{url}\" FROM sih_rd")}),
        json!({"sql": format!("SELECT * FROM \"{url}\"")}),
        json!({"sql": format!("SELECT * FROM read_parquet('{url}')")}),
        json!({"sql": format!("SELECT SEXO FROM sih_rd WHERE SEXO = ? -- {url}"), "params": [url]}),
        json!(url),
        json!([url]),
    ] {
        tell(&format!("params {params}"), told(query(params), |explain| explain));
    }
    tell("broken params", told(client.params(&format!("{{\"dataset\": \"{url}")), |params| format!("{params:?}")));
    for to in [
        json!(url),
        json!([url]),
        json!(format!("{url}.csv")),
        json!({"postgres": url}),
        json!({"postgres": {"table": url}}),
        json!({"postgres": {"table": "a.b", "mode": url}}),
        json!({"postgres": {"table": "a.b", "key": [url], "mode": "upsert"}}),
        json!({"postgres": {"table": "a.b", "connections": url}}),
        json!({"postgres": {"table": "a.b", url: 1}}),
        json!({"postgres": {"table": "a.b", "url": [url]}}),
        json!({"postgres": {"table": "a.b", "url": url}}),
        json!({"csv": {"path": format!("{url}.csv")}}),
        json!({"csv": {"path": "a.csv", "delimiter": url}}),
        json!({"parquet": {"path": url}}),
        json!({url: {}}),
    ] {
        let one = QueryParams::dataset("SIH-RD").uf(["AC"]).competencia("202401");
        let exported = client.destinations(&to.to_string()).and_then(|to| {
            let debug = format!("{to:?} {}", json!(to));
            client.export(&one, to).map(|report| format!("{report} {} {debug}", report.to_json()))
        });
        tell(&format!("to {to}"), told(exported, |report| report));
    }
    for job in [url, &format!("../{url}")] {
        tell("resume", told(client.resume(job).map(|_| ()), |()| String::new()));
        tell("discard", told(client.discard(job), |()| String::new()));
        tell("replay", told(client.replay(job), |replayed| format!("{replayed:?}")));
        tell("dead letters", told(client.dead_letters(job), |letters| format!("{letters:?}")));
    }
    tell("destination", told(Destination::parse(url), |to| format!("{to:?}")));
    let debug = Postgres { url: Some(Secret::new(url)), ..Postgres::default() };
    tell("debug", format!("{debug:?} {}", json!(debug)));
    tell("jobs", told(client.jobs(), |jobs| json!(jobs).to_string()));
    tell("metrics", client.metrics());
    tell("panic", of_error(Error::panicked("place", &url.to_owned())));
    out
}

/// What stands around the first sign of the password.
fn around(text: &str) -> String {
    let at = text.find(ONE).or(text.find(TWO)).unwrap_or_default();
    let before = text[..at].chars().rev().take(200).collect::<Vec<_>>();
    before.into_iter().rev().chain(text[at..].chars().take(200)).collect()
}

#[test]
fn no_spelling_of_a_password_comes_out_of_any_door() {
    listen();
    let folder = tempfile::tempdir().unwrap();
    let (source, place) = (folder.path().join("source"), folder.path().join("place"));
    datasus::source::write_example_data(&source, 10).unwrap();
    let spellings: &'static [String] = spellings().leak();
    let hides = |text: &str| !text.contains(ONE) && !text.contains(TWO);
    assert_eq!(spellings.len(), 93);
    // One that is an address waits for its server in vain, three times.
    let through = |spellings: &[String], place: &Path| {
        let ways = spellings.iter().flat_map(|url| doors(url, &source, place).into_iter().map(move |told| (url, told)));
        ways.map(|(url, (door, text))| {
            let text: String = if hides(&text) { String::new() } else { around(&text) };
            format!("{url}\n  {door}: {text}")
        })
        .collect::<Vec<_>>()
    };
    let ways: Vec<String> = std::thread::scope(|scope| {
        let run = |(number, part): (usize, &'static [String])| {
            let place = place.join(number.to_string());
            scope.spawn(move || through(part, &place))
        };
        let running: Vec<_> = spellings.chunks(8).enumerate().map(run).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut shown: Vec<&str> = ways.iter().map(String::as_str).filter(|way| !way.ends_with(": ")).collect();
    let logged = logged();
    shown.extend(logged.lines().filter(|line| !hides(line)).take(9));
    let mut files = String::new();
    stored(folder.path(), &mut files);
    shown.extend(files.lines().filter(|line| !hides(line)).take(9));
    let ways = ways.len();
    println!("{} spellings, {ways} ways", spellings.len());
    assert!(shown.is_empty(), "{} of {ways}:\n{}", shown.len(), shown[..shown.len().min(40)].join("\n"));
}
