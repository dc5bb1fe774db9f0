//! Expressions.

use serde_json::Value;

use super::scope::Scope;
use super::walk::Walk;
use super::{functions, refusal, types};
use crate::base::did_you_mean;

const OPERATORS: &[&str] = &[
    "OPERATOR_COALESCE",
    "OPERATOR_NULLIF",
    "OPERATOR_NOT",
    "OPERATOR_IS_NULL",
    "OPERATOR_IS_NOT_NULL",
    "OPERATOR_TRY",
    "COMPARE_IN",
    "COMPARE_NOT_IN",
    "ARRAY_EXTRACT",
    "ARRAY_SLICE",
    "ARRAY_CONSTRUCTOR",
    "STRUCT_EXTRACT",
    "GROUPING_FUNCTION",
];

impl Walk<'_> {
    pub(super) fn expression(&mut self, node: &Value, scope: &Scope<'_>) {
        match node["class"].as_str() {
            Some("CONSTANT") => {
                self.only(node, "constant", &["value"]);
                if let Some(name) =
                    types::refused(&node["value"]["type"]).filter(|name| name != "NULL" && name != "\"NULL\"")
                {
                    self.refuse(refusal::type_name(self.sql, node, &name));
                }
            }
            Some("COLUMN_REF") => {
                self.only(node, "column", &["column_names"]);
                // The column is the last name, or an earlier one where fields of a struct follow.
                for name in node["column_names"].as_array().into_iter().flatten() {
                    self.columns.extend(name.as_str().map(str::to_uppercase));
                }
                if let Some([Value::String(name)]) = node["column_names"].as_array().map(Vec::as_slice) {
                    self.bare.insert(name.to_lowercase());
                }
                let mut names = node["column_names"].as_array().into_iter().flatten().filter_map(Value::as_str);
                if let [one] = node["column_names"].as_array().map(Vec::as_slice).unwrap_or_default()
                    && let Some(word) = one.as_str().filter(|word| functions::is_hidden(word))
                {
                    self.refuse(refusal::function(self.sql, node, word, Vec::new()));
                }
                if let Some(first) = names.next() {
                    self.syntax.refer(None, first);
                    names.next().inspect(|second| self.syntax.refer(Some(first), second));
                }
            }
            Some("POSITIONAL_REFERENCE") => {
                self.only(node, "column", &["index"]);
                self.star = true;
            }
            Some("PARAMETER") => {
                self.only(node, "parameter", &["identifier"]);
                let name = node["identifier"].as_str().unwrap_or_default();
                if name.is_empty() || name.bytes().all(|b| b.is_ascii_digit()) {
                    self.refuse(refusal::positional());
                }
                self.parameters.insert(name.to_owned());
            }
            Some("STAR") => self.star(node, scope),
            Some("FUNCTION") => {
                let name = node["function_name"].as_str().unwrap_or_default();
                self.known_function(node, name);
                self.matches(name, &node["children"]);
                self.arguments(node, name, scope);
            }
            Some("WINDOW") => self.window(node, scope),
            Some("OPERATOR") => {
                self.only(node, "operator", &["children"]);
                self.one_of(&node["type"], OPERATORS);
                if matches!(node["type"].as_str(), Some("COMPARE_IN" | "COMPARE_NOT_IN")) {
                    let (first, others) = node["children"].as_array().and_then(|all| all.split_first()).unzip();
                    self.compares(first.unwrap_or(&Value::Null), others.into_iter().flatten());
                }
                self.each(&node["children"], scope, Self::expression);
            }
            Some("COMPARISON") => {
                self.only(node, "comparison", &["left", "right"]);
                self.compares(&node["left"], [&node["right"]]);
                self.compares(&node["right"], [&node["left"]]);
                self.expression(&node["left"], scope);
                self.expression(&node["right"], scope);
            }
            Some("CONJUNCTION") => {
                self.only(node, "conjunction", &["children"]);
                self.each(&node["children"], scope, Self::expression);
            }
            Some("BETWEEN") => {
                self.only(node, "BETWEEN", &["input", "lower", "upper"]);
                self.compares(&node["input"], [&node["lower"], &node["upper"]]);
                for part in ["input", "lower", "upper"] {
                    self.expression(&node[part], scope);
                }
            }
            Some("CASE") => {
                self.only(node, "CASE", &["case_checks", "else_expr"]);
                for check in node["case_checks"].as_array().into_iter().flatten() {
                    self.only(check, "CASE", &["when_expr", "then_expr"]);
                    self.expression(&check["when_expr"], scope);
                    self.expression(&check["then_expr"], scope);
                }
                self.maybe(&node["else_expr"], scope);
            }
            Some("CAST") => {
                self.only(node, "CAST", &["child", "cast_type", "try_cast"]);
                if let Some(name) = types::refused(&node["cast_type"]) {
                    self.refuse(refusal::type_name(self.sql, node, &name));
                }
                self.expression(&node["child"], scope);
            }
            Some("COLLATE") => {
                self.only(node, "COLLATE", &["child", "collation"]);
                let plain = node["collation"].as_str().is_some_and(|name| {
                    name.split('.').all(|part| ["nocase", "noaccent", "nfc", "pt", "binary", "c"].contains(&part))
                });
                if !plain {
                    self.refuse(refusal::unknown(self.sql, "COLLATE", node));
                }
                self.expression(&node["child"], scope);
            }
            Some("SUBQUERY") => {
                self.only(node, "subquery", &["subquery_type", "subquery", "child", "comparison_type"]);
                self.one_of(&node["subquery_type"], &["SCALAR", "EXISTS", "NOT_EXISTS", "ANY"]);
                self.maybe(&node["child"], scope);
                self.query(&node["subquery"]["node"], scope);
            }
            Some("LAMBDA") => {
                self.only(node, "lambda", &["lhs", "expr", "syntax_type"]);
                self.expression(&node["lhs"], scope);
                self.expression(&node["expr"], scope);
            }
            other => self.refuse(refusal::unknown(self.sql, other.unwrap_or("expression"), node)),
        }
    }

    fn star(&mut self, node: &Value, scope: &Scope<'_>) {
        self.only(
            node,
            "*",
            &[
                "relation_name",
                "exclude_list",
                "qualified_exclude_list",
                "replace_list",
                "rename_list",
                "columns",
                "expr",
            ],
        );
        self.star = true;
        for entry in node["replace_list"].as_array().into_iter().flatten() {
            self.expression(&entry["value"], scope);
        }
        self.maybe(&node["expr"], scope);
    }

    fn window(&mut self, node: &Value, scope: &Scope<'_>) {
        self.only(
            node,
            "OVER",
            &[
                "function_name",
                "children",
                "partitions",
                "orders",
                "start",
                "end",
                "start_expr",
                "end_expr",
                "offset_expr",
                "default_expr",
                "ignore_nulls",
                "filter_expr",
                "exclude_clause",
                "distinct",
                "arg_orders",
            ],
        );
        let name = node["function_name"].as_str().unwrap_or_default();
        self.known_function(node, name);
        self.bounded(node, name);
        for list in ["children", "partitions"] {
            self.each(&node[list], scope, Self::expression);
        }
        for list in ["orders", "arg_orders"] {
            self.each(&node[list], scope, Self::order);
        }
        for part in ["start_expr", "end_expr", "offset_expr", "default_expr", "filter_expr"] {
            self.maybe(&node[part], scope);
        }
    }

    fn known_function(&mut self, node: &Value, name: &str) {
        // The parser itself writes `main` for what it makes out of syntax ([1, 2], extract(...)).
        let own = node["schema"] == "" || node["schema"] == "main";
        if !own || node["catalog"] != "" {
            self.refuse(refusal::qualified(self.sql, node, name));
        } else if !functions::is_known(name) {
            let near = did_you_mean(name, functions::names().filter(|known| known.len() > 2));
            self.refuse(refusal::function(self.sql, node, name, near));
        }
    }

    /// The arguments of a function whose name has been judged.
    pub(super) fn arguments(&mut self, node: &Value, name: &str, scope: &Scope<'_>) {
        self.only(
            node,
            "function",
            &["function_name", "schema", "children", "filter", "order_bys", "distinct", "is_operator"],
        );
        self.bounded(node, name);
        self.each(&node["children"], scope, Self::expression);
        self.maybe(&node["filter"], scope);
        self.each(&node["order_bys"]["orders"], scope, Self::order);
    }
}
