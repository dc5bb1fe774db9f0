//! Words that are read beside those that the contract writes.

use serde_json::{Value, json};

/// Other ways of writing what an enumeration has, which are read as well.
pub(super) fn also(schema: &mut schemars::Schema, words: &[&str]) {
    if let Some(Value::Array(alternatives)) = schema.get_mut("oneOf") {
        alternatives.push(json!({"type": "string", "enum": words}));
    }
}
