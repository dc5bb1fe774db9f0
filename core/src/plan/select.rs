//! Which files a query needs, by UF and competência, before the engine sees any.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::missing::Missing;
use super::versions::{self, LeftOut, Mixed, Rivals};
use crate::base::Result;
use crate::catalog::{Catalog, Competencia, Dataset, Uf};
use crate::params::{Query, Scope, Versions};
use crate::source::folder::{FileKind, Listing, SourceFile};

/// The files of a query, table by table, each in the order of its answer: competência, UF, part.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Those that are read, in the answer's order.
    pub files: Vec<SourceFile>,
    /// Other versions of some of these, whose rows must be the same.
    pub rivals: Vec<Rivals>,
    /// Not read, because another version is.
    pub left_out: Vec<LeftOut>,
    /// Parts that are read with parts of a later version.
    pub mixed: Vec<Mixed>,
    /// Named like sources, and written by datasus.
    pub ours: Vec<SourceFile>,
    /// Asked for by name, and not there.
    pub missing: Vec<Missing>,
    /// Asked for by name, and known never to have been published.
    pub gaps: Vec<Missing>,
    /// Files of the datasets in the listing, whether wanted or not.
    pub present: usize,
    /// Datasets without a wanted file, but for known gaps.
    pub without_files: Vec<Dataset>,
}

/// Chooses the files of `query` from `listing`. `is_ours` tells, of a Parquet, whether datasus has written it. DS-409 where
/// a file lies there whole and in parts.
pub fn select(
    query: &Query,
    listing: &Listing,
    catalog: &Catalog,
    is_ours: &(dyn Fn(&SourceFile) -> bool + Sync),
) -> Result<Selection> {
    let mut selection = Selection::default();
    for scope in &query.scopes {
        let newest = query.options.versions == Versions::Newest;
        selection.choose(scope, listing, catalog, is_ours, newest)?;
    }
    Ok(selection)
}

impl Selection {
    fn choose(
        &mut self,
        scope: &Scope,
        listing: &Listing,
        catalog: &Catalog,
        is_ours: &(dyn Fn(&SourceFile) -> bool + Sync),
        newest: bool,
    ) -> Result<()> {
        let grupo = scope.grupo;
        // In national files the UF is a column; the plan filters by it.
        let ufs = if grupo.national.is_some() { None } else { scope.ufs.as_ref() };
        let files: Vec<&SourceFile> = listing.files.iter().filter(|file| scope.selects(&file.id)).collect();
        let ours = |file: &&&SourceFile| file.kind == FileKind::Parquet && is_ours(file);
        let (ours, files): (Vec<&SourceFile>, Vec<&SourceFile>) = files.par_iter().partition(ours);
        self.ours.extend(ours.into_iter().cloned());

        let mut months: BTreeMap<(Competencia, Uf), Vec<SourceFile>> = BTreeMap::new();
        for file in files {
            months.entry((file.id.competencia, file.id.uf)).or_default().push(file.clone());
        }
        let held: BTreeSet<(Uf, Competencia)> = months.keys().map(|(competencia, uf)| (*uf, *competencia)).collect();
        let (before, gaps_before) = (self.missing.len(), self.gaps.len());
        for files in months.into_values() {
            let choice = versions::choose(files, newest, listing)?;
            self.files.extend(choice.files);
            self.rivals.extend(choice.rivals);
            self.left_out.extend(choice.left_out);
            self.mixed.extend(choice.mixed);
            self.missing.extend(choice.holes.into_iter().map(Missing::part));
        }
        self.absent(scope, ufs, &held, catalog);
        self.missing[before..].sort_by_key(|missing| (missing.uf, missing.competencia));
        self.present += listing.files.iter().filter(|file| file.id.dataset == grupo.dataset).count();
        if held.is_empty() && (self.missing.len() > before || self.gaps.len() == gaps_before) {
            self.without_files.push(grupo.dataset.clone());
        }
        Ok(())
    }

    /// What was asked for by name, and is not there.
    fn absent(
        &mut self,
        scope: &Scope,
        ufs: Option<&BTreeSet<Uf>>,
        held: &BTreeSet<(Uf, Competencia)>,
        catalog: &Catalog,
    ) {
        let dataset = &scope.grupo.dataset;
        let missing = |uf, competencia| Missing { dataset: dataset.clone(), uf, competencia, part: None };
        match (ufs, &scope.competencias) {
            (Some(ufs), Some(competencias)) => {
                for &uf in ufs {
                    for &competencia in competencias.iter().filter(|c| !held.contains(&(uf, **c))) {
                        match catalog.is_known_gap(dataset, uf, competencia) {
                            true => self.gaps.push(missing(Some(uf), Some(competencia))),
                            false => self.missing.push(missing(Some(uf), Some(competencia))),
                        }
                    }
                }
            }
            (Some(ufs), None) => {
                let held: BTreeSet<Uf> = held.iter().map(|h| h.0).collect();
                self.missing.extend(ufs.difference(&held).map(|uf| missing(Some(*uf), None)));
            }
            (None, Some(competencias)) => {
                let held: BTreeSet<Competencia> = held.iter().map(|h| h.1).collect();
                self.missing.extend(competencias.difference(&held).map(|c| missing(None, Some(*c))));
            }
            (None, None) => {}
        }
    }
}

/// Files that would be read of one dataset, and their bytes, were all of it wanted; versions count once.
pub fn held(files: &[&SourceFile], listing: &Listing) -> Vec<SourceFile> {
    let mut months: BTreeMap<(Competencia, Uf), Vec<SourceFile>> = BTreeMap::new();
    for file in files {
        months.entry((file.id.competencia, file.id.uf)).or_default().push((*file).clone());
    }
    let chosen = months.into_values().flat_map(|files| match versions::choose(files.clone(), false, listing) {
        Ok(choice) => choice.files,
        // Whole and in parts: a query says so.
        Err(_) => files,
    });
    chosen.collect()
}
