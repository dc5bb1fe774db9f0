//! What a query did on a cluster.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a query did on a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ClusterUse {
    /// What ran it, and its version: `spark 4.3.0`.
    pub engine: String,
    /// Stages that it took, of all its statements.
    pub stages: u64,
    /// Their tasks.
    pub tasks: u64,
    /// Bytes that they read of files and of other stages' results, as the cluster tells it.
    pub bytes_read: u64,
    /// How often the connection broke off and was taken up again.
    pub reconnects: u64,
}
