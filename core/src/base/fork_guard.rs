//! The process that a handle belongs to: a forked child inherits its memory, but not the threads behind it.

use super::{Code, Error, Result, text};

/// Remembers the process in which it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForkGuard(u32);

impl Default for ForkGuard {
    fn default() -> Self {
        ForkGuard(std::process::id())
    }
}

impl ForkGuard {
    /// True in a child that was forked meanwhile. There a handle does nothing, not even when it is dropped: a lock may be
    /// held by a thread that is not there.
    pub fn is_left(&self) -> bool {
        self.0 != std::process::id()
    }

    /// DS-498 in a forked child.
    pub fn check(&self) -> Result<()> {
        if self.is_left() { Err(forked()) } else { Ok(()) }
    }
}

/// What every call gives in a forked child.
pub fn forked() -> Error {
    Error::new(
        Code::Forked,
        text!(
            "Este processo é cópia (fork) do que abriu o datasus e não herda suas threads; abra um cliente em um processo novo (spawn)",
            "This process is a forked copy of the one that opened datasus and has none of its threads; open a client in a new process (spawn)"
        ),
    )
}
