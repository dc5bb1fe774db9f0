//! What runs in a process of its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What runs in a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Isolation {
    /// Nothing: the engine is in the process.
    #[default]
    None,
    /// SQL of users.
    Process,
    /// Whatever the engine runs, aggregates and sorts too. Rows that are only read are read in the process all the same.
    All,
}
