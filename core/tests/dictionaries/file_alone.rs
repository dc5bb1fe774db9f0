//! A file that is read by itself: its labels, what is derived, and what it has no label for.

use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use datasus::catalog::Catalog;
use datasus::labels::{derived_columns, open_records};
use datasus::source::{FileSummary, LabelsOf, RecordsOf, TypedRecords};
use datasus::{Code, Language, QueryParams};

use crate::answers::{batch, genuine, plain, texts};

fn read(path: &Path, wanted: &RecordsOf) -> (RecordBatch, FileSummary) {
    let mut records = open_records(path, wanted, Catalog::builtin(), Language::En)
        .unwrap_or_else(|error| panic!("{error} {:?}", error.problems()));
    let batches: Vec<RecordBatch> = records.by_ref().map(|batch| plain(&batch.unwrap())).collect();
    (concat_batches(&batches[0].schema(), &batches).unwrap(), records.file_summary())
}

fn named(names: &[&str]) -> Option<Vec<String>> {
    Some(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn a_file_that_is_read_by_itself_has_labels_too() {
    let place = tempfile::tempdir().unwrap();
    datasus::source::write_example_data(place.path(), 60).unwrap();
    let path = place.path().join("RDAC2401.dbc");
    let open = |columns: &[&str], labels: LabelsOf, labels_only: bool| {
        let columns = Some(columns.iter().map(|name| (*name).to_owned()).collect());
        let wanted = RecordsOf { columns, labels: Some(labels), labels_only, ..Default::default() };
        open_records(&path, &wanted, Catalog::builtin(), Language::En)
    };
    let names = |records: &TypedRecords| -> Vec<String> {
        records.schema().fields().iter().map(|field| field.name().clone()).collect()
    };
    let records = open(&["SEXO", "CNES"], LabelsOf::All(true), false).unwrap();
    assert_eq!(names(&records), ["SEXO", "SEXO_rotulo", "CNES"]);
    let mut seen = 0;
    for batch in records {
        let batch = batch.unwrap();
        let text = |at: usize| arrow::compute::cast(batch.column(at), &arrow::datatypes::DataType::Utf8).unwrap();
        let (codes, words) = (text(0), text(1));
        let (codes, words) = (codes.as_string::<i32>(), words.as_string::<i32>());
        for row in 0..batch.num_rows() {
            let expected = if codes.value(row) == "1" { "Masculino" } else { "Feminino" };
            assert_eq!(words.value(row), expected);
            seen += 1;
        }
    }
    assert_eq!(seen, 60);
    // What a label is made of is read, and not shown.
    let only = open(&["COD_IDADE"], LabelsOf::Columns(vec!["COD_IDADE".into()]), true).unwrap();
    assert_eq!(names(&only), ["COD_IDADE_rotulo"]);
    let words: usize =
        only.map(|batch| batch.unwrap()).map(|batch| batch.num_rows() - batch.column(0).null_count()).sum();
    assert_eq!(words, 60);
    let error = open(&["CNES"], LabelsOf::Columns(vec!["CNES".into()]), false).err().unwrap();
    assert_eq!(error.code(), datasus::Code::InvalidParams);
    // A name that says no dataset.
    let odd = place.path().join("arquivo.dbc");
    std::fs::copy(&path, &odd).unwrap();
    let wanted = RecordsOf { labels: Some(LabelsOf::All(true)), ..Default::default() };
    assert!(open_records(&odd, &wanted, Catalog::builtin(), Language::En).is_err());
    let told = RecordsOf { dataset: Some("SIH-RD".into()), ..wanted };
    // Nor the competência, without which no list holds.
    let error = open_records(&odd, &told, Catalog::builtin(), Language::En).err().unwrap();
    assert!(error.code() == datasus::Code::InvalidParams && error.detail().contains("competência"), "{error}");
}

/// Every label and every derived column that a dataset has, of each row, and the codes without a label.
#[test]
fn a_file_that_is_read_by_itself_says_what_a_query_of_it_says() {
    let files = [
        ("sih/RDAC2401.dbc", "SIH-RD"),
        ("sia/PAAC2401.dbc", "SIA-PA"),
        ("cnes/EQAL1509.dbc", "CNES-EQ"),
        ("sim/DORR2022.dbc", "SIM-DO"),
        ("sinasc/DNAP2019.dbc", "SINASC-DN"),
        ("sinan/LEIVBR18.dbc", "SINAN-LEIV"),
    ];
    for (file, dataset) in files {
        let Some((client, place)) = genuine(&[file]) else { return };
        let all = derived_columns(Catalog::builtin().read(dataset).unwrap());
        let path = place.path().join(file.rsplit('/').next().unwrap());
        let whole = open_records(&path, &RecordsOf::default(), Catalog::builtin(), Language::En).unwrap().schema();
        let held = |name: &String| whole.fields().iter().any(|field| field.name() == name);
        let of_file: Vec<&str> =
            all.iter().filter(|one| one.inputs.iter().any(held)).map(|one| one.name.as_str()).collect();
        let (mut compared, mut unlabelled) = (0, Vec::new());
        for names in of_file.chunks(60) {
            let (asked, report) = batch(&client, &QueryParams::dataset(dataset).columns(names.iter().copied()));
            let wanted = RecordsOf { columns: named(names), batch_rows: 1_000, ..Default::default() };
            let (alone, summary) = read(&path, &wanted);
            let of = |batch: &RecordBatch| -> Vec<_> {
                batch.schema().fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
            };
            assert_eq!(of(&alone), of(&asked), "{file}");
            for (at, name) in names.iter().enumerate() {
                assert_eq!(alone.column(at), asked.column(at), "{file} {name}");
                compared += 1;
            }
            assert_eq!(summary.unlabelled, report.unlabelled, "{file}");
            assert_eq!(
                !summary.unlabelled.is_empty(),
                summary.warnings.iter().any(|warning| warning.contains("unlabelled")),
                "{:?}",
                summary.warnings
            );
            unlabelled.extend(summary.unlabelled);
        }
        println!("{file}: {compared} columns, {} of them with codes without a label", unlabelled.len());
        assert!(compared > 15, "{file}: {compared}");
    }
}

#[test]
fn what_is_derived_stands_where_it_is_named_and_needs_what_it_is_made_of() {
    let place = tempfile::tempdir().unwrap();
    datasus::source::write_example_data(place.path(), 60).unwrap();
    let path = place.path().join("RDAC2401.dbc");
    let open = |wanted: &RecordsOf| open_records(&path, wanted, Catalog::builtin(), Language::En);
    let of = |names: &[&str]| RecordsOf { columns: named(names), ..Default::default() };
    let (found, _) = read(&path, &of(&["idade_anos", "CNES", "SEXO_rotulo", "IDADE"]));
    let names: Vec<String> = found.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["idade_anos", "CNES", "SEXO_rotulo", "IDADE"]);
    let rows = texts(&found);
    assert!(rows.iter().all(|row| row.iter().all(Option::is_some)), "{:?}", rows[0]);
    // A label that is named is not there twice, and stands in no code's place.
    let both = RecordsOf {
        labels: Some(LabelsOf::All(true)),
        labels_only: true,
        ..of(&["SEXO_rotulo", "SEXO", "idade_anos"])
    };
    let names: Vec<String> = read(&path, &both).0.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["SEXO_rotulo", "SEXO", "idade_anos"]);
    // What a file does not have.
    let refused = |wanted: &RecordsOf| {
        let error = open(wanted).err().unwrap();
        assert_eq!(error.code(), Code::InvalidParams);
        error
    };
    let near = refused(&of(&["idade_ano"]));
    assert!(near.detail().contains("idade_anos"), "{near}");
    let two = refused(&of(&["idade_ano", "SEX"]));
    assert_eq!(two.problems().len(), 2, "{two}");
    let untyped = refused(&RecordsOf { typed: false, ..of(&["idade_anos"]) });
    assert!(untyped.detail().contains("typed"), "{untyped}");
    let only = refused(&RecordsOf { labels_only: true, ..of(&["SEXO"]) });
    assert!(only.detail().contains("labels_only"), "{only}");
    // By its label's name alone, whether or not it is asked for again.
    let again = RecordsOf { labels: Some(LabelsOf::Columns(vec!["SEXO".into()])), ..of(&["SEXO_rotulo"]) };
    assert_eq!(read(&path, &again).0.num_columns(), 1);
    // What another dataset's columns are made of is not there.
    let other = refused(&RecordsOf { dataset: Some("SINASC-DN".into()), ..of(&["robson", "APGAR1"]) });
    assert!(
        other.problems().len() == 2 && other.detail().contains("ROBSON") | other.detail().contains("robson"),
        "{other}"
    );
}

/// Whichever batch they are in, and once where both words of a column are asked for.
#[test]
fn codes_without_a_label_are_counted_in_the_summary() {
    let Some((_client, place)) = genuine(&["sih/RDAC2401.dbc"]) else { return };
    let columns = named(&["INSC_PN", "INSC_PN_rotulo", "INSC_PN_rotulo"]);
    let wanted = RecordsOf { columns, batch_rows: 500, ..Default::default() };
    let (_, summary) = read(&place.path().join("RDAC2401.dbc"), &wanted);
    assert_eq!(summary.unlabelled.len(), 1, "{:?}", summary.unlabelled);
    let one = &summary.unlabelled[0];
    assert_eq!((one.column.as_str(), one.count, one.codes[0].as_str()), ("INSC_PN", 4_315, "000000000000"));
}
