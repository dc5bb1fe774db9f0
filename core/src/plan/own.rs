//! Types of columns that the catalogue does not know, as the user's own Parquet have them.

use arrow::datatypes::DataType;

use crate::columnar::is_text;

/// The type that holds every value of both, as it is; none where there is no such type.
pub(super) fn common(one: &DataType, other: &DataType) -> Option<DataType> {
    if one == other {
        return Some(one.clone());
    }
    match (one, other) {
        (one, other) if is_text(one) && is_text(other) => Some(DataType::Utf8),
        (one, other) if is_small(one) && is_small(other) => Some(DataType::Int64),
        (DataType::Float32, DataType::Float64) | (DataType::Float64, DataType::Float32) => Some(DataType::Float64),
        (DataType::Decimal128(p1, s1), DataType::Decimal128(p2, s2)) if *s1 >= 0 && *s2 >= 0 => {
            let scale = (*s1).max(*s2);
            let whole = (i16::from(*p1) - i16::from(*s1)).max(i16::from(*p2) - i16::from(*s2));
            let precision = u8::try_from(whole + i16::from(scale)).ok()?;
            (precision <= 38).then_some(DataType::Decimal128(precision, scale))
        }
        _ => None,
    }
}

/// Whole numbers that 64 bits with a sign hold.
fn is_small(kind: &DataType) -> bool {
    kind.is_integer() && *kind != DataType::UInt64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_type_holds_every_value_of_both_or_there_is_none() {
        use DataType::*;
        for (one, other, expected) in [
            (Int16, Int64, Some(Int64)),
            (UInt32, Int32, Some(Int64)),
            (UInt64, Int64, None),
            (Utf8, LargeUtf8, Some(Utf8)),
            (Utf8, Int64, None),
            (Float32, Float64, Some(Float64)),
            (Int64, Float64, None),
            (Decimal128(10, 2), Decimal128(12, 4), Some(Decimal128(12, 4))),
            (Decimal128(38, 0), Decimal128(10, 2), None),
            (Date32, Utf8, None),
        ] {
            assert_eq!(common(&one, &other), expected, "{one} {other}");
            assert_eq!(common(&other, &one), expected, "{other} {one}");
        }
    }
}
