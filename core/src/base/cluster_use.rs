//! What a query did on a cluster.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a query did on a cluster. The bytes of the files that it read are the report's `bytes`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ClusterUse {
    /// What ran it, and its version: `spark 4.3.0`.
    pub engine: String,
    /// Stages that ran, of all its statements, as far as the cluster told of them: it does while it is at work, and promises no last
    /// word.
    pub stages: u64,
    /// Tasks of theirs that ended, as far as it told of them.
    pub tasks: u64,
    /// How often the connection broke off and was taken up again.
    pub reconnects: u64,
}
