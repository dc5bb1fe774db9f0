//! Files in and out: what a user's own hold, and what is told of those that are damaged, changed or odd.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use datasus::{AggregateFn, Client, Code, Config, Csv, Error, Parquet, QueryParams, col};
use parquet::arrow::ArrowWriter;

use crate::{client, left, write_parquet};

#[test]
fn one_pass_writes_csv_and_parquet_of_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    write_parquet(&folder.path().join("RDSP2401.parquet"), 250_000, 100_000);
    let client = client(folder.path(), Config::default());
    let params = QueryParams::dataset("SIH-RD").filter(col("IDADE").lt(100));
    let report = client.export(&params, (Csv::default(), Parquet::to("sub/a.parquet"))).unwrap();
    let json = report.to_json();
    assert_eq!(json["records_processed"], 100_000);
    assert_eq!(json["storage"]["parquet"], "sub/a.parquet");
    let csv = json["storage"]["csv"].as_str().unwrap();
    assert_eq!(csv.len(), "cdc3e2.csv".len(), "six hex digits of the job's hash: {csv}");
    let out = folder.path().join("out");
    let text = std::fs::read_to_string(out.join(csv)).unwrap();
    assert_eq!(text.lines().count(), 100_001);
    assert!(text.starts_with("N_AIH,VAL_TOT,IDADE\r\n0000000000000,1.00,0\r\n"), "{}", &text[..60]);
    let parquet = File::open(out.join("sub/a.parquet")).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(parquet).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows(), 100_000);
    for key in [
        "contract",
        "status",
        "job_id",
        "trace_id",
        "performance",
        "mode",
        "sampling",
        "dead_letters",
        "attempts",
        "resumed_from",
        "cache",
        "sources",
        "warnings",
    ] {
        assert!(json.get(key).is_some(), "{key}");
    }
    assert!(json["performance"]["memory_peak_gb"].as_f64().unwrap() > 0.0);

    let again = client.export(&params, Parquet::to("sub/a.parquet")).unwrap_err();
    assert_eq!(again.code(), Code::Conflict, "an existing file is not replaced unless asked");
    let outside = client.export(&params, Csv::to("../fora.csv")).unwrap_err();
    assert_eq!(outside.code(), Code::Forbidden);
}

#[test]
fn a_client_of_one_file_aggregates_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("RDSP2401.parquet");
    write_parquet(&file, 1_000, 1_000);
    let client = Client::open_with(&file, Config::default()).unwrap();
    let count = QueryParams::dataset("SIH-RD").aggregate(datasus::AggregateFn::Count, "IDADE", "n");
    for _ in 0..2 {
        assert_eq!(client.query(&count).unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 1);
    }
}

#[test]
fn a_users_parquet_that_changes_while_it_is_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("RDSP2401.parquet");
    write_parquet(&file, 1_000_000, 200_000);
    let client = client(folder.path(), Config { chunk_rows: 10_000, ..Default::default() });
    let mut answer = client.query(&QueryParams::dataset("SIH-RD")).unwrap();
    answer.next().unwrap().unwrap();
    File::options().append(true).open(&file).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let error = answer.collect::<Result<Vec<_>, Error>>().unwrap_err();
    assert_eq!((error.code(), error.retryable()), (Code::Unreachable, true));
}

#[test]
fn more_rows_than_a_csv_takes_are_refused_before_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let column: ArrayRef = Arc::new(Int32Array::from(vec![1; 1_000_000]));
    let batch = RecordBatch::try_from_iter([("IDADE", column)]).unwrap();
    let file = File::create(folder.path().join("RDSP2401.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    for _ in 0..10 {
        writer.write(&batch).unwrap();
    }
    writer.write(&batch.slice(0, 1)).unwrap();
    writer.close().unwrap();
    let client = client(folder.path(), Config::default());
    let error = client.export(&QueryParams::dataset("SIH-RD"), Csv::to("a.csv")).unwrap_err();
    assert_eq!(error.code(), Code::TooManyRows);
    assert!(left(&folder.path().join("out")).is_empty());
}

/// Parquet that other tools wrote: dates as text, money as double, codes as text with blanks.
#[test]
fn a_users_parquet_takes_the_catalogues_types_and_a_value_that_does_not_fit_is_null_and_counted() {
    use arrow::array::{AsArray, Float64Array};
    use arrow::datatypes::{DataType, Date32Type, Decimal128Type};
    let folder = tempfile::tempdir().unwrap();
    let write = |days: &str, number: &str| {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("dt_inter", Arc::new(StringArray::from(vec![Some("20240131"), Some(days), Some(""), None]))),
            ("VAL_TOT", Arc::new(Float64Array::from(vec![Some(10.1), Some(0.3), None, Some(1234567.89)]))),
            ("DIAS_PERM", Arc::new(StringArray::from(vec![Some("  3"), Some(number), Some(" "), None]))),
            ("MINHA", Arc::new(Int32Array::from(vec![1, 2, 3, 4]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let file = File::create(folder.path().join("RDSP2401.parquet")).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    };
    let client = client(folder.path(), Config::default());
    let params = QueryParams::dataset("SIH-RD").columns(["DT_INTER", "VAL_TOT", "DIAS_PERM", "MINHA"]);
    write("2024-02-01", "12");
    let batches = client.query(&params).unwrap().collect_batches().unwrap();
    let batch = &batches[0];
    let days: Vec<_> = batch.column(0).as_primitive::<Date32Type>().iter().collect();
    assert_eq!(days, [Some(19_753), Some(19_754), None, None]);
    let money: Vec<_> = batch.column(1).as_primitive::<Decimal128Type>().iter().collect();
    assert_eq!(money, [Some(1010), Some(30), None, Some(123_456_789)]);
    assert_eq!(batch.column(2).null_count(), 2);
    assert_eq!(*batch.column(3).data_type(), DataType::Int32, "an unknown column keeps its own type");
    write("2024-02-01", "doze");
    let mut answer = client.query(&params).unwrap();
    assert_eq!(answer.by_ref().map(|batch| batch.unwrap().column(2).null_count()).sum::<usize>(), 3);
    let report = answer.report().unwrap();
    let bad = &report.bad_values[0];
    assert_eq!((bad.column.as_str(), bad.count, &bad.samples[..]), ("DIAS_PERM", 1, &["doze".to_owned()][..]));
}

#[test]
fn records_that_are_left_out_are_told() {
    use datasus::source::dbc::{DbcWriter, WriteOptions};
    let folder = tempfile::tempdir().unwrap();
    let file = File::create(folder.path().join("RDSP2401.dbc")).unwrap();
    let mut writer = DbcWriter::create(file, &[("N_AIH", b'C', 13, 0)], WriteOptions::default()).unwrap();
    writer.write(&["1"]).unwrap();
    writer.write_flagged(b'*', &["2"]).unwrap();
    writer.write_flagged(b'?', &["3"]).unwrap();
    writer.finish().unwrap();
    let mut answer = client(folder.path(), Config::default()).query(&QueryParams::dataset("SIH-RD")).unwrap();
    assert_eq!(answer.by_ref().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 1);
    let report = answer.report().unwrap();
    assert_eq!((report.dead_letters, report.warnings.len()), (1, 2), "{:?}", report.warnings);
}

/// A dataset without columns in the catalogue, of one year.
fn write_acbi(path: &Path, fields: &[(&str, u8, u8, u8)], rows: &[&[&str]]) {
    use datasus::source::dbc::{DbcWriter, WriteOptions};
    let mut writer = DbcWriter::create(File::create(path).unwrap(), fields, WriteOptions::default()).unwrap();
    rows.iter().for_each(|row| writer.write(row).unwrap());
    writer.finish().unwrap();
}

#[test]
fn columns_that_the_catalogue_does_not_know_have_the_types_of_all_headers_of_their_dataset() {
    use arrow::datatypes::DataType;
    let folder = tempfile::tempdir().unwrap();
    let first: &[(&str, u8, u8, u8)] = &[
        ("DT_NOTIFIC", b'D', 8, 0),
        ("ID_OCUPA_N", b'N', 6, 0),
        ("QT_DOSE", b'N', 3, 0),
        ("PESO", b'N', 5, 1),
        ("APTO", b'L', 1, 0),
    ];
    let second: &[(&str, u8, u8, u8)] = &[("QT_DOSE", b'N', 3, 0), ("PESO", b'N', 8, 3), ("VALOR", b'C', 4, 0)];
    let rows: &[&[&str]] = &[
        &["20200131", "  7134", "  2", " 70.5", "T"],
        &["20200201", "223505", " 10", "  3.2", "F"],
        &["", "", "", "", "?"],
    ];
    write_acbi(&folder.path().join("ACBIBR20.dbc"), first, rows);
    let types = |client: &Client, year: &str| -> Vec<(String, DataType)> {
        let params = QueryParams::dataset("SINAN-ACBI").competencia(year);
        let answer = client.query(&params).unwrap();
        let schema = answer.schema();
        answer.for_each(|batch| drop(batch.unwrap()));
        schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
    };
    let alone = types(&client(folder.path(), Config::default()), "2020");
    let of = |types: &[(String, DataType)], name: &str| types.iter().find(|(of, _)| of == name).unwrap().1.clone();
    assert_eq!(of(&alone, "DT_NOTIFIC"), DataType::Date32);
    assert_eq!(of(&alone, "ID_OCUPA_N"), DataType::Utf8, "a code by its name");
    assert_eq!(of(&alone, "QT_DOSE"), DataType::Int32);
    assert_eq!(of(&alone, "PESO"), DataType::Decimal128(5, 1));
    assert_eq!(of(&alone, "APTO"), DataType::Utf8);

    // Another year with other widths: both have the types that hold both, whichever is asked.
    write_acbi(&folder.path().join("ACBIBR21.dbc"), second, &[&["  1", "   4.125", "0071"]]);
    let client = client(folder.path(), Config::default());
    assert_eq!(of(&types(&client, "2020"), "PESO"), DataType::Decimal128(8, 3));
    assert_eq!(of(&types(&client, "2021"), "PESO"), DataType::Decimal128(8, 3));

    let one = |params: &QueryParams| -> Vec<String> {
        let batches: Vec<RecordBatch> = client.query(params).unwrap().map(Result::unwrap).collect();
        let shown = |batch: &RecordBatch| -> Vec<String> {
            let row = |column: &ArrayRef| arrow::util::display::array_value_to_string(column, 0).unwrap();
            batch.columns().iter().map(row).collect()
        };
        batches.iter().filter(|batch| batch.num_rows() > 0).flat_map(shown).collect()
    };
    // A column that the chosen year does not have is NULL, of its type, wherever it is named.
    let absent = QueryParams::dataset("SINAN-ACBI").competencia("2021").columns(["DT_NOTIFIC", "QT_DOSE"]);
    let answer = client.query(&absent).unwrap();
    assert_eq!(answer.schema().field(0).data_type(), &DataType::Date32);
    let batches: Vec<RecordBatch> = answer.map(Result::unwrap).collect();
    assert_eq!(batches.iter().map(|batch| batch.column(0).null_count()).sum::<usize>(), 1);
    let grouped = QueryParams::dataset("SINAN-ACBI")
        .competencia("2021")
        .group_by(["DT_NOTIFIC"])
        .aggregate(AggregateFn::Sum, "QT_DOSE", "n")
        .order_by("DT_NOTIFIC", false);
    assert_eq!(one(&grouped), ["", "1"]);
    let sql = QueryParams::sql("SELECT max(DT_NOTIFIC), count(*) FROM sinan_acbi").competencia("2021");
    assert_eq!(one(&sql), ["", "1"]);

    let sums = QueryParams::dataset("SINAN-ACBI")
        .filter(col("QT_DOSE").ge(1))
        .aggregate(AggregateFn::Sum, "PESO", "peso")
        .aggregate(AggregateFn::Max, "DT_NOTIFIC", "ultima");
    assert_eq!(one(&sums), ["77.825", "2020-02-01"]);
    let sql = QueryParams::sql("SELECT sum(PESO), sum(QT_DOSE), min(VALOR), max(APTO) FROM sinan_acbi");
    assert_eq!(one(&sql), ["77.825", "13", "0071", "T"]);
}

#[test]
fn fewer_records_than_declared_are_an_error_or_with_partial_an_answer_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ACBIBR20.dbf");
    let fields: &[(&str, u8, u8, u8)] = &[("QT_DOSE", b'N', 3, 0)];
    use datasus::source::dbc::{DbcWriter, WriteOptions};
    let options = WriteOptions { plain: true, ..Default::default() };
    let mut writer = DbcWriter::create(File::create(&path).unwrap(), fields, options).unwrap();
    for row in 0..5 {
        writer.write_flagged(if row == 4 { 0 } else { b' ' }, &["  1"]).unwrap();
    }
    writer.finish().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4] = 9;
    std::fs::write(&path, bytes).unwrap();
    let client = client(folder.path(), Config::default());
    let whole = QueryParams::dataset("SINAN-ACBI");
    let error = client.query(&whole).err().unwrap();
    assert_eq!(error.code(), Code::DamagedFile);
    let partial = whole.clone().options(datasus::Options { partial: true, ..Default::default() });
    for _ in 0..2 {
        let mut answer = client.query(&partial).unwrap();
        assert_eq!(answer.by_ref().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 5);
        let report = answer.report().unwrap();
        let said =
            |words: &[&str]| report.warnings.iter().any(|warning| words.iter().all(|word| warning.contains(word)));
        assert!(said(&["anuncia 9", "tem 5"]) && said(&["1 registro", "0x00"]), "{:?}", report.warnings);
        assert_eq!(report.sources[0].rows, 5);
    }
    // What was made for those who asked is not served to those who did not.
    assert_eq!(client.query(&whole).err().unwrap().code(), Code::DamagedFile);
}

/// The user's own Parquet has no hash to check: a mutant may read, but it never takes the host down.
#[test]
fn a_users_damaged_parquet_is_an_answer_or_an_error_and_the_host_lives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("RDSP2401.parquet");
    write_parquet(&path, 2000, 1000);
    let good = std::fs::read(&path).unwrap();
    let client = client(folder.path(), Config { threads: Some(1), ..Default::default() });
    let mut seed = 0x5eed_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let mut refused = 0;
    for mutant in 0..150 {
        let mut bytes = good.clone();
        let at = random(bytes.len());
        match mutant % 4 {
            0 => bytes.truncate(at),
            _ => bytes[at] ^= 1 << random(8),
        }
        std::fs::write(&path, bytes).unwrap();
        let answer = client.query(&QueryParams::dataset("SIH-RD")).and_then(|answer| answer.collect_batches());
        refused += usize::from(answer.is_err());
    }
    println!("R10, the user's own Parquet: {refused} of 150 mutants refused");
    std::fs::write(&path, good).unwrap();
    assert_eq!(
        client.query(&QueryParams::dataset("SIH-RD")).unwrap().map(|b| b.unwrap().num_rows()).sum::<usize>(),
        2000
    );
}
