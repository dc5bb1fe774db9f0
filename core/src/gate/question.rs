//! `SHOW TABLES` and `DESCRIBE t`, as whole statements: questions about the catalogue and the tables of one's own, which no engine needs
//! to see.

use serde_json::Value;

use super::refusal;
use crate::base::{Error, Result};
use crate::catalog::Catalog;
use crate::params::Question;

/// What `sql` asks of the catalogue, or of tables of the user's `own`; none where it is anything else. DS-404 for a table that does not
/// exist.
pub fn question(sql: &str, catalog: &'static Catalog, own: &[String]) -> Option<Result<Question>> {
    // Nothing longer is one of these.
    if sql.len() > 200 {
        return None;
    }
    let words: Vec<&str> = sql.trim().trim_end_matches(';').split_whitespace().collect();
    let is = |word: &str, wanted: &[&str]| wanted.iter().any(|one| word.eq_ignore_ascii_case(one));
    let table = match words[..] {
        [show, tables] if is(show, &["SHOW"]) && is(tables, &["TABLES"]) => {
            return Some(Ok(Question::Tables { own: own.to_vec() }));
        }
        [describe, table] if is(describe, &["DESCRIBE", "DESC"]) => table,
        [describe, word, table] if is(describe, &["DESCRIBE", "DESC"]) && is(word, &["TABLE"]) => table,
        _ => return None,
    };
    let name = table.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(table);
    if let Some(own) = own.iter().find(|own| own.eq_ignore_ascii_case(name)) {
        return Some(Ok(Question::Own { name: own.clone(), columns: Vec::new() }));
    }
    Some(match catalog.by_table(name) {
        Some(grupo) => Ok(Question::Columns { grupo, of_files: Vec::new() }),
        None => Err(Error::from_problems(vec![refusal::table(sql, &Value::Null, name, catalog)]).stage("gate")),
    })
}
