//! Who keeps the governor at work.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use super::watch::Inner;

/// Has the sampler look often, while it lives.
pub(super) struct Interest(Arc<Inner>);

impl Interest {
    /// Before the sampler is woken, or it could go to sleep between.
    pub fn new(governor: &Arc<Inner>) -> Self {
        governor.interest.fetch_add(1, SeqCst);
        Interest(governor.clone())
    }
}

impl Clone for Interest {
    fn clone(&self) -> Self {
        Interest::new(&self.0)
    }
}

impl std::ops::Deref for Interest {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        self.0.interest.fetch_sub(1, SeqCst);
    }
}
