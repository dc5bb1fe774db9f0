//! One DBC or DBF file that is read by itself, with labels and what is derived.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::Schema;

use super::derived::COMPETENCIA;
use super::made_columns::{MadeColumns, Shown};
use super::{Derived, derived_column, derived_columns, label_column, other_spelling};
use crate::base::{Code, Error, Language, Problem, Result, Text, TraceId, clip, text};
use crate::catalog::{Catalog, Grupo};
use crate::source::{LabelsOf, MOST_PROBLEMS, RecordsOf, TypedRecords, check_names, no_column};

/// As [`TypedRecords::open`], with the labels that `wanted` asks for and the derived columns among its `columns`: of the built-in
/// lists, in the file's competência.
pub fn open_records(
    path: &Path,
    wanted: &RecordsOf,
    catalog: &'static Catalog,
    language: Language,
) -> Result<TypedRecords> {
    let language = wanted.language.unwrap_or(language);
    let opened = with_made(path, wanted, catalog, language);
    opened.map_err(|error| error.traced(&TraceId::new(), language))
}

/// `labels_only` without `labels`.
pub(crate) fn labels_of_nothing() -> Text {
    text!(
        "`labels_only` diz que os rótulos ficam no lugar dos códigos, e não diz de quais colunas; dê também `labels`: true, ou uma lista de colunas",
        "`labels_only` says that labels stand in the place of their codes, and not of which columns; give `labels` too: true, or a list of columns"
    )
}

fn with_made(path: &Path, wanted: &RecordsOf, catalog: &'static Catalog, language: Language) -> Result<TypedRecords> {
    let labels = wanted.labels.as_ref().filter(|labels| labels.wanted());
    if wanted.labels_only && labels.is_none() {
        return Err(refused(labels_of_nothing()));
    }
    let plain = || TypedRecords::open(path, wanted, catalog, language);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let id = catalog.identify(&name);
    let of_name = id.as_ref().and_then(|id| catalog.dataset(&id.dataset.to_string()));
    let Some(grupo) = wanted.dataset.as_ref().and_then(|name| catalog.read(name)).or(of_name) else {
        // A dataset that there is none of is said by the reading itself.
        let plain = plain()?;
        return if labels.is_none() { Ok(plain) } else { Err(no_dataset(&clip(&name))) };
    };
    let is_of_files = |name: &String| grupo.column(name).is_some();
    if labels.is_none() && wanted.columns.as_ref().is_none_or(|names| names.iter().all(is_of_files)) {
        return plain();
    }
    let whole = RecordsOf { columns: None, labels: None, labels_only: false, ..wanted.clone() };
    let held = TypedRecords::open(path, &whole, catalog, language)?.schema();
    let named: Vec<Named> = match &wanted.columns {
        Some(names) => {
            check_names(names)?;
            columns_named(grupo, &held, names, wanted.typed)?
        }
        None => held.fields().iter().map(|field| Named::Held(field.name().clone())).collect(),
    };
    if labels.is_none() && named.iter().all(|one| matches!(one, Named::Held(_))) {
        return plain();
    }
    let labels = labels.map(|labels| labels_of(grupo, &named, labels)).transpose()?.unwrap_or_default();
    let of_named = named.iter().filter_map(Named::made);
    let made: Vec<&Arc<Derived>> = labels.iter().chain(of_named).collect();
    // Without it no rule of some years would hold, and every value be NULL.
    let dated = made.iter().filter(|one| one.inputs.iter().any(|input| input == COMPETENCIA));
    let dated: Vec<&str> = dated.map(|one| one.label_of.as_deref().unwrap_or(&one.name)).collect();
    if id.is_none() && !dated.is_empty() {
        return Err(no_competencia(&clip(&name), &dated.join(", ")));
    }
    let read = columns_read(&held, &named, &made, wanted.columns.is_none());
    let shown = columns_shown(&read, &named, &labels, wanted.labels_only);
    let columns = wanted.columns.as_ref().map(|_| read);
    let records = TypedRecords::open(path, &RecordsOf { columns, ..whole }, catalog, language)?;
    let competencia = id.map(|id| id.competencia.to_string());
    let made = MadeColumns::new(grupo.dataset.clone(), competencia, shown, &records.schema());
    let absent = absent_inputs(&held, named.iter().filter_map(Named::made), &clip(&name));
    let absent = absent.into_iter().map(|warning| warning.get(language).to_owned()).collect();
    Ok(records.with_made(Box::new(made), absent))
}

/// A column that is asked for.
enum Named {
    /// The file has it.
    Held(String),
    /// It is made of others.
    Made(Arc<Derived>),
}

impl Named {
    fn made(&self) -> Option<&Arc<Derived>> {
        match self {
            Named::Held(_) => None,
            Named::Made(derived) => Some(derived),
        }
    }

    fn is_held(&self, column: &str) -> bool {
        matches!(self, Named::Held(name) if name.eq_ignore_ascii_case(column))
    }
}

fn holds(held: &Schema, column: &str) -> bool {
    held.fields().iter().any(|field| field.name().eq_ignore_ascii_case(column))
}

fn columns_named(grupo: &Grupo, held: &Schema, names: &[String], typed: bool) -> Result<Vec<Named>> {
    let (mut found, mut problems) = (Vec::with_capacity(names.len()), Vec::new());
    for name in names {
        if holds(held, name) {
            found.push(Named::Held(name.clone()));
            continue;
        }
        let derived = derived_column(grupo, name);
        let wrong = derived.as_ref().and_then(|derived| not_made_of(derived, held, typed));
        match (derived, wrong) {
            (Some(derived), None) => found.push(Named::Made(derived)),
            _ if problems.len() >= MOST_PROBLEMS => {}
            (Some(derived), Some(wrong)) => {
                problems.push(Problem::new(Code::InvalidParams, wrong).with("received", derived.name.clone()));
            }
            (None, _) => {
                let all = derived_columns(grupo);
                let of_file = held.fields().iter().map(|field| field.name().as_str());
                problems.push(no_column(name, of_file.chain(all.iter().map(|one| one.name.as_str()))));
            }
        }
    }
    match problems.is_empty() {
        true => Ok(found),
        false => Err(Error::from_problems(problems).stage("validate")),
    }
}

/// Why a column cannot be made of what is read of the file.
fn not_made_of(derived: &Derived, held: &Schema, typed: bool) -> Option<Text> {
    let of_record: Vec<&str> = derived.inputs.iter().map(String::as_str).filter(|one| *one != COMPETENCIA).collect();
    let (name, list) = (&derived.name, of_record.join(", "));
    if !of_record.iter().any(|column| holds(held, column)) {
        return Some(text!(
            "`columns`: {name} é calculada de {list}, que o arquivo não tem",
            "`columns`: {name} is made of {list}, which the file does not have"
        ));
    }
    (!typed && derived.coded().is_none()).then(|| {
        text!(
            "`columns`: {name} é calculada de valores com tipo; deixe `typed` de fora",
            "`columns`: {name} is made of values that have types; leave `typed` out"
        )
    })
}

/// Of what some columns are made of and the file does not have: as in a query, they count as NULL.
fn absent_inputs<'d>(held: &Schema, made: impl Iterator<Item = &'d Arc<Derived>>, file: &str) -> Vec<Text> {
    let warning = |derived: &Arc<Derived>| {
        let is_absent = |input: &&String| {
            let other = other_spelling(input);
            !holds(held, input) && !other.is_some_and(|other| holds(held, other)) && *input != COMPETENCIA
        };
        let absent = derived.inputs.iter().filter(is_absent);
        let (name, absent) = (&derived.name, absent.map(String::as_str).collect::<Vec<_>>().join(", "));
        (!absent.is_empty()).then(|| {
            text!(
                "{file}: {name} é calculada também de {absent}, que o arquivo não tem: conta como NULL",
                "{file}: {name} is made of {absent} too, which the file does not have: it counts as NULL"
            )
        })
    };
    made.filter_map(warning).collect()
}

fn labels_of(grupo: &Grupo, named: &[Named], labels: &LabelsOf) -> Result<Vec<Arc<Derived>>> {
    let is_named = |label: &Arc<Derived>| named.iter().filter_map(Named::made).any(|made| made.name == label.name);
    let Some(of_columns) = labels.names() else {
        let held = named.iter().filter_map(|one| match one {
            Named::Held(name) => label_column(grupo, name),
            Named::Made(_) => None,
        });
        return Ok(held.filter(|label| !is_named(label)).collect());
    };
    let mut found = Vec::with_capacity(of_columns.len());
    for name in of_columns {
        match label_column(grupo, name) {
            Some(label) if is_named(&label) => {}
            Some(label) if named.iter().any(|one| one.is_held(name)) => found.push(label),
            _ => return Err(no_label(grupo, &clip(name))),
        }
    }
    Ok(found)
}

/// What is read of the file: what is shown, then what the rest is made of.
fn columns_read(held: &Schema, named: &[Named], made: &[&Arc<Derived>], all: bool) -> Vec<String> {
    let mut read: Vec<String> = Vec::new();
    for one in named {
        if let Named::Held(name) = one {
            read.push(name.clone());
        }
    }
    if all {
        return read;
    }
    for input in made.iter().flat_map(|one| &one.inputs) {
        if holds(held, input) && !read.iter().any(|name| name.eq_ignore_ascii_case(input)) {
            read.push(input.clone());
        }
    }
    read
}

/// In their order, each with its label beside it or in its place.
fn columns_shown(read: &[String], named: &[Named], labels: &[Arc<Derived>], only: bool) -> Vec<Shown> {
    let mut shown = Vec::with_capacity(named.len() + labels.len());
    // Columns of the file are the first that are read, in this order.
    let mut at = 0;
    for one in named {
        match one {
            Named::Made(derived) => shown.push(Shown::Made(derived.clone())),
            Named::Held(_) => {
                let of = |label: &&Arc<Derived>| {
                    label.label_of.as_deref().is_some_and(|of| of.eq_ignore_ascii_case(&read[at]))
                };
                let label = labels.iter().find(of);
                if label.is_none() || !only {
                    shown.push(Shown::Read(at));
                }
                shown.extend(label.cloned().map(Shown::Made));
                at += 1;
            }
        }
    }
    shown
}

fn refused(what: Text) -> Error {
    Error::new(Code::InvalidParams, what).stage("validate")
}

fn no_dataset(file: &str) -> Error {
    refused(text!(
        "`labels`: o nome {file} não diz de que conjunto de dados é o arquivo; diga em `dataset`, por exemplo SIH-RD",
        "`labels`: the name {file} does not say which dataset the file is of; say it by `dataset`, for example SIH-RD"
    ))
    .with("received", file)
}

fn no_competencia(file: &str, columns: &str) -> Error {
    refused(text!(
        "O nome {file} não diz a competência, de que dependem os rótulos e os valores de {columns}; dê ao arquivo um nome como RDAC2401.dbc, ou peça outras colunas",
        "The name {file} does not say the competência, on which the labels and values of {columns} depend; give the file a name like RDAC2401.dbc, or ask for other columns"
    ))
    .with("received", file)
}

fn no_label(grupo: &Grupo, column: &str) -> Error {
    let all = derived_columns(grupo);
    let with: Vec<&str> = all.iter().filter_map(|one| one.label_of.as_deref()).take(20).collect();
    let (list, dataset) = (with.join(", "), &grupo.dataset);
    refused(text!(
        "`labels`: {dataset} não tem lista de rótulos para a coluna \"{column}\", ou ela não está entre as pedidas; têm: {list}",
        "`labels`: {dataset} has no list of labels for the column \"{column}\", or it is not among those asked for; these have: {list}"
    ))
    .with("received", column)
}
