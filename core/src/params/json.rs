//! Reading the contract from JSON, with every unknown key and wrong type named by its path.
//!
//! What is allowed is what the types' own JSON Schema says; nothing is listed here.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::base::{
    Code, Error, Language, NotJson, Problem, Result, Text, TraceId, clip, did_you_mean, exact_json, json_words, text,
    value_words,
};

use super::QueryParams;
use super::form::{Form, Kind};
use super::sizes::{MOST_PROBLEMS, told};

/// Nested conditions at most; deeper ones are refused before they are read.
const MAX_DEPTH: usize = 16;

static SCHEMA: LazyLock<Value> = LazyLock::new(QueryParams::json_schema);

impl QueryParams {
    /// Reads a query from its JSON text. Malformed text, unknown keys and wrong types are DS-400, all in one answer.
    pub fn from_json(json: &str) -> Result<Self> {
        let value = exact_json(json).map_err(|NotJson { what, line, column }| {
            let Text { pt, en } = what;
            Error::new(
                Code::Malformed,
                text!(
                    "A consulta em JSON, por exemplo {{\"dataset\": \"SIH-RD\"}}: {pt}",
                    "The query's JSON, for example {{\"dataset\": \"SIH-RD\"}}: {en}"
                ),
            )
            .with("line", line)
            .with("column", column)
            .stage("validate")
            .traced(&TraceId::new(), Language::default())
        })?;
        QueryParams::from_value(value)
    }

    /// The same from a JSON value.
    pub fn from_value(value: Value) -> Result<Self> {
        let mut check = Check::default();
        check.value(&value, &Form::of(&SCHEMA), "$", 0);
        if !check.problems.is_empty() {
            let error = told(check.problems, check.not_named).stage("validate");
            return Err(error.traced(&TraceId::new(), Language::default()));
        }
        serde_json::from_value(value).map_err(|error| {
            let words = json_words(&error);
            let (pt, en) = (words.pt, words.en);
            Error::new(
                Code::Malformed,
                text!(
                    "A consulta não tem a forma esperada: {pt}",
                    "The query has not the form that was expected: {en}"
                ),
            )
            .with("parser_message", error.to_string())
            .stage("validate")
            .traced(&TraceId::new(), Language::default())
        })
    }
}

#[derive(Default)]
struct Check {
    problems: Vec<Problem>,
    /// Problems beyond those.
    not_named: usize,
}

impl Check {
    /// Whether another problem is only counted: making a sentence of each may cost more than anything else.
    fn is_full(&mut self) -> bool {
        let full = self.problems.len() >= MOST_PROBLEMS;
        self.not_named += usize::from(full);
        full
    }

    /// `depth`: how many conditions stand around this one.
    fn value(&mut self, value: &Value, form: &Form, path: &str, depth: usize) {
        match form.kind() {
            Kind::Words(words) => self.one_of(value, path, &words),
            Kind::Object => self.object(value, form, path, depth),
            Kind::Objects(variants) => {
                if depth > MAX_DEPTH {
                    return self.too_deep(path);
                }
                let keys: Vec<&str> = match value.as_object() {
                    Some(map) => map.keys().map(String::as_str).collect(),
                    None => Vec::new(),
                };
                // The one that has just these keys; else it is told what the first lacks.
                let fits = |one: &&Form| one.has_all(&keys) && one.required().all(|key| keys.contains(&key));
                if let Some(variant) = variants.iter().find(fits).or(variants.first()) {
                    self.object(value, variant, path, depth + 1);
                }
            }
            Kind::List(items) => match value {
                Value::Array(list) => {
                    for (index, item) in list.iter().enumerate() {
                        self.value(item, &items, &format!("{path}[{index}]"), depth);
                    }
                }
                other => self.refuse(path, form, other),
            },
            Kind::Plain => {
                let inside = form.object_variant().filter(|_| value.is_object());
                match inside {
                    Some(variant) => self.object(value, &variant, path, depth),
                    None if form.takes(value) => {}
                    None => self.refuse(path, form, value),
                }
            }
        }
    }

    fn object(&mut self, value: &Value, form: &Form, path: &str, depth: usize) {
        let Value::Object(map) = value else { return self.refuse(path, form, value) };
        self.unknown_keys(map, form, path);
        for (key, of) in form.properties() {
            let given = match map.get(key) {
                None if !form.required().any(|required| required == key) => continue,
                Some(Value::Null) if of.is_nullable() => continue,
                given => given.unwrap_or(&Value::Null),
            };
            self.value(given, &of, &format!("{path}.{key}"), depth);
        }
    }

    fn unknown_keys(&mut self, map: &Map<String, Value>, form: &Form, path: &str) {
        let known: Vec<&str> = form.properties().map(|(key, _)| key).collect();
        for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
            if self.is_full() {
                continue;
            }
            let near = did_you_mean(key, known.iter().copied());
            let shown = clip(key);
            let (place, list) = (place(path), known.join(", "));
            let (pt, en) = match near.first() {
                Some(name) => (format!("quis dizer `{name}`?"), format!("did you mean `{name}`?")),
                None => (format!("há: {list}"), format!("there are: {list}")),
            };
            let (in_pt, in_en) = match path {
                "$" => (String::new(), String::new()),
                _ => (format!(" em {}", place.pt), format!(" in {}", place.en)),
            };
            self.problems.push(
                Problem::new(
                    Code::Malformed,
                    text!(
                        "Não existe o parâmetro `{shown}`{in_pt}; {pt}",
                        "There is no parameter `{shown}`{in_en}; {en}"
                    ),
                )
                .with("path", format!("{path}.{shown}"))
                .with("received", shown)
                .with("did_you_mean", near)
                .with("valid_keys", known.as_slice()),
            );
        }
    }

    fn too_deep(&mut self, path: &str) {
        if self.is_full() {
            return;
        }
        self.problems.push(
            Problem::new(
                Code::Malformed,
                text!(
                    "Condições aninhadas além de {MAX_DEPTH} níveis; junte-as numa só lista (`all` ou `any`)",
                    "Conditions nested deeper than {MAX_DEPTH} levels; put them into one list (`all` or `any`)"
                ),
            )
            .with("path", path),
        );
    }

    fn one_of(&mut self, given: &Value, path: &str, words: &[&str]) {
        if given.as_str().is_some_and(|word| words.contains(&word)) || self.is_full() {
            return;
        }
        let (place, came, list) = (place(path), value_words(given), words.join(", "));
        let (place_pt, place_en, came_pt, came_en) = (place.pt, place.en, came.pt, came.en);
        self.problems.push(
            Problem::new(
                Code::Malformed,
                text!(
                    "{place_pt}: esperado um destes: {list}; recebido {came_pt}",
                    "{place_en}: expected one of {list}; received {came_en}"
                ),
            )
            .with("path", path)
            .with("received", shown(given))
            .with("valid_values", words)
            .with("did_you_mean", did_you_mean(given.as_str().unwrap_or(""), words.iter().copied())),
        );
    }

    fn refuse(&mut self, path: &str, form: &Form, given: &Value) {
        if self.is_full() {
            return;
        }
        let (place, came, expected, example) = (place(path), value_words(given), form.expected(), form.example());
        let (place_pt, place_en, came_pt, came_en) = (place.pt, place.en, came.pt, came.en);
        let Text { pt, en } = expected;
        self.problems.push(
            Problem::new(
                Code::Malformed,
                text!(
                    "{place_pt}: esperado {pt}, por exemplo {example}; recebido {came_pt}",
                    "{place_en}: expected {en}, for example {example}; received {came_en}"
                ),
            )
            .with("path", path)
            .with("expected_format", en)
            .with("received", shown(given))
            .with("valid_examples", vec![example]),
        );
    }
}

/// The value as JSON, cut so that an error stays readable.
fn shown(value: &Value) -> String {
    clip(&value.to_string())
}

/// `$.where[0].op` for people: `` `where`, item 1, `op` ``.
fn place(path: &str) -> Text {
    let mut named = Vec::new();
    for part in path.split('.').filter(|part| *part != "$") {
        let (name, item) = part.split_once('[').unwrap_or((part, ""));
        named.push(format!("`{name}`"));
        let number = item.strip_suffix(']').and_then(|number| number.parse::<usize>().ok());
        named.extend(number.map(|number| format!("item {}", number + 1)));
    }
    let named = named.join(", ");
    match named.is_empty() {
        true => text!("A consulta", "The query"),
        false => text!("{named}", "{named}"),
    }
}
