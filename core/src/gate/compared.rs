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
                Some("CONSTANT") => value["value"]["value"].as_str().map(|text| Constant::Text(text.to_owned())),
                Some("PARAMETER") => value["identifier"].as_str().map(|name| Constant::Parameter(name.to_owned())),
                _ => None,
            };
            if let Some(value) = value.filter(|_| self.compared.len() < MOST) {
                self.compared.push(Compared { column: name.to_uppercase(), value });
            }
        }
    }
}
