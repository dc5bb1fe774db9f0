//! Files go to S3 whole or not at all, whatever kills who writes them.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use arrow::array::{RecordBatch, RecordBatchReader};
use datasus::store::Store;
use datasus::{Client, Code, Config, Csv, Parquet, QueryParams, Standing};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::proxy::{Fate, Proxy, Seen};
use crate::server::{config, shared, store};
use crate::{at, many};

pub fn settings(place: &Path, port: u16, output: &str) -> Config {
    Config {
        output: Some(output.into()),
        lake: Some(place.join("lake")),
        state: Some(place.join("jobs")),
        spill: Some(place.join("spill")),
        remote_cache: Some(place.join("copies")),
        ..config(port)
    }
}

fn to() -> (Csv, Parquet) {
    (Csv::to("a/linhas.csv"), Parquet { row_group_rows: 100_000, ..Parquet::to("linhas.parquet") })
}

/// Runs in a child process: goes on with the job that is there, or begins one.
#[test]
#[ignore = "runs in a child process"]
fn export_and_die() {
    let of = |name: &str| std::env::var(name).ok();
    let (Some(source), Some(place), Some(port), Some(output)) =
        (of("DATASUS_TEST_SOURCE"), of("DATASUS_TEST_PLACE"), of("DATASUS_TEST_PORT"), of("DATASUS_TEST_OUTPUT"))
    else {
        return;
    };
    let client = Client::open_with(&source, settings(Path::new(&place), port.parse().unwrap(), &output)).unwrap();
    match client.jobs().unwrap().first() {
        Some(left) => drop(client.resume(&left.job_id).unwrap().wait().unwrap()),
        None => drop(client.export(&QueryParams::dataset("SIH-RD"), to()).unwrap()),
    }
}

fn child(source: &Path, place: &Path, port: u16, output: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "outputs::export_and_die"])
        .env("DATASUS_TEST_SOURCE", source)
        .env("DATASUS_TEST_PLACE", place)
        .env("DATASUS_TEST_PORT", port.to_string())
        .env("DATASUS_TEST_OUTPUT", output)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn rows(parquet: bytes::Bytes) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(parquet).unwrap().build().unwrap();
    let schema = reader.schema();
    let batches: Vec<RecordBatch> = reader.map(|batch| batch.unwrap()).collect();
    arrow::compute::concat_batches(&schema, &batches).unwrap()
}

/// A request of an upload in parts.
fn is_part(seen: &Seen, method: &str) -> bool {
    seen.method == method && seen.target.contains("uploadId")
}

#[test]
fn an_export_that_is_killed_at_any_request_goes_on_and_writes_the_same_rows() {
    let Some(server) = shared() else { return };
    let (source, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    many::write(source.path(), 3, 200_000);
    let local = Config { output: Some(here.path().join("out")), ..settings(here.path(), server.port, "") };
    let client = Client::open_with(source.path(), local).unwrap();
    client.export(&QueryParams::dataset("SIH-RD"), to()).unwrap();
    let store = store(&config(server.port));
    let bytes = |root: &str, name: &str| {
        let opened = store.open(&at(&format!("{root}/{name}"))).unwrap();
        opened.read_ranges(&[0..opened.size()]).unwrap().remove(0)
    };
    // Where its process is killed: as the server is asked for the upload, has one part of two, has all but the name.
    type Point = (&'static str, fn(&Seen) -> bool);
    let points: [Point; 3] = [
        ("create", |seen| seen.method == "POST" && seen.target.contains("uploads")),
        ("part", |seen| is_part(seen, "PUT") && seen.target.contains("partNumber=2")),
        ("complete", |seen| is_part(seen, "POST")),
    ];
    for (name, is_there) in points {
        let (place, output) = (tempfile::tempdir().unwrap(), format!("s3://datasus/saida-{name}"));
        let proxy = Proxy::before(server.port);
        // Of the last one the server does what it is asked, and nobody hears of it.
        proxy.rule(move |seen, _| match (is_there(seen), name) {
            (false, _) => Fate::Pass,
            (true, "complete") => Fate::DoneAndSilent,
            (true, _) => Fate::Stall,
        });
        let mut running = child(source.path(), place.path(), proxy.port, &output);
        while !proxy.seen().iter().any(is_there) || (name == "complete" && !proxy.is_silent()) {
            assert!(running.try_wait().unwrap().is_none(), "{name}: it ended before it came there");
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        running.kill().unwrap();
        running.wait().unwrap();
        if name != "complete" {
            assert!(store.list(&at(&output)).unwrap().found.is_empty(), "{name}: something is visible");
        }
        let looker = Client::open_with(source.path(), settings(place.path(), server.port, &output)).unwrap();
        assert_eq!(looker.jobs().unwrap()[0].standing, Standing::Crashed);
        proxy.rule(|_, _| Fate::Pass);
        proxy.take();
        assert!(child(source.path(), place.path(), proxy.port, &output).wait().unwrap().success(), "{name}");
        assert!(looker.jobs().unwrap().is_empty());
        let expected = |file: &str| bytes::Bytes::from(std::fs::read(here.path().join("out").join(file)).unwrap());
        assert!(bytes(&output, "a/linhas.csv") == expected("a/linhas.csv"), "{name}");
        // One that goes on has no page index for what was there; its rows are the same.
        assert!(rows(bytes(&output, "linhas.parquet")) == rows(expected("linhas.parquet")), "{name}");
        // It goes on with the upload of the killed process; of one that was completed the note is ended.
        let ended = proxy.take().iter().filter(|seen| is_part(seen, "DELETE")).count();
        assert_eq!(ended, usize::from(name == "complete"), "{name}");
        assert_eq!(std::fs::read_dir(place.path().join("copies/uploads")).into_iter().flatten().count(), 0, "{name}");
    }
}

#[test]
fn an_output_is_no_object_of_the_lake_and_no_file_of_the_source() {
    let Some(server) = shared() else { return };
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    many::write(source.path(), 1, 1_000);
    let bytes = std::fs::read(source.path().join("RDAC2301.parquet")).unwrap();
    let mut upload = store(&config(server.port)).begin(&at("s3://datasus/alvo/RDAC2301.parquet"), true).unwrap();
    std::io::Write::write_all(&mut upload, &bytes).unwrap();
    upload.publish().unwrap();
    let lake = Some("s3://datasus/alvo/lake".into());
    let config = Config { lake, ..settings(place.path(), server.port, "s3://datasus/alvo") };
    let client = Client::open_with("s3://datasus/alvo", config).unwrap();
    let code = |name: &str| {
        let csv = Csv { overwrite: true, ..Csv::to(name) };
        client.export(&QueryParams::dataset("SIH-RD"), csv).unwrap_err().code()
    };
    for name in ["lake/a.csv", "RDAC2302.dbc", "../x.csv"] {
        assert_eq!(code(name), Code::Forbidden, "{name}");
    }
    let over = Parquet { overwrite: true, ..Parquet::to("RDAC2301.parquet") };
    assert_eq!(client.export(&QueryParams::dataset("SIH-RD"), over).unwrap_err().code(), Code::Forbidden);
    assert_eq!(client.export(&QueryParams::dataset("SIH-RD"), Csv::to("b.csv")).unwrap().records_processed, 1_000);
    // An answer of ours lies there by now; it is no source.
    client.export(&QueryParams::dataset("SIH-RD"), Parquet::to("RDAC2303.parquet")).unwrap();
    assert_eq!(client.export(&QueryParams::dataset("SIH-RD"), Csv::to("c.csv")).unwrap().records_processed, 1_000);
}
