//! A dataset's columns are the same whatever the year of its files: one form per code, one type per column.

mod genuine;

use std::fs::File;
use std::path::Path;

use arrow::array::{Array, RecordBatch};
use arrow::util::display::array_value_to_string;
use datasus::source::dbc::{DbcWriter, WriteOptions};
use datasus::source::{RecordsOf, TypedRecords};
use datasus::{AggregateFn, Catalog, Client, Config, Language, QueryParams, Report, col};

/// A DBC of the given fields (`C7`, `N4`) and rows.
fn write(folder: &Path, name: &str, fields: &[(&str, &str)], rows: &[&[&str]]) {
    let fields: Vec<(&str, u8, u16, u8)> = fields
        .iter()
        .map(|(name, layout)| {
            let (width, decimals) = layout[1..].split_once('.').unwrap_or((&layout[1..], "0"));
            (*name, layout.as_bytes()[0], width.parse().unwrap(), decimals.parse().unwrap())
        })
        .collect();
    let fields: Vec<_> =
        fields.iter().map(|(name, kind, width, decimals)| (*name, *kind, *width as _, *decimals)).collect();
    let file = File::create(folder.join(name)).unwrap();
    let mut writer = DbcWriter::create(file, &fields, WriteOptions::default()).unwrap();
    rows.iter().for_each(|row| writer.write(row).unwrap());
    writer.finish().unwrap();
}

fn client(folder: &Path) -> Client {
    let config = Config { language: Language::En, lake: Some(folder.join(".lake")), ..Config::default() };
    Client::open_with(folder, config).unwrap()
}

/// A client of copies of genuine files, where they are.
fn genuine_client(folder: &Path, files: &[&str]) -> Option<Client> {
    let real = genuine::folder()?;
    for file in files {
        std::fs::copy(real.join(file), folder.join(Path::new(file).file_name().unwrap())).unwrap();
    }
    Some(client(folder))
}

fn cells(batches: &[RecordBatch]) -> Vec<Vec<Option<String>>> {
    let cell = |batch: &RecordBatch, column: usize, row: usize| {
        let column = batch.column(column);
        column.is_valid(row).then(|| array_value_to_string(column, row).unwrap())
    };
    let rows = batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch, row)));
    rows.map(|(batch, row)| (0..batch.num_columns()).map(|column| cell(batch, column, row)).collect()).collect()
}

/// The rows as text, NULL as `-`, and the report.
fn ask(client: &Client, params: &QueryParams) -> (Vec<String>, Report) {
    let mut answer = client.query(params).unwrap_or_else(|error| panic!("{params:?}: {error:?}"));
    let batches: Vec<RecordBatch> = answer.by_ref().map(Result::unwrap).collect();
    let line =
        |row: Vec<Option<String>>| row.into_iter().map(|cell| cell.unwrap_or("-".into())).collect::<Vec<_>>().join(" ");
    (cells(&batches).into_iter().map(line).collect(), answer.report().unwrap())
}

fn rows(client: &Client, params: &QueryParams) -> Vec<String> {
    ask(client, params).0
}

fn count(client: &Client, params: QueryParams) -> String {
    rows(client, &params.aggregate(AggregateFn::Count, "*", "n")).remove(0)
}

/// Deaths of 1997 hold IBGE's seven digits, those of 2022 the ministry's six.
fn deaths(folder: &Path) -> Client {
    let old = [("CODMUNRES", "C9"), ("SEXO", "C4")];
    write(
        folder,
        "DORR1997.dbc",
        &old,
        &[&["1400100", "1"], &["1400472", "2"], &["14", "1"], &["", "1"], &["0000105", "9"]],
    );
    write(folder, "DORR2022.dbc", &[("CODMUNRES", "C7"), ("SEXO", "C1")], &[&["140010", "1"], &["140047", "2"]]);
    client(folder)
}

#[test]
fn a_municipality_has_six_digits_in_every_year_and_what_was_changed_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let client = deaths(folder.path());
    let all = QueryParams::dataset("SIM-DO").columns(["CODMUNRES"]);
    let (found, report) = ask(&client, &all);
    // What is no municipality (a UF, a country) stays as it is.
    assert_eq!(found, ["140010", "140047", "14", "-", "0000105", "140010", "140047"]);
    let json = report.to_json();
    let expected = serde_json::json!([{
        "dataset": "SIM-DO", "column": "CODMUNRES", "form": "municipality", "files": 1, "count": 2,
        "samples": [["1400100", "140010"], ["1400472", "140047"]],
    }]);
    assert_eq!(json["normalised"], expected);
    assert!(report.warnings.iter().any(|warning| warning.contains("2 code(s) of CODMUNRES")), "{:?}", report.warnings);
    let (_, other) = ask(&client, &QueryParams::dataset("SIM-DO").columns(["SEXO"]));
    assert_eq!((other.normalised.len(), other.warnings.len()), (0, 0), "{:?}", other.warnings);

    let of_file = |typed| {
        let wanted = RecordsOf { typed, columns: Some(vec!["CODMUNRES".into()]), ..Default::default() };
        let path = folder.path().join("DORR1997.dbc");
        let mut records = TypedRecords::open(&path, &wanted, Catalog::builtin(), Language::En).unwrap();
        let batches: Vec<RecordBatch> = records.by_ref().map(Result::unwrap).collect();
        let first = cells(&batches)[0][0].clone().unwrap();
        (first, records.summary_json()["normalised"][0]["count"].as_u64())
    };
    assert_eq!((of_file(false), of_file(true)), (("1400100".into(), None), ("140010".into(), Some(2))));
}

#[test]
fn a_condition_is_brought_into_the_form_of_its_column() {
    let folder = tempfile::tempdir().unwrap();
    let client = deaths(folder.path());
    let deaths = || QueryParams::dataset("SIM-DO");
    let with = |filter| count(&client, deaths().filter(filter));
    assert_eq!(with(col("CODMUNRES").eq("1400100")), "2");
    assert_eq!(with(col("CODMUNRES").eq("140010")), "2");
    assert_eq!(with(col("CODMUNRES").ne("1400100")), "4");
    assert_eq!(with(col("CODMUNRES").is_in(["1400100", "140047"])), "4");
    assert_eq!(with(col("CODMUNRES").not_in(["1400100", "140047"])), "2");
    assert_eq!(with(col("CODMUNRES").starts_with("1400100")), "2");
    assert_eq!(with(col("CODMUNRES").starts_with("14")), "5");
    assert_eq!(with(col("CODMUNRES").between("1400100", "1400472")), "4");
    assert_eq!(with(!col("CODMUNRES").eq("1400100")), "4");
    let (_, report) = ask(&client, &deaths().columns(["SEXO"]).filter(col("CODMUNRES").eq("1400100")));
    assert!(report.warnings.iter().any(|w| w.contains("\"1400100\" was read as \"140010\"")), "{:?}", report.warnings);
    let (found, report) = ask(&client, &deaths().columns(["SEXO"]).filter(col("CODMUNRES").eq("1400")));
    assert!(
        found.is_empty() && report.warnings.iter().any(|w| w.contains("codes have 6 characters")),
        "{:?}",
        report.warnings
    );
}

#[test]
fn codes_of_numeric_fields_get_their_zeros_and_those_of_another_table_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let old = [("SP_AA", "N4"), ("SP_MM", "N2"), ("SP_PROCREA", "N8"), ("SP_ATOPROF", "N8"), ("SP_CPFCGC", "N14")];
    write(folder.path(), "SPRR0406.dbc", &old, &[&["2004", "6", "63001403", "4001010", "366054767"]]);
    let new = [("SP_AA", "C4"), ("SP_MM", "C2"), ("SP_PROCREA", "C10"), ("SP_ATOPROF", "C10"), ("SP_CPFCGC", "C14")];
    write(folder.path(), "SPRR1604.dbc", &new, &[&["2016", "04", "0303140151", "409060216", "00000002566168"]]);
    let client = client(folder.path());
    let all = QueryParams::dataset("SIH-SP").columns(old.map(|(name, _)| name));
    assert_eq!(
        rows(&client, &all),
        ["2004 06 63001403 04001010 00000366054767", "2016 04 0303140151 409060216 00000002566168"]
    );
    // What a text field holds has the zeros that it was given.
    let acts = |code: &str| count(&client, QueryParams::dataset("SIH-SP").filter(col("SP_CPFCGC").eq(code)));
    assert_eq!((acts("366054767"), acts("2566168")), ("1".into(), "1".into()));
    let months = |filter| rows(&client, &QueryParams::dataset("SIH-SP").columns(["SP_MM"]).filter(filter));
    assert_eq!(months(col("SP_MM").eq("6")), ["06"]);
    assert_eq!(months(col("SP_MM").ge("5")), ["06"]);
    // A code of eight digits is not one of ten without its zeros, and the other way round.
    assert!(months(col("SP_PROCREA").eq("0063001403")).is_empty());
    let procedure = QueryParams::dataset("SIH-SP").columns(["SP_MM"]).filter(col("SP_PROCREA").eq("303140151"));
    let (found, report) = ask(&client, &procedure);
    let told = report.warnings.iter().any(|warning| warning.contains("codes have 8 or 10 characters"));
    assert!(found.is_empty() && told, "{:?}", report.warnings);
}

#[test]
fn a_year_has_four_digits_and_a_manager_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let fields = [("UF_ZI", "C2"), ("ANO_CMPT", "C2"), ("MES_CMPT", "C2"), ("ESPEC", "C1"), ("CEP", "C8")];
    write(
        folder.path(),
        "RDRR9504.dbc",
        &fields,
        &[&["14", "95", "04", "2", "69300000"], &["14", "95", "04", "7", ""]],
    );
    let fields = [("UF_ZI", "C6"), ("ANO_CMPT", "C4"), ("MES_CMPT", "C2"), ("ESPEC", "C2"), ("CEP", "C8")];
    write(folder.path(), "RDAC2401.dbc", &fields, &[&["120000", "2024", "01", "03", "1310100"]]);
    let client = client(folder.path());
    let all = QueryParams::dataset("SIH-RD").columns(fields.map(|(name, _)| name));
    assert_eq!(
        rows(&client, &all),
        ["14 1995 04 2 69300000", "14 1995 04 7 -", "120000 2024 01 03 1310100"],
        "a bed of one digit is another table's"
    );
    let year = |year: &str| count(&client, QueryParams::dataset("SIH-RD").filter(col("ANO_CMPT").eq(year)));
    assert_eq!((year("1995"), year("95"), year("2024")), ("2".into(), "2".into(), "1".into()));
    let cep = |code: &str| count(&client, QueryParams::dataset("SIH-RD").filter(col("CEP").eq(code)));
    assert_eq!((cep("1310100"), cep("69300000")), ("1".into(), "1".into()));
    // The bound of a range is text: what begins with 69.
    let range = QueryParams::dataset("SIH-RD").filter(col("CEP").between("69", "70"));
    assert_eq!(count(&client, range), "1");
}

#[test]
fn sql_that_compares_with_another_form_is_warned_of_and_runs_as_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let client = deaths(folder.path());
    let told = |sql: QueryParams| {
        let (found, report) = ask(&client, &sql);
        (found[0].clone(), report.warnings.iter().filter(|w| w.contains("CODMUNRES: codes have 6")).count())
    };
    for condition in [
        "CODMUNRES = '1400100'",
        "'1400100' = d.codmunres",
        "CODMUNRES IN ('1400100', '1400472')",
        "CODMUNRES BETWEEN '1400100' AND '1400101'",
    ] {
        let sql = format!("SELECT count(*) FROM sim_do d WHERE {condition}");
        let (found, notes) = told(QueryParams::sql(&sql));
        assert!(found == "0" && notes >= 1, "{sql}: {found} {notes}");
    }
    let bound = QueryParams::sql("SELECT count(*) FROM sim_do WHERE CODMUNRES = $m");
    assert_eq!(told(bound.clone().bind("m", "1400100")), ("0".into(), 1));
    assert_eq!(told(bound.bind("m", "140010")), ("2".into(), 0));
}

#[test]
fn genuine_files_of_all_years_agree_on_their_codes() {
    let folder = tempfile::tempdir().unwrap();
    let sim = ["sim/DORR1997.dbc", "sim/DORR2009.dbc", "sim/DORR2022.dbc"];
    let Some(client) = genuine_client(folder.path(), &sim) else { return };
    for code in ["140010", "1400100"] {
        let n = count(&client, QueryParams::dataset("SIM-DO").filter(col("CODMUNRES").eq(code)));
        println!("genuine: CODMUNRES = {code}: {n}");
        assert_eq!(n, "3850");
    }
    let folder = tempfile::tempdir().unwrap();
    let sih = ["sih/RDDF9705.dbc", "sih/RDRR9504.dbc", "sih/SPRR0406.dbc"];
    let Some(client) = genuine_client(folder.path(), &sih) else { return };
    let year = |year: &str| count(&client, QueryParams::dataset("SIH-RD").filter(col("ANO_CMPT").eq(year)));
    assert_eq!((year("1997"), year("1995")), ("12353".into(), "586".into()));
    let act = QueryParams::dataset("SIH-SP").filter(col("SP_ATOPROF").eq("04001010"));
    assert_eq!(count(&client, act), "8");
    assert_eq!(count(&client, QueryParams::dataset("SIH-SP").filter(col("SP_MM").eq("06"))), "4982");
}

#[test]
fn the_catalogue_says_which_codes_changed_and_when() {
    let column = |dataset: &str, name: &str| {
        let grupo = Catalog::builtin().dataset(dataset).unwrap();
        serde_json::to_value(grupo.column(name).unwrap()).unwrap()
    };
    assert_eq!(column("SIH-RD", "CNES")["form"]["form"], "digits(7)");
    assert_eq!(column("SIH-RD", "UF_ZI")["form"], serde_json::Value::Null);
    assert_eq!(column("SIM-DO", "CODMUNRES")["form"]["form"], "municipality");
    for (dataset, name, of, to, from) in [
        ("SIH-RD", "PROC_REA", "digits(8)", "200712", "200801"),
        ("SIH-SP", "SP_PROCREA", "digits(8)", "200712", "200801"),
        ("SIH-RD", "UF_ZI", "", "199712", "200801"),
        ("SIH-RD", "DIAG_PRINC", "", "199712", "199801"),
        ("SIM-DOINF", "CAUSABAS", "", "1995", "1996"),
        ("SIH-RJ", "CBOR", "digits(3)", "200712", "201201"),
    ] {
        let codings = &column(dataset, name)["codings"];
        assert_eq!(
            (codings[0]["to"].as_str(), codings[1]["from"].as_str()),
            (Some(to), Some(from)),
            "{dataset} {name}"
        );
        assert_eq!(codings[0]["form"].as_str().unwrap_or_default(), of, "{dataset} {name}");
        assert!(!codings[0]["meaning"].as_str().unwrap().is_empty() && codings[1]["source"].is_string());
    }
}
