//! Bounds of time. How soon something comes is a promise on a machine that does nothing else, which CI's is not: `make soak` keeps it.
#![allow(dead_code)]

use std::time::Duration;

/// Tells a hang, and nothing else.
pub const HANGS: Duration = Duration::from_secs(120);

/// What was promised, where `DATASUS_SOAK` says that the machine is quiet; elsewhere what tells a hang.
pub fn most(promised: Duration) -> Duration {
    if is_quiet() { promised } else { HANGS.max(promised) }
}

fn is_quiet() -> bool {
    std::env::var_os("DATASUS_SOAK").is_some_and(|soak| !soak.is_empty() && soak != "0")
}
