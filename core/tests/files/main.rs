//! Which files are the answer: versions, parts, names in the wild, what is ignored, what is missing.

mod declared;
mod estimating;
mod exchanged;
#[path = "../genuine/mod.rs"]
mod genuine;
mod links;
#[path = "../logged/mod.rs"]
mod logged;
#[cfg(target_os = "linux")]
mod planning;
mod told;
mod traces;
mod tree;
mod zips;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use datasus::base::Ctx;
use datasus::catalog::Catalog;
use datasus::faces::lake::{ConvertOptions, Lake};
use datasus::source::dbc::{DbcWriter, Layout, ReadOptions, RecordFile, WriteOptions, dbc_to_dbf};
use datasus::source::folder::{Folder, Why};
use datasus::{Client, Code, Config, Error, MissingFiles, Options, Parquet, QueryParams, Report, Versions};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// A folder with files, and a client whose output and lake are elsewhere.
struct Place {
    folder: tempfile::TempDir,
    elsewhere: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Place { folder: tempfile::tempdir().unwrap(), elsewhere: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    /// A DBC of so many rows, numbered from `first`.
    fn dbc(&self, name: &str, first: usize, rows: usize) -> &Self {
        let fields = [("N_AIH", b'C', 13, 0), ("UF_ZI", b'C', 6, 0)];
        let file = File::create(self.path(name)).unwrap();
        let mut writer = DbcWriter::create(file, &fields, WriteOptions::default()).unwrap();
        for row in first..first + rows {
            writer.write(&[&format!("{row:013}"), "120000"]).unwrap();
        }
        writer.finish().unwrap();
        self
    }

    /// The same records in a Parquet, its columns in another order.
    fn parquet(&self, name: &str, first: usize, rows: usize) -> &Self {
        let text = |values: Vec<String>| -> ArrayRef { Arc::new(StringArray::from(values)) };
        let numbers = (first..first + rows).map(|row| format!("{row:013}")).collect();
        let columns = [("uf_zi", text(vec!["120000".into(); rows]), true), ("n_aih", text(numbers), true)];
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let mut writer = ArrowWriter::try_new(File::create(self.path(name)).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        self
    }

    /// The DBF that a DBC holds.
    fn dbf_of(&self, dbc: &str, name: &str) -> &Self {
        dbc_to_dbf(&self.path(dbc), &self.path(name), &ReadOptions::default()).unwrap();
        self
    }

    /// Sets the time of a file's last change, in seconds from a day in 2024.
    fn changed(&self, name: &str, seconds: u64) -> &Self {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_709_294_400 + seconds);
        File::options().write(true).open(self.path(name)).unwrap().set_modified(time).unwrap();
        self
    }

    fn client(&self) -> Client {
        self.client_of("")
    }

    fn client_of(&self, below: &str) -> Client {
        let config = Config {
            output: Some(self.elsewhere.path().join("out")),
            lake: Some(self.elsewhere.path().join("lake")),
            ..Config::default()
        };
        Client::open_with(self.folder.path().join(below), config).unwrap()
    }

    fn rows(&self, params: &QueryParams) -> Result<(u64, Report), Error> {
        rows(&self.client(), params)
    }

    /// The one file of the answer, and its warnings.
    fn only(&self, params: &QueryParams) -> (String, u64, Vec<String>) {
        let (rows, report) = self.rows(params).unwrap();
        assert_eq!(report.sources.len(), 1, "{report}");
        (report.sources[0].file.clone(), rows, report.warnings)
    }
}

fn rows(client: &Client, params: &QueryParams) -> Result<(u64, Report), Error> {
    let mut answer = client.query(params)?;
    let mut rows = 0;
    for batch in &mut answer {
        rows += batch?.num_rows() as u64;
    }
    Ok((rows, answer.report()?))
}

fn rd() -> QueryParams {
    QueryParams::dataset("SIH-RD")
}

fn rd_ac() -> QueryParams {
    rd().uf(["AC"]).competencia("202401")
}

fn newest() -> Options {
    Options { versions: Versions::Newest, ..Options::default() }
}

fn warn() -> Options {
    Options { missing: MissingFiles::Warn, ..Options::default() }
}

#[test]
fn equal_content_is_one_version_whatever_holds_it() {
    let place = Place::new();
    place.dbc("a/RDAC2401.dbc", 0, 30).dbf_of("a/RDAC2401.dbc", "RDAC2401.DBF").parquet("RDAC2401.parquet", 0, 30);
    place.dbc("RDAC2401 (1).dbc", 0, 30);
    let (file, rows, warnings) = place.only(&rd_ac());
    assert_eq!((file.as_str(), rows), ("RDAC2401.dbc", 30), "a DBC, of which the shortest path");
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(warnings.iter().all(|warning| warning.contains("mesmos registros")), "{warnings:?}");
    let others = QueryParams::sql("SELECT count(*) AS n FROM sih_rd");
    assert_eq!(place.rows(&others).unwrap().1.warnings.len(), 3, "in SQL as well");
}

#[test]
fn versions_of_other_content_are_refused_and_the_newest_is_a_way_out() {
    let place = Place::new();
    place.dbc("RDAC2401.dbc", 0, 30).changed("RDAC2401.dbc", 0);
    place.dbc("novo/RDAC2401.dbc", 0, 41).changed("novo/RDAC2401.dbc", 3600);
    let error = place.rows(&rd_ac()).unwrap_err();
    assert_eq!(error.code(), Code::Conflict, "{error}");
    let text = error.detail().to_owned();
    for part in
        ["novo/RDAC2401.dbc", "2024-03-01 12:00:00 UTC", "2024-03-01 13:00:00 UTC", "bytes", "30 e 41", "newest"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let told = error.to_json();
    assert_eq!(told["diagnostic"]["versions"][1]["rows"], 41, "{told}");
    let (_, rows, warnings) = place.only(&rd_ac().options(newest()));
    assert_eq!((rows, warnings.len()), (41, 1), "{warnings:?}");
    assert!(!text.contains("nem todas"), "{text}");
    place.changed("RDAC2401.dbc", 7200);
    assert_eq!(place.only(&rd_ac().options(newest())).1, 30, "by time of change");
    assert_eq!(place.client().sync(&rd_ac()).unwrap_err().code(), Code::Conflict);
    let export = place.client().export(&rd_ac(), Parquet::to("a.parquet"));
    assert_eq!(export.unwrap_err().code(), Code::Conflict);
    place.changed("novo/RDAC2401.dbc", 7200);
    assert_eq!(place.rows(&rd_ac().options(newest())).unwrap_err().code(), Code::Conflict, "neither is newer");
}

#[test]
fn a_final_file_stands_before_a_preliminary_one_of_any_kind() {
    let place = Place::new();
    let params = || QueryParams::dataset("SIM-DO").uf(["RR"]);
    place.dbc("dengue_prelim_e_final/PRELIM/DORES/DORR2022.dbc", 0, 10);
    place.dbc("x.dbc", 0, 25).dbf_of("x.dbc", "dengue_prelim_e_final/FINAIS_2020/DORR2022.dbf");
    place.changed("dengue_prelim_e_final/FINAIS_2020/DORR2022.dbf", 0);
    for below in ["", "dengue_prelim_e_final"] {
        let (count, report) = rows(&place.client_of(below), &params().options(newest())).unwrap();
        assert_eq!(count, 25, "{below}: the final DBF, though the other is newer and a DBC");
        let preliminary = report.warnings.iter().filter(|warning| warning.contains("preliminar")).count();
        assert_eq!(preliminary, 1, "{report}");
    }
    let (count, report) = rows(&place.client_of("dengue_prelim_e_final/PRELIM"), &params()).unwrap();
    assert_eq!((count, report.warnings.len()), (10, 0), "whoever opens PRELIM gets it");
}

#[test]
fn a_genuine_final_file_is_taken_before_the_preliminary_one() {
    let Some(data) = genuine::folder() else { return };
    let place = Place::new();
    let from = data.join("sinan/ZIKABR20.dbc");
    std::fs::copy(&from, place.path("dengue_prelim_e_final/FINAIS_2020/ZIKABR20.dbc")).unwrap();
    place.dbc("dengue_prelim_e_final/PRELIM/ZIKABR20.dbc", 0, 2858);
    let (_, rows, warnings) = place.only(&QueryParams::dataset("SINAN-ZIKA").columns(["DT_NOTIFIC"]));
    assert_eq!((rows, warnings.len()), (20_768, 1), "{warnings:?}");
}

/// Writes batches as somebody's own Parquet: the first 2,000 rows into one file, the rest into another.
fn write_in_two(batches: &[RecordBatch], first: &Path, second: &Path) {
    let whole = arrow::compute::concat_batches(&batches[0].schema(), batches).unwrap();
    for (path, rows) in [(first, whole.slice(0, 2000)), (second, whole.slice(2000, whole.num_rows() - 2000))] {
        let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), rows.schema(), None).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
    }
}

#[test]
fn a_genuine_month_and_its_parquet_in_two_files_are_one() {
    let Some(data) = genuine::folder() else { return };
    let place = Place::new();
    std::fs::copy(data.join("sih/RDAC2401.dbc"), place.path("RDAC2401.dbc")).unwrap();
    let catalog = Catalog::builtin();
    let listing = Folder::scan(place.folder.path(), catalog).unwrap();
    let lake = Lake::open(&place.elsewhere.path().join("lake")).unwrap();
    let object = lake.ensure(&listing.files, catalog, &ConvertOptions::default(), &Ctx::default()).remove(0).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&object.path).unwrap()).unwrap().build().unwrap();
    let typed: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    let folder = "sistema=SIH/grupo=RD/uf=AC/ano=2024/mes=01";
    let parts = [place.path(&format!("{folder}/part-0.parquet")), place.path(&format!("{folder}/part-1.parquet"))];
    write_in_two(&typed, &parts[0], &parts[1]);
    let (file, rows, warnings) = place.only(&rd_ac());
    assert_eq!((file.as_str(), rows, warnings.len()), ("RDAC2401.dbc", 4315, 1), "{warnings:?}");
    // As PySUS writes it: every column as text.
    let record_file = RecordFile::open(&place.path("RDAC2401.dbc"), &ReadOptions::default()).unwrap();
    let layout = Layout::all_as_text(record_file.header());
    let texts: Vec<RecordBatch> = record_file.batches(layout).unwrap().map(Result::unwrap).collect();
    write_in_two(&texts, &parts[0], &parts[1]);
    let (file, rows, warnings) = place.only(&rd_ac());
    assert_eq!((file.as_str(), rows, warnings.len()), ("RDAC2401.dbc", 4315, 1), "{warnings:?}");
    // The same rows in another order are other content.
    std::fs::rename(&parts[1], place.path(&format!("{folder}/a.parquet"))).unwrap();
    assert_eq!(place.rows(&rd_ac()).unwrap_err().code(), Code::Conflict);
}

#[test]
fn of_names_with_a_date_the_latest_is_read() {
    let place = Place::new();
    place.dbc("sih-rd/202401/sih-rd_202401-ac@20240301.dbc", 0, 30);
    place.dbc("sih-rd/202401/sih-rd_202401-ac@20240401.dbc", 0, 31);
    place.dbc("sih-rd/202401/sih-rd_202401-ac_20240215.dbc", 0, 29);
    let (file, rows, warnings) = place.only(&rd_ac());
    assert_eq!((file.as_str(), rows, warnings.len()), ("sih-rd_202401-ac@20240401.dbc", 31, 2), "{warnings:?}");
    place.dbc("RDAC2401.dbc", 0, 31);
    let (file, rows, _) = place.only(&rd_ac());
    assert_eq!((file.as_str(), rows), ("RDAC2401.dbc", 31), "one without a date has the same rows");
    place.dbc("RDAC2401.dbc", 0, 32);
    assert_eq!(place.rows(&rd_ac()).unwrap_err().code(), Code::Conflict);
}

#[test]
fn the_files_of_a_partition_are_one_version() {
    let place = Place::new();
    place.dbc("RDAC2401.dbc", 0, 30);
    let folder = "sistema=SIH/grupo=RD/uf=AC/ano=2024/mes=01";
    place.parquet(&format!("{folder}/part-0.parquet"), 0, 20).parquet(&format!("{folder}/part-1.parquet"), 20, 10);
    let (file, rows, warnings) = place.only(&rd_ac());
    assert_eq!((file.as_str(), rows, warnings.len()), ("RDAC2401.dbc", 30, 1), "{warnings:?}");
    std::fs::remove_file(place.path("RDAC2401.dbc")).unwrap();
    let (rows, report) = place.rows(&rd_ac()).unwrap();
    assert_eq!((rows, report.sources.len(), report.warnings.len()), (30, 2, 0), "{report}");
    place.parquet("RDAC2401.parquet/a-0.parquet", 0, 20).parquet("RDAC2401.parquet/b-0.parquet", 20, 11);
    let error = place.rows(&rd_ac()).unwrap_err();
    assert_eq!(error.code(), Code::Conflict, "{error}");
    assert!(error.detail().contains("30 e 31") || error.detail().contains("31 e 30"), "{error}");
    place.changed("RDAC2401.parquet/a-0.parquet", 0).changed("RDAC2401.parquet/b-0.parquet", 0);
    assert_eq!(place.rows(&rd_ac().options(newest())).unwrap().0, 30);
}

#[test]
fn a_whole_file_is_never_added_to_its_parts() {
    let pa = |options| QueryParams::dataset("SIA-PA").options(options);
    let place = Place::new();
    place.dbc("PASP1805.dbc", 0, 30).changed("PASP1805.dbc", 0).dbc("PASP1805a.dbc", 0, 20).dbc("PASP1805b.dbc", 20, 9);
    let error = place.rows(&pa(Options::default())).unwrap_err();
    assert_eq!(error.code(), Code::Conflict, "{error}");
    assert!(["PASP1805.dbc", "PASP1805a.dbc", "PASP1805b.dbc"].iter().all(|name| error.detail().contains(name)));
    let (rows, report) = place.rows(&pa(newest())).unwrap();
    assert_eq!((rows, report.sources.len(), report.warnings.len()), (29, 2, 1), "{report}");
    std::fs::remove_file(place.path("PASP1805.dbc")).unwrap();
    place.dbc("PASP1805_1.dbc", 0, 20);
    assert_eq!(place.rows(&pa(Options::default())).unwrap_err().code(), Code::Conflict, "split in two ways");
}

#[test]
fn a_hole_in_the_parts_is_a_missing_file() {
    let place = Place::new();
    place.dbc("PASP1805a.dbc", 0, 20).dbc("PASP1805c.dbc", 40, 9).dbc("BIMG2412_3.dbc", 0, 5).dbc(
        "BIMG2412_1.dbc",
        0,
        5,
    );
    for (dataset, name) in [("SIA-PA", "PASP1805b.dbc"), ("SIA-BI", "BIMG2412_2.dbc")] {
        let error = place.rows(&QueryParams::dataset(dataset)).unwrap_err();
        assert_eq!(error.code(), Code::NotFound, "{error}");
        assert!(error.detail().contains(name), "{error}");
    }
    let (rows, report) = place.rows(&QueryParams::dataset("SIA-PA").options(warn())).unwrap();
    assert_eq!(rows, 29);
    assert_eq!(report.to_json()["missing"][0]["part"], "b");
    assert_eq!(report.warnings.len(), 1, "{report}");
}

#[test]
fn ten_parts_are_read_in_their_order() {
    let place = Place::new();
    for part in 1..=11 {
        place.dbc(&format!("BIMG2412_{part}.dbc"), part, 1);
    }
    let (_, report) = place.rows(&QueryParams::dataset("SIA-BI")).unwrap();
    let order: Vec<&str> = report.sources.iter().map(|source| source.file.as_str()).collect();
    assert_eq!((order[1], order[10]), ("BIMG2412_2.dbc", "BIMG2412_11.dbc"));
}

#[test]
fn warnings_of_duplicates_are_of_the_datasets_that_the_query_uses() {
    let place = Place::new();
    place.dbc("RDAC2401.dbc", 0, 3).dbc("RDAC2401 - Copia.dbc", 0, 3).dbc("DORR2022.dbc", 0, 4);
    let (_, rows, warnings) = place.only(&QueryParams::dataset("SIM-DO"));
    assert_eq!((rows, warnings), (4, Vec::new()));
    place.dbc("RDAC2402.dbc", 0, 3).dbc("copia/RDAC2402.dbc", 0, 4);
    assert_eq!(place.only(&rd_ac()).1, 3, "of another month it may be what it likes");
}

#[test]
fn what_is_not_understood_is_named() {
    let place = Place::new();
    place.dbc("RDAC2401_v2.dbc", 0, 3);
    for name in ["RDAC2401.dbc.gz", "leia-me.txt", "anos.csv", "mapa.png", "notas.doc", "fim.log"] {
        std::fs::write(place.path(name), b"x").unwrap();
    }
    let holdings = place.client().datasets().unwrap();
    assert!(holdings.datasets.is_empty());
    let reason = |name: &str| holdings.ignored.iter().find(|one| one.file == name).unwrap().reason;
    assert_eq!(
        (holdings.ignored.len(), reason("RDAC2401.dbc.gz"), reason("RDAC2401_v2.dbc")),
        (7, Why::Archive, Why::Name)
    );

    let error = place.rows(&QueryParams::dataset("CNES-ST").uf(["SP"]).competencia("202402")).unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    let text = error.detail();
    for part in ["7 arquivo(s)", "RDAC2401_v2.dbc", "RDAC2401.dbc.gz", "STSP2402.dbc", "descompactados"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(
        ["txt", "csv", "png", "doc", "log"].iter().filter(|end| text.contains(**end)).count(),
        3,
        "five: {text}"
    );

    place.dbc("RDAC2402.dbc", 0, 3);
    let warnings = place.rows(&rd()).unwrap().1.warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("RDAC2401_v2.dbc") && warnings[0].contains("RDAC2401.dbc.gz"), "{warnings:?}");
    let error = place.rows(&rd().uf(["AC"]).competencia("202402".."202403")).unwrap_err();
    assert!(error.detail().contains("RDAC2403.dbc") && error.detail().contains("RDAC2401_v2.dbc"), "{error}");
}

#[test]
fn names_in_the_wild_are_understood() {
    for name in [
        "RDAC2401 (1).dbc",
        "rdac2401(2).DBC",
        "RDAC2401 - Copia.dbc",
        "RDAC2401 - Cópia (3).dbc",
        "RDAC2401 - Co\u{301}pia.dbc",
        "RDAC2401 - Copy.dbc",
        "Cópia de RDAC2401.dbc",
        "RDAC2401 copy 2.dbc",
        "sih-rd_202401-ac@20240301.dbc",
        "SIH-RD_202401-AC.dbc",
    ] {
        let place = Place::new();
        place.dbc(name, 0, 3);
        assert_eq!(place.only(&rd_ac()).1, 3, "{name}");
    }
    for name in ["RDAC2401.parquet/part-0.parquet", "rdac2401.PARQUET/y.Parquet", "SIH_RD_AC_2024_01.parquet"] {
        let place = Place::new();
        place.parquet(name, 0, 3);
        assert_eq!(place.only(&rd_ac()).1, 3, "{name}");
    }
}

#[test]
fn what_datasus_has_written_is_no_source() {
    let place = Place::new();
    place.dbc("PASP2401a.dbc", 0, 20).dbc("PASP2401b.dbc", 20, 10);
    let source = place.folder.path().to_owned();
    let config = || Config {
        lake: Some(source.join("lake")),
        output: Some(source.clone()),
        state: Some(source.join("estado")),
        ..Config::default()
    };
    let client = Client::open_with(&source, config()).unwrap();
    let pa = || QueryParams::dataset("SIA-PA");
    for _ in 0..3 {
        assert_eq!(rows(&client, &pa()).unwrap().0, 30);
    }
    // An answer that is named as a source is, and an object whose record is gone.
    client.export(&pa(), Parquet::to("PASP2402.parquet")).unwrap();
    let mut records = Vec::new();
    find(&source.join("lake"), &mut records);
    let record = records.iter().find(|path| path.extension().is_some_and(|e| e == "json")).unwrap();
    std::fs::remove_file(record).unwrap();
    let other = Client::open_with(&source, Config { lake: Some(place.elsewhere.path().into()), ..config() }).unwrap();
    let (count, report) = rows(&other, &pa()).unwrap();
    assert_eq!((count, report.sources.len()), (30, 2), "{report}");
    assert!(report.warnings.iter().any(|warning| warning.contains("PASP2402.parquet")), "{report}");
    let holdings = other.datasets().unwrap();
    assert_eq!((holdings.datasets.len(), holdings.datasets[0].files), (1, 2));
    assert!(holdings.ignored.iter().any(|one| (one.file.as_str(), one.reason) == ("PASP2402.parquet", Why::Ours)));
    let error = rows(&other, &pa().uf(["SP"]).competencia("202402")).unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    assert!(error.detail().contains("PASP2402.parquet"), "{error}");
}

fn find(folder: &Path, into: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { find(&path, into) } else { into.push(path) }
    }
}

#[test]
fn a_known_gap_alone_and_nothing_with_a_warning_are_no_rows() {
    let place = Place::new();
    place.dbc("RDRR9504.dbc", 0, 3).dbc("DORR2022.dbc", 0, 4);
    let gap = rd().uf(["RR"]).competencia("199508").columns(["N_AIH"]);
    let (count, report) = place.rows(&gap).unwrap();
    assert_eq!((count, report.warnings.len(), report.missing.len()), (0, 1, 0), "{report}");
    let nothing = || rd().uf(["SP"]).competencia("202401".."202402").columns(["N_AIH", "VAL_TOT"]).options(warn());
    let (count, report) = place.rows(&nothing()).unwrap();
    assert_eq!((count, report.missing.len()), (0, 2), "{report}");
    assert_eq!(report.warnings.len(), 1, "{report}");
    assert!(!report.to_string().contains("0 arquivo"), "{report}");
    let absent = QueryParams::dataset("CNES-ST").columns(["CNES"]).options(warn());
    let (count, report) = place.rows(&absent).unwrap();
    assert_eq!((count, report.warnings.len()), (0, 1), "{report}");

    let mut answer = place.client().query(&nothing()).unwrap();
    let schema = answer.schema();
    assert_eq!(schema.fields().len(), 2);
    assert!(answer.next().is_none());

    let joined = "SELECT (SELECT count(*) FROM sim_do) AS obitos, (SELECT count(*) FROM cnes_st) AS estabelecimentos";
    let refused = place.rows(&QueryParams::sql(joined)).unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "{refused}");
    assert!(!refused.detail().contains("0 arquivo"), "{refused}");
    let (count, report) = place.rows(&QueryParams::sql(joined).options(warn())).unwrap();
    assert_eq!((count, report.warnings.len()), (1, 1), "{report}");
    let (_, report) = place
        .rows(&QueryParams::sql("SELECT UF_ZI, sum(VAL_TOT) FROM sih_rd GROUP BY 1").uf(["RR"]).competencia("199508"))
        .unwrap();
    assert_eq!(report.records_processed, 0);
}

#[test]
fn a_dataset_without_columns_in_the_catalogue_can_be_nothing_too() {
    let place = Place::new();
    let untyped = Catalog::builtin().datasets().find(|grupo| grupo.columns.is_empty()).unwrap();
    let params = QueryParams::dataset(untyped.dataset.to_string());
    assert_eq!(place.rows(&params).unwrap_err().code(), Code::NotFound);
    assert_eq!(place.rows(&params.options(warn())).unwrap().0, 0);
    let sql = QueryParams::sql(format!("SELECT count(*) AS n FROM {}", untyped.dataset.table())).options(warn());
    assert_eq!(place.rows(&sql).unwrap().0, 1);
    let csv = QueryParams::dataset("SIH-RD").options(warn());
    assert_eq!(place.client().export(&csv, Parquet::to("nada.parquet")).unwrap().records_processed, 0);
}

#[test]
fn with_partial_a_version_that_cannot_be_read_gives_way_to_one_that_can() {
    let place = Place::new();
    place.dbc("RDAC2401.dbc", 0, 30).dbc("copia/RDAC2401.dbc", 0, 30);
    let whole = std::fs::read(place.path("RDAC2401.dbc")).unwrap();
    std::fs::write(place.path("RDAC2401.dbc"), &whole[..whole.len() - 40]).unwrap();
    assert_eq!(place.rows(&rd_ac()).unwrap_err().code(), Code::DamagedFile);
    let partial = || rd_ac().options(Options { partial: true, ..Options::default() });
    let (rows, report) = place.rows(&partial()).unwrap();
    assert_eq!((rows, report.unreadable.len()), (30, 1), "{report}");
    let synced = place.client().sync(&partial()).unwrap();
    assert_eq!((synced.rows, synced.warnings.len()), (30, 1), "{synced:?}");
}

#[test]
fn a_link_to_a_file_is_not_another_version() {
    let place = Place::new();
    place.dbc("2024/RDAC2401.dbc", 0, 30);
    std::os::unix::fs::symlink(place.path("2024"), place.path("atual")).unwrap();
    std::os::unix::fs::symlink(place.folder.path(), place.path("2024/volta")).unwrap();
    let (_, rows, warnings) = place.only(&rd_ac());
    assert_eq!((rows, warnings.len()), (30, 0), "{warnings:?}");
}

#[test]
fn a_source_is_what_it_holds_and_not_what_it_is_called() {
    let place = Place::new();
    place.dbc("RDAC2401.dbc", 0, 30).parquet("RDAC2402.parquet/part-0.parquet", 0, 30);
    place.parquet("sih-rd/uf=AC/ano=2024/mes=03/part-0.parquet", 0, 20);
    place.parquet("sih-rd/uf=AC/ano=2024/mes=03/part-1.parquet", 20, 10).parquet("RDAC2404.parquet", 0, 29);
    let catalog = Catalog::builtin();
    let listing = Folder::scan(place.folder.path(), catalog).unwrap();
    let lake = Lake::open(&place.elsewhere.path().join("lake")).unwrap();
    let ctx = Ctx::default();
    let files = lake.ensure(&listing.files, catalog, &ConvertOptions::default(), &ctx);
    let files: Vec<_> = files.into_iter().map(Result::unwrap).collect();
    let identities = lake.identities(&files, &ctx).unwrap();
    let names: Vec<String> = identities.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["SIH-RD AC 202401", "SIH-RD AC 202402", "SIH-RD AC 202403", "SIH-RD AC 202404"]);
    let digests: Vec<&str> = identities.iter().map(|one| one.digest.as_str()).collect();
    assert!(digests[..3].iter().all(|digest| *digest == digests[0]), "{digests:?}");
    assert_ne!(digests[3], digests[0]);
    place.parquet("RDAC2404.parquet", 0, 30).changed("RDAC2404.parquet", 0);
    let listing = Folder::scan(place.folder.path(), catalog).unwrap();
    let changed = lake.ensure(&listing.files[4..], catalog, &ConvertOptions::default(), &ctx);
    let changed: Vec<_> = changed.into_iter().map(Result::unwrap).collect();
    assert_eq!(lake.identities(&changed, &ctx).unwrap()[0].digest, digests[0], "what is kept is of that very file");
}

#[test]
fn files_alike_in_name_size_and_time_are_told_apart() {
    let place = Place::new();
    for (below, first) in [("PRELIM", 0), ("FINAIS", 500)] {
        place.dbc("x.dbc", first, 10).dbf_of("x.dbc", &format!("{below}/DORR2022.dbf"));
        place.changed(&format!("{below}/DORR2022.dbf"), 0);
    }
    let first = |below: &str| {
        let params = QueryParams::dataset("SIM-DO").columns(["N_AIH"]).limit(1);
        let mut answer = place.client_of(below).query(&params).unwrap();
        let batch = answer.next().unwrap().unwrap();
        batch.column(0).as_string::<i32>().value(0).to_owned()
    };
    assert_eq!([first("PRELIM"), first("")], ["0000000000000", "0000000000500"], "one lake has seen both");
    std::fs::rename(place.path("PRELIM"), place.path("outra")).unwrap();
    let error = place.rows(&QueryParams::dataset("SIM-DO")).unwrap_err();
    assert_eq!(error.code(), Code::Conflict, "{error}");
}

#[test]
fn a_folder_that_is_a_parquet_may_be_opened_itself() {
    let place = Place::new();
    place.parquet("RDAC2401.parquet/part-0.parquet", 0, 20);
    assert_eq!(rows(&place.client_of("RDAC2401.parquet"), &rd()).unwrap().0, 20);
}

#[test]
fn versions_of_other_columns_say_which() {
    let place = Place::new();
    place.dbc("RDAC2401.dbc", 0, 3);
    let file = File::create(place.path("a/RDAC2401.dbc")).unwrap();
    let mut writer = DbcWriter::create(file, &[("N_AIH", b'C', 13, 0)], WriteOptions::default()).unwrap();
    (0..3).for_each(|row| writer.write(&[&format!("{row:013}")]).unwrap());
    writer.finish().unwrap();
    let error = place.rows(&rd_ac()).unwrap_err();
    assert!(error.detail().contains("3 e 3 linhas; nem todas têm UF_ZI"), "{error}");
}
