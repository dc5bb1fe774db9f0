use std::io::Read;
use std::sync::Arc;

use ::arrow::array::*;
use ::arrow::datatypes::{DataType, Field, Int32Type, Schema, UnionFields, UnionMode};
use ::arrow::ipc::reader::StreamReader;

use super::*;
use crate::base::Code;

fn batch() -> RecordBatch {
    let money = Decimal128Array::from(vec![Some(123_450), None, Some(-5)]).with_precision_and_scale(38, 2).unwrap();
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None, Some(vec![])]);
    let when = TimestampMicrosecondArray::from(vec![Some(1_704_067_200_000_000), None, Some(1)]);
    let columns: [(&str, ArrayRef); 8] = [
        ("CNES", Arc::new(StringArray::from(vec![Some("0012345"), None, Some("a\"\n;ç")]))),
        ("VAL_TOT", Arc::new(money)),
        ("n", Arc::new(Int64Array::from(vec![Some(i64::MAX), Some(0), None]))),
        ("f", Arc::new(Float64Array::from(vec![f64::NAN, f64::NEG_INFINITY, 0.1]))),
        ("dia", Arc::new(Date32Array::from(vec![Some(19_723), None, Some(-1)]))),
        ("zona", Arc::new(when.clone().with_timezone("UTC"))),
        ("sem", Arc::new(when)),
        ("lista", Arc::new(list)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
}

fn written(format: &str, batch: &RecordBatch) -> Result<Vec<u8>> {
    let mut encoder = Encoder::new(&Format::from_json(format)?, &batch.schema())?;
    let mut out = encoder.begin()?;
    out.extend(encoder.encode(batch)?);
    out.extend(encoder.encode(&batch.slice(1, 1))?);
    out.extend(encoder.end()?);
    Ok(out)
}

#[test]
fn ndjson_keeps_every_digit_and_every_null() {
    let text = String::from_utf8(written(r#""ndjson""#, &batch()).unwrap()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        r#"{"CNES":"0012345","VAL_TOT":1234.50,"n":9223372036854775807,"f":"NaN","dia":"2024-01-01","zona":"2024-01-01T00:00:00Z","sem":"2024-01-01T00:00:00","lista":[1,null]}"#
    );
    assert_eq!(
        lines[1],
        r#"{"CNES":null,"VAL_TOT":null,"n":0,"f":"-Infinity","dia":null,"zona":null,"sem":null,"lista":null}"#
    );
    assert_eq!(lines[3], lines[1]);
    let parsed: serde_json::Value = serde_json::from_str(lines[2]).unwrap();
    assert_eq!(parsed["CNES"], "a\"\n;ç");
    assert_eq!((parsed["f"].as_f64(), &parsed["n"]), (Some(0.1), &serde_json::Value::Null));

    let text = String::from_utf8(written(r#"{"ndjson": {"numbers": "text"}}"#, &batch()).unwrap()).unwrap();
    assert!(
        text.starts_with(r#"{"CNES":"0012345","VAL_TOT":"1234.50","n":"9223372036854775807","f":"NaN","#),
        "{text}"
    );
}

#[test]
fn csv_is_what_a_csv_file_holds() {
    let flat = batch().project(&[0, 1, 2]).unwrap();
    let text =
        String::from_utf8(written(r#"{"csv": {"delimiter": ";", "line_ending": "lf"}}"#, &flat).unwrap()).unwrap();
    assert_eq!(text, "CNES;VAL_TOT;n\n0012345;1234.50;9223372036854775807\n;;0\n\"a\"\"\n;ç\";-0.05;\n;;0\n");
}

#[test]
fn an_arrow_stream_reads_back_as_the_same_batches() {
    let bytes = written(r#""arrow""#, &batch().project(&[0, 1, 4, 7]).unwrap()).unwrap();
    let read: Vec<RecordBatch> = StreamReader::try_new(&bytes[..], None).unwrap().map(|batch| batch.unwrap()).collect();
    assert_eq!(read, [batch().project(&[0, 1, 4, 7]).unwrap(), batch().project(&[0, 1, 4, 7]).unwrap().slice(1, 1)]);
}

#[test]
fn a_packed_stream_is_the_plain_one_and_is_read_as_it_comes() {
    let flat = batch().project(&[0, 1, 2]).unwrap();
    for (plain, packed) in [
        (r#""csv""#, r#"{"csv": {"zstd": 3}}"#),
        (r#""ndjson""#, r#"{"ndjson": {"zstd": 22}}"#),
        (r#""arrow""#, r#"{"arrow": {"zstd": 1}}"#),
    ] {
        let bytes = written(packed, &flat).unwrap();
        // A reader of HTTP takes no larger window.
        let mut reader = zstd::stream::read::Decoder::new(&bytes[..]).unwrap();
        reader.window_log_max(23).unwrap();
        let mut unpacked = Vec::new();
        reader.read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == written(plain, &flat).unwrap(), "{packed}");
        // Without its end it is no whole stream, whatever the format.
        let mut short = Vec::new();
        let cut = zstd::stream::read::Decoder::new(&bytes[..bytes.len() - 3]).unwrap().read_to_end(&mut short);
        assert_eq!(cut.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof, "{packed}");
    }
    let mut encoder = Encoder::new(&Format::from_json(r#"{"csv": {"zstd": 3}}"#).unwrap(), &flat.schema()).unwrap();
    let mut came = encoder.begin().unwrap();
    came.extend(encoder.encode(&flat.slice(0, 1)).unwrap());
    let mut reader = zstd::stream::read::Decoder::new(&came[..]).unwrap();
    let mut text = vec![0; "CNES,VAL_TOT,n\r\n0012345,1234.50,9223372036854775807\r\n".len()];
    reader.read_exact(&mut text).unwrap();
    assert!(text.ends_with(b",1234.50,9223372036854775807\r\n"));
}

#[test]
fn what_a_pipe_cannot_have_is_refused() {
    let code = |format: &str, batch: &RecordBatch| written(format, batch).unwrap_err().code();
    assert_eq!(code(r#""xml""#, &batch()), Code::Malformed);
    assert_eq!(code(r#"{"csv": {"path": "a.csv"}}"#, &batch().project(&[0]).unwrap()), Code::InvalidParams);
    assert_eq!(code(r#"{"csv": {"decimal_comma": true}}"#, &batch().project(&[0]).unwrap()), Code::InvalidParams);
    assert_eq!(code(r#""csv""#, &batch()), Code::InvalidParams);
    assert_eq!(code(r#"{"arrow": {"zstd": 23}}"#, &batch().project(&[0]).unwrap()), Code::InvalidParams);
    assert_eq!(code(r#"{"arrow": {"level": 1}}"#, &batch().project(&[0]).unwrap()), Code::Malformed);
    // All at once, by name.
    let pairs = UnionFields::from_fields(vec![Field::new("a", DataType::Int32, true)]);
    let unions = ["u1", "u2"].map(|name| Field::new(name, DataType::Union(pairs.clone(), UnionMode::Dense), true));
    let refused =
        Encoder::new(&Format::from_json("\"ndjson\"").unwrap(), &Arc::new(Schema::new(unions.to_vec()))).err();
    assert_eq!(refused.map(|error| error.problems().len()), Some(2));
}
