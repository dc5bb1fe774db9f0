//! Labels and derived columns on a cluster, which has none of our code: the values that their inputs have are asked for first, the rules
//! that run in this process everywhere else make a table of them, and the statement joins it.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema};

use super::dialect::{KNOWN, MADE, SparkDialect, made_name};
use super::request::Known;
use super::rows::as_stream;
use crate::base::{Code, Error, Result, text};
use crate::labels::{Derived, Input, derived_by_id};
use crate::plan::{Dialect, Made};

/// Values of the inputs together, of one column: more would no longer be a table to send along.
pub(super) const MOST: usize = 2_000_000;

/// One column, and how its inputs' values are asked for.
pub(super) struct Wanted {
    derived: Arc<Derived>,
    /// A SELECT.
    pub inputs: String,
}

/// The columns that a table has made of its others.
pub(super) fn wanted(made: &Made) -> Result<Vec<Wanted>> {
    let wanted = |id: &String| {
        let derived = derived_by_id(id).ok_or_else(|| Error::internal(format!("no derived column {id}")))?;
        let inputs: Vec<String> = derived.inputs.iter().map(|input| SparkDialect.name(input)).collect();
        let inputs = match inputs.is_empty() {
            true => "SELECT 1 AS `one`".to_owned(),
            false => format!("SELECT DISTINCT {} FROM ({}) LIMIT {}", inputs.join(", "), made.of, MOST + 1),
        };
        Ok(Wanted { derived, inputs })
    };
    made.ids.iter().map(wanted).collect()
}

impl Wanted {
    /// The table to join, of the values that the inputs have.
    pub fn table(&self, came: &[RecordBatch]) -> Result<Known> {
        let name = &self.derived.name;
        let first = came.first().ok_or_else(|| Error::internal("spark: inputs without a schema"))?;
        let inputs = concat_batches(&first.schema(), came).map_err(Error::internal)?;
        let rows = inputs.num_rows();
        if rows > MOST {
            return Err(Error::new(
                Code::InvalidParams,
                text!(
                    "{name} vem de colunas que têm juntas mais de {MOST} valores diferentes, e no cluster cada um deles teria de ser traduzido antes; restrinja a consulta, peça as colunas de origem, ou abra um cliente sem `engine`",
                    "{name} is made of columns that have more than {MOST} different values together, each of which would have to be translated first for the cluster; narrow the query, ask for the columns that it is made of, or open a client without `engine`"
                ),
            )
            .column(name.as_str())
            .stage("plan"));
        }
        let columns: Vec<Input> = inputs.columns().iter().cloned().map(Input::Array).collect();
        let value = self.derived.compute(&columns, rows, false).map_err(Error::internal)?;
        let mut fields: Vec<Arc<Field>> = inputs.schema().fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new(MADE, value.data_type().clone(), true)));
        let mut arrays: Vec<ArrayRef> = inputs.columns().to_vec();
        arrays.push(value);
        fields.push(Arc::new(Field::new(KNOWN, DataType::Boolean, true)));
        arrays.push(Arc::new(BooleanArray::from(vec![true; rows])));
        // A column of NULLs alone has no type that can be sent.
        for (field, array) in
            fields.iter_mut().zip(&mut arrays).filter(|(field, _)| *field.data_type() == DataType::Null)
        {
            *array = arrow::compute::cast(array, &DataType::Utf8).map_err(Error::internal)?;
            *field = Arc::new(Field::new(field.name(), DataType::Utf8, true));
        }
        let table = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(Error::internal)?;
        Ok(Known { name: made_name(&self.derived.id()), rows: as_stream(&table)? })
    }
}
