//! Whether a row group can hold a row that meets a condition, by its statistics. In doubt it can.

use arrow::datatypes::DataType;
use parquet::file::statistics::Statistics;

use crate::params::{Op, Predicate, Scalar};

/// A value that can be ordered against statistics.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Bound {
    Number(i128),
    Text(Vec<u8>),
}

pub(super) fn may_match<'s>(
    predicate: &Predicate,
    statistics: &impl Fn(&str) -> Option<(&'s Statistics, DataType)>,
) -> bool {
    match predicate {
        Predicate::All(list) => list.iter().all(|p| may_match(p, statistics)),
        Predicate::Any(list) => list.iter().any(|p| may_match(p, statistics)),
        Predicate::Not(_) => true,
        Predicate::Compare { column, op, values, .. } => {
            let Some((found, kind)) = statistics(column) else { return true };
            let Some((min, max)) = bounds(found) else { return true };
            let Some(values) = values.iter().map(|value| bound(value, &kind)).collect::<Option<Vec<Bound>>>() else {
                return true;
            };
            compare(*op, &values, &min, &max)
        }
    }
}

fn compare(op: Op, values: &[Bound], min: &Bound, max: &Bound) -> bool {
    let within = |value: &Bound| min <= value && value <= max;
    match (op, values) {
        (Op::Eq, [value]) => within(value),
        (Op::Lt, [value]) => min < value,
        (Op::Le, [value]) => min <= value,
        (Op::Gt, [value]) => max > value,
        (Op::Ge, [value]) => max >= value,
        (Op::Between, [low, high]) => max >= low && min <= high,
        (Op::In, values) => values.iter().any(within),
        (Op::StartsWith, [Bound::Text(prefix)]) => match (min, max) {
            (Bound::Text(min), Bound::Text(max)) => max >= prefix && min.iter().take(prefix.len()).le(prefix.iter()),
            _ => true,
        },
        _ => true,
    }
}

fn bounds(statistics: &Statistics) -> Option<(Bound, Bound)> {
    Some(match statistics {
        Statistics::Int32(s) => (Bound::Number((*s.min_opt()?).into()), Bound::Number((*s.max_opt()?).into())),
        Statistics::Int64(s) => (Bound::Number((*s.min_opt()?).into()), Bound::Number((*s.max_opt()?).into())),
        Statistics::ByteArray(s) => {
            (Bound::Text(s.min_opt()?.data().to_vec()), Bound::Text(s.max_opt()?.data().to_vec()))
        }
        _ => return None,
    })
}

/// The value as the column stores it; none where the two cannot be compared exactly.
fn bound(value: &Scalar, kind: &DataType) -> Option<Bound> {
    match (value, kind) {
        (Scalar::Text(text), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => {
            Some(Bound::Text(text.clone().into_bytes()))
        }
        (Scalar::Integer(number), kind) if kind.is_integer() => Some(Bound::Number((*number).into())),
        (Scalar::Date(days), DataType::Date32) => Some(Bound::Number((*days).into())),
        (Scalar::Decimal(digits), DataType::Decimal128(_, scale)) => {
            let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
            let scale = usize::try_from(*scale).ok()?;
            let padding = scale.checked_sub(fraction.len())?;
            format!("{whole}{fraction}{}", "0".repeat(padding)).parse().ok().map(Bound::Number)
        }
        _ => None,
    }
}
