//! What a query will take, told before it runs.

use arrow::array::{Date32Array, Decimal128Array, Int32Array};
use datasus::estimate::{Basis, Bounded, Expected, Runs};
use datasus::{AggregateFn, CacheMode, Estimate, col};

use super::*;

/// Numbers that look like anything and are the same in each run.
fn scattered(column: u64, row: u64) -> u64 {
    let mut bits = (column << 48) ^ row;
    for _ in 0..2 {
        bits = (bits ^ (bits >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits ^= bits >> 29;
    }
    bits
}

/// A user's own Parquet of admissions, in row groups of 20,000.
fn admissions(path: &Path, uf: u64, rows: u64) {
    let text = |of: &dyn Fn(u64) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values((0..rows).map(of))) };
    let numbers = |of: &dyn Fn(u64) -> u64| -> ArrayRef {
        Arc::new(Int32Array::from_iter_values((0..rows).map(|row| of(row) as i32)))
    };
    let cents = Decimal128Array::from_iter_values((0..rows).map(|row| i128::from(scattered(1, row + uf) % 200_000)));
    // Few are frequent and many are rare.
    let skewed = |column: u64, row: u64, values: u64| {
        (scattered(column, row + uf) % values).min(scattered(column + 50, row + uf) % values)
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("N_AIH", text(&|row| format!("{uf:02}{row:011}"))),
        ("CNES", text(&|row| format!("{:07}", uf * 1_000 + skewed(3, row, 400)))),
        ("MUNIC_RES", text(&|row| format!("{uf:02}{:04}", skewed(2, row, 300)))),
        ("SEXO", text(&|row| if scattered(4, row + uf) % 100 < 42 { "1".into() } else { "3".into() })),
        (
            "DIAG_PRINC",
            text(&|row| {
                let code = skewed(5, row, 2_000);
                format!("{}{:02}{}", char::from(b'A' + (code % 22) as u8), code / 22, code % 10)
            }),
        ),
        ("IDADE", numbers(&|row| scattered(6, row + uf) % 100)),
        ("MORTE", numbers(&|row| u64::from(scattered(7, row + uf).is_multiple_of(25)))),
        ("VAL_TOT", Arc::new(cents.with_precision_and_scale(14, 2).unwrap())),
        ("DT_INTER", Arc::new(Date32Array::from_iter_values((0..rows).map(|row| 19_723 + (row * 31 / rows) as i32)))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = parquet::file::properties::WriterProperties::builder();
    let properties = properties.set_max_row_group_row_count(Some(20_000)).build();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn place() -> Place {
    let place = Place::new();
    for (uf, name, rows) in [(12, "AC", 30_000), (35, "SP", 110_000), (33, "RJ", 60_000)] {
        admissions(&place.path(&format!("RD{name}2401.parquet")), uf, rows);
    }
    place
}

fn ac() -> QueryParams {
    run_again(rd().uf(["AC"]))
}

fn run_again(params: QueryParams) -> QueryParams {
    params.options(Options { cache: CacheMode::Off, ..Options::default() })
}

fn truth(client: &Client, params: &QueryParams) -> u64 {
    rows(client, params).unwrap().1.records_processed
}

/// Structured queries and SQL: conditions, groups, joins, orders, limits.
fn sixty() -> Vec<QueryParams> {
    let sql = QueryParams::sql;
    let mut all = vec![
        rd(),
        rd().uf(["SP"]).columns(["N_AIH"]),
        rd().limit(1_000),
        rd().aggregate(AggregateFn::Sum, "VAL_TOT", "valor"),
        rd().filter(col("IDADE").ge(0)),
        rd().filter(col("IDADE").gt(1_000)),
        rd().filter(col("datasus_uf").eq("AC")),
        rd().filter(col("datasus_uf").eq("AC") & col("SEXO").eq("1")),
    ];
    let conditions = || {
        vec![
            col("SEXO").eq("1"),
            col("SEXO").ne("1"),
            col("IDADE").between(20, 39),
            col("IDADE").lt(5) | col("IDADE").ge(80),
            !col("MORTE").eq(0),
            col("DIAG_PRINC").starts_with("C"),
            col("VAL_TOT").gt("1500.00"),
            col("DT_INTER").ge("2024-01-20"),
            col("SEXO").eq("3") & col("IDADE").is_in([1, 2, 3, 4, 5, 6]),
        ]
    };
    for condition in conditions() {
        all.push(rd().columns(["N_AIH", "VAL_TOT"]).filter(condition.clone()));
        all.push(rd().filter(condition.clone()).order_by("VAL_TOT", true).limit(20_000));
        all.push(rd().filter(condition).group_by(["MUNIC_RES"]).aggregate(AggregateFn::Sum, "VAL_TOT", "valor"));
    }
    for keys in [vec!["SEXO"], vec!["CNES"], vec!["DIAG_PRINC"], vec!["SEXO", "IDADE"], vec!["datasus_uf", "SEXO"]] {
        all.push(rd().group_by(keys).count("n"));
    }
    for text in [
        "SELECT N_AIH FROM sih_rd WHERE SEXO = '1' AND IDADE BETWEEN 20 AND 39",
        "SELECT N_AIH, VAL_TOT FROM sih_rd WHERE DIAG_PRINC LIKE 'C%' OR VAL_TOT > 1500.5",
        "SELECT * FROM sih_rd WHERE substr(DIAG_PRINC, 1, 1) IN ('A', 'B') AND NOT MORTE = 1",
        "SELECT N_AIH FROM sih_rd WHERE day(DT_INTER) <= 10",
        "SELECT N_AIH FROM sih_rd WHERE DT_INTER >= DATE '2024-01-20' ORDER BY VAL_TOT",
        "SELECT count(*) AS n, avg(VAL_TOT) AS media FROM sih_rd WHERE SEXO = '1'",
        "SELECT MUNIC_RES, count(*) AS n FROM sih_rd GROUP BY MUNIC_RES ORDER BY n DESC",
        "SELECT MUNIC_RES AS m, SEXO, sum(VAL_TOT) AS v FROM sih_rd WHERE IDADE < 18 GROUP BY m, SEXO",
        "SELECT CNES, IDADE // 10 AS faixa, count(*) AS n FROM sih_rd GROUP BY ALL",
        "SELECT DISTINCT DIAG_PRINC, SEXO FROM sih_rd",
        "SELECT DISTINCT MUNIC_RES FROM sih_rd WHERE datasus_uf = 'SP'",
        "SELECT substr(DIAG_PRINC, 1, 3) AS cid, count(*) AS n FROM sih_rd GROUP BY 1",
        "WITH h AS (SELECT CNES, count(*) AS n FROM sih_rd GROUP BY CNES) SELECT r.N_AIH, h.n FROM sih_rd r JOIN h ON r.CNES = h.CNES",
        "WITH h AS (SELECT CNES, count(*) AS n FROM sih_rd GROUP BY CNES) SELECT r.N_AIH FROM sih_rd r JOIN h USING (CNES) WHERE r.SEXO = '1'",
        "WITH c AS (SELECT MUNIC_RES, VAL_TOT FROM sih_rd WHERE SEXO = '3') SELECT MUNIC_RES, max(VAL_TOT) AS v FROM c GROUP BY MUNIC_RES",
        "SELECT N_AIH FROM sih_rd WHERE SEXO = '1' UNION ALL SELECT N_AIH FROM sih_rd WHERE MORTE = 1",
        "SELECT N_AIH, row_number() OVER (PARTITION BY MUNIC_RES ORDER BY VAL_TOT) AS posto FROM sih_rd WHERE IDADE > 60",
        "SELECT N_AIH, MUNIC_RES FROM sih_rd QUALIFY row_number() OVER (PARTITION BY MUNIC_RES ORDER BY VAL_TOT DESC) = 1",
        "SELECT N_AIH FROM sih_rd LIMIT 77",
        "SELECT a.m FROM (SELECT MUNIC_RES AS m, SEXO AS s FROM sih_rd) a WHERE a.s = '1'",
    ] {
        all.push(sql(text));
    }
    all.into_iter().map(run_again).collect()
}

#[test]
fn rows_of_sixty_mixed_queries_are_told_within_a_tenth_and_what_is_known_is_right() {
    let (place, mut errors, mut within) = (place(), Vec::new(), Vec::new());
    let client = place.client();
    for params in sixty() {
        let Estimate { rows: Expected { low, likely, high, .. }, .. } = client.estimate(&params).unwrap();
        let found = truth(&client, &params);
        let error = likely.abs_diff(found) as f64 / found.max(1) as f64;
        if low == high {
            assert_eq!(likely, found, "it was said to be known: {params:?}");
        } else {
            within.push(low <= found && found <= high);
        }
        println!("{error:.3} {low} {likely} {high} {found} {}", serde_json::to_string(&params).unwrap());
        errors.push(error);
    }
    assert_eq!(errors.len(), 60);
    errors.sort_by(f64::total_cmp);
    assert!(errors[30] < 0.1, "median error {}", errors[30]);
    assert!(errors[54] < 0.5, "nine of ten are not far off: {errors:?}");
    let held = within.iter().filter(|held| **held).count() as f64 / within.len() as f64;
    assert!(held >= 0.8, "{held} of {} within their intervals", within.len());
}

#[test]
fn a_plain_query_is_known_and_files_are_told_by_their_headers_before_any_is_converted() {
    let place = Place::new();
    place.dbc("RDAC2401.dbc", 0, 400).dbc("RDAC2402.dbc", 400, 300);
    let client = place.client();
    let before = client.estimate(&ac()).unwrap();
    let sizes = |name: &str| std::fs::metadata(place.path(name)).unwrap().len();
    assert_eq!(before.bytes_to_convert.likely, sizes("RDAC2401.dbc") + sizes("RDAC2402.dbc"));
    assert!(before.rows.low <= 700 && 700 <= before.rows.high && before.rows.high < 720, "{before:?}");
    assert_eq!((before.files, before.files_to_convert, before.files_to_download), (2, 2, 0));
    assert!(before.basis.contains(&Basis::Headers), "{before:?}");
    assert!(!place.elsewhere.path().join("lake").exists(), "nothing was converted");

    assert_eq!(truth(&client, &ac()), 700);
    let after = client.estimate(&ac()).unwrap();
    assert!(after.rows.is_exact() && after.rows.likely == 700 && after.rows_read.likely == 700, "{after:?}");
    assert_eq!((after.bytes_to_convert.likely, after.files_to_convert, after.engine), (0, 0, Runs::Scan));
    let explained = client.explain(&ac()).unwrap();
    assert_eq!(after.bytes_to_read.likely, explained.bytes.read);
    let one = client.estimate(&ac().columns(["UF_ZI"])).unwrap();
    assert!(one.bytes_to_read.likely < after.bytes_to_read.likely);
    // Of a month that is not there yet the others say what it is like.
    place.dbc("RDAC2403.dbc", 700, 350);
    let three = client.estimate(&ac()).unwrap();
    assert!(three.rows.low <= 1_050 && 1_050 <= three.rows.high, "{three:?}");
    assert_eq!((three.files, three.files_to_convert), (3, 1));
    let missing = client.estimate(&ac().competencia("202401".."202406")).unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
}

#[test]
fn what_a_condition_on_the_file_leaves_out_is_neither_estimated_nor_explained_as_read() {
    let place = place();
    let client = place.client();
    let of_ac = run_again(rd().filter(col("datasus_uf").eq("AC")));
    let (explained, estimated) = (client.explain(&of_ac).unwrap(), client.estimate(&of_ac).unwrap());
    assert_eq!((explained.row_groups.read, explained.row_groups.present), (2, 11), "{explained:?}");
    assert_eq!((estimated.rows, estimated.bytes_to_read.likely), (Expected::exact(30_000), explained.bytes.read));
}

#[test]
fn what_a_text_says_of_its_rows_in_a_way_that_is_not_followed_is_not_said_to_be_known() {
    let place = place();
    let client = place.client();
    for text in [
        "SELECT unnest([N_AIH, CNES]) AS x FROM sih_rd",
        "SELECT N_AIH FROM sih_rd LIMIT 10 * 7",
        "SELECT N_AIH FROM sih_rd OFFSET 10 * 7",
        "SELECT a.N_AIH FROM sih_rd a NATURAL JOIN (SELECT DISTINCT CNES FROM sih_rd) b",
        "SELECT sum(VAL_TOT) AS v FROM sih_rd HAVING sum(VAL_TOT) < 0",
        "SELECT N_AIH FROM sih_rd a WHERE EXISTS (SELECT 1 FROM sih_rd b WHERE b.MORTE = 2)",
    ] {
        let rows = client.estimate(&run_again(QueryParams::sql(text))).unwrap().rows;
        assert!(!rows.is_exact(), "{text}: {rows:?}");
    }
    let tables = client.estimate(&QueryParams::sql("SHOW TABLES")).unwrap();
    assert_eq!((tables.rows.is_exact(), tables.engine), (true, Runs::Catalogue));
    assert_eq!(tables.rows.likely, truth(&client, &QueryParams::sql("SHOW TABLES")));
}

#[test]
fn jobs_are_learned_from_by_every_client_of_the_lake_and_a_changed_history_begins_anew() {
    let place = Place::new();
    place.dbc("RDAC2401.dbc", 0, 400);
    let params = ac();
    let client = place.client();
    assert_eq!(client.estimate(&params).unwrap().history, 0);
    // The first job converts, and so says nothing of the second.
    (0..13).for_each(|_| assert_eq!(truth(&client, &params), 400));
    let told = client.estimate(&params).unwrap();
    assert_eq!(told.history, 12);
    assert!(told.basis.contains(&Basis::History) && told.duration_by != datasus::estimate::Model::None, "{told:?}");
    assert!(told.duration_sec.low <= told.duration_sec.likely && told.duration_sec.likely <= told.duration_sec.high);
    assert!(client.metrics().contains(r#"datasus_estimate_ratio_count{figure="memory"} 12"#), "{}", client.metrics());
    let other = place.client();
    assert_eq!(other.estimate(&params).unwrap().history, 12);
    let file = place.elsewhere.path().join("lake/.history/jobs.jsonl");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[100] ^= 1;
    bytes.push(b'\n');
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(other.estimate(&params).unwrap().history, 0);
    truth(&other, &params);
    assert_eq!((other.estimate(&params).unwrap().history, client.estimate(&params).unwrap().history), (1, 1));
}

#[test]
fn what_a_query_works_with_follows_its_groups_and_is_said_where_the_settings_do_not_do() {
    let place = place();
    let lake = place.elsewhere.path().join("lake");
    let config = |limit| Config {
        memory_limit: Some(limit),
        spill_limit: 1 << 20,
        lake: Some(lake.clone()),
        ..Config::default()
    };
    let of = |limit| Client::open_with(place.folder.path(), config(limit)).unwrap();
    let grouped = |key: &str| run_again(rd().group_by([key]).count("n"));
    let client = of(8 << 30);
    let (few, many) = (client.estimate(&grouped("SEXO")).unwrap(), client.estimate(&grouped("N_AIH")).unwrap());
    assert!(few.work_bytes < many.work_bytes, "{few:?} {many:?}");
    assert_eq!((few.complexity.aggregations, few.engine), (1, Runs::Duckdb));
    assert!(few.exceeds.is_empty() && many.exceeds.is_empty());
    let all = run_again(QueryParams::sql("SELECT * FROM sih_rd ORDER BY N_AIH"));
    let small = of(64 << 20).estimate(&all).unwrap();
    assert!(small.exceeds.contains(&Bounded::MemoryLimit), "{small:?}");
    let sql = "SELECT a.CNES, count(*) AS n, rank() OVER (ORDER BY count(*)) AS p FROM sih_rd a JOIN sih_rd b ON a.N_AIH = b.N_AIH GROUP BY a.CNES";
    let complexity = client.estimate(&run_again(QueryParams::sql(sql))).unwrap().complexity;
    assert_eq!((complexity.joins, complexity.windows), (1, 1));
    assert!(complexity.aggregations >= 1);
}

#[test]
fn a_job_that_groups_many_rows_into_few_takes_the_memory_of_the_few() {
    logged::listen();
    let place = Place::new();
    let rows = 3_000_000;
    let codes: StringArray = (0..rows).map(|row| Some(if row % 3 == 0 { "1" } else { "3" })).collect();
    let batch = RecordBatch::try_from_iter([("SEXO", Arc::new(codes) as ArrayRef)]).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(place.path("RDSP2401.parquet")).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let client = place.client();
    let params = run_again(QueryParams::sql("SELECT SEXO, count(*) AS n FROM sih_rd GROUP BY SEXO"));
    let (found, report) = super::rows(&client, &params).unwrap();
    assert_eq!(found, 2);
    let lines = logged::logged();
    let line =
        lines.lines().find(|line| line.contains(&report.trace_id) && line.contains("share of the memory")).unwrap();
    let of = |key: &str| -> u64 {
        let value = line.split(&format!("{key}=")).nth(1).unwrap();
        value.split(' ').next().unwrap().parse().unwrap()
    };
    // With less than that DuckDB begins no query.
    assert!(of("at_most") > 256 << 20 && of("want") == 256 << 20, "{line}");
}
