//! Queries and what stands in FROM.

use serde_json::Value;

use super::scope::Scope;
use super::walk::Walk;
use super::{functions, refusal};
use crate::base::did_you_mean;

impl Walk<'_> {
    /// SELECT, set operation or (as the query of a CTE only) recursion.
    pub(super) fn query(&mut self, node: &Value, scope: &Scope<'_>) {
        let names = self.ctes(&node["cte_map"], scope);
        let scope = &Scope::within(scope, &names);
        match node["type"].as_str() {
            Some("SELECT_NODE") => self.select(node, scope),
            Some("SET_OPERATION_NODE") => {
                self.part();
                self.only(node, "set operation", &["modifiers", "cte_map", "setop_type", "left", "right", "setop_all"]);
                self.one_of(&node["setop_type"], &["UNION", "EXCEPT", "INTERSECT", "UNION_BY_NAME"]);
                self.query(&node["left"], scope);
                self.query(&node["right"], scope);
            }
            other => self.refuse(refusal::unknown(self.sql, other.unwrap_or("query"), node)),
        }
        self.each(&node["modifiers"], scope, Self::modifier);
    }

    fn select(&mut self, node: &Value, scope: &Scope<'_>) {
        self.only(
            node,
            "SELECT",
            &[
                "modifiers",
                "cte_map",
                "select_list",
                "from_table",
                "where_clause",
                "group_expressions",
                "group_sets",
                "aggregate_handling",
                "having",
                "sample",
                "qualify",
            ],
        );
        self.no_sample(node);
        self.one_of(&node["aggregate_handling"], &["STANDARD_HANDLING", "FORCE_AGGREGATES", "NO_AGGREGATES_ALLOWED"]);
        self.each(&node["select_list"], scope, Self::expression);
        self.from(&node["from_table"], scope);
        self.maybe(&node["where_clause"], scope);
        self.each(&node["group_expressions"], scope, Self::expression);
        self.maybe(&node["having"], scope);
        self.maybe(&node["qualify"], scope);
    }

    /// Judges the CTEs of a query, each in sight of those before it, and gives their names.
    fn ctes(&mut self, map: &Value, scope: &Scope<'_>) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for entry in map["map"].as_array().into_iter().flatten() {
            self.part();
            let name = entry["key"].as_str().unwrap_or_default().to_owned();
            let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_') && !name.is_empty() && name.len() <= 63;
            if !plain || self.catalog.by_table(&name.to_lowercase()).is_some() {
                self.refuse(refusal::cte_name(&name));
            }
            let cte = &entry["value"];
            self.only(cte, "CTE", &["aliases", "query", "materialized", "key_targets"]);
            self.one_of(
                &cte["materialized"],
                &["CTE_MATERIALIZE_DEFAULT", "CTE_MATERIALIZE_ALWAYS", "CTE_MATERIALIZE_NEVER"],
            );
            let visible = &Scope::within(scope, &names);
            let node = &cte["query"]["node"];
            match node["type"].as_str() {
                Some("RECURSIVE_CTE_NODE") => self.recursion(node, visible, &name),
                _ => self.query(node, visible),
            }
            self.each(&cte["key_targets"], visible, Self::expression);
            names.push(name);
        }
        names
    }

    /// A recursive CTE sees itself, in its second half.
    fn recursion(&mut self, node: &Value, scope: &Scope<'_>, name: &str) {
        self.only(
            node,
            "WITH RECURSIVE",
            &["modifiers", "cte_map", "cte_name", "union_all", "left", "right", "aliases", "key_targets"],
        );
        self.part();
        if node["cte_name"].as_str() != Some(name) {
            self.refuse(refusal::unknown(self.sql, "WITH RECURSIVE", node));
        }
        let inner = self.ctes(&node["cte_map"], scope);
        let scope = &Scope::within(scope, &inner);
        self.query(&node["left"], scope);
        let own = [name.to_owned()];
        self.query(&node["right"], &Scope::within(scope, &own));
        self.each(&node["modifiers"], scope, Self::modifier);
        self.each(&node["key_targets"], scope, Self::expression);
    }

    fn from(&mut self, node: &Value, scope: &Scope<'_>) {
        self.no_sample(node);
        match node["type"].as_str() {
            Some("EMPTY") => self.only(node, "FROM", &[]),
            Some("BASE_TABLE") => {
                self.only(node, "table", &["sample", "schema_name", "table_name", "column_name_alias", "catalog_name"]);
                // The columns have other names from here on.
                self.star |= node["column_name_alias"].as_array().is_some_and(|names| !names.is_empty());
                self.table(node, scope);
            }
            Some("SUBQUERY") => {
                self.only(node, "subquery", &["sample", "subquery", "column_name_alias"]);
                self.query(&node["subquery"]["node"], scope);
            }
            Some("JOIN") => {
                self.only(
                    node,
                    "JOIN",
                    &["sample", "left", "right", "condition", "join_type", "ref_type", "using_columns"],
                );
                self.one_of(&node["join_type"], &["INNER", "LEFT", "RIGHT", "FULL", "OUTER", "SEMI", "ANTI"]);
                self.one_of(&node["ref_type"], &["REGULAR", "NATURAL", "CROSS", "POSITIONAL", "ASOF"]);
                self.from(&node["left"], scope);
                self.from(&node["right"], scope);
                self.maybe(&node["condition"], scope);
                for column in node["using_columns"].as_array().into_iter().flatten() {
                    self.columns.extend(column.as_str().map(str::to_uppercase));
                    column.as_str().inspect(|name| self.syntax.refer(None, name));
                }
                // A natural join compares columns that it does not name.
                self.star |= node["ref_type"] == "NATURAL";
            }
            Some("TABLE_FUNCTION") => {
                self.only(node, "function", &["sample", "function", "column_name_alias", "with_ordinality"]);
                self.one_of(&node["with_ordinality"], &["WITHOUT_ORDINALITY", "WITH_ORDINALITY"]);
                let function = &node["function"];
                let name = function["function_name"].as_str().unwrap_or_default();
                let own = function["schema"] == "" && function["catalog"] == "";
                if function["class"] != "FUNCTION"
                    || !own
                    || !functions::TABLE.iter().any(|f| f.eq_ignore_ascii_case(name))
                {
                    let near = did_you_mean(name, functions::TABLE.iter().copied());
                    self.refuse(refusal::function(self.sql, function, name, near));
                } else {
                    self.arguments(function, name, scope);
                }
            }
            Some("EXPRESSION_LIST") => {
                self.only(node, "VALUES", &["sample", "values", "expected_names", "expected_types"]);
                for row in node["values"].as_array().into_iter().flatten() {
                    self.each(row, scope, Self::expression);
                }
            }
            other => self.refuse(refusal::unknown(self.sql, other.unwrap_or("FROM"), node)),
        }
    }

    /// A table of the catalogue, a table of the client's own, or a CTE that can be seen here; nothing else, a file least of all.
    fn table(&mut self, node: &Value, scope: &Scope<'_>) {
        let name = node["table_name"].as_str().unwrap_or_default();
        if node["schema_name"] != "" || node["catalog_name"] != "" {
            self.refuse(refusal::qualified(self.sql, node, name));
            return;
        }
        if scope.holds(name) {
            return;
        }
        match self.catalog.by_table(&name.to_ascii_lowercase()) {
            Some(grupo) if grupo.dataset.table().eq_ignore_ascii_case(name) => {
                let alias = node["alias"].as_str().filter(|alias| !alias.is_empty()).unwrap_or(name);
                self.syntax.tables.entry(alias.to_lowercase()).or_default().insert(grupo.dataset.table());
                if !self.tables.iter().any(|known| known.dataset == grupo.dataset) {
                    self.tables.push(grupo);
                }
            }
            _ if self.own.iter().any(|own| own.eq_ignore_ascii_case(name)) => {
                let alias = node["alias"].as_str().filter(|alias| !alias.is_empty()).unwrap_or(name);
                let own = name.to_ascii_lowercase();
                self.syntax.tables.entry(alias.to_lowercase()).or_default().insert(own.clone());
                self.own_read.insert(own);
            }
            _ => self.refuse(refusal::table(self.sql, node, name, self.catalog)),
        }
    }

    fn modifier(&mut self, node: &Value, scope: &Scope<'_>) {
        match node["type"].as_str() {
            Some("ORDER_MODIFIER") => {
                self.only(node, "ORDER BY", &["orders"]);
                self.each(&node["orders"], scope, Self::order);
            }
            Some("LIMIT_MODIFIER") => {
                self.only(node, "LIMIT", &["limit", "offset"]);
                self.maybe(&node["limit"], scope);
                self.maybe(&node["offset"], scope);
            }
            Some("DISTINCT_MODIFIER") => {
                self.only(node, "DISTINCT", &["distinct_on_targets"]);
                self.each(&node["distinct_on_targets"], scope, Self::expression);
            }
            Some("LIMIT_PERCENT_MODIFIER") => self.refuse(refusal::sample(self.sql, node)),
            other => self.refuse(refusal::unknown(self.sql, other.unwrap_or("modifier"), node)),
        }
    }

    pub(super) fn order(&mut self, node: &Value, scope: &Scope<'_>) {
        self.only(node, "ORDER BY", &["null_order", "expression"]);
        self.one_of(&node["type"], &["ORDER_DEFAULT", "ASCENDING", "DESCENDING"]);
        self.one_of(&node["null_order"], &["ORDER_DEFAULT", "NULLS FIRST", "NULLS LAST", "NULLS_FIRST", "NULLS_LAST"]);
        self.expression(&node["expression"], scope);
    }

    fn no_sample(&mut self, node: &Value) {
        if !node["sample"].is_null() {
            self.refuse(refusal::sample(self.sql, node));
        }
    }

    pub(super) fn one_of(&mut self, found: &Value, known: &[&str]) {
        if !found.as_str().is_some_and(|name| known.contains(&name)) {
            self.refuse(refusal::unknown(self.sql, found.as_str().unwrap_or("?"), found));
        }
    }
}
