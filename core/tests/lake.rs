//! The lake: typed, atomic, fresh, whole under several processes and after a kill.

mod genuine;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Decimal128Type};
use datasus::base::Ctx;
use datasus::catalog::Catalog;
use datasus::faces::lake::{ConvertOptions, Lake, LakeFile};
use datasus::source::dbc::{CrcState, DbcWriter, WriteOptions};
use datasus::source::folder::Folder;
use datasus::{Code, Error};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

fn write_rd(path: &Path, rows: usize, value: &str) {
    let fields = [("N_AIH", b'C', 13, 0), ("DT_INTER", b'C', 8, 0), ("VAL_TOT", b'N', 14, 2), ("NOVA", b'C', 3, 0)];
    let mut writer = DbcWriter::create(File::create(path).unwrap(), &fields, WriteOptions::default()).unwrap();
    for row in 0..rows {
        let number = format!("{row:013}");
        writer.write(&[&number, "20240115", &format!("{value:>14}"), "007"]).unwrap();
    }
    writer.finish().unwrap();
}

fn ensure(source: &Path, lake: &Path) -> Vec<Result<LakeFile, Error>> {
    let catalog = Catalog::builtin();
    let listing = Folder::scan(source, catalog).unwrap();
    let options = ConvertOptions { threads: 2, ..Default::default() };
    Lake::open(lake).unwrap().ensure(&listing.files, catalog, &options, &Ctx::default())
}

fn one(source: &Path, lake: &Path) -> LakeFile {
    let mut files = ensure(source, lake);
    assert_eq!(files.len(), 1);
    files.remove(0).unwrap()
}

fn sum(file: &LakeFile, column: &str) -> (usize, i128) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&file.path).unwrap()).unwrap().build().unwrap();
    let (mut rows, mut total) = (0, 0);
    for batch in reader {
        let batch = batch.unwrap();
        rows += batch.num_rows();
        total += batch.column_by_name(column).unwrap().as_primitive::<Decimal128Type>().iter().flatten().sum::<i128>();
    }
    (rows, total)
}

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(all_files(&path)) } else { found.push(path) }
    }
    found
}

fn ends(folder: &Path, suffix: &str) -> usize {
    all_files(folder).iter().filter(|path| path.to_string_lossy().ends_with(suffix)).count()
}

#[test]
fn a_converted_file_is_typed_by_the_catalogue_and_says_where_it_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    write_rd(&folder.path().join("rdac2401.DBC"), 300_000, "12.34");
    let file = one(folder.path(), &folder.path().join(".datasus/lake"));
    let kind = |name: &str| file.schema.field_with_name(name).unwrap().data_type().clone();
    assert_eq!(kind("N_AIH"), DataType::Utf8);
    assert_eq!(kind("DT_INTER"), DataType::Date32);
    assert_eq!(kind("VAL_TOT"), DataType::Decimal128(14, 2));
    assert_eq!(kind("NOVA"), DataType::Utf8, "a column that the catalogue does not know is text");
    assert_eq!(sum(&file, "VAL_TOT"), (300_000, 300_000 * 1234));
    assert!(file.path.to_string_lossy().contains("sistema=SIH/grupo=RD/uf=AC/ano=2024/mes=01/"));
    assert_eq!(file.row_groups.iter().map(|g| g.rows).collect::<Vec<_>>(), [131_072, 131_072, 37_856]);
    let footer = ParquetRecordBatchReaderBuilder::try_new(File::open(&file.path).unwrap()).unwrap();
    let metadata = footer.metadata().file_metadata().key_value_metadata().unwrap();
    let json = metadata.iter().find(|kv| kv.key == "datasus.provenance").unwrap().value.clone().unwrap();
    let provenance: datasus::faces::lake::Provenance = serde_json::from_str(&json).unwrap();
    assert_eq!(provenance, file.source);
    assert_eq!((provenance.crc, provenance.rows), (CrcState::Ok, 300_000));
    assert!(footer.metadata().row_group(0).column(0).statistics().is_some());
}

#[test]
fn a_revised_file_is_converted_again_and_the_old_object_stays_readable() {
    let folder = tempfile::tempdir().unwrap();
    let (source, lake) = (folder.path().join("RDAC2401.dbc"), folder.path().join(".datasus/lake"));
    write_rd(&source, 10, "1.00");
    let first = one(folder.path(), &lake);
    assert_eq!(one(folder.path(), &lake).path, first.path, "fresh: not converted again");
    write_rd(&source, 11, "2.00");
    let second = one(folder.path(), &lake);
    assert_ne!(first.path, second.path);
    assert_eq!((sum(&first, "VAL_TOT"), sum(&second, "VAL_TOT")), ((10, 1000), (11, 2200)));
}

#[test]
fn a_damaged_file_publishes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("RDAC2401.dbc");
    write_rd(&source, 1000, "1.00");
    let mut bytes = std::fs::read(&source).unwrap();
    let header = 32 + 4 * 32 + 1;
    bytes[header] ^= 1;
    std::fs::write(&source, bytes).unwrap();
    let lake = folder.path().join(".datasus/lake");
    let error = ensure(folder.path(), &lake).remove(0).unwrap_err();
    assert_eq!((error.code(), error.diagnostic()["cause"].as_str()), (Code::DamagedFile, Some("bad_crc")));
    assert_eq!(ends(&lake, ".parquet") + ends(&lake, ".partial"), 0);
}

#[test]
fn the_encoding_of_the_text_is_part_of_what_names_an_object() {
    use datasus::source::dbc::Encoding;
    let folder = tempfile::tempdir().unwrap();
    let fields = [("AUD_JUST", b'C', 12, 0)];
    let path = folder.path().join("RDAC2401.dbc");
    let mut writer = DbcWriter::create(File::create(path).unwrap(), &fields, WriteOptions::default()).unwrap();
    writer.write_raw(b" S\xc6o Paulo   ").unwrap();
    writer.finish().unwrap();
    let catalog = Catalog::builtin();
    let listing = Folder::scan(folder.path(), catalog).unwrap();
    let lake = Lake::open(&folder.path().join(".datasus/lake")).unwrap();
    let text = |encoding| {
        let options = ConvertOptions { encoding, ..Default::default() };
        let file = lake.ensure(&listing.files, catalog, &options, &Ctx::default()).remove(0).unwrap();
        let reader =
            ParquetRecordBatchReaderBuilder::try_new(File::open(&file.path).unwrap()).unwrap().build().unwrap();
        let batch = reader.map(Result::unwrap).next().unwrap();
        (file.path, batch.column(0).as_string::<i32>().value(0).to_owned())
    };
    let (latin, dos) = (text(Encoding::Latin1), text(Encoding::Cp850));
    assert_eq!((latin.1.as_str(), dos.1.as_str()), ("SÆo Paulo", "São Paulo"));
    assert_ne!(latin.0, dos.0);
    assert_eq!(
        (text(Encoding::Latin1), text(Encoding::Cp850)),
        (latin, dos),
        "each is taken again by those who ask for it"
    );
}

const CHILD: &str = "DATASUS_TEST_CONVERT";

fn converter(folder: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["converts_in_a_process_of_its_own", "--exact", "--nocapture"]).env(CHILD, folder);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
}

/// Not a test of its own: the process that the two tests below start.
#[test]
fn converts_in_a_process_of_its_own() {
    let Ok(folder) = std::env::var(CHILD) else { return };
    let folder = PathBuf::from(folder);
    for file in ensure(&folder, &folder.join(".datasus/lake")) {
        file.unwrap();
    }
}

#[test]
fn four_processes_that_convert_one_folder_leave_one_whole_object_of_each_file() {
    let folder = tempfile::tempdir().unwrap();
    for month in 1..=6 {
        write_rd(&folder.path().join(format!("RDAC24{month:02}.dbc")), 20_000, "1.00");
    }
    let children: Vec<Child> = (0..4).map(|_| converter(folder.path())).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let lake = folder.path().join(".datasus/lake");
    assert_eq!((ends(&lake, ".parquet"), ends(&lake, ".partial")), (6, 0));
    for file in ensure(folder.path(), &lake) {
        assert_eq!(sum(&file.unwrap(), "VAL_TOT"), (20_000, 2_000_000));
    }
}

#[test]
fn a_conversion_killed_at_any_moment_leaves_nothing_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join(".datasus/lake");
    for month in 1..=4 {
        write_rd(&folder.path().join(format!("RDAC24{month:02}.dbc")), 200_000, "1.00");
    }
    for delay in [20, 45, 70, 110, 160, 230] {
        let mut child = converter(folder.path());
        std::thread::sleep(Duration::from_millis(delay));
        let _ = child.kill();
        child.wait().unwrap();
    }
    for file in ensure(folder.path(), &lake) {
        assert_eq!(sum(&file.unwrap(), "VAL_TOT"), (200_000, 20_000_000));
    }
    assert_eq!((ends(&lake, ".parquet"), ends(&lake, ".partial")), (4, 0));
}

/// R10: every mutant of an object is found out, and a query converts it again instead of reading it.
#[test]
fn a_mutated_object_is_always_detected() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join(".datasus/lake");
    write_rd(&folder.path().join("RDAC2401.dbc"), 200, "1.00");
    let file = one(folder.path(), &lake);
    let good = std::fs::read(&file.path).unwrap();
    let mut seed = 0x5eed_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let (mut detected, mutants) = (0, 1500);
    for mutant in 0..mutants {
        let mut bytes = good.clone();
        let at = random(bytes.len());
        match mutant % 4 {
            0 => bytes.truncate(at),
            _ => bytes[at] ^= 1 << random(8),
        }
        std::fs::write(&file.path, bytes).unwrap();
        let error = file.verify().unwrap_err();
        assert_eq!(error.code(), Code::DamagedFile);
        detected += 1;
    }
    println!("R10: {detected} of {mutants} mutants detected");
    let healed = one(folder.path(), &lake);
    assert_eq!(sum(&healed, "VAL_TOT"), (200, 20_000));
}

#[test]
fn a_full_disk_is_named_and_leaves_no_object() {
    let folder = tempfile::tempdir().unwrap();
    let small = folder.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=128k", "tmpfs"]).arg(&small).status();
    if !mounted.is_ok_and(|status| status.success()) {
        genuine::skip::on_this_machine("no right to mount a tmpfs: a full disk");
        return;
    }
    let source = folder.path().join("source");
    std::fs::create_dir(&source).unwrap();
    write_rd(&source.join("RDAC2401.dbc"), 400_000, "1.00");
    let error = ensure(&source, &small.join("lake")).remove(0).unwrap_err();
    let left = ends(&small, ".parquet") + ends(&small, ".partial");
    Command::new("umount").arg(&small).status().unwrap();
    assert_eq!((error.code(), error.retryable(), left), (Code::DiskFull, true, 0), "{error:?}");
    assert!(error.context().file.is_some());
}

#[test]
fn a_folder_is_read_in_any_layout_with_every_version() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"x").unwrap();
    };
    for path in [
        "dissemin/publicos/SIHSUS/200801_/Dados/RDAC2401.dbc",
        "RDAC2402.dbc",
        "RDAC2402.DBF",
        "SIM/PRELIM/DORES/DORR2022.dbc",
        "SIM/CID10/DORES/DORR2022.dbc",
        "PASP2401a.dbc",
        "PASP2401b.dbc",
        "sistema=SIH/grupo=RD/uf=SP/ano=2024/mes=03/x.parquet",
        "sia-pa/ano=2024/uf=RJ/mes=04/part.parquet",
        "CADMUN.DBF",
        "leia-me.txt",
        ".datasus/lake/RDAC2499.dbc",
    ] {
        at(path);
    }
    let listing = Folder::scan(folder.path(), Catalog::builtin()).unwrap();
    let found: Vec<String> = listing
        .files
        .iter()
        .map(|f| format!("{} {} {} {}", f.id.dataset, f.id.uf, f.id.competencia, f.name()))
        .collect();
    assert_eq!(
        found,
        [
            "SIA-PA RJ 202404 part.parquet",
            "SIA-PA SP 202401 PASP2401a.dbc",
            "SIA-PA SP 202401 PASP2401b.dbc",
            "SIH-RD AC 202401 RDAC2401.dbc",
            "SIH-RD AC 202402 RDAC2402.DBF",
            "SIH-RD AC 202402 RDAC2402.dbc",
            "SIH-RD SP 202403 x.parquet",
            "SIM-DO RR 2022 DORR2022.dbc",
            "SIM-DO RR 2022 DORR2022.dbc",
        ]
    );
    let preliminary: Vec<bool> = listing.files.iter().map(|file| file.version.preliminary).collect();
    assert_eq!(preliminary, [false, false, false, false, false, false, false, false, true]);
    assert_eq!(listing.ignored.len(), 2);
}

#[test]
fn a_genuine_file_keeps_its_rows_and_its_money() {
    let Some(data) = genuine::folder() else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(data.join("sih/RDAC2401.dbc"), folder.path().join("RDAC2401.dbc")).unwrap();
    let file = one(folder.path(), &folder.path().join(".datasus/lake"));
    assert_eq!(sum(&file, "VAL_TOT"), (4315, 430_807_276));
    assert!(file.source.bad_values.is_empty(), "{:?}", file.source.bad_values);
}

#[test]
fn an_object_whose_crc_was_not_looked_at_is_not_served_to_who_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("RDAC2401.dbc");
    write_rd(&source, 1_000, "1.00");
    let mut bytes = std::fs::read(&source).unwrap();
    bytes[32 + 4 * 32 + 1] ^= 1;
    std::fs::write(&source, bytes).unwrap();
    let catalog = Catalog::builtin();
    let files = Folder::scan(folder.path(), catalog).unwrap().files;
    let convert = |verify_crc: bool| {
        let options = ConvertOptions { verify_crc, ..Default::default() };
        let lake = Lake::open(&folder.path().join(".datasus/lake")).unwrap();
        lake.ensure(&files, catalog, &options, &Ctx::default()).remove(0)
    };
    let unverified = convert(false).unwrap();
    assert_eq!((unverified.source.crc, unverified.rows), (CrcState::Unchecked, 1_000));
    assert_eq!(convert(true).unwrap_err().code(), Code::DamagedFile);
    assert_eq!(convert(false).unwrap().path, unverified.path, "who does not ask still has it");
    write_rd(&source, 1_001, "1.00");
    let files = Folder::scan(folder.path(), catalog).unwrap().files;
    let convert = |verify_crc: bool| {
        let options = ConvertOptions { verify_crc, ..Default::default() };
        let lake = Lake::open(&folder.path().join(".datasus/lake")).unwrap();
        lake.ensure(&files, catalog, &options, &Ctx::default()).remove(0).unwrap()
    };
    let (unverified, verified) = (convert(false), convert(true));
    assert_eq!((unverified.source.crc, verified.source.crc), (CrcState::Unchecked, CrcState::Ok));
    assert_eq!(convert(false).path, verified.path, "what was verified serves both");
}

#[test]
fn a_damaged_object_found_by_several_processes_is_mended_once() {
    let folder = tempfile::tempdir().unwrap();
    write_rd(&folder.path().join("RDAC2401.dbc"), 20_000, "1.00");
    let lake = folder.path().join(".datasus/lake");
    for round in 0..3 {
        let object = one(folder.path(), &lake).path;
        let mut bytes = std::fs::read(&object).unwrap();
        bytes[100 + round] ^= 0x40;
        std::fs::write(&object, &bytes).unwrap();
        let damaged = std::fs::metadata(&object).unwrap().modified().unwrap();
        let children: Vec<Child> = (0..4).map(|_| converter(folder.path())).collect();
        for mut child in children {
            assert!(child.wait().unwrap().success(), "round {round}");
        }
        let file = one(folder.path(), &lake);
        file.verify().unwrap();
        assert!(std::fs::metadata(&file.path).unwrap().modified().unwrap() > damaged);
        assert_eq!((ends(&lake, ".parquet"), ends(&lake, ".partial")), (1, 0), "round {round}");
    }
}

#[test]
fn a_wait_for_another_conversion_ends_with_the_deadline_and_on_cancel() {
    use datasus::base::CancelReason;
    let folder = tempfile::tempdir().unwrap();
    write_rd(&folder.path().join("RDAC2401.dbc"), 10, "1.00");
    let lake = folder.path().join(".datasus/lake");
    let (catalog, options) = (Catalog::builtin(), ConvertOptions::default());
    let files = Folder::scan(folder.path(), catalog).unwrap().files;
    let partition = one(folder.path(), &lake).path.parent().unwrap().to_owned();
    std::fs::remove_dir_all(&partition).unwrap();
    std::fs::create_dir_all(&partition).unwrap();
    // Another process is at it, and will be for ever.
    let held = File::create(partition.join(".RDAC2401.lock")).unwrap();
    held.lock().unwrap();
    for (reason, code) in [
        (CancelReason::Caller, Code::Cancelled),
        (CancelReason::Deadline(Duration::from_secs(1)), Code::DeadlinePassed),
    ] {
        let ctx = Ctx::default();
        let waiting = std::thread::scope(|scope| {
            let job = scope.spawn(|| Lake::open(&lake).unwrap().ensure(&files, catalog, &options, &ctx).remove(0));
            std::thread::sleep(Duration::from_millis(50));
            ctx.cancel.set(reason);
            job.join().unwrap()
        });
        assert_eq!(waiting.unwrap_err().code(), code);
    }
    drop(held);
    assert_eq!(one(folder.path(), &lake).rows, 10);
}
