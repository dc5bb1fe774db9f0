//! What a query says of files that were asked for and are not there, and of what lies there instead.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use serde_json::Value;

use super::{Missing, Selection, versions};
use crate::base::{Code, Error, Text, text};
use crate::catalog::{Catalog, Competencia, Dataset, FileId, Uf};
use crate::params::{Query, Scope};
use crate::source::folder::{Ignored, Listing, SourceFile, Why};
use crate::store::Location;

/// At most so many names in a sentence: the months of two years.
const NAMED: usize = 24;

/// The error for missing files: names them, and says what the source does hold.
pub fn missing_error(selection: &Selection, query: &Query, listing: &Listing, catalog: &Catalog) -> Error {
    let datasets: BTreeSet<&Dataset> =
        selection.missing.iter().map(|missing| &missing.dataset).chain(&selection.without_files).collect();
    let of_datasets = || listing.files.iter().filter(|file| datasets.contains(&file.id.dataset));
    let held: Vec<String> = of_datasets().take(20).map(|f| format!("{} {}", f.id.uf, f.id.competencia)).collect();
    let first = of_datasets().map(|f| f.id.competencia).min();
    let last = of_datasets().map(|f| f.id.competencia).max();
    let named = |dataset: &Dataset| selection.missing.iter().any(|missing| missing.dataset == *dataset);
    let source = |file: &&SourceFile| !selection.ours.iter().any(|ours| ours.location == file.location);
    let holds = |dataset: &Dataset| listing.files.iter().filter(source).any(|file| file.id.dataset == *dataset);
    let absent = selection.without_files.iter().find(|dataset| !named(dataset) || !holds(dataset));
    let scope = absent
        .or(datasets.first().copied())
        .and_then(|dataset| query.scopes.iter().find(|scope| scope.grupo.dataset == *dataset));
    let example = scope.map(|scope| example(scope, &selection.missing, catalog)).unwrap_or_default();
    let lies = lies_there(selection, listing, catalog);
    let (lies_pt, lies_en) = (&lies.pt, &lies.en);
    let detail = if let Some(dataset) = absent {
        let root = &listing.root;
        text!(
            "Nenhum arquivo de {dataset} em {root}. {lies_pt}. Confira a pasta e os nomes: o esperado é como {example}",
            "No file of {dataset} in {root}. {lies_en}. Check the folder and the file names: one like {example} is expected"
        )
    } else {
        let dataset = datasets.iter().map(|dataset| dataset.to_string()).collect::<Vec<_>>().join(", ");
        let named =
            selection.missing.iter().take(NAMED).map(|missing| match (&missing.part, missing.file_name(catalog)) {
                (Some(_), Some(name)) => name,
                _ => missing.to_string(),
            });
        let list = named.collect::<Vec<_>>().join(", ");
        let count = selection.missing.len();
        let more = if count > NAMED { ", …" } else { "" };
        text!(
            "{dataset}: {count} arquivo(s) ausente(s): {list}{more}. {lies_pt}. Traga-os para a pasta (como {example}), ou siga sem eles com a opção `missing`: warn",
            "{dataset}: {count} missing file(s): {list}{more}. {lies_en}. Bring them to the folder (like {example}), or go on without them with the option `missing`: warn"
        )
    };
    let ignored: Vec<String> = unread(listing).iter().take(20).map(|ignored| ignored.name()).collect();
    Error::new(Code::NotFound, detail)
        .with("missing", serde_json::json!(selection.missing))
        .with("held", held)
        .with(
            "held_range",
            match (first, last) {
                (Some(first), Some(last)) => serde_json::json!({"from": first, "to": last}),
                _ => Value::Null,
            },
        )
        .with("files_in_folder", listing.files.len() + listing.ignored.len())
        .with("ignored", ignored)
        .with("valid_examples", vec![example])
        .stage("plan")
}

/// A name that would be right, of the first file that is missing where that is known.
fn example(scope: &Scope, missing: &[Missing], catalog: &Catalog) -> String {
    let grupo = scope.grupo;
    let missing = missing.iter().find(|missing| missing.dataset == grupo.dataset);
    let of_scope = |ufs: &Option<BTreeSet<Uf>>| ufs.as_ref().and_then(|ufs| ufs.first().copied());
    let uf = missing.and_then(|missing| missing.uf).or_else(|| of_scope(&scope.ufs));
    let uf = grupo.national.or(uf).or_else(|| Uf::parse("SP")).unwrap_or(Uf::BR);
    let asked = scope.competencias.as_ref().and_then(|all| all.first().copied());
    let usual = match grupo.period {
        crate::catalog::Period::Month => Competencia::month(2024, 1),
        crate::catalog::Period::Year => Competencia::year(2022),
    };
    let competencia = missing.and_then(|missing| missing.competencia).or(asked).or(grupo.last).or(usual);
    let part = missing.and_then(|missing| missing.part.clone());
    match competencia {
        Some(competencia) => FileId { dataset: grupo.dataset.clone(), uf, competencia, part }.file_name(catalog),
        None => String::new(),
    }
}

/// The ignored files, those that may hold records first.
fn unread(listing: &Listing) -> Vec<&Ignored> {
    let mut all: Vec<&Ignored> = listing.ignored.iter().collect();
    all.sort_by_key(|ignored| !ignored.may_hold_records());
    all
}

/// How many files lie there, and the first five that were not understood.
fn lies_there(selection: &Selection, listing: &Listing, catalog: &Catalog) -> Text {
    let total = listing.files.len() + listing.ignored.len();
    let outside = || listing.ignored.iter().filter(|ignored| ignored.why == Why::Folder);
    let outside_count = outside().count();
    let count = listing.ignored.len() - outside_count;
    let ours = names(selection.ours.iter().map(SourceFile::name));
    let mut said = match count {
        0 => text!("A pasta tem {total} arquivo(s)", "The folder has {total} file(s)"),
        _ => {
            let unnamed = unread(listing).into_iter().filter(|ignored| ignored.why != Why::Folder);
            let list = names(unnamed.map(Ignored::name));
            text!(
                "A pasta tem {total} arquivo(s), {count} sem um nome que se reconheça ({list})",
                "The folder has {total} file(s), {count} without a name that is known ({list})"
            )
        }
    };
    if outside_count > 0 {
        let list = names(outside().map(|ignored| below(ignored, listing)));
        said = also(
            said,
            text!(
                "{outside_count} está(ão) na árvore do ministério, fora das pastas em que ele publica cada dataset ({list})",
                "{outside_count} stand(s) in the ministry's tree outside the folders in which it publishes each dataset ({list})"
            ),
        );
    }
    if listing.ignored.iter().any(|ignored| of_archive(ignored, catalog).is_some()) {
        said = also(
            said,
            text!("os .gz e .zip têm de ser descompactados antes", ".gz and .zip have to be extracted first"),
        );
    }
    if !selection.ours.is_empty() {
        said = also(
            said,
            text!(
                "o que o próprio datasus gravou não é fonte ({ours})",
                "what datasus itself has written is no source ({ours})"
            ),
        );
    }
    said
}

fn also(first: Text, more: Text) -> Text {
    Text { pt: format!("{}; {}", first.pt, more.pt), en: format!("{}; {}", first.en, more.en) }
}

fn names(all: impl Iterator<Item = String>) -> String {
    const FIRST: usize = 5;
    let mut names: Vec<String> = all.take(FIRST + 1).collect();
    let more = names.len() > FIRST;
    names.truncate(FIRST);
    format!("{}{}", names.join(", "), if more { ", …" } else { "" })
}

/// What a query says of files that are not in its answer.
pub fn selection_warnings(selection: &Selection, query: &Query, listing: &Listing, catalog: &Catalog) -> Vec<Text> {
    let mut warnings = versions::warnings_of(&selection.left_out);
    warnings.extend(versions::warning_of(&selection.mixed));
    if !selection.missing.is_empty() {
        let (count, list) = (selection.missing.len(), list(&selection.missing));
        warnings.push(text!(
            "{count} arquivo(s) pedido(s) não existe(m): {list}",
            "{count} file(s) asked for are missing: {list}"
        ));
    }
    if !selection.gaps.is_empty() {
        let list = list(&selection.gaps);
        warnings.push(text!("Nunca publicado(s) pelo ministério: {list}", "Never published by the ministry: {list}"));
    }
    for dataset in &selection.without_files {
        let (root, named) = (&listing.root, selection.missing.iter().any(|missing| missing.dataset == *dataset));
        if !named {
            warnings.push(text!("Nenhum arquivo de {dataset} em {root}", "No file of {dataset} in {root}"));
        }
    }
    if !selection.ours.is_empty() {
        let list = names(selection.ours.iter().map(SourceFile::name));
        warnings.push(text!(
            "Gravado(s) pelo próprio datasus, e por isso fora da resposta: {list}",
            "Written by datasus itself, and therefore not in the answer: {list}"
        ));
    }
    let of = |why| listing.ignored.iter().filter(move |ignored| ignored.why == why);
    let wanted = |ignored: &&Ignored| looks_wanted(ignored, &listing.root, query, catalog);
    let broken: Vec<&Ignored> = of(Why::Link).filter(wanted).collect();
    if !broken.is_empty() {
        let (count, list) = (broken.len(), names(broken.iter().map(|ignored| ignored.name())));
        warnings.push(text!(
            "{count} arquivo(s) parece(m) ser da consulta e são links que não levam a nada: {list}",
            "{count} file(s) look wanted and are links that lead to nothing: {list}"
        ));
    }
    if of(Why::Depth).next().is_some() {
        let list = names(of(Why::Depth).map(|ignored| ignored.location.to_string()));
        warnings.push(text!(
            "Links para pastas atrás de outros links demais, em que não se entrou: {list}",
            "Links to folders behind too many other links, which were not entered: {list}"
        ));
    }
    let mut outside: Vec<&Ignored> = of(Why::Folder).filter(wanted).collect();
    if !outside.is_empty() {
        // What stands twice in the tree is read where it counts: a month that is whole on either side, or the same part.
        let mut read: HashMap<_, HashSet<Option<&str>>> = HashMap::new();
        for id in listing.files.iter().map(|file| &file.id) {
            read.entry(id.of_month()).or_default().insert(id.part.as_deref());
        }
        let is_read = |id: &FileId| {
            let is_part = |parts: &HashSet<Option<&str>>| parts.contains(&None) || parts.contains(&id.part.as_deref());
            read.get(&id.of_month()).is_some_and(|parts| id.part.is_none() || is_part(parts))
        };
        outside.retain(|ignored| catalog.identify(&ignored.name()).is_none_or(|id| !is_read(&id)));
    }
    if !outside.is_empty() {
        let (count, list) = (outside.len(), names(outside.iter().map(|ignored| below(ignored, listing))));
        warnings.push(text!(
            "{count} arquivo(s) parece(m) ser da consulta e não foram lidos, porque estão na árvore do ministério fora das pastas em que ele publica o dataset: {list}. Se são seus, ponha-os em outra pasta",
            "{count} file(s) look wanted and were not read, because they stand in the ministry's tree outside the folders in which it publishes the dataset: {list}. If they are your own, put them into another folder"
        ));
    }
    let of_name = |ignored: &&Ignored| !matches!(ignored.why, Why::Link | Why::Folder);
    let likely: Vec<&Ignored> = listing.ignored.iter().filter(of_name).filter(wanted).collect();
    if !likely.is_empty() {
        let (count, list) = (likely.len(), names(likely.iter().map(|ignored| ignored.name())));
        let archives = likely.iter().any(|ignored| ignored.why == Why::Archive);
        let (do_pt, do_en) = match archives {
            true => ("; descompacte os .gz e .zip", "; extract .gz and .zip"),
            false => ("", ""),
        };
        warnings.push(text!(
            "{count} arquivo(s) parece(m) ser da consulta e não foram lidos, por causa do nome: {list}{do_pt}",
            "{count} file(s) look wanted and were not read, because of their names: {list}{do_en}"
        ));
    }
    warnings
}

fn list(missing: &[Missing]) -> String {
    let more = if missing.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", missing.iter().take(NAMED).map(Missing::to_string).collect::<Vec<_>>().join(", "))
}

/// What a packed file would be once it is extracted, by its name.
fn of_archive(ignored: &Ignored, catalog: &Catalog) -> Option<FileId> {
    let name = ignored.name();
    let inner = name.rsplit_once('.').filter(|_| ignored.why == Why::Archive)?.0;
    catalog.identify(inner)
}

fn below(ignored: &Ignored, listing: &Listing) -> String {
    ignored.location.below(&listing.root).display().to_string()
}

/// A data file whose name begins as those of the query's datasets do: prefix, UF, a digit.
fn looks_wanted(ignored: &Ignored, root: &Location, query: &Query, catalog: &Catalog) -> bool {
    let of_folder = || catalog.identify(&ignored.name()).filter(|_| ignored.why == Why::Folder);
    if let Some(id) = of_archive(ignored, catalog).or_else(of_folder) {
        let wanted = |scope: &Scope| {
            let uf = scope.ufs.as_ref().is_none_or(|ufs| scope.grupo.national.is_some() || ufs.contains(&id.uf));
            scope.grupo.dataset == id.dataset
                && uf
                && scope.competencias.as_ref().is_none_or(|all| all.contains(&id.competencia))
        };
        return query.scopes.iter().any(wanted);
    }
    // Parquet of deeper partitions (`RDAC2401.parquet/SEXO=1/part-0.parquet`) is known by its folder.
    let parquet =
        ignored.location.path().extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"));
    let below = ignored.location.below(root);
    let folders = below.parent().filter(|_| parquet).into_iter().flat_map(Path::components);
    let folders = folders.filter_map(|folder| folder.as_os_str().to_str()).map(str::to_owned);
    let names: Vec<String> = folders.chain([ignored.name()]).collect();
    let of_scope = |scope: &Scope| {
        let begins = names.iter().find_map(|name| scope.grupo.begins(name));
        begins.is_some_and(|uf| uf.is_none_or(|uf| scope.ufs.as_ref().is_none_or(|ufs| ufs.contains(&uf))))
    };
    ignored.may_hold_records() && query.scopes.iter().any(of_scope)
}
