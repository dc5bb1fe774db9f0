//! Parquets that few programs write, and none of which may give another number.

use arrow::datatypes::{Int32Type, i256};
use parquet::basic::Compression;
use parquet::file::metadata::{ParquetMetaDataReader, ParquetMetaDataWriter};

use super::*;

#[test]
fn a_float_of_ones_own_that_is_no_number_is_null_and_above_none() {
    let weights = vec![Some(1.5), Some(f64::NAN), Some(7.0), None];
    let (folder, client) = admissions(vec![
        ("PESO".into(), Arc::new(Float64Array::from(weights))),
        ("ALTURA".into(), Arc::new(Float32Array::from(vec![1.0, 2.0, 3.0, f32::NAN]))),
        ("IDADE".into(), Arc::new(Int32Array::from(vec![10, 20, 30, 40]))),
    ]);
    let ages = |params: QueryParams| column(&ask(&client, &params).unwrap().0, "IDADE");
    assert_eq!(ages(rd().filter(col("PESO").gt(5))), some(&["30"]));
    assert_eq!(ages(rd().filter(col("PESO").is_null())), some(&["20", "40"]));
    assert_eq!(ages(rd().order_by("ALTURA", true)), some(&["30", "20", "10", "40"]));
    let sql = QueryParams::sql("SELECT sum(PESO) AS s, count(ALTURA) AS n FROM sih_rd");
    let (batch, report) = ask(&client, &sql).unwrap();
    assert_eq!((column(&batch, "s"), column(&batch, "n")), (some(&["8.5"]), some(&["3"])));
    let told = report.warnings.iter().find(|warning| warning.contains("NaN")).unwrap();
    assert!(told.contains("PESO") && told.contains("ALTURA") && told.contains('2'), "{told}");
    // Without any the file stays where it is.
    let clean: Columns = vec![("PESO".into(), Arc::new(Float64Array::from(vec![Some(1.5), None])))];
    write(&folder.path().join("RDRR2401.parquet"), &clean);
    assert_eq!(ask(&client, &rd().uf(["RR"])).unwrap().0.num_rows(), 2);
    assert!(!folder.path().join(".datasus/lake/sistema=SIH/grupo=RD/uf=RR").exists());
}

#[test]
fn a_decimal_wider_than_any_here_is_refused_where_it_is_read() {
    let wide = Decimal256Array::from(vec![i256::from_i128(150)]).with_precision_and_scale(50, 2).unwrap();
    let (_folder, client) = admissions(vec![
        ("MINHA".into(), Arc::new(wide.clone())),
        ("VAL_TOT".into(), Arc::new(wide)),
        ("IDADE".into(), Arc::new(Int32Array::from(vec![10]))),
    ]);
    let (batch, _) = ask(&client, &rd().columns(["IDADE", "VAL_TOT"])).unwrap();
    assert_eq!(column(&batch, "VAL_TOT"), some(&["1.50"]));
    let error = ask(&client, &rd()).unwrap_err();
    assert_eq!((error.code(), error.context().column.as_deref()), (Code::InvalidParams, Some("MINHA")), "{error}");
}

#[test]
fn a_column_is_the_same_behind_a_dictionary_and_in_any_kind_of_text() {
    let days = cast(&texts(&[Some("2024-01-15"), None]), &DataType::Date32).unwrap();
    let behind = |array: &ArrayRef| {
        cast(array, &DataType::Dictionary(Box::new(DataType::Int32), Box::new(array.data_type().clone()))).unwrap()
    };
    let sexes = [Some("1"), Some("3")];
    let ages: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None]));
    let (_folder, client) = admissions(vec![
        ("SEXO".into(), Arc::new(sexes.into_iter().collect::<DictionaryArray<Int32Type>>())),
        ("RACA_COR".into(), Arc::new(StringViewArray::from_iter([Some("01"), Some("02 ")]))),
        ("DIAG_PRINC".into(), Arc::new(LargeStringArray::from_iter([Some("J180"), Some("")]))),
        ("DT_INTER".into(), behind(&days)),
        ("DT_SAIDA".into(), behind(&texts(&[Some("20240116"), Some("16/01/2024")]))),
        ("IDADE".into(), behind(&ages)),
    ]);
    let (batch, report) = ask(&client, &rd().order_by("SEXO", false)).unwrap();
    assert_eq!(column(&batch, "SEXO"), some(&["1", "3"]));
    assert_eq!(column(&batch, "RACA_COR"), some(&["01", "02"]));
    assert_eq!(column(&batch, "DIAG_PRINC"), some(&["J180", ""]));
    assert_eq!(column(&batch, "DT_INTER"), some(&["2024-01-15", ""]));
    assert_eq!(column(&batch, "DT_SAIDA"), some(&["2024-01-16", "2024-01-16"]));
    assert_eq!(column(&batch, "IDADE"), some(&["7", ""]));
    assert!(report.bad_values.is_empty() && report.warnings.is_empty(), "{:?}", report.warnings);
}

#[test]
fn what_has_no_text_that_a_field_would_hold_is_refused_by_name_and_only_where_it_is_read() {
    let moments = TimestampMicrosecondArray::from(vec![0, 0]).with_timezone("America/Sao_Paulo");
    let mut list = ListBuilder::new(StringBuilder::new());
    list.append_value([Some("1")]);
    list.append_value([Some("3")]);
    let flags = BooleanArray::from(vec![true, false]);
    let (_folder, client) = admissions(vec![
        ("DT_INTER".into(), Arc::new(moments)),
        ("SEXO".into(), Arc::new(list.finish())),
        ("MARCA_UTI".into(), Arc::new(flags)),
        ("IDADE".into(), Arc::new(Int32Array::from(vec![1, 2]))),
    ]);
    for name in ["DT_INTER", "SEXO", "MARCA_UTI"] {
        let error = ask(&client, &rd().columns([name])).unwrap_err();
        assert_eq!((error.code(), error.context().column.as_deref()), (Code::InvalidParams, Some(name)), "{error}");
    }
    assert_eq!(ask(&client, &rd().columns(["IDADE"])).unwrap().0.num_rows(), 2);
    // In UTC a midnight is a day.
    let utc = TimestampMillisecondArray::from(vec![1_705_276_800_000]).with_timezone("UTC");
    let (_folder, client) = admissions(vec![("DT_INTER".into(), Arc::new(utc))]);
    assert_eq!(column(&ask(&client, &rd()).unwrap().0, "DT_INTER"), some(&["2024-01-15"]));
}

#[test]
fn a_year_held_as_a_number_is_counted_where_it_gets_its_century() {
    let folder = tempfile::tempdir().unwrap();
    let years: Columns = vec![("ANO_CMPT".into(), Arc::new(Int64Array::from(vec![97, 1997])))];
    write(&folder.path().join("RDAC9701.parquet"), &years);
    let (batch, report) = ask(&client(folder.path()), &rd()).unwrap();
    assert_eq!(column(&batch, "ANO_CMPT"), some(&["1997", "1997"]));
    assert_eq!(report.normalised.iter().map(|one| one.count).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_file_without_rows_groups_or_bytes_says_what_it_is() {
    let number: ArrayRef = Arc::new(Int64Array::from(Vec::<i64>::new()));
    let batch = RecordBatch::try_from_iter([("SEXO", texts(&[])), ("IDADE", number)]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("RDAC2401.parquet");
    ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap().close().unwrap();
    let (found, _) = ask(&client(folder.path()), &rd()).unwrap();
    assert_eq!((found.num_rows(), found.schema().field_with_name("IDADE").unwrap().data_type()), (0, &DataType::Int32));
    File::create(&path).unwrap();
    assert_eq!(ask(&client(folder.path()), &rd()).unwrap_err().code(), Code::DamagedFile);
}

/// The file with another way of compressing in its footer: no writer here has it.
fn say_brotli(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    let footer = ParquetMetaDataReader::new().parse_and_finish(&bytes::Bytes::from(bytes.clone())).unwrap();
    let mut footer = footer.into_builder();
    let groups = footer.take_row_groups().into_iter().map(|group| {
        let mut group = group.into_builder();
        let columns = group.take_columns().into_iter().map(|column| {
            column.into_builder().set_compression(Compression::BROTLI(Default::default())).build().unwrap()
        });
        let columns = columns.collect();
        group.set_column_metadata(columns).build().unwrap()
    });
    let groups = groups.collect();
    let footer = footer.set_row_groups(groups).build();
    let length = u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap()) as usize;
    let mut out = bytes[..bytes.len() - 8 - length].to_vec();
    ParquetMetaDataWriter::new(&mut out, &footer).finish().unwrap();
    std::fs::write(path, out).unwrap();
}

#[test]
fn a_way_of_compressing_that_is_not_read_is_named_and_no_damage() {
    let (folder, client) = admissions(vec![("SEXO".into(), texts(&[Some("1"), Some("3 ")]))]);
    say_brotli(&folder.path().join("RDAC2401.parquet"));
    let error = ask(&client, &rd()).unwrap_err();
    assert_eq!(error.code(), Code::InvalidParams, "{error}");
    assert!(error.detail().contains("BROTLI") && error.detail().contains("zstd"), "{error}");
}

#[test]
fn a_column_of_ones_own_that_is_called_like_ours_is_refused_where_it_is_named() {
    let (_folder, client) = admissions(vec![
        ("datasus_uf".into(), texts(&[Some("RR"), Some("AC")])),
        ("IDADE".into(), Arc::new(Int32Array::from(vec![1, 2]))),
    ]);
    for params in [
        rd().columns(["IDADE"]).filter(col("datasus_uf").eq("RR")),
        rd().columns(["datasus_uf"]),
        QueryParams::sql("SELECT IDADE FROM sih_rd WHERE datasus_uf = 'RR'"),
    ] {
        let error = ask(&client, &params).unwrap_err();
        let column = error.context().column.as_deref();
        assert_eq!((error.code(), column), (Code::InvalidParams, Some("datasus_uf")), "{error}");
    }
    assert_eq!(ask(&client, &rd()).unwrap().0.num_rows(), 2);
    assert_eq!(ask(&client, &rd().columns(["IDADE", "datasus_arquivo"])).unwrap().0.num_rows(), 2);
}
