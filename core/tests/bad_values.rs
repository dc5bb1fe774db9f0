//! What becomes of values that do not parse: NULL and counted, a dead letter, or the end of the query.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use datasus::source::dbc::{DbcWriter, WriteOptions};
use datasus::{
    AggregateFn, Client, Code, Config, Csv, Error, Language, OnBadValue, Options, Parquet, QueryParams, Report, col,
};

const ROWS: usize = 40_000;

/// Every 100th admission came on a day that is none, every 1000th from 50 on cost no number; the first record is deleted.
fn write(path: &Path) {
    let fields = [("N_AIH", b'C', 13, 0), ("DT_INTER", b'C', 8, 0), ("VAL_TOT", b'N', 14, 2), ("SEXO", b'C', 1, 0)];
    let mut writer = DbcWriter::create(File::create(path).unwrap(), &fields, WriteOptions::default()).unwrap();
    writer.write_flagged(b'*', &["9", "20240101", "1.00", "1"]).unwrap();
    for row in 0..ROWS {
        let day = if row % 100 == 0 { "20240230" } else { "20240115" };
        let money = if row % 1000 == 50 { "**" } else { "1.00" };
        let (number, sex) = (format!("{row:013}"), if row % 200 == 0 { "3" } else { "1" });
        writer.write(&[&number, day, money, sex]).unwrap();
    }
    writer.finish().unwrap();
}

fn source() -> (tempfile::TempDir, Client) {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("RDAC2401.dbc"));
    let output = Some(folder.path().join("out"));
    std::fs::create_dir_all(folder.path().join("out")).unwrap();
    let config = Config { output, language: Language::En, ..Config::default() };
    let client = Client::open_with(folder.path(), config).unwrap();
    (folder, client)
}

fn rd(on_bad_value: OnBadValue) -> QueryParams {
    let options = Options { on_bad_value, dead_letter_limit: Some(0.05), ..Options::default() };
    QueryParams::dataset("SIH-RD").options(options)
}

fn ask(client: &Client, params: &QueryParams) -> Result<(usize, Report), Error> {
    let answer = client.query(params)?;
    let job = answer.job().clone();
    let rows = answer.collect_batches()?.iter().map(|batch| batch.num_rows()).sum();
    Ok((rows, job.wait()?))
}

fn count(client: &Client, params: &QueryParams) -> i64 {
    use arrow::array::AsArray;
    let batches = client.query(params).unwrap().collect_batches().unwrap();
    batches[0].column(0).as_primitive::<arrow::datatypes::Int64Type>().value(0)
}

#[test]
fn a_bad_value_is_null_and_counted_where_nothing_else_is_asked() {
    let (_folder, client) = source();
    let (rows, report) = ask(&client, &rd(OnBadValue::Null)).unwrap();
    let bad: Vec<_> = report.bad_values.iter().map(|bad| (bad.column.as_str(), bad.count, bad.samples.len())).collect();
    assert_eq!((rows, bad), (ROWS, vec![("DT_INTER", 400, 10), ("VAL_TOT", 40, 10)]));
}

#[test]
fn rows_with_a_bad_value_in_a_column_that_is_read_are_dead_letters_and_not_in_the_answer() {
    let (_folder, client) = source();
    let letters = |report: &Report| client.dead_letters(&report.job_id).unwrap();
    let (rows, report) = ask(&client, &rd(OnBadValue::DeadLetter).columns(["N_AIH", "DT_INTER"])).unwrap();
    assert_eq!((rows, report.dead_letters), (ROWS - 400, 400));
    let found = letters(&report);
    // All of them, and not the first ten; the row is the file's, whose first record is deleted.
    let places: BTreeSet<u64> = found.iter().map(|letter| letter.source_row.unwrap()).collect();
    assert_eq!(places, (0..400).map(|n| n * 100 + 1).collect());
    let first = &found[0];
    assert_eq!(first.source_file.as_deref(), Some("RDAC2401.dbc"));
    assert_eq!((first.column.as_deref(), first.value.as_deref()), (Some("DT_INTER"), Some("20240230")));
    assert!(report.warnings.iter().any(|warning| warning.contains("400") && warning.contains(&report.job_id)));
    assert_eq!(client.export_dead_letters(&report.job_id, "letters.parquet").unwrap(), 400);

    let (rows, report) = ask(&client, &rd(OnBadValue::DeadLetter).columns(["N_AIH", "SEXO"])).unwrap();
    assert_eq!((rows, report.dead_letters), (ROWS, 0), "nobody read the bad columns");
    assert_eq!(client.dead_letters(&report.job_id).unwrap_err().code(), Code::NotFound);

    let (rows, report) = ask(&client, &rd(OnBadValue::DeadLetter)).unwrap();
    assert_eq!((rows, report.dead_letters), (ROWS - 440, 440));
    assert!(letters(&report).iter().any(|letter| letter.value.as_deref().is_some_and(|value| value.contains("**"))));
}

#[test]
fn every_engine_leaves_the_same_rows_out() {
    let (_folder, client) = source();
    let dead = || rd(OnBadValue::DeadLetter);
    let sexo = col("SEXO").eq("1");
    let (rows, _) =
        ask(&client, &dead().columns(["DT_INTER"]).filter(sexo.clone()).filter(col("SEXO").not_null())).unwrap();
    let good = |row: &usize| !row.is_multiple_of(100);
    assert_eq!(rows, (0..ROWS).filter(good).count());
    let counted = dead().aggregate(AggregateFn::Count, "DT_INTER", "n").filter(sexo);
    assert_eq!(count(&client, &counted), rows as i64);
    let condition = dead().aggregate(AggregateFn::Count, "*", "n").filter(col("VAL_TOT").gt(0.5));
    assert_eq!(count(&client, &condition), ROWS as i64 - 40);
    let sql = QueryParams {
        options: dead().options,
        ..QueryParams::sql("SELECT count(*) AS n, max(DT_INTER) AS d FROM sih_rd")
    };
    assert_eq!(count(&client, &sql), ROWS as i64 - 400);
    let (rows, _) = ask(&client, &dead().columns(["N_AIH", "VAL_TOT"]).order_by("N_AIH", true)).unwrap();
    assert_eq!(rows, ROWS - 40);
    let (rows, _) = ask(&client, &dead().columns(["N_AIH", "DT_INTER"]).limit(150)).unwrap();
    assert_eq!(rows, 150);
}

#[test]
fn a_file_holds_what_a_stream_gives_and_its_letters_are_kept_once() {
    let (folder, client) = source();
    let params = rd(OnBadValue::DeadLetter).columns(["N_AIH", "DT_INTER", "VAL_TOT"]);
    let report = client.export(&params, (Csv::to("a.csv"), Parquet::to("a.parquet"))).unwrap();
    assert_eq!((report.records_processed, report.dead_letters), (ROWS as u64 - 440, 440));
    let csv = std::fs::read_to_string(folder.path().join("out/a.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + ROWS - 440);
    assert!(!csv.contains("0000000000100") && csv.contains("0000000000101"));
    assert_eq!(client.dead_letters(&report.job_id).unwrap().len(), 440);
    let grouped = rd(OnBadValue::DeadLetter).group_by(["SEXO"]).aggregate(AggregateFn::Sum, "VAL_TOT", "v");
    let report = client.export(&grouped, Csv::to("b.csv")).unwrap();
    assert_eq!((report.records_processed, report.dead_letters), (2, 40));
}

#[test]
fn fail_names_the_first_one_and_publishes_nothing() {
    let (folder, client) = source();
    let params = rd(OnBadValue::Fail).columns(["N_AIH", "VAL_TOT"]);
    for error in [ask(&client, &params).unwrap_err(), client.export(&params, Csv::to("a.csv")).unwrap_err()] {
        let of = error.context();
        assert_eq!(
            (error.code(), of.row, of.column.as_deref()),
            (Code::InvalidParams, Some(51), Some("VAL_TOT")),
            "{error}"
        );
        assert_eq!(of.file.as_deref(), Some("RDAC2401.dbc"));
        assert!(error.detail().contains("**"), "{error}");
    }
    assert!(!folder.path().join("out/a.csv").exists());
    let (rows, _) = ask(&client, &rd(OnBadValue::Fail).columns(["N_AIH"])).unwrap();
    assert_eq!(rows, ROWS);
}

#[test]
fn more_letters_than_allowed_end_the_job_before_its_first_row() {
    let (folder, client) = source();
    let options =
        Options { on_bad_value: OnBadValue::DeadLetter, dead_letter_limit: Some(0.009), ..Options::default() };
    let params = QueryParams::dataset("SIH-RD").columns(["DT_INTER"]).options(options);
    for error in [ask(&client, &params).unwrap_err(), client.export(&params, Csv::to("a.csv")).unwrap_err()] {
        assert_eq!((error.code(), error.context().row), (Code::TooManyDeadLetters, Some(1)), "{error}");
    }
    assert!(!folder.path().join("out/a.csv").exists() && client.jobs().unwrap().is_empty());
}

/// AC has bad days in half of its rows and a record of no known flag, RR a single bad day among a thousand rows.
fn two_ufs(folder: &Path) -> Client {
    let fields = [("N_AIH", b'C', 13, 0), ("DT_INTER", b'C', 8, 0)];
    for (name, rows, bad) in [("RDAC2401.dbc", 40, 2), ("RDRR2401.dbc", 1000, 1000)] {
        let mut writer =
            DbcWriter::create(File::create(folder.join(name)).unwrap(), &fields, WriteOptions::default()).unwrap();
        if rows == 40 {
            writer.write_flagged(b'?', &["9", "20240101"]).unwrap();
        }
        for row in 0..rows {
            let day = if row % bad == 0 { "20240230" } else { "20240115" };
            writer.write(&[&format!("{row:013}"), day]).unwrap();
        }
        writer.finish().unwrap();
    }
    let config = Config { output: Some(folder.join("out")), language: Language::En, ..Config::default() };
    std::fs::create_dir_all(folder.join("out")).unwrap();
    Client::open_with(folder, config).unwrap()
}

#[test]
fn rows_of_files_that_a_condition_leaves_out_count_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let client = two_ufs(folder.path());
    let of = |uf: &str, limit: f64| {
        let options =
            Options { on_bad_value: OnBadValue::DeadLetter, dead_letter_limit: Some(limit), ..Options::default() };
        QueryParams::dataset("SIH-RD").filter(col("datasus_uf").eq(uf)).options(options)
    };
    let (rows, report) = ask(&client, &of("RR", 0.01)).unwrap();
    let bad: Vec<_> = report.bad_values.iter().map(|bad| (bad.file.as_str(), bad.count)).collect();
    assert_eq!((rows, report.dead_letters, bad), (999, 1, vec![("RDRR2401.dbc", 1)]));
    assert!(!report.warnings.iter().any(|warning| warning.contains("RDAC2401")), "{:?}", report.warnings);
    let report = client.export(&of("RR", 0.01), Csv::to("a.csv")).unwrap();
    assert_eq!((report.records_processed, report.dead_letters), (999, 1));
    let letters = client.dead_letters(&report.job_id).unwrap();
    assert_eq!(letters.iter().map(|one| one.source_file.as_deref()).collect::<Vec<_>>(), [Some("RDRR2401.dbc")]);
    // Half of the rows that are read, and 2 % of those that lie there.
    let error = ask(&client, &of("AC", 0.4)).unwrap_err();
    assert_eq!(error.code(), Code::TooManyDeadLetters, "{error}");
    assert!(error.detail().contains("20") && error.detail().contains("of 40 rows"), "{error}");
    assert_eq!(ask(&client, &of("AC", 0.5)).unwrap().1.dead_letters, 21);
    let fail = Options { on_bad_value: OnBadValue::Fail, ..Options::default() };
    let nobody = QueryParams::dataset("SIH-RD").filter(col("datasus_arquivo").eq("outro")).options(fail);
    assert_eq!(ask(&client, &nobody).unwrap().0, 0);
}

#[test]
fn the_option_is_part_of_the_contract() {
    let json = r#"{"dataset": "SIH-RD", "options": {"on_bad_value": "dead_letter"}}"#;
    assert_eq!(QueryParams::from_json(json).unwrap().options.on_bad_value, OnBadValue::DeadLetter);
    let wrong = QueryParams::from_json(&json.replace("dead_letter", "ignore")).unwrap_err();
    assert_eq!(wrong.code(), Code::Malformed);
}

#[test]
fn a_figure_that_is_named_like_a_column_reads_no_such_column() {
    let (_folder, client) = source();
    let counted = rd(OnBadValue::DeadLetter).aggregate(AggregateFn::Count, "*", "DT_INTER");
    let params = counted.group_by(["SEXO"]).order_by("DT_INTER", true);
    let (rows, report) = ask(&client, &params).unwrap();
    assert_eq!((rows, report.dead_letters), (2, 0), "{report}");
}
