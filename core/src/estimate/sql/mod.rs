//! How many rows the user's SQL will give, from its tree: the one that the gate let pass and the engine runs.
//!
//! Conditions, keys and expressions on one table are computed on rows of its sample. Of joins the usual assumptions hold: keys of the
//! side with fewer are among those of the other, and their rows are spread evenly. What is not known here is guessed, with a wide
//! spread.

mod expression;
mod joins;
mod names;
mod relation;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use self::expression::Binds;
use self::names::{aggregates, conjuncts, name_of, relations_of};
use self::relation::{Relation, UNKNOWN};
use super::sample::Sample;
use super::spread::Spread;
use crate::params::{BindValue, Predicate};

/// A table that the text may name.
pub(super) struct Table {
    pub rows: Spread,
    /// In upper case.
    pub columns: BTreeSet<String>,
    /// Which all of its rows meet: those of the UFs that are wanted.
    pub conditions: Vec<Predicate>,
    pub sample: Option<Sample>,
}

/// What an answer is made with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// Of the answer.
    pub rows: Spread,
    /// Rows and groups that sorts, groups, windows and joins hold together.
    pub held: Spread,
}

/// Of a statement over these tables, which are named in lower case.
pub(super) fn estimate(statement: &Value, tables: BTreeMap<String, Table>, binds: &Binds) -> Found {
    let of_table = |(name, table): (String, Table)| (name, Relation::of_table(table));
    let tables = tables.into_iter().map(of_table).collect();
    let reader = Reader { tables, binds, held: Cell::new(Spread::exact(0.0)) };
    let rows = reader.query(&statement["node"], &[]).rows;
    Found { rows, held: reader.held.get() }
}

struct Reader<'a> {
    tables: BTreeMap<String, Relation>,
    binds: &'a Binds,
    held: Cell<Spread>,
}

type Named = (String, Relation);

impl Reader<'_> {
    fn hold(&self, rows: Spread) {
        self.held.set(self.held.get().plus(rows));
    }

    fn query(&self, node: &Value, outer: &[Named]) -> Relation {
        let mut ctes = outer.to_vec();
        for entry in node["cte_map"]["map"].as_array().into_iter().flatten() {
            let name = entry["key"].as_str().unwrap_or_default().to_lowercase();
            let node = &entry["value"]["query"]["node"];
            let relation = match node["type"].as_str() {
                // How often it repeats only the end tells.
                Some("RECURSIVE_CTE_NODE") => {
                    let first = self.query(&node["left"], &ctes).rows;
                    Relation::of_rows(first.times(Spread::about(10.0, 2.0)))
                }
                _ => self.query(node, &ctes),
            };
            ctes.push((name, relation));
        }
        let relation = match node["type"].as_str() {
            Some("SET_OPERATION_NODE") => {
                let (left, right) = (self.query(&node["left"], &ctes).rows, self.query(&node["right"], &ctes).rows);
                Relation::of_rows(self.set_operation(node, left, right))
            }
            _ => self.select(node, &ctes),
        };
        self.modified(relation, node)
    }

    fn set_operation(&self, node: &Value, left: Spread, right: Spread) -> Spread {
        let all = node["setop_all"] == Value::Bool(true);
        if !all {
            self.hold(left.plus(right));
        }
        match node["setop_type"].as_str() {
            Some("EXCEPT") => left.times(Spread::about(0.5, 0.7)),
            Some("INTERSECT") => left.at_most(right).times(Spread::about(0.5, 0.7)),
            _ if all => left.plus(right),
            _ => left.plus(right).times(Spread::about(0.8, 0.25)),
        }
    }

    /// After DISTINCT, ORDER BY and LIMIT.
    fn modified(&self, relation: Relation, node: &Value) -> Relation {
        let mut relation = relation;
        for modifier in node["modifiers"].as_array().into_iter().flatten() {
            match modifier["type"].as_str() {
                Some("ORDER_MODIFIER") => self.hold(relation.rows),
                Some("DISTINCT_MODIFIER") => {
                    let targets: Vec<&Value> =
                        modifier["distinct_on_targets"].as_array().into_iter().flatten().collect();
                    let items: Vec<Value> = match targets.is_empty() {
                        true => relation
                            .columns
                            .iter()
                            .flat_map(|columns| columns.iter())
                            .map(|name| column(name))
                            .collect(),
                        false => targets.into_iter().cloned().collect(),
                    };
                    let keys: Vec<&Value> = items.iter().collect();
                    let rows = relation.distinct(&keys, self.binds);
                    relation.rows = rows.unwrap_or(relation.rows.times(Spread::about(0.5, 0.8)));
                    self.hold(relation.rows);
                }
                Some("LIMIT_MODIFIER") => {
                    let given = |key: &str| Some(&modifier[key]).filter(|node| !node.is_null());
                    for (key, take) in [("offset", false), ("limit", true)] {
                        relation.rows = match (given(key), given(key).and_then(|node| self.whole(node))) {
                            (None, _) => relation.rows,
                            (_, Some(number)) if take => relation.rows.at_most(Spread::exact(number)),
                            (_, Some(number)) => {
                                Spread { likely: (relation.rows.likely - number).max(0.0), ..relation.rows }
                            }
                            // A number that is computed.
                            (_, None) => relation.rows.times(Spread::about(0.5, 1.0)),
                        };
                    }
                }
                _ => {}
            }
        }
        relation
    }

    fn whole(&self, node: &Value) -> Option<f64> {
        match node["class"].as_str()? {
            "CONSTANT" => node["value"]["value"].as_f64(),
            "PARAMETER" => match self.binds.get(node["identifier"].as_str()?)? {
                BindValue::Integer(number) => Some(*number as f64),
                _ => None,
            },
            "CAST" => self.whole(&node["child"]),
            _ => None,
        }
    }

    fn select(&self, node: &Value, ctes: &[Named]) -> Relation {
        let mut conditions = Vec::new();
        conjuncts(&node["where_clause"], &mut conditions);
        let (mut relations, mut rows) = self.from(&node["from_table"], &mut conditions, ctes);
        for condition in conditions {
            // What is left is about several relations, or asks another query.
            let unknown = if condition["class"] == "SUBQUERY" { Spread::about(0.5, 0.6) } else { UNKNOWN };
            rows = rows.times(unknown);
            if let [one] = relations.as_mut_slice() {
                one.rows = one.rows.times(unknown);
            }
        }
        let items: Vec<&Value> = node["select_list"].as_array().into_iter().flatten().collect();
        let has_aggregates = items.iter().any(|item| aggregates(item)) || aggregates(&node["having"]);
        let keys = self.keys(node, &items);
        if !keys.is_empty() {
            return self.grouped(node, &keys, &items, &relations, rows);
        }
        if has_aggregates {
            let one = if node["having"].is_null() { Spread::exact(1.0) } else { Spread::about(1.0, 0.5) };
            return Relation::of_rows(one).with_columns(&items);
        }
        if items.iter().any(|item| contains(item, &|map| map.get("function_name").is_some_and(|name| name == "unnest")))
        {
            return Relation::of_rows(rows.times(Spread::about(2.0, 1.0))).with_columns(&items);
        }
        if items.iter().any(|item| contains(item, &|map| map.get("class").is_some_and(|class| class == "WINDOW")))
            || !node["qualify"].is_null()
        {
            self.hold(rows);
        }
        if !node["qualify"].is_null() {
            rows = self.qualified(&node["qualify"], &relations, rows);
            if let [one] = relations.as_mut_slice() {
                one.rows = rows;
            }
        }
        let [one] = relations.as_slice() else { return Relation::of_rows(rows).with_columns(&items) };
        if items.iter().any(|item| item["class"] == "STAR") {
            return one.clone().named("");
        }
        let named: Vec<(String, &Value)> = items.iter().filter_map(|item| Some((name_of(item)?, *item))).collect();
        one.projected(&named, self.binds).unwrap_or_else(|| Relation::of_rows(rows).with_columns(&items))
    }

    /// What makes a group, as expressions: of the list, of a column's other name, of its place.
    fn keys<'v>(&self, node: &'v Value, items: &[&'v Value]) -> Vec<&'v Value> {
        let given: Vec<&Value> = node["group_expressions"].as_array().into_iter().flatten().collect();
        if given.is_empty() && node["aggregate_handling"] == "FORCE_AGGREGATES" {
            return items.iter().filter(|item| !aggregates(item)).copied().collect();
        }
        let meant = |key: &'v Value| {
            let by_place = key["value"]["value"].as_u64().filter(|_| key["class"] == "CONSTANT");
            if let Some(item) = by_place.and_then(|at| items.get(usize::try_from(at).ok()?.checked_sub(1)?)) {
                return *item;
            }
            let name =
                key["column_names"].as_array().filter(|names| names.len() == 1).and_then(|names| names[0].as_str());
            let of_name = |item: &&&Value| {
                item["alias"].as_str().is_some_and(|alias| name.is_some_and(|name| name.eq_ignore_ascii_case(alias)))
            };
            items.iter().find(of_name).copied().unwrap_or(key)
        };
        given.into_iter().map(meant).collect()
    }

    fn grouped(
        &self,
        node: &Value,
        keys: &[&Value],
        items: &[&Value],
        relations: &[Relation],
        rows: Spread,
    ) -> Relation {
        let sets = node["group_sets"].as_array().map(Vec::as_slice).unwrap_or_default();
        let of_set = |set: &Value| -> Spread {
            let places = set.as_array().into_iter().flatten().filter_map(Value::as_u64);
            let chosen: Vec<&Value> = places.filter_map(|at| keys.get(usize::try_from(at).ok()?).copied()).collect();
            self.groups(&chosen, relations, rows)
        };
        let mut groups = match sets {
            [] | [_] => self.groups(keys, relations, rows),
            several => several.iter().map(of_set).fold(Spread::exact(0.0), Spread::plus),
        };
        self.hold(groups);
        if !node["having"].is_null() {
            groups = groups.times(Spread::about(0.5, 0.7));
        }
        if !node["qualify"].is_null() {
            groups = groups.times(Spread::about(0.3, 0.8));
        }
        Relation::of_rows(groups).with_columns(items)
    }

    /// How many groups these keys make of joined rows.
    fn groups(&self, keys: &[&Value], relations: &[Relation], rows: Spread) -> Spread {
        let mut of_relation: BTreeMap<usize, Vec<&Value>> = BTreeMap::new();
        let mut groups = Spread::exact(1.0);
        for key in keys {
            match relations_of(key, relations).as_deref() {
                Some([]) => {}
                Some([one]) => of_relation.entry(*one).or_default().push(key),
                _ => groups = groups.times(Spread::about(rows.likely.sqrt(), 1.0)),
            }
        }
        for (at, keys) in of_relation {
            let of_one = relations[at].distinct(&keys, self.binds);
            groups = groups.times(of_one.unwrap_or_else(|| {
                let all = relations[at].rows;
                if keys.len() > 1 { all } else { Spread::about(all.likely.powf(0.7), 0.8) }
            }));
        }
        groups.at_most(rows)
    }

    /// Of `row_number() OVER (PARTITION BY k ...) = 1` as many rows as there are keys.
    fn qualified(&self, condition: &Value, relations: &[Relation], rows: Spread) -> Spread {
        let numbered = |node: &Value| node["class"] == "WINDOW" && node["function_name"] == "row_number";
        let first = condition["type"] == "COMPARE_EQUAL" && numbered(&condition["left"]);
        if first && condition["right"]["value"]["value"].as_u64() == Some(1) {
            let keys: Vec<&Value> = condition["left"]["partitions"].as_array().into_iter().flatten().collect();
            return self.groups(&keys, relations, rows);
        }
        rows.times(Spread::about(0.3, 0.8))
    }
}

impl Relation {
    /// The names of a select list, where nothing of the values is known.
    fn with_columns(mut self, items: &[&Value]) -> Self {
        let names: Option<BTreeSet<String>> = items.iter().map(|item| Some(name_of(item)?.to_uppercase())).collect();
        self.columns = names.map(Arc::new);
        self
    }
}

fn column(name: &str) -> Value {
    serde_json::json!({"class": "COLUMN_REF", "type": "COLUMN_REF", "column_names": [name]})
}

/// Whether a node of an expression, outside of subqueries, is of a kind.
fn contains(node: &Value, is: &dyn Fn(&serde_json::Map<String, Value>) -> bool) -> bool {
    match node {
        Value::Array(list) => list.iter().any(|one| contains(one, is)),
        Value::Object(map) if map.get("class").is_some_and(|class| class == "SUBQUERY") => false,
        Value::Object(map) => is(map) || map.values().any(|one| contains(one, is)),
        _ => false,
    }
}
