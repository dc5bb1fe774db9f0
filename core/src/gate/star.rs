//! Columns of a table that `*` does not show: they are there only because the text names them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Patience, parse, walk};
use crate::base::{Code, Error, Problem, Result, Text, text};
use crate::catalog::Catalog;

/// The names of a table, in lower case, with the columns that its stars leave out.
pub type Hidden = BTreeMap<String, Vec<String>>;

/// The text of a statement that passed, with the columns of `hidden` left out of every star over the tables themselves. DS-422
/// where they cannot be.
pub fn without(statement: &Value, hidden: &Hidden, catalog: &'static Catalog, own: &[String]) -> Result<String> {
    let (mut statement, hidden, own) = (statement.clone(), hidden.clone(), own.to_vec());
    let rewritten = Patience::default().wait(move || {
        let mut rewrite = Rewrite { hidden: &hidden, frames: Vec::new(), problems: Vec::new() };
        rewrite.visit(&mut statement);
        if !rewrite.problems.is_empty() {
            return Err(rewrite.problems);
        }
        let text = parse::text(&statement)?;
        // What runs is what is judged: the engine's way back to text is no part of the gate.
        // The values of the parameters were looked at before.
        walk::judge(&text, parse::tree(&text)?, &BTreeMap::new(), (catalog, &own)).map(|_| text)
    })?;
    rewritten.map_err(|problems| Error::from_problems(problems).stage("plan"))
}

struct Rewrite<'h> {
    hidden: &'h Hidden,
    /// For each SELECT around, innermost last: its tables that hide columns, by the name that the text gives them.
    frames: Vec<Vec<(String, Vec<String>)>>,
    problems: Vec<Problem>,
}

impl Rewrite<'_> {
    fn visit(&mut self, node: &mut Value) {
        match node {
            Value::Array(items) => items.iter_mut().for_each(|item| self.visit(item)),
            Value::Object(map) => {
                let is_query = matches!(
                    map.get("type").and_then(Value::as_str),
                    Some("SELECT_NODE" | "SET_OPERATION_NODE" | "RECURSIVE_CTE_NODE")
                );
                if is_query {
                    let mut tables = Vec::new();
                    self.tables(map.get("from_table").unwrap_or(&Value::Null), &mut tables);
                    self.frames.push(tables);
                }
                // `ORDER BY ALL` is a star of the answer's columns, and of no table's.
                if map.get("type").is_some_and(|kind| kind == "ORDER_MODIFIER") {
                    let orders = map.get_mut("orders").and_then(Value::as_array_mut).into_iter().flatten();
                    let is_all = |order: &Value| {
                        let by = &order["expression"];
                        by["class"] == "STAR" && by["expr"].is_null() && by["relation_name"] == ""
                    };
                    return orders.filter(|order| !is_all(order)).for_each(|order| self.visit(order));
                }
                map.values_mut().for_each(|child| self.visit(child));
                if is_query {
                    self.frames.pop();
                }
                if map.get("class").is_some_and(|class| class == "STAR") {
                    self.star(node);
                }
            }
            _ => {}
        }
    }

    /// The tables of a FROM that hide columns.
    fn tables(&mut self, from: &Value, into: &mut Vec<(String, Vec<String>)>) {
        match from["type"].as_str() {
            Some("BASE_TABLE") => {
                let name = from["table_name"].as_str().unwrap_or_default();
                if let Some(columns) = self.hidden.get(&name.to_lowercase()) {
                    let alias = from["alias"].as_str().filter(|alias| !alias.is_empty());
                    into.push((alias.unwrap_or(name).to_owned(), columns.clone()));
                }
            }
            Some("JOIN") => {
                let before = into.len();
                self.tables(&from["left"], into);
                self.tables(&from["right"], into);
                if from["ref_type"] == "NATURAL" && into.len() > before {
                    let names = into[before].1.join(", ");
                    self.refuse(text!(
                        "NATURAL JOIN compararia também {names}; use JOIN ... USING (colunas)",
                        "NATURAL JOIN would compare {names} too; use JOIN ... USING (columns)"
                    ));
                }
            }
            _ => {}
        }
    }

    fn star(&mut self, star: &mut Value) {
        let of = star["relation_name"].as_str().unwrap_or_default().to_owned();
        let left_out: Vec<(String, Vec<String>)> = match of.is_empty() {
            true => self.frames.last().cloned().unwrap_or_default(),
            false => {
                let named = |(name, _): &&(String, Vec<String>)| name.eq_ignore_ascii_case(&of);
                self.frames.iter().rev().find_map(|frame| frame.iter().find(named)).into_iter().cloned().collect()
            }
        };
        let Some((_, columns)) = left_out.first() else { return };
        if !star["expr"].is_null() {
            let names = columns.join(", ");
            self.refuse(text!(
                "COLUMNS com um padrão não vai junto com {names}; escreva as colunas por extenso",
                "COLUMNS with a pattern does not go with {names}; write the columns out"
            ));
            return;
        }
        let entry =
            |table: &str, column: &String| json!({"catalog": "", "schema": "", "table": table, "column": column});
        if let Some(list) = star["qualified_exclude_list"].as_array_mut() {
            for (table, columns) in &left_out {
                list.extend(columns.iter().map(|column| entry(table, column)));
            }
        }
    }

    fn refuse(&mut self, said: Text) {
        self.problems.push(Problem::new(Code::InvalidParams, said));
    }
}
