//! By which columns a text looks for rows: those of its conditions, its joins and its orders.

use std::collections::BTreeSet;

use serde_json::Value;

/// Columns in upper case, by what is done with them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sought {
    /// In WHERE.
    pub filtered: BTreeSet<String>,
    /// In JOIN, by ON or USING.
    pub joined: BTreeSet<String>,
    /// In ORDER BY, where a column itself is what is ordered by.
    pub ordered: BTreeSet<String>,
}

/// Of a statement as the engine's parser sees it, which has passed the gate.
pub fn sought(statement: &Value) -> Sought {
    let mut sought = Sought::default();
    sought.visit(statement);
    sought
}

impl Sought {
    fn visit(&mut self, node: &Value) {
        match node {
            Value::Array(all) => all.iter().for_each(|one| self.visit(one)),
            Value::Object(map) => {
                map.get("where_clause").into_iter().for_each(|clause| named(clause, &mut self.filtered));
                if map.get("type").is_some_and(|kind| kind == "JOIN") {
                    map.get("condition").into_iter().for_each(|on| named(on, &mut self.joined));
                    let using = map.get("using_columns").and_then(Value::as_array).into_iter().flatten();
                    let using = using.filter_map(Value::as_str);
                    self.joined.extend(using.map(str::to_uppercase));
                }
                if map.get("type").is_some_and(|kind| kind == "ORDER_MODIFIER") {
                    let orders = map.get("orders").and_then(Value::as_array).into_iter().flatten();
                    let plain = orders.map(|order| &order["expression"]).filter(|by| by["class"] == "COLUMN_REF");
                    plain.for_each(|by| named(by, &mut self.ordered));
                }
                map.values().for_each(|one| self.visit(one));
            }
            _ => {}
        }
    }
}

/// Columns of an expression; a query within it says by its own conditions what it looks for.
fn named(node: &Value, into: &mut BTreeSet<String>) {
    match node {
        Value::Array(all) => all.iter().for_each(|one| named(one, into)),
        Value::Object(map) if map.get("class").is_some_and(|class| class == "COLUMN_REF") => {
            let name = map.get("column_names").and_then(|names| names.as_array()?.last()?.as_str());
            into.extend(name.map(str::to_uppercase));
        }
        Value::Object(map) => {
            let own = map.iter().filter(|(key, _)| *key != "subquery");
            own.for_each(|(_, one)| named(one, into));
        }
        _ => {}
    }
}
