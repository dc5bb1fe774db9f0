//! What a query is built of, as metrics count it.

use serde_json::Value;

use crate::gate;
use crate::metrics::Complexity;
use crate::params::{Ask, Projection};

pub(super) fn of(ask: &Ask) -> Complexity {
    let mut found = Complexity::default();
    match ask {
        Ask::Structured(structured) => {
            if let Projection::Grouped { figures, .. } = &structured.projection {
                found.aggregations = figures.len() as u64;
            }
        }
        // The gate bounds how deep it is.
        Ask::Sql(sql) => count(&sql.syntax.statement, &mut found),
        Ask::Catalog(_) => {}
    }
    found
}

fn count(node: &Value, found: &mut Complexity) {
    match node {
        Value::Array(items) => items.iter().for_each(|item| count(item, found)),
        Value::Object(map) => {
            let name = map.get("function_name").and_then(Value::as_str);
            match (map.get("class").and_then(Value::as_str), map.get("type").and_then(Value::as_str)) {
                (Some("WINDOW"), _) => found.windows += 1,
                (Some("FUNCTION"), _) if name.is_some_and(gate::is_aggregate) => found.aggregations += 1,
                (_, Some("JOIN")) => found.joins += 1,
                _ => {}
            }
            map.values().for_each(|value| count(value, found));
        }
        _ => {}
    }
}
