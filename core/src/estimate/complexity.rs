//! What makes a query more than a reading of rows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::metrics;

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

impl From<metrics::Complexity> for Complexity {
    fn from(counted: metrics::Complexity) -> Self {
        let metrics::Complexity { joins, aggregations, windows } = counted;
        Complexity { joins, aggregations, windows }
    }
}
