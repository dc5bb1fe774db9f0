//! Which files a query needs, by UF and competência, before the engine sees any.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::base::{Code, Error, text};
use crate::catalog::{Catalog, Competencia, Dataset, Uf};
use crate::params::{Query, Scope};
use crate::source::folder::{Listing, SourceFile};

/// The files of a query, table by table, each in the order of its answer: competência, UF, part.
#[derive(Debug, Clone)]
pub struct Selection {
    pub files: Vec<SourceFile>,
    /// Asked for by name, and not there.
    pub missing: Vec<Missing>,
    /// Files of the datasets in the source, whether wanted or not.
    pub present: usize,
    /// Datasets without a wanted file.
    pub without_files: Vec<Dataset>,
}

/// A file that was asked for by name and is not in the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    pub dataset: Dataset,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uf: Option<Uf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub competencia: Option<Competencia>,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.uf, self.competencia) {
            (Some(uf), Some(competencia)) => write!(f, "{uf} {competencia}"),
            (Some(uf), None) => write!(f, "{uf}"),
            (None, Some(competencia)) => write!(f, "{competencia}"),
            (None, None) => f.write_str("-"),
        }
    }
}

/// Chooses the files of `query` from `listing`.
pub fn select(query: &Query, listing: &Listing, catalog: &Catalog) -> Selection {
    let mut selection = Selection { files: Vec::new(), missing: Vec::new(), present: 0, without_files: Vec::new() };
    for scope in &query.scopes {
        let files = choose(scope, listing, catalog, &mut selection);
        if files.is_empty() {
            selection.without_files.push(scope.grupo.dataset.clone());
        }
        selection.files.extend(files);
    }
    selection
}

fn choose(query: &Scope, listing: &Listing, catalog: &Catalog, selection: &mut Selection) -> Vec<SourceFile> {
    let grupo = query.grupo;
    let dataset = || grupo.dataset.clone();
    let of_dataset = || listing.files.iter().filter(|file| file.id.dataset == grupo.dataset);
    // In national files the UF is a column; the plan filters by it.
    let ufs = if grupo.national.is_some() { None } else { query.ufs.as_ref() };
    let wanted = |file: &&SourceFile| {
        ufs.is_none_or(|ufs| ufs.contains(&file.id.uf))
            && query.competencias.as_ref().is_none_or(|all| all.contains(&file.id.competencia))
    };
    let mut files: Vec<SourceFile> = of_dataset().filter(wanted).cloned().collect();
    files.sort_by(|a, b| {
        let key = |f: &SourceFile| (f.id.competencia, f.id.uf, f.id.part.clone(), f.path.clone());
        key(a).cmp(&key(b))
    });

    let held: BTreeSet<(Uf, Competencia)> = files.iter().map(|f| (f.id.uf, f.id.competencia)).collect();
    let missing = &mut selection.missing;
    match (ufs, &query.competencias) {
        (Some(ufs), Some(competencias)) => {
            for &uf in ufs {
                for &competencia in competencias {
                    if !held.contains(&(uf, competencia)) && !catalog.is_known_gap(&grupo.dataset, uf, competencia) {
                        missing.push(Missing { dataset: dataset(), uf: Some(uf), competencia: Some(competencia) });
                    }
                }
            }
        }
        (Some(ufs), None) => {
            let held: BTreeSet<Uf> = held.iter().map(|h| h.0).collect();
            missing.extend(ufs.difference(&held).map(|uf| Missing {
                dataset: dataset(),
                uf: Some(*uf),
                competencia: None,
            }));
        }
        (None, Some(competencias)) => {
            let held: BTreeSet<Competencia> = held.iter().map(|h| h.1).collect();
            missing.extend(competencias.difference(&held).map(|c| Missing {
                dataset: dataset(),
                uf: None,
                competencia: Some(*c),
            }));
        }
        (None, None) => {}
    }
    selection.present += of_dataset().count();
    files
}

impl Selection {
    /// The error for missing files: names every one, and says what the source does hold.
    pub fn missing_error(&self, listing: &Listing) -> Error {
        let datasets: BTreeSet<&Dataset> =
            self.missing.iter().map(|missing| &missing.dataset).chain(&self.without_files).collect();
        let of_datasets = || listing.files.iter().filter(|file| datasets.contains(&file.id.dataset));
        let held: Vec<String> = of_datasets().take(20).map(|f| format!("{} {}", f.id.uf, f.id.competencia)).collect();
        let first = of_datasets().map(|f| f.id.competencia).min();
        let last = of_datasets().map(|f| f.id.competencia).max();
        let absent = self.without_files.iter().find(|d| !listing.files.iter().any(|file| file.id.dataset == **d));
        let error = if let Some(dataset) = absent {
            let root = listing.root.display();
            Error::new(
                Code::NotFound,
                text!(
                    "Nenhum arquivo de {dataset} em {root}; confira a pasta e os nomes (RDSP2401.dbc, ...)",
                    "No file of {dataset} in {root}; check the folder and the file names (RDSP2401.dbc, ...)"
                ),
            )
        } else {
            let dataset = datasets.iter().map(|dataset| dataset.to_string()).collect::<Vec<_>>().join(", ");
            let list = self.missing.iter().take(10).map(Missing::to_string).collect::<Vec<_>>().join(", ");
            let count = self.missing.len();
            let more = if count > 10 { ", …" } else { "" };
            Error::new(
                Code::NotFound,
                text!(
                    "{dataset}: {count} arquivo(s) ausente(s): {list}{more}. Baixe-os, ou peça só um aviso (`missing`: warn)",
                    "{dataset}: {count} missing file(s): {list}{more}. Fetch them, or ask for a warning only (`missing`: warn)"
                ),
            )
        };
        error
            .with("missing", serde_json::json!(self.missing))
            .with("held", held)
            .with(
                "held_range",
                match (first, last) {
                    (Some(first), Some(last)) => serde_json::json!({"from": first, "to": last}),
                    _ => serde_json::Value::Null,
                },
            )
            .stage("plan")
    }
}
