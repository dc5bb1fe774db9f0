//! Sources by declaration, and tables of one's own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Date32Array, Float64Array, Int64Array, RecordBatch, RecordBatchIterator, StringArray,
};
use arrow::datatypes::Int64Type;
use datasus::{Client, Code, Config, Error, MissingFiles, Options, Parquet, QueryParams};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::{genuine, rows};

/// A folder with exports, and a client that declares them.
struct Exports {
    folder: tempfile::TempDir,
    elsewhere: tempfile::TempDir,
}

impl Exports {
    fn new() -> Self {
        Exports { folder: tempfile::tempdir().unwrap(), elsewhere: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn pattern(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn config(&self) -> Config {
        let lake = Some(self.elsewhere.path().join("lake"));
        Config { output: Some(self.elsewhere.path().join("out")), lake, ..Config::default() }
    }

    fn declared(&self, dataset: &str, patterns: &[&str]) -> Result<Client, Error> {
        let patterns: Vec<String> = patterns.iter().map(|pattern| self.pattern(pattern)).collect();
        Client::builder("").config(self.config()).declare(dataset, patterns).open()
    }

    /// Admissions of three UFs in two months, mixed, with money as floats, as pandas writes them.
    fn admissions(&self, name: &str, first: i64, count: i64) -> &Self {
        let ufs = ["120000", "350000", "330000"];
        let text = |values: Vec<String>| -> ArrayRef { Arc::new(StringArray::from(values)) };
        let all = || first..first + count;
        let batch = RecordBatch::try_from_iter([
            ("n_aih", text(all().map(|row| format!("{row:013}")).collect())),
            ("uf_zi", text(all().map(|row| ufs[row as usize % 3].to_owned()).collect())),
            ("ano_cmpt", Arc::new(Int64Array::from_iter_values(all().map(|_| 2024))) as ArrayRef),
            ("mes_cmpt", Arc::new(Int64Array::from_iter_values(all().map(|row| 1 + row % 2))) as ArrayRef),
            ("val_tot", Arc::new(Float64Array::from_iter_values(all().map(|row| row as f64 / 4.0))) as ArrayRef),
        ])
        .unwrap();
        write(&self.path(name), &batch);
        self
    }
}

fn write(path: &Path, batch: &RecordBatch) {
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(7)).build();
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

fn one(client: &Client, params: &QueryParams) -> String {
    let batches: Vec<RecordBatch> = client.query(params).unwrap().map(Result::unwrap).collect();
    arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string()
}

#[test]
fn parquet_of_any_name_is_chosen_by_the_uf_and_month_that_its_rows_say() {
    let exports = Exports::new();
    exports.admissions("exports/a.parquet", 0, 60).admissions("exports/b.parquet", 60, 60);
    let client = exports.declared("SIH-RD", &["exports/*.parquet"]).unwrap();
    let all = QueryParams::dataset("SIH-RD");
    assert_eq!(rows(&client, &all).unwrap().0, 120);
    let chosen = QueryParams::dataset("SIH-RD").uf(["AC"]).competencia("202402");
    let (count, report) = rows(&client, &chosen).unwrap();
    assert_eq!(count, 20);
    assert_eq!(report.sources.len(), 2, "only what was chosen is read: {report}");
    let sql = "SELECT datasus_uf AS uf, datasus_competencia AS mes, datasus_arquivo AS de, count(*) AS n, sum(val_tot) AS valor, \
               min(n_aih) AS primeira FROM sih_rd GROUP BY ALL ORDER BY ALL LIMIT 2";
    let shown = one(&client, &QueryParams::sql(sql).uf(["AC", "SP"]));
    for line in [
        "| AC | 202401 | a.parquet | 10 | 67.50  | 0000000000000 |",
        "| AC | 202401 | b.parquet | 10 | 217.50 | 0000000000060 |",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    // What no row is of is missing, as of files.
    let absent = QueryParams::dataset("SIH-RD").uf(["AC"]).competencia("202403");
    assert_eq!(rows(&client, &absent).unwrap_err().code(), Code::NotFound);
    let warned = Options { missing: MissingFiles::Warn, ..Options::default() };
    assert_eq!(rows(&client, &absent.options(warned)).unwrap().0, 0);
    // A second client lays nothing out anew, and a file that was written anew is read anew.
    let layouts = || std::fs::read_dir(exports.elsewhere.path().join("lake/.declared/SIH-RD")).unwrap().count();
    assert_eq!(rows(&exports.declared("SIH-RD", &["exports/*.parquet"]).unwrap(), &all).unwrap().0, 120);
    assert_eq!(layouts(), 2);
    exports.admissions("exports/b.parquet", 60, 30);
    assert_eq!(rows(&client, &all).unwrap().0, 90);
    exports.admissions("exports/c.parquet", 200, 3);
    assert_eq!(rows(&client, &all).unwrap().0, 93);
}

#[test]
fn of_a_declared_file_only_the_groups_of_the_chosen_uf_and_month_are_read() {
    use datasus::col;
    let exports = Exports::new();
    exports.admissions("a.parquet", 0, 6_000);
    let client = exports.declared("SIH-RD", &["a.parquet"]).unwrap();
    let all = || QueryParams::dataset("SIH-RD").columns(["N_AIH", "VAL_TOT"]);
    assert_eq!(rows(&client, &all()).unwrap().0, 6_000);
    let whole = client.explain(&all()).unwrap();
    assert_eq!((whole.row_groups.read, whole.row_groups.present), (6, 6), "three UFs in two months");
    // By what selects, and by a condition on the column itself.
    let chosen = [(all().uf(["AC"]).competencia("202402"), 1), (all().filter(col("UF_ZI").eq("120000")), 2)];
    for (params, groups) in chosen {
        let explain = client.explain(&params).unwrap();
        assert_eq!((explain.row_groups.read, explain.row_groups.present), (groups, 6), "{params:?}");
        assert!(explain.bytes.read * 2 < whole.bytes.read, "{} of {}", explain.bytes.read, whole.bytes.read);
        assert_eq!(rows(&client, &params).unwrap().0, 1_000 * groups, "{params:?}");
    }
    let sum = QueryParams::sql("SELECT sum(val_tot) AS valor FROM sih_rd").uf(["AC"]).competencia("202402");
    let expected: f64 = (0..6_000).filter(|row| row % 3 == 0 && row % 2 == 1).map(|row| f64::from(row) / 4.0).sum();
    assert!(one(&client, &sum).contains(&format!("{expected:.2}")), "{expected}");
}

#[test]
fn declared_files_stand_in_the_place_of_the_folders_and_go_to_sinks_like_them() {
    let exports = Exports::new();
    exports.admissions("x.parquet", 0, 30);
    let place = super::Place::new();
    place.dbc("RDAC2401.dbc", 0, 3).dbc("SPAC2401.dbc", 0, 2);
    let mut config = exports.config();
    config.declared.insert("SIH-RD".into(), vec![exports.pattern("x.parquet")]);
    let client = Client::open_with(place.folder.path(), config).unwrap();
    assert_eq!(rows(&client, &QueryParams::dataset("SIH-RD")).unwrap().0, 30);
    assert_eq!(rows(&client, &QueryParams::dataset("SIH-SP")).unwrap().0, 2);
    let holdings = client.datasets().unwrap();
    let rd = holdings.datasets.iter().find(|held| held.dataset == "SIH-RD").unwrap();
    assert_eq!((rd.files, rd.ufs.len(), rd.first.unwrap().to_string()), (6, 3, "202401".to_owned()));
    let report = client.export(&QueryParams::dataset("SIH-RD"), Parquet::to("rd.parquet")).unwrap();
    assert_eq!(report.records_processed, 30);
}

#[test]
fn a_year_comes_from_the_day_of_the_event_and_an_unknown_uf_is_ex_and_said() {
    let exports = Exports::new();
    let days = [19_723, 20_000, 20_089, 20_089];
    let batch = RecordBatch::try_from_iter([
        ("CODMUNRES", Arc::new(StringArray::from(vec!["120040", "1200401", "000000", "350000"])) as ArrayRef),
        ("DTOBITO", Arc::new(Date32Array::from(days.to_vec())) as ArrayRef),
    ])
    .unwrap();
    write(&exports.path("mortes.parquet"), &batch);
    let client = exports.declared("SIM-DO", &["mortes.parquet"]).unwrap();
    let shown = one(
        &client,
        &QueryParams::sql("SELECT datasus_uf AS uf, datasus_competencia AS ano, codmunres FROM sim_do ORDER BY ALL"),
    );
    for line in ["| AC | 2024 | 120040    |", "| SP | 2025 | 350000    |", "| EX | 2025 | 000000    |"] {
        assert!(shown.contains(line), "{shown}");
    }
    assert_eq!(shown.matches("120040 ").count(), 2, "a check digit goes: {shown}");
    let (_, report) = rows(&client, &QueryParams::dataset("SIM-DO")).unwrap();
    assert!(report.warnings.iter().any(|said| said.contains("1 linhas não dizem uma UF")), "{report}");
}

#[test]
fn what_cannot_be_declared_is_told_with_a_way_out() {
    let exports = Exports::new();
    exports.admissions("a.parquet", 0, 6);
    let opened = |dataset: &str, pattern: &str| -> Error {
        let opened = exports.declared(dataset, &[pattern]);
        opened.and_then(|client| rows(&client, &QueryParams::dataset("SIH-RD"))).map(drop).expect_err(dataset)
    };
    let nothing = opened("SIH-RD", "nada/*.parquet");
    assert!(nothing.code() == Code::NotFound && nothing.to_string().contains("nada/*.parquet"), "{nothing}");
    assert_eq!(opened("SIH-XX", "a.parquet").code(), Code::InvalidParams);
    assert_eq!(opened("../SIH-RD", "a.parquet").code(), Code::InvalidParams);
    let keyless = opened("SIM-DOEXT", "a.parquet");
    assert!(keyless.code() == Code::InvalidParams && keyless.to_string().contains("SIM-DOEXT"), "{keyless}");
    let deaths = exports.declared("SIM-DO", &["a.parquet"]).unwrap();
    let missing = rows(&deaths, &QueryParams::dataset("SIM-DO")).unwrap_err();
    assert!(missing.code() == Code::InvalidParams && missing.to_string().contains("CODMUNRES"), "{missing}");
    let twice = Client::builder("").config(exports.config()).declare("SIH-RD", ["a"]).declare("sih_rd", ["b"]).open();
    assert_eq!(twice.map(drop).unwrap_err().code(), Code::InvalidParams);
    let twice = Client::builder("").config(exports.config()).declare("SIH-RD", ["a"]).declare("SIH-RD", ["b"]).open();
    assert_eq!(twice.map(drop).unwrap_err().code(), Code::InvalidParams);
    let empty = exports.declared("SIH-RD", &[]).map(drop).unwrap_err();
    assert_eq!(empty.code(), Code::InvalidParams);
    // A row without a month, the same file twice, and what is no Parquet.
    let batch = RecordBatch::try_from_iter([
        ("UF_ZI", Arc::new(StringArray::from(vec!["12", "12"])) as ArrayRef),
        ("ANO_CMPT", Arc::new(StringArray::from(vec!["2024", "2024"])) as ArrayRef),
        ("MES_CMPT", Arc::new(StringArray::from(vec![Some("01"), None])) as ArrayRef),
    ])
    .unwrap();
    write(&exports.path("b.parquet"), &batch);
    let bad = opened("SIH-RD", "b.parquet");
    assert!(bad.code() == Code::InvalidParams && bad.to_string().contains("linha 1 "), "{bad}");
    std::fs::copy(exports.path("a.parquet"), exports.path("copia.parquet")).unwrap();
    assert_eq!(opened("SIH-RD", "*a.parquet").code(), Code::Conflict);
    std::fs::write(exports.path("d.parquet"), b"<html>").unwrap();
    assert_eq!(opened("SIH-RD", "d.parquet").code(), Code::DamagedFile);
    let whole = std::fs::read(exports.path("a.parquet")).unwrap();
    std::fs::write(exports.path("e.parquet"), &whole[..whole.len() - 9]).unwrap();
    assert_eq!(opened("SIH-RD", "e.parquet").code(), Code::DamagedFile);
    let left: Vec<_> = std::fs::read_dir(exports.elsewhere.path().join("lake/.declared/SIH-RD")).unwrap().collect();
    assert!(
        left.iter().all(|entry| !entry.as_ref().unwrap().file_name().to_string_lossy().starts_with('.')),
        "{left:?}"
    );
}

#[test]
fn csv_is_typed_by_the_catalogue_whatever_its_delimiter_and_encoding() {
    let exports = Exports::new();
    let header = "N_AIH;UF_ZI;ANO_CMPT;MES_CMPT;VAL_TOT;DT_INTER;NOVA\n";
    let body = "0000000000001;120000;2024;01;1234,50;20240131;S\u{e3}o \"x\"\n0000000000002;120000;2024;1;;31/01/2024;\"a;b\"\n";
    let latin1: Vec<u8> = format!("{header}{body}").chars().map(|c| c as u8).collect();
    std::fs::write(exports.path("l.csv"), latin1).unwrap();
    std::fs::write(exports.path("u.csv"), format!("\u{feff}{header}{body}").replace("000000000000", "990000000000"))
        .unwrap();
    let client = exports.declared("SIH-RD", &["*.csv"]).unwrap();
    let sql = "SELECT n_aih, val_tot, dt_inter, nova, datasus_arquivo AS de FROM sih_rd ORDER BY n_aih";
    let shown = one(&client, &QueryParams::sql(sql).uf(["AC"]).competencia("202401"));
    for line in [
        "| 0000000000001 | 1234.50 | 2024-01-31 | São \"x\" | l.csv.parquet |",
        "| 0000000000002 |         | 2024-01-31 | a;b     | l.csv.parquet |",
        "| 9900000000001 | 1234.50 | 2024-01-31 | São \"x\" | u.csv.parquet |",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    let (_, report) = rows(&client, &QueryParams::dataset("SIH-RD")).unwrap();
    assert!(report.warnings.iter().any(|said| said.contains("l.csv") && said.contains("Latin-1")), "{report}");
    std::fs::write(exports.path("m.csv"), format!("{header}1;2;3\n")).unwrap();
    let error = rows(&exports.declared("SIH-RD", &["m.csv"]).unwrap(), &QueryParams::dataset("SIH-RD")).unwrap_err();
    assert!(error.code() == Code::DamagedFile && error.to_string().contains("linha 2 tem 3 valores"), "{error}");
    // Between two stray quotes lie rows, and with the second the merged one has as many values as there are columns.
    let stray = "1;\"BOM PASTOR;2024;01;1;20240131;x\n2;120000;2024;01;1;20240131;x\n3;\"CASA;2024;01;1;20240131;x\n";
    std::fs::write(exports.path("n.csv"), format!("{header}{stray}")).unwrap();
    let error = rows(&exports.declared("SIH-RD", &["n.csv"]).unwrap(), &QueryParams::dataset("SIH-RD")).unwrap_err();
    assert!(error.code() == Code::DamagedFile && error.to_string().contains("aspas abertas na linha 2"), "{error}");
}

#[test]
fn a_file_in_no_order_of_many_ufs_and_months_has_one_piece_of_each() {
    const MONTHS: usize = 24;
    let exports = Exports::new();
    let ufs: Vec<String> = datasus::catalog::Uf::all().map(|uf| uf.to_string()).collect();
    let keys = ufs.len() * MONTHS;
    // Each key five times, in an order that has none.
    let key = |row: usize| (row * 7_919 + row / keys) % keys;
    let mut text = String::from("n_aih,uf_zi,ano_cmpt,mes_cmpt,val_tot\n");
    for row in 0..5 * keys {
        let (uf, month) = (&ufs[key(row) % ufs.len()], key(row) / ufs.len());
        text.push_str(&format!("{row:013},{uf},{},{},{row}.25\n", 2023 + month / 12, 1 + month % 12));
    }
    std::fs::write(exports.path("a.csv"), text).unwrap();
    let client = exports.declared("SIH-RD", &["a.csv"]).unwrap();
    let (count, report) = rows(&client, &QueryParams::dataset("SIH-RD")).unwrap();
    assert_eq!((count, report.sources.len()), (5 * keys as u64, keys), "more than may be open at once");
    let sql = "SELECT count(*) AS n, count(DISTINCT n_aih) AS d, sum(val_tot) AS valor FROM sih_rd";
    let (rows_of, sum) = (5 * keys as u64, (5 * keys * (5 * keys - 1) / 2) as f64 + 1.25 * keys as f64);
    let said = one(&client, &QueryParams::sql(sql));
    assert!(said.contains(&format!("| {rows_of} | {rows_of} | {sum:.2} ")), "{said}");
    for wanted in [0, keys / 2, keys - 1] {
        let month = wanted / ufs.len();
        let of = QueryParams::dataset("SIH-RD")
            .uf([ufs[wanted % ufs.len()].as_str()])
            .competencia(format!("{}{:02}", 2023 + month / 12, 1 + month % 12))
            .columns(["N_AIH"]);
        let batches: Vec<RecordBatch> = client.query(&of).unwrap().map(Result::unwrap).collect();
        let mut found: Vec<String> = Vec::new();
        for batch in &batches {
            let texts = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8).unwrap();
            found.extend(texts.as_string::<i32>().iter().map(|text| text.unwrap().to_owned()));
        }
        let expected = (0..5 * keys).filter(|row| key(*row) == wanted).map(|row| format!("{row:013}"));
        assert_eq!(found, expected.collect::<Vec<_>>());
    }
}

#[test]
fn what_was_made_of_a_file_and_nobody_uses_for_a_week_goes() {
    let exports = Exports::new();
    exports.admissions("a.parquet", 0, 6);
    std::fs::write(exports.path("m.csv"), "uf\n12\n").unwrap();
    let place = exports.elsewhere.path().join("lake");
    let open = || {
        let builder = Client::builder("").config(exports.config()).declare("SIH-RD", [exports.pattern("a.parquet")]);
        builder.table("minha", exports.path("m.csv")).open().unwrap()
    };
    let ask = |client: &Client| {
        one(client, &QueryParams::sql("SELECT count(*) FROM sih_rd, minha"));
    };
    let made = || -> Vec<PathBuf> {
        let within = |folder: &str| std::fs::read_dir(place.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        within(".declared/SIH-RD").chain(within(".tables")).collect()
    };
    let long_ago = |path: &Path| {
        let then = std::time::SystemTime::now() - std::time::Duration::from_secs(8 * 86_400);
        let stamp = if path.is_dir() { path.join("manifest.json") } else { path.to_owned() };
        std::fs::File::options().append(true).open(stamp).unwrap().set_modified(then).unwrap();
    };
    let first = open();
    ask(&first);
    let old = made();
    assert_eq!(old.len(), 2);
    let change = |rows: i64| {
        exports.admissions("a.parquet", 0, rows);
        std::fs::write(exports.path("m.csv"), "uf\n12\n".repeat(rows as usize)).unwrap();
    };
    change(9);
    ask(&first);
    assert_eq!(made().len(), 4, "others may use them");
    old.iter().for_each(|path| long_ago(path));
    change(12);
    ask(&first);
    assert!(made().len() == 4 && old.iter().all(|path| !path.exists()), "{:?}", made());
    // What is used is not old, however long ago it was made.
    made().iter().for_each(|path| long_ago(path));
    ask(&first);
    change(15);
    ask(&open());
    assert_eq!(made().len(), 4, "{:?}", made());
}

#[test]
fn what_the_caller_says_of_a_csv_counts_and_a_value_of_another_type_is_refused() {
    use datasus::{CsvEncoding, CsvForm};
    let exports = Exports::new();
    // Windows-1252: a dash and a euro sign where Latin-1 has control signs; the header's commas are no delimiter.
    let text = b"uf|nome, por extenso|pop|area|fundada\n12|Acre \x96 AC|830018|164173,43|15/06/1962\n35|S\xe3o Paulo| |248219.48|\n";
    std::fs::write(exports.path("m.csv"), text).unwrap();
    let form = || CsvForm {
        delimiter: Some("|".into()),
        encoding: Some(CsvEncoding::Windows1252),
        types: [("POP", "integer"), ("area", "decimal(12,2)"), ("fundada", "date")]
            .map(|(column, kind)| (column.to_owned(), kind.to_owned()))
            .into(),
    };
    let open = |form: CsvForm| {
        let mut config = exports.config();
        config.csv.insert("Municipios".into(), form);
        config.language = datasus::Language::En;
        Client::builder(exports.folder.path()).config(config).table("municipios", exports.path("m.csv")).open()
    };
    exports.admissions("a.parquet", 0, 3);
    let client = open(form());
    let client = client.unwrap();
    let sql = "SELECT uf, \"nome, por extenso\" AS nome, pop + 1 AS pop, area, fundada FROM municipios ORDER BY uf";
    let shown = one(&client, &QueryParams::sql(sql));
    for line in [
        "| 12 | Acre \u{2013} AC | 830019 | 164173.43 | 1962-06-15 |",
        "| 35 | São Paulo |        | 248219.48 |            |",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    // SQL is told of it as of the catalogue's.
    let described = one(&client, &QueryParams::sql("DESCRIBE Municipios"));
    for line in
        ["| uf                | VARCHAR ", "| pop               | BIGINT ", "| area              | DECIMAL(12,2) "]
    {
        assert!(described.contains(line), "{described}");
    }
    let tables = one(&client, &QueryParams::sql("SHOW TABLES"));
    assert!(tables.contains("| municipios ") && tables.contains("| sih_rd "), "{tables}");
    // Never another value, and never NULL in its place.
    let refused = |form: CsvForm| {
        let error = open(form).and_then(|client| client.query(&QueryParams::sql("SELECT * FROM municipios")).map(drop));
        error.expect_err("refused")
    };
    let kinds = |column: &str, kind: &str| CsvForm { types: [(column.into(), kind.into())].into(), ..form() };
    let error = refused(kinds("area", "decimal(12,1)"));
    assert_eq!((error.code(), error.diagnostic()["line"].as_u64()), (Code::InvalidParams, Some(2)), "{error}");
    assert!(error.detail().contains("\"164173,43\"") && error.detail().contains("decimal(12,1)"), "{error}");
    for odd in [kinds("nada", "integer"), kinds("pop", "float"), kinds("nome, por extenso", "date")] {
        assert_eq!(refused(odd).code(), Code::InvalidParams);
    }
    for odd in ["", ";;", "a", "\""] {
        let form = CsvForm { delimiter: Some(odd.into()), ..form() };
        assert_eq!(refused(form).code(), Code::InvalidParams, "{odd}");
    }
    let error = refused(CsvForm { encoding: Some(CsvEncoding::Utf8), ..form() });
    assert_eq!(error.code(), Code::DamagedFile, "{error}");
    let mut config = exports.config();
    config.csv.insert("outra".into(), form());
    assert_eq!(Client::open_with(exports.folder.path(), config).map(drop).unwrap_err().code(), Code::InvalidParams);
}

#[test]
fn of_a_declared_csv_the_caller_types_what_the_catalogue_does_not_know() {
    let exports = Exports::new();
    let text = "N_AIH;UF_ZI;ANO_CMPT;MES_CMPT;VAL_TOT;DOSES\n1;120000;2024;01;10,50;3\n2;120000;2024;01;1,00;\n";
    std::fs::write(exports.path("s.csv"), text).unwrap();
    let open = |column: &str| {
        let mut config = exports.config();
        let types = [(column.to_owned(), "integer".to_owned())].into();
        config.csv.insert("sih_rd".into(), datasus::CsvForm { types, ..Default::default() });
        Client::builder("").config(config).declare("SIH-RD", [exports.pattern("s.csv")]).open()
    };
    let sql = "SELECT sum(doses) + 1 AS doses, sum(val_tot) AS valor FROM sih_rd";
    let shown = one(&open("doses").unwrap(), &QueryParams::sql(sql));
    assert!(shown.contains("| 4     | 11.50 |"), "{shown}");
    assert_eq!(open("VAL_TOT").map(drop).unwrap_err().code(), Code::InvalidParams, "the catalogue's");
}

/// As OpenDataSUS writes SRAG: `;`, quotes, days as 05/01/2021, the whole country in a file.
#[test]
fn srag_of_opendatasus_is_read_with_its_days_and_its_uf() {
    let exports = Exports::new();
    let text = "\"DT_NOTIFIC\";\"SEM_NOT\";\"DT_SIN_PRI\";\"SG_UF_NOT\";\"ID_MUNICIP\";\"CS_SEXO\";\"NU_IDADE_N\";\"EVOLUCAO\"\n\
                \"06/01/2021\";\"1\";\"05/01/2021\";\"SP\";\"ITAPOLIS\";\"M\";67;\"2\"\n\
                \"10/01/2021\";\"1\";\"31/12/2020\";\"AC\";\"RIO BRANCO\";\"F\";3;\"\"\n";
    std::fs::write(exports.path("INFLUD21-01-05-2023.csv"), text).unwrap();
    let client = exports.declared("SRAG", &["INFLUD*.csv"]).unwrap();
    let sql =
        "SELECT dt_sin_pri, nu_idade_n + 1 AS idade, evolucao, datasus_competencia AS ano FROM sivep_srag ORDER BY 1";
    let shown = one(&client, &QueryParams::sql(sql));
    for line in ["| 2020-12-31 | 4     |          | 2020 |", "| 2021-01-05 | 68    | 2        | 2021 |"] {
        assert!(shown.contains(line), "{shown}");
    }
    let (of_sp, report) = rows(&client, &QueryParams::dataset("SRAG").uf(["SP"]).competencia("2021")).unwrap();
    assert_eq!((of_sp, report.bad_values.len()), (1, 0), "{report}");
}

#[test]
fn a_table_of_ones_own_is_joined_by_its_name_and_nothing_else_can_be_read() {
    let exports = Exports::new();
    exports.admissions("a.parquet", 0, 12);
    std::fs::write(exports.path("m.csv"), "uf,nome,populacao\n12,Acre,830018\n35,S\u{e3}o Paulo,44411238\n").unwrap();
    let open = || {
        let builder = Client::builder("").config(exports.config()).declare("SIH-RD", [exports.pattern("a.parquet")]);
        builder.table("municipios", exports.path("m.csv"))
    };
    let client = open().open().unwrap();
    let sql = "SELECT m.nome, count(*) AS n FROM sih_rd r JOIN Municipios m ON substr(r.uf_zi, 1, 2) = m.uf GROUP BY ALL ORDER BY 1";
    let shown = one(&client, &QueryParams::sql(sql));
    assert!(shown.contains("| Acre      | 4 |") && shown.contains("| São Paulo | 4 |"), "{shown}");
    assert!(one(&client, &QueryParams::sql("SELECT count(*) AS n FROM municipios")).contains("| 2 |"));
    for (sql, code) in [
        ("SELECT * FROM cidades", Code::NotFound),
        ("SELECT * FROM 'm.csv'", Code::Forbidden),
        ("SELECT * FROM read_csv('m.csv')", Code::Forbidden),
        ("INSERT INTO municipios VALUES ('1', '2', '3')", Code::Forbidden),
        ("SELECT * FROM main.municipios", Code::Forbidden),
    ] {
        let error = client.query(&QueryParams::sql(sql)).map(drop).expect_err(sql);
        assert_eq!(error.code(), code, "{sql}: {error}");
    }
    // Rows that are in memory, in the place of what was there; and a file that was written anew.
    let batch = RecordBatch::try_from_iter([("uf", Arc::new(StringArray::from(vec!["12"])) as ArrayRef)]).unwrap();
    let schema = batch.schema();
    client.add_table("minha", RecordBatchIterator::new([Ok(batch)], schema)).unwrap();
    let shown = one(&client, &QueryParams::sql("SELECT count(*) AS n FROM minha JOIN municipios USING (uf)"));
    assert!(shown.contains("| 1 |"), "{shown}");
    std::fs::write(exports.path("m.csv"), "uf\n1\n2\n3\n").unwrap();
    assert!(one(&client, &QueryParams::sql("SELECT count(*) AS n FROM municipios")).contains("| 3 |"));
    for name in ["sih_rd", "../x", "a b", "1a", "", "select", "a\"b", "datasus_x", "ação"] {
        let error = open().table(name, exports.path("m.csv")).open().map(drop).expect_err(name);
        assert_eq!(error.code(), Code::InvalidParams, "{name}: {error}");
    }
    let absent = open().table("outra", exports.path("nada.csv")).open().unwrap();
    assert_eq!(absent.query(&QueryParams::sql("SELECT * FROM outra")).map(drop).unwrap_err().code(), Code::NotFound);
}

/// A month of genuine admissions, exported as people do, says the same as the ministry's file.
#[test]
fn a_genuine_export_gives_the_numbers_of_its_dbc() {
    let Some(folder) = genuine::folder() else { return };
    let exports = Exports::new();
    let place = super::Place::new();
    std::fs::copy(folder.join("sih/RDAC2401.dbc"), place.path("RDAC2401.dbc")).unwrap();
    let of_dbc = place.client();
    let exported = of_dbc.export(&QueryParams::dataset("SIH-RD"), datasus::Csv::to("todas.csv")).unwrap();
    assert_eq!(exported.records_processed, 4_315);
    std::fs::copy(place.elsewhere.path().join("out/todas.csv"), exports.path("todas.csv")).unwrap();
    let declared = exports.declared("SIH-RD", &["todas.csv"]).unwrap();
    let sql = "SELECT count(*) AS n, CAST(sum(val_tot) * 100 AS BIGINT) AS centavos, sum(dias_perm) AS dias, count(diag_princ) AS cids, \
               count(DISTINCT n_aih) AS aihs, min(dt_inter) AS de FROM sih_rd";
    let params = QueryParams::sql(sql).uf(["AC"]).competencia("202401");
    assert_eq!(one(&declared, &params), one(&of_dbc, &params));
    let n = declared.query(&params).unwrap().next().unwrap().unwrap();
    assert_eq!(n.column(0).as_primitive::<Int64Type>().value(0), 4_315);
}
