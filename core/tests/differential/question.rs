//! A random query, as the contract's JSON and as the SQL that it means.

use datasus::catalog::{Column, LogicalType};
use serde_json::{Value, json};

use crate::oracle::{Dataset, Oracle, type_name};
use crate::random::Random;

pub struct Question {
    pub params: Value,
    pub sql: String,
    /// Whether the order of the rows is part of the answer.
    pub ordered: bool,
    /// Columns of the answer by which it is sorted, whether or not rows that are equal by them have an order.
    pub keys: Vec<usize>,
    /// Columns of the answer that are means: equal but for the last bits.
    pub means: Vec<usize>,
}

pub fn ask(oracle: &Oracle, random: &mut Random) -> Question {
    let dataset = random.one_of(&oracle.datasets);
    let mut params = json!({"dataset": dataset.name});
    let mut conditions = scope(dataset, random, &mut params);
    // Conditions meet rows more often where their values are of one of the wanted files.
    let within = conditions.join(" AND ");
    let mut filters = Vec::new();
    for _ in 0..[0, 0, 1, 1, 2, 3][random.below(6)] {
        let (filter, sql) = condition(oracle, dataset, &within, random, 0);
        filters.push(filter);
        conditions.push(sql);
    }
    if !filters.is_empty() {
        params["where"] = filters.into();
    }
    let filter = format!("FROM {} WHERE {}", dataset.table, conditions.join(" AND "));
    if random.chance(40) { grouped(dataset, random, params, &filter) } else { plain(dataset, random, params, &filter) }
}

/// Some of the files, by UF and competência.
fn scope(dataset: &Dataset, random: &mut Random, params: &mut Value) -> Vec<String> {
    let mut conditions = vec!["true".to_owned()];
    let (id, _) = random.one_of(&dataset.files);
    match random.below(4) {
        0 => {}
        1 => {
            params["uf"] = json!([id.uf.sigla()]);
            conditions.push(format!("datasus_uf = '{}'", id.uf));
        }
        2 => {
            let (uf, competencia) = (id.uf, id.competencia.to_string());
            params["uf"] = json!(uf.sigla());
            params["competencia"] = json!(competencia);
            conditions.push(format!("datasus_uf = '{uf}' AND datasus_competencia = '{competencia}'"));
        }
        _ => {
            let (from, to) = (id.competencia.to_string(), random.one_of(&dataset.files).0.competencia.to_string());
            let (from, to) = if from <= to { (from, to) } else { (to, from) };
            params["competencia"] = json!({"from": from, "to": to});
            // Months between without a file are not what is tested here.
            params["options"] = json!({"missing": "warn"});
            conditions.push(format!("datasus_competencia BETWEEN '{from}' AND '{to}'"));
        }
    }
    conditions
}

fn literal(value: &str, kind: &LogicalType) -> String {
    format!("CAST('{}' AS {})", value.replace('\'', "''"), type_name(kind))
}

fn in_json(value: &str, kind: &LogicalType) -> Value {
    match kind {
        LogicalType::Integer { .. } => json!(value.parse::<i64>().unwrap()),
        _ => json!(value),
    }
}

fn condition(oracle: &Oracle, dataset: &Dataset, within: &str, random: &mut Random, depth: usize) -> (Value, String) {
    if depth < 2 && random.chance(15) {
        let (one, sql) = condition(oracle, dataset, within, random, depth + 1);
        let (other, more) = condition(oracle, dataset, within, random, depth + 1);
        return match random.below(3) {
            0 => (json!({"not": one}), format!("(NOT {sql})")),
            1 => (json!({"any": [one, other]}), format!("({sql} OR {more})")),
            _ => (json!({"all": [one, other]}), format!("({sql} AND {more})")),
        };
    }
    let column = random.one_of(&dataset.columns);
    let name = &column.name;
    let sample = format!(
        "SELECT DISTINCT CAST(\"{name}\" AS VARCHAR) AS v FROM (SELECT * FROM {} WHERE {within} AND \"{name}\" IS NOT NULL
         AND _row % 7 = {} LIMIT 400) ORDER BY v",
        dataset.table,
        random.below(7)
    );
    let values: Vec<String> = oracle.rows(&sample).into_iter().filter_map(|row| row.into_iter().next()?).collect();
    let null = |op: &str, sql: &str| (json!({"column": name, "op": op}), format!("(\"{name}\" IS {sql})"));
    if values.is_empty() || random.chance(5) {
        return if random.chance(50) { null("is_null", "NULL") } else { null("not_null", "NOT NULL") };
    }
    let mut pick = || random.one_of(&values).clone();
    let (one, other, third) = (pick(), pick(), pick());
    let kind = &column.kind;
    let (sql, text) = (|value: &str| literal(value, kind), |value: &str| in_json(value, kind));
    let compare = |op: &str, sign: &str| {
        (json!({"column": name, "op": op, "value": text(&one)}), format!("(\"{name}\" {sign} {})", sql(&one)))
    };
    let listed = |op: &str, sign: &str| {
        (
            json!({"column": name, "op": op, "value": [text(&one), text(&other), text(&third)]}),
            format!("(\"{name}\" {sign} ({}, {}, {}))", sql(&one), sql(&other), sql(&third)),
        )
    };
    match random.below(10) {
        0 | 1 => compare("eq", "="),
        2 => compare("ne", "<>"),
        3 => compare("lt", "<"),
        4 => compare("le", "<="),
        5 => compare("gt", ">"),
        6 => compare("ge", ">="),
        7 => listed("in", "IN"),
        8 => listed("not_in", "NOT IN"),
        _ if *kind == LogicalType::Text => {
            let prefix: String = one.chars().take(1 + random.below(3)).collect();
            let quoted = prefix.replace('\'', "''");
            (
                json!({"column": name, "op": "starts_with", "value": prefix}),
                format!("starts_with(\"{name}\", '{quoted}')"),
            )
        }
        _ => {
            // Both ends are values; which is less, the column's type says.
            let order = format!(
                "SELECT CAST(least({a}, {b}) AS VARCHAR), CAST(greatest({a}, {b}) AS VARCHAR)",
                a = sql(&one),
                b = sql(&other)
            );
            let ends = oracle.rows(&order).remove(0);
            let [low, high] = [ends[0].clone().unwrap(), ends[1].clone().unwrap()];
            (
                json!({"column": name, "op": "between", "value": [text(&low), text(&high)]}),
                format!("(\"{name}\" BETWEEN {} AND {})", sql(&low), sql(&high)),
            )
        }
    }
}

fn some_columns<'d>(dataset: &'d Dataset, random: &mut Random, most: usize) -> Vec<&'d Column> {
    let mut columns: Vec<&Column> = Vec::new();
    for _ in 0..1 + random.below(most) {
        let column = random.one_of(&dataset.columns);
        if !columns.iter().any(|chosen| chosen.name == column.name) {
            columns.push(column);
        }
    }
    columns
}

fn plain(dataset: &Dataset, random: &mut Random, mut params: Value, filter: &str) -> Question {
    let mut names: Vec<String> =
        some_columns(dataset, random, 6).into_iter().map(|column| column.name.clone()).collect();
    if random.chance(30) {
        names.push(["datasus_uf", "datasus_competencia"][random.below(2)].to_owned());
    }
    let (mut order, mut keys) = (Vec::new(), Vec::new());
    if random.chance(30) {
        for column in some_columns(dataset, random, 2) {
            let desc = random.chance(50);
            let place = names.iter().position(|name| *name == column.name).unwrap_or_else(|| {
                names.push(column.name.clone());
                names.len() - 1
            });
            keys.push((place, json!({"column": column.name, "desc": desc})));
            order.push(format!("\"{}\"{} NULLS LAST", column.name, if desc { " DESC" } else { "" }));
        }
        params["order_by"] = keys.iter().map(|(_, key)| key.clone()).collect();
    }
    params["columns"] = json!(names);
    // Rows that are equal by the keys come as the files have them where a limit cuts, and in any order elsewhere.
    order.extend(["_file".to_owned(), "_row".to_owned()]);
    let limit = limit(random, &mut params);
    let list: Vec<String> = names.iter().map(|name| format!("CAST(\"{name}\" AS VARCHAR)")).collect();
    let sql = format!("SELECT {} {filter} ORDER BY {}{limit}", list.join(", "), order.join(", "));
    let ordered = keys.is_empty() || !limit.is_empty();
    Question { params, sql, ordered, keys: keys.into_iter().map(|(place, _)| place).collect(), means: Vec::new() }
}

fn limit(random: &mut Random, params: &mut Value) -> String {
    if !random.chance(35) {
        return String::new();
    }
    let limit = 1 + random.below(200);
    params["limit"] = json!(limit);
    format!(" LIMIT {limit}")
}

fn grouped(dataset: &Dataset, random: &mut Random, mut params: Value, filter: &str) -> Question {
    let mut keys: Vec<String> = Vec::new();
    if random.chance(80) {
        keys = some_columns(dataset, random, 2).into_iter().map(|column| column.name.clone()).collect();
        if random.chance(25) {
            keys.push(["datasus_uf", "datasus_competencia", "datasus_arquivo"][random.below(2)].to_owned());
        }
        params["group_by"] = json!(keys);
    }
    let mut aggregates = vec![json!({"fn": "count", "as": "n"})];
    let mut list: Vec<String> = keys.iter().map(|key| format!("CAST(\"{key}\" AS VARCHAR)")).collect();
    list.push("CAST(count(*) AS VARCHAR)".into());
    let mut means = Vec::new();
    for (number, column) in some_columns(dataset, random, 3).into_iter().enumerate() {
        let numeric = matches!(column.kind, LogicalType::Integer { .. } | LogicalType::Decimal { .. });
        let function =
            ["count", "count_distinct", "min", "max", "sum", "avg"][random.below(if numeric { 6 } else { 4 })];
        aggregates.push(json!({"fn": function, "column": column.name, "as": format!("f{number}")}));
        if function == "avg" {
            means.push(list.len());
        }
        list.push(match function {
            "count_distinct" => format!("CAST(count(DISTINCT \"{}\") AS VARCHAR)", column.name),
            _ => format!("CAST({function}(\"{}\") AS VARCHAR)", column.name),
        });
    }
    params["aggregates"] = aggregates.into();
    let group = if keys.is_empty() { String::new() } else { format!(" GROUP BY {}", quoted(&keys)) };
    let mut sql = format!("SELECT {} {filter}{group}", list.join(", "));
    // A limit is of the groups in the order of their keys.
    let limit = if keys.is_empty() { String::new() } else { limit(random, &mut params) };
    if !limit.is_empty() {
        let order: Vec<String> = keys.iter().map(|key| format!("\"{key}\" NULLS LAST")).collect();
        sql.push_str(&format!(" ORDER BY {}{limit}", order.join(", ")));
    }
    Question { params, sql, ordered: !limit.is_empty(), keys: Vec::new(), means }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}
