//! Labels and derived columns, made batch by batch beside the columns of one file.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::derived::COMPETENCIA;
use super::{Derived, Input, WithoutLabel, dictionary_type};
use crate::base::{Error, Result};
use crate::catalog::Dataset;
use crate::source::{Make, Unlabelled};

/// A column of the answer.
pub(super) enum Shown {
    /// That of the file at this place among those that are read.
    Read(usize),
    /// Made of others.
    Made(Arc<Derived>),
}

/// What is shown of a file's batches.
pub(super) struct MadeColumns {
    dataset: Dataset,
    /// Of the file; none: its name does not say it.
    competencia: Option<String>,
    shown: Vec<Shown>,
    /// Codes without a label, of each of them.
    without: Vec<WithoutLabel>,
    schema: SchemaRef,
}

impl MadeColumns {
    /// `read`: the columns that are read of the file.
    pub fn new(dataset: Dataset, competencia: Option<String>, shown: Vec<Shown>, read: &Schema) -> Self {
        let field = |one: &Shown| match one {
            Shown::Read(at) => read.fields()[*at].clone(),
            Shown::Made(derived) => Arc::new(Field::new(&derived.name, derived.encoded(), true)),
        };
        let fields: Vec<Arc<Field>> = shown.iter().map(field).collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, read.metadata().clone()));
        let without = vec![WithoutLabel::default(); shown.len()];
        MadeColumns { dataset, competencia, shown, without, schema }
    }

    fn made(&mut self, read: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.shown.len());
        for (one, without) in self.shown.iter().zip(&mut self.without) {
            columns.push(match one {
                Shown::Read(at) => read.column(*at).clone(),
                Shown::Made(derived) => {
                    // A code behind a dictionary is looked up once for all of its rows.
                    let alone = derived.code_alone();
                    let inputs = derived.inputs.iter().map(|name| {
                        input(name, read, self.competencia.as_deref(), alone.is_some_and(|alone| alone == name))
                    });
                    column(derived, &inputs.collect::<Result<Vec<_>, _>>()?, read.num_rows(), without)?
                }
            });
        }
        RecordBatch::try_new(self.schema.clone(), columns)
    }
}

fn column(
    derived: &Derived,
    inputs: &[Input],
    rows: usize,
    without: &mut WithoutLabel,
) -> Result<ArrayRef, ArrowError> {
    let column = derived.compute(inputs, rows, true)?;
    if derived.coded().is_some() && column.null_count() > 0 && matches!(inputs.first(), Some(Input::Array(_))) {
        derived.without_label(inputs, rows, without)?;
    }
    Ok(column)
}

/// `coded`: it may stand behind a dictionary.
fn input(name: &str, read: &RecordBatch, competencia: Option<&str>, coded: bool) -> Result<Input, ArrowError> {
    if name == COMPETENCIA {
        return Ok(competencia.map_or(Input::Null, |when| Input::Text(when.to_owned())));
    }
    let schema = read.schema_ref();
    let at = schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name));
    let Some(column) = at.map(|at| read.column(at)) else { return Ok(Input::Null) };
    Ok(Input::Array(match column.data_type() {
        kind if coded && *kind == dictionary_type() => column.clone(),
        DataType::Dictionary(..) => cast(column, &DataType::Utf8)?,
        _ => column.clone(),
    }))
}

impl Make for MadeColumns {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn batch(&mut self, read: RecordBatch) -> Result<RecordBatch> {
        self.made(&read).map_err(|error| Error::internal(error.to_string()))
    }

    fn unlabelled(&self) -> Vec<Unlabelled> {
        let each = self.shown.iter().zip(&self.without).filter_map(|(one, without)| match one {
            Shown::Read(_) => None,
            Shown::Made(label) => without.of(label, &self.dataset),
        });
        let mut found: Vec<Unlabelled> = Vec::new();
        // A column may be asked for twice, or have both of its labels.
        each.for_each(|one| {
            if !found.iter().any(|known| known.column == one.column) {
                found.push(one);
            }
        });
        found
    }
}
