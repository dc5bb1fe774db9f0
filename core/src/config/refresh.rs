//! When a source elsewhere is asked again what it has.

use serde::{Deserialize, Serialize};

/// Whether files that are here are looked up where they came from: the ministry publishes recent months anew under their names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Refresh {
    /// A listing that was read once holds for ever, and what is here is never fetched again.
    Never,
    /// Listings hold for `refresh_after`; what has changed in them is fetched again.
    #[default]
    Changed,
    /// Every query reads the listings anew; what has changed in them is fetched again.
    Always,
}
