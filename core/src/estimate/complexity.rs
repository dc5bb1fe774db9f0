//! What makes a query more than a reading of rows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::gate::is_aggregate;
use crate::params::{Ask, Projection, Query};

/// How many joins, aggregates and windows a query has, those of its subqueries included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Complexity {
    /// Two tables side by side, on a condition or without.
    pub joins: u64,
    /// Aggregate functions without a window.
    pub aggregations: u64,
    /// Functions with OVER.
    pub windows: u64,
}

impl Complexity {
    /// Of a query that has passed validation.
    pub fn of(query: &Query) -> Self {
        let mut found = Complexity::default();
        match &query.ask {
            Ask::Sql(sql) => found.count(&sql.syntax.statement),
            Ask::Structured(ask) => {
                if let Projection::Grouped { figures, .. } = &ask.projection {
                    found.aggregations = figures.len() as u64;
                }
            }
            Ask::Catalog(_) => {}
        }
        found
    }

    fn count(&mut self, node: &Value) {
        match node {
            Value::Array(list) => list.iter().for_each(|one| self.count(one)),
            Value::Object(map) => {
                let is = |key: &str, wanted: &str| map.get(key).is_some_and(|found| found == wanted);
                let name = map.get("function_name").and_then(Value::as_str).unwrap_or_default();
                self.joins += u64::from(is("type", "JOIN"));
                self.windows += u64::from(is("class", "WINDOW"));
                self.aggregations += u64::from(is("class", "FUNCTION") && is_aggregate(name));
                map.values().for_each(|one| self.count(one));
            }
            _ => {}
        }
    }
}
