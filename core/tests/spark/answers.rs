//! The same answers on both engines: schema, rows, order, decimals to the last digit; means to the last bits.

use std::fs::File;
use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{concat_batches, lexsort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Float64Type};
use datasus::{AggregateFn, Client, Code, Csv, Error, QueryParams, col};
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::json;

use crate::cluster::{both, cluster};
use crate::oracle::Oracle;
use crate::question;
use crate::random::Random;

/// The project's acceptance queries, as far as parameters say them: the rest of each is SQL, which stays on one machine.
fn acceptance() -> Vec<serde_json::Value> {
    let one = |column: &str, function: &str, name: &str| json!({"fn": function, "column": column, "as": name});
    let count = || json!({"fn": "count", "as": "n"});
    let by = |column: &str, desc: bool| json!({"column": column, "desc": desc});
    vec![
        json!({"dataset": "SIH-RD", "group_by": ["datasus_uf", "datasus_competencia", "cid_capitulo"], "aggregates": [count(), one("VAL_TOT", "sum", "valor")], "order_by": [by("n", true)]}),
        json!({"dataset": "SIH-RD", "aggregates": [count(), one("MORTE", "sum", "mortes"), one("DIAS_PERM", "avg", "dias"), one("VAL_TOT", "avg", "medio")]}),
        json!({"dataset": "SIH-RD", "group_by": ["PROC_REA"], "aggregates": [count(), one("VAL_TOT", "sum", "valor")], "order_by": [by("valor", true)], "limit": 5}),
        json!({"dataset": "SIH-RD", "group_by": ["MUNIC_RES", "SEXO"], "aggregates": [count()], "order_by": [by("MUNIC_RES", false), by("SEXO", false)]}),
        json!({"dataset": "SIM-DO", "group_by": ["CAUSABAS"], "aggregates": [count()], "where": [{"column": "IDADE", "op": "le", "value": "400"}]}),
        json!({"dataset": "CNES-LT", "group_by": ["CODLEITO"], "aggregates": [one("QT_EXIST", "sum", "ha"), one("QT_SUS", "sum", "sus")], "order_by": [by("CODLEITO", false)]}),
        json!({"dataset": "CNES-ST", "group_by": ["TP_UNID"], "aggregates": [count()], "order_by": [by("TP_UNID", false)]}),
        json!({"dataset": "SINASC-DN", "group_by": ["PARTO", "CONSULTAS"], "aggregates": [count(), one("PESO", "min", "leve"), one("DTNASC", "max", "ultimo")]}),
        json!({"dataset": "SIH-RD", "group_by": ["PROC_REA"], "aggregates": [one("QT_DIARIAS", "sum", "dias"), one("VAL_SH", "sum", "valor")], "order_by": [by("PROC_REA", false)]}),
        json!({"dataset": "SIH-RD", "group_by": ["CNES"], "aggregates": [one("NAT_JUR", "count_distinct", "naturezas"), one("VAL_TOT", "sum", "valor")]}),
        json!({"dataset": "SIH-RD", "group_by": ["ANO_CMPT"], "aggregates": [count(), one("DIAGSEC1", "count", "com_segundo")]}),
        json!({"dataset": "SIH-RD", "group_by": ["idade_anos", "SEXO_rotulo"], "aggregates": [one("UTI_MES_TO", "sum", "uti"), one("VAL_UTI", "sum", "valor")], "order_by": [by("SEXO_rotulo", false), by("idade_anos", true)]}),
    ]
}

fn answer(client: &Client, params: &QueryParams) -> Result<RecordBatch, Error> {
    let rows = client.query(params)?;
    let schema = rows.schema();
    Ok(concat_batches(&schema, &rows.collect_batches()?).unwrap())
}

/// In an order of their own; floats are no key.
fn sorted(batch: &RecordBatch) -> RecordBatch {
    let keys = batch.columns().iter().filter(|column| *column.data_type() != DataType::Float64);
    let keys: Vec<_> =
        keys.map(|values| arrow::compute::SortColumn { values: values.clone(), options: None }).collect();
    take_record_batch(batch, &lexsort_to_indices(&keys, None).unwrap()).unwrap()
}

fn compare(here: &RecordBatch, there: &RecordBatch, ordered: bool) -> Result<(), String> {
    if here.schema() != there.schema() {
        return Err(format!("{:?}\n{:?}", here.schema(), there.schema()));
    }
    let (here, there) = if ordered { (here.clone(), there.clone()) } else { (sorted(here), sorted(there)) };
    if here.num_rows() != there.num_rows() {
        return Err(format!("{} rows here, {} there", here.num_rows(), there.num_rows()));
    }
    for ((here, there), field) in here.columns().iter().zip(there.columns()).zip(here.schema().fields()) {
        let same = match field.data_type() {
            DataType::Float64 => {
                let near = |(a, b): (Option<f64>, Option<f64>)| match (a, b) {
                    (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0),
                    (a, b) => a == b,
                };
                here.as_primitive::<Float64Type>().iter().zip(there.as_primitive::<Float64Type>()).all(near)
            }
            _ => here == there,
        };
        if !same {
            return Err(format!("{}:\n{here:?}\n{there:?}", field.name()));
        }
    }
    Ok(())
}

fn agree([here, there]: &[Client; 2], params: &serde_json::Value, ordered: bool) -> Result<usize, String> {
    let params = QueryParams::from_json(&params.to_string()).map_err(|error| error.to_string())?;
    match (answer(here, &params), answer(there, &params)) {
        (Ok(here), Ok(there)) => compare(&here, &there, ordered).map(|()| here.num_rows()),
        (Err(here), Err(there)) if here.code() == there.code() => Ok(0),
        (here, there) => Err(format!("here {:?}\nthere {:?}", here.err(), there.err())),
    }
}

/// Over files that the library makes: admissions, deaths, births, facilities and beds.
fn made(folder: &Path, rows: u32) {
    datasus::source::write_example_data(folder, rows).unwrap();
}

#[test]
fn the_acceptance_queries_have_the_answers_that_they_have_on_this_machine() {
    let Some(cluster) = cluster() else { return };
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    made(source.path(), 300);
    let clients = both(source.path(), place.path(), &cluster.address());
    let wrong: Vec<String> = acceptance()
        .iter()
        .filter_map(|params| match agree(&clients, params, false) {
            Ok(rows) if rows > 0 => None,
            Ok(_) => Some(format!("no rows: {params}")),
            Err(why) => Some(format!("{params}\n{why}")),
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn labels_and_derived_columns_are_the_same_in_groups_rows_conditions_and_orders() {
    let Some(cluster) = cluster() else { return };
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    made(source.path(), 300);
    let clients = both(source.path(), place.path(), &cluster.address());
    for (params, ordered) in [
        (
            json!({"dataset": "SIH-RD", "columns": ["N_AIH", "SEXO_rotulo", "idade_anos", "datasus_arquivo"], "where": [{"column": "idade_anos", "op": "ge", "value": 60}]}),
            true,
        ),
        (
            json!({"dataset": "SIH-RD", "columns": ["N_AIH", "SEXO", "faixa_etaria"], "order_by": [{"column": "faixa_etaria", "desc": true}], "limit": 40}),
            true,
        ),
        (
            json!({"dataset": "SIH-RD", "group_by": ["faixa_etaria", "SEXO_rotulo"], "aggregates": [{"fn": "count", "as": "n"}], "limit": 7}),
            true,
        ),
        (
            json!({"dataset": "SIM-DO", "group_by": ["SEXO_rotulo", "datasus_competencia"], "aggregates": [{"fn": "count", "as": "n"}]}),
            false,
        ),
        (json!({"dataset": "SINASC-DN", "columns": ["DTNASC", "PESO"], "limit": 10}), true),
        // All that the files have, and nothing of what the plan has beside it.
        (json!({"dataset": "SIH-RD", "limit": 10}), true),
    ] {
        let rows = agree(&clients, &params, ordered).unwrap_or_else(|why| panic!("{params}\n{why}"));
        assert!(rows > 0, "{params}");
    }
}

/// The question with labels and derived columns beside what it asks, in its rows, groups, conditions and orders.
fn labelled(question: &mut question::Question, here: &Client, random: &mut Random) {
    let params = &mut question.params;
    let schema = here.schema(params["dataset"].as_str().unwrap()).unwrap();
    if schema.derived.is_empty() {
        return;
    }
    for _ in 0..1 + random.below(2) {
        let derived = json!(random.one_of(&schema.derived).name);
        let list = if params["aggregates"].is_array() { "group_by" } else { "columns" };
        if !params[list].is_array() {
            params[list] = json!([]);
        }
        let list = params[list].as_array_mut().unwrap();
        if !list.contains(&derived) {
            list.push(derived.clone());
        }
        if random.chance(15) {
            let op = ["is_null", "not_null"][usize::from(random.chance(90))];
            let mut all = params["where"].as_array().cloned().unwrap_or_default();
            all.push(json!({"column": derived, "op": op}));
            params["where"] = json!(all);
        }
        if random.chance(30) {
            let mut all = params["order_by"].as_array().cloned().unwrap_or_default();
            if !all.iter().any(|key| key["column"] == derived) {
                all.push(json!({"column": derived, "desc": random.chance(50)}));
            }
            params["order_by"] = json!(all);
            // Which of the rows that are equal comes first is said where a limit takes some of them.
            question.ordered = params["limit"].is_u64();
        }
    }
}

/// `DATASUS_CLUSTER_QUERIES` says how many; `DATASUS_SEED` runs a failure again.
#[test]
fn random_queries_have_the_answers_that_they_have_on_this_machine() {
    let Some(cluster) = cluster() else { return };
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    made(source.path(), 300);
    let files: Vec<_> = std::fs::read_dir(source.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let oracle = Oracle::of(&files);
    let clients = both(source.path(), place.path(), &cluster.address());
    let wanted = std::env::var("DATASUS_CLUSTER_QUERIES").ok().and_then(|count| count.parse().ok()).unwrap_or(40usize);
    let mut random = Random::seeded();
    let (mut rows, mut empty, mut derived, mut wrong) = (0, 0, 0, Vec::new());
    for number in 0..wanted {
        let mut question = question::ask(&oracle, &mut random);
        if random.chance(60) {
            labelled(&mut question, &clients[0], &mut random);
            derived += 1;
        }
        match agree(&clients, &question.params, question.ordered) {
            Ok(found) => (rows, empty) = (rows + found, empty + usize::from(found == 0)),
            Err(why) => wrong.push(format!("query {number}: {why}\n{}", question.params)),
        }
    }
    println!("{wanted} queries, {derived} of them with derived columns, {rows} rows; {empty} without rows");
    assert!(
        wrong.is_empty(),
        "{} answers differ. The first:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(5)].join("\n\n")
    );
    assert!(empty * 3 < wanted * 2, "most queries found nothing: they show little");
}

/// Its window and its join are SQL, which no cluster takes; what it asks of each year's December is parameters.
#[test]
fn the_original_designs_query_is_refused_as_sql_and_its_sums_are_those_of_this_machine() {
    let Some(cluster) = cluster() else { return };
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    crate::many::write(source.path(), 24, 500);
    let clients = both(source.path(), place.path(), &cluster.address());
    let case = include_str!("../../../tests/conformance/cases/sql_original_example_mended.json");
    let case: serde_json::Value = serde_json::from_str(case).unwrap();
    let params = QueryParams::from_json(&case["params"].to_string()).unwrap();
    let error = answer(&clients[1], &params).unwrap_err();
    assert_eq!(error.code(), Code::InvalidParams, "{error}");
    assert!(error.detail().contains("without `engine`"), "{error}");
    let december = json!({
        "dataset": "SIH-RD", "competencia": ["202312", "202412"], "group_by": ["CNES", "datasus_competencia"],
        "aggregates": [{"fn": "sum", "column": "VAL_TOT", "as": "valor_dezembro"}, {"fn": "count", "as": "n"},
            {"fn": "max", "column": "N_AIH", "as": "ultima"}, {"fn": "avg", "column": "VAL_TOT", "as": "media"}],
        "order_by": [{"column": "CNES", "desc": false}, {"column": "datasus_competencia", "desc": false}],
    });
    assert_eq!(agree(&clients, &december, true).unwrap(), 2 * 97);
}

#[test]
fn only_the_columns_that_are_asked_for_are_read_and_conditions_go_down_to_the_row_groups() {
    let Some(cluster) = cluster() else { return };
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    crate::many::write(source.path(), 2, 1_000);
    let [_, there] = both(source.path(), place.path(), &cluster.address());
    let all = || QueryParams::dataset("SIH-RD");
    for (params, read, pushed) in [
        (all().columns(["IDADE", "datasus_competencia"]), "IDADE:int,_tmp_metadata_row_index:bigint", "[]"),
        (
            all().columns(["VAL_TOT"]).filter(col("N_AIH").lt("1200000000100")),
            "N_AIH:string,VAL_TOT:decimal(14,2),_tmp_metadata_row_index:bigint",
            "[IsNotNull(N_AIH), LessThan(N_AIH,1200000000100)]",
        ),
        // Nobody asks in which order groups are counted.
        (
            all().group_by(["CNES"]).aggregate(AggregateFn::Sum, "VAL_TOT", "valor").filter(col("IDADE").ge(18)),
            "CNES:string,IDADE:int,VAL_TOT:decimal(14,2)",
            "[IsNotNull(IDADE), GreaterThanOrEqual(IDADE,18)]",
        ),
    ] {
        assert!(answer(&there, &params).unwrap().num_rows() > 0);
        let plan = cluster.last_plan();
        let lines: Vec<&str> =
            plan.lines().filter(|line| line.starts_with("ReadSchema") || line.starts_with("PushedFilters")).collect();
        assert!(lines.contains(&format!("ReadSchema: struct<{read}>").as_str()), "{lines:?}");
        let found = lines.iter().any(|line| *line == format!("PushedFilters: {pushed}"));
        assert!(found || pushed == "[]", "{lines:?}");
    }
}

#[test]
fn many_batches_come_whole_and_in_the_order_of_their_files() {
    let Some(cluster) = cluster() else { return };
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    crate::many::write(source.path(), 2, 150_000);
    let [here, there] = both(source.path(), place.path(), &cluster.address());
    let params = QueryParams::dataset("SIH-RD").columns(["N_AIH", "IDADE", "VAL_TOT", "datasus_competencia"]);
    compare(&answer(&here, &params).unwrap(), &answer(&there, &params).unwrap(), true).unwrap();
    let batches = there.query(&params).unwrap().collect_batches().unwrap();
    assert!(batches.iter().all(|batch| batch.num_rows() <= 65_536) && batches.len() >= 4, "{}", batches.len());
}

#[test]
fn files_are_written_from_the_cluster_exactly_and_the_report_says_what_ran_there() {
    let Some(cluster) = cluster() else { return };
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    crate::many::write(source.path(), 2, 20_000);
    let [here, there] = both(source.path(), place.path(), &cluster.address());
    let params = QueryParams::dataset("SIH-RD")
        .group_by(["CNES"])
        .aggregate(AggregateFn::Sum, "VAL_TOT", "valor")
        .aggregate(AggregateFn::Avg, "IDADE", "idade")
        .filter(col("IDADE").ge(18));
    let report = here.export(&params, Csv::to("here.csv")).unwrap();
    assert!(report.cluster.is_none());
    let report = there.export(&params, Csv::to("there.csv")).unwrap();
    let used = report.cluster.clone().unwrap();
    assert!(used.engine.starts_with("spark 4.") && used.reconnects == 0, "{used:?}");
    let lines = |name: &str| {
        let mut lines: Vec<String> =
            std::fs::read_to_string(place.path().join(name)).unwrap().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(lines("here.csv"), lines("there.csv"));
    let plain = QueryParams::dataset("SIH-RD").columns(["N_AIH", "VAL_TOT"]);
    for (client, name) in [(&here, "here2.csv"), (&there, "there2.csv")] {
        assert_eq!(client.export(&plain, Csv::to(name)).unwrap().records_processed, 40_000);
    }
    let whole = |name: &str| std::fs::read(place.path().join(name)).unwrap();
    assert_eq!(whole("here2.csv"), whole("there2.csv"), "in the order of the files");
}

/// Bytes of the chunks of these columns by their footers, and of all.
fn chunks(folder: &Path, columns: &[&str]) -> (u64, u64) {
    let (mut chosen, mut all) = (0, 0);
    for file in std::fs::read_dir(folder).unwrap() {
        let reader = SerializedFileReader::new(File::open(file.unwrap().path()).unwrap()).unwrap();
        for chunk in reader.metadata().row_groups().iter().flat_map(|group| group.columns()) {
            let bytes = chunk.compressed_size() as u64;
            all += bytes;
            chosen += if columns.contains(&chunk.column_path().string().as_str()) { bytes } else { 0 };
        }
    }
    (chosen, all)
}

/// Spark itself does not count what its reader of Parquet fetches by several requests at once: the report goes by the footers.
#[test]
fn the_report_tells_the_bytes_of_the_columns_that_are_read() {
    let Some(cluster) = cluster() else { return };
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    crate::many::write(source.path(), 2, 260_000);
    let [here, there] = both(source.path(), place.path(), &cluster.address());
    let (chosen, all) = chunks(source.path(), &["CNES", "VAL_TOT"]);
    let groups = QueryParams::dataset("SIH-RD").group_by(["CNES"]).aggregate(AggregateFn::Sum, "VAL_TOT", "valor");
    let reports =
        [(here, "here.csv"), (there, "there.csv")].map(|(client, name)| client.export(&groups, Csv::to(name)));
    let [here, there] = reports.map(Result::unwrap);
    assert_eq!((there.bytes.read, there.bytes.present), (chosen, all));
    assert_eq!((there.bytes, there.row_groups), (here.bytes, here.row_groups));
    let used = there.cluster.unwrap();
    assert!(used.tasks >= used.stages, "{used:?}");
}

#[test]
fn sql_stays_on_one_machine_and_what_the_catalogue_answers_needs_no_cluster() {
    let Some(cluster) = cluster() else { return };
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    made(source.path(), 20);
    let [_, there] = both(source.path(), place.path(), &cluster.address());
    let error = answer(&there, &QueryParams::sql("SELECT CNES FROM sih_rd")).unwrap_err();
    assert_eq!(error.code(), Code::InvalidParams);
    assert!(error.detail().contains("without `engine`"), "{error}");
    assert!(answer(&there, &QueryParams::sql("DESCRIBE sih_rd")).unwrap().num_rows() > 50);
}

#[test]
fn files_with_odd_names_are_those_files() {
    let Some(cluster) = cluster() else { return };
    let place = tempfile::tempdir().unwrap();
    let source = place.path().join("é [x] {a,b} 50% ano=2024");
    std::fs::create_dir(&source).unwrap();
    crate::many::write(&source, 3, 50);
    let clients = both(&source, place.path(), &cluster.address());
    let params = json!({"dataset": "SIH-RD", "columns": ["N_AIH", "datasus_arquivo", "datasus_competencia"]});
    assert_eq!(agree(&clients, &params, true).unwrap(), 150);
}
