//! Tables in zips, as the ministry publishes IBGE's populations.

use std::io::Write;
use std::path::Path;

use datasus::catalog::Catalog;
use datasus::source::dbc::{DbcWriter, ReadOptions, RecordFile, WriteOptions};
use datasus::source::folder::{FileKind, Folder, Why};
use datasus::{Code, Error, QueryParams};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{Place, genuine};

const FIELDS: [(&str, u8, u8, u8); 5] =
    [("COD_MUN", b'C', 7, 0), ("ANO", b'C', 4, 0), ("SEXO", b'C', 4, 0), ("IDADE", b'C', 3, 0), ("POP", b'N', 9, 0)];

/// A DBF of so many people of each age in Rio Branco, and in Rio de Janeiro.
fn dbf(people: u32) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    let options = WriteOptions { plain: true, ..WriteOptions::default() };
    let mut writer = DbcWriter::create(&mut out, &FIELDS, options).unwrap();
    for age in 0..81 {
        for city in ["1200401", "3304557"] {
            writer.write(&[city, "2022", "1", &format!("{age:03}"), &people.to_string()]).unwrap();
        }
    }
    writer.finish().unwrap();
    out.into_inner()
}

fn zip(path: &Path, members: &[(&str, &[u8])], method: CompressionMethod) {
    let mut writer = ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, bytes) in members {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap();
}

fn population() -> QueryParams {
    QueryParams::dataset("IBGE-POPSVS").uf(["AC"]).competencia("2022")
}

fn refused(place: &Place, file: &str) -> Error {
    RecordFile::open(&place.path(file), &ReadOptions::default())
        .and_then(|file| {
            let layout = datasus::source::dbc::Layout::all_as_text(file.header());
            file.batches(layout)?.try_for_each(|batch| batch.map(drop))
        })
        .expect_err("it is not read")
}

#[test]
fn a_population_is_read_from_its_zip_with_types_and_municipalities_of_six_digits() {
    for method in [CompressionMethod::Deflated, CompressionMethod::Stored] {
        let place = Place::new();
        zip(&place.path("IBGE/POPSVS/POPSBR22.zip"), &[("POP22.dbf", &dbf(7)), ("leia.txt", b"nada")], method);
        let sql = "SELECT cod_mun, sexo, sum(pop) AS n, max(idade) AS mais FROM ibge_popsvs GROUP BY ALL";
        let mut rows = place.client().query(&QueryParams::sql(sql).uf(["AC"]).competencia("2022")).unwrap();
        let batch = rows.next().unwrap().unwrap();
        let shown = arrow::util::pretty::pretty_format_batches(&[batch]).unwrap().to_string();
        assert!(shown.contains("| 120040  | 1    | 567 | 80   |"), "{shown}");
        let report = rows.report().unwrap();
        let hash = sha256(&std::fs::read(place.path("IBGE/POPSVS/POPSBR22.zip")).unwrap());
        assert_eq!(report.sources[0].sha256.as_deref(), Some(hash.as_str()), "of the zip, not of what is in it");
    }
}

#[test]
fn a_zip_beside_its_own_table_is_one_source_and_other_zips_are_archives() {
    let place = Place::new();
    zip(&place.path("POPSBR22.zip"), &[("POP22.dbf", &dbf(7))], CompressionMethod::Deflated);
    std::fs::write(place.path("POP22.dbf"), dbf(7)).unwrap();
    let (rows, report) = place.rows(&population()).unwrap();
    assert_eq!((rows, report.sources.len()), (81, 1), "{report}");
    std::fs::write(place.path("POP22.dbf"), dbf(8)).unwrap();
    assert_eq!(place.rows(&population()).unwrap_err().code(), Code::Conflict);
    zip(&place.path("RDAC2401.zip"), &[("RDAC2401.dbf", &dbf(7))], CompressionMethod::Deflated);
    let listing = Folder::scan(place.folder.path(), Catalog::builtin()).unwrap();
    assert_eq!(listing.files.iter().filter(|file| file.kind == FileKind::Zip).count(), 1);
    assert_eq!(listing.ignored.iter().map(|one| one.why).collect::<Vec<_>>(), [Why::Archive]);
}

#[test]
fn of_several_tables_the_one_of_the_zips_name_is_read_and_else_none() {
    let place = Place::new();
    let (br, ac) = (dbf(7), dbf(1));
    zip(&place.path("POPTBR22.zip"), &[("POPTAC22.DBF", &ac), ("dir/poptbr22.dbf", &br)], CompressionMethod::Deflated);
    let (rows, _) = place.rows(&QueryParams::dataset("IBGE-POPTCU").competencia("2022")).unwrap();
    assert_eq!(rows, 162);
    zip(&place.path("x.zip"), &[("a.dbf", &ac), ("b.DBC", &br)], CompressionMethod::Deflated);
    let error = refused(&place, "x.zip");
    assert_eq!(
        (error.code(), error.diagnostic()["members"].to_string()),
        (Code::DamagedFile, r#"["a.dbf","b.DBC"]"#.into())
    );
    zip(&place.path("y.zip"), &[("a.csv", b"1;2")], CompressionMethod::Stored);
    assert!(refused(&place, "y.zip").to_string().contains("a.csv"));
}

/// Whatever byte is another, and wherever the file ends: what comes out is what went in, or DS-460.
#[test]
fn a_damaged_zip_is_ds_460_and_never_other_rows() {
    let place = Place::new();
    let (path, table) = (place.path("POPSBR22.zip"), dbf(123));
    zip(&path, &[("POP22.dbf", &table)], CompressionMethod::Deflated);
    let whole = std::fs::read(&path).unwrap();
    let read = || -> Result<u64, Error> {
        let file = RecordFile::open(&path, &ReadOptions::default())?;
        let layout = datasus::source::dbc::Layout::all_as_text(file.header());
        let mut batches = file.batches(layout)?;
        for batch in &mut batches {
            batch?;
        }
        assert_eq!(batches.summary().source_sha256, sha256(&table));
        Ok(batches.summary().rows_kept)
    };
    assert_eq!(read().unwrap(), 162);
    for end in 4..whole.len() {
        std::fs::write(&path, &whole[..end]).unwrap();
        assert_eq!(read().unwrap_err().code(), Code::DamagedFile, "cut at {end}");
    }
    let mut refused = 0;
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x11;
        std::fs::write(&path, &bytes).unwrap();
        match read() {
            Ok(rows) => assert_eq!(rows, 162, "byte {at}"),
            Err(error) => {
                assert_eq!(error.code(), Code::DamagedFile, "byte {at}: {error}");
                refused += 1;
            }
        }
    }
    assert!(refused > whole.len() / 3, "{refused} of {}", whole.len());
}

/// A member that is more than its zip declares ends there, and one that declares more than any DBF holds is not begun.
#[test]
fn a_bomb_does_not_go_off() {
    let place = Place::new();
    let (path, table) = (place.path("POPSBR22.zip"), dbf(7));
    zip(&path, &[("POP22.dbf", &table)], CompressionMethod::Deflated);
    let whole = std::fs::read(&path).unwrap();
    let directory = whole.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
    let declare = |size: u32| {
        let mut bytes = whole.clone();
        // Of the decoded member, in the directory and before the member.
        bytes[directory + 24..directory + 28].copy_from_slice(&size.to_le_bytes());
        bytes[22..26].copy_from_slice(&size.to_le_bytes());
        std::fs::write(&path, bytes).unwrap();
    };
    declare(table.len() as u32 - 100);
    assert_eq!(refused(&place, "POPSBR22.zip").code(), Code::DamagedFile);
    declare(table.len() as u32 + 100);
    assert_eq!(refused(&place, "POPSBR22.zip").code(), Code::DamagedFile);
}

#[test]
fn the_genuine_populations_are_read() {
    let Some(folder) = genuine::folder() else { return };
    let populations = folder.join("../pop");
    if !populations.join("POPSBR22.zip").is_file() {
        genuine::skip::for_want_of_data("no populations beside the genuine files");
        return;
    }
    let place = Place::new();
    for name in ["POPSBR22.zip", "POPBR81.zip", "POPTBR01.DBF"] {
        std::fs::copy(populations.join(name), place.path(name)).unwrap();
    }
    for (dataset, year, column, expected) in [
        ("IBGE-POPSVS", "2022", "pop", 210_862_983_i128),
        ("IBGE-POP", "1981", "populacao", 121_154_159),
        ("IBGE-POPTCU", "2001", "populacao", 172_385_826),
    ] {
        let table = dataset.to_lowercase().replace('-', "_");
        let sql = format!("SELECT CAST(sum({column}) AS BIGINT) AS n, count(*) AS linhas FROM {table}");
        let mut rows = place.client().query(&QueryParams::sql(&sql).competencia(year)).unwrap();
        let batch = rows.next().unwrap().unwrap();
        use arrow::array::AsArray;
        let n = batch.column(0).as_primitive::<arrow::datatypes::Int64Type>().value(0);
        println!(
            "{dataset} {year}: {n} people, {} rows",
            batch.column(1).as_primitive::<arrow::datatypes::Int64Type>().value(0)
        );
        assert_eq!(i128::from(n), expected, "{dataset}");
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(bytes))
}
