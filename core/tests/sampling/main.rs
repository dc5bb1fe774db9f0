//! Jobs that begin in an emergency of memory: what is sampled, what is not, and who says so.
//!
//! The process has a budget that it is beyond from the start, so that every job of this binary begins in an emergency, but
//! for those of [`calm`].

#[path = "../../../tests/conformance/made.rs"]
mod made;
#[path = "../many/mod.rs"]
mod many;
#[path = "../placed/mod.rs"]
mod placed;
mod resume;
#[path = "../postgres/server.rs"]
#[allow(dead_code)]
mod server;
mod tables;

use std::path::Path;
use std::sync::{Arc, OnceLock, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch, kernels::cmp, sort_to_indices, take_record_batch};
use arrow::datatypes::{Decimal128Type, Int32Type, Int64Type};
use datasus::governor::Governor;
use datasus::params::OnEmergency;
use datasus::plan::{Sampled, Sampling};
use datasus::{AggregateFn, Client, Code, Config, Csv, Language, Mode, Options, Parquet, QueryParams, Secret, col};
use tempfile::TempDir;

static MEMORY: RwLock<()> = RwLock::new(());

/// For as long as the guard lives every job of the process begins in an emergency.
fn emergency() -> RwLockReadGuard<'static, ()> {
    let guard = MEMORY.read().unwrap_or_else(|broken| broken.into_inner());
    set_emergency();
    guard
}

fn set_emergency() {
    Governor::of_process().set_budget(Some(1 << 20));
    assert_eq!(Governor::of_process().mode(), Mode::Emergency);
}

/// The process alone, out of the emergency.
fn calm() -> RwLockWriteGuard<'static, ()> {
    let guard = MEMORY.write().unwrap_or_else(|broken| broken.into_inner());
    Governor::of_process().set_budget(None);
    until("the emergency ends", || {
        Governor::of_process().pressure();
        Governor::of_process().mode() != Mode::Emergency
    });
    guard
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

const ROWS: u64 = 300_000;

/// Thirty files of 10,000 rows, made once.
fn data() -> &'static Path {
    static DATA: OnceLock<TempDir> = OnceLock::new();
    DATA.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        many::write(folder.path(), 30, 10_000);
        folder
    })
    .path()
}

fn config(place: &Path) -> Config {
    // What these tests are about; without it rows wait.
    Config { on_emergency: Some(OnEmergency::Sample), ..placed::config(place) }
}

fn client(place: &Path) -> Client {
    Client::open_with(data(), config(place)).unwrap()
}

fn all() -> QueryParams {
    QueryParams::dataset("SIH-RD")
}

fn on(emergency: OnEmergency) -> Options {
    Options { on_emergency: Some(emergency), ..Options::default() }
}

/// The answer, and what its report says of a sample.
fn answer(client: &Client, params: &QueryParams) -> (RecordBatch, Option<Sampled>) {
    let mut answer = client.query(params).unwrap();
    let (schema, job) = (answer.schema(), answer.job().clone());
    let batches: Vec<_> = answer.by_ref().map(Result::unwrap).collect();
    (concat_batches(&schema, &batches).unwrap(), job.wait().unwrap().sampling)
}

/// Row numbers over all files, as the generator gives them to N_AIH.
fn numbers(batch: &RecordBatch) -> Vec<u64> {
    let texts = batch.column_by_name("N_AIH").unwrap().as_string::<i32>();
    texts.iter().map(|text| text.unwrap().parse::<u64>().unwrap() - 1_200_000_000_000).collect()
}

#[test]
fn plain_rows_are_a_sample_of_a_tenth_and_everything_says_so() {
    let _memory = emergency();
    let place = tempfile::tempdir().unwrap();
    let client = client(place.path());
    let answer = client.query(&all()).unwrap();
    let (schema, job) = (answer.schema(), answer.job().clone());
    let rows: Vec<RecordBatch> = answer.map(Result::unwrap).collect();
    let report = job.wait().unwrap();
    let json = report.to_json();
    let Sampled { sampling, rows_seen, rows_kept, .. } = report.sampling.clone().unwrap();
    assert_eq!((sampling, rows_seen), (Sampling::emergency(), ROWS));
    let deviation = (ROWS as f64 * 0.09).sqrt();
    assert!((rows_kept as f64 - ROWS as f64 / 10.0).abs() < 5.0 * deviation, "{rows_kept}");
    let kept: u64 = rows.iter().map(|batch| batch.num_rows() as u64).sum();
    assert_eq!((report.records_processed, kept, json["mode"].as_str()), (rows_kept, rows_kept, Some("emergency")));
    let sampling = json["sampling"].as_object().unwrap();
    assert_eq!(sampling.keys().collect::<Vec<_>>(), ["fraction", "seed", "method", "rows_seen", "rows_kept"]);
    let said: serde_json::Value = serde_json::from_str(&schema.metadata()["datasus.sampling"]).unwrap();
    assert_eq!(said, json["sampling"]);
    assert!(rows.iter().all(|batch| batch.schema() == schema));
    let warned = |language, word: &str| {
        let config = Config { language, ..config(place.path()) };
        let client = Client::open_with(data(), config).unwrap();
        let answer = client.query(&all().limit(5)).unwrap();
        let job = answer.job().clone();
        answer.for_each(|batch| drop(batch.unwrap()));
        let warnings = job.wait().unwrap().warnings;
        assert!(warnings.iter().any(|w| w.contains(word) && w.contains(&rows_kept.to_string())), "{warnings:?}");
    };
    warned(Language::Pt, "AMOSTRA de 10 %");
    warned(Language::En, "10 % SAMPLE");
}

#[test]
fn the_sample_is_the_same_however_it_is_read_and_nothing_is_scaled() {
    let _memory = emergency();
    let place = tempfile::tempdir().unwrap();
    let (whole, sampled) = answer(&client(place.path()), &all());
    for (row, number) in numbers(&whole).into_iter().enumerate() {
        let money = whole.column_by_name("VAL_TOT").unwrap().as_primitive::<Decimal128Type>();
        assert_eq!(money.value(row), i128::from(number));
    }
    for (threads, chunk_rows) in [(1, 700), (3, 100_000)] {
        let config = Config { threads: Some(threads), chunk_rows, ..config(place.path()) };
        let client = Client::open_with(data(), config).unwrap();
        assert_eq!(answer(&client, &all()), (whole.clone(), sampled.clone()));
        // Conditions, columns, order and limit see the sample as if the files had no other rows.
        let young = all().filter(col("IDADE").lt(30)).columns(["N_AIH", "IDADE"]);
        let ages = whole.column_by_name("IDADE").unwrap().as_primitive::<Int32Type>();
        let kept = cmp::lt(ages, &arrow::array::Int32Array::new_scalar(30)).unwrap();
        let expected = numbers(&filter_record_batch(&whole, &kept).unwrap());
        let (found, same) = answer(&client, &young);
        assert_eq!((numbers(&found), &same), (expected, &sampled));
        // By the engine.
        let order = sort_to_indices(whole.column_by_name("VAL_TOT").unwrap(), None, None).unwrap();
        let ascending = numbers(&take_record_batch(&whole, &order).unwrap());
        let (found, same) = answer(&client, &all().order_by("VAL_TOT", false));
        assert_eq!((numbers(&found), &same), (ascending.clone(), &sampled));
        let (found, _) = answer(&client, &all().order_by("VAL_TOT", true).limit(50));
        assert_eq!(numbers(&found), ascending.into_iter().rev().take(50).collect::<Vec<_>>());
    }
}

/// A profile is exact, or says that it is not, and whose rows it counted.
#[test]
fn a_profile_of_a_sample_says_that_it_is_one() {
    let _memory = emergency();
    let place = tempfile::tempdir().unwrap();
    let client = client(place.path());
    let (rows, sampled) = answer(&client, &all());
    let profile = client.profile(&all().options(on(OnEmergency::Sample))).unwrap();
    assert_eq!((profile.rows, profile.exact), (rows.num_rows() as u64, false));
    assert_eq!(profile.report.sampling, sampled);
    assert!(profile.warnings.iter().any(|warning| warning.contains("SAMPLE")), "{:?}", profile.warnings);
    let spilled = client.profile(&all().options(on(OnEmergency::Spill))).unwrap();
    assert_eq!((spilled.rows, spilled.exact, spilled.report.sampling), (ROWS, true, None));
}

/// The engine would take the user's numbers for its own.
#[test]
fn a_column_that_hides_row_numbers_is_refused_where_the_engine_would_need_them() {
    let _memory = emergency();
    let place = tempfile::tempdir().unwrap();
    let column: arrow::array::ArrayRef = Arc::new(arrow::array::Int64Array::from(vec![7; 1_000]));
    let batch = RecordBatch::try_from_iter([("file_row_number", column)]).unwrap();
    let file = std::fs::File::create(place.path().join("RDAC2301.parquet")).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let client = Client::open_with(place.path(), config(place.path())).unwrap();
    let (rows, sampled) = answer(&client, &all());
    assert_eq!(rows.num_rows() as u64, sampled.unwrap().rows_kept);
    let count = all().aggregate(AggregateFn::Count, "*", "n");
    let refused = client.query(&count.clone().options(on(OnEmergency::Sample))).err().unwrap();
    assert_eq!((refused.code(), refused.context().column.as_deref()), (Code::InvalidParams, Some("file_row_number")));
    assert_eq!(answer(&client, &count).0.column(0).as_primitive::<Int64Type>().value(0), 1_000);
}

/// Made-up admissions in two folders: other paths, other times, the same bytes.
#[test]
fn a_file_gives_the_same_sample_wherever_it_lies() {
    let _memory = emergency();
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    made::write(first.path());
    let admissions = |file: &std::fs::DirEntry| file.file_name().to_str().unwrap().starts_with("RDAC");
    for file in std::fs::read_dir(first.path()).unwrap().map(Result::unwrap).filter(admissions) {
        std::fs::write(second.path().join(file.file_name()), std::fs::read(file.path()).unwrap()).unwrap();
    }
    let read = |place: &Path| {
        answer(&Client::open_with(place, config(place)).unwrap(), &all().uf(["AC"]).columns(["N_AIH", "IDADE"]))
    };
    let (rows, sampled) = read(first.path());
    assert!(rows.num_rows() > 0);
    assert_eq!(read(second.path()), (rows, sampled));
}

#[test]
fn figures_are_exact_unless_a_sample_is_asked_for_and_then_they_are_the_samples_own() {
    let _memory = emergency();
    let place = tempfile::tempdir().unwrap();
    let client = client(place.path());
    let (whole, sampled) = answer(&client, &all());
    let sampled = sampled.unwrap();
    let sum: i128 = numbers(&whole).into_iter().map(i128::from).sum();
    let count = || {
        let count = all().aggregate(AggregateFn::Count, "*", "n");
        count.aggregate(AggregateFn::Sum, "VAL_TOT", "total").aggregate(AggregateFn::Max, "VAL_TOT", "most")
    };
    let sql = || QueryParams::sql("SELECT count(*) AS n, sum(VAL_TOT) AS total FROM sih_rd");
    for params in [count(), sql()] {
        let (exact, none) = answer(&client, &params);
        assert_eq!(exact.column(0).as_primitive::<Int64Type>().value(0), ROWS as i64);
        assert_eq!((none, exact.schema().metadata().len()), (None, 0));
        let (figures, same) = answer(&client, &params.options(on(OnEmergency::Sample)));
        assert_eq!(figures.column(0).as_primitive::<Int64Type>().value(0) as u64, sampled.rows_kept);
        assert_eq!(figures.column(1).as_primitive::<Decimal128Type>().value(0), sum);
        assert_eq!((same.as_ref(), figures.schema().metadata().len()), (Some(&sampled), 1));
    }
    let joined = QueryParams::sql("SELECT count(*) FROM sih_rd JOIN cnes_st USING (CNES)");
    let refused = client.query(&joined.options(on(OnEmergency::Sample))).err().unwrap();
    assert_eq!(refused.code(), Code::InvalidParams);
    assert!(refused.problems().iter().any(|problem| problem.detail.en.contains("samples do not join")), "{refused}");
}

#[test]
fn a_job_goes_on_exactly_or_fails_where_that_is_asked_and_files_are_exact_unless_a_sample_is() {
    let _memory = emergency();
    let place = tempfile::tempdir().unwrap();
    let client = client(place.path());
    let (whole, none) = answer(&client, &all().options(on(OnEmergency::Spill)));
    assert_eq!((whole.num_rows() as u64, none), (ROWS, None));
    let failed = client.query(&all().options(on(OnEmergency::Fail))).err().unwrap();
    assert_eq!((failed.code(), failed.context().stage), (Code::OutOfMemory, Some("governor")));
    let failed = client.export(&all().options(on(OnEmergency::Fail)), Csv::to("b.csv")).unwrap_err();
    assert_eq!(failed.code(), Code::OutOfMemory);
    assert!(client.jobs().unwrap().is_empty(), "it never began");

    let exact = client.export(&all(), (Csv::to("all.csv"), Parquet::to("all.parquet"))).unwrap();
    assert_eq!((exact.records_processed, &exact.sampling), (ROWS, &None));
    let ask = all().options(on(OnEmergency::Sample));
    let sample = client.export(&ask, (Csv::to("a.csv"), Parquet::to("a.parquet"))).unwrap();
    let sampled = sample.sampling.clone().unwrap();
    assert_eq!(sample.records_processed, sampled.rows_kept);
    assert!(sample.warnings.iter().any(|warning| warning.contains("SAMPLE")), "{:?}", sample.warnings);
    let read = |name: &str| {
        let file = std::fs::File::open(place.path().join("out").join(name)).unwrap();
        let builder = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let said = builder.metadata().file_metadata().key_value_metadata().unwrap().clone();
        let said = move |key: &str| said.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.clone());
        let schema = builder.schema().clone();
        let rows: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
        (numbers(&concat_batches(&schema, &rows).unwrap()), said("datasus.sampling"), said("datasus.about").unwrap())
    };
    let (rows, said, about) = read("a.parquet");
    assert_eq!(rows, numbers(&answer(&client, &all()).0), "a file has the rows that a stream has");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&said.unwrap()).unwrap(), sample.to_json()["sampling"]);
    assert!(about.contains("AMOSTRA de 10 %"), "{about}");
    let (rows, said, about) = read("all.parquet");
    assert_eq!((rows.len() as u64, said, about.contains("AMOSTRA")), (ROWS, None, false));
    let lines =
        |name: &str| std::fs::read_to_string(place.path().join("out").join(name)).unwrap().lines().count() as u64;
    assert_eq!((lines("a.csv"), lines("all.csv")), (sampled.rows_kept + 1, ROWS + 1));
    // Kept whole in the job's folder first.
    let groups = all().group_by(["CNES"]).aggregate(AggregateFn::Count, "*", "n").options(on(OnEmergency::Sample));
    let report = client.export(&groups, Csv::to("groups.csv")).unwrap();
    assert_eq!((report.records_processed, report.sampling), (97, Some(sampled)));
}

/// Whatever the clients ask beside it: nobody gets fewer rows than there are.
#[test]
fn rows_are_all_of_them_or_an_error_unless_the_query_or_the_client_asks_for_a_sample() {
    let _memory = emergency();
    let place = tempfile::tempdir().unwrap();
    let usual = Client::open_with(data(), Config { on_emergency: None, ..config(place.path()) }).unwrap();
    // It waits, and the memory does not become free: the deadline comes first here.
    let hurried = |options: Options| all().options(Options { deadline: Some(0.3), ..options });
    for params in [hurried(Options::default()), hurried(on(OnEmergency::Wait)), hurried(Options::default()).limit(10)] {
        let refused = usual.query(&params).err().unwrap();
        assert_eq!(refused.code(), Code::DeadlinePassed, "{refused}");
    }
    assert!(answer(&usual, &all().options(on(OnEmergency::Sample))).1.is_some(), "the query asks");
    let asks = client(place.path());
    assert!(answer(&asks, &all()).1.is_some(), "the client asks");
    let refused = asks.query(&hurried(on(OnEmergency::Wait))).err().unwrap();
    assert_eq!(refused.code(), Code::DeadlinePassed, "the query knows better");
    // What the client asks is for plain rows alone.
    let count = all().aggregate(AggregateFn::Count, "*", "n");
    for client in [&usual, &asks] {
        assert_eq!(answer(client, &count).0.column(0).as_primitive::<Int64Type>().value(0), ROWS as i64);
        let report = client.export(&all(), Csv { overwrite: true, ..Csv::to("all.csv") }).unwrap();
        assert_eq!((report.records_processed, report.sampling), (ROWS, None));
    }
}

#[test]
#[ignore = "half a minute: `make soak`"]
fn after_half_a_minute_of_waiting_it_is_an_error_that_says_what_to_do() {
    let _memory = emergency();
    let place = tempfile::tempdir().unwrap();
    let usual = Client::open_with(data(), Config { on_emergency: None, ..config(place.path()) }).unwrap();
    let began = Instant::now();
    let refused = usual.query(&all()).err().unwrap();
    assert_eq!((refused.code(), refused.retryable()), (Code::OutOfMemory, true));
    assert!((30..60).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

/// More jobs that wait than there are slots: they have left them to those that hold the memory.
#[test]
fn jobs_that_wait_for_memory_hold_no_slot_and_all_of_them_get_every_row() {
    let _memory = calm();
    let place = tempfile::tempdir().unwrap();
    let usual = Client::open_with(data(), Config { on_emergency: None, ..config(place.path()) }).unwrap();
    answer(&usual, &all());
    set_emergency();
    let mut waiting: Vec<_> = (0..16).map(|_| usual.begin_query(&all()).unwrap()).collect();
    until("all of them wait", || waiting.iter().all(|one| one.job().status() == datasus::Status::Retrying));
    let count = all().aggregate(AggregateFn::Count, "*", "n");
    assert_eq!(answer(&usual, &count).0.column(0).as_primitive::<Int64Type>().value(0), ROWS as i64);
    Governor::of_process().set_budget(None);
    for one in &mut waiting {
        let mut rows = one.wait_timeout(Duration::from_secs(60)).unwrap().unwrap();
        let count: u64 = rows.by_ref().map(|batch| batch.unwrap().num_rows() as u64).sum();
        assert_eq!((count, rows.report().unwrap().sampling), (ROWS, None));
    }
}

#[test]
fn who_waits_gets_all_rows_afterwards_and_a_running_job_is_never_switched_to_a_sample() {
    let _memory = calm();
    let place = tempfile::tempdir().unwrap();
    let client = client(place.path());
    // Where there is memory a sample that was asked for is not drawn; the file of one has another name than that of all rows.
    let ask = || client.export(&all().options(on(OnEmergency::Sample)), Csv::default()).unwrap();
    let exact = ask();
    assert_eq!((exact.records_processed, &exact.sampling), (ROWS, &None));
    set_emergency();
    let sample = ask();
    assert!(sample.sampling.is_some() && sample.storage != exact.storage);
    let waiting = client.submit(&all().options(on(OnEmergency::Wait)), Csv::to("a.csv")).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(waiting.wait_timeout(Duration::ZERO).is_none(), "it waits");
    assert!(client.jobs().unwrap().is_empty(), "it has not begun");
    Governor::of_process().set_budget(None);
    let report = waiting.wait_timeout(Duration::from_secs(60)).unwrap().unwrap();
    assert_eq!((report.records_processed, report.sampling), (ROWS, None));

    let config = Config { chunk_rows: 1_000, ..config(place.path()) };
    let client = Client::open_with(data(), config).unwrap();
    let mut answer = client.query(&all()).unwrap();
    let mut rows = answer.next().unwrap().unwrap().num_rows() as u64;
    set_emergency();
    rows += answer.by_ref().map(|batch| batch.unwrap().num_rows() as u64).sum::<u64>();
    assert_eq!((rows, answer.report().unwrap().sampling), (ROWS, None));
}
