//! Labels of one DBC or DBF file that is read by itself.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::derived::COMPETENCIA;
use super::{Derived, Input, derived_columns, label_column};
use crate::base::{Code, Error, Language, Result, TraceId, clip, text};
use crate::catalog::{Catalog, Grupo};
use crate::source::{RecordsOf, TypedRecords};

/// As [`TypedRecords::open`], with the labels that `wanted` asks for: of the built-in lists, in the file's competência.
pub fn open_records(
    path: &Path,
    wanted: &RecordsOf,
    catalog: &'static Catalog,
    language: Language,
) -> Result<TypedRecords> {
    let Some(labels) = wanted.labels.as_ref().filter(|labels| labels.wanted()) else {
        return TypedRecords::open(path, wanted, catalog, language);
    };
    let opened = with_labels(path, wanted, labels.names(), catalog, language);
    opened.map_err(|error| error.traced(&TraceId::new(), wanted.language.unwrap_or(language)))
}

fn with_labels(
    path: &Path,
    wanted: &RecordsOf,
    named: Option<&[String]>,
    catalog: &'static Catalog,
    language: Language,
) -> Result<TypedRecords> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let id = catalog.identify(&name);
    let of_name = id.as_ref().and_then(|id| catalog.dataset(&id.dataset.to_string()));
    let Some(grupo) = wanted.dataset.as_ref().and_then(|name| catalog.read(name)).or(of_name) else {
        // A dataset that there is none of is said by the reading itself.
        TypedRecords::open(path, wanted, catalog, language)?;
        let shown = clip(&name);
        return Err(Error::new(
            Code::InvalidParams,
            text!(
                "`labels`: o nome {shown} não diz de que conjunto de dados é o arquivo; diga em `dataset`, por exemplo SIH-RD",
                "`labels`: the name {shown} does not say which dataset the file is of; say it by `dataset`, for example SIH-RD"
            ),
        )
        .with("received", shown)
        .stage("validate"));
    };
    let whole = RecordsOf { columns: None, labels: None, ..wanted.clone() };
    let held = TypedRecords::open(path, &whole, catalog, language)?.schema();
    let shown: Vec<String> = match &wanted.columns {
        Some(names) => names.clone(),
        None => held.fields().iter().map(|field| field.name().clone()).collect(),
    };
    let labels = labels_of(grupo, &shown, named)?;
    // Without it no list of these columns would hold, and every label of theirs be NULL.
    let dated = labels.iter().filter(|label| label.inputs.iter().any(|input| input == COMPETENCIA));
    let dated: Vec<&str> = dated.filter_map(|label| label.label_of.as_deref()).collect();
    if id.is_none() && !dated.is_empty() {
        let (shown, list) = (clip(&name), dated.join(", "));
        return Err(Error::new(
            Code::InvalidParams,
            text!(
                "`labels`: o nome {shown} não diz a competência, de que dependem as listas de {list}; dê ao arquivo um nome como RDAC2401.dbc, ou peça rótulos de outras colunas",
                "`labels`: the name {shown} does not say the competência, on which the lists of {list} depend; give the file a name like RDAC2401.dbc, or ask for labels of other columns"
            ),
        )
        .with("received", shown)
        .stage("validate"));
    }
    let mut read = shown.clone();
    for input in labels.iter().flat_map(|label| &label.inputs) {
        let there = held.fields().iter().any(|field| field.name().eq_ignore_ascii_case(input));
        if there && !read.iter().any(|name| name.eq_ignore_ascii_case(input)) {
            read.push(input.clone());
        }
    }
    let columns = wanted.columns.as_ref().map(|_| read);
    let records = TypedRecords::open(path, &RecordsOf { columns, labels: None, ..wanted.clone() }, catalog, language)?;
    let schema = answer(&records.schema(), shown.len(), &labels, wanted.labels_only);
    let (made, only) = (schema.clone(), wanted.labels_only);
    let competencia = id.map(|id| id.competencia.to_string());
    let beside = move |batch: RecordBatch| {
        let made = with_words(&batch, shown.len(), &labels, only, competencia.as_deref(), &made);
        made.map_err(|error| Error::internal(error.to_string()))
    };
    Ok(records.with_made(schema, Box::new(beside)))
}

fn labels_of(grupo: &Grupo, shown: &[String], named: Option<&[String]>) -> Result<Vec<Arc<Derived>>> {
    let Some(named) = named else {
        return Ok(shown.iter().filter_map(|name| label_column(grupo, name)).collect());
    };
    let mut found = Vec::with_capacity(named.len());
    for name in named {
        let label = label_column(grupo, name).filter(|_| shown.iter().any(|column| column.eq_ignore_ascii_case(name)));
        match label {
            Some(label) => found.push(label),
            None => {
                let all = derived_columns(grupo);
                let with: Vec<&str> = all.iter().filter_map(|one| one.label_of.as_deref()).take(20).collect();
                let (list, dataset, name) = (with.join(", "), &grupo.dataset, clip(name));
                return Err(Error::new(
                    Code::InvalidParams,
                    text!(
                        "`labels`: {dataset} não tem lista de rótulos para a coluna \"{name}\", ou ela não está entre as pedidas; têm: {list}",
                        "`labels`: {dataset} has no list of labels for the column \"{name}\", or it is not among those asked for; these have: {list}"
                    ),
                )
                .with("received", name)
                .stage("validate"));
            }
        }
    }
    Ok(found)
}

fn label_for<'l>(labels: &'l [Arc<Derived>], column: &str) -> Option<&'l Arc<Derived>> {
    labels.iter().find(|label| label.label_of.as_deref().is_some_and(|of| of.eq_ignore_ascii_case(column)))
}

/// The first `shown` columns, each with its label beside it or in its place.
fn answer(schema: &SchemaRef, shown: usize, labels: &[Arc<Derived>], only: bool) -> SchemaRef {
    let mut fields: Vec<Arc<Field>> = Vec::new();
    for field in schema.fields().iter().take(shown) {
        let label = label_for(labels, field.name());
        if label.is_none() || !only {
            fields.push(field.clone());
        }
        fields.extend(label.map(|label| Arc::new(Field::new(&label.name, label.encoded(), true))));
    }
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn with_words(
    batch: &RecordBatch,
    shown: usize,
    labels: &[Arc<Derived>],
    only: bool,
    competencia: Option<&str>,
    schema: &SchemaRef,
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let input = |name: &String| -> Result<Input, arrow::error::ArrowError> {
        if name == COMPETENCIA {
            return Ok(competencia.map_or(Input::Null, |when| Input::Text(when.to_owned())));
        }
        let at = batch.schema_ref().fields().iter().position(|field| field.name().eq_ignore_ascii_case(name));
        let Some(column) = at.map(|at| batch.column(at)) else { return Ok(Input::Null) };
        Ok(Input::Array(match column.data_type() {
            DataType::Dictionary(..) => cast(column, &DataType::Utf8)?,
            _ => column.clone(),
        }))
    };
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()).take(shown) {
        let label = label_for(labels, field.name());
        if label.is_none() || !only {
            columns.push(column.clone());
        }
        if let Some(label) = label {
            let inputs = label.inputs.iter().map(input).collect::<Result<Vec<_>, _>>()?;
            columns.push(label.compute(&inputs, batch.num_rows(), true)?);
        }
    }
    RecordBatch::try_new(schema.clone(), columns)
}
