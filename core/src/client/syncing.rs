//! What is fetched and converted ahead of a query: files, and kits of labels.

use std::sync::Arc;

use super::Client;
use crate::base::{Cancel, Progress, Result};
use crate::labels::{Dictionary, DictionaryEntry};
use crate::params::{MissingFiles, QueryParams};
use crate::run::{DictionarySync, SyncPlan, SyncReport};

impl Client {
    /// Fetches and converts ahead of a query; of `params` only dataset, UF and competência count. Takes its turn among the jobs,
    /// with the priority `admin`.
    ///
    /// # Errors
    /// DS-422 for what cannot be asked, DS-404 for files that are not there, DS-460 for a damaged one.
    pub fn sync(&self, params: &QueryParams) -> Result<SyncReport> {
        self.sync_until(params, &Cancel::default())
    }

    /// The same, until `cancel` is set (DS-499). Files that were converted by then stay.
    ///
    /// # Errors
    /// As [`Client::sync`], and DS-499.
    pub fn sync_until(&self, params: &QueryParams, cancel: &Cancel) -> Result<SyncReport> {
        self.sync_each(std::slice::from_ref(params), cancel, |_| {})
    }

    /// The same for several datasets, one after the other, in one report; without a dataset it is each that the source holds
    /// anything of. `progress` is called in this thread when the job begins, with what tells how far it is at any time.
    ///
    /// # Errors
    /// As [`Client::sync_until`].
    pub fn sync_each(
        &self,
        all: &[QueryParams],
        cancel: &Cancel,
        progress: impl FnOnce(Arc<Progress>),
    ) -> Result<SyncReport> {
        let session = self.session()?;
        let ctx = session.new_ctx(cancel);
        progress(ctx.progress.clone());
        let done = self.each_dataset(all).and_then(|all| session.sync(&all, ctx.clone()));
        ctx.progress.end(done.is_ok());
        done
    }

    /// What [`Client::sync`] of each would fetch and convert: files, bytes, what is here, what has changed, what is preliminary.
    /// Listings are read; no file is fetched.
    ///
    /// # Errors
    /// DS-422 for what cannot be asked, DS-502 where there is no listing and none can be read.
    pub fn plan_sync(&self, all: &[QueryParams]) -> Result<SyncPlan> {
        let all = self.each_dataset(all)?;
        self.session()?.plan_sync(&all)
    }

    /// Those without a dataset become one for each that the source holds anything of. A UF or competência that one of these does not
    /// have is no error then.
    fn each_dataset(&self, all: &[QueryParams]) -> Result<Vec<QueryParams>> {
        let mut each = Vec::with_capacity(all.len());
        for params in all {
            if !params.dataset.is_empty() || params.sql.is_some() {
                each.push(params.clone());
                continue;
            }
            for held in self.datasets()?.datasets {
                let mut params = QueryParams { dataset: held.dataset, ..params.clone() };
                params.options.missing = MissingFiles::Warn;
                each.push(params);
            }
        }
        Ok(each)
    }

    /// Reads the queries of a sync from JSON: one, or a list of several, as [`Client::params`].
    pub fn params_list(&self, json: &str) -> Result<Vec<QueryParams>> {
        match serde_json::from_str::<Vec<serde_json::Value>>(json) {
            Ok(list) => list.iter().map(|one| self.params(&one.to_string())).collect(),
            Err(_) => Ok(vec![self.params(json)?]),
        }
    }

    /// The lists of labels: those that are built in, and those of kits that [`Client::sync_dictionaries`] brought; which, of whom,
    /// from when.
    ///
    /// # Errors
    /// DS-460 for a compiled kit of the lake that cannot be read.
    pub fn dictionaries(&self) -> Result<Vec<DictionaryEntry>> {
        let fetched = self.session()?.fetched_lists()?;
        Ok(Dictionary::built_in().entries().into_iter().chain(fetched).collect())
    }

    /// Brings the ministry's kits of labels into the lake: those of `source`, which is a tree like the ministry's (`datasus://`,
    /// `ftp://`, `https://`, `s3://`), a zip, or a folder with zips or unpacked kits; none: of the client's own source. From then on
    /// labels are of the kit that was published with a record's competência, offline too; several dates stand side by side.
    ///
    /// # Errors
    /// DS-404 where there is no kit, DS-460 where all are damaged, DS-422 for a source that cannot be, DS-502 for one that does not
    /// answer.
    pub fn sync_dictionaries(&self, source: Option<&str>) -> Result<DictionarySync> {
        self.session()?.sync_dictionaries(source)
    }
}
