//! Files that somebody else has put there: names that are patterns, pipes, links, claims of gigabytes, and outputs that would reach
//! what is not theirs.

use std::fs::File;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use datasus::source::dbc::{CrcState, DbcWriter, WriteOptions};
use datasus::source::{RecordsOf, TypedRecords};
use datasus::{
    AggregateFn, Catalog, Client, Code, Config, Csv, Destination, Error, Language, Parquet, QueryParams, Standing,
};
use serde_json::{Value, json};

use super::child::{self, Bounds};
use super::made_parquet::{self, Page};

const BOUNDS: Bounds = Bounds { memory: 700 << 20, time: Duration::from_secs(60) };

pub(super) fn client_in(folder: &Path, lake: &str) -> Client {
    let below = |name: &str| Some(folder.join(name));
    let (output, state, spill) = (Some(folder.to_owned()), below("jobs"), below("spill"));
    let config = Config { lake: below(lake), output, state, spill, language: Language::En, ..Config::default() };
    Client::open_with(folder.join("source"), config).unwrap()
}

pub(super) fn write_dbc(path: &Path, rows: usize) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let fields = [("N_AIH", b'C', 13, 0), ("CNES", b'C', 7, 0), ("IDADE", b'N', 3, 0), ("VAL_TOT", b'N', 14, 2)];
    let mut writer = DbcWriter::create(File::create(path).unwrap(), &fields, WriteOptions::default()).unwrap();
    for row in 0..rows {
        let (number, age, money) = (format!("{row:013}"), format!("{:>3}", row % 100), format!("{:>14}", "12.50"));
        writer.write(&[&number, "2000733", &age, &money]).unwrap();
    }
    writer.finish().unwrap();
}

fn ages(path: &Path, ages: &[i32]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, made_parquet::file(&Page::of(ages))).unwrap();
}

/// Rows and the sum of the ages, by each engine.
fn asked(client: &Client) -> Result<Vec<(u64, i64)>, Error> {
    let rd = || QueryParams::dataset("SIH-RD");
    let cell = |batch: &arrow::array::RecordBatch, at: usize, row: usize| -> i64 {
        let column = arrow::compute::cast(batch.column(at), &arrow::datatypes::DataType::Int64).unwrap();
        arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(&column).value(row)
    };
    let mut scanned = (0, 0);
    for batch in client.query(&rd().columns(["IDADE"]))? {
        let batch = batch?;
        scanned.0 += batch.num_rows() as u64;
        scanned.1 += (0..batch.num_rows()).map(|row| cell(&batch, 0, row)).sum::<i64>();
    }
    let aggregate = rd().aggregate(AggregateFn::Count, "*", "n").aggregate(AggregateFn::Sum, "IDADE", "s");
    let sql = QueryParams::sql("SELECT count(*) AS n, sum(IDADE)::BIGINT AS s FROM sih_rd");
    let mut all = vec![scanned];
    for params in [aggregate, sql] {
        for batch in client.query(&params)? {
            let batch = batch?;
            all.push((cell(&batch, 0, 0) as u64, cell(&batch, 1, 0)));
        }
    }
    Ok(all)
}

#[test]
fn names_that_are_patterns_are_names_in_every_engine() {
    let place = tempfile::tempdir().unwrap();
    let odd = place.path().join("f[1]*?{a,b}'x");
    let month = odd.join("source/[s]*/RDAC2401.parquet");
    // Under their names as patterns the first would read the second twice, and lose itself.
    ages(&month.join("[xy].parquet"), &[1]);
    ages(&month.join("x.parquet"), &[10, 10]);
    ages(&month.join("*.parquet"), &[100, 100, 100]);
    ages(&month.join("?.parquet"), &[1_000; 4]);
    ages(&month.join("[!x]{x,y}.parquet"), &[10_000; 5]);
    write_dbc(&odd.join("source/[s]*/RDAC2402.dbc"), 3);
    let client = client_in(&odd, "lake[2]?");
    let expected = (18, 1 + 20 + 300 + 4_000 + 50_000 + 3);
    assert_eq!(asked(&client).unwrap(), [expected; 3]);
    for to in ["o[1]*.csv", "p?{a,b}/[x].parquet"] {
        let to = Destination::parse(to).unwrap();
        assert_eq!(client.export(&QueryParams::dataset("SIH-RD"), [to]).unwrap().records_processed, 18);
    }
    assert!(odd.join("o[1]*.csv").exists() && odd.join("p?{a,b}/[x].parquet").exists());
    // One that no pattern names is refused by the engine that knows names as patterns only, and read by the other.
    let place = tempfile::tempdir().unwrap();
    ages(&place.path().join(r"source/a\[b]/RDAC2401.parquet"), &[7]);
    let client = client_in(place.path(), "lake");
    let rows: usize =
        client.query(&QueryParams::dataset("SIH-RD")).unwrap().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, 1);
    let refused = client.query(&QueryParams::sql("SELECT count(*) FROM sih_rd")).err().unwrap();
    assert!(refused.code() == Code::InvalidParams && refused.detail().contains("backslash"), "{refused}");
}

fn fifo(path: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn told<T>(of: Result<T, Error>) -> Value {
    of.map_or_else(|error| json!(error.code().as_str()), |_| json!("done"))
}

fn at(case: &Value) -> PathBuf {
    PathBuf::from(case["folder"].as_str().unwrap())
}

/// The first file below `folder` whose name ends so.
pub(super) fn below(folder: &Path, end: &str) -> Option<PathBuf> {
    let mut entries: Vec<_> = std::fs::read_dir(folder).ok()?.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let ends = |path: &PathBuf| path.to_string_lossy().ends_with(end) && !path.is_dir();
    entries.iter().find(|path| ends(path)).cloned().or_else(|| entries.iter().find_map(|path| below(path, end)))
}

#[test]
#[ignore = "runs in a child process"]
fn meets_what_others_put_there() {
    child::serve(|case| {
        let folder = at(case);
        let count = |client: &Client| {
            client
                .query(&QueryParams::dataset("SIH-RD"))
                .and_then(|answer| answer.map(|batch| Ok(batch?.num_rows())).sum::<Result<usize, Error>>())
        };
        match case["do"].as_str().unwrap() {
            "source" => told(Client::open(folder.join("RDAC2401.dbc"))),
            "read" => {
                let wanted = RecordsOf::default();
                told(TypedRecords::open(&folder.join("RDAC2401.dbc"), &wanted, Catalog::builtin(), Language::En))
            }
            "count" => count(&client_in(&folder, "lake")).map_or_else(|e| json!(e.code().as_str()), |rows| json!(rows)),
            "jobs" => {
                let jobs = client_in(&folder, "lake").jobs().unwrap();
                json!(
                    jobs.iter()
                        .map(|job| (job.standing, job.error.as_ref().map(|e| e["error_code"].clone())))
                        .collect::<Vec<_>>()
                )
            }
            "asked" => asked(&client_in(&folder, "lake")).map_or_else(|e| e.to_json(), |all| json!(all)),
            "umask" => {
                // SAFETY: it changes a number of this process, which runs one case at a time.
                unsafe { libc::umask(0) };
                let client = client_in(&folder, "lake");
                let sorted = QueryParams::sql("SELECT * FROM sih_rd ORDER BY N_AIH DESC");
                let to = (Csv::to("a/b.csv"), Parquet::to("c/d.parquet"));
                told(client.export(&sorted, to))
            }
            other => panic!("{other}"),
        }
    });
}

const TEST: &str = "files::meets_what_others_put_there";

fn run(what: &str, folder: &Path) -> Value {
    let outcome = child::one(TEST, json!({"do": what, "folder": folder}), BOUNDS);
    outcome.answer(what).clone()
}

#[test]
fn a_pipe_under_a_name_of_ours_or_of_a_source_hangs_nobody() {
    let place = tempfile::tempdir().unwrap();
    fifo(&place.path().join("RDAC2401.dbc"));
    assert_eq!((run("source", place.path()), run("read", place.path())), (json!("DS-422"), json!("DS-422")));
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    write_dbc(&folder.join("source/RDAC2401.dbc"), 5);
    fifo(&folder.join(format!("spill/datasus-spill-{}/owner.json", ulid::Ulid::new())));
    fifo(&folder.join("spill/datasus-spill-not-one"));
    assert_eq!(run("count", folder), 5);
    // What lies beside the object, and the object itself, under the names that they had.
    for end in [".parquet.json", ".parquet", ".lock"] {
        let ours = below(&folder.join("lake"), end).unwrap();
        if end == ".lock" {
            std::fs::remove_file(below(&folder.join("lake"), ".parquet.json").unwrap()).unwrap();
        }
        std::fs::remove_file(&ours).unwrap();
        fifo(&ours);
        let expected = if end == ".lock" { json!("DS-403") } else { json!(5) };
        assert_eq!(run("count", folder), expected, "{end}");
        let _ = std::fs::remove_file(&ours);
    }
    // The state: the one that cannot be read hides no other.
    let job = |name: &str| {
        let job = folder.join("jobs").join(ulid::Ulid::new().to_string());
        std::fs::create_dir_all(&job).unwrap();
        fifo(&job.join(name));
        if name != "plan.json" {
            std::fs::write(job.join("plan.json"), "{}").unwrap();
        }
        if name != "lock" {
            std::fs::write(job.join("lock"), "").unwrap();
        }
        if name == "plan.json" {
            let owner = json!({"pid": 1, "started": 1, "boot": "", "host": "elsewhere"});
            std::fs::write(job.join("owner.json"), owner.to_string()).unwrap();
        }
    };
    ["lock", "plan.json", "owner.json"].iter().for_each(|name| job(name));
    let jobs = run("jobs", folder);
    assert_eq!(jobs, json!([["unreadable", "DS-403"], ["unreadable", "DS-403"], ["unreadable", "DS-403"]]));
}

#[test]
fn what_claims_gigabytes_is_read_within_bounds() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let source = folder.join("source/RDAC2401.parquet");
    let sound = made_parquet::file(&Page::of(&[1, 2, 3]));
    let refused = |bytes: Vec<u8>, what: &str| {
        std::fs::create_dir_all(source.parent().unwrap()).unwrap();
        std::fs::write(&source, bytes).unwrap();
        let told = run("asked", folder);
        assert_eq!(told["error_code"], "DS-460", "{what}: {told}");
        assert!(told.to_string().len() < 5_000, "{what}");
    };
    let mut footer = sound.clone();
    let at = footer.len() - 8;
    footer[at..at + 4].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    refused(footer, "a footer of 2 GB");
    refused(made_parquet::footer_of(&[0x29, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07]), "a list of 2^31 structures");
    refused(made_parquet::file(&Page { unpacked: i32::MAX, snappy: true, ..Page::of(&[1, 2, 3]) }), "a page of 2 GB");
    refused(made_parquet::file(&Page { packed: Some(i32::MAX), ..Page::of(&[1]) }), "a page that ends behind the file");
    std::fs::write(&source, &sound).unwrap();
    assert_eq!(run("asked", folder), json!([[3, 6], [3, 6], [3, 6]]));
    // A record and a note of 8 GB are not read, but made again.
    write_dbc(&folder.join("source/RDAC2402.dbc"), 4);
    let expected = json!([[7, 12], [7, 12], [7, 12]]);
    assert_eq!(run("asked", folder), expected);
    let record = below(&folder.join("lake"), ".parquet.json").unwrap();
    File::options().write(true).open(&record).unwrap().set_len(8 << 30).unwrap();
    for note in std::fs::read_dir(folder.join("lake/.same")).unwrap() {
        File::options().write(true).open(note.unwrap().path()).unwrap().set_len(8 << 30).unwrap();
    }
    assert_eq!(run("asked", folder), expected);
    assert!(record.metadata().unwrap().len() < 1 << 20);
}

#[test]
fn a_page_whose_crc_does_not_match_is_damage_in_every_engine_and_one_that_does_is_told() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    std::fs::create_dir_all(folder.join("source")).unwrap();
    let source = folder.join("source/RDAC2401.parquet");
    let crc = |client: &Client| {
        let answer = client.query(&QueryParams::sql("SELECT sum(IDADE) FROM sih_rd")).unwrap();
        let job = answer.job().clone();
        answer.collect_batches().unwrap();
        job.wait().unwrap().sources[0].crc
    };
    for (with_crc, said) in [(true, CrcState::Ok), (false, CrcState::Absent)] {
        let page = Page { with_crc, ..Page::of(&[1, 2, 3]) };
        std::fs::write(&source, made_parquet::file(&page)).unwrap();
        let client = client_in(folder, if with_crc { "lake1" } else { "lake2" });
        assert_eq!(asked(&client).unwrap(), [(3, 6); 3]);
        assert_eq!((crc(&client), crc(&client)), (said, said));
    }
    // The value 2 became 3.
    let mut damaged = made_parquet::file(&Page { with_crc: true, ..Page::of(&[1, 2, 3]) });
    let at = damaged.windows(4).position(|four| four == 2_i32.to_le_bytes()).unwrap();
    damaged[at] = 3;
    std::fs::write(&source, damaged).unwrap();
    let client = client_in(folder, "lake3");
    for params in [QueryParams::dataset("SIH-RD"), QueryParams::sql("SELECT sum(IDADE) FROM sih_rd")] {
        let error = client.query(&params).err().unwrap();
        assert_eq!(error.code(), Code::DamagedFile, "{error}");
    }
}

#[test]
fn outputs_never_reach_the_files_of_source_lake_or_state() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().canonicalize().unwrap();
    let outside = root.join("outside");
    let folder = root.join("dados");
    write_dbc(&folder.join("RDAC2401.dbc"), 5);
    write_dbc(&outside.join("RDAC2402.dbc"), 5);
    std::fs::write(folder.join("RDAC2403.dbc.gz"), "packed").unwrap();
    symlink(outside.join("RDAC2402.dbc"), folder.join("RDAC2402.dbc")).unwrap();
    symlink(&folder, folder.join("again")).unwrap();
    symlink(".datasus", folder.join("hidden")).unwrap();
    let open = |output: &Path| {
        let config = Config { output: Some(output.to_owned()), language: Language::En, ..Config::default() };
        Client::open_with(&folder, config).unwrap()
    };
    let client = open(&folder);
    let rd = QueryParams::dataset("SIH-RD");
    let to = |path: &str| -> Destination { Csv { overwrite: true, ..Csv::to(path) }.into() };
    // An answer of ours may be written again.
    for _ in 0..2 {
        client.export(&rd, (to("a.csv"), Parquet { overwrite: true, ..Parquet::to("b.parquet") })).unwrap();
    }
    let failing: Destination = Csv { overwrite: true, ..Csv::to("x".repeat(250)) }.into();
    let _ = client.export(&rd, [failing]);
    let object = below(&folder.join(".datasus/lake"), ".parquet").unwrap();
    let object = object.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
    let job = ulid::Ulid::new().to_string();
    std::fs::create_dir_all(folder.join(".datasus/jobs").join(&job)).unwrap();
    let bytes = || {
        let files = ["RDAC2401.dbc", "RDAC2402.dbc", "RDAC2403.dbc.gz", &object];
        files.map(|file| std::fs::read(folder.join(file)).unwrap())
    };
    let before = bytes();
    for path in [
        "RDAC2401.dbc",
        "./RDAC2401.dbc",
        "again/RDAC2401.dbc",
        "again/again/RDAC2401.dbc",
        "RDAC2402.dbc",
        "RDAC2403.dbc.gz",
        "NEW.DBC",
        "new.dbf",
        &object,
        &format!(".datasus/jobs/{job}/plan.json"),
        &format!(".DATASUS/jobs/{job}/plan.json"),
        &format!("again/.datasus/jobs/{job}/plan.json"),
        &format!("hidden/jobs/{job}/plan.json"),
        "hidden/lake/sistema=SIH/x.csv",
        ".datasus/x.csv",
        "sub/.datasus/lake/x.csv",
        "../dados/RDAC2401.dbc",
    ] {
        let refused = client.export(&rd, [to(path)]).err().unwrap_or_else(|| panic!("{path} was written"));
        assert_eq!(refused.code(), Code::Forbidden, "{path}: {refused}");
    }
    // From another output folder: through the link of the source, and right into the lake and the state.
    for (output, path) in [
        (outside.clone(), "RDAC2402.dbc".to_owned()),
        (root.clone(), "dados/RDAC2401.dbc".to_owned()),
        (folder.join(".datasus"), format!("jobs/{job}/plan.json")),
        (folder.join(".datasus/jobs"), format!("{job}/plan.json")),
        (folder.join(".datasus/jobs").join(&job), "plan.json".to_owned()),
        (folder.join(".datasus/lake"), "SISTEMA=SIH/x.csv".to_owned()),
    ] {
        let refused = open(&output).export(&rd, [to(&path)]).err().unwrap_or_else(|| panic!("{path} was written"));
        assert_eq!(refused.code(), Code::Forbidden, "{path} below {}: {refused}", output.display());
    }
    assert!(bytes() == before && !folder.join("NEW.DBC").exists() && !folder.join(".DATASUS").exists());
}

#[test]
fn one_job_that_cannot_be_read_hides_no_other_and_can_be_given_up() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    write_dbc(&folder.join("source/RDAC2401.dbc"), 5);
    let ids: Vec<String> = (0..3).map(|_| ulid::Ulid::new().to_string()).collect();
    for (number, id) in ids.iter().enumerate() {
        let job = folder.join("jobs").join(id);
        std::fs::create_dir_all(&job).unwrap();
        std::fs::write(job.join("lock"), "").unwrap();
        let owner = json!({"pid": 1, "started": 1, "boot": "", "host": "elsewhere"});
        std::fs::write(job.join("owner.json"), owner.to_string()).unwrap();
        let plan = ["{}", "{ not json", "{\"a\":1,\"crc32\":\"00000000\"}"][number];
        std::fs::write(job.join("plan.json"), plan).unwrap();
    }
    let client = client_in(folder, "lake");
    let standings = || -> Vec<Standing> { client.jobs().unwrap().iter().map(|job| job.standing).collect() };
    assert_eq!(standings().iter().filter(|standing| **standing == Standing::Unreadable).count(), 2);
    assert_eq!(standings().iter().filter(|standing| **standing == Standing::Foreign).count(), 1);
    assert!(client.export(&QueryParams::dataset("SIH-RD"), Csv::to("a.csv")).is_ok());
    ids.iter().for_each(|id| client.discard(id).unwrap());
    assert!(standings().is_empty());
}

#[test]
fn nothing_is_made_that_everybody_may_write_whatever_the_umask() {
    let place = tempfile::tempdir().unwrap();
    write_dbc(&place.path().join("source/RDAC2401.dbc"), 50);
    std::fs::create_dir(place.path().join("spill")).unwrap();
    let mine = |path: &Path| path.metadata().unwrap().mode() & 0o002 == 0;
    assert!(mine(place.path()));
    assert_eq!(run("umask", place.path()), "done");
    let mut open = vec![place.path().to_owned()];
    let mut seen = 0;
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            assert!(mine(&path), "{}", path.display());
            seen += 1;
            if path.is_dir() {
                open.push(path);
            }
        }
    }
    assert!(seen >= 12, "{seen}");
}

#[test]
fn a_packing_that_is_not_read_is_named_alike_in_every_engine() {
    let place = tempfile::tempdir().unwrap();
    let source = place.path().join("source");
    std::fs::create_dir(&source).unwrap();
    for (codec, name) in [(2, "GZIP"), (3, "LZO"), (4, "BROTLI"), (5, "LZ4"), (7, "LZ4_RAW")] {
        std::fs::write(source.join("RDAC2401.parquet"), made_parquet::file(&Page { codec, ..Page::of(&[1, 2]) }))
            .unwrap();
        let client = client_in(place.path(), "lake");
        let rd = || QueryParams::dataset("SIH-RD");
        for params in [
            rd(),
            rd().aggregate(AggregateFn::Sum, "IDADE", "s"),
            rd().order_by("IDADE", true),
            QueryParams::sql("SELECT sum(IDADE) FROM sih_rd"),
            QueryParams::sql("SELECT * FROM sih_rd"),
        ] {
            let error = client.query(&params).err().unwrap_or_else(|| panic!("{name}: {params:?}"));
            assert_eq!((error.code(), &error.diagnostic()["received"]), (Code::InvalidParams, &json!(name)), "{error}");
        }
    }
}
