//! A dataset's columns are the same whatever the year of its files: one form per code, one type per column.

mod genuine;

use std::fs::File;
use std::path::Path;

use arrow::array::{Array, RecordBatch};
use arrow::util::display::array_value_to_string;
use datasus::source::dbc::{DbcWriter, WriteOptions};
use datasus::source::{RecordsOf, TypedRecords};
use datasus::{AggregateFn, Catalog, Client, Code, Config, Language, QueryParams, Report, col};

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
fn sql_that_compares_with_another_form_is_told_so_however_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let client = deaths(folder.path());
    write(folder.path(), "DNRR2022.dbc", &[("CODMUNRES", "C7"), ("SEXO", "C1")], &[&["140010", "1"]]);
    let told = |condition: &str| {
        let sql = format!("SELECT count(*) AS n FROM sim_do d WHERE {condition}");
        let (found, report) = ask(&client, &QueryParams::sql(sql).bind("m", 1_400_100));
        (found, report.warnings.iter().any(|warning| warning.contains("codes have 6 characters")))
    };
    let told_of = |condition: &str| told(&format!("{condition} OR d.SEXO = $m::VARCHAR"));
    for other in [
        "CODMUNRES = '1400100'",
        "'1400100' = d.codmunres",
        "CODMUNRES IN ('140047', '1400100')",
        "CODMUNRES BETWEEN '1400100' AND '1400472'",
        "CODMUNRES IS NOT DISTINCT FROM '1400100'",
        "CODMUNRES LIKE '1400100%'",
        "CODMUNRES NOT ILIKE '1400100'",
        "starts_with(CODMUNRES, '1400100')",
        "CODMUNRES = 1400100",
        "CODMUNRES = $m",
        "CODMUNRES IN (SELECT CODMUNRES FROM sinasc_dn WHERE CODMUNRES = '1400100')",
    ] {
        assert!(told_of(other).1, "{other}");
    }
    for same in ["CODMUNRES = '140010'", "CODMUNRES = 140010", "CODMUNRES LIKE '14%'", "starts_with(CODMUNRES, '1400')"]
    {
        assert!(!told_of(same).1, "{same}");
    }
    // Columns that are there by name only are in no star, however it is written.
    for star in [
        "SELECT *, datasus_uf FROM sim_do",
        "SELECT s.*, s.datasus_uf FROM sim_do AS s",
        "FROM (SELECT *, datasus_uf FROM sim_do)",
        "SELECT * FROM (SELECT * FROM sim_do WHERE datasus_uf = 'RR') t, (SELECT max(datasus_uf) FROM sim_do) u",
        "WITH a AS (SELECT * FROM sim_do) SELECT a.*, b.datasus_uf FROM a, (SELECT DISTINCT datasus_uf FROM sim_do) b",
        "SELECT COLUMNS(*), datasus_uf FROM sim_do",
        "SELECT *, datasus_uf FROM sim_do UNION ALL SELECT *, 'x' FROM sim_do WHERE datasus_uf = 'AC'",
    ] {
        let mut answer = client.query(&QueryParams::sql(star)).unwrap_or_else(|error| panic!("{star}: {error}"));
        let batches: Vec<RecordBatch> = answer.by_ref().map(Result::unwrap).collect();
        assert_eq!((batches[0].num_columns(), cells(&batches).len()), (3, 7), "{star}");
    }
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

/// Admissions of two states and two years, in files of two layouts.
fn admissions(folder: &Path) -> Client {
    let old = [("SEXO", "C1"), ("VAL_TOT", "N14.2")];
    write(folder, "RDRR9504.dbc", &old, &[&["1", "10.50"], &["3", "1.00"]]);
    let new = [("SEXO", "C1"), ("VAL_TOT", "N14.2"), ("VAL_UTI", "N8.2"), ("RACA_COR", "C2"), ("MORTE", "N1")];
    write(folder, "RDAC2401.dbc", &new, &[&["3", "2.00", "5.25", "01", "1"], &["1", "4.00", "0.00", "03", "0"]]);
    write(folder, "RDRR2401.dbc", &new, &[&["3", "8.00", "", "", ""]]);
    client(folder)
}

#[test]
fn where_a_row_comes_from_is_a_column_that_is_there_when_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let client = admissions(folder.path());
    let rd = || QueryParams::dataset("SIH-RD");
    let named = rd().columns(["datasus_uf", "DATASUS_COMPETENCIA", "datasus_arquivo", "SEXO"]);
    let expected = [
        "RR 199504 RDRR9504.dbc 1",
        "RR 199504 RDRR9504.dbc 3",
        "AC 202401 RDAC2401.dbc 3",
        "AC 202401 RDAC2401.dbc 1",
        "RR 202401 RDRR2401.dbc 3",
    ];
    assert_eq!(rows(&client, &named), expected);
    assert_eq!(rows(&client, &named.clone().order_by("datasus_arquivo", true).limit(1)), ["RR 199504 RDRR9504.dbc 1"]);
    let with = |filter| rows(&client, &rd().columns(["SEXO"]).filter(filter));
    assert_eq!(with(col("datasus_uf").eq("AC")), ["3", "1"]);
    assert_eq!(with(col("datasus_uf").ne("AC") & col("datasus_competencia").ge("2024")), ["3"]);
    assert_eq!(with(col("datasus_uf").eq("AC") & col("SEXO").eq("1")), ["1"]);
    assert_eq!(with(col("datasus_uf").eq("AC") | col("SEXO").eq("1")), ["1", "3", "1"]);
    assert_eq!(with(!col("datasus_arquivo").starts_with("RDRR")), ["3", "1"]);
    assert!(with(col("datasus_uf").eq("SP")).is_empty());
    let grouped = rd().group_by(["datasus_uf", "datasus_competencia"]).aggregate(AggregateFn::Sum, "VAL_TOT", "v");
    let grouped = grouped.order_by("datasus_competencia", false).order_by("datasus_uf", true);
    assert_eq!(rows(&client, &grouped), ["RR 199504 11.50", "RR 202401 8.00", "AC 202401 6.00"]);
    // Every column, and an absent list, leave them out.
    let schema = |params: &QueryParams| {
        let answer = client.query(params).unwrap();
        answer.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>()
    };
    assert_eq!(schema(&rd()), ["SEXO", "VAL_TOT", "VAL_UTI", "MORTE", "RACA_COR"].map(str::to_owned).to_vec());
    assert_eq!(schema(&rd().filter(col("datasus_uf").eq("AC"))).len(), 5);
}

#[test]
fn sql_sees_where_a_row_comes_from_and_its_stars_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let client = admissions(folder.path());
    write(folder.path(), "DORR2022.dbc", &[("CODMUNRES", "C7"), ("SEXO", "C1")], &[&["140010", "1"]]);
    let sql = |text: &str| rows(&client, &QueryParams::sql(text));
    let names = |text: &str| {
        let answer = client.query(&QueryParams::sql(text)).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        answer.schema().fields().iter().map(|field| field.name().to_lowercase()).collect::<Vec<_>>().join(" ")
    };
    let held = "sexo val_tot val_uti morte raca_cor";
    assert_eq!(sql("SELECT datasus_uf, count(*) FROM sih_rd GROUP BY 1 ORDER BY 1"), ["AC 2", "RR 3"]);
    assert_eq!(sql("SELECT count(*) FROM sih_rd WHERE datasus_competencia < '2000'"), ["2"]);
    assert_eq!(sql("SELECT SEXO FROM sih_rd r WHERE r.DATASUS_ARQUIVO = 'RDRR2401.dbc'"), ["3"]);
    assert_eq!(names("SELECT * FROM sih_rd"), held);
    for (text, more) in [
        ("SELECT *, datasus_uf FROM sih_rd", " datasus_uf"),
        ("SELECT r.*, r.datasus_uf AS uf FROM sih_rd r", " uf"),
        ("FROM sih_rd WHERE datasus_uf = 'AC'", ""),
        ("SELECT * FROM (SELECT * FROM sih_rd WHERE datasus_uf = $uf)", ""),
        ("SELECT * FROM (SELECT *, datasus_uf FROM sih_rd)", " datasus_uf"),
        ("WITH x AS (SELECT *, datasus_uf FROM sih_rd) SELECT * FROM x ORDER BY ALL", " datasus_uf"),
        ("SELECT * EXCLUDE (RACA_COR) REPLACE (0 AS VAL_TOT), datasus_uf AS raca_cor FROM sih_rd", ""),
        ("SELECT COLUMNS(*) FROM sih_rd ORDER BY datasus_uf", ""),
        ("SELECT * FROM sih_rd AS \"a \"\"b) --\" WHERE SEXO <> 'it''s' AND datasus_uf <> '*'", ""),
        ("SELECT * FROM sih_rd UNION ALL SELECT * FROM sih_rd WHERE datasus_uf = 'AC'", ""),
    ] {
        let params = QueryParams::sql(text);
        let params = if text.contains("$uf") { params.bind("uf", "AC") } else { params };
        let answer = client.query(&params).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let found: Vec<_> = answer.schema().fields().iter().map(|field| field.name().to_lowercase()).collect();
        assert_eq!(found.join(" "), format!("{held}{more}"), "{text}");
    }
    let joined = "SELECT *, r.datasus_competencia FROM sih_rd r JOIN sim_do d ON r.datasus_uf = d.datasus_uf AND d.SEXO = r.SEXO";
    let error = client.query(&QueryParams::sql(joined)).map(|_| ()).unwrap_err();
    assert!(error.detail().contains("SEXO"), "two columns of one name: {error:?}");
    let joined = joined.replace("SELECT *,", "SELECT r.*, d.CODMUNRES,");
    assert_eq!(names(&joined), format!("{held} codmunres datasus_competencia"));
    assert_eq!(sql(&joined), ["1 10.50 - - - 140010 199504"]);
    let using = "SELECT * FROM sih_rd JOIN sim_do USING (datasus_uf, SEXO)";
    assert_eq!(names(using), format!("{held} codmunres"), "a star shows no column that is only compared");
    for (text, told) in [
        ("WITH x AS (SELECT * FROM sih_rd) SELECT datasus_uf FROM x", "`*` leaves datasus_uf out"),
        ("SELECT datasus_uf FROM sih_rd NATURAL JOIN sim_do", "NATURAL JOIN would compare datasus_uf"),
        ("SELECT datasus_uf, COLUMNS('VAL_.*') FROM sih_rd", "COLUMNS with a pattern"),
        ("SELECT *, datasus_uf, NADA FROM sih_rd", "NADA"),
    ] {
        let error = client.query(&QueryParams::sql(text)).map(|_| ()).unwrap_err();
        assert!(error.code() == Code::InvalidParams && error.detail().contains(told), "{text}: {error:?}");
    }
}

#[test]
fn a_column_of_the_catalogue_that_no_file_has_is_a_typed_null_wherever_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "RDRR9504.dbc", &[("SEXO", "C1"), ("VAL_TOT", "N14.2")], &[&["1", "10.50"], &["3", "1.00"]]);
    write(folder.path(), "STAC2401.dbc", &[("CNES", "C7"), ("NAT_JUR", "C4")], &[&["2000121", "1023"]]);
    let client = client(folder.path());
    let rd = || QueryParams::dataset("SIH-RD");
    let types = |params: &QueryParams| {
        let answer = client.query(params).unwrap_or_else(|error| panic!("{params:?}: {error:?}"));
        answer.schema().fields().iter().map(|field| field.data_type().to_string()).collect::<Vec<_>>()
    };
    let absent = ["VAL_UTI", "RACA_COR", "GESTOR_DT", "UTI_MES_TO"];
    let mut columns = absent.to_vec();
    columns.push("SEXO");
    let expected = ["Decimal128(8, 2)", "Utf8", "Date32", "Int32", "Utf8"];
    let named = rd().columns(columns.clone());
    assert_eq!(types(&named), expected);
    assert_eq!(types(&named.clone().order_by("SEXO", true)), expected);
    assert_eq!(types(&QueryParams::sql(format!("SELECT {} FROM sih_rd", columns.join(", ")))), expected);
    let (found, report) = ask(&client, &named.order_by("VAL_UTI", true).order_by("SEXO", true));
    assert_eq!(found, ["- - - - 3", "- - - - 1"]);
    let told = |report: &Report| report.warnings.iter().any(|warning| warning.contains("no file of the query has"));
    assert!(told(&report), "{:?}", report.warnings);

    let grouped =
        rd().group_by(["RACA_COR", "SEXO"]).aggregate(AggregateFn::Sum, "VAL_UTI", "v").order_by("SEXO", false);
    assert_eq!(rows(&client, &grouped), ["- 1 -", "- 3 -"]);
    assert_eq!(count(&client, rd().filter(col("VAL_UTI").is_null())), "2");
    assert_eq!(count(&client, rd().filter(col("VAL_UTI").gt(0))), "0");
    let sql = |text: &str| rows(&client, &QueryParams::sql(text));
    assert_eq!(sql("SELECT RACA_COR, count(*) FROM sih_rd GROUP BY 1"), ["- 2"]);
    assert_eq!(sql("SELECT *, r.VAL_UTI FROM sih_rd r ORDER BY MORTE, SEXO"), ["1 10.50 -", "3 1.00 -"]);
    let (_, report) = ask(&client, &QueryParams::sql("SELECT * FROM sih_rd"));
    assert!(!told(&report) && report.warnings.is_empty(), "{:?}", report.warnings);
    // A bare name means the table whose files have it.
    assert_eq!(sql("SELECT NAT_JUR, count(*) FROM sih_rd, cnes_st GROUP BY 1"), ["1023 2"]);
    assert_eq!(sql("SELECT r.NAT_JUR AS a, s.NAT_JUR AS b FROM sih_rd r, cnes_st s LIMIT 1"), ["- 1023"]);
    let error = client.query(&QueryParams::sql("SELECT NADA FROM sih_rd")).map(|_| ()).unwrap_err();
    assert_eq!(error.code(), Code::InvalidParams);
}
