//! Which relations an expression is about.

use serde_json::Value;

use super::relation::Relation;
use crate::gate::is_aggregate;

/// The parts of a condition that all have to hold.
pub(super) fn conjuncts<'v>(node: &'v Value, into: &mut Vec<&'v Value>) {
    match (node["type"].as_str(), node["children"].as_array()) {
        (Some("CONJUNCTION_AND"), Some(children)) => children.iter().for_each(|child| conjuncts(child, into)),
        _ if node.is_null() => {}
        _ => into.push(node),
    }
}

/// The numbers of the relations that `node` names; none where that cannot be told, or it asks another query.
pub(super) fn relations_of(node: &Value, relations: &[Relation]) -> Option<Vec<usize>> {
    let mut found = Vec::new();
    gather(node, relations, &mut found)?;
    found.sort_unstable();
    found.dedup();
    Some(found)
}

fn gather(node: &Value, relations: &[Relation], into: &mut Vec<usize>) -> Option<()> {
    match node {
        Value::Array(list) => list.iter().try_for_each(|one| gather(one, relations, into)),
        Value::Object(map) => match map.get("class").and_then(Value::as_str) {
            Some("SUBQUERY" | "LAMBDA" | "POSITIONAL_REFERENCE" | "STAR") => None,
            Some("COLUMN_REF") => {
                let names: Vec<&str> = map.get("column_names")?.as_array()?.iter().filter_map(Value::as_str).collect();
                let place = match names[..] {
                    [column] => the_one_with(column, relations)?,
                    [table, _] => relations.iter().position(|one| one.alias.eq_ignore_ascii_case(table))?,
                    _ => return None,
                };
                into.push(place);
                Some(())
            }
            _ => map.values().try_for_each(|one| gather(one, relations, into)),
        },
        _ => Some(()),
    }
}

fn the_one_with(column: &str, relations: &[Relation]) -> Option<usize> {
    if let [_] = relations {
        return Some(0);
    }
    let surely = relations.iter().position(|one| one.has(column) == Some(true));
    surely.or_else(|| relations.iter().position(|one| one.has(column).is_none()))
}

/// Whether an expression puts rows together, outside of windows and subqueries.
pub(super) fn aggregates(node: &Value) -> bool {
    match node {
        Value::Array(list) => list.iter().any(aggregates),
        Value::Object(map) => match map.get("class").and_then(Value::as_str) {
            Some("WINDOW" | "SUBQUERY") => false,
            Some("FUNCTION") if map.get("function_name").and_then(Value::as_str).is_some_and(is_aggregate) => true,
            _ => map.values().any(aggregates),
        },
        _ => false,
    }
}

/// Of an item of a select list, the name of its column.
pub(super) fn name_of(item: &Value) -> Option<String> {
    let alias = item["alias"].as_str().filter(|alias| !alias.is_empty());
    let column = || item["column_names"].as_array()?.last()?.as_str();
    alias.or_else(column).map(str::to_owned)
}
