//! Values of ours into a vector of the engine's: of the types that our functions give, and of no others. The crate's own way knows every
//! type of Arrow, and brings the casts between all of them into the worker.

use std::error::Error;

use arrow::array::{Array, AsArray, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Int32Type};
use duckdb::core::{FlatVector, Inserter};
use duckdb::vtab::arrow::WritableVector;

type Outcome = Result<(), Box<dyn Error>>;

/// Writes a column of text, whole numbers of four bytes, days, or decimals of at most nine digits.
pub(super) fn write(values: &dyn Array, output: &mut dyn WritableVector) -> Outcome {
    let mut vector = output.flat_vector();
    if values.len() > vector.capacity() {
        return Err(format!("{} values for {} places", values.len(), vector.capacity()).into());
    }
    match values.data_type() {
        DataType::Utf8 => {
            for (row, value) in values.as_string::<i32>().iter().enumerate() {
                match value {
                    Some(value) => vector.insert(row, value),
                    None => vector.set_null(row),
                }
            }
            Ok(())
        }
        DataType::Int32 => numbers(values.as_primitive::<Int32Type>(), &mut vector, Ok),
        DataType::Date32 => numbers(values.as_primitive::<Date32Type>(), &mut vector, Ok),
        DataType::Decimal128(..=9, _) => {
            numbers(values.as_primitive::<Decimal128Type>(), &mut vector, |units| Ok(i32::try_from(units)?))
        }
        other => Err(format!("a function gives no {other}").into()),
    }
}

fn numbers<T: ArrowPrimitiveType>(
    values: &PrimitiveArray<T>,
    vector: &mut FlatVector<'_>,
    number: impl Fn(T::Native) -> Result<i32, Box<dyn Error>>,
) -> Outcome {
    // SAFETY: whole numbers, days and decimals of at most nine digits have four bytes a row.
    let places = unsafe { vector.as_mut_ptr::<i32>() };
    for (row, value) in values.values().iter().enumerate() {
        let value = if values.is_valid(row) { number(*value)? } else { 0 };
        // SAFETY: `write` has seen that the vector has as many rows; nobody else holds it.
        unsafe { places.add(row).write(value) };
    }
    if values.null_count() > 0 {
        (0..values.len()).filter(|row| values.is_null(*row)).for_each(|row| vector.set_null(row));
    }
    Ok(())
}
