//! JSON from a caller, read without loss: a key that stands twice and a number that a double cannot hold are refused, where
//! `serde_json` takes the last one and rounds.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::clip::ends;
use super::{Text, clip, text};

/// Why a text is not taken, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotJson {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1.
    pub column: usize,
    /// What is wrong there.
    pub what: Text,
}

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what.en)
    }
}

/// Bytes of a JSON text, and values in it. A condition with ten thousand codes has a hundred thousand bytes.
pub const MOST_JSON: usize = 8 << 20;
const MOST_VALUES: usize = 250_000;

/// The value of a JSON text.
pub fn exact_json(json: &str) -> Result<Value, NotJson> {
    let bytes = json.len();
    if bytes > MOST_JSON {
        let what = text!(
            "o texto tem {bytes} bytes; o máximo é {MOST_JSON}",
            "the text has {bytes} bytes; at most {MOST_JSON}"
        );
        return Err(NotJson { line: 1, column: 1, what });
    }
    LEFT.set(MOST_VALUES);
    let value = serde_json::from_str(json).map(|Exact(value)| value).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let said = error.to_string();
        // Of our own refusals the place stands behind the key.
        let too_many = said.starts_with(TOO_MANY);
        let twice = said.strip_prefix(TWICE).and_then(|rest| rest.rsplit_once(" at line "));
        let what = match twice {
            _ if too_many => text!("há mais de {MOST_VALUES} valores", "there are more than {MOST_VALUES} values"),
            Some((key, _)) => text!(
                "a chave {key} aparece duas vezes no mesmo objeto: só uma delas valeria; deixe uma",
                "the key {key} stands twice in one object: only one of them would count; leave one"
            ),
            None if error.is_eof() => {
                text!("o texto termina antes do fim (linha {line}, coluna {column})", "it ends too early: {said}")
            }
            None => {
                let said = ends(&said);
                text!("não é JSON na linha {line}, coluna {column}", "{said}")
            }
        };
        NotJson { line, column, what }
    })?;
    match rounded(json) {
        None => Ok(value),
        Some((at, number)) => {
            let number = clip(number);
            let before = &json[..at];
            let line = before.matches('\n').count() + 1;
            let column = at - before.rfind('\n').map_or(0, |newline| newline + 1) + 1;
            let what = text!(
                "o número {number} tem mais algarismos do que se guardam sem arredondar; escreva-o como texto: \"{number}\"",
                "the number {number} has more digits than are kept without rounding; write it as text: \"{number}\""
            );
            Err(NotJson { line, column, what })
        }
    }
}

/// True where options are an object: for a list `serde` would take the fields by their places.
pub fn has_named_options(choice: &Value) -> bool {
    match choice {
        Value::Array(each) => each.iter().all(|one| !one.is_array() && has_named_options(one)),
        Value::Object(map) => map.values().all(Value::is_object),
        _ => true,
    }
}

/// What is said where they are not.
pub fn options_by_name() -> Text {
    text!("as opções vão pelo nome, num objeto", "options go by name, in an object")
}

const TWICE: &str = "twice: ";
const TOO_MANY: &str = "too many values";

thread_local! {
    /// Values that the text at hand may yet have. `serde` has no place for it.
    static LEFT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts a value of the text at hand.
fn one_more<E: serde::de::Error>() -> Result<(), E> {
    let left = LEFT.get().checked_sub(1).ok_or_else(|| E::custom(TOO_MANY))?;
    LEFT.set(left);
    Ok(())
}

struct Exact(Value);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E>(self, of: bool) -> Result<Value, E> {
                Ok(of.into())
            }

            fn visit_i64<E>(self, of: i64) -> Result<Value, E> {
                Ok(of.into())
            }

            fn visit_u64<E>(self, of: u64) -> Result<Value, E> {
                Ok(of.into())
            }

            fn visit_f64<E>(self, of: f64) -> Result<Value, E> {
                Ok(Number::from_f64(of).map_or(Value::Null, Value::Number))
            }

            fn visit_str<E>(self, of: &str) -> Result<Value, E> {
                Ok(of.into())
            }

            fn visit_string<E>(self, of: String) -> Result<Value, E> {
                Ok(of.into())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut of: A) -> Result<Value, A::Error> {
                let mut list = Vec::new();
                while let Some(Exact(one)) = of.next_element()? {
                    one_more()?;
                    list.push(one);
                }
                Ok(list.into())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut of: A) -> Result<Value, A::Error> {
                let mut map = Map::new();
                while let Some(key) = of.next_key::<String>()? {
                    if map.contains_key(&key) {
                        return Err(A::Error::custom(format_args!("{TWICE}{}", Value::from(clip(&key)))));
                    }
                    let Exact(value) = of.next_value()?;
                    one_more()?;
                    map.insert(key, value);
                }
                Ok(map.into())
            }
        }

        deserializer.deserialize_any(Any).map(Exact)
    }
}

/// The first number that reading changed, and where it stands. `json` is JSON.
fn rounded(json: &str) -> Option<(usize, &str)> {
    let bytes = json.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at += 1;
                while bytes.get(at).is_some_and(|&byte| byte != b'"') {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let length = bytes[at..].iter().take_while(|byte| b"0123456789+-.eE".contains(byte)).count();
                let number = &json[at..at + length];
                if !is_kept(number) {
                    return Some((at, number));
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    None
}

/// True where the value read has the digits that were written.
fn is_kept(number: &str) -> bool {
    if number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return true;
    }
    let Ok(read) = number.parse::<f64>() else { return false };
    read.is_finite() && significant(number) == significant(&format!("{read:e}"))
}

/// Digits without leading and trailing zeros, and the power of ten of the first one.
fn significant(number: &str) -> (String, i64) {
    let number = number.trim_start_matches('-');
    let (digits, power) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    let short = all.trim_start_matches('0');
    if short.is_empty() {
        return (String::new(), 0);
    }
    // A power beyond i64 belongs to no finite number but zero.
    let power = power.parse::<i64>().unwrap_or(0);
    let first = whole.len() as i64 - (all.len() - short.len()) as i64;
    (short.trim_end_matches('0').to_owned(), first.saturating_add(power))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_read_is_what_was_written() {
        for text in
            [r#"{"a": [1, -2.5, "x\"1", null, true, {"b": {}}], "c": 1e3, "d": 0.1}"#, "[]", "3", "\"e\\u0000\""]
        {
            assert_eq!(exact_json(text).unwrap(), serde_json::from_str::<Value>(text).unwrap(), "{text}");
        }
        let exact =
            ["0.30000000000000004", "18446744073709551615", "-9223372036854775808", "1e300", "0e99999999999999999999"];
        for number in
            exact.into_iter().chain(["-0", "0.0", "123.4500", "1E+2", "5e-324", "0.00001", "100000000000000000000"])
        {
            assert!(exact_json(number).is_ok(), "{number}");
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_named() {
        let refused = exact_json("{\"where\": [1],\n \"where\": []}").unwrap_err();
        assert_eq!((refused.line, refused.what.pt.contains("\"where\"")), (2, true), "{refused:?}");
        assert!(exact_json(r#"[{"a": {"b": 1, "c": 2, "b": 1}}]"#).is_err());
        // The same key in two objects, and as written with an escape.
        assert_eq!(exact_json(r#"[{"a": 1}, {"a": 2}]"#).unwrap(), json!([{"a": 1}, {"a": 2}]));
        assert!(exact_json(r#"{"a": 1, "\u0061": 2}"#).is_err());
    }

    #[test]
    fn a_number_that_would_be_rounded_is_named() {
        for number in [
            "12345678901234567.89",
            "0.12345678901234567890",
            "18446744073709551617",
            "1.00000000000000000001",
            "1e-400",
        ] {
            let text = format!("{{\"t\": \"1.00000000000000000001\",\n\"n\": {number}}}");
            let refused = exact_json(&text).unwrap_err();
            assert!((refused.line, refused.column) == (2, 6) && refused.what.en.contains(number), "{refused:?}");
        }
        assert!(exact_json("1e400").is_err() && exact_json("NaN").is_err() && exact_json("-Infinity").is_err());
    }

    #[test]
    fn a_text_that_is_too_large_costs_nothing_and_is_not_echoed() {
        let many = format!("[{}]", vec!["1"; MOST_VALUES + 1].join(","));
        let keys = (0..MOST_VALUES + 1).map(|n| format!("\"k{n}\":1")).collect::<Vec<_>>();
        let number = format!("1{}.5", "0".repeat(1 << 20));
        let long = "k".repeat(3 << 20);
        let twice = format!("{{\"{long}\":1,\"{long}\":2}}");
        for text in
            [" ".repeat(MOST_JSON + 1), many, format!("{{{}}}", keys.join(",")), number, twice, "[".repeat(9_999)]
        {
            let refused = exact_json(&text).unwrap_err();
            assert!(refused.what.pt.len() + refused.what.en.len() < 2_000, "{}", refused.what.en.len());
        }
        assert!(exact_json(&format!("[{}]", vec!["1"; MOST_VALUES].join(","))).is_ok());
    }

    #[test]
    fn what_is_no_json_is_refused_with_its_place() {
        for (text, line) in [("{\"a\": ", 1), ("", 1), ("{\n'a': 1}", 2), ("\"\\ud800\"", 1), ("[1,]", 1), ("{} x", 1)]
        {
            assert_eq!(exact_json(text).unwrap_err().line, line, "{text}");
        }
    }
}
