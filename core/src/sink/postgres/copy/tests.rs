//! Bytes worked out by hand, refusals, and slices. That PostgreSQL reads every value back is shown in
//! `core/tests/postgres/values.rs`.

use std::sync::Arc;

use ::arrow::array::*;
use ::arrow::datatypes::{DataType, Field, Int32Type, Schema, TimeUnit};

use super::target::*;
use super::*;

fn encode_to(array: ArrayRef, target: Target) -> Result<Vec<u8>, Unfit> {
    let batch = RecordBatch::try_from_iter_with_nullable([("x", array, true)]).unwrap();
    let mut encoder = Encoder::new(&batch.schema(), &[target]).expect("types that go together");
    let mut out = Vec::new();
    encoder.encode(&batch, 0..batch.num_rows(), &mut out)?;
    Ok(out)
}

/// The fields of one-column tuples, NULL as none.
fn fields(bytes: &[u8]) -> Vec<Option<Vec<u8>>> {
    let mut fields = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        assert_eq!(&rest[..2], [0, 1]);
        let length = i32::from_be_bytes(rest[2..6].try_into().unwrap());
        let end = 6 + usize::try_from(length).unwrap_or(0);
        fields.push((length >= 0).then(|| rest[6..end].to_vec()));
        rest = &rest[end..];
    }
    fields
}

fn encode(array: ArrayRef) -> Vec<Option<Vec<u8>>> {
    let (_, target) = sql_type(array.data_type()).unwrap();
    fields(&encode_to(array, target).unwrap())
}

/// ndigits, weight, sign, dscale, digits.
fn numeric(ndigits: u16, weight: i16, sign: u16, dscale: u16, digits: &[u16]) -> Option<Vec<u8>> {
    let head = [ndigits, weight as u16, sign, dscale];
    Some(head.iter().chain(digits).flat_map(|word| word.to_be_bytes()).collect())
}

#[test]
fn decimals_are_groups_of_four_digits_around_the_point() {
    let money =
        Decimal128Array::from(vec![Some(1_234_567), Some(-1), Some(0), None, Some(1_000_000), Some(99_999_900)]);
    let money = Arc::new(money.with_precision_and_scale(14, 2).unwrap()) as ArrayRef;
    assert_eq!(
        encode(money),
        [
            numeric(3, 1, 0, 2, &[1, 2345, 6700]),
            numeric(1, -1, 0x4000, 2, &[100]),
            numeric(0, 0, 0, 2, &[]),
            None,
            numeric(1, 1, 0, 2, &[1]),
            numeric(2, 1, 0, 2, &[99, 9999]),
        ]
    );
    let long = Decimal128Array::from(vec![10i128.pow(37), i128::MAX, i128::MIN]);
    let wire = encode(Arc::new(long.with_precision_and_scale(38, 0).unwrap()));
    assert_eq!(wire[0], numeric(1, 9, 0, 0, &[10]));
    let max = [170, 1411, 8346, 469, 2317, 3168, 7303, 7158, 8410, 5727];
    assert_eq!(wire[1], numeric(10, 9, 0, 0, &max));
    assert_eq!(wire[2], numeric(10, 9, 0x4000, 0, &[&max[..9], &[5728]].concat()));
    let small = Decimal128Array::from(vec![1, 123_456_789]).with_precision_and_scale(38, 9).unwrap();
    assert_eq!(encode(Arc::new(small)), [numeric(1, -3, 0, 9, &[1000]), numeric(3, -1, 0, 9, &[1234, 5678, 9000])]);
    let tiny = Decimal128Array::from(vec![1]).with_precision_and_scale(38, 38).unwrap();
    assert_eq!(encode(Arc::new(tiny)), [numeric(1, -10, 0, 38, &[100])]);
}

#[test]
fn dates_and_times_count_from_the_year_2000() {
    assert_eq!(
        encode(Arc::new(Date32Array::from(vec![Some(10_957), None, Some(0)]))),
        [Some(vec![0, 0, 0, 0]), None, Some((-10_957i32).to_be_bytes().to_vec())]
    );
    let at = TimestampMicrosecondArray::from(vec![946_684_800_000_001]).with_timezone("UTC");
    assert_eq!(encode(Arc::new(at)), [Some(1i64.to_be_bytes().to_vec())]);
    let fine = TimestampNanosecondArray::from(vec![1_000, 1]);
    let unfit = encode_to(Arc::new(fine), Target::plain(TIMESTAMP)).unwrap_err();
    assert_eq!((unfit.row, unfit.column), (1, 0));
    let far = Arc::new(Date32Array::from(vec![i32::MAX]));
    assert_eq!(encode_to(far, Target::plain(DATE)).unwrap_err().row, 0);
}

#[test]
fn a_slice_goes_over_as_its_own_rows() {
    let text: ArrayRef = Arc::new(StringArray::from_iter((0..2_000).map(|i| (i % 7 != 0).then(|| "ã".repeat(i % 5)))));
    let all = encode(text.clone());
    assert_eq!(encode(text.slice(700, 900)), all[700..1_600]);
    let dictionary: DictionaryArray<Int32Type> = (0..2_000).map(|i| ["1", "3"][i % 2]).collect();
    let dictionary: ArrayRef = Arc::new(dictionary);
    assert_eq!(encode(dictionary.slice(1, 1_500))[..2], [Some(b"3".to_vec()), Some(b"1".to_vec())]);
    let views: ArrayRef = Arc::new(StringViewArray::from_iter((0..700).map(|i| (i > 0).then(|| "x".repeat(i)))));
    let encoded = encode(views);
    assert_eq!((encoded[0].clone(), encoded[699].clone()), (None, Some(vec![b'x'; 699])));
}

#[test]
fn what_the_target_would_change_is_refused() {
    let varchar3 = Target { oid: VARCHAR, typmod: 7 };
    let numeric_5_1 = Target { oid: NUMERIC, typmod: (5 << 16 | 1) + 4 };
    let money = |cents: Vec<i128>| -> ArrayRef {
        Arc::new(Decimal128Array::from(cents).with_precision_and_scale(14, 2).unwrap())
    };
    let refused: Vec<(ArrayRef, Target)> = vec![
        (Arc::new(StringArray::from(vec!["a", "a\0b"])), Target::plain(TEXT)),
        (Arc::new(StringArray::from(vec!["abc", "ação"])), varchar3),
        (Arc::new(Int32Array::from(vec![32_767, 32_768])), Target::plain(INT2)),
        (Arc::new(Int64Array::from(vec![1, i64::MAX])), Target::plain(INT4)),
        (Arc::new(UInt64Array::from(vec![1, u64::MAX])), Target::plain(INT8)),
        (money(vec![100, 101]), numeric_5_1),
        (money(vec![999_990, 1_000_000]), numeric_5_1),
    ];
    for (array, target) in refused {
        let kind = array.data_type().clone();
        assert_eq!(encode_to(array, target).map_err(|unfit| unfit.row), Err(1), "{kind} to {target:?}");
    }
    for (from, oid) in [
        (DataType::Float64, FLOAT4),
        (DataType::Float64, NUMERIC),
        (DataType::Utf8, INT4),
        (DataType::Int32, TEXT),
        (DataType::Decimal128(14, 2), INT8),
        (DataType::Timestamp(TimeUnit::Microsecond, None), TIMESTAMPTZ),
        (DataType::Boolean, INT2),
    ] {
        let schema = Schema::new(vec![Field::new("x", from.clone(), true)]);
        assert!(Encoder::new(&schema, &[Target::plain(oid)]).is_err(), "{from} to {oid}");
    }
    let list = DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
    assert_eq!(sql_type(&list), None);
}
