//! Which tables stand in one FROM.

use std::collections::BTreeSet;

use serde_json::Value;

/// The tables of a statement, in lower case, that stand in one FROM with `table`; those of a query within are in another.
pub(crate) fn beside(statement: &Value, table: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    look(statement, table, &mut found);
    found
}

fn look(node: &Value, table: &str, found: &mut BTreeSet<String>) {
    match node {
        Value::Object(fields) => {
            if let Some(from) = fields.get("from_table") {
                let mut tables = BTreeSet::new();
                tables_of(from, &mut tables);
                if tables.remove(table) {
                    found.append(&mut tables);
                }
            }
            fields.values().for_each(|inner| look(inner, table, found));
        }
        Value::Array(list) => list.iter().for_each(|inner| look(inner, table, found)),
        _ => {}
    }
}

fn tables_of(from: &Value, tables: &mut BTreeSet<String>) {
    match from["type"].as_str() {
        Some("BASE_TABLE") => tables.extend(from["table_name"].as_str().map(str::to_lowercase)),
        Some("JOIN") => ["left", "right"].into_iter().for_each(|side| tables_of(&from[side], tables)),
        Some("PIVOT") => tables_of(&from["source"], tables),
        _ => {}
    }
}
