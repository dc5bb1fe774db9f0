//! Handles that are tickets: a number in a pointer's clothes, looked up and never followed. No number is given out twice, so a
//! handle that was released is unknown for ever after.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

static NEXT: AtomicUsize = AtomicUsize::new(1);

/// Things of one kind that C holds.
pub struct Tickets<T>(RwLock<BTreeMap<usize, Arc<T>>>);

impl<T> Tickets<T> {
    pub const fn new() -> Self {
        Tickets(RwLock::new(BTreeMap::new()))
    }

    /// Keeps `value` until its ticket is handed in. Of all kinds together every number is used once.
    pub fn keep(&self, value: T) -> usize {
        self.keep_shared(Arc::new(value))
    }

    pub fn keep_shared(&self, value: Arc<T>) -> usize {
        // The top bit makes it no address of any process: whoever follows it after all stops there.
        let ticket = (1 << (usize::BITS - 1)) | (NEXT.fetch_add(1, Relaxed) << 4);
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(ticket, value);
        ticket
    }

    pub fn get(&self, ticket: usize) -> Option<Arc<T>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&ticket).cloned()
    }

    /// Hands it in.
    pub fn take(&self, ticket: usize) -> Option<Arc<T>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&ticket)
    }

    pub fn take_all(&self) -> Vec<Arc<T>> {
        let all = std::mem::take(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner));
        all.into_values().collect()
    }

    pub fn len(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}
