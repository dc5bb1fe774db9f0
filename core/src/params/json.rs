//! Reading the contract from JSON, with every unknown key and wrong type named by its path.

use serde_json::{Map, Value};

use crate::base::{Code, Error, Language, NotJson, Problem, Result, Text, TraceId, did_you_mean, exact_json, text};

use super::{Op, QueryParams};

/// What is expected, in both languages.
type Expected = [&'static str; 2];
/// DuckDB counts rows in 63 bits.
const ROWS: Expected = ["um inteiro de 0 a 9223372036854775807", "integer from 0 to 9223372036854775807"];
const INTEGER: Expected = ["um inteiro", "integer"];
const SHARE: Expected = ["um número de 0 a 1", "number from 0 to 1"];
const TEXT: Expected = ["um texto", "text"];
const TEXTS: Expected = ["um texto ou uma lista de textos", "text or list of texts"];
const LIST_OF_TEXTS: Expected = ["uma lista de textos", "list of texts"];
const COMPETENCIA: Expected = ["um texto, uma lista de textos ou {from, to}", "text, list of texts or {from, to}"];
const BOOLEAN: Expected = ["true ou false", "true or false"];
const SECONDS: Expected = ["um número de segundos", "seconds"];
const CONDITIONS: Expected = ["uma lista de condições", "list of conditions"];
const LIST: Expected = ["uma lista", "list"];
const OBJECT: Expected = ["um objeto", "object"];

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
    "cache",
    "checkpoint_rows",
    "dead_letter_limit",
];
const AGGREGATE: &[&str] = &["fn", "column", "as"];
const FUNCTIONS: &[&str] = &["count", "count_distinct", "sum", "avg", "min", "max"];
const ORDER: &[&str] = &["column", "desc"];
const COMPARE: &[&str] = &["column", "op", "value"];
const RANGE: &[&str] = &["from", "to"];
/// Nested conditions at most; deeper ones are refused before they are read.
const MAX_DEPTH: usize = 16;

impl QueryParams {
    /// Reads a query from its JSON text. Malformed text, unknown keys and wrong types are DS-400, all in one answer.
    pub fn from_json(json: &str) -> Result<Self> {
        let value = exact_json(json).map_err(|NotJson { line, column, what }| {
            let Text { pt, en } = what;
            Error::new(Code::Malformed, text!("Consulta em JSON: {pt}", "The query's JSON: {en}"))
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
            let error = Error::from_problems(check.problems).stage("validate");
            return Err(error.traced(&TraceId::new(), Language::default()));
        }
        serde_json::from_value(value).map_err(|error| {
            Error::new(
                Code::Malformed,
                text!("Consulta fora do contrato: {error}", "The query does not follow the contract: {error}"),
            )
            .stage("validate")
            .traced(&TraceId::new(), Language::default())
        })
    }
}

#[derive(Default)]
struct Check {
    problems: Vec<Problem>,
}

impl Check {
    fn query(&mut self, value: &Value) {
        let Some(map) = self.object(value, "$", QUERY) else { return };
        self.optional(map, "dataset", Value::is_string, TEXT, "\"SIH-RD\"");
        self.optional(map, "sql", Value::is_string, TEXT, "\"SELECT count(*) FROM sih_rd\"");
        self.optional(map, "bind", Value::is_object, OBJECT, "{\"cnes\": \"2000733\"}");
        self.optional(map, "contract", Value::is_u64, INTEGER, "1");
        self.optional(map, "limit", Value::is_u64, ROWS, "100");
        self.optional(map, "uf", is_text_or_texts, TEXTS, "[\"SP\", \"RJ\"]");
        self.optional(map, "columns", is_texts, LIST_OF_TEXTS, "[\"CNES\", \"VAL_TOT\"]");
        self.optional(map, "group_by", is_texts, LIST_OF_TEXTS, "[\"CNES\"]");
        if let Some(competencia) = map.get("competencia").filter(|v| !v.is_null()) {
            if competencia.is_object() {
                if let Some(range) = self.object(competencia, "$.competencia", RANGE) {
                    for end in RANGE {
                        let path = format!("$.competencia.{end}");
                        let given = range.get(*end).unwrap_or(&Value::Null);
                        self.expect(given.is_string(), &path, TEXT, "\"202401\"", given);
                    }
                }
            } else {
                let ok = is_text_or_texts(competencia);
                self.expect(
                    ok,
                    "$.competencia",
                    COMPETENCIA,
                    "{\"from\": \"202301\", \"to\": \"202312\"}",
                    competencia,
                );
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
            ] {
                if let Some(given) = map.get(key).filter(|v| !v.is_null()) {
                    self.one_of(Some(given), &format!("$.options.{key}"), names);
                }
            }
        }
    }

    fn filter(&mut self, value: &Value, path: &str, depth: usize) {
        if depth > MAX_DEPTH {
            self.problems.push(
                Problem::new(
                    Code::Malformed,
                    text!(
                        "Condições aninhadas além de {MAX_DEPTH} níveis em {path}",
                        "Conditions nested deeper than {MAX_DEPTH} levels at {path}"
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
            let near = did_you_mean(key, known.iter().copied());
            let hint = near.first().map(|k| format!(" `{k}`?")).unwrap_or_default();
            let (pt, en) = match hint.is_empty() {
                true => (String::new(), String::new()),
                false => (format!("; quis dizer{hint}"), format!("; did you mean{hint}")),
            };
            self.problems.push(
                Problem::new(
                    Code::Malformed,
                    text!("Chave desconhecida `{key}` em {path}{pt}", "Unknown key `{key}` at {path}{en}"),
                )
                .with("path", format!("{path}.{key}"))
                .with("received", key.as_str())
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
        let received = shown(given);
        let list = names.join(", ");
        self.problems.push(
            Problem::new(
                Code::Malformed,
                text!(
                    "{path}: esperado um de {list}; recebido {received}",
                    "{path}: expected one of {list}; received {received}"
                ),
            )
            .with("path", path)
            .with("received", received)
            .with("valid_values", names)
            .with("did_you_mean", did_you_mean(given.as_str().unwrap_or(""), names.iter().copied())),
        );
    }

    fn expect(&mut self, ok: bool, path: &str, expected: Expected, example: &str, given: &Value) {
        if ok {
            return;
        }
        let received = shown(given);
        let [pt, en] = expected;
        self.problems.push(
            Problem::new(
                Code::Malformed,
                text!(
                    "{path}: esperado {pt}, por exemplo {example}; recebido {received}",
                    "{path}: expected {en}, for example {example}; received {received}"
                ),
            )
            .with("path", path)
            .with("expected_format", en)
            .with("received", received)
            .with("valid_examples", vec![example]),
        );
    }
}

/// The value as JSON, cut so that an error stays readable.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

fn is_texts(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.iter().all(Value::is_string))
}

fn is_text_or_texts(value: &Value) -> bool {
    value.is_string() || is_texts(value)
}
