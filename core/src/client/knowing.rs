//! What may be known of the data before anything is counted: where a word is, and what is in the columns.

use super::Client;
use crate::base::{Cancel, Error, Result, TraceId};
use crate::labels::{self, Found};
use crate::params::{QueryParams, no_dataset};
use crate::run::Profile;

impl Client {
    /// What is in the columns of a dataset, as far as `params` selects it (dataset, UF, competência, columns and conditions): NULLs,
    /// different values, range, the most frequent with their labels, codes without one, values that did not parse, and what changes
    /// from one competência to the next; and warnings for who analyses it. One pass over the rows, in a job of its own, with a
    /// bounded memory.
    ///
    /// ```
    /// # let folder = std::env::temp_dir().join(format!("datasus-doc-profile-{}", std::process::id()));
    /// # datasus::source::write_example_data(&folder, 100)?;
    /// use datasus::{Client, QueryParams};
    ///
    /// let client = Client::open(&folder)?;
    /// let profile = client.profile(&QueryParams::dataset("SIH-RD").columns(["SEXO"]))?;
    /// let sexo = &profile.columns[0];
    /// assert_eq!((profile.rows, sexo.distinct, sexo.nulls), (600, 2, 0));
    /// assert_eq!(sexo.frequent[0].label.as_deref(), Some("Masculino"));
    /// # std::fs::remove_dir_all(&folder).ok();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// DS-422 for what cannot be asked (SQL, aggregates, an order, a limit), and as [`Client::query`].
    pub fn profile(&self, params: &QueryParams) -> Result<Profile> {
        self.profile_until(params, &Cancel::default())
    }

    /// The same, until `cancel` is set (DS-499).
    ///
    /// # Errors
    /// As [`Client::profile`], and DS-499.
    pub fn profile_until(&self, params: &QueryParams, cancel: &Cancel) -> Result<Profile> {
        let session = self.session()?;
        session.profile(params, session.new_ctx(cancel))
    }

    /// The columns in whose names, meanings or labels all of `words` are, labels and derived columns included, the best first: of one
    /// dataset, or of the whole catalogue. Neither case nor accents count.
    ///
    /// # Errors
    /// DS-404 for a dataset that the catalogue does not know.
    pub fn search(&self, words: &str, dataset: Option<&str>) -> Result<Vec<Found>> {
        let catalog = self.session.catalog();
        let grupo = match dataset {
            None => None,
            Some(name) => Some(catalog.read(name).ok_or_else(|| {
                let unknown = Error::from_problems(vec![no_dataset(name, catalog)]);
                unknown.stage("validate").traced(&TraceId::new(), self.session.language())
            })?),
        };
        Ok(labels::search(words, grupo))
    }
}
