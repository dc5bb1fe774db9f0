//! An object and the stores that know where it lies: all that is needed to read it.

use std::path::Path;
use std::sync::Arc;

use super::{Location, ReadAt, Stores};
use crate::base::Result;

/// Equal: the same location.
#[derive(Debug, Clone)]
pub struct Handle {
    stores: Stores,
    at: Location,
}

impl Handle {
    /// The object at `at`.
    pub fn new(stores: &Stores, at: &Location) -> Self {
        Handle { stores: stores.clone(), at: at.clone() }
    }

    /// A file of this machine.
    pub fn file(path: &Path) -> Self {
        Handle { stores: Stores::default(), at: Location::file(path) }
    }

    /// Where it lies.
    pub fn location(&self) -> &Location {
        &self.at
    }

    /// As `Store::open`.
    pub fn open(&self) -> Result<Arc<dyn ReadAt>> {
        self.stores.open(&self.at)
    }
}

impl PartialEq for Handle {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}
