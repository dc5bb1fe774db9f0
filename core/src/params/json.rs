//! Reading the contract from JSON, with every unknown key and wrong type named by its path.

use serde_json::{Map, Value};

use crate::base::{
    Code, Error, Language, NotJson, Problem, Result, Text, TraceId, clip, did_you_mean, exact_json, json_words, text,
    value_words,
};

use super::sizes::{MOST_PROBLEMS, told};
use super::{Op, QueryParams};

/// What is expected, in both languages.
type Expected = [&'static str; 2];
/// DuckDB counts rows in 63 bits.
const ROWS: Expected = ["um número inteiro de 0 a 9223372036854775807", "a whole number from 0 to 9223372036854775807"];
const INTEGER: Expected = ["um número inteiro", "a whole number"];
const SHARE: Expected = ["um número de 0 a 1", "a number from 0 to 1"];
const TEXT: Expected = ["um texto", "a text"];
const UFS: Expected =
    ["uma UF (sigla, nome ou código do IBGE) ou uma lista delas", "a UF (sigla, name or IBGE code) or a list of them"];
const LIST_OF_TEXTS: Expected = ["uma lista de textos", "a list of texts"];
const MONTH: Expected = ["um mês ou um ano", "a month or a year"];
const COMPETENCIA: Expected = [
    "um mês ou um ano, uma lista deles, ou o primeiro e o último (`from` e `to`)",
    "a month or a year, a list of them, or the first and the last (`from` and `to`)",
];
const BOOLEAN: Expected = ["verdadeiro ou falso", "true or false"];
const SECONDS: Expected = ["um número de segundos", "a number of seconds"];
const CONDITIONS: Expected = ["uma lista de condições", "a list of conditions"];
const LIST: Expected = ["uma lista", "a list"];
const OBJECT: Expected = ["um objeto", "an object"];

const QUERY: &[&str] = &[
    "contract",
    "dataset",
    "sql",
    "bind",
    "uf",
    "competencia",
    "columns",
    "where",
    "group_by",
    "aggregates",
    "order_by",
    "limit",
    "options",
];
const OPTIONS: &[&str] = &[
    "deadline",
    "missing",
    "versions",
    "partial",
    "priority",
    "on_emergency",
    "on_bad_value",
    "cache",
    "checkpoint_rows",
    "dead_letter_limit",
];
const AGGREGATE: &[&str] = &["fn", "column", "as"];
const FUNCTIONS: &[&str] = &["count", "count_distinct", "sum", "avg", "min", "max", "count(*)"];
const ORDER: &[&str] = &["column", "desc"];
const COMPARE: &[&str] = &["column", "op", "value"];
const RANGE: &[&str] = &["from", "to"];
/// Nested conditions at most; deeper ones are refused before they are read.
const MAX_DEPTH: usize = 16;

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
        check.query(&value);
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

    fn query(&mut self, value: &Value) {
        let Some(map) = self.object(value, "$", QUERY) else { return };
        self.optional(map, "dataset", Value::is_string, TEXT, "\"SIH-RD\"");
        self.optional(map, "sql", Value::is_string, TEXT, "\"SELECT count(*) FROM sih_rd\"");
        self.optional(map, "bind", Value::is_object, OBJECT, "{\"cnes\": \"2000733\"}");
        self.optional(map, "contract", Value::is_u64, INTEGER, "1");
        self.optional(map, "limit", Value::is_u64, ROWS, "100");
        self.optional(map, "uf", is_word_or_words, UFS, "\"SP\"");
        self.optional(map, "columns", is_texts, LIST_OF_TEXTS, "[\"CNES\", \"VAL_TOT\"]");
        self.optional(map, "group_by", is_texts, LIST_OF_TEXTS, "[\"CNES\"]");
        if let Some(competencia) = map.get("competencia").filter(|v| !v.is_null()) {
            if competencia.is_object() {
                if let Some(range) = self.object(competencia, "$.competencia", RANGE) {
                    for end in RANGE {
                        let path = format!("$.competencia.{end}");
                        let given = range.get(*end).unwrap_or(&Value::Null);
                        self.expect(is_word(given), &path, MONTH, "\"2024-01\"", given);
                    }
                }
            } else {
                let ok = is_word_or_words(competencia);
                self.expect(ok, "$.competencia", COMPETENCIA, "\"2024-01\"", competencia);
            }
        }
        for (index, filter) in self.list(map, "where").iter().enumerate() {
            self.filter(filter, &format!("$.where[{index}]"), 0);
        }
        for (index, aggregate) in self.list(map, "aggregates").iter().enumerate() {
            let path = format!("$.aggregates[{index}]");
            let Some(map) = self.object(aggregate, &path, AGGREGATE) else { continue };
            self.one_of(map.get("fn"), &format!("{path}.fn"), FUNCTIONS);
            for key in ["column", "as"] {
                self.optional_at(map, key, &path, Value::is_string, TEXT, "\"VAL_TOT\"");
            }
        }
        for (index, order) in self.list(map, "order_by").iter().enumerate() {
            let path = format!("$.order_by[{index}]");
            let Some(map) = self.object(order, &path, ORDER) else { continue };
            let column = map.get("column").unwrap_or(&Value::Null);
            self.expect(column.is_string(), &format!("{path}.column"), TEXT, "\"VAL_TOT\"", column);
            self.optional_at(map, "desc", &path, Value::is_boolean, BOOLEAN, "true");
        }
        if let Some(options) = map.get("options") {
            let Some(map) = self.object(options, "$.options", OPTIONS) else { return };
            self.optional_at(map, "deadline", "$.options", Value::is_number, SECONDS, "30.5");
            self.optional_at(map, "partial", "$.options", Value::is_boolean, BOOLEAN, "false");
            self.optional_at(map, "cache", "$.options", Value::is_boolean, BOOLEAN, "false");
            self.optional_at(map, "checkpoint_rows", "$.options", Value::is_u64, INTEGER, "10000");
            self.optional_at(map, "dead_letter_limit", "$.options", Value::is_number, SHARE, "0.01");
            for (key, names) in [
                ("missing", &["error", "warn"][..]),
                ("versions", &["refuse", "newest"]),
                ("priority", &["health", "admin", "user"]),
                ("on_emergency", &["sample", "spill", "wait", "fail"]),
                ("on_bad_value", &["null", "dead_letter", "fail"]),
            ] {
                if let Some(given) = map.get(key).filter(|v| !v.is_null()) {
                    self.one_of(Some(given), &format!("$.options.{key}"), names);
                }
            }
        }
    }

    fn filter(&mut self, value: &Value, path: &str, depth: usize) {
        if depth > MAX_DEPTH {
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
            return;
        }
        let keys: Vec<&str> = value.as_object().map(|m| m.keys().map(String::as_str).collect()).unwrap_or_default();
        match keys[..] {
            [name @ ("any" | "all")] => match &value[name] {
                Value::Array(list) => {
                    for (index, inner) in list.iter().enumerate() {
                        self.filter(inner, &format!("{path}.{name}[{index}]"), depth + 1);
                    }
                }
                other => self.expect(false, &format!("{path}.{name}"), CONDITIONS, "[]", other),
            },
            ["not"] => self.filter(&value["not"], &format!("{path}.not"), depth + 1),
            _ => {
                let Some(map) = self.object(value, path, COMPARE) else { return };
                let column = map.get("column").unwrap_or(&Value::Null);
                self.expect(column.is_string(), &format!("{path}.column"), TEXT, "\"IDADE\"", column);
                self.one_of(map.get("op"), &format!("{path}.op"), Op::NAMES);
            }
        }
    }

    fn list<'v>(&mut self, map: &'v Map<String, Value>, key: &str) -> &'v [Value] {
        match map.get(key) {
            None => &[],
            Some(Value::Array(list)) => list,
            Some(other) => {
                self.expect(false, &format!("$.{key}"), LIST, "[]", other);
                &[]
            }
        }
    }

    fn object<'v>(&mut self, value: &'v Value, path: &str, known: &[&str]) -> Option<&'v Map<String, Value>> {
        let Value::Object(map) = value else {
            self.expect(false, path, OBJECT, "{}", value);
            return None;
        };
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
                .with("valid_keys", known),
            );
        }
        Some(map)
    }

    fn optional(
        &mut self,
        map: &Map<String, Value>,
        key: &str,
        ok: fn(&Value) -> bool,
        expected: Expected,
        example: &str,
    ) {
        self.optional_at(map, key, "$", ok, expected, example);
    }

    fn optional_at(
        &mut self,
        map: &Map<String, Value>,
        key: &str,
        path: &str,
        ok: fn(&Value) -> bool,
        expected: Expected,
        example: &str,
    ) {
        if let Some(given) = map.get(key).filter(|v| !v.is_null()) {
            self.expect(ok(given), &format!("{path}.{key}"), expected, example, given);
        }
    }

    fn one_of(&mut self, given: Option<&Value>, path: &str, names: &[&str]) {
        let given = given.unwrap_or(&Value::Null);
        if given.as_str().is_some_and(|name| names.contains(&name)) {
            return;
        }
        if self.is_full() {
            return;
        }
        let (place, came, list) = (place(path), value_words(given), names.join(", "));
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
            .with("valid_values", names)
            .with("did_you_mean", did_you_mean(given.as_str().unwrap_or(""), names.iter().copied())),
        );
    }

    fn expect(&mut self, ok: bool, path: &str, expected: Expected, example: &str, given: &Value) {
        if ok || self.is_full() {
            return;
        }
        let (place, came, [pt, en]) = (place(path), value_words(given), expected);
        let (place_pt, place_en, came_pt, came_en) = (place.pt, place.en, came.pt, came.en);
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

fn is_texts(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.iter().all(Value::is_string))
}

/// A text, or a number that is read as its digits.
fn is_word(value: &Value) -> bool {
    value.is_string() || value.is_u64()
}

fn is_word_or_words(value: &Value) -> bool {
    is_word(value) || value.as_array().is_some_and(|list| list.iter().all(is_word))
}
