//! What a row group's statistics say about a condition.

use arrow::datatypes::{DataType, Schema};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;

use crate::params::{Op, Predicate, Scalar};

/// A value that can be ordered against statistics.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Bound {
    Number(i128),
    Text(Vec<u8>),
}

/// What is known of the rows of a row group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No row meets the condition.
    None,
    /// Every row meets it.
    All,
    /// Each row must be looked at.
    Some,
}

/// The statistics of a column of a row group, by its name in any case, with its Arrow type.
pub fn statistics<'g>(
    group: &'g RowGroupMetaData,
    schema: &Schema,
    column: &str,
) -> Option<(&'g Statistics, DataType)> {
    // A leaf of a nested column may have the name of a column.
    let chunk = group
        .columns()
        .iter()
        .find(|chunk| matches!(chunk.column_path().parts(), [name] if name.eq_ignore_ascii_case(column)))?;
    let field = schema.fields().iter().find(|field| field.name().eq_ignore_ascii_case(column))?;
    Some((chunk.statistics()?, field.data_type().clone()))
}

/// Judges `predicate` by the statistics and Arrow type of each column, by its name.
pub fn judge<'s>(predicate: &Predicate, statistics: &impl Fn(&str) -> Option<(&'s Statistics, DataType)>) -> Verdict {
    let every = |list: &[Predicate]| -> Vec<Verdict> { list.iter().map(|p| judge(p, statistics)).collect() };
    match predicate {
        Predicate::All(list) => match every(list) {
            verdicts if verdicts.contains(&Verdict::None) => Verdict::None,
            verdicts if verdicts.iter().all(|verdict| *verdict == Verdict::All) => Verdict::All,
            _ => Verdict::Some,
        },
        Predicate::Any(list) => match every(list) {
            verdicts if verdicts.contains(&Verdict::All) => Verdict::All,
            verdicts if verdicts.iter().all(|verdict| *verdict == Verdict::None) => Verdict::None,
            _ => Verdict::Some,
        },
        // No row may be unknown (NULL) where all are said to fail: that is not told apart here.
        Predicate::Not(_) => Verdict::Some,
        Predicate::Compare { column, op, values, .. } => {
            let known = || {
                let (found, kind) = statistics(column)?;
                let (min, max) = bounds(found, &kind)?;
                let values = values.iter().map(|value| bound(value, &kind)).collect::<Option<Vec<Bound>>>()?;
                Some((found.null_count_opt() == Some(0), values, min, max))
            };
            match known() {
                Some((_, values, min, max)) if !may_hold(*op, &values, &min, &max) => Verdict::None,
                Some((true, values, min, max)) if must_hold(*op, &values, &min, &max) => Verdict::All,
                _ => Verdict::Some,
            }
        }
    }
}

/// In doubt a row may.
fn may_hold(op: Op, values: &[Bound], min: &Bound, max: &Bound) -> bool {
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

/// In doubt it need not.
fn must_hold(op: Op, values: &[Bound], min: &Bound, max: &Bound) -> bool {
    match (op, values) {
        (Op::Eq, [value]) => min == value && max == value,
        (Op::Ne, [value]) => value < min || max < value,
        (Op::Lt, [value]) => max < value,
        (Op::Le, [value]) => max <= value,
        (Op::Gt, [value]) => min > value,
        (Op::Ge, [value]) => min >= value,
        (Op::Between, [low, high]) => low <= min && max <= high,
        (Op::In, values) => min == max && values.contains(min),
        (Op::StartsWith, [Bound::Text(prefix)]) => match (min, max) {
            (Bound::Text(min), Bound::Text(max)) => min.starts_with(prefix) && max.starts_with(prefix),
            _ => false,
        },
        _ => false,
    }
}

/// The least and the greatest value, or values beyond them; none where their order is not that of the column's type.
fn bounds(statistics: &Statistics, kind: &DataType) -> Option<(Bound, Bound)> {
    // 32 and 64 bits are compared with a sign, and texts were too, under the old names.
    let signed = !matches!(kind, DataType::UInt32 | DataType::UInt64);
    let text = matches!(statistics, Statistics::ByteArray(_));
    if !signed || (text && statistics.is_min_max_deprecated()) {
        return None;
    }
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
        (Scalar::Text(text), kind) if kind.is_string() => Some(Bound::Text(text.clone().into_bytes())),
        (Scalar::Integer(number), kind) if kind.is_integer() => Some(Bound::Number((*number).into())),
        (Scalar::Date(days), DataType::Date32) => Some(Bound::Number((*days).into())),
        (Scalar::Decimal(_), DataType::Decimal128(_, scale)) => value.units(*scale).map(Bound::Number),
        _ => None,
    }
}
