//! The ministry's tree in a bucket, among the sources of a client.

use std::path::Path;
use std::time::{Duration, Instant};

use datasus::base::{Cancel, CancelReason};
use datasus::source::write_example_data;
use datasus::store::{Patience, Store};
use datasus::{Client, Code, Config, Pending, QueryParams};

use crate::at;
use crate::proxy::{Fate, Proxy};
use crate::server::{config, shared, store};

fn put(store: &datasus::store::S3, to: &str, bytes: &[u8]) {
    let mut upload = store.begin(&at(to), true).unwrap();
    std::io::Write::write_all(&mut upload, bytes).unwrap();
    upload.publish().unwrap();
}

fn open(source: &str, mirrors: &[&str], home: &Path, config: Config) -> Client {
    let patience = Patience { connect: std::time::Duration::from_secs(2), ..Patience::default() };
    let config = Config {
        mirrors: mirrors.iter().map(|mirror| (*mirror).to_owned()).collect(),
        home: Some(home.join("home")),
        output: Some(home.into()),
        ..config
    };
    Client::builder(source).config(config).patience(patience).open().unwrap()
}

#[test]
fn the_tree_in_a_bucket_is_a_source_among_others_and_only_the_catalogues_folders_count() {
    let Some(server) = shared() else { return };
    let (files, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = store(&config(server.port));
    let root = "s3://datasus/arvore/publicos";
    let bytes = |rows: u32, name: &str| {
        let folder = files.path().join(rows.to_string());
        write_example_data(&folder, rows).unwrap();
        std::fs::read(folder.join(name)).unwrap()
    };
    for name in ["RDAC2401.dbc", "RDAC2402.dbc"] {
        put(&store, &format!("{root}/SIHSUS/200801_/Dados/{name}"), &bytes(80, name));
    }
    // Twice in the tree, and otherwise.
    put(&store, &format!("{root}/SIHSUS/DBF/RDAC2401.dbc"), &bytes(70, "RDAC2401.dbc"));
    let months = QueryParams::dataset("SIH-RD").uf(["AC"]).competencia(["202401", "202402"]).columns(["N_AIH"]);
    let rows = |client: &Client| -> datasus::Result<u64> {
        client.query(&months)?.map(|batch| Ok(batch?.num_rows() as u64)).sum()
    };
    let config = || Config { refresh: datasus::Refresh::Always, ..config(server.port) };
    // Behind a server that takes no connection.
    let client = open("ftp://127.0.0.1:1/publicos", &[root], home.path(), config());
    assert_eq!(rows(&client).unwrap(), 160);
    let report = client.export(&months, datasus::Csv::to("a.csv")).unwrap();
    assert!(report.sources.iter().all(|source| source.origin.as_deref() == Some(root)), "{report}");
    // First in the list; an object that was written anew comes anew.
    put(&store, &format!("{root}/SIHSUS/200801_/Dados/RDAC2402.dbc"), &bytes(90, "RDAC2402.dbc"));
    let client = open(root, &["ftp://127.0.0.1:1/publicos"], home.path(), config());
    assert_eq!(rows(&client).unwrap(), 170);
    let ignored: Vec<String> = client.datasets().unwrap().ignored.into_iter().map(|file| file.file).collect();
    assert!(ignored.iter().any(|file| file == "SIHSUS/DBF"), "{ignored:?}");
    // The bucket opened alone.
    let alone =
        Client::builder(root).config(Config { home: Some(home.path().join("alone")), ..config() }).open().unwrap();
    assert_eq!(rows(&alone).unwrap(), 170);
    assert_eq!(alone.datasets().unwrap().datasets, client.datasets().unwrap().datasets);
    let ignored = alone.datasets().unwrap().ignored;
    assert_eq!(ignored.iter().map(|one| one.file.as_str()).collect::<Vec<_>>(), ["SIHSUS/DBF/RDAC2401.dbc"]);
    // A bucket that is not there, and a key that may not list, are no empty tree.
    let other = tempfile::tempdir().unwrap();
    let error = rows(&open("s3://nenhum/publicos", &["ftp://127.0.0.1:1/x"], other.path(), config())).unwrap_err();
    assert!(error.code() == Code::Unreachable && error.detail().contains("nenhum"), "{error}");
    let keyless = Config { s3_key: None, s3_secret: None, ..config() };
    let error = rows(&open(root, &["ftp://127.0.0.1:1/x"], other.path(), keyless)).unwrap_err();
    assert!(error.code() == Code::Unreachable && error.detail().contains("s3_profile"), "{error}");
}

#[test]
fn a_bucket_that_does_not_give_one_file_is_asked_three_times_and_gives_the_others() {
    let Some(server) = shared() else { return };
    let (behind, home, other) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = behind.path().join("SIHSUS/200801_/Dados");
    write_example_data(&folder, 40).unwrap();
    let (direct, root) = (store(&config(server.port)), "s3://datasus/arvore/ocupada");
    for name in ["RDAC2401.dbc", "RDAC2402.dbc"] {
        put(&direct, &format!("{root}/SIHSUS/200801_/Dados/{name}"), &std::fs::read(folder.join(name)).unwrap());
    }
    let months = QueryParams::dataset("SIH-RD").uf(["AC"]).competencia(["202401", "202402"]).columns(["N_AIH"]);
    let proxy = Proxy::before(server.port);
    let refuse = |status: u16, code: &'static str| {
        proxy.rule(move |seen, _| match seen.target.contains("RDAC2401.dbc") {
            true => Fate::Answer(status, format!("<Error><Code>{code}</Code></Error>")),
            false => Fate::Pass,
        });
    };
    let config = || Config { transfers: 1, ..config(proxy.port) };
    let copy = behind.path().display().to_string();
    refuse(503, "SlowDown");
    let client = open(root, &[&copy], home.path(), config());
    let report = client.export(&months, datasus::Csv::to("a.csv")).unwrap();
    assert_eq!(report.records_processed, 80);
    let origins: Vec<Option<&str>> = report.sources.iter().map(|source| source.origin.as_deref()).collect();
    assert_eq!(origins, [Some(copy.as_str()), Some(root)], "it is not left alone for one file");
    let asked = proxy.seen().iter().filter(|seen| seen.target.contains("RDAC2401.dbc")).count();
    assert_eq!(asked, 3, "one layer of attempts");
    // What it does not allow is not gone.
    refuse(403, "AccessDenied");
    let client = open(root, &["ftp://127.0.0.1:1/x"], other.path(), config());
    let rows = |client: &Client| -> datasus::Result<u64> {
        client.query(&months)?.map(|batch| Ok(batch?.num_rows() as u64)).sum()
    };
    let error = rows(&client).unwrap_err();
    let said = error.detail();
    assert!(said.contains("does not allow access to") && !said.contains("stood in the listing"), "{error}");
}

#[test]
fn a_stop_ends_a_question_for_one_object_that_nobody_answers() {
    let Some(server) = shared() else { return };
    let (files, root) = (tempfile::tempdir().unwrap(), "s3://datasus/arvore/muda");
    write_example_data(files.path(), 40).unwrap();
    let file = std::fs::read(files.path().join("RDAC2401.dbc")).unwrap();
    put(&store(&config(server.port)), &format!("{root}/SIHSUS/200801_/Dados/RDAC2401.dbc"), &file);
    let month = QueryParams::dataset("SIH-RD").uf(["AC"]).competencia(["202401"]).columns(["N_AIH"]);
    let proxy = Proxy::before(server.port);
    proxy.rule(|seen, _| if seen.method == "HEAD" { Fate::Stall } else { Fate::Pass });
    for among_others in [false, true] {
        let home = tempfile::tempdir().unwrap();
        let of = config(proxy.port);
        let client = match among_others {
            true => open(root, &["ftp://127.0.0.1:1/x"], home.path(), of),
            false => Client::builder(root).config(Config { home: Some(home.path().into()), ..of }).open().unwrap(),
        };
        let cancel = Cancel::default();
        proxy.take();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| -> datasus::Result<u64> {
                let rows = client.begin_query_until(&month, &cancel).and_then(Pending::wait)?;
                rows.map(|batch| Ok(batch?.num_rows() as u64)).sum()
            });
            while !proxy.seen().iter().any(|seen| seen.method == "HEAD") {
                assert!(!waits.is_finished(), "nobody asked for the object");
                std::thread::sleep(Duration::from_millis(2));
            }
            let asked = Instant::now();
            cancel.set(CancelReason::Interrupted);
            let ended = waits.join().unwrap().map_err(|error| error.code());
            // Without the token the server has 30 s, three times.
            assert!(ended == Err(Code::Cancelled) && asked.elapsed() < Duration::from_secs(25), "{ended:?}");
        });
    }
}

/// A zip with a table of sexes, in which 3 has this word.
fn kit(female: &str) -> Vec<u8> {
    let row = |number: u32, label: &str, codes: &str| format!("{number:7}  {label:<51}{codes}\r\n");
    let day = zip::DateTime::from_date_and_time(2031, 1, 1, 0, 0, 0).unwrap();
    let options = zip::write::SimpleFileOptions::default().last_modified_time(day);
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file("CNV/SEXO.CNV", options).unwrap();
    let text = format!("2 1\r\n{}{}", row(1, "Masculino", "1"), row(2, female, "2,3"));
    std::io::Write::write_all(&mut writer, text.as_bytes()).unwrap();
    writer.finish().unwrap().into_inner()
}

#[test]
fn kits_in_a_bucket_come_from_the_tree_and_from_any_folder_of_it() {
    let Some(server) = shared() else { return };
    let (source, lake) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_example_data(source.path(), 20).unwrap();
    let store = store(&config(server.port));
    put(&store, "s3://datasus/kits/publicos/SIHSUS/200801_/Auxiliar/TAB_SIH.zip", &kit("Mulher da árvore"));
    put(&store, "s3://datasus/kits/soltos/TAB_SIH.zip", &kit("Mulher da pasta"));
    let words = |from: &str, lake: &Path| -> Vec<String> {
        let config = Config { lake: Some(lake.into()), home: Some(lake.join("home")), ..config(server.port) };
        let client = Client::open_with(source.path(), config).unwrap();
        let done = client.sync_dictionaries(Some(from)).unwrap();
        assert_eq!((done.kits.len(), done.kits[0].date.as_str()), (1, "2031-01-01"), "{done:?}");
        let params = QueryParams::dataset("SIH-RD").competencia("202401").group_by(["SEXO_rotulo"]).count("n");
        let batches: Vec<_> = client.query(&params).unwrap().with_plain_words().map(|batch| batch.unwrap()).collect();
        let column = |batch: &arrow::array::RecordBatch| {
            arrow::array::AsArray::as_string::<i32>(batch.column(0))
                .iter()
                .flatten()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let mut found: Vec<String> = batches.iter().flat_map(column).collect();
        found.sort();
        found
    };
    assert_eq!(words("s3://datasus/kits/publicos", &lake.path().join("a")), ["Masculino", "Mulher da árvore"]);
    assert_eq!(words("s3://datasus/kits/soltos", &lake.path().join("b")), ["Masculino", "Mulher da pasta"]);
    let client = Client::open_with(source.path(), config(server.port)).unwrap();
    assert_eq!(client.sync_dictionaries(Some("s3://datasus/kits/nada")).unwrap_err().code(), Code::NotFound);
}
