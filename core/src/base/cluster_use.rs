//! What a query did on a cluster.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a query did on a cluster. Figures are absent where the cluster did not tell them to the query's end: it does not promise its last word.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ClusterUse {
    /// What ran it, and its version: `spark 4.3.0`.
    pub engine: String,
    /// Stages that ran, of all its statements.
    pub stages: Option<u64>,
    /// Tasks that ran for them, those that were repeated as well.
    pub tasks: Option<u64>,
    /// Bytes that they read of files, as the cluster counts them; not those of other stages' results. Absent where files lie in S3: what is
    /// read there by several requests at once it does not count.
    pub bytes_read: Option<u64>,
    /// How often the connection broke off and was taken up again.
    pub reconnects: u64,
}

impl ClusterUse {
    /// This and another statement's. A sum of what is not known is not known.
    pub(crate) fn and(self, other: Self) -> Self {
        let sum = |one: Option<u64>, other: Option<u64>| Some(one? + other?);
        ClusterUse {
            engine: other.engine,
            stages: sum(self.stages, other.stages),
            tasks: sum(self.tasks, other.tasks),
            bytes_read: sum(self.bytes_read, other.bytes_read),
            reconnects: self.reconnects + other.reconnects,
        }
    }
}
