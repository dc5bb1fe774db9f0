//! Every Arrow type, at its edges and at random, through the encoder and `psql \copy`, read back by psql alone.

use std::io::Write;
use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::NullBuffer;
use arrow::datatypes::{IntervalDayTime, IntervalMonthDayNano};
use datasus::sink::postgres::copy::{Encoder, HEADER, TRAILER, Target, sql_type};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::server::shared;

/// What one row is made from; `nulls` has a bit for each column.
#[derive(Debug, Clone)]
struct Seed {
    whole: i128,
    float: f64,
    text: String,
    nulls: u64,
}

fn seed() -> impl Strategy<Value = Seed> {
    let power = (0u32..38, -1i128..=1, any::<bool>()).prop_map(|(exponent, near, negative)| {
        let value = 10i128.pow(exponent) + near;
        if negative { -value } else { value }
    });
    let whole = prop_oneof![
        3 => any::<i128>(),
        3 => any::<i64>().prop_map(i128::from),
        3 => power,
        1 => prop::sample::select(vec![0, 1, -1, i128::MAX, i128::MIN, 9_999, 10_000, 99_999_999, 100_000_000]),
    ];
    let float = prop_oneof![
        any::<f64>(),
        prop::sample::select(vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE, 5e-324, f64::MAX])
    ];
    let text = prop_oneof![
        "[^\0]{0,40}",
        prop::sample::select(vec!["", "\\.", "\\N", "\"", "a,b\r\n", "ção 日本 🩺", " x "]).prop_map(str::to_owned)
    ];
    (whole, float, text, prop_oneof![Just(0u64), any::<u64>()]).prop_map(|(whole, float, text, nulls)| Seed {
        whole,
        float,
        text,
        nulls,
    })
}

/// A column, how psql shall show it, and the texts that it must show.
struct Case {
    array: ArrayRef,
    show: &'static str,
    expected: Vec<Option<String>>,
}

fn rem(value: i128, limit: i128) -> i128 {
    value % limit
}

fn decimal(value: i128, scale: usize) -> String {
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if value < 0 { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

macro_rules! ints {
    ($rows:expr, $array:ty, $int:ty) => {{
        let values: Vec<$int> = $rows.iter().map(|r| r.whole as $int).collect();
        (
            Arc::new(<$array>::from(values.clone())) as ArrayRef,
            "%",
            values.iter().map(<$int>::to_string).collect::<Vec<_>>(),
        )
    }};
}

/// Every type that the sink takes, out of the same rows.
fn cases(rows: &[Seed]) -> Vec<Case> {
    // Micro- to nanoseconds that PostgreSQL has: 4713 BC to 294276 AD.
    let micros: Vec<i64> = rows.iter().map(|r| rem(r.whole, 200_000_000_000_000_000) as i64).collect();
    let days: Vec<i32> = rows.iter().map(|r| rem(r.whole, 2_400_000) as i32).collect();
    let of_day: Vec<i64> = rows.iter().map(|r| r.whole.rem_euclid(86_400_000_000) as i64).collect();
    let since = |list: Vec<i128>| list.iter().map(i128::to_string).collect::<Vec<_>>();
    let decimals = |precision: u8, scale: i8| {
        let limit = 10i128.checked_pow(u32::from(precision)).unwrap();
        let values: Vec<i128> = rows.iter().map(|r| rem(r.whole, limit)).collect();
        let array = Decimal128Array::from(values.clone()).with_precision_and_scale(precision, scale).unwrap();
        (Arc::new(array) as ArrayRef, "%", values.iter().map(|v| decimal(*v, scale as usize)).collect::<Vec<_>>())
    };
    let huge: Vec<i128> = rows.iter().map(|r| r.whole).collect();
    let texts: Vec<String> = rows.iter().map(|r| r.text.clone()).collect();
    // As bytes: psql leaves out characters that Unicode reserves.
    let text = "encode(convert_to(%, 'UTF8'), 'hex')";
    let texts_hex: Vec<String> = texts.iter().map(hex::encode).collect();
    let bytes: Vec<Vec<u8>> = rows.iter().map(|r| r.whole.to_le_bytes()[..(r.whole & 15) as usize].to_vec()).collect();
    let slices: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
    let hex: Vec<String> = bytes.iter().map(hex::encode).collect();
    let f32s: Vec<f32> = rows.iter().map(|r| r.float as f32).collect();
    let floats: Vec<f64> = rows.iter().map(|r| r.float).collect();
    let bits32 = |v: &f32| if v.is_nan() { "NaN".into() } else { format!("{:08x}", v.to_bits()) };
    let bits64 = |v: &f64| if v.is_nan() { "NaN".into() } else { format!("{:016x}", v.to_bits()) };
    let epoch = "extract(epoch FROM %) * 1000000";
    let parts = "(extract(year FROM %) * 12 + extract(month FROM %))::int || ' ' || extract(day FROM %)::int || ' ' || \
                 (extract(hour FROM %) * 3600000000 + extract(minute FROM %) * 60000000 + extract(microseconds FROM %))::bigint";
    let intervals: Vec<(i32, i32, i64)> = rows
        .iter()
        .zip(&micros)
        .map(|(r, m)| (rem(r.whole, 100_000) as i32, rem(r.whole, 1_000_000) as i32, m / 1_000))
        .collect();
    let all: Vec<(ArrayRef, &'static str, Vec<String>)> = vec![
        (
            Arc::new(BooleanArray::from_iter(rows.iter().map(|r| Some(r.whole & 1 == 1)))),
            "%::text",
            rows.iter().map(|r| (r.whole & 1 == 1).to_string()).collect(),
        ),
        ints!(rows, Int8Array, i8),
        ints!(rows, Int16Array, i16),
        ints!(rows, Int32Array, i32),
        ints!(rows, Int64Array, i64),
        ints!(rows, UInt8Array, u8),
        ints!(rows, UInt16Array, u16),
        ints!(rows, UInt32Array, u32),
        ints!(rows, UInt64Array, u64),
        decimals(4, 1),
        decimals(14, 2),
        decimals(18, 18),
        decimals(20, 3),
        decimals(38, 10),
        decimals(38, 38),
        // DuckDB's HUGEINT comes so, with its 39 digits.
        (
            Arc::new(Decimal128Array::from(huge.clone()).with_data_type(arrow::datatypes::DataType::Decimal128(38, 0))),
            "%",
            since(huge),
        ),
        (
            Arc::new(Float32Array::from(f32s.clone())),
            "CASE WHEN % = 'NaN' THEN 'NaN' ELSE encode(float4send(%), 'hex') END",
            f32s.iter().map(bits32).collect(),
        ),
        (
            Arc::new(Float64Array::from(floats.clone())),
            "CASE WHEN % = 'NaN' THEN 'NaN' ELSE encode(float8send(%), 'hex') END",
            floats.iter().map(bits64).collect(),
        ),
        (Arc::new(StringArray::from_iter_values(&texts)), text, texts_hex.clone()),
        (Arc::new(LargeStringArray::from_iter_values(&texts)), text, texts_hex.clone()),
        (Arc::new(StringViewArray::from_iter_values(&texts)), text, texts_hex.clone()),
        (
            Arc::new(texts.iter().map(|t| Some(t.as_str())).collect::<DictionaryArray<arrow::datatypes::Int32Type>>()),
            text,
            texts_hex.clone(),
        ),
        (Arc::new(BinaryArray::from(slices.clone())), "encode(%, 'hex')", hex.clone()),
        (Arc::new(LargeBinaryArray::from(slices.clone())), "encode(%, 'hex')", hex.clone()),
        (Arc::new(BinaryViewArray::from(slices)), "encode(%, 'hex')", hex),
        (
            Arc::new(FixedSizeBinaryArray::try_from_iter(rows.iter().map(|r| r.whole.to_be_bytes())).unwrap()),
            "encode(%, 'hex')",
            rows.iter().map(|r| hex::encode(r.whole.to_be_bytes())).collect(),
        ),
        (Arc::new(Date32Array::from(days.clone())), "% - date '1970-01-01'", days.iter().map(i32::to_string).collect()),
        (
            Arc::new(Time32SecondArray::from(of_day.iter().map(|m| (m / 1_000_000) as i32).collect::<Vec<_>>())),
            epoch,
            since(of_day.iter().map(|m| i128::from(m / 1_000_000) * 1_000_000).collect()),
        ),
        (
            Arc::new(Time32MillisecondArray::from(of_day.iter().map(|m| (m / 1_000) as i32).collect::<Vec<_>>())),
            epoch,
            since(of_day.iter().map(|m| i128::from(m / 1_000) * 1_000).collect()),
        ),
        (
            Arc::new(Time64MicrosecondArray::from(of_day.clone())),
            epoch,
            since(of_day.iter().map(|m| i128::from(*m)).collect()),
        ),
        (
            Arc::new(Time64NanosecondArray::from(of_day.iter().map(|m| m * 1_000).collect::<Vec<_>>())),
            epoch,
            since(of_day.iter().map(|m| i128::from(*m)).collect()),
        ),
        (
            Arc::new(TimestampSecondArray::from(micros.iter().map(|m| m / 1_000_000).collect::<Vec<_>>())),
            epoch,
            since(micros.iter().map(|m| i128::from(m / 1_000_000) * 1_000_000).collect()),
        ),
        (
            Arc::new(TimestampMillisecondArray::from(micros.iter().map(|m| m / 1_000).collect::<Vec<_>>())),
            epoch,
            since(micros.iter().map(|m| i128::from(m / 1_000) * 1_000).collect()),
        ),
        (
            Arc::new(TimestampMicrosecondArray::from(micros.clone())),
            epoch,
            since(micros.iter().map(|m| i128::from(*m)).collect()),
        ),
        (
            Arc::new(TimestampMicrosecondArray::from(micros.clone()).with_timezone("America/Sao_Paulo")),
            epoch,
            since(micros.iter().map(|m| i128::from(*m)).collect()),
        ),
        (
            Arc::new(
                TimestampNanosecondArray::from(micros.iter().map(|m| m / 1_000_000 * 1_000).collect::<Vec<_>>())
                    .with_timezone("UTC"),
            ),
            epoch,
            since(micros.iter().map(|m| i128::from(m / 1_000_000)).collect()),
        ),
        (
            Arc::new(IntervalMonthDayNanoArray::from_iter_values(
                intervals.iter().map(|(m, d, us)| IntervalMonthDayNano::new(*m, *d, us * 1_000)),
            )),
            parts,
            intervals.iter().map(|(m, d, us)| format!("{m} {d} {us}")).collect(),
        ),
        (
            Arc::new(IntervalYearMonthArray::from_iter_values(intervals.iter().map(|(m, ..)| *m))),
            parts,
            intervals.iter().map(|(m, ..)| format!("{m} 0 0")).collect(),
        ),
        (
            Arc::new(IntervalDayTimeArray::from_iter_values(
                intervals.iter().map(|(_, d, us)| IntervalDayTime::new(*d, *us as i32)),
            )),
            parts,
            intervals.iter().map(|(_, d, us)| format!("0 {d} {}", i64::from(*us as i32) * 1_000)).collect(),
        ),
        (Arc::new(NullArray::new(rows.len())), "%", vec![String::new(); rows.len()]),
    ];
    let all = all.into_iter().enumerate();
    all.map(|(column, (array, show, expected))| {
        let valid: Vec<bool> = rows.iter().map(|r| r.nulls >> (column % 64) & 1 == 0).collect();
        let only_null = array.data_type() == &arrow::datatypes::DataType::Null;
        let expected =
            expected.into_iter().zip(&valid).map(|(text, valid)| (*valid && !only_null).then_some(text)).collect();
        let array = match only_null {
            true => array,
            false => {
                let both = NullBuffer::union(array.logical_nulls().as_ref(), Some(&NullBuffer::from(valid)));
                make_array(array.to_data().into_builder().nulls(both).build().unwrap())
            }
        };
        Case { array, show, expected }
    })
    .collect()
}

fn copy_and_read_back(rows: &[Seed]) -> Result<(), TestCaseError> {
    let cases = cases(rows);
    let named = cases.iter().enumerate().map(|(n, case)| (format!("c{n}"), case.array.clone(), true));
    let id: ArrayRef = Arc::new(Int32Array::from_iter_values(0..rows.len() as i32));
    let batch =
        RecordBatch::try_from_iter_with_nullable(std::iter::once(("id".to_owned(), id, false)).chain(named)).unwrap();
    let types: Vec<(String, Target)> =
        batch.schema().fields().iter().map(|f| sql_type(f.data_type()).unwrap()).collect();
    let targets: Vec<Target> = types.iter().map(|(_, target)| *target).collect();
    let mut encoder = Encoder::new(&batch.schema(), &targets).unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut bytes = HEADER.to_vec();
    // In two pieces, the second not at a block's bound.
    let middle = rows.len() / 3;
    encoder.encode(&batch, 0..middle, &mut bytes).unwrap();
    encoder.encode(&batch, middle..rows.len(), &mut bytes).unwrap();
    bytes.extend(TRAILER);
    file.write_all(&bytes).unwrap();
    let columns: Vec<String> =
        batch.schema().fields().iter().zip(&types).map(|(f, (sql, _))| format!("{} {sql}", f.name())).collect();
    let shown: Vec<String> =
        cases.iter().enumerate().map(|(n, case)| case.show.replace('%', &format!("c{n}"))).collect();
    let found = shared().psql_all(&[
        &format!("CREATE TEMP TABLE t ({})", columns.join(", ")),
        &format!("\\copy t FROM '{}' WITH (FORMAT binary)", file.path().display()),
        "SET timezone = 'Asia/Tokyo'",
        &format!("SELECT id, {} FROM t ORDER BY id", shown.join(", ")),
    ]);
    prop_assert_eq!(found.len(), rows.len());
    for (row, found) in found.iter().enumerate() {
        for (column, case) in cases.iter().enumerate() {
            let value = Some(found[column + 1].clone()).filter(|text| text != "<NULL>");
            let same = match (&value, &case.expected[row]) {
                // Numbers of one value: psql shows those of `extract` with decimals.
                (Some(a), Some(b)) if case.show.contains("epoch") => a.strip_suffix(".000000").unwrap_or(a) == b,
                (a, b) => a == b,
            };
            prop_assert!(same, "row {row}, {}: {value:?}, expected {:?}", case.array.data_type(), case.expected[row]);
        }
    }
    Ok(())
}

#[test]
fn every_value_of_every_type_reads_back_through_psql() {
    let mut runner =
        TestRunner::new(Config { cases: 40, failure_persistence: None, max_shrink_iters: 200, ..Config::default() });
    runner.run(&prop::collection::vec(seed(), 1..60), |rows| copy_and_read_back(&rows)).unwrap();
    // More than a block.
    runner
        .run(&prop::collection::vec(seed(), 1_100..1_101), |rows| copy_and_read_back(&rows[..]))
        .map_err(|error| error.to_string().chars().take(2_000).collect::<String>())
        .unwrap();
}
