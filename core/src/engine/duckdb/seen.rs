//! Where a function of ours counts for a statement: a function knows its arguments alone, and so the statement's connection has the
//! number of its count as a variable.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::labels::CodesSeen;

/// The variable's name; of one that is not set functions count nothing.
pub(super) const VARIABLE: &str = "datasus_seen";

static OPEN: Mutex<BTreeMap<u64, CodesSeen>> = Mutex::new(BTreeMap::new());

/// A count, until it goes.
pub(super) struct Counting(u64);

impl Counting {
    pub fn begin(seen: &CodesSeen) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Relaxed);
        seen.begin();
        OPEN.lock().unwrap_or_else(PoisonError::into_inner).insert(number, seen.clone());
        Counting(number)
    }

    /// For the connection.
    pub fn variable(&self) -> String {
        format!("SET VARIABLE {VARIABLE} = '{}'", self.0)
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        OPEN.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

/// The count of this number.
pub(super) fn of(number: &str) -> Option<CodesSeen> {
    let number: u64 = number.parse().ok()?;
    OPEN.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
}
