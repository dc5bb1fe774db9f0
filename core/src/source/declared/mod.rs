//! Sources by declaration: Parquet and CSV whose names say nothing, and which hold many UFs and months.
//!
//! What a file is of, its rows say, by the catalogue's columns for UF and competência. So each file is laid out once, beside the
//! lake, as one Parquet for each UF and competência; from then on these are sources as any other of a partition: chosen by UF and
//! competência, typed by the catalogue, and no row is lost or changed on the way (the numbers are compared).

mod apart;
mod cells;
mod csv;
mod form;
mod keys;
mod layout;
mod pattern;
mod quotes;
mod rows;
mod table;
mod unused;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::folder::Names;
use crate::base::{Cancel, Code, Error, Result, Text, clip, text};
use crate::catalog::{Catalog, Dataset, Grupo};
use crate::config::CsvForm;
use crate::store::{Location, Object, Stores};

use form::Form;
use layout::Laid;

pub use table::{OwnTable, OwnTables};

/// Files of one declaration, at most.
const MOST_FILES: usize = 100_000;

/// The declared datasets of a client.
#[derive(Debug)]
pub struct Declared {
    /// Where files are laid out; hidden, so that no source folder enters it.
    root: PathBuf,
    declarations: Vec<Declaration>,
    /// Of the files as they were last.
    last: Mutex<Option<Last>>,
}

#[derive(Debug)]
struct Declaration {
    grupo: &'static Grupo,
    patterns: Vec<String>,
    /// Of those that are CSV.
    form: Form,
}

#[derive(Debug)]
struct Last {
    objects: Vec<Object>,
    beside: Arc<Names>,
    names: Arc<Names>,
    said: Vec<(Dataset, Text)>,
    laid: Vec<Laid>,
}

impl Declared {
    /// `sources`: patterns of paths by dataset. DS-422 for a name that is no dataset, two names of one, a dataset whose columns do
    /// not tell UF and competência, and no pattern.
    pub fn of(
        sources: impl Iterator<Item = (String, Vec<String>)>,
        forms: &BTreeMap<String, CsvForm>,
        root: &Path,
        catalog: &'static Catalog,
    ) -> Result<Self> {
        let mut declarations: Vec<Declaration> = Vec::new();
        for (name, patterns) in sources {
            let Some(grupo) = catalog.read(&name) else { return Err(no_dataset(&name, catalog)) };
            if declarations.iter().any(|one| one.grupo.dataset == grupo.dataset) {
                return Err(twice(&grupo.dataset, &name));
            }
            if grupo.row_keys.is_none() {
                return Err(no_keys(&grupo.dataset));
            }
            if patterns.is_empty() {
                return Err(nothing(&name));
            }
            patterns.iter().try_for_each(|pattern| pattern::check(pattern))?;
            let mut of_it =
                forms.iter().filter(|(of, _)| catalog.read(of).is_some_and(|of| of.dataset == grupo.dataset));
            let form = of_it.next();
            if let Some((other, _)) = of_it.next() {
                return Err(twice(&grupo.dataset, other));
            }
            let form = form.map(|(of, form)| Form::of(form, of, Some(grupo))).transpose()?.unwrap_or_default();
            declarations.push(Declaration { grupo, patterns, form });
        }
        Ok(Declared { root: root.join(".declared"), declarations, last: Mutex::default() })
    }

    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        self.declarations.is_empty()
    }

    /// What there is to say of the files of a dataset, as they were last.
    pub fn said(&self, dataset: &Dataset) -> Vec<Text> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let said = last.iter().flat_map(|last| &last.said).filter(|(of, _)| of == dataset);
        said.map(|(_, text)| text.clone()).collect()
    }

    /// `beside`, with the declared files in the place of what it holds of their datasets. A file that is new, or was written anew,
    /// is laid out first. DS-404 for a pattern that matches nothing.
    pub fn names(&self, stores: &Stores, beside: Arc<Names>, cancel: &Cancel) -> Result<Arc<Names>> {
        if self.declarations.is_empty() {
            return Ok(beside);
        }
        let mut found: Vec<(&Declaration, Object)> = Vec::new();
        for declaration in &self.declarations {
            let mut locations: BTreeSet<Location> = BTreeSet::new();
            for pattern in &declaration.patterns {
                let matched = pattern::files(pattern, stores)?;
                if matched.is_empty() {
                    return Err(no_file(&declaration.grupo.dataset, pattern));
                }
                locations.extend(matched);
            }
            if found.len() + locations.len() > MOST_FILES {
                return Err(too_many(&declaration.grupo.dataset));
            }
            for location in locations {
                found.push((declaration, stores.stat(&location)?));
            }
        }
        let objects: Vec<Object> = found.iter().map(|(_, object)| object.clone()).collect();
        let last = || self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) =
            last().as_ref().filter(|last| last.objects == objects && Arc::ptr_eq(&last.beside, &beside))
        {
            known.laid.iter().for_each(Laid::note_use);
            return Ok(known.names.clone());
        }
        let (mut pieces, mut all) = (Vec::new(), Vec::new());
        let mut said = Vec::new();
        let mut contents: BTreeMap<(Dataset, String), Location> = BTreeMap::new();
        for (Declaration { grupo, form, .. }, object) in &found {
            cancel.check()?;
            let laid = Laid::of(stores, object, (grupo, form), &self.root, cancel)?;
            let content = (grupo.dataset.clone(), laid.sha256().to_owned());
            if let Some(other) = contents.insert(content, object.location.clone()) {
                return Err(same_content(&other, &object.location));
            }
            said.extend(laid.said().into_iter().map(|text| (grupo.dataset.clone(), text)));
            pieces.extend(laid.pieces(&grupo.dataset));
            all.push(laid);
        }
        let datasets = self.declarations.iter().map(|one| one.grupo.dataset.clone()).collect();
        let names = Names::with_pieces(&beside, &datasets, pieces);
        *last() = Some(Last { objects, beside, names: names.clone(), said, laid: all });
        Ok(names)
    }
}

/// DS-422 for what is said of a CSV that is neither declared nor a table.
pub fn refuse_other_forms(
    forms: &BTreeMap<String, CsvForm>,
    declared: &Declared,
    tables: &OwnTables,
    catalog: &Catalog,
) -> Result<()> {
    let is_declared = |name: &str| {
        catalog.read(name).is_some_and(|of| declared.declarations.iter().any(|one| one.grupo.dataset == of.dataset))
    };
    match forms.keys().find(|name| !is_declared(name) && !tables.names().contains(&name.to_ascii_lowercase())) {
        None => Ok(()),
        Some(other) => {
            let shown = clip(other);
            Err(refused(text!(
                "`csv` fala de \"{shown}\", que não está em `declared` nem em `tables`",
                "`csv` speaks of \"{shown}\", which is neither in `declared` nor in `tables`"
            ))
            .with("received", shown))
        }
    }
}

fn refused(what: Text) -> Error {
    Error::new(Code::InvalidParams, what).stage("source")
}

/// A CSV whose line `line` is no row.
fn bad_csv(name: &str, line: u64, what: Text) -> Error {
    Error::new(Code::DamagedFile, what).with("cause", "bad_csv").with("line", line).file(name).stage("source")
}

fn no_dataset(name: &str, catalog: &Catalog) -> Error {
    let near = catalog.near(name);
    let (shown, hint) = (clip(name), if near.is_empty() { "SIH-RD, SIM-DO".to_owned() } else { near.join(", ") });
    refused(text!(
        "A fonte declarada \"{shown}\" não é um conjunto de dados; escreva sistema e grupo, por exemplo {hint}. Uma tabela sua vai em `tables`",
        "The declared source \"{shown}\" is no dataset; write sistema and grupo, for example {hint}. A table of your own goes into `tables`"
    ))
    .with("received", shown)
    .with("did_you_mean", near)
}

fn twice(dataset: &Dataset, name: &str) -> Error {
    let shown = clip(name);
    refused(text!(
        "{dataset} foi declarado duas vezes (a segunda como \"{shown}\"); ponha todos os arquivos numa lista só",
        "{dataset} was declared twice (the second time as \"{shown}\"); put all of its files into one list"
    ))
    .with("received", shown)
}

fn no_keys(dataset: &Dataset) -> Error {
    refused(text!(
        "Nenhuma coluna de {dataset} diz a UF e a competência de cada registro, e sem elas não se declara uma fonte; dê aos arquivos os nomes do ministério e abra a pasta deles",
        "No column of {dataset} says the UF and competência of each record, and without them no source is declared; give the files the ministry's names, and open their folder"
    ))
    .with("received", dataset.to_string())
}

fn nothing(name: &str) -> Error {
    let shown = clip(name);
    refused(text!(
        "A fonte declarada \"{shown}\" não tem arquivo nenhum; diga ao menos um, por exemplo exports/*.parquet",
        "The declared source \"{shown}\" has no file; name at least one, for example exports/*.parquet"
    ))
}

fn no_file(dataset: &Dataset, pattern: &str) -> Error {
    let shown = clip(pattern);
    Error::new(
        Code::NotFound,
        text!(
            "Nenhum arquivo de {dataset} em {shown}; confira o caminho, que conta a partir da pasta atual",
            "No file of {dataset} at {shown}; check the path, which counts from the current folder"
        ),
    )
    .with("received", shown)
    .stage("source")
}

fn too_many(dataset: &Dataset) -> Error {
    refused(text!(
        "{dataset} tem mais de {MOST_FILES} arquivos declarados; junte-os, ou declare menos",
        "{dataset} has more than {MOST_FILES} declared files; put them together, or declare fewer"
    ))
}

fn same_content(first: &Location, second: &Location) -> Error {
    Error::new(
        Code::Conflict,
        text!(
            "{second} tem o mesmo conteúdo que {first}, e os registros contariam em dobro; tire um dos dois da declaração",
            "{second} has the same content as {first}, and records would count twice; leave one of them out of the declaration"
        ),
    )
    .with("files", vec![first.to_string(), second.to_string()])
    .stage("source")
}
