//! The table of error codes: one place that says what each means and whether to try again.

use serde::{Deserialize, Serialize};

/// Whether the same call may succeed when it is made again unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Retry {
    /// Something must be changed first.
    Never,
    /// The cause may pass by itself.
    Later,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $retry:ident;)*) => {
        /// What went wrong, as a stable code (`DS-422`) that is the same in every language.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code, in order of number.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The number alone: 422.
            pub const fn number(self) -> u16 {
                match self { $(Code::$name => $number,)* }
            }

            /// Whether the same call may be made again.
            pub const fn retry(self) -> Retry {
                match self { $(Code::$name => Retry::$retry,)* }
            }

            /// The code as reports carry it: `DS-422`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => concat!("DS-", stringify!($number)),)* }
            }
        }
    };
}

codes! {
    /// Malformed JSON or an unknown key.
    Malformed = 400, Never;
    /// Credentials were refused.
    CredentialsRefused = 401, Never;
    /// A path or function outside what the client may touch.
    Forbidden = 403, Never;
    /// No such dataset, table or job; or files are missing and `missing = "error"`.
    NotFound = 404, Never;
    /// The target has another shape, a job is in another state, or a resume cannot be exact.
    Conflict = 409, Never;
    /// More rows than the sink takes.
    TooManyRows = 413, Never;
    /// A parameter is wrong.
    InvalidParams = 422, Never;
    /// More dead letters than allowed.
    TooManyDeadLetters = 424, Never;
    /// Rate limit reached or queue full.
    QueueFull = 429, Later;
    /// A source file is damaged.
    DamagedFile = 460, Never;
    /// Used in a forked child.
    Forked = 498, Never;
    /// Cancelled by the caller.
    Cancelled = 499, Never;
    /// A defect of ours.
    Internal = 500, Never;
    /// A source, store or database is unreachable or broke off; or a source changed in mid-read.
    Unreachable = 502, Later;
    /// Memory is exhausted and the policy forbids sampling.
    OutOfMemory = 503, Later;
    /// The deadline passed.
    DeadlinePassed = 504, Later;
    /// The disk is full.
    DiskFull = 507, Later;
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
