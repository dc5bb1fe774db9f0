//! What there is: the datasets of the catalogue, and what of them the source holds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Client;
use crate::base::{Error, Result, TraceId};
use crate::catalog::{Competencia, Grupo, Period, Uf};
use crate::plan::held;
use crate::source::folder::{Ignored, Why};
use crate::store::Location;

/// What the source holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Holdings {
    /// In the catalogue's order.
    pub datasets: Vec<DatasetSummary>,
    /// What is not read as a source, in order of path.
    pub ignored: Vec<IgnoredFile>,
}

/// A file of the source that no query reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct IgnoredFile {
    /// Below the source folder.
    pub file: String,
    /// Why none reads it.
    pub reason: Why,
}

/// What the source holds of one dataset; of several versions of a file one counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct DatasetSummary {
    /// `SIH-RD`.
    pub dataset: String,
    /// What it holds, in Portuguese.
    pub nome: String,
    /// How many files count.
    pub files: u64,
    /// Bytes of the source files.
    pub bytes: u64,
    /// UFs of its files.
    pub ufs: Vec<Uf>,
    /// The first and the last competência of its files.
    pub first: Option<Competencia>,
    /// The last competência of its files.
    pub last: Option<Competencia>,
}

/// A dataset of the catalogue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Known {
    /// `SIH-RD`.
    pub dataset: String,
    /// Its name in SQL: `sih_rd`.
    pub table: String,
    /// What it holds, in Portuguese.
    pub nome: String,
    /// Other names that are accepted in the place of `dataset`.
    pub aliases: Vec<String>,
    /// Whether its files are of a month or of a year.
    pub period: Period,
    /// True: one file for the whole country.
    pub national: bool,
    /// The first and the last competência that is known to have been published.
    pub first: Option<Competencia>,
    /// The last competência that is known to have been published.
    pub last: Option<Competencia>,
    /// Columns that the catalogue knows; with 0 they come from the files.
    pub columns: u64,
}

impl Client {
    /// Every dataset that the catalogue knows, whether the source holds any of it or not. [`Client::datasets`] is what it
    /// holds, and [`Client::schema`] what a dataset's columns are.
    pub fn catalog(&self) -> Vec<Known> {
        let known = |grupo: &Grupo| Known {
            dataset: grupo.dataset.to_string(),
            table: grupo.dataset.table(),
            nome: grupo.nome.clone(),
            aliases: grupo.aliases.clone(),
            period: grupo.period,
            national: grupo.national.is_some(),
            first: grupo.first,
            last: grupo.last,
            columns: grupo.columns.len() as u64,
        };
        self.session.catalog().datasets().map(known).collect()
    }

    /// What the source holds, by dataset, and what of it no query reads.
    ///
    /// # Errors
    /// DS-404 for a source that is not there, DS-403 for one that may not be read.
    pub fn datasets(&self) -> Result<Holdings> {
        let session = self.session()?;
        let traced = |error: Error| error.traced(&TraceId::new(), session.language());
        let (listing, ours) = session.listing_of_sources().map_err(traced)?;
        let catalog = self.session.catalog();
        let root = listing.root.clone();
        let below = |at: &Location| at.below(&root).display().to_string();
        let ours = ours.into_iter().map(|file| Ignored { location: file.location, why: Why::Ours });
        let mut ignored: Vec<Ignored> = listing.ignored.iter().cloned().chain(ours).collect();
        ignored.sort_by(|a, b| a.location.cmp(&b.location));
        let ignored = ignored.iter().map(|one| IgnoredFile { file: below(&one.location), reason: one.why });
        let mut holdings = Holdings { datasets: Vec::new(), ignored: ignored.collect() };
        for grupo in catalog.datasets() {
            let all: Vec<_> = listing.files.iter().filter(|file| file.id.dataset == grupo.dataset).collect();
            let files = held(&all, &listing);
            if files.is_empty() {
                continue;
            }
            let mut ufs: Vec<Uf> = files.iter().map(|file| file.id.uf).collect();
            ufs.sort();
            ufs.dedup();
            holdings.datasets.push(DatasetSummary {
                dataset: grupo.dataset.to_string(),
                nome: grupo.nome.clone(),
                files: files.len() as u64,
                bytes: files.iter().map(|file| file.size).sum(),
                ufs,
                first: files.iter().map(|file| file.id.competencia).min(),
                last: files.iter().map(|file| file.id.competencia).max(),
            });
        }
        Ok(holdings)
    }
}
