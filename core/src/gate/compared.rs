//! Columns that are compared with constants: what the text means by a code can be told from what the catalogue knows of it.

use serde_json::Value;

use super::walk::Walk;
use crate::params::{Compared, Constant};

/// Comparisons that are kept; a hostile text could hold thousands.
const MOST: usize = 1000;

impl Walk<'_> {
    /// Notes `column` against each of `values` that is a constant text or a parameter.
    pub(super) fn compares<'v>(&mut self, column: &Value, values: impl IntoIterator<Item = &'v Value>) {
        if column["class"] != "COLUMN_REF" {
            return;
        }
        let Some(name) = column["column_names"].as_array().and_then(|names| names.last()?.as_str()) else { return };
        for value in values {
            let value = match value["class"].as_str() {
                Some("CONSTANT") => constant(&value["value"]["value"]),
                Some("PARAMETER") => value["identifier"].as_str().map(|name| Constant::Parameter(name.to_owned())),
                _ => None,
            };
            self.note(name, value);
        }
    }

    /// Notes `column LIKE 'text%'` and its like: up to the first wildcard a text is compared as it stands.
    pub(super) fn matches(&mut self, function: &str, arguments: &Value) {
        let pattern = match function {
            "~~" | "!~~" | "~~*" | "!~~*" => true,
            "starts_with" | "prefix" | "^@" => false,
            _ => return,
        };
        let (column, value) = (&arguments[0], &arguments[1]["value"]["value"]);
        let Some(name) = column["column_names"].as_array().and_then(|names| names.last()?.as_str()) else { return };
        let Some(text) = value.as_str() else { return };
        let constant = match text.find(['%', '_']).filter(|_| pattern) {
            Some(end) => Constant::Prefix(text[..end].to_owned()),
            None if pattern => Constant::Text(text.to_owned()),
            None => Constant::Prefix(text.to_owned()),
        };
        self.note(name, Some(constant));
    }

    fn note(&mut self, name: &str, value: Option<Constant>) {
        if let Some(value) = value.filter(|_| self.compared.len() < MOST) {
            self.compared.push(Compared { column: name.to_uppercase(), value });
        }
    }
}

fn constant(value: &Value) -> Option<Constant> {
    match value {
        Value::String(text) => Some(Constant::Text(text.clone())),
        Value::Number(number) => number.as_u64().map(|number| Constant::Number(number.to_string())),
        _ => None,
    }
}
