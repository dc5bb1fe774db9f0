//! What a text costs before its first row, and how long its values can become, computed on the parsed tree.
//!
//! The engine plans without a look at deadline, cancel or memory limit, and a function that has begun with a vector of rows ends it.
//! Both are bounded here, by a model that was measured on DuckDB 1.5.5: the weight of an expression is the sum of the sizes of all
//! its parts (long chains cost with the square of their length), doubled for each lambda and each subquery around it (the binder
//! binds those twice), with aliases, CTEs that are not materialised, stars and macros written out. A unit is some microseconds of
//! planning, at most 20.

mod expression;
mod query;
mod value;

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use serde_json::Value;

use self::value::Size;
use super::{limits, scan};
use crate::base::Problem;
use crate::catalog::Catalog;

/// Weight of a text at most: about a second.
pub(super) const MAX_WEIGHT: u64 = 100_000;
/// Columns that one SELECT gives at most.
pub(super) const MAX_COLUMNS: u64 = 2_000;
/// Subqueries inside expressions, one in the other.
pub(super) const MAX_SUBQUERIES: u32 = 10;
/// Lambdas, one in the other.
pub(super) const MAX_LAMBDAS: u32 = 8;
/// Lists, structs and rows, one in the other.
pub(super) const MAX_CONSTRUCTORS: u32 = 16;
/// WITH RECURSIVE, one in the other.
pub(super) const MAX_RECURSIONS: u32 = 2;
/// Tables and subqueries that one SELECT joins, those of its CTEs and subqueries included.
pub(super) const MAX_RELATIONS: u64 = 40;
/// Aggregates of one SELECT that have a FILTER: each keeps a copy of the columns of all.
pub(super) const MAX_FILTERS: u64 = 200;
/// Sets of one GROUP BY: each has a hash table of its own.
pub(super) const MAX_GROUPING_SETS: u64 = 64;

/// What is refused, and the bytes that the long values of a row of the answer may have together.
pub(super) fn weigh(
    sql: &str,
    statement: &Value,
    binds: &BTreeMap<String, Value>,
    catalog: &'static Catalog,
) -> (Vec<Problem>, u64) {
    let (uses, writes_out) = (query::uses(statement), scan::writes_ctes_out(sql));
    let mut weigher = Weigher { sql, binds, catalog, uses, writes_out, problems: Vec::new(), told: Vec::new() };
    let answer = weigher.query(&statement["node"], &Env::OUTSIDE);
    weigher.at_most("weight", &statement["node"], answer.weight, MAX_WEIGHT);
    (weigher.problems, answer.long)
}

/// The weight alone.
#[cfg(test)]
pub(super) fn weight(sql: &str, statement: &Value, catalog: &'static Catalog) -> u64 {
    let (binds, uses) = (&BTreeMap::new(), query::uses(statement));
    let writes_out = scan::writes_ctes_out(sql);
    let mut weigher = Weigher { sql, binds, catalog, uses, writes_out, problems: Vec::new(), told: Vec::new() };
    weigher.query(&statement["node"], &Env::OUTSIDE).weight
}

struct Weigher<'a> {
    sql: &'a str,
    binds: &'a BTreeMap<String, Value>,
    catalog: &'static Catalog,
    /// How often each table and CTE is named.
    uses: HashMap<String, u64>,
    /// Its CTEs are written out at each use.
    writes_out: bool,
    problems: Vec<Problem>,
    /// Limits that were told already: one example of each does.
    told: Vec<&'static str>,
}

/// Of an expression.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    /// Parts, written out.
    nodes: u64,
    weight: u64,
    size: Size,
    /// Constructors, one in the other.
    nested: u32,
    /// It stands for as many expressions as the tables have columns.
    star: bool,
}

/// Of a query.
#[derive(Debug, Clone, Default)]
struct Answer {
    width: u64,
    columns: Rc<HashMap<String, Size>>,
    /// Bytes of a row.
    bytes: u64,
    /// Of its long values alone, those included that are the same in every row.
    long: u64,
    weight: u64,
    /// What it brings into the join around it.
    relations: u64,
}

#[derive(Debug, Clone)]
struct Table {
    alias: String,
    width: u64,
    columns: Rc<HashMap<String, Size>>,
}

struct Cte {
    name: String,
    answer: Answer,
    written_out: bool,
}

/// What can be seen from an expression.
struct Env<'e> {
    tables: &'e [Table],
    aliases: Option<&'e HashMap<String, Cost>>,
    lambda: &'e [(String, Size)],
    ctes: &'e [Cte],
    subqueries: u32,
    lambdas: u32,
    recursions: u32,
    outer: Option<&'e Env<'e>>,
}

impl Env<'_> {
    const OUTSIDE: Env<'static> = Env {
        tables: &[],
        aliases: None,
        lambda: &[],
        ctes: &[],
        subqueries: 0,
        lambdas: 0,
        recursions: 0,
        outer: None,
    };

    fn around(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |env| env.outer)
    }

    fn cte(&self, name: &str) -> Option<&Cte> {
        self.around().find_map(|env| env.ctes.iter().rev().find(|cte| cte.name.eq_ignore_ascii_case(name)))
    }

    fn width(&self, of: &str) -> u64 {
        let named = |table: &&Table| of.is_empty() || table.alias.eq_ignore_ascii_case(of);
        self.tables.iter().filter(named).map(|table| table.width).fold(0, u64::saturating_add)
    }
}

impl Weigher<'_> {
    /// Refuses what is more than its limit, once for each limit.
    fn at_most(&mut self, limit: &'static str, node: &Value, found: u64, most: u64) {
        if found > most && !self.told.contains(&limit) {
            self.told.push(limit);
            self.problems.push(limits::at(limits::too_many(limit, found, most), self.sql, node));
        }
    }
}
