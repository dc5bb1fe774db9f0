//! Floats of the user's own. One that is no number (NaN) is how pandas and R write that there is none: it is NULL, or it would
//! be above every number in a condition, and make every sum that it is in.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{Own, Trouble};

/// The column with NULL for each NaN, and how many there were.
pub(super) fn without_nans(array: &ArrayRef) -> (ArrayRef, u64) {
    match array.data_type() {
        DataType::Float32 => cleared::<Float32Type>(array, |value| value.is_nan()),
        DataType::Float64 => cleared::<Float64Type>(array, |value| value.is_nan()),
        _ => (array.clone(), 0),
    }
}

fn cleared<T: ArrowPrimitiveType>(array: &ArrayRef, is_nan: impl Fn(T::Native) -> bool) -> (ArrayRef, u64) {
    let values: &PrimitiveArray<T> = array.as_primitive();
    let nans = values.iter().flatten().filter(|value| is_nan(*value)).count() as u64;
    if nans == 0 {
        return (array.clone(), 0);
    }
    (Arc::new(values.unary_opt::<_, T>(|value| (!is_nan(value)).then_some(value))), nans)
}

/// Whether a column has none, in one row group.
pub(super) fn has_no_nan(own: &Own, root: usize, group: usize) -> Result<bool, Trouble> {
    let leaves = own.footer().file_metadata().schema_descr();
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(own.at.clone(), own.metadata.clone());
    let builder = builder.with_row_groups(vec![group]).with_projection(ProjectionMask::roots(leaves, [root]));
    for batch in builder.build()? {
        if without_nans(batch?.column(0)).1 > 0 {
            return Ok(false);
        }
    }
    Ok(true)
}
