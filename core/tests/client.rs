//! The client from end to end: files out, cancel, deadline, back-pressure, spill, the closed room, changed sources.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Decimal128Array, Int32Array, RecordBatch, StringArray};
use datasus::base::Ctx;
use datasus::engine::{DuckDb, Engine, Settings};
use datasus::plan::{Binds, Statement};
use datasus::{AggregateFn, Client, Code, Config, Csv, Error, Parquet, QueryParams, Status, col};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

/// A user's own Parquet: `rows` admissions, N_AIH scattered, IDADE rising, VAL_TOT 1.00 each.
fn write_parquet(path: &Path, rows: usize, row_group: usize) {
    let batch = |from: usize, to: usize| {
        let scattered = (from..to).map(|row| format!("{:013}", row.wrapping_mul(2_654_435_761) % 10_000_000_019));
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("N_AIH", Arc::new(StringArray::from_iter_values(scattered))),
            ("IDADE", Arc::new(Int32Array::from_iter_values((from..to).map(|row| (row / 1000) as i32)))),
            (
                "VAL_TOT",
                Arc::new(
                    Decimal128Array::from_iter_values((from..to).map(|_| 100)).with_precision_and_scale(14, 2).unwrap(),
                ),
            ),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    };
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(row_group)).build();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch(0, 0).schema(), Some(properties)).unwrap();
    for from in (0..rows).step_by(100_000) {
        writer.write(&batch(from, rows.min(from + 100_000))).unwrap();
    }
    writer.close().unwrap();
}

fn client(folder: &Path, config: Config) -> Client {
    let output = folder.join("out");
    std::fs::create_dir_all(&output).unwrap();
    Client::open_with(folder, Config { output: Some(output), ..config }).unwrap()
}

fn sorted() -> QueryParams {
    QueryParams::dataset("SIH-RD").order_by("N_AIH", false)
}

/// No machine is so fast that it comes to the end of this.
fn endless() -> QueryParams {
    QueryParams::sql("SELECT sum(a.range * b.range) AS n FROM range(10000000) a, range(10000000) b")
}

fn left(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

/// The error of a sink, not the cancelling of the statement that follows it.
#[test]
fn a_job_ends_with_what_its_sink_met() {
    let folder = tempfile::tempdir().unwrap();
    let client = client(folder.path(), Config::default());
    let params = QueryParams::sql("SELECT range AS n FROM range(100000000000)");
    let job = client.submit(&params, Csv::default()).unwrap();
    let error = job.wait().unwrap_err();
    assert_eq!((error.code(), error.context().stage), (Code::TooManyRows, Some("csv")), "{error:?}");
    assert_eq!(job.status(), Status::Failed);
    assert!(left(&folder.path().join("out")).is_empty());
}

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
fn a_running_query_is_cancelled_and_the_client_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    write_parquet(&folder.path().join("RDSP2401.parquet"), 3_000_000, 200_000);
    let client = client(folder.path(), Config::default());
    let job = client.submit(&endless(), Csv::to("a.csv")).unwrap();
    while job.status() == Status::Queued {
        std::thread::sleep(Duration::from_millis(5));
    }
    let began = Instant::now();
    job.cancel();
    let error = job.wait_timeout(Duration::from_secs(10)).unwrap().unwrap_err();
    println!("cancelled within {:?}", began.elapsed());
    assert_eq!((error.code(), job.status()), (Code::Cancelled, Status::Cancelled));
    assert!(left(&folder.path().join("out")).is_empty(), "no partial file");
    let count = QueryParams::dataset("SIH-RD").aggregate(AggregateFn::Count, "*", "n");
    assert_eq!(client.query(&count).unwrap().collect_batches().unwrap()[0].num_rows(), 1);
}

#[test]
fn a_deadline_ends_the_job() {
    let folder = tempfile::tempdir().unwrap();
    write_parquet(&folder.path().join("RDSP2401.parquet"), 3_000_000, 200_000);
    let client = client(folder.path(), Config::default());
    let mut params = endless();
    params.options.deadline = Some(0.1);
    let error = client.export(&params, Csv::to("a.csv")).unwrap_err();
    assert_eq!((error.code(), error.retryable()), (Code::DeadlinePassed, true));
    assert!(left(&folder.path().join("out")).is_empty());
}

#[test]
fn a_slow_reader_holds_the_engine_back_and_letting_go_cancels() {
    let folder = tempfile::tempdir().unwrap();
    write_parquet(&folder.path().join("RDSP2401.parquet"), 3_000_000, 200_000);
    let client = client(folder.path(), Config { chunk_rows: 10_000, ..Default::default() });
    let mut answer = client.query(&QueryParams::dataset("SIH-RD")).unwrap();
    assert_eq!(answer.next().unwrap().unwrap().num_rows(), 10_000);
    std::thread::sleep(Duration::from_millis(300));
    let job = answer.job().clone();
    assert!(job.progress().rows <= 60_000, "{:?}", job.progress());
    drop(answer);
    let error = job.wait_timeout(Duration::from_secs(10)).unwrap().unwrap_err();
    assert_eq!(error.code(), Code::Cancelled);
}

#[test]
fn a_sort_beyond_its_memory_spills_and_is_exact() {
    let folder = tempfile::tempdir().unwrap();
    write_parquet(&folder.path().join("RDSP2401.parquet"), 3_000_000, 200_000);
    let spill = folder.path().join("out-spill");
    std::fs::create_dir(&spill).unwrap();
    let config = Config { memory_limit: Some(64 << 20), spill: Some(spill.clone()), ..Default::default() };
    let client = client(folder.path(), config);
    let (mut rows, mut last) = (0, String::new());
    for batch in client.query(&sorted()).unwrap() {
        let batch = batch.unwrap();
        let numbers = batch.column(0).as_any().downcast_ref::<StringArray>().unwrap();
        for number in numbers.iter().flatten() {
            assert!(last.as_str() <= number);
            last.replace_range(.., number);
        }
        rows += batch.num_rows();
    }
    assert_eq!(rows, 3_000_000);
    assert!(left(&spill).is_empty(), "the spill is gone with the query");
}

#[test]
fn an_instance_that_stayed_spills_where_its_statement_may_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    write_parquet(&folder.path().join("RDSP2401.parquet"), 3_000_000, 200_000);
    for name in ["first", "second"] {
        let spill = folder.path().join(name);
        std::fs::create_dir(&spill).unwrap();
        let config = Config { memory_limit: Some(64 << 20), spill: Some(spill.clone()), ..Default::default() };
        let client = client(folder.path(), config);
        let small = QueryParams::dataset("SIH-RD").aggregate(datasus::AggregateFn::Count, "IDADE", "n");
        for _ in 0..2 {
            assert_eq!(client.query(&small).unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 1);
        }
        let mut answer = client.query(&sorted()).unwrap();
        answer.next().unwrap().unwrap();
        let own = spill.join(left(&spill).first().expect("the statement's own folder"));
        assert!(
            left(&own).iter().any(|name| name != "owner.json"),
            "this sort spills, into the folder of its own client"
        );
        assert_eq!(answer.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 3_000_000 - 65_536);
        assert!(left(&spill).is_empty(), "the spill is gone with the query: {:?}", left(&spill));
    }
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

#[test]
fn explain_shows_what_is_read_of_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    write_parquet(&folder.path().join("RDSP2401.parquet"), 400_000, 100_000);
    write_parquet(&folder.path().join("RDRJ2401.parquet"), 100_000, 100_000);
    let client = client(folder.path(), Config::default());
    let params = QueryParams::dataset("SIH-RD").uf(["SP"]).columns(["VAL_TOT"]).filter(col("IDADE").between(150, 160));
    let explain = client.explain(&params).unwrap();
    assert_eq!((explain.files.read, explain.files.present), (1, 2));
    assert_eq!((explain.row_groups.read, explain.row_groups.present), (1, 5));
    assert!(explain.bytes.read * 4 < explain.bytes.present, "{explain:?}");
    assert_eq!(explain.columns, ["VAL_TOT", "IDADE"], "in the catalogue's order");
}

#[test]
fn many_threads_share_a_client() {
    let folder = tempfile::tempdir().unwrap();
    write_parquet(&folder.path().join("RDSP2401.parquet"), 200_000, 100_000);
    let client = client(folder.path(), Config::default());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let client = client.clone();
            scope.spawn(move || {
                let params = QueryParams::dataset("SIH-RD").filter(col("IDADE").lt(thread * 10));
                let rows: usize = client.query(&params).unwrap().map(|batch| batch.unwrap().num_rows()).sum();
                assert_eq!(rows, thread * 10_000);
            });
        }
    });
}

/// The room holds even for SQL that no gate has seen: the planned files can be read, and nothing else.
#[test]
fn the_engines_room_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let (planned, other) = (folder.path().join("source/a.parquet"), folder.path().join("b.parquet"));
    std::fs::create_dir(folder.path().join("source")).unwrap();
    write_parquet(&planned, 10, 10);
    write_parquet(&other, 10, 10);
    let settings = Settings {
        memory_limit: 256 << 20,
        spill_limit: 1 << 30,
        spill_root: folder.path().join("spill"),
        threads: 1,
        units: None,
        chunk_rows: 1000,
        ahead_bytes: 1 << 20,
        channel_depth: 1,
        throttle: Default::default(),
        made: Default::default(),
        hold: None,
        answer: None,
    };
    let run = |sql: &str, engine: &DuckDb| -> Result<usize, Error> {
        let statement = Statement {
            views: Vec::new(),
            written: None,
            sql: sql.into(),
            binds: Binds::Positional(Vec::new()),
            files: vec![planned.display().to_string()],
            columns: Vec::new(),
            from_user: false,
            long_bytes: 0,
            scan: None,
            left_out: Vec::new(),
            answer: None,
        };
        let running = engine.start(statement, &settings, &Ctx::default())?;
        running.map(|chunk| Ok(chunk?.batch.num_rows())).sum()
    };
    let refused = [
        format!("SELECT * FROM read_parquet('{}')", other.display()),
        "SELECT * FROM read_text('/etc/passwd')".into(),
        format!("COPY (SELECT 1) TO '{}'", folder.path().join("c.csv").display()),
        format!("ATTACH '{}'", folder.path().join("d.duckdb").display()),
        "SET memory_limit = '100GB'".into(),
        "INSTALL httpfs".into(),
        "SET enable_external_access = true".into(),
        "SET allowed_directories = ['/']".into(),
    ];
    // Of its own, and then the one that stays for the folder.
    for folders in [Vec::new(), vec![planned.parent().unwrap().canonicalize().unwrap()]] {
        let stays = !folders.is_empty();
        let engine = DuckDb::over(folders);
        for refused in &refused {
            assert_eq!(run(&format!("SELECT * FROM read_parquet('{}')", planned.display()), &engine).unwrap(), 10);
            // What stays can change its bounds, and nothing else; the job sets them before each statement.
            if !refused.contains("memory_limit") || !stays {
                assert!(run(refused, &engine).is_err(), "{refused}");
            }
        }
        assert_eq!(run("SELECT 1", &engine).unwrap(), 1);
    }
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

#[test]
fn a_limit_beyond_what_can_be_counted_is_told() {
    let folder = tempfile::tempdir().unwrap();
    write_parquet(&folder.path().join("RDSP2401.parquet"), 10, 10);
    let client = client(folder.path(), Config::default());
    let error = client.query(&QueryParams::dataset("SIH-RD").limit(u64::MAX)).err().unwrap();
    assert_eq!(error.code(), Code::InvalidParams);
    assert!(error.detail().contains("9223372036854775807") && error.detail().contains("deixe-o de fora"), "{error}");
    let error = QueryParams::from_json(r#"{"dataset": "SIH-RD", "limit": 1e30}"#).unwrap_err();
    assert!(error.detail().contains("9223372036854775807"), "{error}");
    let most = QueryParams::dataset("SIH-RD").limit(i64::MAX as u64);
    assert_eq!(client.query(&most).unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 10);
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
