//! What ties together all that is told of one job.

use serde::Serialize;

/// Eight hex digits that tie a report, an error and the log lines of one job together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct TraceId(String);

impl TraceId {
    /// A new one, a ULID.
    pub fn new() -> Self {
        TraceId(format!("{:08x}", ulid::Ulid::new().random() as u32))
    }

    /// As logs and reports write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for TraceId {
    fn default() -> Self {
        TraceId::new()
    }
}

impl std::fmt::Display for TraceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
