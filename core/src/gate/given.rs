//! Arguments that are known before the text runs: written in it, or bound.

use std::collections::BTreeMap;

use serde_json::Value;

/// What an argument is known to be.
pub(super) enum Given<'v> {
    Value(&'v Value),
    /// A parameter that no value is given for: the params' own check says so.
    Missing,
    Computed,
}

/// A constant, or the value of a parameter.
pub(super) fn given<'v>(node: &'v Value, binds: &'v BTreeMap<String, Value>) -> Given<'v> {
    match node["class"].as_str() {
        Some("CONSTANT") => Given::Value(&node["value"]["value"]),
        Some("PARAMETER") => match binds.get(node["identifier"].as_str().unwrap_or_default()) {
            Some(value) => Given::Value(value),
            None => Given::Missing,
        },
        _ => Given::Computed,
    }
}
