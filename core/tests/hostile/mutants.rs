//! Files in which bytes were changed, by a seed: sources, the lake's records, what jobs left. None crashes, hangs, or takes memory; and
//! where there is a checksum, none reads as something else.
//!
//! `DATASUS_MUTANTS` says how many (200; `make soak` 2,000), `DATASUS_SEED` runs a failure again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use arrow::array::RecordBatch;
use datasus::source::dbc::ReadOptions;
use datasus::source::{RecordsOf, TypedRecords};
use datasus::{Catalog, Client, Code, Csv, Error, Language, Options, QueryParams};
use serde_json::{Value, json};

use super::child::{self, Bounds};
use super::files::{below, client_in, write_dbc};
use super::made_parquet::{self, Page};
use super::many;

const BOUNDS: Bounds = Bounds { memory: 800 << 20, time: Duration::from_secs(60) };

/// What is changed, and whether it carries a checksum of all that is read of it.
const KINDS: [(&str, bool); 8] = [
    ("dbc", true),
    ("dbf", false),
    ("parquet", false),
    ("parquet with CRC", true),
    ("record", true),
    ("object", true),
    ("plan.json", true),
    ("checkpoint", true),
];

/// A generator that is the same everywhere (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((number ^ (number >> 31)) % most.max(1) as u64) as usize
    }
}

/// One to four changes of bytes, a cut, a doubled or a lost piece; near the ends, where headers and footers are, as often as
/// anywhere.
fn changed(sound: &[u8], seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let mut bytes = sound.to_vec();
    for _ in 0..1 + random.below(4) {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        let at = match random.below(3) {
            0 => random.below(length.min(200)),
            1 => length - 1 - random.below(length.min(200)),
            _ => random.below(length),
        };
        match random.below(8) {
            0 => bytes[at] = 0,
            1 => bytes[at] = 0xff,
            2 => bytes[at] ^= 1 << random.below(8),
            3 => bytes[at] = random.below(256) as u8,
            4 => bytes.truncate(at),
            5 => drop(bytes.drain(at..(at + 1 + random.below(16)).min(length))),
            6 => {
                let piece = bytes[at..(at + 1 + random.below(64)).min(length)].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => bytes.iter_mut().skip(at).take(4).for_each(|byte| *byte = 0x7f),
        }
    }
    bytes
}

/// The rows as text, whatever their columns: equal for equal answers.
fn said(batches: &[RecordBatch]) -> String {
    arrow::util::pretty::pretty_format_batches(batches).map_or_else(|error| error.to_string(), |text| text.to_string())
}

fn records(path: &Path) -> Result<String, Error> {
    let records = TypedRecords::open(path, &RecordsOf::default(), Catalog::builtin(), Language::En)?;
    Ok(said(&records.collect::<Result<Vec<_>, Error>>()?))
}

fn all(client: &Client) -> Result<String, Error> {
    let mut text = String::new();
    for params in
        [QueryParams::dataset("SIH-RD"), QueryParams::sql("SELECT count(*) AS n, sum(IDADE) AS s FROM sih_rd")]
    {
        text += &said(&client.query(&params)?.collect_batches()?);
    }
    Ok(text)
}

/// A job that was interrupted, with checkpoints, and the answer that it would have had.
fn interrupted(folder: &Path) -> PathBuf {
    std::fs::create_dir_all(folder.join("source")).unwrap();
    many::write(&folder.join("source"), 2, 40_000);
    let client = client_in(folder, "lake");
    let rd = QueryParams::dataset("SIH-RD").filter(datasus::col("IDADE").gt(3));
    client.export(&rd, Csv::to("whole.csv")).unwrap();
    let options = Options { checkpoint_rows: Some(1_000), ..Options::default() };
    let rd = rd.options(options);
    // Whoever is quicker, the job or we: it is tried until we are.
    for _ in 0..50 {
        let job = client.submit(&rd, Csv::to("a.csv")).unwrap();
        let log = folder.join("jobs").join(job.id()).join("sink-0.log");
        while std::fs::metadata(&log).map_or(0, |of| of.len()) < 1_000
            && job.wait_timeout(Duration::from_millis(1)).is_none()
        {}
        job.interrupt();
        let _ = job.wait();
        let left = client.jobs().unwrap();
        let _ = std::fs::remove_file(folder.join("a.csv"));
        if let Some(left) = left.first() {
            return folder.join("jobs").join(&left.job_id);
        }
    }
    panic!("no job was interrupted");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &to),
            false => drop(std::fs::copy(&path, &to).unwrap()),
        }
    }
}

/// What was made once for a kind: the folder, the file that is changed, and the answer without a change.
struct Made {
    _place: tempfile::TempDir,
    folder: PathBuf,
    changed: PathBuf,
    sound: Vec<u8>,
    answer: String,
}

impl Made {
    fn of(kind: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().to_owned();
        let source = |name: &str| folder.join("source").join(name);
        let dbc = source("RDAC2401.dbc");
        if !matches!(kind, "plan.json" | "checkpoint") {
            write_dbc(&dbc, 300);
        }
        let answer = |folder: &Path| all(&client_in(folder, "lake")).unwrap();
        let (changed, answer) = match kind {
            "dbc" => (dbc.clone(), records(&dbc).unwrap()),
            "dbf" => {
                let dbf = source("RDAC2401.dbf");
                datasus::source::dbc::dbc_to_dbf(&dbc, &dbf, &ReadOptions::default()).unwrap();
                (dbf.clone(), records(&dbf).unwrap())
            }
            "parquet" => {
                std::fs::remove_file(&dbc).unwrap();
                many::write(&folder.join("source"), 1, 500);
                (source("RDAC2301.parquet"), answer(&folder))
            }
            "parquet with CRC" => {
                std::fs::remove_file(&dbc).unwrap();
                let page = Page { with_crc: true, ..Page::of(&(0..200).collect::<Vec<_>>()) };
                std::fs::write(source("RDAC2401.parquet"), made_parquet::file(&page)).unwrap();
                (source("RDAC2401.parquet"), answer(&folder))
            }
            "record" | "object" => {
                let answer = answer(&folder);
                let end = if kind == "record" { ".parquet.json" } else { ".parquet" };
                (below(&folder.join("lake"), end).unwrap(), answer)
            }
            _ => {
                let job = interrupted(&folder);
                let name = if kind == "checkpoint" { "sink-0.log" } else { "plan.json" };
                (job.join(name), std::fs::read_to_string(folder.join("whole.csv")).unwrap())
            }
        };
        let sound = std::fs::read(&changed).unwrap();
        Made { _place: place, folder, changed, sound, answer }
    }

    /// `same`, `other`, or the error's code.
    fn tried(&self, kind: &str, seed: u64) -> String {
        let mutant = changed(&self.sound, seed);
        let outcome = match kind {
            "dbc" | "dbf" => {
                std::fs::write(&self.changed, mutant).unwrap();
                records(&self.changed)
            }
            "plan.json" | "checkpoint" => {
                // Each mutant is a job of its own, which goes on as far as it can.
                let place = tempfile::tempdir().unwrap();
                copy(&self.folder, place.path());
                let client_of = |folder: &Path| client_in(folder, "lake");
                std::fs::remove_dir_all(place.path().join("source")).unwrap();
                std::os::unix::fs::symlink(self.folder.join("source"), place.path().join("source")).unwrap();
                let job = self.changed.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
                let there = place.path().join(self.changed.strip_prefix(&self.folder).unwrap());
                std::fs::write(there, mutant).unwrap();
                let client = client_of(place.path());
                let resumed = client.jobs().and_then(|_| client.resume(&job)).and_then(|job| job.wait());
                // The plan names the folder of the output: the one where the job began.
                let made = [self.folder.join("a.csv"), place.path().join("a.csv")];
                let text = made.iter().find_map(|path| std::fs::read_to_string(path).ok());
                made.iter().for_each(|path| drop(std::fs::remove_file(path)));
                let _ = client.discard(&job);
                resumed.map(|_| text.unwrap_or_default())
            }
            _ => {
                std::fs::write(&self.changed, mutant).unwrap();
                let done = all(&client_in(&self.folder, "lake"));
                std::fs::write(&self.changed, &self.sound).unwrap();
                done
            }
        };
        match outcome {
            Ok(text) if text == self.answer => "same".into(),
            Ok(_) => "other".into(),
            // A defect of ours is told in full.
            Err(error) if error.code() == Code::Internal => error.to_string(),
            Err(error) => error.code().as_str().into(),
        }
    }
}

#[test]
#[ignore = "runs in a child process"]
fn reads_a_mutant() {
    let mut made: BTreeMap<String, Made> = BTreeMap::new();
    child::serve(|case| {
        let kind = case["kind"].as_str().unwrap().to_owned();
        let of = made.entry(kind.clone()).or_insert_with(|| Made::of(&kind));
        json!(of.tried(&kind, case["seed"].as_u64().unwrap()))
    });
}

#[test]
fn no_mutant_of_a_file_crashes_hangs_grows_or_reads_as_another_where_a_checksum_is() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let (count, first) = (number("DATASUS_MUTANTS").unwrap_or(200), number("DATASUS_SEED").unwrap_or(20_261_128));
    let mut told: BTreeMap<&str, BTreeMap<String, u64>> = BTreeMap::new();
    for (place, (kind, has_checksum)) in KINDS.into_iter().enumerate() {
        let seeds: Vec<u64> = (0..count / KINDS.len() as u64).map(|n| first + n * 97 + place as u64).collect();
        let cases: Vec<Value> = seeds.iter().map(|seed| json!({"kind": kind, "seed": seed})).collect();
        for (seed, outcome) in seeds.iter().zip(child::each("mutants::reads_a_mutant", &cases, BOUNDS)) {
            let answer = outcome.answer(&format!("{kind}, seed {seed}")).as_str().unwrap().to_owned();
            assert!(!(has_checksum && answer == "other"), "{kind}, seed {seed}: read as something else");
            // A defect of ours is none of the file's.
            assert!(!answer.starts_with("DS-500"), "{kind}, seed {seed}: {answer}");
            *told.entry(kind).or_default().entry(answer).or_default() += 1;
        }
    }
    println!("mutants from seed {first}: {}", json!(told));
}
