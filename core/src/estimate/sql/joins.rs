//! What stands in a FROM, and how many rows its joins give.

use serde_json::{Value, json};

use super::names::{conjuncts, relations_of};
use super::relation::{Relation, UNKNOWN};
use super::{Named, Reader};
use crate::estimate::spread::Spread;

/// Keys that are not spread evenly over the rows of both sides.
const UNEVEN: f64 = 0.25;

impl Reader<'_> {
    /// The relations of a FROM and the rows that they have together. Of `conditions` those are taken that were looked at here.
    pub(super) fn from(&self, node: &Value, conditions: &mut Vec<&Value>, ctes: &[Named]) -> (Vec<Relation>, Spread) {
        let mut relations = Vec::new();
        self.leaves(node, ctes, &mut relations);
        if relations.is_empty() {
            return (relations, Spread::exact(1.0));
        }
        conditions.retain(|condition| self.filters(condition, &mut relations));
        let mut next = 0;
        let rows = self.joined(node, conditions, &mut relations, &mut next);
        (relations, rows)
    }

    /// Takes a condition on one relation to it; true where it is of another kind, and is left.
    fn filters(&self, condition: &Value, relations: &mut [Relation]) -> bool {
        match relations_of(condition, relations).as_deref() {
            Some([one]) => {
                relations[*one].filter(condition, self.binds);
                false
            }
            _ => true,
        }
    }

    fn leaves(&self, node: &Value, ctes: &[Named], into: &mut Vec<Relation>) {
        let alias = |otherwise: &str| match node["alias"].as_str() {
            Some(alias) if !alias.is_empty() => alias.to_owned(),
            _ => otherwise.to_owned(),
        };
        match node["type"].as_str() {
            Some("JOIN") => {
                self.leaves(&node["left"], ctes, into);
                self.leaves(&node["right"], ctes, into);
            }
            Some("BASE_TABLE") => {
                let name = node["table_name"].as_str().unwrap_or_default();
                let of_cte = ctes.iter().rev().find(|(cte, _)| cte.eq_ignore_ascii_case(name)).map(|(_, one)| one);
                let found = of_cte.or_else(|| self.tables.get(&name.to_lowercase())).cloned();
                into.push(found.unwrap_or_else(|| Relation::of_rows(Spread::about(1_000.0, 2.0))).named(&alias(name)));
            }
            Some("SUBQUERY") => into.push(self.query(&node["subquery"]["node"], ctes).named(&alias(""))),
            Some("EXPRESSION_LIST") => {
                let rows = node["values"].as_array().map_or(0, Vec::len);
                into.push(Relation::of_rows(Spread::exact(rows as f64)).named(&alias("")));
            }
            Some("TABLE_FUNCTION") => into.push(Relation::of_rows(ranged(&node["function"])).named(&alias(""))),
            _ => {}
        }
    }

    /// The rows of a join, whose relations are those from `next` on.
    fn joined(
        &self,
        node: &Value,
        conditions: &mut Vec<&Value>,
        relations: &mut [Relation],
        next: &mut usize,
    ) -> Spread {
        if node["type"] != "JOIN" {
            let at = *next;
            *next += usize::from(node["type"] != "EMPTY");
            return relations.get(at).map_or(Spread::exact(1.0), |relation| relation.rows);
        }
        let mut of_join = Vec::new();
        conjuncts(&node["condition"], &mut of_join);
        of_join.retain(|condition| self.filters(condition, relations));
        let first = *next;
        let left = self.joined(&node["left"], conditions, relations, next);
        let middle = *next;
        let right = self.joined(&node["right"], conditions, relations, next);
        let (lefts, rights) = (first..middle, middle..*next);
        let mut pairs = Vec::new();
        let mut unknown = 0;
        for condition in of_join {
            match self.equates(condition, relations, &lefts, &rights) {
                Some(pair) => pairs.push(pair),
                None => unknown += 1,
            }
        }
        for name in node["using_columns"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let column = json!({"class": "COLUMN_REF", "type": "COLUMN_REF", "column_names": [name]});
            let side = |of: &std::ops::Range<usize>| of.clone().find(|at| relations[*at].has(name) != Some(false));
            if let (Some(a), Some(b)) = (side(&lefts), side(&rights)) {
                pairs.push(((a, column.clone()), (b, column)));
            }
        }
        conditions.retain(|condition| match self.equates(condition, relations, &lefts, &rights) {
            Some(pair) => {
                pairs.push(pair);
                false
            }
            None => true,
        });
        self.hold(left.at_most(right));
        let keys = |of: fn(&Pair) -> &(usize, Value)| self.keys_of(pairs.iter().map(of), relations);
        let (of_left, of_right) = (keys(|pair| &pair.0), keys(|pair| &pair.1));
        let mut rows = match pairs.is_empty() {
            true => left.times(right),
            false => {
                let most = if of_left.likely >= of_right.likely { of_left } else { of_right };
                let each = Spread::about(1.0 / most.likely.max(1.0), most.sigma.hypot(UNEVEN));
                left.times(right).times(each)
            }
        };
        for _ in 0..unknown {
            rows = rows.times(UNKNOWN);
        }
        let longer = if left.likely >= right.likely { left } else { right };
        match node["ref_type"].as_str() {
            // Which columns it compares the text does not say.
            Some("NATURAL") => return longer.wider(1.0),
            Some("POSITIONAL") => return longer,
            Some("ASOF") => return left.wider(0.5),
            _ => {}
        }
        let found = (of_right.likely / of_left.likely.max(1.0)).min(1.0);
        match node["join_type"].as_str() {
            Some("LEFT") if rows.likely < left.likely => left.wider(0.05),
            Some("RIGHT") if rows.likely < right.likely => right.wider(0.05),
            Some("FULL" | "OUTER") if rows.likely < left.likely.max(right.likely) => {
                left.plus(right).times(Spread::about(0.7, 0.3))
            }
            Some("SEMI") => left.times(Spread::about(found, 0.2)),
            Some("ANTI") => left.times(Spread::about((1.0 - found).max(0.02), 0.6)),
            _ => rows,
        }
    }

    /// The two sides of an equality between what is left and what is right.
    fn equates(
        &self,
        condition: &Value,
        relations: &[Relation],
        lefts: &std::ops::Range<usize>,
        rights: &std::ops::Range<usize>,
    ) -> Option<Pair> {
        if condition["type"] != "COMPARE_EQUAL" {
            return None;
        }
        let side = |node: &Value| match relations_of(node, relations)?.as_slice() {
            [one] => Some((*one, node.clone())),
            _ => None,
        };
        let (a, b) = (side(&condition["left"])?, side(&condition["right"])?);
        let is_between = |a: usize, b: usize| lefts.contains(&a) && rights.contains(&b);
        match (is_between(a.0, b.0), is_between(b.0, a.0)) {
            (true, _) => Some((a, b)),
            (_, true) => Some((b, a)),
            _ => None,
        }
    }

    /// How many different keys there are on one side.
    fn keys_of<'v>(&self, keys: impl Iterator<Item = &'v (usize, Value)>, relations: &[Relation]) -> Spread {
        let mut of_relation: std::collections::BTreeMap<usize, Vec<&Value>> = Default::default();
        keys.for_each(|(at, key)| of_relation.entry(*at).or_default().push(key));
        let of_one = |(at, keys): (usize, Vec<&Value>)| {
            let relation = &relations[at];
            // Of an answer that groups, no two rows have the same key.
            relation.distinct(&keys, self.binds).unwrap_or(relation.rows.wider(0.5)).at_most(relation.rows)
        };
        of_relation.into_iter().map(of_one).fold(Spread::exact(1.0), Spread::times)
    }
}

/// A side's relation and the expression of its key.
type Pair = ((usize, Value), (usize, Value));

/// Rows of `range(n)` and `range(a, b)`.
fn ranged(function: &Value) -> Spread {
    let numbers: Option<Vec<f64>> =
        function["children"].as_array().into_iter().flatten().map(|child| child["value"]["value"].as_f64()).collect();
    let one_more = if function["function_name"] == "generate_series" { 1.0 } else { 0.0 };
    match numbers.as_deref() {
        Some([end]) => Spread::exact((end + one_more).max(0.0)),
        Some([from, to]) => Spread::exact((to - from + one_more).max(0.0)),
        Some([from, to, step]) if *step != 0.0 => Spread::exact(((to - from + one_more) / step).ceil().max(0.0)),
        _ => Spread::about(10.0, 1.5),
    }
}
