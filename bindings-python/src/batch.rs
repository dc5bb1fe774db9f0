//! One batch of rows, for everything that speaks Arrow.

use arrow::array::{Array, RecordBatch, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use datasus::Error;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::error::raised;

#[pyclass(frozen, module = "datasus._datasus")]
pub struct Batch(RecordBatch);

impl Batch {
    pub fn new(batch: RecordBatch) -> Self {
        Batch(batch)
    }
}

#[pymethods]
impl Batch {
    #[getter]
    fn num_rows(&self) -> usize {
        self.0.num_rows()
    }

    fn columns(&self) -> Vec<(String, String, bool)> {
        columns_of(self.0.schema_ref())
    }

    fn schema_capsule<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, self.0.schema_ref())
    }

    /// An `ArrowSchema` and an `ArrowArray`, which share the memory of this batch.
    fn array_capsules<'py>(&self, py: Python<'py>) -> PyResult<Capsules<'py>> {
        let schema = FFI_ArrowSchema::try_from(self.0.schema_ref().as_ref());
        capsules(py, schema, &StructArray::from(self.0.clone()))
    }

    /// The same of each column by itself, so that the memory of one can go before the others'; text as pandas wants it, with
    /// offsets of 64 bits (what imports it would keep the others as long as the text).
    fn columns_capsules<'py>(&self, py: Python<'py>) -> PyResult<Vec<Capsules<'py>>> {
        let fail = |error| raised(py, &Error::internal(error));
        let columns = self.0.schema_ref().fields().iter().zip(self.0.columns());
        let capsules = columns.map(|(field, column)| match column.data_type() {
            DataType::Utf8 => {
                let field = field.as_ref().clone().with_data_type(DataType::LargeUtf8);
                let column = cast(column, field.data_type()).map_err(fail)?;
                capsules(py, FFI_ArrowSchema::try_from(&field), &column)
            }
            _ => capsules(py, FFI_ArrowSchema::try_from(field.as_ref()), column),
        });
        capsules.collect()
    }
}

type Capsules<'py> = (Bound<'py, PyCapsule>, Bound<'py, PyCapsule>);

fn capsules<'py>(
    py: Python<'py>,
    schema: Result<FFI_ArrowSchema, ArrowError>,
    array: &dyn Array,
) -> PyResult<Capsules<'py>> {
    let schema = schema.map_err(|error| raised(py, &Error::internal(error)))?;
    let array = FFI_ArrowArray::new(&array.to_data());
    Ok((
        PyCapsule::new(py, schema, Some(c"arrow_schema".to_owned()))?,
        PyCapsule::new(py, array, Some(c"arrow_array".to_owned()))?,
    ))
}

pub fn columns_of(schema: &SchemaRef) -> Vec<(String, String, bool)> {
    let fields = schema.fields().iter();
    fields.map(|field| (field.name().clone(), field.data_type().to_string(), field.is_nullable())).collect()
}

pub fn schema_capsule<'py>(py: Python<'py>, schema: &SchemaRef) -> PyResult<Bound<'py, PyCapsule>> {
    let exported = FFI_ArrowSchema::try_from(schema.as_ref()).map_err(|error| raised(py, &Error::internal(error)))?;
    PyCapsule::new(py, exported, Some(c"arrow_schema".to_owned()))
}
