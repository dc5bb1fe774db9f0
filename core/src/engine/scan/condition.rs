//! Conditions on decoded rows, by SQL's logic: what is compared with NULL is unknown, and only true keeps a row.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array, PrimitiveArray,
    RecordBatch, StringArray, new_null_array,
};
use arrow::compute::kernels::cmp;
use arrow::compute::kernels::comparison::starts_with;
use arrow::compute::{and_kleene, cast, is_not_null, is_null, not, or_kleene};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Int32Type, Int64Type};
use arrow::error::ArrowError;

use crate::base::{Error, Result};
use crate::params::{Op, Predicate, Scalar};

/// A condition with its values in the columns' own types; cheap to clone.
#[derive(Clone)]
pub struct Condition(Arc<Node>);

enum Node {
    All(Vec<Arc<Node>>),
    Any(Vec<Arc<Node>>),
    Not(Box<Node>),
    Test { column: String, kind: DataType, test: Test },
}

enum Test {
    Compare(Op, Value),
    Between(Value, Value),
    Among(Set),
    NotAmong(Set),
    StartsWith(Value),
    IsNull,
    NotNull,
}

/// One value, as the kernels take it.
type Value = arrow::array::Scalar<ArrayRef>;

enum Set {
    Text(HashSet<Vec<u8>>),
    Number(HashSet<i128>),
}

impl Condition {
    /// Of a condition that has passed validation.
    pub fn new(predicate: &Predicate) -> Result<Self> {
        node(predicate).map(|node| Condition(Arc::new(node)))
    }

    /// All of them as one.
    pub(super) fn all(conditions: Vec<Condition>) -> Self {
        Condition(Arc::new(Node::All(conditions.into_iter().map(|condition| condition.0).collect())))
    }

    pub(super) fn columns(&self) -> BTreeSet<&str> {
        let mut columns = BTreeSet::new();
        self.0.columns(&mut columns);
        columns
    }

    /// For each row of `batch`, whether it meets the condition; a column that is not there is NULL.
    pub fn meets(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        self.0.meets(batch)
    }
}

fn node(predicate: &Predicate) -> Result<Node> {
    let every = |list: &[Predicate]| list.iter().map(|one| node(one).map(Arc::new)).collect::<Result<Vec<_>>>();
    Ok(match predicate {
        Predicate::All(list) => Node::All(every(list)?),
        Predicate::Any(list) => Node::Any(every(list)?),
        Predicate::Not(inner) => Node::Not(Box::new(node(inner)?)),
        Predicate::Compare { column, kind, op, values } => {
            let fits = |value: &Scalar| !matches!(value, Scalar::Integer(n) if i32::try_from(*n).is_err());
            let wide = !values.iter().all(fits);
            let kind = match kind.arrow() {
                DataType::Int32 if wide => DataType::Int64,
                kind => kind,
            };
            let test = match (op, values.as_slice()) {
                (Op::Between, [low, high]) => Test::Between(value(low, &kind)?, value(high, &kind)?),
                (Op::In, values) => Test::Among(set(values, &kind)?),
                (Op::NotIn, values) => Test::NotAmong(set(values, &kind)?),
                (Op::StartsWith, [prefix]) => Test::StartsWith(value(prefix, &kind)?),
                (Op::IsNull, _) => Test::IsNull,
                (Op::NotNull, _) => Test::NotNull,
                (Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge, [one]) => Test::Compare(*op, value(one, &kind)?),
                (op, values) => {
                    return Err(Error::internal(format!("{op:?} with {} values", values.len())));
                }
            };
            Node::Test { column: column.clone(), kind, test }
        }
    })
}

fn value(scalar: &Scalar, kind: &DataType) -> Result<Value> {
    let odd = || Error::internal(format!("{scalar:?} compared with a column of {kind}"));
    Ok(Value::new(match (scalar, kind) {
        (Scalar::Text(text), DataType::Utf8) => Arc::new(StringArray::from_iter_values([text])),
        (Scalar::Integer(number), DataType::Int32) => {
            Arc::new(Int32Array::from_iter_values([i32::try_from(*number).map_err(|_| odd())?]))
        }
        (Scalar::Integer(number), DataType::Int64) => Arc::new(Int64Array::from_iter_values([*number])),
        (Scalar::Date(days), DataType::Date32) => Arc::new(Date32Array::from_iter_values([*days])),
        (Scalar::Decimal(_), DataType::Decimal128(precision, scale)) => {
            let units = Decimal128Array::from_iter_values([scalar.units(*scale).ok_or_else(odd)?]);
            Arc::new(units.with_precision_and_scale(*precision, *scale).map_err(Error::internal)?)
        }
        _ => return Err(odd()),
    }))
}

fn set(values: &[Scalar], kind: &DataType) -> Result<Set> {
    let odd = |scalar: &Scalar| Error::internal(format!("{scalar:?} looked for in a column of {kind}"));
    let number = |scalar: &Scalar| match (scalar, kind) {
        (Scalar::Integer(number), DataType::Int32 | DataType::Int64) => Ok(i128::from(*number)),
        (Scalar::Date(days), DataType::Date32) => Ok(i128::from(*days)),
        (Scalar::Decimal(_), DataType::Decimal128(_, scale)) => scalar.units(*scale).ok_or_else(|| odd(scalar)),
        _ => Err(odd(scalar)),
    };
    let text = |scalar: &Scalar| match scalar {
        Scalar::Text(text) => Ok(text.clone().into_bytes()),
        other => Err(odd(other)),
    };
    Ok(match kind {
        DataType::Utf8 => Set::Text(values.iter().map(text).collect::<Result<_>>()?),
        _ => Set::Number(values.iter().map(number).collect::<Result<_>>()?),
    })
}

impl Node {
    fn columns<'n>(&'n self, into: &mut BTreeSet<&'n str>) {
        match self {
            Node::All(list) | Node::Any(list) => list.iter().for_each(|node| node.columns(into)),
            Node::Not(inner) => inner.columns(into),
            Node::Test { column, .. } => {
                into.insert(column);
            }
        }
    }

    fn meets(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let joined =
            |list: &[Arc<Node>], with: fn(&BooleanArray, &BooleanArray) -> Result<BooleanArray, ArrowError>, none| {
                let mut all = list.iter().map(|node| node.meets(batch));
                let first = all.next().unwrap_or_else(|| Ok(BooleanArray::from(vec![none; batch.num_rows()])))?;
                all.try_fold(first, |so_far, next| with(&so_far, &next?))
            };
        match self {
            Node::All(list) => joined(list, and_kleene, true),
            Node::Any(list) => joined(list, or_kleene, false),
            Node::Not(inner) => not(&inner.meets(batch)?),
            Node::Test { column, kind, test } => {
                let found = batch.schema_ref().fields().iter().position(|f| f.name().eq_ignore_ascii_case(column));
                let array = match found {
                    None => new_null_array(kind, batch.num_rows()),
                    Some(at) if batch.column(at).data_type() == kind => batch.column(at).clone(),
                    Some(at) => cast(batch.column(at), kind)?,
                };
                test.of(&array)
            }
        }
    }
}

impl Test {
    fn of(&self, array: &ArrayRef) -> Result<BooleanArray, ArrowError> {
        let compare = |op: Op, value: &Value| match op {
            Op::Eq => cmp::eq(array, value),
            Op::Ne => cmp::neq(array, value),
            Op::Lt => cmp::lt(array, value),
            Op::Le => cmp::lt_eq(array, value),
            Op::Gt => cmp::gt(array, value),
            _ => cmp::gt_eq(array, value),
        };
        match self {
            Test::Compare(op, value) => compare(*op, value),
            Test::Between(low, high) => and_kleene(&compare(Op::Ge, low)?, &compare(Op::Le, high)?),
            Test::Among(set) => set.holds(array),
            Test::NotAmong(set) => not(&set.holds(array)?),
            Test::StartsWith(prefix) => starts_with(array, prefix),
            Test::IsNull => is_null(array),
            Test::NotNull => is_not_null(array),
        }
    }
}

impl Set {
    fn holds(&self, array: &ArrayRef) -> Result<BooleanArray, ArrowError> {
        match self {
            Set::Text(texts) => {
                let strings = array.as_string::<i32>();
                // Codes come in runs.
                let (mut last, mut answer): (Option<&str>, bool) = (None, false);
                let look = |row| {
                    let text = strings.value(row);
                    if last != Some(text) {
                        (last, answer) = (Some(text), texts.contains(text.as_bytes()));
                    }
                    answer
                };
                let values = (0..strings.len()).map(look).collect();
                Ok(BooleanArray::new(values, array.nulls().cloned()))
            }
            Set::Number(numbers) => match array.data_type() {
                DataType::Int32 => Ok(among::<Int32Type>(array, numbers)),
                DataType::Int64 => Ok(among::<Int64Type>(array, numbers)),
                DataType::Date32 => Ok(among::<Date32Type>(array, numbers)),
                DataType::Decimal128(..) => Ok(among::<Decimal128Type>(array, numbers)),
                other => Err(ArrowError::InvalidArgumentError(format!("numbers looked for in a column of {other}"))),
            },
        }
    }
}

fn among<T: ArrowPrimitiveType>(array: &ArrayRef, numbers: &HashSet<i128>) -> BooleanArray
where
    T::Native: Into<i128>,
{
    let values: &PrimitiveArray<T> = array.as_primitive();
    BooleanArray::new(
        values.values().iter().map(|value| numbers.contains(&(*value).into())).collect(),
        array.nulls().cloned(),
    )
}
