//! Files go up part by part while they grow, and who goes on with a job goes on with its upload.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchReader, StringArray};
use arrow::datatypes::SchemaRef;
use datasus::base::{Chunk, Ctx};
use datasus::recovery::SinkState;
use datasus::sink::{Destination, Identity, ResultInfo, Sink, Stored, StoredAddress, StoredTarget, Target, TargetEnv};
use datasus::store::Store;
use datasus::{Client, Code, Config, Csv, Parquet, QueryParams};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::multipart::{end, under_way};
use crate::proxy::{Fate, Proxy, Seen};
use crate::server::{config, shared, store};
use crate::{at, outputs};

const PART: u64 = 16 << 20;
const FILES: usize = 4;
const ROWS: usize = 110_000;

/// Months of SIH-RD whose rows no compression makes much smaller: three parts and more in every format.
fn write(folder: &Path) {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";
    let mut state = 88_172_645_463_325_252_u64;
    let mut noise = || {
        let mut text = String::with_capacity(160);
        while text.len() < 160 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (0..10).for_each(|at| text.push(char::from(ALPHABET[(state >> (6 * at)) as usize & 63])));
        }
        text
    };
    for file in 0..FILES {
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..ROWS).map(|_| noise())));
        let batch = RecordBatch::try_from_iter_with_nullable([("N_AIH", texts, true)]).unwrap();
        let path = folder.join(format!("RDAC23{:02}.parquet", file + 1));
        let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }
}

/// As the file's name says.
fn to(file: &str) -> Destination {
    match file.ends_with(".parquet") {
        true => Parquet { row_group_rows: 100_000, ..Parquet::to(file) }.into(),
        false => Destination::parse(file).unwrap(),
    }
}

/// Runs in a child process: goes on with the job that is there, or begins one.
#[test]
#[ignore = "runs in a child process"]
fn export_a_file() {
    let of = |name: &str| std::env::var(name).ok();
    let (Some(source), Some(place), Some(port), Some(output), Some(file)) = (
        of("DATASUS_TEST_SOURCE"),
        of("DATASUS_TEST_PLACE"),
        of("DATASUS_TEST_PORT"),
        of("DATASUS_TEST_OUTPUT"),
        of("DATASUS_TEST_FILE"),
    ) else {
        return;
    };
    let settings = outputs::settings(Path::new(&place), port.parse().unwrap(), &output);
    let client = Client::open_with(&source, settings).unwrap();
    match client.jobs().unwrap().first() {
        Some(left) => drop(client.resume(&left.job_id).unwrap().wait().unwrap()),
        None => drop(client.export(&QueryParams::dataset("SIH-RD"), to(&file)).unwrap()),
    }
}

fn child(source: &Path, place: &Path, port: u16, output: &str, file: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "growing::export_a_file"])
        .env("DATASUS_TEST_SOURCE", source)
        .env("DATASUS_TEST_PLACE", place)
        .env("DATASUS_TEST_PORT", port.to_string())
        .env("DATASUS_TEST_OUTPUT", output)
        .env("DATASUS_TEST_FILE", file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The number of the part that a request brings, from 1.
fn part(seen: &Seen) -> Option<usize> {
    let (_, rest) = seen.target.split_once("partNumber=").filter(|_| seen.method == "PUT")?;
    rest.split('&').next()?.parse().ok()
}

fn parts(seen: &[Seen]) -> Vec<usize> {
    seen.iter().filter_map(part).collect()
}

fn count(seen: &[Seen], method: &str, target: &str) -> usize {
    seen.iter().filter(|seen| seen.method == method && seen.target.contains(target)).count()
}

/// Exports until the server is asked to take the part `number`, which it never hears of, and kills the process there.
fn killed_at(number: usize, proxy: &Proxy, source: &Path, place: &Path, output: &str, file: &str) {
    proxy.rule(move |seen, _| if part(seen) == Some(number) { Fate::Stall } else { Fate::Pass });
    proxy.take();
    let mut running = child(source, place, proxy.port, output, file);
    while !proxy.seen().iter().any(|seen| part(seen) == Some(number)) {
        assert!(running.try_wait().unwrap().is_none(), "{file}: it ended before part {number}");
        std::thread::sleep(Duration::from_millis(2));
    }
    running.kill().unwrap();
    running.wait().unwrap();
    proxy.rule(|_, _| Fate::Pass);
    assert_eq!(parts(&proxy.take()), (1..=number).collect::<Vec<_>>(), "{file}");
}

fn read(port: u16, root: &str, file: &str) -> bytes::Bytes {
    let opened = store(&config(port)).open(&at(&format!("{root}/{file}"))).unwrap();
    let whole = 0..opened.size();
    opened.read_ranges(std::slice::from_ref(&whole)).unwrap().remove(0)
}

/// Of a CSV its bytes; of a Parquet its rows, since one that goes on has no page index for what was there.
fn same(file: &str, found: bytes::Bytes, expected: &bytes::Bytes) -> bool {
    let rows = |parquet: bytes::Bytes| {
        let reader = ParquetRecordBatchReaderBuilder::try_new(parquet).unwrap().build().unwrap();
        let schema = reader.schema();
        let batches: Vec<RecordBatch> = reader.map(|batch| batch.unwrap()).collect();
        arrow::compute::concat_batches(&schema, &batches).unwrap()
    };
    if file.ends_with(".parquet") { rows(found) == rows(expected.clone()) } else { found == *expected }
}

fn notes(place: &Path) -> usize {
    std::fs::read_dir(place.join("copies/uploads")).into_iter().flatten().count()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let last = Instant::now() + Duration::from_secs(120);
    while !holds() {
        assert!(Instant::now() < last, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_killed_export_goes_on_with_its_upload_and_sends_no_part_twice() {
    let Some(server) = shared() else { return };
    let (source, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(source.path());
    let local = Config { output: Some(here.path().join("out")), ..outputs::settings(here.path(), server.port, "") };
    let client = Client::open_with(source.path(), local).unwrap();
    let proxy = Proxy::before(server.port);
    for file in ["linhas.csv", "linhas.csv.zst", "linhas.parquet"] {
        client.export(&QueryParams::dataset("SIH-RD"), to(file)).unwrap();
        let expected = bytes::Bytes::from(std::fs::read(here.path().join("out").join(file)).unwrap());
        let last = expected.len().div_ceil(PART as usize);
        assert!(last >= 4, "{file} has {} bytes", expected.len());
        for number in [2, last] {
            let (place, root) = (tempfile::tempdir().unwrap(), format!("cresce/{number}-{file}"));
            let output = format!("s3://datasus/{root}");
            killed_at(number, &proxy, source.path(), place.path(), &output, file);
            assert!(store(&config(server.port)).list(&at(&output)).unwrap().found.is_empty(), "{file}: it is visible");
            // Another process of the user, which looks for what killed ones have left, leaves it to the job.
            let copies = Config { remote_cache: Some(place.path().join("copies")), ..config(server.port) };
            drop(store(&copies).begin(&at(&format!("s3://datasus/cresce/outro-{number}")), false).unwrap());
            let Some(left) = under_way(server.port, &root) else { return };
            assert_eq!(left, [format!("{root}/{file}")]);

            assert!(child(source.path(), place.path(), proxy.port, &output, file).wait().unwrap().success(), "{file}");
            let seen = proxy.take();
            assert_eq!(parts(&seen), (number..=last).collect::<Vec<_>>(), "{file}");
            assert_eq!((count(&seen, "POST", "uploads"), count(&seen, "DELETE", "uploadId")), (0, 0), "{file}");
            assert!(same(file, read(server.port, &output, file), &expected), "{file}, killed at part {number}");
            assert_eq!(store(&config(server.port)).list(&at(&output)).unwrap().found.len(), 1, "{file}");
            assert_eq!((under_way(server.port, &root).unwrap().len(), notes(place.path())), (0, 0), "{file}");
        }
    }
}

#[test]
fn an_upload_that_the_server_has_ended_begins_again() {
    let Some(server) = shared() else { return };
    let source = tempfile::tempdir().unwrap();
    write(source.path());
    let proxy = Proxy::before(server.port);
    for file in ["linhas.csv", "linhas.parquet"] {
        let (place, root) = (tempfile::tempdir().unwrap(), format!("esquece/{file}"));
        let output = format!("s3://datasus/{root}");
        killed_at(3, &proxy, source.path(), place.path(), &output, file);
        let Some(ended) = end(server.port, &root) else { return };
        assert_eq!(ended.len(), 1);
        assert!(child(source.path(), place.path(), proxy.port, &output, file).wait().unwrap().success(), "{file}");
        let seen = proxy.take();
        assert_eq!(count(&seen, "POST", "uploads"), 1, "{file}");
        let settings = outputs::settings(place.path(), server.port, &output);
        let of = QueryParams::dataset("SIH-RD");
        let here = Config { output: Some(place.path().join("out")), ..settings };
        Client::open_with(source.path(), here).unwrap().export(&of, to(file)).unwrap();
        let expected = bytes::Bytes::from(std::fs::read(place.path().join("out").join(file)).unwrap());
        assert!(same(file, read(server.port, &output, file), &expected), "{file}");
        assert_eq!((under_way(server.port, &root).unwrap().len(), notes(place.path())), (0, 0), "{file}");
    }
}

#[test]
fn a_job_that_is_given_up_leaves_no_upload_even_where_the_server_is_away_then() {
    let Some(server) = shared() else { return };
    let source = tempfile::tempdir().unwrap();
    write(source.path());
    let proxy = Proxy::before(server.port);
    for server_is_away in [false, true] {
        let (place, root) = (tempfile::tempdir().unwrap(), format!("desiste/{server_is_away}"));
        let output = format!("s3://datasus/{root}");
        killed_at(2, &proxy, source.path(), place.path(), &output, "linhas.csv");
        let settings = outputs::settings(place.path(), proxy.port, &output);
        let client = Client::open_with(source.path(), settings.clone()).unwrap();
        if server_is_away {
            proxy.rule(|_, _| Fate::Answer(503, String::new()));
        }
        client.discard(&client.jobs().unwrap()[0].job_id).unwrap();
        proxy.rule(|_, _| Fate::Pass);
        assert!(client.jobs().unwrap().is_empty());
        // Whoever gives up does not wait for a slow server.
        until("its note stays", || server_is_away || notes(place.path()) == 0);
        let Some(left) = under_way(server.port, &root) else { return };
        assert_eq!((left.len(), notes(place.path())), (usize::from(server_is_away), usize::from(server_is_away)));
        if server_is_away {
            // Whoever writes next ends it.
            let next = Client::open_with(source.path(), settings).unwrap();
            let few = QueryParams { limit: Some(10), ..QueryParams::dataset("SIH-RD") };
            next.export(&few, Csv::to("poucas.csv")).unwrap();
            assert_eq!((under_way(server.port, &root).unwrap().len(), notes(place.path())), (0, 0));
        }
    }
    // One that is cancelled while a part is on its way.
    let (place, output) = (tempfile::tempdir().unwrap(), "s3://datasus/desiste/cancelado".to_owned());
    let client = Client::open_with(source.path(), outputs::settings(place.path(), proxy.port, &output)).unwrap();
    proxy.rule(|seen, _| if part(seen) == Some(2) { Fate::Stall } else { Fate::Pass });
    proxy.take();
    let job = client.submit(&QueryParams::dataset("SIH-RD"), Csv::to("linhas.csv")).unwrap();
    until("no second part", || parts(&proxy.seen()).contains(&2));
    let asked = Instant::now();
    job.cancel();
    assert_eq!(job.wait().unwrap_err().code(), Code::Cancelled);
    assert!(asked.elapsed() < Duration::from_secs(25), "{:?}", asked.elapsed());
    until("its note stays", || notes(place.path()) == 0);
    assert!(client.jobs().unwrap().is_empty());
    assert!(under_way(server.port, "desiste").unwrap().is_empty());
}

#[test]
fn an_object_of_as_many_bytes_that_lay_there_before_is_not_taken_for_the_jobs_own() {
    let Some(server) = shared() else { return };
    let place = tempfile::tempdir().unwrap();
    let store = store(&Config { remote_cache: Some(place.path().join("copies")), ..config(server.port) });
    for bytes in [1_000, PART + 1_000] {
        let (name, of) = (format!("{bytes}"), |number: u8| vec![number; bytes as usize]);
        let (to, log) = (at(&format!("s3://datasus/antes/{name}")), place.path().join(format!("upload-{name}.log")));
        let mut before = store.begin(&to, true).unwrap();
        before.write_all(&of(1)).unwrap();
        before.publish().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&of(2)).unwrap();
        let attempt = || store.begin_growing(&to, true, &log).unwrap().unwrap();
        let mut killed = attempt();
        killed.grown(&file, bytes).unwrap();
        killed.seal(&file, bytes).unwrap();
        drop(killed);
        let mut next = attempt();
        assert!(!next.is_published(bytes).unwrap(), "{name}");
        next.seal(&file, bytes).unwrap();
        next.publish().unwrap();
        assert!(read(server.port, "s3://datasus/antes", &name) == of(2), "{name}");
        // Of one that nobody heard of it is known by what lay there before.
        assert!(attempt().is_published(bytes).unwrap(), "{name}");
    }
    assert_eq!((notes(place.path()), under_way(server.port, "antes").map_or(0, |left| left.len())), (0, 0));
}

/// Takes rows until the server has a part of the file beside it.
struct Waits(Arc<Proxy>);

impl std::fmt::Debug for Waits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Waits")
    }
}

impl Target for Waits {
    fn kind(&self) -> &'static str {
        "waits"
    }

    fn identity(&self, _: &TargetEnv, _: Option<&ResultInfo>) -> Identity {
        Identity { key: "waits".into(), shown: "waits".into() }
    }

    fn open(&self, _: &TargetEnv, _: &ResultInfo, state: SinkState) -> datasus::Result<Box<dyn Sink>> {
        Ok(Box::new(Waiting { proxy: self.0.clone(), state, rows: 0 }))
    }

    fn stored(&self, _: &ResultInfo) -> datasus::Result<StoredTarget> {
        StoredTarget::new("waits", &(), StoredAddress::default())
    }
}

struct Waiting {
    proxy: Arc<Proxy>,
    state: SinkState,
    rows: usize,
}

impl Sink for Waiting {
    fn name(&self) -> &'static str {
        "waits"
    }

    fn start(&mut self, _: &SchemaRef, _: &Ctx) -> datasus::Result<()> {
        self.state.begins()
    }

    /// The last rows wait: those before them have two parts.
    fn write(&mut self, chunk: &Chunk) -> datasus::Result<()> {
        self.rows += chunk.batch.num_rows();
        if self.rows == FILES * ROWS {
            until("no part came before the end", || parts(&self.proxy.seen()).contains(&2));
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> datasus::Result<Stored> {
        Ok(Stored { sink: "waits", location: "here".into(), rows: self.rows as u64, bytes: 0, warnings: Vec::new() })
    }
}

#[test]
fn parts_are_at_the_server_before_the_job_has_its_last_rows() {
    let Some(server) = shared() else { return };
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(source.path());
    let proxy = Arc::new(Proxy::before(server.port));
    let client =
        Client::open_with(source.path(), outputs::settings(place.path(), proxy.port, "s3://datasus/cedo")).unwrap();
    for file in ["linhas.csv", "linhas.parquet"] {
        proxy.take();
        let waits = Destination::from(Arc::new(Waits(proxy.clone())) as Arc<dyn Target>);
        let to = (to(file), waits);
        let report = client.export(&QueryParams::dataset("SIH-RD"), to).unwrap();
        assert_eq!(report.records_processed as usize, FILES * ROWS, "{file}");
    }
    assert_eq!(notes(place.path()), 0);
}

/// What one server has of a file is nothing of what another has.
#[test]
fn a_job_that_goes_on_at_another_server_sends_it_the_whole_file() {
    let Some(server) = shared() else { return };
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(source.path());
    let (proxy, output, file) = (Proxy::before(server.port), "s3://datasus/outro-servidor", "linhas.csv");
    killed_at(3, &proxy, source.path(), place.path(), output, file);
    // Another address is another server, as far as the job can tell.
    assert!(child(source.path(), place.path(), server.port, output, file).wait().unwrap().success());
    let settings = outputs::settings(place.path(), server.port, output);
    let here = Config { output: Some(place.path().join("out")), ..settings };
    Client::open_with(source.path(), here).unwrap().export(&QueryParams::dataset("SIH-RD"), to(file)).unwrap();
    let expected = bytes::Bytes::from(std::fs::read(place.path().join("out").join(file)).unwrap());
    assert!(same(file, read(server.port, output, file), &expected));
}
