//! Expressions: their weight, and the size of what they give.

use serde_json::Value;

use super::super::given::{Given, given};
use super::super::{like, refusal};
use super::value::{LETTER_BY_LETTER, MAX_COMPARED, Size, made};
use super::*;

impl Weigher<'_> {
    pub(super) fn expression(&mut self, node: &Value, env: &Env<'_>) -> Cost {
        match node["class"].as_str() {
            Some("CONSTANT") => leaf(Size::of(&node["value"]["value"])),
            Some("PARAMETER") => match given(node, self.binds) {
                Given::Value(value) => leaf(Size::of(value)),
                _ => leaf(Size::plain(true)),
            },
            Some("COLUMN_REF") => self.column(node, env),
            Some("STAR") => {
                let of_parts = self.all(&node["replace_list"], env);
                let chosen = self.all(&node["expr"], env);
                let size =
                    env.tables.iter().flat_map(|table| table.columns.values()).copied().fold(Size::COLUMN, Size::or);
                let weight = of_parts.weight.saturating_add(chosen.weight).saturating_add(1);
                Cost { nodes: 1, weight, size, nested: 0, star: true }
            }
            Some("FUNCTION" | "WINDOW") => self.function(node, env),
            Some("SUBQUERY") => self.subquery(node, env),
            Some("LAMBDA") => self.lambda(node, env, Size::COLUMN),
            Some("OPERATOR") => {
                let mut cost = self.inner(node, env);
                if node["type"] == "ARRAY_CONSTRUCTOR" {
                    self.construct(node, &mut cost);
                }
                if node["type"] == "OPERATOR_NULLIF" {
                    cost = twice(cost);
                }
                cost
            }
            Some("CONJUNCTION") => {
                let mut cost = self.inner(node, env);
                cost.weight = cost.weight.saturating_add(alternatives(node));
                cost
            }
            _ => self.inner(node, env),
        }
    }

    /// A node over all expressions below it.
    fn inner(&mut self, node: &Value, env: &Env<'_>) -> Cost {
        let Value::Object(map) = node else { return Cost::default() };
        let parts = map.iter().filter(|(key, _)| !matches!(key.as_str(), "value" | "cast_type"));
        let parts = parts.map(|(_, part)| self.all(part, env)).fold(nothing(), beside);
        over(parts)
    }

    /// The expressions in whatever holds some.
    pub(super) fn all(&mut self, node: &Value, env: &Env<'_>) -> Cost {
        match node {
            Value::Object(map) if map.contains_key("class") => self.expression(node, env),
            Value::Object(map) => map.values().map(|part| self.all(part, env)).fold(nothing(), beside),
            Value::Array(items) => items.iter().map(|part| self.all(part, env)).fold(nothing(), beside),
            _ => nothing(),
        }
    }

    fn column(&mut self, node: &Value, env: &Env<'_>) -> Cost {
        let names: Vec<&str> =
            node["column_names"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let lower: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        let (Some(first), Some(last)) = (lower.first(), lower.last()) else { return leaf(Size::COLUMN) };
        for around in env.around() {
            if let Some((_, size)) = around.lambda.iter().rev().find(|(name, _)| name == first) {
                return leaf(*size);
            }
            let in_tables = || {
                let mut found =
                    around.tables.iter().filter_map(|table| table.columns.get(last).or(table.columns.get(first)));
                found.next().copied().map(|one| found.copied().fold(one, Size::or))
            };
            if let Some(cost) = around.aliases.and_then(|aliases| aliases.get(first)) {
                // A column of that name may be meant as well.
                let size = in_tables().map_or(cost.size, |size| size.or(cost.size));
                return Cost { size, ..*cost };
            }
            if let Some(size) = in_tables() {
                return leaf(size);
            }
        }
        leaf(Size::COLUMN)
    }

    fn subquery(&mut self, node: &Value, env: &Env<'_>) -> Cost {
        let depth = env.subqueries + 1;
        self.at_most("subqueries", node, depth.into(), MAX_SUBQUERIES.into());
        if depth > MAX_SUBQUERIES {
            return nothing();
        }
        let child = self.all(&node["child"], env);
        let here =
            &Env { subqueries: depth, tables: &[], aliases: None, lambda: &[], ctes: &[], outer: Some(env), ..*env };
        let answer = self.query(&node["subquery"]["node"], here);
        let size = answer.columns.values().copied().fold(Size::plain(false), Size::or);
        let weight = answer.weight.saturating_mul(2).saturating_add(child.weight).saturating_add(1);
        Cost {
            nodes: child.nodes.saturating_add(1),
            weight,
            size: Size { constant: false, ..size },
            nested: 0,
            star: false,
        }
    }

    fn lambda(&mut self, node: &Value, env: &Env<'_>, of: Size) -> Cost {
        let depth = env.lambdas + 1;
        self.at_most("lambdas", node, depth.into(), MAX_LAMBDAS.into());
        if depth > MAX_LAMBDAS {
            return nothing();
        }
        let mut names = Vec::new();
        names_of(&node["lhs"], &mut names);
        let variables: Vec<(String, Size)> = names.into_iter().map(|name| (name, of)).collect();
        let here = &Env {
            lambda: &variables,
            lambdas: depth,
            tables: &[],
            aliases: None,
            ctes: &[],
            outer: Some(env),
            ..*env
        };
        twice(over(self.all(&node["expr"], here)))
    }

    fn function(&mut self, node: &Value, env: &Env<'_>) -> Cost {
        let name = node["function_name"].as_str().unwrap_or_default().to_ascii_lowercase();
        let arguments = node["children"].as_array().map(Vec::as_slice).unwrap_or_default();
        let (mut cost, mut sizes) = (nothing(), Vec::new());
        for (at, argument) in arguments.iter().enumerate() {
            let own = match argument["class"] == "LAMBDA" {
                false => self.expression(argument, env),
                true => self.applied(argument, env, sizes.first().copied().unwrap_or(Size::COLUMN)),
            };
            sizes.push(own.size);
            for _ in 0..copies(&name, at) {
                cost = beside(cost, own);
            }
        }
        let others =
            ["filter", "order_bys", "partitions", "orders", "start_expr", "end_expr", "offset_expr", "default_expr"];
        for part in others.into_iter().chain(["filter_expr", "arg_orders"]) {
            cost = beside(cost, self.all(&node[part], env));
        }
        let mut cost = over(cost);
        if ["list_value", "list_pack", "array_value", "row", "struct_pack"].contains(&name.as_str()) {
            self.construct(node, &mut cost);
        }
        let literal = |at: usize| match arguments.get(at).map(|argument| given(argument, self.binds)) {
            Some(Given::Value(value)) => Some(value),
            _ => None,
        };
        cost.size = match name.as_str() {
            "list_transform" | "list_apply" => sizes.get(1).copied().unwrap_or_default(),
            "list_filter" => sizes.first().copied().unwrap_or_default(),
            "string_agg" | "group_concat" | "listagg" | "list" | "array_agg" | "histogram" => {
                Size { times: sizes.first().map_or(1, |size| size.times.max(1)), ..Size::WHOLE }
            }
            _ => made(&name, &sizes, literal),
        };
        let rows_apart = node["class"] == "WINDOW" || functions_of_rows(&name);
        cost.size.constant &= !rows_apart;
        if cost.size.is_too_long() {
            self.at_most("value", node, cost.size.length(), value::MAX_IN_ROW);
        }
        if LETTER_BY_LETTER.contains(&name.as_str())
            && let [left, right, ..] = sizes[..]
        {
            self.at_most("compared", node, left.length().saturating_mul(right.length()), MAX_COMPARED);
        }
        self.pattern(node, &name, sizes.first().copied().unwrap_or_default());
        cost
    }

    /// A lambda over a list: what it gives for each element, all together.
    fn applied(&mut self, node: &Value, env: &Env<'_>, list: Size) -> Cost {
        let nothing_long = self.lambda(node, env, Size { bytes: 0, times: 0, items: 0, constant: list.constant });
        // What is refused anyhow is not looked at again: twice at each level would take long itself.
        if nothing_long.weight > MAX_WEIGHT {
            return nothing_long;
        }
        let cost = self.lambda(node, env, list);
        let each = nothing_long.size.bytes.saturating_mul(list.items.max(1));
        let with_list = cost.size.bytes.saturating_sub(nothing_long.size.bytes);
        let bytes = each.saturating_add(with_list);
        Cost {
            size: Size { bytes, items: list.items, constant: list.constant && cost.size.constant, ..cost.size },
            ..cost
        }
    }

    fn construct(&mut self, node: &Value, cost: &mut Cost) {
        cost.nested += 1;
        self.at_most("constructors", node, cost.nested.into(), MAX_CONSTRUCTORS.into());
    }

    /// LIKE and its kin: those that go back and forth over the text may have few wildcards.
    fn pattern(&mut self, node: &Value, name: &str, text: Size) {
        let Some(kind) = like::Kind::of(name) else { return };
        let pattern = match given(&node["children"][1], self.binds) {
            Given::Value(value) => match value.as_str() {
                Some(pattern) => pattern,
                None => return,
            },
            Given::Missing => return,
            Given::Computed => {
                let problem = refusal::pattern_computed(self.sql, node);
                if !self.told.contains(&"pattern") {
                    self.told.push("pattern");
                    self.problems.push(problem);
                }
                return;
            }
        };
        let is_constant = node["children"][1]["class"] == "CONSTANT";
        let most = kind.most_wildcards(text.length());
        let found = kind.wildcards(pattern, is_constant);
        self.at_most("wildcards", node, found, most);
    }
}

fn leaf(size: Size) -> Cost {
    Cost { nodes: 1, weight: 1, size, nested: 0, star: false }
}

fn nothing() -> Cost {
    Cost { nodes: 0, weight: 0, size: Size::EMPTY, nested: 0, star: false }
}

fn beside(one: Cost, other: Cost) -> Cost {
    Cost {
        nodes: one.nodes.saturating_add(other.nodes),
        weight: one.weight.saturating_add(other.weight),
        size: one.size.or(other.size),
        nested: one.nested.max(other.nested),
        star: one.star || other.star,
    }
}

fn over(parts: Cost) -> Cost {
    let nodes = parts.nodes.saturating_add(1);
    Cost { nodes, weight: parts.weight.saturating_add(nodes), ..parts }
}

fn twice(cost: Cost) -> Cost {
    Cost { nodes: cost.nodes.saturating_mul(2), weight: cost.weight.saturating_mul(2), ..cost }
}

/// How often a macro of the engine writes its argument down.
fn copies(name: &str, argument: usize) -> u32 {
    match (name, argument) {
        ("nullif", 0) | ("fmod", _) | ("split_part", _) | ("array_to_string", 0) | ("wavg" | "weighted_avg", 1) => 2,
        ("round_even" | "roundbankers", _) => 3,
        _ => 1,
    }
}

/// What is computed anew in each row, whatever its arguments are.
fn functions_of_rows(name: &str) -> bool {
    name == "unnest"
}

/// ORs of ANDs: the optimizer compares each with each.
fn alternatives(node: &Value) -> u64 {
    if node["type"] != "CONJUNCTION_OR" {
        return 0;
    }
    let ands = node["children"].as_array().into_iter().flatten().filter(|child| child["class"] == "CONJUNCTION").count()
        as u64;
    ands * ands / 4
}

/// The variables of a lambda: one, or several in brackets.
fn names_of(node: &Value, into: &mut Vec<String>) {
    match node {
        Value::Object(map) if map.get("class").is_some_and(|class| class == "COLUMN_REF") => {
            into.extend(node["column_names"][0].as_str().map(str::to_ascii_lowercase));
        }
        Value::Object(map) => map.values().for_each(|part| names_of(part, into)),
        Value::Array(items) => items.iter().for_each(|part| names_of(part, into)),
        _ => {}
    }
}
