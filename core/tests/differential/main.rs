//! Random queries against an independent decode in plain DuckDB: over the ministry's DBC, and over the same data as the Parquet
//! that other tools make of it. `DATASUS_QUERIES` says how many; `DATASUS_SEED` runs a failure again.

#[path = "../genuine/mod.rs"]
mod genuine;
mod independent;
mod oracle;
mod question;
mod random;

use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datasus::{Client, QueryParams};
use oracle::{Odd, Oracle};
use question::Question;
use random::Random;

/// Several datasets, years and UFs; among them what is odd: two digits of year, seven of municipality, other layouts.
const GENUINE: [&str; 17] = [
    "sih/RDAC2203.dbc",
    "sih/RDAC2401.dbc",
    "sih/RDRR1412.dbc",
    "sih/RDRR9504.dbc",
    "sih/SPRR0406.dbc",
    "sim/DOAC2013.dbc",
    "sim/DOAP2010.DBC",
    "sim/DORR1997.dbc",
    "sim/DORR2009.dbc",
    "sim/DORR2022.dbc",
    "sinasc/DNAC2010.DBC",
    "sinasc/DNAP2005.dbc",
    "cnes/STAC2401.dbc",
    "cnes/STAP0510.dbc",
    "cnes/LTRR0610.dbc",
    "sia/parr9703.dbc",
    "ciha/CIHAAC1106.dbc",
];

#[test]
fn random_queries_over_made_files_answer_what_an_independent_decode_answers() {
    let folder = tempfile::tempdir().unwrap();
    datasus::source::write_example_data(folder.path(), 300).unwrap();
    agree(files_in(folder.path()), 2);
}

#[test]
fn random_queries_over_genuine_files_answer_what_an_independent_decode_answers() {
    let Some(folder) = genuine::folder() else { return };
    agree(GENUINE.iter().map(|name| folder.join(name)).filter(|path| path.exists()).collect(), 1);
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// `part` of the queries.
fn agree(files: Vec<PathBuf>, part: usize) {
    let wanted = std::env::var("DATASUS_QUERIES").ok().and_then(|count| count.parse().ok()).unwrap_or(200usize);
    let place = tempfile::tempdir().unwrap();
    let oracle = Oracle::of(&files);
    let dbc = place.path().join("dbc");
    std::fs::create_dir(&dbc).unwrap();
    for file in &files {
        std::fs::copy(file, dbc.join(file.file_name().unwrap())).unwrap();
    }
    let mut clients = vec![("DBC".to_owned(), Client::open(&dbc).unwrap())];
    for form in [Odd::Text, Odd::Typed, Odd::Frame] {
        let folder = place.path().join(format!("{form:?}"));
        std::fs::create_dir(&folder).unwrap();
        oracle::write_parquet(&oracle, &folder, form);
        clients.push((format!("Parquet {form:?}"), Client::open(&folder).unwrap()));
    }
    let mut random = Random::seeded();
    let (mut rows, mut empty, mut wrong) = (0, 0, Vec::new());
    for number in 0..wanted / part {
        let question = question::ask(&oracle, &mut random);
        let expected = oracle.rows(&question.sql);
        let other = 1 + random.below(clients.len() - 1);
        for (name, client) in [&clients[0], &clients[other]] {
            if let Err(why) = compare(client, &question, expected.clone()) {
                wrong.push(format!("query {number} over {name}: {why}\n{}\n{}", question.params, question.sql));
            }
        }
        rows += expected.len();
        empty += usize::from(expected.is_empty());
    }
    println!("{} queries, {rows} rows; {empty} without rows", wanted / part);
    assert!(
        wrong.is_empty(),
        "{} answers differ. The first:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(8)].join("\n\n")
    );
    assert!(empty * 2 < wanted / part, "most queries found nothing: they show little");
}

fn compare(client: &Client, question: &Question, mut expected: Vec<Row>) -> Result<(), String> {
    let said = |error: datasus::Error| error.to_string();
    let params = QueryParams::from_json(&question.params.to_string()).map_err(said)?;
    let mut found = texts(&client.query(&params).and_then(|answer| answer.collect_batches()).map_err(said)?);
    if found.len() != expected.len() {
        return Err(format!("{} rows, expected {}", found.len(), expected.len()));
    }
    let keys = |rows: &[Row]| -> Vec<Row> {
        rows.iter().map(|row| question.keys.iter().map(|key| row[*key].clone()).collect()).collect()
    };
    if keys(&found) != keys(&expected) {
        return Err("sorted otherwise".into());
    }
    if !question.ordered {
        found.sort();
        expected.sort();
    }
    let differs = |(found, expected): &(&Row, &Row)| {
        found.len() != expected.len()
            || found.iter().zip(*expected).enumerate().any(|(column, (found, expected))| {
                found != expected && !(question.means.contains(&column) && nearly(found, expected))
            })
    };
    match found.iter().zip(&expected).find(differs) {
        Some((found, expected)) => Err(format!("{found:?}, expected {expected:?}")),
        None => Ok(()),
    }
}

fn nearly(found: &Option<String>, expected: &Option<String>) -> bool {
    let number = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<f64>().ok());
    number(found).zip(number(expected)).is_some_and(|(a, b)| (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0))
}

type Row = Vec<Option<String>>;

/// Every cell as text.
fn texts(batches: &[RecordBatch]) -> Vec<Row> {
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<_> = batch.columns().iter().map(|column| cast(column, &DataType::Utf8).unwrap()).collect();
        let cell = |column: &ArrayRef, row: usize| {
            (!column.is_null(row)).then(|| column.as_string::<i32>().value(row).to_owned())
        };
        rows.extend((0..batch.num_rows()).map(|row| columns.iter().map(|column| cell(column, row)).collect::<Row>()));
    }
    rows
}
