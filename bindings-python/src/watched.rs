//! A call without a job, seen while it goes on.

use std::sync::{Arc, OnceLock};

use datasus::base::Progress;
use pyo3::prelude::*;

use crate::job::{Counts, counts};

#[pyclass(frozen, module = "datasus._datasus")]
pub struct Watched {
    progress: Arc<OnceLock<Arc<Progress>>>,
    is_english: bool,
}

impl Watched {
    /// Where the call puts what it counts.
    pub fn place(&self) -> Arc<OnceLock<Arc<Progress>>> {
        self.progress.clone()
    }

    pub fn of(client: &datasus::Client) -> Self {
        Watched { progress: Arc::default(), is_english: client.language() == datasus::Language::En }
    }
}

#[pymethods]
impl Watched {
    #[getter]
    fn is_english(&self) -> bool {
        self.is_english
    }

    /// Before the call begins, nothing has come.
    fn progress(&self) -> Counts {
        counts(&self.progress.get().map(|progress| progress.snapshot()).unwrap_or_default())
    }
}
