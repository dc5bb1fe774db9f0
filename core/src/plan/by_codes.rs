//! Groups by words: the codes come first, so that a word is looked up for each code, and not for each row.

use std::sync::Arc;

use super::Dialect;
use super::view::TableColumn;
use crate::catalog::LogicalType;
use crate::labels::Derived;
use crate::params::{AggregateFn, Figure};

/// Columns whose values together are about as few as a word's codes, the competência among them.
const MOST_INPUTS: usize = 2;

/// Groups by words as groups by the codes that they are made of, which come first: so a word is looked up for each code, and not for
/// each row. The projection over them, and what stands in the table's place; none where figures do not add up.
pub(super) fn by_codes(
    dialect: &dyn Dialect,
    columns: &[TableColumn],
    (keys, figures): (&[String], &[Figure]),
    table: &str,
    column: &dyn Fn(&str, Option<&LogicalType>) -> String,
) -> Option<(String, String)> {
    let derived = |key: &String| columns.iter().find(|column| column.name == *key)?.derived.as_ref();
    let made: Vec<&Arc<Derived>> = keys.iter().filter_map(derived).collect();
    let few = |one: &&Arc<Derived>| one.words().is_some() && one.inputs.len() <= MOST_INPUTS;
    // Sums of floats of a user's own column would depend on how they are grouped.
    let own = |figure: &Figure| {
        figure
            .column
            .as_ref()
            .is_some_and(|(of, _)| columns.iter().any(|column| column.name == *of && column.own.is_some()))
    };
    if made.is_empty() || !made.iter().all(few) || figures.iter().any(own) {
        return None;
    }
    let name = |name: &str| dialect.name(name);
    let mut codes: Vec<String> = Vec::new();
    for key in keys {
        let of: Vec<String> =
            derived(key).map_or_else(|| vec![name(key)], |one| one.inputs.iter().map(|i| name(i)).collect());
        of.into_iter().for_each(|code| {
            if !codes.contains(&code) {
                codes.push(code)
            }
        });
    }
    let (mut parts, mut wholes) = (Vec::new(), Vec::new());
    for (number, figure) in figures.iter().enumerate() {
        let (part, alias) = (name(&format!("datasus_part_{number}")), name(&figure.alias));
        let of_figure = figure.column.as_ref().map(|(of, kind)| column(of, Some(kind)));
        let integer = matches!(&figure.column, Some((_, LogicalType::Integer { .. })));
        let (of_codes, of_words) = match (figure.function, of_figure) {
            (_, None) => ("count(*)".to_owned(), format!("CAST(sum({part}) AS BIGINT)")),
            (AggregateFn::Count, Some(column)) => (format!("count({column})"), format!("CAST(sum({part}) AS BIGINT)")),
            (AggregateFn::Sum, Some(column)) if integer => {
                (format!("sum({column})"), format!("CAST(sum({part}) AS BIGINT)"))
            }
            (AggregateFn::Sum, Some(column)) if matches!(&figure.column, Some((_, LogicalType::Decimal { .. }))) => {
                (format!("sum({column})"), format!("sum({part})"))
            }
            (AggregateFn::Min, Some(column)) => (format!("min({column})"), format!("min({part})")),
            (AggregateFn::Max, Some(column)) => (format!("max({column})"), format!("max({part})")),
            _ => return None,
        };
        parts.push((format!("{of_codes} AS {part}"), part));
        wholes.push(format!("{of_words} AS {alias}"));
    }
    let word = |key: &String| match derived(key) {
        Some(one) => {
            let inputs: Vec<String> = one.inputs.iter().map(|input| name(input)).collect();
            format!("{} AS {}", dialect.derived(one, &inputs), name(key))
        }
        None => name(key),
    };
    let list = |all: Vec<String>| all.join(", ");
    let of_parts = parts.iter().map(|(part, _)| part.clone());
    let groups = list(codes.iter().cloned().chain(of_parts).collect());
    let named = list(keys.iter().map(word).chain(parts.iter().map(|(_, part)| part.clone())).collect());
    let codes = list(codes);
    let from = format!("(SELECT {named} FROM (SELECT {groups} FROM {table} GROUP BY {codes}))");
    Some((list(keys.iter().map(|key| name(key)).chain(wholes).collect()), from))
}
