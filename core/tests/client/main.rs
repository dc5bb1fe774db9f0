//! The client from end to end: jobs, cancel, deadline, back-pressure, spill, the closed room; and files (`files`).

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Decimal128Array, Int32Array, RecordBatch, StringArray};
use datasus::base::Ctx;
use datasus::engine::{DuckDb, Engine, Settings};
use datasus::plan::{Binds, Statement};
use datasus::{AggregateFn, Client, Code, Config, Csv, Error, QueryParams, Status, col};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

mod files;

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
    let error = job.wait_timeout(Duration::from_secs(120)).unwrap().unwrap_err();
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
    let error = job.wait_timeout(Duration::from_secs(120)).unwrap().unwrap_err();
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
            seen: Default::default(),
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
