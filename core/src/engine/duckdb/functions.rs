//! Functions of ours in the engine: the rules of labels and derived columns are the same code there as in a scan.
//!
//! Only tables that we make call them: the gate knows none of them, and so refuses their names in the SQL of users.

use std::error::Error;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::Int64Type;
use duckdb::Connection;
use duckdb::core::{DataChunkHandle, LogicalTypeHandle, LogicalTypeId};
use duckdb::vscalar::{ScalarFunctionSignature, VScalar};
use duckdb::vtab::arrow::{WritableVector, data_chunk_to_arrow};

use super::{into_vector, seen};
use crate::catalog::LogicalType;
use crate::labels::{Derived, Input, WithoutLabel, derived_by_id};

const TEXT: &str = "datasus_text";
const INTEGER: &str = "datasus_integer";
const DECIMAL: &str = "datasus_decimal";
const DAY: &str = "datasus_day";
/// The place of a word among those of its column.
pub(super) const PLACE: &str = "datasus_place";

/// A label of groups of rows, those without one counted.
pub(super) const COUNTED: &str = "datasus_counted";

/// The function that makes values of this kind.
pub(super) fn of_kind(kind: &LogicalType) -> &'static str {
    match kind {
        LogicalType::Date { .. } => DAY,
        LogicalType::Text => TEXT,
        LogicalType::Integer { .. } => INTEGER,
        LogicalType::Decimal { .. } => DECIMAL,
    }
}

/// Makes them known to an instance.
pub(super) fn register(connection: &Connection) -> duckdb::Result<()> {
    connection.register_scalar_function::<Text>(TEXT)?;
    connection.register_scalar_function::<Integer>(INTEGER)?;
    connection.register_scalar_function::<Decimal>(DECIMAL)?;
    connection.register_scalar_function::<Day>(DAY)?;
    connection.register_scalar_function::<Place>(PLACE)?;
    connection.register_scalar_function::<Counted>(COUNTED)
}

struct Text;
struct Integer;
struct Decimal;
struct Day;
struct Place;
struct Counted;

type Outcome = Result<(), Box<dyn Error>>;

/// Any number of arguments of any type.
fn variadic(of: impl Into<LogicalTypeHandle>) -> Vec<ScalarFunctionSignature> {
    vec![ScalarFunctionSignature::variadic(LogicalTypeHandle::from(LogicalTypeId::Any), of.into())]
}

impl VScalar for Text {
    type State = ();

    fn invoke(_: &(), input: &mut DataChunkHandle, output: &mut dyn WritableVector) -> Outcome {
        derived(input, output)
    }

    fn signatures() -> Vec<ScalarFunctionSignature> {
        variadic(LogicalTypeId::Varchar)
    }
}

impl VScalar for Integer {
    type State = ();

    fn invoke(_: &(), input: &mut DataChunkHandle, output: &mut dyn WritableVector) -> Outcome {
        derived(input, output)
    }

    fn signatures() -> Vec<ScalarFunctionSignature> {
        variadic(LogicalTypeId::Integer)
    }
}

impl VScalar for Decimal {
    type State = ();

    fn invoke(_: &(), input: &mut DataChunkHandle, output: &mut dyn WritableVector) -> Outcome {
        derived(input, output)
    }

    fn signatures() -> Vec<ScalarFunctionSignature> {
        // The type of degrees, the only ones of theirs.
        variadic(LogicalTypeHandle::decimal(9, 5))
    }
}

impl VScalar for Day {
    type State = ();

    fn invoke(_: &(), input: &mut DataChunkHandle, output: &mut dyn WritableVector) -> Outcome {
        derived(input, output)
    }

    fn signatures() -> Vec<ScalarFunctionSignature> {
        variadic(LogicalTypeId::Date)
    }
}

impl VScalar for Place {
    type State = ();

    fn invoke(_: &(), input: &mut DataChunkHandle, output: &mut dyn WritableVector) -> Outcome {
        let Some((of, columns, _)) = arguments(input)? else { return Ok(()) };
        of.has_words().then_some(()).ok_or("a column without words")?;
        let word = columns.first().ok_or("no word")?.as_string::<i32>();
        into_vector::write(&of.places_of(word), output)
    }

    fn signatures() -> Vec<ScalarFunctionSignature> {
        variadic(LogicalTypeId::Integer)
    }
}

impl VScalar for Counted {
    type State = ();

    /// Arguments: which count, rows, column, codes.
    fn invoke(_: &(), input: &mut DataChunkHandle, output: &mut dyn WritableVector) -> Outcome {
        let groups = input.len();
        if groups == 0 {
            return Ok(());
        }
        let batch = data_chunk_to_arrow(input)?;
        let [which, rows, id, codes @ ..] = batch.columns() else { return Err("too few arguments".into()) };
        let of = derived_by_id(id.as_string::<i32>().value(0)).ok_or("no such derived column")?;
        let inputs: Vec<Input> = codes.iter().cloned().map(Input::Array).collect();
        if let Some(seen) = which.as_string_opt::<i32>().and_then(|which| seen::of(which.value(0))) {
            let rows = rows.as_primitive_opt::<Int64Type>().ok_or("rows are no whole numbers")?;
            let rows: Vec<u64> = rows.values().iter().map(|rows| u64::try_from(*rows)).collect::<Result<_, _>>()?;
            let mut without = WithoutLabel::default();
            of.without_label_of(&inputs, &rows, &mut without)?;
            seen.add(&of, rows.iter().sum(), &without);
        }
        into_vector::write(&of.compute(&inputs, groups, false)?, output)
    }

    fn signatures() -> Vec<ScalarFunctionSignature> {
        variadic(LogicalTypeId::Varchar)
    }
}

type Arguments = (Arc<Derived>, Vec<ArrayRef>, usize);

/// The column that the first argument names, the other arguments, and how many rows they have; none where they have none.
fn arguments(input: &mut DataChunkHandle) -> Result<Option<Arguments>, Box<dyn Error>> {
    let rows = input.len();
    if rows == 0 {
        return Ok(None);
    }
    let batch = data_chunk_to_arrow(input)?;
    let id = batch.column(0).as_string::<i32>();
    let of = derived_by_id(id.value(0)).ok_or("no such derived column")?;
    Ok(Some((of, batch.columns()[1..].to_vec(), rows)))
}

fn derived(input: &mut DataChunkHandle, output: &mut dyn WritableVector) -> Outcome {
    let Some((of, columns, rows)) = arguments(input)? else { return Ok(()) };
    let inputs: Vec<Input> = columns.into_iter().map(Input::Array).collect();
    into_vector::write(&of.compute(&inputs, rows, false)?, output)
}
