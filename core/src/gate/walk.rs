//! The walk over the tree: what every kind of node has in common.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::scope::Scope;
use super::{MAX_PARTS, Passed, refusal, weigh};
use crate::base::Problem;
use crate::catalog::{Catalog, Grupo};
use crate::params::{Compared, Syntax};

/// Problems that are told at most; a hostile text could earn thousands.
const MAX_PROBLEMS: usize = 20;

pub(super) struct Walk<'a> {
    pub sql: &'a str,
    pub catalog: &'static Catalog,
    /// Tables beside the catalogue's that may be read, and those that are.
    pub own: &'a [String],
    pub own_read: BTreeSet<String>,
    /// Values of the parameters, as far as they are given.
    pub binds: &'a BTreeMap<String, Value>,
    pub tables: Vec<&'static Grupo>,
    pub parameters: BTreeSet<String>,
    pub columns: BTreeSet<String>,
    pub star: bool,
    /// Names without a table before them, in lower case: one that is a table's is its whole row.
    pub bare: BTreeSet<String>,
    pub compared: Vec<Compared>,
    pub syntax: Syntax,
    parts: usize,
    problems: Vec<Problem>,
}

pub(super) fn judge(
    sql: &str,
    statement: Value,
    binds: &BTreeMap<String, Value>,
    (catalog, own): (&'static Catalog, &[String]),
) -> Result<Passed, Vec<Problem>> {
    let mut walk = Walk {
        sql,
        catalog,
        own,
        own_read: BTreeSet::new(),
        binds,
        tables: Vec::new(),
        parameters: BTreeSet::new(),
        columns: BTreeSet::new(),
        star: false,
        bare: BTreeSet::new(),
        compared: Vec::new(),
        syntax: Syntax::default(),
        parts: 0,
        problems: Vec::new(),
    };
    walk.query(&statement["node"], &Scope::OUTSIDE);
    // What is not known is not weighed.
    let (problems, long_bytes) = match walk.problems.is_empty() {
        true => weigh::weigh(sql, &statement, binds, catalog),
        false => (walk.problems, 0),
    };
    if !problems.is_empty() {
        return Err(problems);
    }
    let Walk { tables, own_read, parameters, columns, star, bare, compared, syntax, .. } = walk;
    let star = star || bare.iter().any(|name| syntax.tables.contains_key(name));
    let modifiers = statement["node"]["modifiers"].as_array();
    let ordered = modifiers.is_some_and(|all| all.iter().any(|modifier| modifier["type"] == "ORDER_MODIFIER"));
    let syntax = Syntax { statement, long_bytes, ..syntax };
    Ok(Passed { sql: sql.to_owned(), tables, own: own_read, parameters, columns, star, ordered, compared, syntax })
}

impl Walk<'_> {
    pub(super) fn refuse(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }

    /// Counts a CTE or a set operation.
    pub(super) fn part(&mut self) {
        self.parts += 1;
        if self.parts == MAX_PARTS + 1 {
            self.refuse(refusal::too_many_parts());
        }
    }

    /// Refuses a node that has a key that is not listed: a newer engine's syntax must not slip through unseen.
    pub(super) fn only(&mut self, node: &Value, what: &str, keys: &[&str]) {
        const EVERYWHERE: &[&str] = &["class", "type", "alias", "query_location"];
        let Value::Object(map) = node else {
            self.refuse(refusal::unknown(self.sql, what, node));
            return;
        };
        for (key, value) in map {
            let empty = match value {
                Value::Null | Value::Bool(false) => true,
                Value::Array(list) => list.is_empty(),
                Value::String(text) => text.is_empty(),
                _ => false,
            };
            if !empty && !keys.contains(&key.as_str()) && !EVERYWHERE.contains(&key.as_str()) {
                self.refuse(refusal::unknown(self.sql, &format!("{what}: {key}"), node));
            }
        }
    }

    /// Each of a list.
    pub(super) fn each(&mut self, list: &Value, scope: &Scope<'_>, visit: fn(&mut Self, &Value, &Scope<'_>)) {
        match list {
            Value::Null => {}
            Value::Array(items) => items.iter().for_each(|item| visit(self, item, scope)),
            other => self.refuse(refusal::unknown(self.sql, "list", other)),
        }
    }

    /// An expression that may be left out.
    pub(super) fn maybe(&mut self, node: &Value, scope: &Scope<'_>) {
        if !node.is_null() {
            self.expression(node, scope);
        }
    }
}
