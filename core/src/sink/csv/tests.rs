use std::sync::Arc;

use ::arrow::array::*;
use ::arrow::datatypes::*;
use proptest::prelude::*;

use super::*;
use crate::base::{Code, Origin};
use crate::recovery::SinkState;
use crate::sink::{AllLimits, Destination, OutputRoot, ResultInfo, Sink, Target, TargetEnv};

/// Files that have their name.
fn visible(folder: &std::path::Path) -> usize {
    let names = std::fs::read_dir(folder.join("out")).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| !name.to_string_lossy().starts_with('.')).count()
}

fn chunk(batch: RecordBatch) -> Chunk {
    Chunk { unit: UnitId(0), batch, origin: Origin::default() }
}

fn opened(options: Csv, root: &OutputRoot, state: &std::path::Path) -> Result<Box<dyn Sink>> {
    let env = TargetEnv { root, credentials: Default::default() };
    let info = ResultInfo { file_stem: "cdc3e2".into(), ..Default::default() };
    options.open(&env, &info, SinkState::of_test(state, 0))
}

fn written(options: Csv, batch: &RecordBatch) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let root = OutputRoot::open(&folder.path().join("out")).unwrap();
    let mut sink = opened(options, &root, folder.path()).unwrap();
    sink.start(&batch.schema(), &Ctx::default()).unwrap();
    sink.write(&chunk(batch.clone())).unwrap();
    sink.seal().unwrap();
    let stored = sink.finish().unwrap();
    std::fs::read(folder.path().join("out").join(stored.location)).unwrap()
}

fn one(name: &str, column: ArrayRef) -> String {
    let batch = RecordBatch::try_from_iter([(name, column)]).unwrap();
    let bytes = written(Csv { header: false, line_ending: LineEnding::Lf, ..Csv::default() }, &batch);
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_brazilian_spreadsheet_gets_semicolons_commas_and_a_byte_order_mark() {
    let money = Decimal128Array::from(vec![Some(-5), None, Some(123_456)]).with_precision_and_scale(14, 2).unwrap();
    let text = StringArray::from(vec![Some("a;b"), Some(""), None]);
    let batch = RecordBatch::try_from_iter([("t", Arc::new(text) as ArrayRef), ("valor", Arc::new(money) as ArrayRef)])
        .unwrap();
    let options: Destination =
        serde_json::from_str(r#"{"csv": {"delimiter": ";", "decimal_comma": true, "bom": true, "zstd": 3}}"#).unwrap();
    let Destination::Csv(options) = options else { panic!() };
    let text = zstd::decode_all(&written(options, &batch)[..]).unwrap();
    assert_eq!(String::from_utf8(text).unwrap(), "\u{feff}t;valor\r\n\"a;b\";-0,05\r\n\"\";\r\n;1234,56\r\n");
}

#[test]
fn each_type_has_its_text() {
    let zoned = TimestampMicrosecondArray::from(vec![1_500_000, -1]).with_timezone("UTC");
    assert_eq!(one("t", Arc::new(zoned)), "1970-01-01T00:00:01.500000Z\n1969-12-31T23:59:59.999999Z\n");
    assert_eq!(one("t", Arc::new(TimestampSecondArray::from(vec![951_782_400]))), "2000-02-29T00:00:00\n");
    assert_eq!(one("d", Arc::new(Date32Array::from(vec![0, -1, -719_529]))), "1970-01-01\n1969-12-31\n-000001-12-31\n");
    assert_eq!(one("d", Arc::new(Date64Array::from(vec![86_400_000]))), "1970-01-02\n");
    assert_eq!(one("h", Arc::new(Time32SecondArray::from(vec![3_661]))), "01:01:01\n");
    assert_eq!(one("b", Arc::new(BooleanArray::from(vec![true, false]))), "true\nfalse\n");
    assert_eq!(one("i", Arc::new(Int64Array::from(vec![i64::MIN, 0, 99, 100]))), "-9223372036854775808\n0\n99\n100\n");
    assert_eq!(one("u", Arc::new(UInt64Array::from(vec![u64::MAX]))), "18446744073709551615\n");
    assert_eq!(one("f", Arc::new(Float64Array::from(vec![0.1, 1e300]))), "0.1\n1e300\n");
    assert_eq!(one("x", Arc::new(BinaryArray::from(vec![&[1u8, 255][..], &[]]))), "01ff\n\"\"\n");
    let codes: DictionaryArray<Int32Type> = vec![Some("a"), None, Some("b,c")].into_iter().collect();
    assert_eq!(one("k", Arc::new(codes)), "a\n\"\"\n\"b,c\"\n");
    let big = Decimal256Array::from(vec![i256::from_i128(-1_001)]).with_precision_and_scale(76, 3).unwrap();
    assert_eq!(one("m", Arc::new(big)), "-1.001\n");
    assert_eq!(one("n", Arc::new(NullArray::new(2))), "\"\"\n\"\"\n");
}

#[test]
fn what_a_csv_cannot_hold_is_refused_before_the_first_byte() {
    let folder = tempfile::tempdir().unwrap();
    let root = OutputRoot::open(&folder.path().join("out")).unwrap();
    let list = Field::new("l", DataType::new_list(DataType::Int32, true), true);
    let mut sink = opened(Csv::default(), &root, folder.path()).unwrap();
    let error = sink.start(&Arc::new(Schema::new(vec![list])), &Ctx::default()).unwrap_err();
    assert_eq!(error.code(), Code::InvalidParams);
    assert!(error.detail().contains("Parquet"));
    assert_eq!(visible(folder.path()), 0);
    let comma = Csv { decimal_comma: true, ..Csv::default() };
    assert_eq!(opened(comma, &root, folder.path()).err().unwrap().code(), Code::InvalidParams);
    assert!(serde_json::from_str::<Destination>(r#"{"csv": {"separator": ";"}}"#).is_err());
}

#[test]
fn the_row_past_the_limit_fails_the_sink_and_no_file_stays() {
    let csv: [Arc<dyn Target>; 1] = [Arc::new(Csv::default())];
    assert!(AllLimits(&csv).refuse_rows(MOST_ROWS).is_ok());
    assert_eq!(AllLimits(&csv).refuse_rows(MOST_ROWS + 1).unwrap_err().code(), Code::TooManyRows);
    let folder = tempfile::tempdir().unwrap();
    let root = OutputRoot::open(&folder.path().join("out")).unwrap();
    let column: ArrayRef = Arc::new(Int32Array::from(vec![7; 1_000_000]));
    let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
    let mut sink = opened(Csv::default(), &root, folder.path()).unwrap();
    sink.start(&batch.schema(), &Ctx::default()).unwrap();
    for _ in 0..10 {
        sink.write(&chunk(batch.clone())).unwrap();
    }
    let error = sink.write(&chunk(batch.slice(0, 1))).unwrap_err();
    assert_eq!((error.code(), error.context().row), (Code::TooManyRows, Some(MOST_ROWS)));
    assert_eq!(visible(folder.path()), 0);
    assert!(sink.seal().is_err());
}

#[test]
fn a_full_disk_is_named_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let mount = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "none"])
        .arg(folder.path())
        .stderr(std::process::Stdio::null())
        .status();
    if !mount.is_ok_and(|status| status.success()) {
        crate::base::skip::on_this_machine("no right to mount a tmpfs: a full disk");
        return;
    }
    let outcome = std::panic::catch_unwind(|| {
        let root = OutputRoot::open(&folder.path().join("out")).unwrap();
        let text: ArrayRef = Arc::new(StringArray::from_iter_values(
            (0..200_000u64).map(|i| format!("{:x}{i}", i.wrapping_mul(0x9E37_79B9_7F4A_7C15))),
        ));
        let batch = RecordBatch::try_from_iter([("t", text)]).unwrap();
        for spec in [r#"{"csv": {}}"#, r#"{"csv": {"zstd": 1}}"#, r#"{"parquet": {}}"#] {
            let state = tempfile::tempdir().unwrap();
            let target = serde_json::from_str::<Destination>(spec).unwrap().target();
            let env = TargetEnv { root: &root, credentials: Default::default() };
            let info = ResultInfo { file_stem: "full".into(), ..Default::default() };
            let mut sink = target.open(&env, &info, SinkState::of_test(state.path(), 0)).unwrap();
            sink.start(&batch.schema(), &Ctx::default()).unwrap();
            let error = match sink.write(&chunk(batch.clone())) {
                Ok(()) => sink.seal().unwrap_err(),
                Err(error) => {
                    drop(sink);
                    error
                }
            };
            assert_eq!(error.code(), Code::DiskFull, "{spec}: {error}");
            assert!(error.context().file.as_ref().unwrap().contains("full."));
            assert_eq!(visible(folder.path()), 0, "{spec}");
            for left in SinkState::leftovers(state.path()).unwrap() {
                std::fs::remove_file(left).unwrap();
            }
        }
    });
    let _ = std::process::Command::new("umount").arg(folder.path()).status();
    outcome.unwrap();
}

fn by_hand(value: i128, scale: usize) -> String {
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{}{whole}{}{fraction}", if value < 0 { "-" } else { "" }, if scale > 0 { "." } else { "" })
}

proptest! {
    #[test]
    fn every_value_reads_back(
        rows in proptest::collection::vec(
            (proptest::option::of("[a-z\"',;|\\t\\r\\n çã\u{1F600}=]{0,6}"), any::<i64>(), -(10i128.pow(30))..10i128.pow(30), any::<f64>()),
            1..40,
        ),
        scale in 0usize..8,
        delimiter in 0usize..4,
        crlf in any::<bool>(),
    ) {
        let delimiter = Delimiter::ALL[delimiter];
        let texts: ArrayRef = Arc::new(StringArray::from_iter(rows.iter().map(|r| r.0.as_deref())));
        let ints: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.1)));
        let money = Decimal128Array::from_iter_values(rows.iter().map(|r| r.2));
        let money: ArrayRef = Arc::new(money.with_precision_and_scale(38, scale as i8).unwrap());
        let floats: ArrayRef = Arc::new(Float64Array::from_iter_values(rows.iter().map(|r| r.3)));
        let batch = RecordBatch::try_from_iter([("t", texts), ("i", ints), ("m", money), ("f", floats)]).unwrap();
        let line_ending = if crlf { LineEnding::CrLf } else { LineEnding::Lf };
        let bytes = written(Csv { delimiter, line_ending, ..Csv::default() }, &batch);
        let mut reader = ::csv::ReaderBuilder::new().delimiter(delimiter.byte()).from_reader(&bytes[..]);
        let back: Vec<::csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(back.len(), rows.len());
        for (record, row) in back.iter().zip(&rows) {
            prop_assert_eq!(&record[0], row.0.as_deref().unwrap_or(""));
            prop_assert_eq!(record[1].parse::<i64>().unwrap(), row.1);
            prop_assert_eq!(&record[2], by_hand(row.2, scale));
            prop_assert!(record[3].parse::<f64>().unwrap().to_bits() == row.3.to_bits() || row.3.is_nan());
            if row.0.is_none() {
                let start = record.position().unwrap().byte() as usize;
                // The reader's position may stand on the line feed before the record.
                let at = start + bytes[start..].iter().take_while(|b| **b == b'\n' || **b == b'\r').count();
                prop_assert_eq!(bytes[at], delimiter.byte());
            }
        }
    }
}
