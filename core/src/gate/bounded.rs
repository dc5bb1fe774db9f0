//! Arguments that must be known before the text runs, and within bounds.

use serde_json::Value;

use super::given::{Given, given};
use super::walk::Walk;
use super::{functions, refusal};

/// Rows that `lag`, `lead` and their like may reach over.
const MAX_OFFSET: i64 = 1_000_000;
/// Values that `max(x, n)` and its like may keep of each group.
const MAX_KEPT: i64 = 1_000;
/// Characters of a replacement or a separator.
const MAX_PIECE: usize = 100;
/// Characters of a regular expression.
const MAX_REGEXP: usize = 500;
/// Largest number in the braces of a regular expression.
const MAX_REPEATS: u64 = 100;

impl Walk<'_> {
    /// The arguments of a function that may not be just anything.
    pub(super) fn bounded(&mut self, node: &Value, name: &str) {
        let name = name.to_ascii_lowercase();
        let argument = |at: usize| &node["children"][at];
        match name.as_str() {
            "lpad" | "rpad" => self.integer(node, &name, argument(1), 0, functions::MAX_SIZE),
            "nth_value" => self.integer(node, &name, argument(1), 1, MAX_OFFSET),
            "ntile" => self.integer(node, &name, argument(0), 1, MAX_OFFSET),
            "lag" | "lead" if !node["offset_expr"].is_null() => {
                self.integer(node, &name, &node["offset_expr"], -MAX_OFFSET, MAX_OFFSET);
            }
            "max" | "min" if !argument(1).is_null() => self.integer(node, &name, argument(1), 1, MAX_KEPT),
            "arg_max" | "arg_min" | "argmax" | "argmin" | "max_by" | "min_by" if !argument(2).is_null() => {
                self.integer(node, &name, argument(2), 1, MAX_KEPT);
            }
            "string_agg" | "group_concat" | "listagg" if !argument(1).is_null() => self.piece(node, &name, argument(1)),
            "replace" => {
                self.piece(node, &name, argument(1));
                self.piece(node, &name, argument(2));
            }
            "array_to_string" if !argument(1).is_null() => self.piece(node, &name, argument(1)),
            "strftime" | "strptime" | "try_strptime" => {
                for at in [0, 1] {
                    // Either order; the other one is the date.
                    if let Given::Value(Value::String(format)) = given(argument(at), self.binds)
                        && format.chars().count() > MAX_PIECE * 10
                    {
                        self.refuse(refusal::piece(self.sql, node, &name, MAX_PIECE * 10));
                    }
                }
            }
            "regexp_replace" => {
                self.regexp(node, &name, argument(1));
                self.piece(node, &name, argument(2));
            }
            "regexp_matches"
            | "regexp_full_match"
            | "regexp_extract"
            | "regexp_extract_all"
            | "regexp_split_to_array" => {
                self.regexp(node, &name, argument(1));
            }
            _ => {}
        }
        if node["class"] == "WINDOW" && functions::WHOLE.contains(&name.as_str()) {
            self.refuse(refusal::whole_over(self.sql, node, &name));
        }
        // Each frame is gone through anew, and no interrupt is heard meanwhile.
        let excludes = ["CURRENT_ROW", "GROUP", "TIES"].iter().any(|one| node["exclude_clause"] == *one);
        if node["class"] == "WINDOW" && (name == "mad" || (excludes && node["distinct"] == true)) {
            self.refuse(refusal::slow_over(self.sql, node, &name));
        }
    }

    fn integer(&mut self, node: &Value, name: &str, argument: &Value, least: i64, most: i64) {
        let is_within = match given(argument, self.binds) {
            Given::Value(value) => value.as_i64().is_some_and(|number| (least..=most).contains(&number)),
            Given::Missing => true,
            Given::Computed => false,
        };
        if !is_within {
            self.refuse(refusal::argument(self.sql, node, name, least, most));
        }
    }

    fn piece(&mut self, node: &Value, name: &str, argument: &Value) {
        let is_short = match given(argument, self.binds) {
            Given::Value(Value::String(text)) => text.chars().count() <= MAX_PIECE,
            Given::Computed => chr(argument),
            _ => true,
        };
        if !is_short {
            self.refuse(refusal::piece(self.sql, node, name, MAX_PIECE));
        }
    }

    fn regexp(&mut self, node: &Value, name: &str, argument: &Value) {
        let is_bounded = match given(argument, self.binds) {
            Given::Value(Value::String(text)) => text.chars().count() <= MAX_REGEXP && repeats(text) <= MAX_REPEATS,
            Given::Computed => false,
            _ => true,
        };
        if !is_bounded {
            self.refuse(refusal::regexp(self.sql, node, name, MAX_REGEXP));
        }
    }
}

/// `chr(10)`: one character.
fn chr(node: &Value) -> bool {
    node["function_name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("chr"))
}

/// The sum of the numbers in a regular expression's braces.
fn repeats(pattern: &str) -> u64 {
    let braces = pattern.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    let largest = braces.filter_map(|(inside, _)| inside.split(',').filter_map(|n| n.trim().parse::<u64>().ok()).max());
    largest.fold(0, u64::saturating_add)
}
