//! DBC and DBF at their edges: where damage is, what a half-read file may say of itself, and what a header may cost.

mod genuine;

use std::io::Cursor;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Int32Type};
use datasus::catalog::{Catalog, DateFormat, LogicalType};
use datasus::source::dbc::{
    Condition, CrcState, DbcWriter, Layout, OutputColumn, ReadOptions, RecordFile, RowFilter, Test, WriteOptions,
};
use datasus::source::{RecordsOf, TypedRecords};
use datasus::{Code, Error, Language};

type Fields<'a> = &'a [(&'a str, u8, u8, u8)];

/// Records that hardly compress, so that the stream is longer than one block of the reader.
fn noisy(rows: usize, options: WriteOptions) -> Vec<u8> {
    let fields: Fields = &[("A", b'C', 200, 0)];
    let mut writer = DbcWriter::create(Cursor::new(Vec::new()), fields, options).unwrap();
    let mut seed = 0x5eed_u64;
    for _ in 0..rows {
        let mut record = vec![b' '];
        record.extend((0..200).map(|_| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            b'A' + (seed % 26) as u8
        }));
        writer.write_raw(&record).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn small(fields: Fields, rows: &[&[&str]], options: WriteOptions) -> Vec<u8> {
    let mut writer = DbcWriter::create(Cursor::new(Vec::new()), fields, options).unwrap();
    rows.iter().for_each(|row| writer.write(row).unwrap());
    writer.finish().unwrap().into_inner()
}

fn open(bytes: &[u8], name: &str) -> Result<RecordFile, Error> {
    RecordFile::from_reader(Cursor::new(bytes.to_vec()), name, &ReadOptions::default())
}

fn read(bytes: &[u8], name: &str) -> Result<Vec<RecordBatch>, Error> {
    let file = open(bytes, name)?;
    let layout = Layout::all_as_text(file.header());
    file.batches(layout)?.collect()
}

fn cause(error: &Error) -> &str {
    assert_eq!(error.code(), Code::DamagedFile, "{error:?}");
    error.diagnostic()["cause"].as_str().unwrap()
}

#[test]
fn damage_deep_in_a_file_is_told_at_its_own_byte() {
    // A stream of literals alone, nine bits each, and then a copy from before the start.
    let literals = 20_000_usize;
    let mut bits: Vec<bool> = Vec::new();
    for _ in 0..literals {
        bits.push(false);
        bits.extend((0..8).map(|bit| b' ' >> bit & 1 == 1));
    }
    let damage = bits.len() / 8;
    // Length code 11 (3 bytes), then the longest distance code, all zeros, and its low bits: 4096 back is allowed,
    // so the stream before it is cut to less than that.
    let mut short: Vec<bool> = bits[..9 * 2000].to_vec();
    let at = short.len() / 8;
    short.extend([true, true, true]);
    short.extend([false; 8]);
    short.extend([true; 6]);
    short.extend([false; 80]);
    for (bits, at, expected) in [(short, at, "copy_before_start"), (bits, damage, "truncated")] {
        let fields: Fields = &[("A", b'C', 99, 0)];
        let empty = small(fields, &[], WriteOptions::default());
        let header = 32 + 32 + 1;
        let mut bytes = empty[..header + 4].to_vec();
        bytes[4..8].copy_from_slice(&1000u32.to_le_bytes());
        bytes.extend([0, 6]);
        let stream = bytes.len();
        bytes.extend(bits.chunks(8).map(|byte| byte.iter().rev().fold(0u8, |all, bit| all << 1 | u8::from(*bit))));
        let error = read(&bytes, "a.dbc").unwrap_err();
        assert_eq!(cause(&error), expected);
        let found = error.context().offset.unwrap();
        assert!(found.abs_diff((stream + at) as u64) <= 8, "{expected}: {found}, not {}", stream + at);
    }
}

#[test]
fn a_file_that_was_not_read_to_its_end_does_not_claim_a_good_crc() {
    let bytes = noisy(3000, WriteOptions::default());
    let file = open(&bytes, "a.dbc").unwrap();
    let layout = Layout { batch_rows: 10, ..Layout::all_as_text(file.header()) };
    let mut batches = file.batches(layout).unwrap();
    batches.next().unwrap().unwrap();
    assert_eq!(batches.summary().crc, CrcState::Unchecked);
    assert!(batches.by_ref().all(|batch| batch.is_ok()));
    assert_eq!(batches.summary().crc, CrcState::Ok);

    let mut damaged = bytes;
    damaged[32 + 32 + 1] ^= 1;
    let file = open(&damaged, "a.dbc").unwrap();
    let layout = Layout::all_as_text(file.header());
    let mut batches = file.batches(layout).unwrap();
    assert!(batches.by_ref().any(|batch| batch.is_err()));
    assert_eq!(batches.summary().crc, CrcState::Unchecked);
}

#[test]
fn a_plain_dbf_with_more_records_than_it_declares_is_damaged_and_with_padding_is_not() {
    let fields: Fields = &[("A", b'C', 9, 0)];
    let mut bytes = small(fields, &[&["um"], &["dois"], &["tres"]], WriteOptions { plain: true, ..Default::default() });
    bytes.extend([0u8; 600]);
    assert_eq!(read(&bytes, "a.dbf").unwrap()[0].num_rows(), 3);
    bytes[4] = 2;
    assert_eq!(cause(&read(&bytes, "a.dbf").unwrap_err()), "too_long");
}

#[test]
fn a_plain_dbf_under_a_dbc_name_is_told_by_its_content_where_the_size_is_unknown() {
    let fields: Fields = &[("A", b'C', 9, 0)];
    let bytes = small(fields, &[&["um"]], WriteOptions { plain: true, ..Default::default() });
    let file = open(&bytes, "a.dbc").unwrap();
    assert_eq!(file.warnings().len(), 1);
    assert_eq!(read(&bytes, "a.dbc").unwrap()[0].num_rows(), 1);
}

#[test]
fn a_dbc_that_is_by_chance_as_long_as_its_dbf_is_still_a_dbc() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.dbc");
    let mut met = 0;
    for width in 1..=60 {
        for pad in 0..6 {
            let fields: Fields = &[("A", b'C', width, 0)];
            let text = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWX"[..width as usize - 1].to_owned();
            let bytes =
                small(fields, &[&[&text], &[&text[..text.len() - text.len().min(pad)]]], WriteOptions::default());
            let plain = 32 + 32 + 1 + 2 * (1 + usize::from(width));
            if bytes.len() == plain || bytes.len() == plain + 1 {
                met += 1;
            }
            std::fs::write(&path, &bytes).unwrap();
            let file = RecordFile::open(&path, &ReadOptions::default()).unwrap();
            let layout = Layout::all_as_text(file.header());
            let mut batches = file.batches(layout).unwrap();
            assert!(batches.by_ref().all(|batch| batch.is_ok()));
            assert_eq!(batches.summary().crc, CrcState::Ok, "{width} {pad}");
        }
    }
    assert!(met > 0);
}

#[test]
fn a_huge_batch_is_cut_so_that_no_offset_overflows() {
    let fields: Fields = &[("A", b'C', 1, 0)];
    let bytes = small(fields, &[&["x"]], WriteOptions::default());
    let file = open(&bytes, "a.dbc").unwrap();
    let layout = Layout { batch_rows: usize::MAX, ..Layout::all_as_text(file.header()) };
    let mut batches = file.batches(layout).unwrap();
    assert_eq!(batches.next().unwrap().unwrap().num_rows(), 1);
    assert!(batches.next().is_none());
}

#[test]
fn a_number_is_filtered_as_it_is_read_without_the_blanks_before_it() {
    let fields: Fields = &[("IDADE", b'N', 3, 0), ("NOME", b'C', 4, 0)];
    let bytes = small(fields, &[&["  7", "  a"], &[" 70", "a"], &["", ""]], WriteOptions::default());
    for (field, wanted, rows) in [(0, "7", 1), (0, "  7", 0), (1, "a", 1), (1, "  a", 1)] {
        let file = open(&bytes, "a.dbc").unwrap();
        let test = Test::Equals(wanted.as_bytes().to_vec());
        let filter = Some(RowFilter { conditions: vec![Condition { field, test }] });
        let layout = Layout { filter, ..Layout::all_as_text(file.header()) };
        let found: usize = file.batches(layout).unwrap().map(|batch| batch.unwrap().num_rows()).sum();
        assert_eq!(found, rows, "{field} {wanted:?}");
    }
}

#[test]
fn two_fields_of_one_name_are_damage_that_is_told_with_the_name() {
    let fields: Fields = &[("CNES", b'C', 7, 0), ("NOME", b'C', 7, 0), ("cnes", b'C', 7, 0)];
    let error = open(&small(fields, &[], WriteOptions::default()), "a.dbc").unwrap_err();
    assert_eq!(cause(&error), "bad_header");
    assert_eq!((error.context().column.as_deref(), error.context().offset), (Some("CNES"), Some(96)));
}

/// A record of each binary type, whose bytes are given.
fn binary(fields: Fields, version: u8, records: &[Vec<u8>]) -> Vec<u8> {
    let options = WriteOptions { version, ..Default::default() };
    let mut writer = DbcWriter::create(Cursor::new(Vec::new()), fields, options).unwrap();
    records.iter().for_each(|record| writer.write_raw(&[b" ", record.as_slice()].concat()).unwrap());
    writer.finish().unwrap().into_inner()
}

fn cells(batch: &RecordBatch) -> Vec<Vec<Option<String>>> {
    let row = |row: usize| batch.columns().iter().map(|column| text_of(column, row)).collect();
    (0..batch.num_rows()).map(row).collect()
}

fn text_of(column: &dyn Array, row: usize) -> Option<String> {
    (!column.is_null(row)).then(|| arrow::util::display::array_value_to_string(column, row).unwrap())
}

#[test]
fn numbers_and_moments_of_the_machine_are_decoded_and_never_read_as_text() {
    let fields: Fields =
        &[("IDADE", b'I', 4, 0), ("TEMP", b'B', 8, 1), ("VALOR", b'Y', 8, 4), ("DT", b'T', 8, 0), ("SEQ", b'+', 4, 0)];
    let record = |age: i32, temperature: f64, money: i64, day: i32, time: i32, number: i32| {
        let parts: [&[u8]; 6] = [
            &age.to_le_bytes(),
            &temperature.to_le_bytes(),
            &money.to_le_bytes(),
            &day.to_le_bytes(),
            &time.to_le_bytes(),
            &number.to_le_bytes(),
        ];
        parts.concat()
    };
    // 51 is the byte of the letter 3.
    let records = [
        record(51, 36.6, 12_345_678, 2_460_341, 0, 1),
        record(-1, f64::NAN, -5, 0, 0, 2),
        record(7, 3.0, 0, 2_460_341, 1000, 3),
    ];
    let bytes = binary(fields, 0x30, &records);
    let file = open(&bytes, "a.dbc").unwrap();
    assert!(file.warnings().is_empty());
    let mut layout = Layout::all_as_text(file.header());
    let mut batches = file.batches(layout.clone()).unwrap();
    let some = |texts: [&str; 5]| texts.map(|text| (!text.is_empty()).then(|| text.to_owned())).to_vec();
    assert_eq!(
        cells(&batches.next().unwrap().unwrap()),
        [
            some(["51", "36.6", "1234.5678", "2024-01-31 00:00:00", "1"]),
            some(["-1", "", "-0.0005", "", "2"]),
            some(["7", "3", "0.0000", "2024-01-31 00:00:01", "3"]),
        ]
    );
    assert!(batches.next().is_none());
    let bad: Vec<_> = batches.summary().bad_values.iter().map(|bad| (bad.column.clone(), bad.count)).collect();
    assert_eq!(bad, [("TEMP".to_owned(), 1)]);

    layout.columns[0].kind = LogicalType::Integer { digits: 3 };
    layout.columns[1].kind = LogicalType::Decimal { precision: 5, scale: 1 };
    layout.columns[2].kind = LogicalType::Decimal { precision: 19, scale: 4 };
    layout.columns[3].kind = LogicalType::Date { formats: vec![DateFormat::YearMonthDay] };
    let mut batches = open(&bytes, "a.dbc").unwrap().batches(layout).unwrap();
    let typed = cells(&batches.next().unwrap().unwrap());
    assert_eq!(typed[0], some(["51", "36.6", "1234.5678", "2024-01-31", "1"]));
    // A day has no room for a time.
    assert_eq!(typed[2], some(["7", "3.0", "0.0000", "", "3"]));
    assert!(batches.next().is_none());
    let bad: Vec<_> = batches.summary().bad_values.iter().map(|bad| (bad.column.clone(), bad.count)).collect();
    assert_eq!(bad, [("TEMP".to_owned(), 1), ("DT".to_owned(), 1)]);
}

#[test]
fn a_field_of_a_type_that_is_not_read_is_refused_by_name_and_the_others_can_be_had() {
    for (dbf_type, width, version) in [
        (b'M', 10, 0x83),
        (b'G', 10, 0x30),
        (b'B', 10, 0x8b),
        (b'B', 8, 0x03),
        (b'I', 2, 0x03),
        (b'V', 20, 0x32),
        (b'O', 8, 0x03),
    ] {
        let fields: Fields = &[("CNES", b'C', 7, 0), ("OBS", dbf_type, width, 0)];
        let bytes = small(fields, &[&["2000121"]], WriteOptions { version, ..Default::default() });
        let letter = char::from(dbf_type);
        let error = read(&bytes, "a.dbc").unwrap_err();
        assert_eq!((cause(&error), error.context().column.as_deref()), ("unread_type", Some("OBS")), "{letter}");
        assert!(error.detail().contains("OBS") && error.detail().contains(&format!("tipo {letter}")), "{error}");
        assert!(!error.detail().contains("Baixe"), "{error}");
        let file = open(&bytes, "a.dbc").unwrap();
        let mut layout = Layout::all_as_text(file.header());
        layout.columns.truncate(1);
        assert_eq!(file.batches(layout).unwrap().next().unwrap().unwrap().num_rows(), 1);
    }
    // Level 7 has another header and another order of bytes.
    let mut bytes = vec![0x04, 124, 1, 31];
    bytes.resize(200, 0);
    assert_eq!(cause(&open(&bytes, "a.dbf").unwrap_err()), "dbase7");
}

#[test]
fn fields_of_visual_foxpro_that_hold_no_value_are_null_and_its_flags_are_no_column() {
    let fields: Fields = &[("CNES", b'C', 3, 0), ("IDADE", b'I', 4, 0), ("QT", b'N', 3, 0), ("_NullFlags", b'0', 1, 0)];
    let mut bytes = binary(fields, 0x30, &[b"abc\x33\0\0\0  1\0".to_vec(), b"abc\0\0\0\0  0\x03".to_vec()]);
    // IDADE and QT may hold no value: the first two bits.
    bytes[32 + 32 + 18] = 0x02;
    bytes[32 + 64 + 18] = 0x02;
    let file =
        RecordFile::from_reader(Cursor::new(bytes), "a.dbc", &ReadOptions { verify_crc: false, ..Default::default() })
            .unwrap();
    let layout = Layout::all_as_text(file.header());
    let batch = file.batches(layout).unwrap().next().unwrap().unwrap();
    let names: Vec<_> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["CNES", "IDADE", "QT"]);
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(cells(&batch), [vec![text("abc"), text("51"), text("1")], vec![text("abc"), None, None]]);
}

#[test]
fn a_header_that_cannot_be_says_which_field_and_why_and_no_new_download_is_advised() {
    let good = small(&[("CNES", b'C', 7, 0), ("IDADE", b'N', 3, 0)], &[], WriteOptions::default());
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        open(&bytes, "a.dbc").unwrap_err()
    };
    for (error, column, words) in [
        (with(64 + 16, 0), Some("IDADE"), "largura 0"),
        (with(64 + 11, 0x07), Some("IDADE"), "0x07"),
        (with(10, 9), None, "9"),
        (with(10, 1), None, "2 é o mínimo"),
        (with(8, 8), None, "33"),
    ] {
        assert_eq!((cause(&error), error.context().column.as_deref()), ("bad_header", column), "{error}");
        assert!(error.detail().contains(words) && !error.detail().contains("Baixe"), "{error}");
    }
}

#[test]
fn fewer_records_than_declared_are_read_where_partial_is_asked_and_the_summary_says_so() {
    for plain in [true, false] {
        let options = WriteOptions { plain, ..Default::default() };
        let mut bytes = small(&[("A", b'C', 9, 0)], &[&["um"], &["dois"], &["tres"]], options);
        bytes[4] = 7;
        if plain {
            // Half a record more.
            bytes.pop();
            bytes.extend(b" qua");
        }
        let name = if plain { "a.dbf" } else { "a.dbc" };
        let reading = |partial| {
            let options = ReadOptions { partial, verify_crc: false, ..Default::default() };
            let file = RecordFile::from_reader(Cursor::new(bytes.clone()), name, &options).unwrap();
            let layout = Layout::all_as_text(file.header());
            file.batches(layout).unwrap()
        };
        assert!(["truncated", "too_short"].contains(&cause(&reading(false).next().unwrap().unwrap_err())));
        let mut batches = reading(true);
        let rows: usize = batches.by_ref().map(|batch| batch.unwrap().num_rows()).sum();
        let summary = batches.summary();
        assert_eq!((rows, summary.rows_read, summary.rows_declared), (3, 3, 7), "{name}");
        assert_eq!(summary.bytes_left_over, if plain { 4 } else { 0 });
        assert!(summary.notices(name)[0].en.contains('7') && summary.notices(name)[0].en.contains('3'));
    }
    // A stream that breaks off is damage, whatever was asked.
    let bytes = noisy(50, WriteOptions::default());
    let options = ReadOptions { partial: true, ..Default::default() };
    let file = RecordFile::from_reader(Cursor::new(bytes[..bytes.len() / 2].to_vec()), "a.dbc", &options).unwrap();
    let layout = Layout::all_as_text(file.header());
    assert!(file.batches(layout).unwrap().any(|batch| batch.is_err()));
}

#[test]
fn text_of_dos_and_windows_is_read_in_its_encoding_and_files_of_the_catalogue_are_never_guessed() {
    let folder = tempfile::tempdir().unwrap();
    let dos: &[u8] = b" S\xc6o Paulo\0\0";
    let mut writer =
        DbcWriter::create(Cursor::new(Vec::new()), &[("NOME", b'C', 11, 0)], WriteOptions::default()).unwrap();
    writer.write_raw(&dos[..12]).unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    for name in ["MUNICIPIOS.DBF", "RDAC2401.dbc"] {
        std::fs::write(folder.path().join(name), &bytes).unwrap();
    }
    let read = |name: &str, encoding: Option<&str>| {
        let wanted = RecordsOf { encoding: encoding.map(str::to_owned), ..Default::default() };
        let mut records = TypedRecords::open(&folder.path().join(name), &wanted, Catalog::builtin(), Language::En)?;
        let batch = records.next().unwrap()?;
        Ok::<_, Error>((text_of(batch.column(0), 0).unwrap(), records.warnings().to_vec()))
    };
    let (text, warnings) = read("MUNICIPIOS.DBF", None).unwrap();
    assert_eq!((text.as_str(), warnings.iter().any(|warning| warning.contains("cp850"))), ("São Paulo", true));
    for (name, encoding, expected) in [
        ("MUNICIPIOS.DBF", Some("latin-1"), "SÆo Paulo"),
        ("MUNICIPIOS.DBF", Some("CP850"), "São Paulo"),
        ("MUNICIPIOS.DBF", Some("cp1252"), "SÆo Paulo"),
        ("RDAC2401.dbc", None, "SÆo Paulo"),
        ("RDAC2401.dbc", Some("auto"), "SÆo Paulo"),
        ("RDAC2401.dbc", Some("cp850"), "São Paulo"),
    ] {
        assert_eq!(read(name, encoding).unwrap().0, expected, "{name} {encoding:?}");
    }
    assert!(read("RDAC2401.dbc", None).unwrap().1.iter().all(|warning| !warning.contains("latin-1")));
    let error = read("RDAC2401.dbc", Some("cp437")).unwrap_err();
    assert_eq!((error.code(), error.diagnostic()["valid_values"][1].as_str()), (Code::InvalidParams, Some("cp850")));
}

/// 2,441 of the names in the ministry's register of municipalities are garbled as Latin-1.
#[test]
fn names_of_genuine_municipalities_come_out_whole() {
    let Some(folder) = genuine::folder() else { return };
    let path = folder.join("aux/CADMUN.DBF");
    let names = |encoding: Option<&str>| -> Vec<String> {
        let columns = Some(vec!["MUNNOME".to_owned()]);
        let wanted = RecordsOf { columns, encoding: encoding.map(str::to_owned), ..Default::default() };
        let records = TypedRecords::open(&path, &wanted, Catalog::builtin(), Language::Pt).unwrap();
        let batches: Vec<RecordBatch> = records.map(Result::unwrap).collect();
        batches
            .iter()
            .flat_map(|batch| cells(batch).into_iter().map(|row| row[0].clone().unwrap_or_default()))
            .collect()
    };
    let (found, latin) = (names(None), names(Some("latin-1")));
    assert_eq!((found.len(), found.iter().zip(&latin).filter(|(a, b)| a != b).count()), (5652, 2441));
    assert!(found.iter().any(|name| name == "São Paulo"));
    let strange = |name: &&String| name.chars().any(|c| !c.is_ascii() && !"áàâãéêíóôõúüçÁÀÂÃÉÊÍÓÔÕÚÜÇñ".contains(c));
    assert_eq!(found.iter().filter(strange).count(), 0);
}

#[test]
fn numbers_of_every_length_are_exact() {
    let fields: Fields = &[("I", b'N', 9, 0), ("D", b'N', 20, 2), ("W", b'N', 40, 2)];
    let rows: &[&[&str]] = &[
        &["        0", "                0.00", ""],
        &["-12345678", " -12345678901234.567", "9999999999999999999999999999999999.99"],
        &["000000009", "99999999999999999,90", "-0000000000000000000000000000000000001,5"],
        &["+3", ".5", "12345678901234567890"],
    ];
    let file = open(&small(fields, rows, WriteOptions::default()), "a.dbc").unwrap();
    let kinds = [
        LogicalType::Integer { digits: 9 },
        LogicalType::Decimal { precision: 20, scale: 2 },
        LogicalType::Decimal { precision: 38, scale: 2 },
    ];
    let mut layout = Layout::all_as_text(file.header());
    layout.columns.iter_mut().zip(kinds).for_each(|(column, kind): (&mut OutputColumn, _)| column.kind = kind);
    let mut batches = file.batches(layout).unwrap();
    let batch = batches.next().unwrap().unwrap();
    let integers: Vec<_> = batch.column(0).as_primitive::<Int32Type>().iter().collect();
    assert_eq!(integers, [Some(0), Some(-12_345_678), Some(9), Some(3)]);
    let decimals: Vec<_> = batch.column(1).as_primitive::<Decimal128Type>().iter().collect();
    assert_eq!(decimals, [Some(0), None, Some(9_999_999_999_999_999_990), Some(50)]);
    let wide: Vec<_> = batch.column(2).as_primitive::<Decimal128Type>().iter().collect();
    let nines = 10i128.pow(36) - 1;
    assert_eq!(wide, [None, Some(nines), Some(-150), Some(1_234_567_890_123_456_789_000)]);
    assert_eq!(batches.summary().bad_values.iter().map(|bad| bad.count).sum::<u64>(), 1);
}

#[test]
fn a_download_in_ascii_mode_is_damaged() {
    let good = noisy(50, WriteOptions::default());
    let mut mangled = Vec::new();
    for byte in &good {
        if *byte == b'\n' {
            mangled.push(b'\r');
        }
        mangled.push(*byte);
    }
    assert_ne!(mangled, good);
    cause(&read(&mangled, "a.dbc").unwrap_err());
}

/// A header may declare four billion records of 64 KiB; what is set aside must not follow it.
#[test]
fn a_header_cannot_make_the_reader_set_memory_aside() {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return };
    let virtual_kib = |status: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix("VmData:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    let names: Vec<String> = (0..256).map(|index| format!("C{index}")).collect();
    let fields: Vec<(&str, u8, u8, u8)> = names.iter().map(|name| (name.as_str(), b'C', 255, 0)).collect();
    let mut bytes = small(&fields, &[], WriteOptions::default());
    bytes[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    let file = open(&bytes, "a.dbc").unwrap();
    let layout = Layout::all_as_text(file.header());
    let batches = file.batches(layout).unwrap();
    let after = std::fs::read_to_string("/proc/self/status").unwrap();
    let grown = virtual_kib(&after).saturating_sub(virtual_kib(&status));
    drop(batches);
    println!("set aside for a hostile header: {grown} KiB");
    assert!(grown < 200 << 10, "{grown} KiB");
}

/// The manifest's facts that need one file and no join, straight from the batches.
#[test]
fn genuine_files_answer_the_known_facts_of_the_manifest() {
    let Some(folder) = genuine::folder() else { return };
    let texts = |name: &str, columns: &[&str]| -> Vec<Vec<String>> {
        let file = RecordFile::open(&folder.join(name), &ReadOptions::default()).unwrap();
        let mut layout = Layout::all_as_text(file.header());
        let index = |name: &&str| file.header().fields.iter().position(|field| field.name == **name).unwrap();
        layout.columns = columns.iter().map(|name| layout.columns[index(name)].clone()).collect();
        let mut rows = Vec::new();
        for batch in file.batches(layout).unwrap() {
            let batch = batch.unwrap();
            let cell = |row: usize, column: usize| -> String {
                let cells = batch.column(column).as_string::<i32>();
                if cells.is_null(row) { String::new() } else { cells.value(row).to_owned() }
            };
            rows.extend((0..batch.num_rows()).map(|row| (0..columns.len()).map(|c| cell(row, c)).collect()));
        }
        rows
    };
    let sum = |rows: &[Vec<String>], column: usize| -> i64 {
        let cents = |cell: &String| cell.replace('.', "").parse::<i64>().unwrap_or(0);
        rows.iter().map(|row| cents(&row[column])).sum()
    };
    let count =
        |rows: &[Vec<String>], column: usize, value: &str| rows.iter().filter(|row| row[column] == value).count();

    let rd = texts("sih/RDAC2401.dbc", &["N_AIH", "VAL_TOT", "DIAS_PERM", "MORTE", "SEXO", "COD_IDADE"]);
    assert_eq!(rd.iter().map(|row| &row[0]).collect::<std::collections::BTreeSet<_>>().len(), 4315);
    assert_eq!((sum(&rd, 1), sum(&rd, 2), sum(&rd, 3)), (430_807_276, 20_144, 126));
    assert_eq!((count(&rd, 4, "1"), count(&rd, 4, "3")), (1761, 2554));
    assert_eq!(["2", "3", "4", "5"].map(|unit| count(&rd, 5, unit)), [92, 92, 4128, 3]);

    let sp = texts("sih/SPRR1604.dbc", &["SP_VALATO"]);
    assert_eq!((sp.len(), sum(&sp, 0)), (40_394, 263_130_915));

    let pa = texts("sia/PAAC2401.dbc", &["PA_QTDAPR", "PA_VALAPR", "PA_CMP", "PA_MVM"]);
    assert_eq!((pa.len(), sum(&pa, 0), sum(&pa, 1)), (105_836, 1_405_188, 978_524_263));
    assert_eq!((count(&pa, 2, "202401"), count(&pa, 2, "202310"), count(&pa, 3, "202401")), (104_569, 21, 105_836));

    let st = texts("cnes/STAC2401.dbc", &["TP_UNID", "QTLEITP1", "QTLEITP2", "QTLEITP3"]);
    assert_eq!(["22", "02", "36"].map(|kind| count(&st, 0, kind)), [521, 226, 171]);
    assert_eq!(sum(&st, 1) + sum(&st, 2) + sum(&st, 3), 1270);

    let lt = texts("cnes/LTBA2301.dbc", &["QT_EXIST", "QT_SUS"]);
    assert_eq!((lt.len(), sum(&lt, 0), sum(&lt, 1)), (3713, 33_929, 26_286));

    let sim = texts("sim/DORR2022.dbc", &["SEXO", "CAUSABAS"]);
    assert_eq!((count(&sim, 0, "1"), count(&sim, 0, "2")), (2000, 1198));
    assert_eq!(sim.iter().filter(|row| row[1].starts_with("I21")).count(), 203);

    let dn = texts("sinasc/DNAP2019.dbc", &["PESO", "PARTO", "CONSULTAS"]);
    assert_eq!(dn.iter().filter(|row| row[0].parse::<u32>().is_ok_and(|grams| grams < 2500)).count(), 1339);
    assert_eq!((count(&dn, 1, "2"), count(&dn, 2, "4")), (5615, 6594));

    let zika = texts("sinan/ZIKABR20.dbc", &["SG_UF_NOT"]);
    assert_eq!(["29", "53", "26"].map(|uf| count(&zika, 0, uf)), [4625, 2486, 2001]);
}
