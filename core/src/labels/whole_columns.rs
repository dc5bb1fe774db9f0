//! Rules that give whole numbers, of whole columns at once: the same values as row by row, without a call for each.

use arrow::array::{Array, Int32Array, StringArray};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};

use super::ages::Unit;
use super::record::Cells;

/// Days from one day to another; none where the second comes before.
pub(super) fn days_between(from: &Cells<'_>, to: &Cells<'_>) -> Option<Int32Array> {
    let (Cells::Date(from), Cells::Date(to)) = (from, to) else { return None };
    let (begin, end) = (from.values(), to.values());
    // What overflows is negative, and so is what comes before.
    let days: Vec<i32> = begin.iter().zip(end.iter()).map(|(begin, end)| end.wrapping_sub(*begin)).collect();
    let known = BooleanBuffer::collect_bool(days.len(), |row| days[row] >= 0 && end[row] >= begin[row]);
    Some(with_known(days, known, NullBuffer::union(from.nulls(), to.nulls())))
}

/// Years of ages in the units of SIH, as [`super::ages::of_sih`] gives them.
pub(super) fn years_of_sih(unit: &Cells<'_>, value: &Cells<'_>) -> Option<Int32Array> {
    let Cells::Int32(value) = value else { return None };
    let values = value.values();
    // Negative: none.
    let years =
        |unit: Unit, value: i32| unit.years(i64::from(value)).and_then(|years| i32::try_from(years).ok()).unwrap_or(-1);
    let (of_rows, nulls): (Vec<i32>, _) = match unit {
        Cells::Coded(codes, texts) => {
            let units = units(texts);
            let keys = codes.keys().values().iter();
            let unit = |key: &i32| units.get(*key as usize).copied().unwrap_or(Unit::Unknown);
            (keys.zip(values).map(|(key, value)| years(unit(key), *value)).collect(), codes.nulls())
        }
        Cells::Text(texts) => {
            let (offsets, bytes) = (texts.value_offsets(), texts.value_data());
            let unit = |row: usize| match bytes.get(offsets[row] as usize..offsets[row + 1] as usize) {
                Some([b'4']) => Unit::Years,
                _ => Unit::of(texts.value(row)),
            };
            (values.iter().enumerate().map(|(row, value)| years(unit(row), *value)).collect(), texts.nulls())
        }
        _ => return None,
    };
    let known = BooleanBuffer::collect_bool(of_rows.len(), |row| of_rows[row] >= 0);
    Some(with_known(of_rows, known, NullBuffer::union(nulls, value.nulls())))
}

fn units(texts: &StringArray) -> Vec<Unit> {
    texts.iter().map(|text| text.map_or(Unit::Unknown, Unit::of)).collect()
}

/// `values` where they are known and no input is NULL.
fn with_known(values: Vec<i32>, known: BooleanBuffer, nulls: Option<NullBuffer>) -> Int32Array {
    let known = match nulls {
        Some(nulls) => &known & nulls.inner(),
        None => known,
    };
    let nulls = NullBuffer::new(known);
    Int32Array::new(ScalarBuffer::from(values), (nulls.null_count() > 0).then_some(nulls))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Date32Array};
    use arrow::compute::cast;

    use super::super::ages;
    use super::super::record::{Input, Record};
    use super::*;
    use crate::columnar::dictionary_type;

    /// What the rule gives row by row.
    fn by_row(record: &Record<'_>, rows: usize, value: impl Fn(&Record<'_>, usize) -> Option<i64>) -> Int32Array {
        (0..rows).map(|row| value(record, row).and_then(|value| i32::try_from(value).ok())).collect()
    }

    proptest::proptest! {
        #[test]
        fn ages_are_those_of_each_row(
            rows in proptest::collection::vec(
                (proptest::option::of("[0-9]|| 4|44|é"), proptest::option::of(-3_i32..1_300)), 0..40),
            most in proptest::bool::ANY,
        ) {
            let text: ArrayRef = Arc::new(rows.iter().map(|(unit, _)| unit.clone()).collect::<StringArray>());
            let value = |value: i32| if most { i32::MAX - value.max(0) } else { value };
            let values: ArrayRef = Arc::new(rows.iter().map(|(_, of)| of.map(value)).collect::<Int32Array>());
            for unit in [text.clone(), cast(&text, &dictionary_type()).unwrap()] {
                let inputs = [Input::Array(unit), Input::Array(values.clone())];
                let record = Record::of(&inputs).unwrap();
                let expected = by_row(&record, rows.len(), |record, row| ages::of_sih(record.text(0, row), record.number(1, row)));
                assert_eq!(years_of_sih(record.cells(0), record.cells(1)), Some(expected));
            }
        }

        #[test]
        fn days_are_those_of_each_row(
            rows in proptest::collection::vec((proptest::option::of(-9_i32..9), proptest::option::of(-9_i32..9)), 0..40),
            scale in proptest::sample::select(vec![1_i32, 200_000_000]),
        ) {
            let days = |of: Vec<Option<i32>>| -> ArrayRef {
                Arc::new(of.into_iter().map(|day| day.map(|day| day * scale)).collect::<Date32Array>())
            };
            let (from, to) = rows.iter().copied().unzip();
            let inputs = [Input::Array(days(from)), Input::Array(days(to))];
            let record = Record::of(&inputs).unwrap();
            let expected = by_row(&record, rows.len(), |record, row| ages::days_between(record, 0, 1, row));
            assert_eq!(days_between(record.cells(0), record.cells(1)), Some(expected));
        }
    }
}
