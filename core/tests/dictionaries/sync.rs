//! Kits that are fetched into the lake: whence, which date counts, and what becomes of damaged ones. The kits are made here.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use datasus::labels::Kit;
use datasus::store::Patience;
use datasus::{Client, Code, Config, Language, QueryParams};
use zip::write::SimpleFileOptions;

use crate::answers::{genuine, rows, write};
use crate::ftp_server::{Fault, FtpServer};
use crate::kits::kits;

const AUXILIAR: &str = "/dissemin/publicos/SIHSUS/200801_/Auxiliar";

/// A table of sexes in which code 3 has this label.
fn sexes(female: &str) -> String {
    let row = |number: u32, label: &str, codes: &str| format!("{number:7}  {label:<51}{codes}\r\n");
    format!("3 1\r\n{}{}{}\x1a", row(3, "Ignorado", "0-9"), row(1, "Masculino", "1"), row(2, female, "2,3"))
}

/// A zip of the ministry's form, of the first of January of `year`.
fn kit(year: u16, female: &str) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    let mut writer = zip::ZipWriter::new(&mut out);
    let day = zip::DateTime::from_date_and_time(year, 1, 1, 0, 0, 0).unwrap();
    let options = SimpleFileOptions::default().last_modified_time(day);
    for (name, text) in [("CNV/SEXO.CNV", sexes(female)), ("RD2008.DEF", "; AIH\r\n".into())] {
        writer.start_file(name, options).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap();
    out.into_inner()
}

/// A DBF of two columns of text.
fn dbf(names: [&str; 2], widths: [usize; 2], rows: &[[&str; 2]]) -> Vec<u8> {
    let mut bytes = vec![3, 131, 1, 1];
    bytes.extend((rows.len() as u32).to_le_bytes());
    bytes.extend(97_u16.to_le_bytes());
    bytes.extend((1 + widths[0] as u16 + widths[1] as u16).to_le_bytes());
    bytes.resize(32, 0);
    for (name, width) in names.iter().zip(widths) {
        let start = bytes.len();
        bytes.extend(name.bytes());
        bytes.resize(start + 11, 0);
        bytes.extend([b'C', 0, 0, 0, 0, width as u8]);
        bytes.resize(start + 32, 0);
    }
    bytes.push(13);
    for row in rows {
        bytes.extend(format!(" {:<a$}{:<b$}", row[0], row[1], a = widths[0], b = widths[1]).bytes());
    }
    bytes
}

/// Admissions of these competências, each with a woman.
fn admissions(folder: &Path, names: &[&str]) {
    let text = |values: [&str; 2]| Arc::new(StringArray::from_iter_values(values)) as ArrayRef;
    let batch = RecordBatch::try_from_iter([("N_AIH", text(["1", "2"])), ("SEXO", text(["3", "1"]))]).unwrap();
    names.iter().for_each(|name| write(&folder.join(name), &batch));
}

fn config(place: &Path) -> Config {
    Config {
        home: Some(place.join("home")),
        lake: Some(place.join("lake")),
        language: Language::En,
        ..Config::default()
    }
}

fn open(source: &str, config: Config) -> Client {
    let patience = Patience { connect: Duration::from_secs(2), ..Patience::default() };
    Client::builder(source).config(config).patience(patience).open().unwrap()
}

/// Labels of code 3, by competência.
fn labels(client: &Client) -> Vec<Vec<Option<String>>> {
    let params = QueryParams::dataset("SIH-RD")
        .columns(["datasus_competencia", "SEXO_rotulo"])
        .filter(datasus::col("SEXO").eq("3"))
        .order_by("datasus_competencia", false);
    let (found, _) = rows(client, &params);
    // The engine says what the scan says.
    let sql = "SELECT datasus_competencia, SEXO_rotulo FROM sih_rd WHERE SEXO = '3' ORDER BY 1";
    assert_eq!(rows(client, &QueryParams::sql(sql)).0, found);
    found
}

fn said(pairs: &[(&str, &str)]) -> Vec<Vec<Option<String>>> {
    pairs.iter().map(|(when, label)| vec![Some((*when).to_owned()), Some((*label).to_owned())]).collect()
}

#[test]
fn a_kit_of_the_ministrys_tree_is_listed_fetched_and_used_offline_afterwards() {
    let (place, source) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    admissions(source.path(), &["RDAC2401.parquet"]);
    let server = FtpServer::start();
    // As the server spells it, which is not how it is looked for.
    server.put(&format!("{AUXILIAR}/Tab_SIH.zip"), &kit(2031, "Mulher"));
    let of_tree = open(&server.address("/dissemin/publicos"), config(place.path()));
    let done = of_tree.sync_dictionaries(None).unwrap();
    assert_eq!(done.kits.len(), 1, "{done:?}");
    let sih = &done.kits[0];
    assert_eq!((sih.kit.as_str(), sih.date.as_str(), sih.tables, sih.new), ("sih", "2031-01-01", 1, true));
    assert!(sih.source.ends_with("Auxiliar/Tab_SIH.zip") && done.absent.contains(&"TAB_SIA.zip".to_owned()));
    assert!(server.commands().iter().any(|command| command.starts_with("LIST")), "{:?}", server.commands());
    let again = of_tree.sync_dictionaries(None).unwrap();
    assert!(!again.kits[0].new, "{again:?}");
    drop((of_tree, server));
    let offline = open(source.path().to_str().unwrap(), config(place.path()));
    assert_eq!(labels(&offline), said(&[("202401", "Mulher")]));
    let fetched = offline.dictionaries().unwrap();
    let fetched = fetched.iter().find(|entry| entry.list == "sih/SEXO" && entry.date == "2031-01-01").unwrap();
    assert!(fetched.official && fetched.source.contains("SHA-256"), "{fetched:?}");
    // Another lake has the built-in dictionary alone.
    let other = open(
        source.path().to_str().unwrap(),
        Config { lake: Some(place.path().join("other")), ..config(place.path()) },
    );
    assert_eq!(labels(&other), said(&[("202401", "Feminino")]));
}

#[test]
fn of_several_dates_of_a_kit_the_records_competencia_chooses() {
    let (place, source) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    admissions(source.path(), &["RDAC1901.parquet", "RDAC2401.parquet"]);
    let client = open(source.path().to_str().unwrap(), config(place.path()));
    assert_eq!(labels(&client), said(&[("201901", "Feminino"), ("202401", "Feminino")]));
    let kits = place.path().join("kits");
    for (year, label) in [(2020, "Sexo feminino"), (2031, "Mulher")] {
        let folder = kits.join(year.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("TAB_SIH.zip"), kit(year, label)).unwrap();
    }
    // One older than what is built in counts for the records before it alone.
    let one = client.sync_dictionaries(kits.join("2020/TAB_SIH.zip").to_str()).unwrap();
    assert_eq!(one.kits[0].date, "2020-01-01");
    assert_eq!(labels(&client), said(&[("201901", "Sexo feminino"), ("202401", "Feminino")]));
    // A newer one wins over it, and a folder has both.
    let both = client.sync_dictionaries(kits.to_str()).unwrap();
    assert_eq!(both.kits.iter().map(|kit| kit.new).collect::<Vec<_>>(), [false, true]);
    assert_eq!(labels(&client), said(&[("201901", "Sexo feminino"), ("202401", "Mulher")]));
    // Groups, in the order of the newest list.
    let groups = QueryParams::dataset("SIH-RD").group_by(["SEXO_rotulo"]).count("n").order_by("SEXO_rotulo", false);
    let (groups, report) = rows(&client, &groups);
    let named: Vec<_> = groups.iter().map(|row| row[0].clone().unwrap()).collect();
    assert_eq!(named, ["Masculino", "Mulher", "Sexo feminino"]);
    assert_eq!(report.unlabelled, []);
}

#[test]
fn an_unpacked_kit_and_a_tree_in_a_folder_are_kits_too() {
    let (place, source) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    admissions(source.path(), &["RDAC2401.parquet"]);
    let unpacked = place.path().join("kits/TAB_SIH/CNV");
    std::fs::create_dir_all(&unpacked).unwrap();
    std::fs::write(unpacked.join("SEXO.CNV"), sexes("Do sexo feminino")).unwrap();
    let client = open(source.path().to_str().unwrap(), config(place.path()));
    let done = client.sync_dictionaries(place.path().join("kits/TAB_SIH").to_str()).unwrap();
    assert_eq!((done.kits.len(), done.kits[0].kit.as_str()), (1, "sih"));
    assert_eq!(labels(&client), said(&[("202401", "Do sexo feminino")]));
}

#[test]
fn what_is_no_kit_is_said_and_leaves_what_was_there() {
    let (place, source) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    admissions(source.path(), &["RDAC2401.parquet"]);
    let client = open(source.path().to_str().unwrap(), config(place.path()));
    let code = |from: Option<&str>| client.sync_dictionaries(from).unwrap_err().code();
    assert_eq!(code(None), Code::NotFound);
    assert_eq!(code(Some("/no/such/folder")), Code::NotFound);
    assert_eq!(code(Some("gopher://somewhere/")), Code::InvalidParams);
    let at = |name: &str, bytes: &[u8]| {
        std::fs::write(place.path().join(name), bytes).unwrap();
        place.path().join(name).to_str().unwrap().to_owned()
    };
    assert_eq!(code(Some(&at("Outro.zip", &kit(2031, "Mulher")))), Code::InvalidParams);
    client.sync_dictionaries(Some(&at("TAB_SIH.zip", &kit(2031, "Mulher")))).unwrap();
    // Cut in the middle, and one byte of it another.
    let whole = kit(2032, "Errado");
    assert_eq!(code(Some(&at("TAB_SIH.zip", &whole[..whole.len() / 2]))), Code::DamagedFile);
    let mut flipped = whole.clone();
    let inside = whole.windows(4).position(|bytes| bytes == b"SEXO").unwrap() + 30;
    flipped[inside] ^= 0x55;
    assert_eq!(code(Some(&at("TAB_SIH.zip", &flipped))), Code::DamagedFile);
    assert_eq!(labels(&client), said(&[("202401", "Mulher")]));
    // Of several kits the sound ones are taken.
    let folder = place.path().join("several");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("TAB_SIH.zip"), &flipped).unwrap();
    std::fs::write(folder.join("TAB_SIA.zip"), kit(2031, "F")).unwrap();
    let done = client.sync_dictionaries(folder.to_str()).unwrap();
    assert_eq!((done.kits.len(), done.failed.len(), done.failed[0].error_code.as_str()), (1, 1, "DS-460"), "{done:?}");
}

#[test]
fn a_transfer_that_is_cut_brings_nothing_half() {
    let place = tempfile::tempdir().unwrap();
    let server = FtpServer::start();
    server.put(&format!("{AUXILIAR}/TAB_SIH.zip"), &kit(2031, "Mulher"));
    server.fault(&format!("{AUXILIAR}/TAB_SIH.zip"), vec![Fault::Gone; 8]);
    let client = open(&server.address("/dissemin/publicos"), config(place.path()));
    assert!(client.sync_dictionaries(None).is_err());
    assert!(!place.path().join("lake/dictionaries").exists());
}

/// The whole of the ministry's kit of admissions, unpacked: its words are those that are built in, which were made of it.
#[test]
fn the_genuine_kit_of_admissions_is_compiled_and_labels_them() {
    let (Some(kits), Some((built_in, source))) = (kits(), genuine(&["sih/RDAC2401.dbc"])) else { return };
    let place = tempfile::tempdir().unwrap();
    let client = open(source.path().to_str().unwrap(), config(place.path()));
    let done = client.sync_dictionaries(kits.join("TAB_SIH").to_str()).unwrap();
    // Its 157 tables and what lies beside them in zips.
    assert_eq!((done.kits.len(), done.failed.len(), done.kits[0].kit.as_str()), (1, 0, "sih"), "{done:?}");
    assert!(done.kits[0].tables >= 157 && done.kits[0].rows > 20_000 && done.kits[0].sha256.len() == 64, "{done:?}");
    let file = std::fs::read_dir(place.path().join("lake/dictionaries/sih")).unwrap().next().unwrap().unwrap().path();
    let reader =
        parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(file).unwrap());
    let schema = reader.unwrap().schema().clone();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    for name in ["kit", "kit_date", "table", "code", "code_to", "label", "category", "row", "sha256"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let columns = ["SEXO", "RACA_COR", "ESPEC", "COBRANCA", "NACIONAL", "ETNIA", "INSTRU", "COD_IDADE", "CAR_INT"];
    for column in columns {
        let label = format!("{column}_rotulo");
        let params = QueryParams::dataset("SIH-RD").columns([column, label.as_str(), "IDADE"]);
        let ((ours, _), (theirs, report)) = (rows(&built_in, &params), rows(&client, &params));
        assert_eq!(ours, theirs, "{column}");
        assert_eq!(report.unlabelled, [], "{column}");
    }
    let lists = client.dictionaries().unwrap();
    assert!(lists.iter().filter(|list| list.source.contains("SHA-256")).count() > 40, "{}", lists.len());
}

/// Procedures change every month: their names are in a DBF of the kit.
#[test]
fn names_of_procedures_and_causes_are_of_the_newest_kit_and_none_is_lost() {
    let (place, source) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let text = |values: [&str; 3]| Arc::new(StringArray::from_iter_values(values)) as ArrayRef;
    let procedures = text(["0301010072", "0309999999", "0411010034"]);
    let causes = text(["A000", "ZZ99", "J180"]);
    let batch = RecordBatch::try_from_iter([("PROC_REA", procedures), ("DIAG_PRINC", causes)]).unwrap();
    write(&source.path().join("RDAC2401.parquet"), &batch);
    let client = open(source.path().to_str().unwrap(), config(place.path()));
    let params = || QueryParams::dataset("SIH-RD").columns(["PROC_REA_rotulo", "DIAG_PRINC_rotulo"]);
    let (before, report) = rows(&client, &params());
    assert_eq!((before[1][0].clone(), report.unlabelled.len()), (None, 2), "{before:?}");
    let folder = place.path().join("TAB_SIH");
    std::fs::create_dir(&folder).unwrap();
    let kit = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
    let names = [["0301010072", "Consulta com outro nome"], ["0309999999", "Procedimento novo"]];
    kit("TB_SIGTAW.DBF", &dbf(["IP_COD", "IP_DSCR"], [10, 60], &names));
    kit("cid10.dbf", &dbf(["CD_COD", "CD_DESCR"], [4, 50], &[["ZZ99", "ZZ99 Causa nova"]]));
    // A table of that name with other columns is another one.
    kit("CBO.dbf", &dbf(["OUTRA", "COLUNA"], [6, 40], &[["225125", "Nada"]]));
    kit("SEXO.CNV", sexes("Mulher").as_bytes());
    let done = client.sync_dictionaries(folder.to_str()).unwrap();
    assert_eq!((done.kits[0].tables, done.kits[0].rows), (3, 7), "{done:?}");
    let (after, report) = rows(&client, &params());
    let said = |row: usize, column: usize| after[row][column].as_deref();
    assert_eq!([said(0, 0), said(1, 0)], [Some("Consulta com outro nome"), Some("Procedimento novo")]);
    assert_eq!(said(1, 1), Some("ZZ99 Causa nova"));
    // What the newer kit does not name keeps its name.
    assert_eq!((&after[2], &after[0][1]), (&before[2], &before[0][1]));
    assert!(after[2].iter().all(Option::is_some) && report.unlabelled.is_empty(), "{after:?}");
    let lists = client.dictionaries().unwrap();
    let sigtap = lists.iter().find(|list| list.list == "sigtap" && list.source.contains("SHA-256")).unwrap();
    assert!(sigtap.official && sigtap.source.contains("TAB_SIH do DATASUS, TB_SIGTAW.DBF"), "{sigtap:?}");
    let cbo = lists.iter().filter(|list| list.list == "cbo").count();
    assert_eq!(cbo, 1, "the built-in one alone");
}

#[test]
fn a_zip_without_a_table_is_no_kit() {
    let mut out = std::io::Cursor::new(Vec::new());
    let mut writer = zip::ZipWriter::new(&mut out);
    writer.start_file("leia.txt", SimpleFileOptions::default()).unwrap();
    writer.write_all(b"nada").unwrap();
    writer.finish().unwrap();
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("TAB_SIH.zip"), out.into_inner()).unwrap();
    let error = Kit::open(&place.path().join("TAB_SIH.zip")).unwrap_err();
    assert_eq!((error.code(), error.to_string().contains("TAB_SIH.zip")), (Code::DamagedFile, true), "{error}");
}
