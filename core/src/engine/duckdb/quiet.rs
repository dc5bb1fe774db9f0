//! A thread that nobody waits for any more shall not take the cores of those who work.

/// A thread, as the system knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct ThreadId(u32);

impl ThreadId {
    /// Of the calling thread; none where the system does not say.
    pub fn own() -> Option<Self> {
        // `<process>/task/<thread>`
        let link = std::fs::read_link("/proc/thread-self").ok()?;
        link.file_name()?.to_str()?.parse().ok().map(ThreadId)
    }

    /// From now on it runs where no other thread wants to, as far as the system knows of such.
    pub fn yield_now(self) {
        #[cfg(target_os = "linux")]
        // SAFETY: plain numbers; the worst that can come back is an error.
        if unsafe { libc::setpriority(libc::PRIO_PROCESS, self.0, 19) } != 0 {
            let error = std::io::Error::last_os_error();
            tracing::debug!(%error, "an abandoned thread keeps its priority");
        }
    }
}
