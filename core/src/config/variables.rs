//! The settings that `DATASUS_*` variables give: one for each field of [`Config`], read as its JSON Schema says.

use std::ffi::OsString;
use std::sync::LazyLock;

use serde_json::{Map, Number, Value};

use super::Config;
use crate::base::{Code, Error, Result, clip, text};

static SCHEMA: LazyLock<Value> = LazyLock::new(|| schemars::schema_for!(Config).to_value());

/// What is set, and not empty, as JSON has it; what cannot be read so is DS-422.
pub(super) fn settings(get: impl Fn(&str) -> Option<OsString>) -> Result<Map<String, Value>> {
    let mut settings = Map::new();
    for (key, form) in SCHEMA["properties"].as_object().into_iter().flatten() {
        // No variable holds an object.
        if form["type"] == "object" {
            continue;
        }
        let name = format!("DATASUS_{}", key.to_uppercase());
        let Some(said) = get(&name).filter(|said| !said.is_empty()) else { continue };
        let Ok(said) = said.into_string() else {
            return Err(wrong(&name, "\u{fffd}", ["um texto em UTF-8", "a text in UTF-8"]));
        };
        settings.insert(key.clone(), value(&name, said, form)?);
    }
    Ok(settings)
}

fn value(name: &str, said: String, form: &Value) -> Result<Value> {
    let words = words(form);
    if !words.is_empty() {
        let listed = |or: &str| match words.as_slice() {
            [others @ .., last] => format!("{} {or} {last}", others.join(", ")),
            [] => String::new(),
        };
        return match words.contains(&said.as_str()) {
            true => Ok(said.into()),
            false => Err(wrong(name, &said, [&listed("ou"), &listed("or")])),
        };
    }
    let is = |kind: &str| match &form["type"] {
        Value::Array(kinds) => kinds.iter().any(|one| one == kind),
        only => only == kind,
    };
    let read = match said.as_str() {
        _ if is("array") => {
            let all = said.split(',').map(str::trim).filter(|one| !one.is_empty());
            return Ok(all.map(Value::from).collect::<Vec<_>>().into());
        }
        _ if is("integer") => said.parse::<u64>().ok().map(Value::from),
        _ if is("number") => said.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number),
        "1" | "true" if is("boolean") => Some(true.into()),
        "0" | "false" if is("boolean") => Some(false.into()),
        _ if is("boolean") => None,
        _ => return Ok(said.into()),
    };
    let expected = match () {
        () if is("integer") => ["um número inteiro, como 4", "a whole number, as 4"],
        () if is("number") => ["um número, como 30 ou 0.5", "a number, as 30 or 0.5"],
        () => ["true ou false", "true or false"],
    };
    read.ok_or_else(|| wrong(name, &said, expected))
}

/// Those of an enumeration; none where any text is taken.
fn words(form: &Value) -> Vec<&str> {
    if let Some(name) = form["$ref"].as_str().and_then(|to| to.strip_prefix("#/$defs/")) {
        return words(&SCHEMA["$defs"][name]);
    }
    if let Some(word) = form["const"].as_str() {
        return vec![word];
    }
    let lists = ["enum", "oneOf", "anyOf"].into_iter().filter_map(|key| form[key].as_array());
    lists.flatten().flat_map(|one| one.as_str().map_or_else(|| words(one), |word| vec![word])).collect()
}

fn wrong(name: &str, received: &str, expected: [&str; 2]) -> Error {
    let ([pt, en], received) = (expected, clip(received));
    Error::new(
        Code::InvalidParams,
        text!("{name}: esperado {pt}; recebido \"{received}\"", "{name}: expected {en}; received \"{received}\""),
    )
    .with("expected_format", en)
    .with("received", received)
    .stage("config")
}
