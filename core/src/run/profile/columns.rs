//! The columns that are watched, with what says their labels.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;

use super::seen::Seen;
use super::{COMPETENCIA, Range};
use crate::base::{Error, Result};
use crate::labels::{Derived, Input, WithoutLabel, derived_columns_of};
use crate::params::Scope;

/// A column of the answer.
pub(in crate::run) struct Watched {
    pub name: String,
    pub kind: DataType,
    at: usize,
    pub seen: Seen,
    pub label: Option<Labelled>,
}

/// What says the labels of its codes.
pub(super) struct Labelled {
    pub derived: Arc<Derived>,
    /// Where its inputs stand in the answer; none: in none.
    inputs: Vec<Option<usize>>,
    pub without: WithoutLabel,
}

/// The labels of a column, of the kits that the query has.
pub(super) fn label_of(scope: &Scope, column: &str) -> Option<Arc<Derived>> {
    let of = |one: &&Arc<Derived>| one.label_of.as_deref().is_some_and(|of| of.eq_ignore_ascii_case(column));
    derived_columns_of(scope.grupo, scope.edition).iter().find(of).cloned()
}

impl Watched {
    /// Those of `wanted`, in that order.
    pub fn of(scope: &Scope, schema: &Schema, wanted: &[String]) -> Result<Vec<Self>> {
        let position = |name: &str| schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name));
        let watched = |name: &String| {
            let at = position(name).ok_or_else(|| Error::internal(format!("no column {name} in a profile")))?;
            let field = schema.field(at);
            let label = label_of(scope, name).map(|derived| Labelled {
                inputs: derived.inputs.iter().map(|input| position(input)).collect(),
                derived,
                without: WithoutLabel::default(),
            });
            let (name, kind) = (field.name().clone(), field.data_type().clone());
            Ok(Watched { name, seen: Seen::new(&kind), kind, at, label })
        };
        wanted.iter().map(watched).collect()
    }

    pub fn add(&mut self, batch: &RecordBatch, runs: &[(Range<usize>, usize)]) -> Result<(), ArrowError> {
        self.seen.add(batch.column(self.at), runs)?;
        let Some(label) = &mut self.label else { return Ok(()) };
        let input = |at: &Option<usize>| at.map_or(Input::Null, |at| Input::Array(batch.column(at).clone()));
        let inputs: Vec<Input> = label.inputs.iter().map(input).collect();
        label.derived.without_label(&inputs, batch.num_rows(), &mut label.without)
    }
}

impl Labelled {
    /// The label of a code in a competência; none where it needs other columns too, or there is none.
    pub fn of(&self, code: &str, competencia: &str) -> Option<String> {
        let mut inputs = Vec::new();
        for name in &self.derived.inputs {
            inputs.push(match name.as_str() {
                COMPETENCIA => Input::Text(competencia.to_owned()),
                name if self.derived.label_of.as_deref() == Some(name) => {
                    Input::Array(Arc::new(arrow::array::StringArray::from(vec![code])))
                }
                _ => return None,
            });
        }
        let found = self.derived.compute(&inputs, 1, false).ok()?;
        let found = arrow::array::AsArray::as_string_opt::<i32>(&found)?;
        arrow::array::Array::is_valid(found, 0).then(|| found.value(0).to_owned())
    }
}
