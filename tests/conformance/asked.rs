//! What a case asks beside its query: `search`, `schema`, `rates` and the like.

use std::path::Path;

use datasus::catalog::Catalog;
use datasus::labels::open_records;
use datasus::source::RecordsOf;
use datasus::{Client, Language, QueryParams, Result};
use serde_json::{Map, Value, json};

use crate::{agree, as_text, check_error, check_fields};

/// Asks all of them of the client, in their order.
pub fn ask_all(client: &Client, source: &Path, case: &Value) -> std::result::Result<(), String> {
    for asked in case["asks"].as_array().into_iter().flatten() {
        let call = asked["call"].as_str().unwrap();
        match (ask(client, source, call, &asked["given"]), &asked["error"]) {
            (Err(error), Value::Null) => return Err(format!("{call}: unexpected {error:?}")),
            (Err(error), expected) => check_error(&error, expected).map_err(|why| format!("{call}: {why}"))?,
            (Ok(answer), Value::Null) => check(asked, &answer).map_err(|why| format!("{call}: {why}"))?,
            (Ok(answer), _) => return Err(format!("{call}: an error was expected: {answer}")),
        }
    }
    Ok(())
}

fn ask(client: &Client, source: &Path, call: &str, given: &Value) -> Result<Value> {
    let word = |key: &str| given[key].as_str();
    let below = |key: &str| word(key).map(|name| source.join(name));
    Ok(match call {
        "search" => json!(client.search(word("words").unwrap(), word("dataset"))?),
        "schema" => json!(client.schema(word("dataset").unwrap())?),
        "dictionaries" => json!(client.dictionaries()?),
        "sync_dictionaries" => {
            json!(client.sync_dictionaries(below("source").as_ref().map(|path| path.to_str().unwrap()))?)
        }
        "profile" => json!(client.profile(&QueryParams::from_value(given.clone())?)?),
        "rates" => json!(client.rates(&client.rates_params(&given.to_string())?)?),
        "read_dbc" => {
            let mut options: Map<String, Value> = given.as_object().unwrap().clone();
            options.remove("file");
            let wanted = RecordsOf::from_json(&Value::Object(options).to_string())?;
            let mut records = open_records(&below("file").unwrap(), &wanted, Catalog::builtin(), Language::Pt)?;
            let schema = records.schema();
            let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            let rows = as_text(&records.by_ref().collect::<Result<Vec<_>>>()?);
            json!({ "columns": columns, "rows": rows, "summary": records.summary_json() })
        }
        other => panic!("no call {other}"),
    })
}

fn check(asked: &Value, answer: &Value) -> std::result::Result<(), String> {
    check_fields(answer, &asked["expect"])?;
    let each = |key: &str| asked[key].as_object().into_iter().flatten();
    for (pointer, length) in each("length") {
        let found = answer.pointer(pointer).and_then(Value::as_array).map(Vec::len);
        if found.map(|found| found as u64) != length.as_u64() {
            return Err(format!("{pointer} has {found:?} items, expected {length}: {answer}"));
        }
    }
    for (pointer, items) in each("holds") {
        let among = answer.pointer(pointer).and_then(Value::as_array).ok_or_else(|| format!("{pointer} is no list"))?;
        for item in items.as_array().into_iter().flatten() {
            let is = |one: &Value| item.as_object().unwrap().iter().all(|(key, of)| agree(of, &one[key]));
            if !among.iter().any(is) {
                return Err(format!("{pointer}: no {item} among {:?}", &among[..among.len().min(20)]));
            }
        }
    }
    Ok(())
}
