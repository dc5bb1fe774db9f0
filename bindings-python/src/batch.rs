//! One batch of rows, for everything that speaks Arrow.

use arrow::array::{Array, RecordBatch, StructArray};
use arrow::datatypes::SchemaRef;
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use datasus::Error;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::error::raised;
use crate::rows::schema_capsule;

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
    fn array_capsules<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        let rows = StructArray::from(self.0.clone());
        let fail = |error| raised(py, &Error::internal(error));
        let schema = FFI_ArrowSchema::try_from(self.0.schema_ref().as_ref()).map_err(fail)?;
        let array = FFI_ArrowArray::new(&rows.to_data());
        Ok((
            PyCapsule::new(py, schema, Some(c"arrow_schema".to_owned()))?,
            PyCapsule::new(py, array, Some(c"arrow_array".to_owned()))?,
        ))
    }
}

pub fn columns_of(schema: &SchemaRef) -> Vec<(String, String, bool)> {
    let fields = schema.fields().iter();
    fields.map(|field| (field.name().clone(), field.data_type().to_string(), field.is_nullable())).collect()
}
