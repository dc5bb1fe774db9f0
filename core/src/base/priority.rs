//! How urgent a job is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Class of a job; the more urgent is the smaller.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Priority {
    /// Before all others.
    Health,
    /// Before users.
    Admin,
    /// After the others.
    #[default]
    User,
}

impl Priority {
    /// The most urgent first.
    pub const ALL: [Priority; 3] = [Priority::Health, Priority::Admin, Priority::User];

    /// As the contract writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Priority::Health => "health",
            Priority::Admin => "admin",
            Priority::User => "user",
        }
    }

    /// The class that is `steps` more urgent, health at most.
    pub fn lifted(self, steps: usize) -> Self {
        Self::ALL[(self as usize).saturating_sub(steps)]
    }
}
