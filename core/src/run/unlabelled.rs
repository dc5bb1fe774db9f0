//! Codes that have no label, in the files that a query reads.
//!
//! They are counted over whole files, before the query's conditions, as bad values are: the same whichever engine ran it, however
//! often its rows were read.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use rayon::prelude::*;

use crate::base::{Ctx, Error, Result};
use crate::columnar::{dictionary_type, dictionary_words, is_text, parquet_footer, read_texts_as};
use crate::labels::{CodesSeen, Derived, Input, WithoutLabel, derived_columns_of};
use crate::lake::LakeFile;
use crate::params::{Ask, Query, origin_column};
use crate::plan::reads;
use crate::source::Unlabelled;
use crate::store::At;

/// Rows of a batch: a column's codes are looked up once in each.
const BATCH_ROWS: usize = 1 << 18;

/// Of the labels that `query` names, in the files that it reads. `seen`: what whoever read them has counted.
pub(super) fn of(query: &Query, files: &[LakeFile], seen: &CodesSeen, ctx: &Ctx) -> Result<Vec<Unlabelled>> {
    let mut found = Vec::new();
    for scope in &query.scopes {
        let wanted: Vec<Arc<Derived>> = match &query.ask {
            Ask::Structured(ask) => {
                let named = ask.derived.iter().chain(&ask.labels.columns).cloned();
                named.filter(|one| one.coded().is_some()).collect()
            }
            Ask::Sql(sql) => {
                let named =
                    |one: &&Arc<Derived>| one.coded().is_some() && sql.columns.contains(&one.name.to_uppercase());
                derived_columns_of(scope.grupo, scope.edition).iter().filter(named).cloned().collect()
            }
            Ask::Catalog(_) => Vec::new(),
        };
        if wanted.is_empty() {
            continue;
        }
        let of_scope: Vec<&LakeFile> =
            (files.iter()).filter(|file| file.id.dataset == scope.grupo.dataset && reads(query, file)).collect();
        let rows = of_scope.iter().map(|file| file.rows).sum();
        let (known, left): (Vec<_>, Vec<_>) = (wanted.iter().map(|label| (label.clone(), seen.of(label, rows))))
            .partition(|(_, without)| without.is_some());
        let left: Vec<Arc<Derived>> = left.into_iter().map(|(label, _)| label).collect();
        let of_files = match left.is_empty() {
            true => Vec::new(),
            false => of_scope.par_iter().map(|file| of_file(file, &left, ctx)).collect::<Result<Vec<_>>>()?,
        };
        for label in &wanted {
            let mut all = WithoutLabel::default();
            if let Some((_, Some(of_label))) = known.iter().find(|(known, _)| known == label) {
                all = of_label.clone();
            }
            let at = left.iter().position(|one| one == label);
            for of_file in of_files.iter().filter_map(|of_file| of_file.get(at?)) {
                all.merge(of_file);
            }
            found.extend(all.of(label, &scope.grupo.dataset));
        }
    }
    found.dedup();
    Ok(found)
}

/// Of one file, for each of `labels`; columns that it does not have say nothing.
fn of_file(file: &LakeFile, labels: &[Arc<Derived>], ctx: &Ctx) -> Result<Vec<WithoutLabel>> {
    let failed = |error: &dyn std::fmt::Display| Error::internal(format!("{}: {error}", file.source.file));
    let at = At::of(file.open()?);
    let footer = parquet_footer(&at).map_err(|error| failed(&error))?;
    let own = ArrowReaderMetadata::try_new(footer.clone(), ArrowReaderOptions::default());
    let own = own.map_err(|error| failed(&error))?;
    let schema = own.schema();
    let mut found = vec![WithoutLabel::default(); labels.len()];
    // Row by row only where some code has no label, or may have none.
    let mut open: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); footer.num_row_groups()];
    for (group, open) in open.iter_mut().enumerate() {
        for (number, label) in labels.iter().enumerate() {
            ctx.check()?;
            if !has_all_labels(&at, &own, group, label, file).map_err(|error| failed(&error))? {
                open.insert(number);
            }
        }
    }
    if open.iter().all(BTreeSet::is_empty) {
        return Ok(found);
    }
    // A code behind a dictionary is looked up once for all of its rows.
    let coded =
        |name: &str| labels.iter().any(|label| label.code_alone().is_some_and(|of| of.eq_ignore_ascii_case(name)));
    let read = match read_texts_as(schema, &footer, coded) {
        Some(schema) => {
            let options = ArrowReaderOptions::default().with_schema(schema);
            ArrowReaderMetadata::try_new(footer.clone(), options).map_err(|error| failed(&error))?
        }
        None => own.clone(),
    };
    let has = |name: &str| schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name));
    for (group, open) in open.iter().enumerate() {
        let roots: Vec<usize> =
            open.iter().flat_map(|number| &labels[*number].inputs).filter_map(|name| has(name)).collect();
        if roots.is_empty() {
            continue;
        }
        let mask = ProjectionMask::roots(footer.file_metadata().schema_descr(), roots);
        // One row group each: a batch of two has no dictionary.
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(at.clone(), read.clone())
            .with_projection(mask)
            .with_row_groups(vec![group])
            .with_batch_size(BATCH_ROWS);
        for batch in reader.build().map_err(|error| failed(&error))? {
            ctx.check()?;
            let batch = batch.map_err(|error| failed(&error))?;
            for number in open {
                let (label, into) = (&labels[*number], &mut found[*number]);
                let alone = label.code_alone().is_some();
                let code = label.inputs.first().and_then(|name| input(&batch, name, file, alone));
                if !matches!(code, Some(Input::Array(_))) {
                    continue;
                }
                let others = label.inputs.iter().skip(1);
                let others = others.map(|name| input(&batch, name, file, false).unwrap_or(Input::Null));
                let inputs: Vec<Input> = code.into_iter().chain(others).collect();
                label.without_label(&inputs, batch.num_rows(), into).map_err(|error| failed(&error))?;
            }
        }
    }
    Ok(found)
}

/// Whether every code of a row group is known to have a label, without a look at its rows: of one column, whose dictionary has them
/// all. A column that the file does not have has none without.
fn has_all_labels(
    at: &At,
    metadata: &ArrowReaderMetadata,
    group: usize,
    label: &Derived,
    file: &LakeFile,
) -> std::result::Result<bool, ParquetError> {
    let Some(name) = label.code_alone() else { return Ok(false) };
    let (footer, fields) = (metadata.metadata(), metadata.schema().fields());
    let Some(root) = fields.iter().position(|field| field.name().eq_ignore_ascii_case(name)) else { return Ok(true) };
    let leaves = footer.file_metadata().schema_descr();
    let leaf = (0..leaves.num_columns()).find(|leaf| leaves.get_column_root_idx(*leaf) == root);
    let Some(leaf) = leaf.filter(|_| is_text(fields[root].data_type())) else { return Ok(false) };
    let Some(words) = dictionary_words(at, footer, group, leaf)? else { return Ok(false) };
    let Ok(words) = words.iter().map(|word| std::str::from_utf8(word)).collect::<std::result::Result<Vec<_>, _>>()
    else {
        return Ok(false);
    };
    let rows = words.len();
    let codes: ArrayRef = Arc::new(StringArray::from(words));
    let input = |name: &String| match origin_column(name) {
        Some(_) => Input::Text(file.id.competencia.to_string()),
        None => Input::Array(codes.clone()),
    };
    let inputs: Vec<Input> = label.inputs.iter().map(input).collect();
    let mut without = WithoutLabel::default();
    label.without_label(&inputs, rows, &mut without)?;
    Ok(without.rows == 0)
}

/// `coded`: it may stand behind a dictionary.
fn input(batch: &RecordBatch, name: &str, file: &LakeFile, coded: bool) -> Option<Input> {
    if origin_column(name).is_some() {
        return Some(Input::Text(file.id.competencia.to_string()));
    }
    let at = batch.schema_ref().fields().iter().position(|field| field.name().eq_ignore_ascii_case(name))?;
    let column = batch.column(at);
    match column.data_type() {
        DataType::Utf8 | DataType::Int32 | DataType::Int64 | DataType::Date32 => Some(Input::Array(column.clone())),
        kind if coded && *kind == dictionary_type() => Some(Input::Array(column.clone())),
        kind if is_text(kind) => cast(column, &DataType::Utf8).ok().map(Input::Array),
        _ => None,
    }
}
