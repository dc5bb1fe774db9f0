//! What a load says of the indexes of its table.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An index that a load was to make in PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct TableIndex {
    /// `schema.table`; of a partitioned table its partition.
    pub table: String,
    /// The column.
    pub column: String,
    /// `btree`, or `brin` where the rows came in the column's order; of one that was there, what it is (`hash` as well).
    pub method: String,
    /// Its name in the table's schema; none where there is none.
    pub name: Option<String>,
    /// What became of it.
    pub state: IndexState,
    /// Why it was wanted, and why it was not made where it was not; in the client's language.
    pub why: String,
}

impl TableIndex {
    /// Of `column` in `table`.
    pub fn new(
        table: String,
        column: &str,
        method: &str,
        name: Option<String>,
        state: IndexState,
        why: String,
    ) -> Self {
        TableIndex { table, column: column.to_owned(), method: method.to_owned(), name, state, why }
    }
}

/// What became of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IndexState {
    /// This load made it.
    Made,
    /// The table had one that serves the same.
    Present,
    /// It is not there; the rows are.
    Failed,
}
