//! What a job does that starts when the memory is nearly exhausted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a job does that starts when the memory is nearly exhausted; a job that runs already is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum OnEmergency {
    /// Reads one source row in ten, the same ones each time, before conditions, order, limit and aggregates. Nothing is
    /// scaled; report, metadata, warnings, log and table comments say so. Not for SQL over several tables (DS-422).
    Sample,
    /// Goes on with less memory and more disk: exact, and slower.
    Spill,
    /// Waits until the memory is below 80 % again, for 30 s at most: then DS-503 (or DS-504, where the deadline passes first).
    Wait,
    /// Ends with DS-503.
    Fail,
}
