//! What dispatcher and watch wait with. Their tests put Shuttle's in its place (`shuttled.rs`).

pub(super) use std::sync::{Condvar, Mutex, MutexGuard};

/// A thread that nobody joins.
pub(super) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.into()).spawn(body).map(drop)
}
