//! DBC and DBF: genuine files, damage, variants, properties, memory and fuzz.

mod genuine;

use std::io::{Cursor, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Decimal128Type, Int32Type};
use datasus::catalog::{DateFormat, LogicalType};
use datasus::source::dbc::{
    Batches, Condition, CrcState, DbcWriter, Layout, OutputColumn, ReadOptions, RecordFile, RowFilter, Summary, Test,
    WriteOptions, dbc_to_dbf,
};
use datasus::{Code, Error};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

const FIELDS: &[(&str, u8, u8, u8)] =
    &[("CNES", b'C', 7, 0), ("NOME", b'C', 12, 0), ("VAL_TOT", b'N', 10, 2), ("IDADE", b'N', 3, 0), ("DT", b'C', 8, 0)];

fn dbc(rows: usize, options: WriteOptions) -> Vec<u8> {
    let mut writer = DbcWriter::create(Cursor::new(Vec::new()), FIELDS, options).unwrap();
    for row in 0..rows {
        let value = format!("{:>10.2}", row as f64 * 1.25);
        let age = format!("{:>3}", row % 120);
        writer.write(&[&format!("{:07}", row % 50), "São José", &value, &age, "20240131"]).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn typed(file: &RecordFile) -> Layout {
    let kinds = [
        LogicalType::Text,
        LogicalType::Text,
        LogicalType::Decimal { precision: 10, scale: 2 },
        LogicalType::Integer { digits: 3 },
        LogicalType::Date { formats: vec![DateFormat::YearMonthDay] },
    ];
    let mut layout = Layout::all_as_text(file.header());
    for (column, kind) in layout.columns.iter_mut().zip(kinds) {
        column.kind = kind;
    }
    layout
}

fn open(bytes: Vec<u8>, name: &str) -> Result<RecordFile, Error> {
    RecordFile::from_reader(Cursor::new(bytes), name, &ReadOptions { decoded_sha256: true, ..Default::default() })
}

fn read(bytes: Vec<u8>, name: &str) -> Result<(Vec<RecordBatch>, Summary), Error> {
    let file = open(bytes, name)?;
    let layout = Layout::all_as_text(file.header());
    drain(file.batches(layout)?)
}

fn drain(mut batches: Batches) -> Result<(Vec<RecordBatch>, Summary), Error> {
    let rows = batches.by_ref().collect::<Result<Vec<_>, _>>()?;
    Ok((rows, batches.summary()))
}

fn cause(error: &Error) -> String {
    assert_eq!(error.code(), Code::DamagedFile, "{error:?}");
    assert!(error.context().file.is_some() && error.context().offset.is_some(), "{error:?}");
    error.diagnostic()["cause"].as_str().unwrap().to_owned()
}

#[test]
fn every_genuine_file_decodes_to_the_hash_and_rows_of_its_manifest() {
    let Some(files) = genuine::manifest() else { return };
    let mut dbc = 0;
    for file in &files {
        let options = ReadOptions { decoded_sha256: true, ..Default::default() };
        let opened = RecordFile::open(&file.path, &options).unwrap();
        assert_eq!(opened.header().fields.len(), file.columns, "{}", file.name);
        let layout = Layout::all_as_text(opened.header());
        let (batches, summary) =
            drain(opened.batches(layout).unwrap()).unwrap_or_else(|e| panic!("{}: {e:?}", file.name));
        assert_eq!(batches.iter().map(|b| b.num_rows() as u64).sum::<u64>(), file.rows, "{}", file.name);
        assert_eq!(summary.decoded_sha256, file.decoded_sha256, "{}", file.name);
        assert_eq!(summary.rows_deleted + summary.rows_rejected, 0, "{}", file.name);
        assert_eq!(summary.source_bytes, std::fs::metadata(&file.path).unwrap().len());
        let is_dbc = file.name.to_lowercase().ends_with(".dbc");
        assert_eq!(summary.crc, if is_dbc { CrcState::Ok } else { CrcState::Absent }, "{}", file.name);
        dbc += usize::from(is_dbc);
    }
    assert_eq!(dbc, 87);
}

#[test]
fn a_dbc_becomes_the_dbf_that_it_holds_or_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("out.dbf");
    for file in genuine::manifest().unwrap_or_default() {
        let summary = dbc_to_dbf(&file.path, &to, &ReadOptions::default()).unwrap();
        assert_eq!(summary.rows_read, file.rows, "{}", file.name);
        assert_eq!(hex::encode(Sha256::digest(std::fs::read(&to).unwrap())), file.decoded_sha256, "{}", file.name);
        std::fs::remove_file(&to).unwrap();
    }
    let bytes = dbc(1000, WriteOptions::default());
    let mut decoded = Vec::new();
    open(bytes.clone(), "RDAC2401.dbc").unwrap().write_dbf(&mut decoded, &to).unwrap();
    let (batches, summary) = read(decoded, "RDAC2401.dbf").unwrap();
    assert_eq!((batches[0].num_rows(), summary.crc), (1000, CrcState::Absent));
    for end in [bytes.len() - 1, bytes.len() / 2] {
        let from = folder.path().join("RDAC2401.dbc");
        std::fs::write(&from, &bytes[..end]).unwrap();
        assert_eq!(cause(&dbc_to_dbf(&from, &to, &ReadOptions::default()).unwrap_err()), "truncated");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_written_file_reads_back_typed() {
    let file = open(dbc(1000, WriteOptions::default()), "RDAC2401.dbc").unwrap();
    let layout = typed(&file);
    let (batches, summary) = drain(file.batches(layout).unwrap()).unwrap();
    let batch = &batches[0];
    assert_eq!((batch.num_rows(), summary.crc, summary.rows_kept), (1000, CrcState::Ok, 1000));
    assert_eq!(batch.column(0).as_string::<i32>().value(3), "0000003");
    assert_eq!(batch.column(1).as_string::<i32>().value(3), "São José");
    assert_eq!(batch.column(2).as_primitive::<Decimal128Type>().value(3), 375);
    assert_eq!(batch.column(3).as_primitive::<Int32Type>().value(3), 3);
    assert_eq!(batch.column(4).as_primitive::<Date32Type>().value(3), 19_753);
}

#[test]
fn variants_that_nobody_can_fetch_are_read() {
    for (name, options) in [
        ("zero terminator", WriteOptions { terminator: 0, ..Default::default() }),
        ("visual foxpro", WriteOptions { version: 0x30, ..Default::default() }),
        ("no end mark", WriteOptions { end_mark: false, ..Default::default() }),
        ("coded literals", WriteOptions { coded_literals: true, ..Default::default() }),
        ("dictionary of 1 KiB", WriteOptions { dictionary_bits: 4, ..Default::default() }),
        ("dictionary of 2 KiB", WriteOptions { dictionary_bits: 5, coded_literals: true, ..Default::default() }),
    ] {
        let (batches, _) = read(dbc(500, options), "a.dbc").unwrap_or_else(|e| panic!("{name}: {e:?}"));
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 500, "{name}");
    }
    let names: Vec<String> = (0..114).map(|i| format!("COLUNA{i}")).collect();
    let fields: Vec<(&str, u8, u8, u8)> = names.iter().map(|name| (name.as_str(), b'C', 6, 0)).collect();
    let mut writer = DbcWriter::create(Cursor::new(Vec::new()), &fields, WriteOptions::default()).unwrap();
    writer.write(&["x"; 114]).unwrap();
    let (batches, _) = read(writer.finish().unwrap().into_inner(), "RDAC2503.dbc").unwrap();
    assert_eq!(batches[0].num_columns(), 114);
}

#[test]
fn deleted_rows_and_unreadable_records_are_counted_and_bad_values_are_null_with_their_raw_text() {
    let mut writer = DbcWriter::create(Cursor::new(Vec::new()), FIELDS, WriteOptions::default()).unwrap();
    writer.write(&["1", "a", "**********", "  x", "20240230"]).unwrap();
    writer.write_flagged(b'*', &["2"]).unwrap();
    writer.write_flagged(b'?', &["3"]).unwrap();
    writer.write_flagged(0, &["4", "b", "1.00", "5", "20240131"]).unwrap();
    writer.write(&["", "", "", "", "00000000"]).unwrap();
    let file = open(writer.finish().unwrap().into_inner(), "a.dbc").unwrap();
    let layout = typed(&file);
    let (batches, summary) = drain(file.batches(layout).unwrap()).unwrap();
    assert_eq!((summary.rows_read, summary.rows_kept, summary.rows_deleted, summary.rows_rejected), (5, 3, 1, 1));
    // A flag of 0x00 marks a live record, and is told.
    assert_eq!((summary.rows_unflagged, summary.notices("a.dbc").len()), (1, 1));
    assert_eq!(summary.rejected[0].row, 2);
    assert!(summary.rejected[0].reason().en.contains("0x3F"));
    let bad: Vec<_> = summary.bad_values.iter().map(|b| (b.column.as_str(), b.count, b.samples[0].clone())).collect();
    assert_eq!(
        bad,
        [
            ("VAL_TOT", 1, (0, "**********".to_owned())),
            ("IDADE", 1, (0, "  x".to_owned())),
            ("DT", 1, (0, "20240230".to_owned()))
        ]
    );
    assert!(batches[0].columns()[2..].iter().all(|column| column.null_count() == 2));
    assert!(batches[0].columns()[..2].iter().all(|column| column.null_count() == 1));
}

#[test]
fn columns_and_rows_are_chosen_before_anything_is_built() {
    let file = open(dbc(5000, WriteOptions::default()), "a.dbc").unwrap();
    let layout = Layout {
        columns: vec![OutputColumn {
            field: 3,
            name: "IDADE".into(),
            kind: LogicalType::Integer { digits: 3 },
            form: None,
        }],
        batch_rows: 7,
        filter: Some(RowFilter { conditions: vec![Condition { field: 0, test: Test::Equals(b"0000007".to_vec()) }] }),
        reference_year: 2024,
    };
    let (batches, summary) = drain(file.batches(layout).unwrap()).unwrap();
    assert_eq!((summary.rows_read, summary.rows_kept), (5000, 100));
    assert!(batches.iter().all(|batch| batch.num_columns() == 1 && batch.num_rows() <= 7));
}

#[test]
fn a_file_under_the_other_kinds_name_is_read_with_a_warning() {
    let plain = dbc(3, WriteOptions { plain: true, ..Default::default() });
    let folder = tempfile::tempdir().unwrap();
    for (bytes, name) in [(plain, "a.dbc"), (dbc(3, WriteOptions::default()), "a.dbf")] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let file = RecordFile::open(&path, &ReadOptions::default()).unwrap();
        assert_eq!(file.warnings().len(), 1, "{name}");
        let layout = Layout::all_as_text(file.header());
        assert_eq!(drain(file.batches(layout).unwrap()).unwrap().1.rows_kept, 3);
    }
}

#[test]
fn damage_is_named_with_file_byte_and_cause() {
    let good = dbc(300, WriteOptions::default());
    let header = 32 + 32 * FIELDS.len() + 1;
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    let mut stream = good[..header + 4].to_vec();
    // Literal mode 0, dictionary 6, then a copy as the first token.
    stream.extend([0, 6, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    for (bytes, expected) in [
        (Vec::new(), "empty"),
        (vec![0x1f, 0x8b, 8, 0], "gzip"),
        (b"PK\x03\x04rest".to_vec(), "zip"),
        (b"<!DOCTYPE html><html>".to_vec(), "html"),
        (b"550 RDAC2401.dbc: The system cannot find the file specified.".to_vec(), "ftp_text"),
        (b"%PDF-1.4 and then some more bytes, surely".to_vec(), "not_dbc"),
        (changed(10, good[10] ^ 1), "bad_header"),
        (changed(8, 8), "bad_header"),
        (changed(header, good[header] ^ 1), "bad_crc"),
        (changed(header + 4, 9), "bad_literal_flag"),
        (changed(header + 5, 3), "bad_dictionary"),
        (changed(4, good[4] + 1), "too_short"),
        (changed(4, good[4] - 2), "too_long"),
        (stream, "copy_before_start"),
        (good[..good.len() - 1].to_vec(), "truncated"),
        (good[..20].to_vec(), "truncated"),
    ] {
        let error = read(bytes, "RDAC2401.dbc").unwrap_err();
        assert_eq!(cause(&error), expected, "{error:?}");
    }
}

#[test]
fn a_file_cut_at_any_byte_is_damaged_and_a_flipped_bit_never_goes_unseen() {
    let good = dbc(40, WriteOptions::default());
    let (rows, _) = read(good.clone(), "a.dbc").unwrap();
    for length in 0..good.len() {
        cause(&read(good[..length].to_vec(), "a.dbc").unwrap_err());
    }
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        match read(bytes, "a.dbc") {
            Ok((found, _)) => assert_eq!(found, rows, "bit {bit}"),
            Err(error) => drop(cause(&error)),
        }
    }
}

#[test]
fn the_crc_is_checked_unless_the_caller_turns_it_off() {
    let mut bytes = dbc(40, WriteOptions::default());
    let header = 32 + 32 * FIELDS.len() + 1;
    bytes[header] ^= 0xff;
    let options = ReadOptions { verify_crc: false, ..Default::default() };
    let file = RecordFile::from_reader(Cursor::new(bytes), "a.dbc", &options).unwrap();
    let layout = Layout::all_as_text(file.header());
    assert_eq!(drain(file.batches(layout).unwrap()).unwrap().1.crc, CrcState::Unchecked);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_the_writer_writes_the_reader_reads(
        rows in prop::collection::vec(prop::collection::vec("[ -~À-ÿ]{0,12}", 3), 0..400),
        plain: bool, end_mark: bool, coded_literals: bool, dictionary_bits in 4u8..=6,
    ) {
        let fields = [("A", b'C', 12, 0), ("B", b'C', 12, 0), ("C", b'C', 12, 0)];
        let options = WriteOptions { plain, end_mark, coded_literals, dictionary_bits, ..Default::default() };
        let mut writer = DbcWriter::create(Cursor::new(Vec::new()), &fields, options).unwrap();
        for row in &rows {
            writer.write(&row.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        }
        let (batches, _) = read(writer.finish().unwrap().into_inner(), "a").unwrap();
        let mut at = 0;
        for batch in &batches {
            for row in 0..batch.num_rows() {
                for (column, value) in rows[at].iter().enumerate() {
                    let cells = batch.column(column).as_string::<i32>();
                    let expected = value.trim_end_matches(' ');
                    let found = if cells.is_null(row) { "" } else { cells.value(row) };
                    prop_assert_eq!(found, expected);
                }
                at += 1;
            }
        }
        prop_assert_eq!(at, rows.len());
    }

    #[test]
    fn no_input_panics_or_loops(bytes in prop::collection::vec(any::<u8>(), 0..2000), head in 0usize..3) {
        let good = dbc(20, WriteOptions::default());
        let keep = [0, 32, 32 + 32 * FIELDS.len() + 7][head].min(good.len());
        let _ = read([&good[..keep], &bytes].concat(), "a.dbc");
    }
}

/// `DATASUS_FUZZ_SECONDS` (3 by default; `make soak` gives 60) of mutated files.
#[test]
fn mutated_files_are_read_or_refused() {
    let seconds = std::env::var("DATASUS_FUZZ_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(3);
    let mut seed = std::env::var("DATASUS_FUZZ_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0x5eed_u64);
    let mut corpus = vec![
        dbc(200, WriteOptions::default()),
        dbc(50, WriteOptions { plain: true, ..Default::default() }),
        dbc(50, WriteOptions { version: 0x30, ..Default::default() }),
    ];
    for file in genuine::manifest().unwrap_or_default() {
        let bytes = std::fs::read(&file.path).unwrap();
        if bytes.len() < 40_000 {
            corpus.push(bytes);
        }
    }
    println!("fuzz: {} files, {seconds} s, DATASUS_FUZZ_SEED={seed}", corpus.len());
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below.max(1) as u64) as usize
    };
    let until = Instant::now() + Duration::from_secs(seconds);
    let (mut runs, mut slowest) = (0u64, Duration::ZERO);
    while Instant::now() < until {
        let mut bytes = corpus[random(corpus.len())].clone();
        for _ in 0..1 + random(8) {
            let at = random(bytes.len());
            match random(5) {
                0 => bytes[at] ^= 1 << random(8),
                1 => bytes[at] = random(256) as u8,
                2 => bytes.truncate(at + 1),
                3 => bytes[at..].rotate_left(1),
                _ => bytes.insert(at, random(256) as u8),
            }
        }
        let began = Instant::now();
        if let Err(error) = read(bytes, "fuzz.dbc") {
            cause(&error);
        }
        slowest = slowest.max(began.elapsed());
        runs += 1;
    }
    println!("fuzz: {runs} mutants, none panicked; slowest {slowest:?}");
    assert!(runs > 100);
}

/// Reads a DBC whose DBF has 1 GB, in a process of its own, so that its peak memory is the reader's alone.
#[test]
fn memory_does_not_grow_with_the_file() {
    const CHILD: &str = "DATASUS_TEST_READ";
    if let Ok(path) = std::env::var(CHILD) {
        let file = RecordFile::open(Path::new(&path), &ReadOptions::default()).unwrap();
        let layout = Layout { batch_rows: 8192, ..Layout::all_as_text(file.header()) };
        let mut rows = 0;
        for batch in file.batches(layout).unwrap() {
            rows += batch.unwrap().num_rows();
        }
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        println!("rows={rows} peak_kib={}", peak.trim().trim_end_matches(" kB"));
        return;
    }
    let mut file = tempfile::NamedTempFile::with_suffix(".dbc").unwrap();
    let fields: Vec<(&str, u8, u8, u8)> = vec![("A", b'C', 250, 0), ("B", b'C', 250, 0), ("C", b'N', 9, 0)];
    let mut writer = DbcWriter::create(file.as_file_mut(), &fields, WriteOptions::default()).unwrap();
    let rows = 1_000_000_000 / 510;
    let text = "conteúdo repetido ".repeat(13);
    for row in 0..rows {
        writer.write(&[&text, &text, &format!("{:>9}", row)]).unwrap();
    }
    writer.finish().unwrap();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["memory_does_not_grow_with_the_file", "--exact", "--nocapture"])
        .env(CHILD, file.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| line.contains("peak_kib=")).unwrap_or_else(|| panic!("{text}"));
    println!("1 GB DBF in DBC form ({} MB): {line}", file.as_file().metadata().unwrap().len() / 1_000_000);
    assert!(line.contains(&format!("rows={rows}")));
    let peak: u64 = line.split("peak_kib=").nth(1).unwrap().trim().parse().unwrap();
    assert!(peak < 100 * 1024, "{peak} KiB");
    file.seek(SeekFrom::Start(0)).unwrap();
    file.flush().unwrap();
}
