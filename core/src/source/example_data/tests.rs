use std::collections::HashSet;
use std::path::Path;

use arrow::array::ArrayRef;
use arrow::util::display::array_value_to_string;
use chrono::NaiveDate;

use super::{write_example_data, write_example_data_until};
use crate::base::{Cancel, CancelReason, Code, Language};
use crate::catalog::Catalog;
use crate::source::{RecordsOf, TypedRecords};

const ROWS: u32 = 700;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_example_data(folder.path(), ROWS).unwrap();
    folder
}

/// The columns of every file whose name begins so, as text.
fn records(folder: &Path, files: &str, columns: &[&str]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let wanted = RecordsOf {
        columns: Some(columns.iter().map(|&name| name.to_owned()).collect()),
        typed: false,
        ..RecordsOf::default()
    };
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with(files) {
            for batch in TypedRecords::open(&path, &wanted, Catalog::builtin(), Language::Pt).unwrap() {
                let batch = batch.unwrap();
                rows.extend((0..batch.num_rows()).map(|row| {
                    let text = |column: &ArrayRef| array_value_to_string(column, row).unwrap().trim().to_owned();
                    batch.columns().iter().map(text).collect::<Vec<_>>()
                }));
            }
        }
    }
    assert!(!rows.is_empty(), "{files}");
    rows
}

fn day(text: &str, format: &str) -> NaiveDate {
    NaiveDate::parse_from_str(text, format).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// In the unit of the sistemas: 2 days, 3 months, 4 years.
fn age(unit: &str, born: NaiveDate, on: NaiveDate) -> i64 {
    use chrono::Datelike;
    let months =
        12 * (on.year() - born.year()) + on.month() as i32 - born.month() as i32 - i32::from(on.day() < born.day());
    match unit {
        "2" => (on - born).num_days(),
        "3" => months.into(),
        "4" => i64::from(months / 12),
        unit => panic!("unit {unit}"),
    }
}

#[test]
fn an_age_is_that_between_the_days_beside_it() {
    let folder = folder();
    let mut units = HashSet::new();
    let columns = ["COD_IDADE", "IDADE", "NASC", "DT_INTER", "DT_SAIDA", "DIAS_PERM"];
    for row in records(folder.path(), "RD", &columns) {
        let (born, came, left) = (day(&row[2], "%Y%m%d"), day(&row[3], "%Y%m%d"), day(&row[4], "%Y%m%d"));
        assert_eq!(row[1], age(&row[0], born, came).to_string(), "{row:?}");
        assert_ne!((row[0].as_str(), row[1].as_str()), ("4", "0"), "no full year is months");
        assert_eq!(row[5], (left - came).num_days().to_string(), "{row:?}");
        units.insert(row[0].clone());
    }
    assert_eq!(units.len(), 3, "{units:?}");
    for row in records(folder.path(), "DO", &["IDADE", "DTNASC", "DTOBITO"]) {
        let (born, died) = (day(&row[1], "%d%m%Y"), day(&row[2], "%d%m%Y"));
        let (unit, number) = row[0].split_at(1);
        assert_eq!(number.parse(), Ok(age(unit, born, died)), "{row:?}");
        assert_ne!(row[0], "400");
    }
    for row in records(folder.path(), "DN", &["IDADEMAE", "DTNASCMAE", "DTNASC"]) {
        let (mother, born) = (day(&row[1], "%d%m%Y"), day(&row[2], "%d%m%Y"));
        assert_eq!(row[0].parse(), Ok(age("4", mother, born)), "{row:?}");
    }
}

#[test]
fn an_admission_ends_before_it_is_billed_and_some_long_before() {
    let folder = folder();
    let rows = records(folder.path(), "RD", &["ANO_CMPT", "MES_CMPT", "DT_SAIDA", "SEXO"]);
    let late = rows.iter().filter(|row| row[2][..6] < *format!("{}{}", row[0], row[1])).count();
    assert!(rows.iter().all(|row| row[2][..6] <= *format!("{}{}", row[0], row[1])));
    assert!((rows.len() / 8..rows.len() / 3).contains(&late), "{late} of {}", rows.len());
    assert_eq!(rows.iter().filter(|row| row[3] == "3").count() * 2, rows.len());
}

#[test]
fn every_hospital_named_is_a_facility_and_births_have_an_obstetric_bed() {
    let folder = folder();
    let of = |files, column| -> HashSet<String> {
        records(folder.path(), files, &[column])
            .into_iter()
            .map(|mut row| row.remove(0))
            .filter(|c| !c.is_empty())
            .collect()
    };
    let facilities = of("ST", "CNES");
    for (files, column) in [("RD", "CNES"), ("LT", "CNES"), ("DO", "CODESTAB"), ("DN", "CODESTAB")] {
        assert!(of(files, column).is_subset(&facilities), "{files}");
    }
    let beds = records(folder.path(), "LT", &["CNES", "CODLEITO"]).into_iter();
    let obstetric: HashSet<String> = beds.filter(|bed| bed[1] == "43").map(|mut bed| bed.remove(0)).collect();
    assert!(of("DN", "CODESTAB").is_subset(&obstetric));
}

#[test]
fn the_classes_of_a_birth_are_those_of_its_numbers() {
    let folder = folder();
    let rows = records(folder.path(), "DN", &["SEMAGESTAC", "GESTACAO", "CONSPRENAT", "CONSULTAS", "PESO"]);
    for row in &rows {
        let [weeks, visits, grams] = [0, 2, 4].map(|column| row[column].parse::<u32>().unwrap());
        // SEMANAS.CNV and CONSULT.CNV of SINASC: the last of each class.
        let class = |number: u32, last: &[u32]| (1 + last.iter().filter(|last| number > **last).count()).to_string();
        assert_eq!(row[1], class(weeks, &[21, 27, 31, 36, 41]), "{row:?}");
        assert_eq!(row[3], class(visits, &[0, 3, 6]), "{row:?}");
        assert!((500..5_000).contains(&grams), "{row:?}");
    }
    assert_eq!(rows.len(), 2 * ROWS as usize);
    let light = rows.iter().filter(|row| row[4].as_str() < "2500").count() * 100 / rows.len();
    assert!((5..15).contains(&light), "{light} % below 2500 g");
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    let (one, other) = (folder(), folder());
    let names = std::fs::read_dir(one.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<_> = names.collect();
    assert_eq!(names.len(), 14);
    for name in names {
        let [one, other] = [&one, &other].map(|folder| std::fs::read(folder.path().join(&name)).unwrap());
        assert!(one == other, "{name:?}");
    }
}

#[test]
fn a_stop_ends_the_work_and_leaves_no_part_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let stop = Cancel::default();
    let asked = stop.clone();
    let into = folder.path().to_owned();
    // It would take hours; told to stop once its first file has begun.
    let work = std::thread::spawn(move || write_example_data_until(&into, 1_000_000_000, &stop));
    let begun = || std::fs::read_dir(folder.path()).unwrap().count() > 0;
    while !begun() && !work.is_finished() {
        std::thread::yield_now();
    }
    asked.set(CancelReason::Caller);
    assert_eq!(work.join().unwrap().unwrap_err().code(), Code::Cancelled);
    assert!(!begun(), "a part of a file was left");
    assert_eq!(write_example_data(folder.path(), u32::MAX).unwrap_err().code(), Code::InvalidParams);
}
