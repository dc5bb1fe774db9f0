//! A query's rows in words: equal where the same rows of the same columns come of the same files.

use serde_json::{Value, json};

use crate::params::{Ask, Predicate, Projection, Query, Scalar};
use crate::sink::ORIGIN_COLUMNS;

/// Dataset, columns, conditions; in national files `uf` is a condition too. The files are left out: another month is the
/// same query, and so are columns that came and went with the years where all were asked for. None where the rows of the
/// answer are no rows of files.
pub(super) fn of(query: &Query) -> Option<String> {
    let (Ask::Structured(ask), Some(scope)) = (&query.ask, query.scopes.first()) else { return None };
    let columns = match &ask.projection {
        Projection::All => Value::Null,
        Projection::Columns(names) => sorted(names.iter().filter(|name| !is_origin(name)).cloned()),
        Projection::Grouped { .. } => return None,
    };
    let ufs = match (&scope.ufs, scope.grupo.national) {
        (Some(ufs), Some(national)) if !ufs.contains(&national) => sorted(ufs.iter().map(ToString::to_string)),
        _ => Value::Null,
    };
    let labels = match ask.labels.columns.as_slice() {
        [] => Value::Null,
        labels => json!([sorted(labels.iter().map(|label| label.name.clone())), ask.labels.only]),
    };
    let conditions = sorted(ask.predicates.iter().map(words));
    let mut query = json!({
        "dataset": scope.grupo.dataset.to_string(), "columns": columns, "where": conditions, "uf": ufs, "limit": ask.limit,
    });
    // Tables that were loaded before there were labels are of the same query.
    if !labels.is_null() {
        query["labels"] = labels;
    }
    Some(query.to_string())
}

/// The columns of a table that `replace_by` adds of itself.
fn is_origin(name: &str) -> bool {
    ORIGIN_COLUMNS.iter().any(|own| own.eq_ignore_ascii_case(name))
}

fn words(predicate: &Predicate) -> String {
    let list = |all: &[Predicate], by: &str| {
        let Value::Array(parts) = sorted(all.iter().map(words)) else { return String::new() };
        let parts: Vec<&str> = parts.iter().filter_map(Value::as_str).collect();
        format!("({})", parts.join(by))
    };
    match predicate {
        Predicate::Any(all) => list(all, " or "),
        Predicate::All(all) => list(all, " and "),
        Predicate::Not(inner) => format!("not {}", words(inner)),
        Predicate::Compare { column, op, values, .. } => {
            let op = serde_json::to_value(op).unwrap_or_default();
            let mut values: Vec<Value> = values.iter().map(value).collect();
            if matches!(op.as_str(), Some("in" | "not_in")) {
                values.sort_by_key(Value::to_string);
                values.dedup();
            }
            format!("{column} {} {}", op.as_str().unwrap_or_default(), Value::Array(values))
        }
    }
}

fn value(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Text(text) => json!(text),
        Scalar::Integer(number) => json!(number),
        Scalar::Decimal(digits) => json!({"decimal": digits}),
        Scalar::Date(days) => json!({"days": days}),
    }
}

/// In order, each once.
fn sorted(parts: impl Iterator<Item = String>) -> Value {
    let mut parts: Vec<String> = parts.collect();
    parts.sort();
    parts.dedup();
    parts.into()
}
