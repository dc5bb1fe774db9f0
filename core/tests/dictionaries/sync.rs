//! Kits that are fetched into the lake: whence, which date counts, and what becomes of damaged ones. The kits are made here.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use datasus::store::Patience;
use datasus::{Client, Code, Config, Language, QueryParams};
use zip::write::SimpleFileOptions;

use crate::ftp_server::{Fault, FtpServer};
use crate::queries::{rows, write};

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
    let patience = Patience { connect: Duration::from_secs(2), silent: Duration::from_millis(500) };
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
