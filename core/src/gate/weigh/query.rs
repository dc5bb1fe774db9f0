//! Queries: what they select from, how wide they are, what they bring into a join.

use std::collections::HashMap;
use std::rc::Rc;

use serde_json::Value;

use super::value::Size;
use super::*;

/// Of a column that a star or a view writes down.
const COLUMN: u64 = 5;
/// Columns of a table that the catalogue has none of.
const UNKNOWN_WIDTH: u64 = 100;

/// What stands in a FROM.
#[derive(Default)]
struct From {
    tables: Vec<Table>,
    weight: u64,
    relations: u64,
}

impl Weigher<'_> {
    pub(super) fn query(&mut self, node: &Value, outer: &Env<'_>) -> Answer {
        let (ctes, weight) = self.ctes(&node["cte_map"], outer);
        let env = &Env { ctes: &ctes, tables: &[], aliases: None, lambda: &[], outer: Some(outer), ..*outer };
        let mut answer = match node["type"].as_str() {
            Some("SET_OPERATION_NODE") => self.both(node, env),
            _ => self.select(node, env),
        };
        answer.weight = answer.weight.saturating_add(weight);
        self.at_most("columns", node, answer.width, MAX_COLUMNS);
        answer
    }

    fn both(&mut self, node: &Value, env: &Env<'_>) -> Answer {
        let (left, right) = (self.query(&node["left"], env), self.query(&node["right"], env));
        let by_name = node["setop_type"] == "UNION_BY_NAME";
        let width = if by_name { left.width.saturating_add(right.width) } else { left.width };
        // The columns of the answer have the left one's names; those of the right are as long where their place is the same.
        let longest = right.columns.values().copied().fold(Size::EMPTY, Size::or);
        let mut columns: HashMap<String, Size> =
            left.columns.iter().map(|(name, size)| (name.clone(), size.or(longest))).collect();
        if by_name {
            right.columns.iter().for_each(|(name, size)| {
                columns.entry(name.clone()).and_modify(|known| *known = known.or(*size)).or_insert(*size);
            });
        }
        let (_, modifiers) = self.modifiers(node, env, &HashMap::new());
        let weights = [left.weight, right.weight, modifiers, width.saturating_mul(COLUMN)];
        let (bytes, long) = (left.bytes.max(right.bytes), left.long.max(right.long));
        Answer { width, columns: Rc::new(columns), bytes, long, weight: sum(weights), relations: 1 }
    }

    fn ctes(&mut self, map: &Value, outer: &Env<'_>) -> (Vec<Cte>, u64) {
        let (mut ctes, mut weight) = (Vec::new(), 0u64);
        for entry in map["map"].as_array().into_iter().flatten() {
            let name = entry["key"].as_str().unwrap_or_default().to_owned();
            let cte = &entry["value"];
            let env = &Env { ctes: &ctes, tables: &[], aliases: None, lambda: &[], outer: Some(outer), ..*outer };
            let node = &cte["query"]["node"];
            let answer = match node["type"].as_str() {
                Some("RECURSIVE_CTE_NODE") => self.recursion(node, env, &name, &cte["aliases"]),
                _ => self.query(node, env),
            };
            weight = weight.saturating_add(answer.weight);
            let columns = renamed(&answer, &cte["aliases"]);
            let written_out = self.writes_out;
            // The engine keeps the rows of one that is named more than once, and writes out one that is named once.
            let is_kept = !written_out && self.uses.get(&name.to_ascii_lowercase()).is_some_and(|uses| *uses > 1);
            let relations = if is_kept { 1 } else { answer.relations };
            ctes.push(Cte { name, answer: Answer { columns, relations, ..answer }, written_out });
        }
        (ctes, weight)
    }

    /// What the second half makes of the first one's values must not grow in proportion to them: it is done again and again.
    fn recursion(&mut self, node: &Value, outer: &Env<'_>, name: &str, aliases: &Value) -> Answer {
        let recursions = outer.recursions + 1;
        self.at_most("recursions", node, recursions.into(), MAX_RECURSIONS.into());
        if recursions > MAX_RECURSIONS {
            return Answer::default();
        }
        let (inner, weight) = self.ctes(&node["cte_map"], outer);
        let env =
            &Env { recursions, ctes: &inner, tables: &[], aliases: None, lambda: &[], outer: Some(outer), ..*outer };
        let first = self.query(&node["left"], env);
        let names: Vec<String> = renamed(&first, aliases).keys().cloned().collect();
        const SMALL: u64 = 1_000;
        // A value of the first half is short, or, in turn, each is not.
        let mut with = |longer: Option<&str>| {
            let size = |name: &String| match longer {
                Some(one) if one == name || one.is_empty() => 2 * SMALL,
                _ => SMALL,
            };
            let size = |name: &String| Size { bytes: size(name), times: 0, items: size(name), constant: false };
            let columns = Rc::new(names.iter().map(|name| (name.clone(), size(name))).collect());
            let answer = Answer { columns, width: first.width, relations: 1, ..Answer::default() };
            let own = [Cte { name: name.to_owned(), answer, written_out: false }];
            let env = &Env { ctes: &own, tables: &[], aliases: None, lambda: &[], outer: Some(env), ..*env };
            self.query(&node["right"], env)
        };
        let small = with(None);
        // Of many columns all at once.
        let longer: Vec<&str> = if names.len() > 6 { vec![""] } else { names.iter().map(String::as_str).collect() };
        let most = if names.len() > 6 { names.len() as u64 * SMALL } else { SMALL };
        let grown: Vec<u64> = longer.iter().map(|one| with(Some(one)).bytes.saturating_sub(small.bytes)).collect();
        grown.into_iter().for_each(|growth| self.at_most("growth", node, growth, most));
        let columns = names.into_iter().map(|name| (name, Size { bytes: 10 * SMALL, ..Size::COLUMN })).collect();
        let weights = [first.weight, small.weight, weight];
        Answer {
            columns: Rc::new(columns),
            bytes: small.bytes,
            long: small.long,
            weight: sum(weights),
            relations: 1,
            width: first.width,
        }
    }

    fn select(&mut self, node: &Value, env: &Env<'_>) -> Answer {
        let mut from = From::default();
        self.from(&node["from_table"], env, &mut from);
        let mut aliases: HashMap<String, Cost> = HashMap::new();
        let (mut width, mut columns, mut weight) = (0u64, HashMap::new(), from.weight);
        let (mut bytes, mut long, mut in_rows) = (0u64, 0u64, 0u64);
        let mut filters = 0;
        let mut relations = from.relations;
        let has_rows = node["from_table"]["type"].as_str().is_some_and(|kind| kind != "EMPTY");
        for item in node["select_list"].as_array().into_iter().flatten() {
            let here = &Env { tables: &from.tables, aliases: Some(&aliases), ..*env };
            let cost = self.expression(item, here);
            let wide =
                if cost.star { here.width(item["relation_name"].as_str().unwrap_or_default()).max(1) } else { 1 };
            width = width.saturating_add(wide);
            weight = weight.saturating_add(match item["class"].as_str() {
                Some("STAR") => cost.weight.saturating_add(wide.saturating_mul(COLUMN)),
                _ => cost.weight.saturating_mul(wide),
            });
            if cost.star {
                for table in &from.tables {
                    for (name, size) in table.columns.iter() {
                        let size = if item["class"] == "STAR" { *size } else { size.or(cost.size) };
                        columns.insert(name.clone(), size);
                    }
                }
            } else if let Some(name) = name_of(item) {
                columns.insert(name.clone(), cost.size);
                if !item["alias"].as_str().unwrap_or_default().is_empty() {
                    aliases.insert(name, cost);
                }
            }
            let sizes = if cost.star { wide.saturating_mul(value::PLAIN) } else { cost.size.bytes };
            bytes = bytes.saturating_add(sizes);
            if cost.size.length() > value::LONG {
                let all = cost.size.length().saturating_mul(if item["class"] == "STAR" { 1 } else { wide });
                long = long.saturating_add(all);
            }
            // What is the same in every row is computed once, and written out in each.
            if cost.size.bytes > value::LONG && (has_rows || !cost.size.constant) {
                let all = cost.size.bytes.saturating_mul(if item["class"] == "STAR" { 1 } else { wide });
                in_rows = in_rows.saturating_add(all);
            }
            (filters, relations) = (filters + count_filters(item), relations + count_subqueries(item));
        }
        let here = &Env { tables: &from.tables, aliases: Some(&aliases), ..*env };
        for part in ["where_clause", "group_expressions", "having", "qualify"] {
            weight = weight.saturating_add(self.all(&node[part], here).weight);
            relations += count_subqueries(&node[part]);
        }
        let (is_barrier, of_modifiers) = self.modifiers(node, here, &aliases);
        self.at_most("value", node, in_rows, value::MAX_IN_ROW);
        self.at_most("filters", node, filters, MAX_FILTERS);
        self.at_most("relations", node, relations, MAX_RELATIONS);
        let sets = node["group_sets"].as_array().map_or(0, Vec::len) as u64;
        self.at_most("sets", node, sets, MAX_GROUPING_SETS);
        let joins = relations.saturating_pow(4) / 30 + equalities(&node["where_clause"], &from);
        let is_barrier = is_barrier || node["group_expressions"].as_array().is_some_and(|keys| !keys.is_empty());
        Answer {
            width,
            columns: Rc::new(columns),
            bytes,
            long,
            weight: sum([weight, of_modifiers, joins]),
            relations: if is_barrier { 1 } else { relations.max(1) },
        }
    }

    /// Whether they keep what is inside apart from a join around it, and their weight.
    fn modifiers(&mut self, node: &Value, env: &Env<'_>, aliases: &HashMap<String, Cost>) -> (bool, u64) {
        let here = &Env { aliases: Some(aliases), ..*env };
        let mut weight = 0u64;
        let mut is_barrier = false;
        for modifier in node["modifiers"].as_array().into_iter().flatten() {
            is_barrier |= modifier["type"] != "ORDER_MODIFIER";
            weight = weight.saturating_add(self.all(modifier, here).weight);
        }
        (is_barrier, weight)
    }

    fn from(&mut self, node: &Value, env: &Env<'_>, into: &mut From) {
        let alias = |otherwise: &str| match node["alias"].as_str() {
            Some(alias) if !alias.is_empty() => alias.to_owned(),
            _ => otherwise.to_owned(),
        };
        match node["type"].as_str() {
            Some("BASE_TABLE") => {
                let name = node["table_name"].as_str().unwrap_or_default();
                let (width, columns, weight, relations) = match env.cte(name) {
                    Some(Cte { answer, written_out, .. }) => {
                        let weight = if *written_out { answer.weight } else { answer.width };
                        (answer.width, renamed(answer, &node["column_name_alias"]), weight, answer.relations)
                    }
                    None => {
                        let grupo = self.catalog.by_table(&name.to_ascii_lowercase());
                        let width = grupo.map_or(0, |grupo| grupo.columns.len() as u64);
                        let width = if width == 0 { UNKNOWN_WIDTH } else { width };
                        (width, Rc::default(), width * COLUMN, 1)
                    }
                };
                into.weight = into.weight.saturating_add(weight);
                into.relations = into.relations.saturating_add(relations);
                into.tables.push(Table { alias: alias(name), width, columns });
            }
            Some("SUBQUERY") => {
                // What stands before it in the FROM can be seen from it.
                let tables = into.tables.clone();
                let here = &Env { tables: &tables, aliases: None, outer: Some(env), ctes: &[], ..*env };
                let answer = self.query(&node["subquery"]["node"], here);
                let columns = renamed(&answer, &node["column_name_alias"]);
                into.weight = into.weight.saturating_add(answer.weight);
                into.relations = into.relations.saturating_add(answer.relations);
                into.tables.push(Table { alias: alias(""), width: answer.width, columns });
            }
            Some("JOIN") => {
                self.from(&node["left"], env, into);
                self.from(&node["right"], env, into);
                let tables = into.tables.clone();
                let here = &Env { tables: &tables, ..*env };
                let using = node["using_columns"].as_array().map_or(0, Vec::len) as u64;
                let cost = self.all(&node["condition"], here);
                into.relations += count_subqueries(&node["condition"]);
                into.weight = sum([into.weight, cost.weight, using]);
            }
            Some("TABLE_FUNCTION") => {
                let tables = into.tables.clone();
                let here = &Env { tables: &tables, ..*env };
                let cost = self.all(&node["function"]["children"], here);
                into.weight = into.weight.saturating_add(cost.weight);
                into.relations += 1;
                let name = alias(node["function"]["function_name"].as_str().unwrap_or_default());
                let mut columns = HashMap::from([(name.to_ascii_lowercase(), cost.size)]);
                for alias in node["column_name_alias"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                    columns.insert(alias.to_ascii_lowercase(), cost.size);
                }
                let unnested =
                    node["function"]["function_name"].as_str().is_some_and(|f| f.eq_ignore_ascii_case("unnest"));
                if unnested {
                    columns.insert("unnest".into(), cost.size);
                }
                let width = columns.len() as u64;
                into.tables.push(Table { alias: name, width, columns: Rc::new(columns) });
            }
            Some("EXPRESSION_LIST") => {
                let cost = self.all(&node["values"], env);
                let width = node["values"][0].as_array().map_or(1, Vec::len) as u64;
                let names = node["column_name_alias"].as_array().or(node["expected_names"].as_array());
                let named = names.into_iter().flatten().filter_map(Value::as_str).map(str::to_ascii_lowercase);
                let numbered = (0..width).map(|number| format!("col{number}"));
                let size = Size { constant: false, ..cost.size };
                let columns = named.chain(numbered).map(|name| (name, size)).collect();
                into.weight = into.weight.saturating_add(cost.weight);
                into.relations += 1;
                self.at_most("columns", node, width, MAX_COLUMNS);
                into.tables.push(Table { alias: alias("valueslist"), width, columns: Rc::new(columns) });
            }
            _ => {}
        }
    }
}

/// How often each table and CTE is named, in lower case.
pub(super) fn uses(statement: &Value) -> HashMap<String, u64> {
    fn count(node: &Value, uses: &mut HashMap<String, u64>) {
        match node {
            Value::Array(items) => items.iter().for_each(|item| count(item, uses)),
            Value::Object(map) => {
                if node["type"] == "BASE_TABLE" {
                    let name = node["table_name"].as_str().unwrap_or_default();
                    *uses.entry(name.to_ascii_lowercase()).or_default() += 1;
                }
                map.values().for_each(|child| count(child, uses));
            }
            _ => {}
        }
    }
    let mut uses = HashMap::new();
    count(statement, &mut uses);
    uses
}

fn sum(of: impl IntoIterator<Item = u64>) -> u64 {
    of.into_iter().fold(0, u64::saturating_add)
}

/// The columns of an answer by the names that the text gives them besides: which is which is not looked at.
fn renamed(answer: &Answer, names: &Value) -> Rc<HashMap<String, Size>> {
    let names: Vec<&str> = names.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if names.is_empty() {
        return answer.columns.clone();
    }
    let longest = answer.columns.values().copied().fold(Size::EMPTY, Size::or);
    let mut columns = (*answer.columns).clone();
    columns.extend(names.iter().map(|name| (name.to_ascii_lowercase(), Size { constant: false, ..longest })));
    Rc::new(columns)
}

/// The name of a column of an answer.
fn name_of(item: &Value) -> Option<String> {
    let alias = item["alias"].as_str().filter(|alias| !alias.is_empty());
    let last = || item["column_names"].as_array()?.last()?.as_str();
    alias.or_else(last).or(item["function_name"].as_str()).map(str::to_ascii_lowercase)
}

/// Visits a tree's nodes; subqueries are others' business.
fn visit(node: &Value, see: &mut impl FnMut(&Value)) {
    match node {
        Value::Array(items) => items.iter().for_each(|item| visit(item, see)),
        Value::Object(map) => {
            see(node);
            map.iter().filter(|(key, _)| *key != "subquery").for_each(|(_, child)| visit(child, see));
        }
        _ => {}
    }
}

fn count_filters(node: &Value) -> u64 {
    let mut count = 0;
    visit(node, &mut |node| {
        count += u64::from(node["class"] == "FUNCTION" && !node["filter"].is_null());
    });
    count
}

/// Each becomes a join.
fn count_subqueries(node: &Value) -> u64 {
    let mut count = 0;
    visit(node, &mut |node| count += u64::from(node["class"] == "SUBQUERY"));
    count
}

/// Comparisons of two computed values in the WHERE of several tables: the optimizer derives each from each.
fn equalities(condition: &Value, from: &From) -> u64 {
    if from.tables.len() < 2 {
        return 0;
    }
    let mut count = 0u64;
    visit(condition, &mut |node| {
        let computed = |side: &str| matches!(node[side]["class"].as_str(), Some(class) if class != "CONSTANT" && class != "PARAMETER");
        let both_columns = node["left"]["class"] == "COLUMN_REF" && node["right"]["class"] == "COLUMN_REF";
        count += u64::from(node["class"] == "COMPARISON" && computed("left") && computed("right") && !both_columns);
    });
    count.saturating_pow(3) / 10
}
