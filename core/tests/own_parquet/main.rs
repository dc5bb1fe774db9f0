//! The user's own Parquet means the same as the DBC it came from, however it was written.

#[path = "../genuine/mod.rs"]
mod genuine;
mod odd;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::*;
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, TimeUnit};
use datasus::source::dbc::{DbcWriter, WriteOptions};
use datasus::source::{RecordsOf, TypedRecords};
use datasus::{AggregateFn, Catalog, Client, Code, Config, Error, Language, QueryParams, Report, col};
use parquet::arrow::ArrowWriter;

type Columns = Vec<(String, ArrayRef)>;

fn write(path: &Path, columns: &Columns) {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.iter().map(|(n, c)| (n, c.clone(), true))).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn client(folder: &Path) -> Client {
    let output = Some(folder.join("out"));
    std::fs::create_dir_all(folder.join("out")).unwrap();
    Client::open_with(folder, Config { output, language: Language::En, ..Config::default() }).unwrap()
}

fn ask(client: &Client, params: &QueryParams) -> Result<(RecordBatch, Report), Error> {
    let answer = client.query(params)?;
    let (schema, job) = (answer.schema(), answer.job().clone());
    let batches = answer.collect_batches()?;
    Ok((concat_batches(&schema, &batches).unwrap(), job.wait()?))
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from_iter(values))
}

fn column(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let text = cast(batch.column_by_name(name).unwrap(), &DataType::Utf8).unwrap();
    text.as_string::<i32>().iter().map(|value| value.map(str::to_owned)).collect()
}

fn some(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| (!value.is_empty()).then(|| value.to_string())).collect()
}

/// A folder with one file of admissions, of these columns.
fn admissions(columns: Columns) -> (tempfile::TempDir, Client) {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("RDAC2401.parquet"), &columns);
    let client = client(folder.path());
    (folder, client)
}

fn rd() -> QueryParams {
    QueryParams::dataset("SIH-RD")
}

fn bad_of(report: &Report) -> BTreeMap<String, u64> {
    report.bad_values.iter().map(|bad| (bad.column.clone(), bad.count)).collect()
}

/// What pandas, R or a CSV made of a column: none where it cannot have been so.
type Form = (&'static str, fn(raw: &StringArray, typed: &ArrayRef) -> Option<ArrayRef>);

fn numbers(raw: &StringArray) -> Option<Vec<Option<f64>>> {
    let number = |value: Option<&str>| match value.map(str::trim) {
        None | Some("") => Some(None),
        Some(text) if text.len() <= 15 => text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Some),
        Some(_) => None,
    };
    raw.iter().map(number).collect()
}

fn days(typed: &ArrayRef, write: impl Fn(chrono::NaiveDate) -> String) -> Option<ArrayRef> {
    let days = typed.as_primitive_opt::<Date32Type>()?;
    let day = |row| (days.is_valid(row)).then(|| write(days.value_as_date(row).unwrap()));
    Some(Arc::new((0..days.len()).map(day).collect::<StringArray>()))
}

const FORMS: &[Form] = &[
    ("text", |raw, _| Some(Arc::new(raw.clone()))),
    ("padded text", |raw, _| Some(Arc::new(raw.iter().map(|v| Some(format!("{:<12}", v?))).collect::<StringArray>()))),
    ("blank for NULL", |raw, _| {
        Some(Arc::new(raw.iter().map(|v| Some(v.unwrap_or_default().to_owned())).collect::<LargeStringArray>()))
    }),
    ("bytes", |raw, _| {
        // What R keeps of a DBC: its bytes.
        let latin1 = |text: &str| text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<Vec<u8>>>();
        let cells = raw.iter().map(|v| v.map(latin1)).map(|v| v.map_or(Some(None), |v| v.map(Some)));
        Some(Arc::new(cells.collect::<Option<Vec<_>>>()?.into_iter().collect::<BinaryArray>()))
    }),
    ("int64", |raw, _| {
        let whole = |n: Option<f64>| match n {
            Some(n) => (n.fract() == 0.0).then_some(Some(n as i64)),
            None => Some(None),
        };
        Some(Arc::new(numbers(raw)?.into_iter().map(whole).collect::<Option<Int64Array>>()?))
    }),
    ("float64", |raw, _| {
        let float = |n: Option<f64>| n.unwrap_or(f64::NAN);
        Some(Arc::new(Float64Array::from_iter_values(numbers(raw)?.into_iter().map(float))))
    }),
    ("the catalogue's", |_, typed| Some(typed.clone())),
    ("timestamp", |_, typed| {
        (*typed.data_type() == DataType::Date32).then_some(())?;
        cast(typed, &DataType::Timestamp(TimeUnit::Nanosecond, None)).ok()
    }),
    ("ISO", |_, typed| days(typed, |day| day.format("%Y-%m-%d").to_string())),
    ("dd/mm/yyyy", |_, typed| days(typed, |day| day.format("%d/%m/%Y").to_string())),
    ("decimal comma", |_, typed| {
        typed.as_primitive_opt::<Decimal128Type>()?;
        let text = cast(typed, &DataType::Utf8).unwrap();
        let comma = |v: Option<&str>| v.map(|v| v.replace('.', ","));
        Some(Arc::new(text.as_string::<i32>().iter().map(comma).collect::<StringArray>()))
    }),
];

/// For each column in each form: the cell is the DBC's, or it is NULL and counted; a code that was held as a number may be
/// refused by name.
fn same_in_every_form(dbc: &Path, dataset: &str) {
    let catalog = Catalog::builtin();
    let name = dbc.file_name().unwrap().to_str().unwrap();
    let stem = dbc.file_stem().unwrap().to_str().unwrap();
    let source = tempfile::tempdir().unwrap();
    std::fs::copy(dbc, source.path().join(name)).unwrap();
    let (typed, _) = ask(&client(source.path()), &QueryParams::dataset(dataset)).unwrap();
    let wanted = RecordsOf { typed: false, ..Default::default() };
    let records = TypedRecords::open(dbc, &wanted, catalog, Language::En).unwrap();
    let (schema, batches) = (records.schema(), records.collect::<Result<Vec<_>, _>>().unwrap());
    let raw = concat_batches(&schema, &batches).unwrap();
    let mut compared = 0;
    for (form, make) in FORMS {
        let made: Columns = (schema.fields().iter())
            .map(|field| {
                let raw = raw.column_by_name(field.name()).unwrap().as_string::<i32>();
                let typed = typed.column_by_name(&field.name().to_uppercase()).unwrap();
                // A column that the catalogue does not know keeps the type that it has here.
                let known = catalog.dataset(dataset).unwrap().column(field.name()).is_some();
                let made = make(raw, typed).filter(|_| known).unwrap_or_else(|| Arc::new(raw.clone()));
                (field.name().clone(), made)
            })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join(format!("{stem}.parquet")), &made);
        let client = client(folder.path());
        for (name, made) in &made {
            let name = name.to_uppercase();
            let expected = typed.column_by_name(&name).unwrap();
            let found = ask(&client, &QueryParams::dataset(dataset).columns([&name]));
            let (found, report) = match found {
                Ok(found) => found,
                Err(error) => {
                    let code = *expected.data_type() == DataType::Utf8 && made.data_type().is_numeric();
                    assert!(code && error.code() == Code::InvalidParams, "{form} {name}: {error}");
                    assert_eq!(error.context().column.as_deref(), Some(name.as_str()), "{error}");
                    continue;
                }
            };
            let found = found.column(0);
            assert_eq!(found.data_type(), expected.data_type(), "{stem} {form} {name}");
            let differ = arrow::compute::kernels::cmp::distinct(found, expected).unwrap();
            let differing: Vec<usize> = differ.values().set_indices().collect();
            if let Some(row) = differing.iter().find(|row| found.is_valid(**row)) {
                panic!("{stem} {form} {name} row {row}: {:?} of {:?}", found.slice(*row, 1), expected.slice(*row, 1));
            }
            let counted = bad_of(&report).get(&name).copied().unwrap_or(0);
            assert!(differing.len() as u64 <= counted, "{stem} {form} {name}: {} not counted", differing.len());
            compared += 1;
        }
    }
    println!("{stem}: {compared} columns in their forms");
    assert!(compared > 5 * typed.num_columns(), "{stem}: {compared}");
}

/// Admissions and deaths with all that is odd in genuine ones.
fn made(folder: &Path) -> [(std::path::PathBuf, &'static str); 2] {
    let (rd, sim) = (folder.join("RDAC9504.dbc"), folder.join("DOAC1996.dbc"));
    let fields = [
        ("N_AIH", b'C', 10, 0),
        ("SEXO", b'C', 1, 0),
        ("NASC", b'C', 6, 0),
        ("IDADE", b'N', 2, 0),
        ("VAL_TOT", b'N', 14, 2),
        ("DIAG_PRINC", b'C', 6, 0),
        ("NOVA", b'C', 6, 0),
    ];
    let mut writer = DbcWriter::create(File::create(&rd).unwrap(), &fields, WriteOptions::default()).unwrap();
    for row in 0..50 {
        let born = ["230101", "950431", "050423", "", "000000", "95 401", "991231"][row % 7];
        let money = ["12.34", "0.00", "", "****", "-7.5"][row % 5];
        let (aih, age) = (format!("{row:010}"), row.to_string());
        writer.write(&[&aih, ["1", "3", ""][row % 3], born, &age, money, "04099", "6\u{ba}"]).unwrap();
    }
    writer.finish().unwrap();
    let fields = [("DTOBITO", b'C', 8, 0), ("SEXO", b'C', 4, 0), ("IDADE", b'C', 5, 0)];
    let mut writer = DbcWriter::create(File::create(&sim).unwrap(), &fields, WriteOptions::default()).unwrap();
    for row in 0..50 {
        let died = ["01021996", "31121996", "00001996", "", "30021996"][row % 5];
        writer.write(&[died, ["1", "2"][row % 2], ["065", "465", ""][row % 3]]).unwrap();
    }
    writer.finish().unwrap();
    [(rd, "SIH-RD"), (sim, "SIM-DO")]
}

#[test]
fn made_files_are_the_same_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    for (dbc, dataset) in made(folder.path()) {
        same_in_every_form(&dbc, dataset);
    }
}

#[test]
fn genuine_files_are_the_same_in_every_form() {
    let Some(folder) = genuine::folder() else { return };
    for (file, dataset) in [
        ("sim/DORR1997.dbc", "SIM-DO"),
        ("sim/DOSE1996.dbc", "SIM-DO"),
        ("sih/RDDF9705.dbc", "SIH-RD"),
        ("sih/RDRR9504.dbc", "SIH-RD"),
        ("sih/RDAC2401.dbc", "SIH-RD"),
    ] {
        same_in_every_form(&folder.join(file), dataset);
    }
}

#[test]
fn values_are_exact_or_null_and_counted_never_rounded_and_never_nan() {
    let micros = |text: &str| chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
    let moment = |text: &str| micros(text).and_utc().timestamp_micros();
    let moments =
        TimestampMicrosecondArray::from(vec![Some(moment("2024-01-15 00:00")), Some(moment("2024-01-15 13:45")), None]);
    let (_folder, client) = admissions(vec![
        ("IDADE".into(), Arc::new(Float64Array::from(vec![36.0, 36.6, f64::NAN]))),
        ("DIAS_PERM".into(), Arc::new(Int64Array::from(vec![Some(3), Some(5_000_000_000), None]))),
        ("VAL_TOT".into(), Arc::new(Float64Array::from(vec![1234.56, 0.1 + 0.2, f64::INFINITY]))),
        ("VAL_UTI".into(), texts(&[Some("1.234,56"), Some("12,5"), Some("nan")])),
        ("DT_INTER".into(), Arc::new(moments)),
        ("NASC".into(), texts(&[Some("20240230"), Some("15/01/2024"), Some("2024-01-15")])),
        ("MORTE".into(), Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
    ]);
    let (batch, report) = ask(&client, &rd()).unwrap();
    assert_eq!(column(&batch, "IDADE"), some(&["36", "", ""]));
    assert_eq!(column(&batch, "DIAS_PERM"), some(&["3", "", ""]));
    assert_eq!(column(&batch, "VAL_TOT"), some(&["1234.56", "", ""]));
    assert_eq!(column(&batch, "VAL_UTI"), some(&["", "12.50", ""]));
    assert_eq!(column(&batch, "DT_INTER"), some(&["2024-01-15", "", ""]));
    assert_eq!(column(&batch, "NASC"), some(&["", "2024-01-15", "2024-01-15"]));
    assert_eq!(column(&batch, "MORTE"), some(&["1", "0", ""]));
    let expected = [("IDADE", 1), ("DIAS_PERM", 1), ("VAL_TOT", 2), ("VAL_UTI", 2), ("DT_INTER", 1), ("NASC", 1)];
    assert_eq!(bad_of(&report), expected.map(|(name, count)| (name.to_owned(), count)).into());
    let samples = &report.bad_values.iter().find(|bad| bad.column == "IDADE").unwrap().samples;
    assert_eq!(samples, &["36.6"]);
}

#[test]
fn codes_held_as_numbers_get_their_zeros_back_or_are_refused_where_they_are_read() {
    let (_folder, client) = admissions(vec![
        ("SEXO".into(), Arc::new(Float64Array::from(vec![3.0, f64::NAN]))),
        ("PROC_REA".into(), Arc::new(Int64Array::from(vec![303140151, 1303140151]))),
        ("CGC_HOSP".into(), Arc::new(Float64Array::from(vec![4034526000224.0, f64::NAN]))),
        ("MUNIC_RES".into(), Arc::new(Int32Array::from(vec![1200401, 120040]))),
        ("COD_IDADE".into(), Arc::new(Int64Array::from(vec![4, 44]))),
        ("DIAG_PRINC".into(), Arc::new(Int64Array::from(vec![1, 2]))),
        ("IDADE".into(), Arc::new(Int32Array::from(vec![40, 41]))),
    ]);
    let mended = ["SEXO", "PROC_REA", "CGC_HOSP", "MUNIC_RES", "IDADE"];
    let (batch, report) = ask(&client, &rd().columns(mended)).unwrap();
    assert_eq!(column(&batch, "SEXO"), some(&["3", ""]));
    assert_eq!(column(&batch, "PROC_REA"), some(&["0303140151", "1303140151"]));
    assert_eq!(column(&batch, "CGC_HOSP"), some(&["04034526000224", ""]));
    assert_eq!(column(&batch, "MUNIC_RES"), some(&["120040", "120040"]));
    let normalised: Vec<_> = report.normalised.iter().map(|one| (one.column.as_str(), one.count)).collect();
    assert_eq!(normalised, [("MUNIC_RES", 1)], "a check digit that goes is counted, however the code was held");
    let warned = |name: &str| report.warnings.iter().any(|warning| warning.contains(name));
    assert!(warned("PROC_REA") && warned("CGC_HOSP") && !warned("SEXO,"), "{:?}", report.warnings);
    for (params, column, value) in [
        (rd().columns(["COD_IDADE"]), "COD_IDADE", Some("44")),
        (rd(), "COD_IDADE", Some("44")),
        (rd().columns(["IDADE"]).filter(col("DIAG_PRINC").eq("0001")), "DIAG_PRINC", None),
        (QueryParams::sql("SELECT sum(IDADE) FROM sih_rd WHERE COD_IDADE = '4'"), "COD_IDADE", Some("44")),
        (QueryParams::sql("SELECT t FROM sih_rd t"), "COD_IDADE", Some("44")),
        (QueryParams::sql("SELECT a FROM sih_rd AS t(a, b, c, d, e, f)"), "COD_IDADE", Some("44")),
        (QueryParams::sql("SELECT #5 AS x FROM sih_rd"), "COD_IDADE", Some("44")),
    ] {
        let error = ask(&client, &params).unwrap_err();
        assert_eq!((error.code(), error.context().column.as_deref()), (Code::InvalidParams, Some(column)), "{error}");
        assert!(error.context().file.as_deref().is_some_and(|file| file.contains("RDAC2401.parquet")), "{error}");
        assert_eq!(error.diagnostic().get("received").and_then(|v| v.as_str()), value, "{error}");
    }
}

#[test]
fn a_day_whose_zero_was_lost_is_mended_only_where_a_number_lost_it() {
    let folder = tempfile::tempdir().unwrap();
    let days: Columns = vec![
        ("DTOBITO".into(), Arc::new(Int64Array::from(vec![Some(1012022), Some(31122022), None]))),
        ("DTNASC".into(), texts(&[Some("1012022"), Some("31121950"), None])),
    ];
    write(&folder.path().join("DOAC2022.parquet"), &days);
    let (batch, report) = ask(&client(folder.path()), &QueryParams::dataset("SIM-DO")).unwrap();
    assert_eq!(column(&batch, "DTOBITO"), some(&["2022-01-01", "2022-12-31", ""]));
    assert_eq!(column(&batch, "DTNASC"), some(&["", "1950-12-31", ""]), "year 22 is nobody's");
    assert_eq!(bad_of(&report), [("DTNASC".to_owned(), 1)].into());
    assert!(report.warnings.iter().any(|warning| warning.contains("DTOBITO")), "{:?}", report.warnings);
}

#[test]
fn a_file_of_the_catalogues_types_is_read_in_place_and_looked_at_once() {
    let right = |texts: ArrayRef| -> Columns {
        vec![("CNES".into(), texts), ("IDADE".into(), Arc::new(Int32Array::from(vec![1, 2, 3])))]
    };
    let (folder, client) = admissions(right(texts(&[Some("2000121"), None, Some("2000733")])));
    ask(&client, &rd()).unwrap();
    let lake = folder.path().join(".datasus/lake");
    assert!(!lake.join("sistema=SIH").exists(), "nothing is converted");
    let noted = || std::fs::read_dir(lake.join(".same")).unwrap().count();
    assert_eq!(noted(), 1);
    let (batch, _) = ask(&client, &rd()).unwrap();
    assert_eq!((column(&batch, "CNES"), noted()), (some(&["2000121", "", "2000733"]), 1));
    // Another version of it, with padding: what was noted of the first one does not count.
    write(&folder.path().join("RDAC2401.parquet"), &right(texts(&[Some("2000121 "), Some(""), Some("2000733\0")])));
    let (batch, _) = ask(&client, &rd().filter(col("CNES").not_null())).unwrap();
    assert_eq!(column(&batch, "CNES"), some(&["2000121", "2000733"]));
    assert!(lake.join("sistema=SIH").exists());
}

#[test]
fn a_stream_looks_at_the_columns_that_it_reads_and_what_is_kept_is_of_all() {
    let (folder, client) = admissions(vec![
        ("SEXO".into(), texts(&[Some("1"), Some("3")])),
        ("MUNIC_RES".into(), texts(&[Some("1200401"), Some("120040")])),
        ("DIAG_PRINC".into(), texts(&[Some("J18 "), Some("J180")])),
        ("IDADE".into(), Arc::new(Int32Array::from(vec![1, 2]))),
    ]);
    let converted = || folder.path().join(".datasus/lake/sistema=SIH").exists();
    let sql = |text: &str| QueryParams::sql(text);
    for params in [
        rd().columns(["SEXO", "IDADE"]),
        rd().group_by(["SEXO"]).aggregate(AggregateFn::Sum, "IDADE", "n"),
        rd().columns(["IDADE"]).filter(col("SEXO").eq("3")),
        sql("SELECT t.SEXO, sum(IDADE) AS n FROM sih_rd t GROUP BY ALL"),
    ] {
        ask(&client, &params).unwrap();
        assert!(!converted(), "{params:?}");
    }
    // Another process finds what was noted, and looks at what was not.
    let another = Client::open_with(folder.path(), Config { language: Language::En, ..Config::default() }).unwrap();
    let (batch, report) = ask(&another, &rd().columns(["MUNIC_RES"])).unwrap();
    assert_eq!(column(&batch, "MUNIC_RES"), some(&["120040", "120040"]));
    assert!(converted() && report.normalised.len() == 1);
    let (batch, _) = ask(&client, &sql("SELECT DIAG_PRINC FROM sih_rd WHERE SEXO = '1'")).unwrap();
    assert_eq!(column(&batch, "DIAG_PRINC"), some(&["J18"]));
    assert_eq!(column(&ask(&client, &rd().columns(["SEXO"])).unwrap().0, "SEXO"), some(&["1", "3"]));
    // A whole row names no column.
    let rows = sql("SELECT struct_extract(t, 'DIAG_PRINC') AS d FROM sih_rd t ORDER BY t.IDADE");
    assert_eq!(column(&ask(&another, &rows).unwrap().0, "d"), some(&["J18", "J180"]));
}

#[test]
fn a_version_is_compared_whole_whichever_columns_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let fields = [("SEXO", b'C', 1, 0), ("MUNIC_RES", b'C', 7, 0)];
    let dbc = File::create(folder.path().join("RDAC2401.dbc")).unwrap();
    let mut writer = DbcWriter::create(dbc, &fields, WriteOptions::default()).unwrap();
    writer.write(&["1", "1200401"]).unwrap();
    writer.finish().unwrap();
    let same: Columns = vec![("SEXO".into(), texts(&[Some("1")])), ("MUNIC_RES".into(), texts(&[Some("1200401")]))];
    let copy = folder.path().join("b");
    std::fs::create_dir(&copy).unwrap();
    write(&copy.join("RDAC2401.parquet"), &same);
    let params = rd().columns(["SEXO"]);
    // Alone, it is read where it lies.
    assert_eq!(ask(&client(&copy), &params).unwrap().0.num_rows(), 1);
    let (batch, report) = ask(&client(folder.path()), &params).unwrap();
    assert_eq!((batch.num_rows(), report.sources[0].file.as_str()), (1, "RDAC2401.dbc"));
}

#[test]
fn columns_that_differ_in_case_alone_are_refused() {
    let number = |n: i32| -> ArrayRef { Arc::new(Int32Array::from(vec![n])) };
    let (_folder, client) = admissions(vec![("IDADE".into(), number(1)), ("idade".into(), number(2))]);
    let error = ask(&client, &rd()).unwrap_err();
    assert_eq!(error.code(), Code::InvalidParams);
    let text = error.to_string();
    assert!(text.contains("IDADE") && text.contains("idade") && text.contains("RDAC2401.parquet"), "{text}");
}

/// A text column with bytes that are not UTF-8, as R writes them: no writer of ours does.
fn with_latin1(path: &Path, values: &[&[u8]]) {
    use parquet::data_type::{ByteArray, ByteArrayType};
    let schema = "message schema { OPTIONAL BYTE_ARRAY AUD_JUST (UTF8); OPTIONAL BYTE_ARRAY DIAG_PRINC (UTF8); }";
    let schema = Arc::new(parquet::schema::parser::parse_message_type(schema).unwrap());
    let file = File::create(path).unwrap();
    let mut writer = parquet::file::writer::SerializedFileWriter::new(file, schema, Default::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for of_column in [values.to_vec(), vec![&b"J180"[..]; values.len()]] {
        let mut column = group.next_column().unwrap().unwrap();
        let cells: Vec<ByteArray> = of_column.iter().map(|value| ByteArray::from(value.to_vec())).collect();
        column.typed::<ByteArrayType>().write_batch(&cells, Some(&vec![1; cells.len()]), None).unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}

#[test]
fn texts_that_are_not_utf8_are_read_as_latin1_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    // The last one is UTF-8 by chance: who wrote one byte of latin-1 into the column wrote them all.
    with_latin1(&folder.path().join("RDAC2401.parquet"), &[b"6\xba ANDAR  ", b"PLAIN", b"\xc3\xa7"]);
    let client = client(folder.path());
    // Whoever does not read that column reads the file where it lies, in every engine.
    for params in [
        rd().columns(["DIAG_PRINC"]),
        rd().group_by(["DIAG_PRINC"]).aggregate(AggregateFn::Count, "*", "n"),
        QueryParams::sql("SELECT DIAG_PRINC, count(*) AS n FROM sih_rd GROUP BY ALL"),
        rd().columns(["DIAG_PRINC"]).order_by("DIAG_PRINC", true),
    ] {
        let (batch, report) = ask(&client, &params).unwrap();
        assert_eq!(column(&batch, "DIAG_PRINC")[0].as_deref(), Some("J180"));
        assert!(report.warnings.is_empty() && !folder.path().join(".datasus/lake/sistema=SIH").exists());
    }
    let (batch, report) = ask(&client, &rd()).unwrap();
    assert_eq!(column(&batch, "AUD_JUST"), some(&["6\u{ba} ANDAR", "PLAIN", "\u{c3}\u{a7}"]));
    assert_eq!(column(&batch, "DIAG_PRINC"), some(&["J180"; 3]));
    let recoded = report.warnings.iter().find(|warning| warning.contains("latin-1")).unwrap();
    assert!(recoded.contains("AUD_JUST") && recoded.contains('2') && !recoded.contains("DIAG_PRINC"), "{recoded}");
}

/// Of these the DBC is not there: every file must be readable, and say what it says.
#[test]
fn genuine_parquets_of_r_and_pysus_are_read() {
    let Some(wild) = genuine::folder().map(|folder| folder.join("../wild")).filter(|wild| wild.is_dir()) else {
        return;
    };
    for (file, name, dataset, rows) in [
        ("parquet_r/cnes/CNES_ST_RO_2022_01.parquet", "STRO2201.parquet", "CNES-ST", 3_903),
        ("parquet_r/cnes/CNES_EQ_RO_2022_01.parquet", "EQRO2201.parquet", "CNES-EQ", 10_413),
        ("parquet_r/cnes/CNES_HB_RO_2022_01.parquet", "HBRO2201.parquet", "CNES-HB", 185),
        ("parquet_r/sih/SIH_RD_RO_2022_01.parquet", "RDRO2201.parquet", "SIH-RD", 9_256),
        ("parquet_r/sim/SIM_DO_RO_2022.parquet", "DORO2022.parquet", "SIM-DO", 10_277),
        (
            "parquet_pysus/RDDF2212.parquet/73af5858f0cf4f32977ceacd419c3766-0.parquet",
            "RDDF2212.parquet",
            "SIH-RD",
            17_344,
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(wild.join(file), folder.path().join(name)).unwrap();
        let client = client(folder.path());
        let (batch, report) = ask(&client, &QueryParams::dataset(dataset)).unwrap();
        assert_eq!(batch.num_rows(), rows, "{name}");
        println!("{name}: {:?} {:?}", bad_of(&report), report.warnings);
        let text = |array: &ArrayRef| array.as_string_opt::<i32>().cloned();
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            for value in text(array).iter().flatten().flatten() {
                assert!(!value.is_empty() && !value.ends_with([' ', '\0']), "{name} {}: {value:?}", field.name());
            }
        }
    }
}

#[test]
fn columns_unknown_to_the_catalogue_are_filtered_summed_ordered_and_grouped_by_their_own_types() {
    let moments =
        TimestampMicrosecondArray::from(vec![1_704_067_200_000_000, 1_704_200_000_000_000, 1_706_745_600_000_000]);
    let (_folder, client) = admissions(vec![
        ("IDADE".into(), Arc::new(Int32Array::from(vec![10, 20, 30]))),
        ("NOTA".into(), Arc::new(Int64Array::from(vec![Some(4), Some(9), None]))),
        ("PESO".into(), Arc::new(Float64Array::from(vec![2.5, 70.25, 0.1]))),
        ("GRUPO".into(), Arc::new(Int16Array::from(vec![1, 1, 2]))),
        ("ATIVO".into(), Arc::new(BooleanArray::from(vec![true, false, true]))),
        ("QUANDO".into(), Arc::new(moments)),
        ("VALOR".into(), Arc::new(Decimal128Array::from(vec![150, 250, 350]).with_precision_and_scale(9, 2).unwrap())),
    ]);
    let ages = |params: QueryParams| column(&ask(&client, &params.columns(["IDADE"])).unwrap().0, "IDADE");
    assert_eq!(ages(rd().filter(col("NOTA").gt(5))), some(&["20"]));
    assert_eq!(ages(rd().filter(col("NOTA").is_null())), some(&["30"]));
    assert_eq!(ages(rd().filter(col("PESO").gt(2.4))), some(&["10", "20"]));
    assert_eq!(ages(rd().filter(col("PESO").eq("0.1"))), some(&["30"]));
    assert_eq!(ages(rd().filter(col("GRUPO").is_in([1]))), some(&["10", "20"]));
    assert_eq!(ages(rd().filter(col("ATIVO").eq(true))), some(&["10", "30"]));
    assert_eq!(ages(rd().filter(col("QUANDO").ge("2024-02-01"))), some(&["30"]));
    assert_eq!(ages(rd().filter(col("VALOR").between("2.00", "3.50"))), some(&["20", "30"]));
    assert_eq!(ages(rd().order_by("PESO", true)), some(&["20", "10", "30"]));
    let grouped =
        rd().group_by(["GRUPO"]).aggregate(AggregateFn::Sum, "NOTA", "n").aggregate(AggregateFn::Sum, "PESO", "p");
    let (batch, _) = ask(&client, &grouped.order_by("GRUPO", false)).unwrap();
    assert_eq!((column(&batch, "n"), column(&batch, "p")), (some(&["13", ""]), some(&["72.75", "0.1"])));
    for (filter, expected) in [(col("NOTA").gt("5"), "integer"), (col("ATIVO").eq(1), "boolean")] {
        let error = ask(&client, &rd().filter(filter)).unwrap_err();
        let told = error.diagnostic().get("expected_format").and_then(|value| value.as_str());
        assert_eq!((error.code(), told), (Code::InvalidParams, Some(expected)), "{error}");
    }
}

#[test]
fn own_types_of_two_files_are_widened_or_refused_where_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let files: [(&str, ArrayRef, ArrayRef); 2] = [
        ("RDAC2401.parquet", Arc::new(Int32Array::from(vec![1])), Arc::new(Int32Array::from(vec![7]))),
        ("RDAC2402.parquet", Arc::new(Int64Array::from(vec![1 << 40])), texts(&[Some("sete")])),
    ];
    for (name, number, other) in files {
        let age: ArrayRef = Arc::new(Int32Array::from(vec![40]));
        write(&folder.path().join(name), &vec![("IDADE".into(), age), ("N".into(), number), ("OUTRA".into(), other)]);
    }
    let client = client(folder.path());
    let (batch, _) = ask(&client, &rd().columns(["N"])).unwrap();
    assert_eq!(column(&batch, "N"), some(&["1", "1099511627776"]));
    assert_eq!(ask(&client, &rd().columns(["IDADE"])).unwrap().0.num_rows(), 2);
    let error = ask(&client, &rd().columns(["OUTRA"])).unwrap_err();
    let text = error.to_string();
    assert_eq!(error.code(), Code::InvalidParams, "{text}");
    assert!(text.contains("RDAC2401.parquet") && text.contains("RDAC2402.parquet") && text.contains("OUTRA"), "{text}");
}
