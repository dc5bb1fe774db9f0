//! The folder `made`: small files with known content, written by our own DBC writer.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use datasus::source::dbc::{DbcWriter, WriteOptions};

type Fields = [(&'static str, u8, u8, u8)];

const RD: &Fields = &[
    ("UF_ZI", b'C', 6, 0),
    ("ANO_CMPT", b'C', 4, 0),
    ("MES_CMPT", b'C', 2, 0),
    ("ESPEC", b'C', 2, 0),
    ("N_AIH", b'C', 13, 0),
    ("SEXO", b'C', 1, 0),
    ("VAL_TOT", b'N', 14, 2),
    ("DT_INTER", b'C', 8, 0),
    ("DIAG_PRINC", b'C', 4, 0),
    ("IDADE", b'N', 2, 0),
    ("DIAS_PERM", b'N', 5, 0),
    ("MORTE", b'N', 1, 0),
    ("CNES", b'C', 7, 0),
];

/// Admission number `row` of a month: ESPEC 01..05, SEXO 1 and 3 in turn, R$ 100.00 and 1.37 more each, IDADE = row.
fn admission(uf: &str, month: u32, row: usize) -> Vec<String> {
    let cents = 10_000 + 137 * row;
    vec![
        format!("{uf}0000"),
        "2024".into(),
        format!("{month:02}"),
        format!("{:02}", row % 5 + 1),
        format!("{uf}{:011}", row),
        ["1", "3"][row % 2].into(),
        format!("{:>14}", format!("{}.{:02}", cents / 100, cents % 100)),
        format!("2024{month:02}{:02}", row % 28 + 1),
        format!("J{:02}{}", row % 20, row % 10),
        format!("{:>2}", row),
        format!("{:>5}", row % 9),
        format!("{}", u8::from(row % 20 == 19)),
        format!("{:07}", 2_000_000 + row % 3),
    ]
}

fn write_file(path: &Path, fields: &Fields, rows: impl Iterator<Item = Vec<String>>) {
    let mut writer = DbcWriter::create(File::create(path).unwrap(), fields, WriteOptions::default()).unwrap();
    for row in rows {
        writer.write(&row.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    }
    writer.finish().unwrap();
}

pub fn write(folder: &Path) {
    write_file(&folder.join("RDAC2401.dbc"), RD, (0..40).map(|row| admission("12", 1, row)));
    // The first row's money overflowed and its date does not exist.
    let february = (0..20).map(|row| {
        let mut values = admission("12", 2, row);
        if row == 0 {
            values[6] = "*".repeat(14);
            values[7] = "20240230".into();
        }
        values
    });
    write_file(&folder.join("RDAC2402.dbc"), RD, february);
    write_file(&folder.join("RDRR2401.dbc"), RD, (0..40).map(|row| admission("14", 1, row)));
    let damaged = folder.join("RDRR2401.dbc");
    let bytes = std::fs::read(&damaged).unwrap();
    std::fs::write(&damaged, &bytes[..bytes.len() - 100]).unwrap();

    let pa: &Fields = &[("PA_CODUNI", b'C', 7, 0), ("PA_QTDAPR", b'N', 11, 0), ("PA_VALAPR", b'N', 20, 2)];
    for (name, rows) in [("PASP2401a.dbc", 0..10), ("PASP2401b.dbc", 10..30)] {
        let rows =
            rows.map(|row| vec![format!("{row:07}"), format!("{row:>11}"), format!("{:>20}", format!("{row}.50"))]);
        write_file(&folder.join(name), pa, rows);
    }
    let zika: &Fields = &[("DT_NOTIFIC", b'D', 8, 0), ("SG_UF_NOT", b'C', 2, 0)];
    let rows = (0..20).map(|row| vec!["20200115".to_owned(), if row < 5 { "35" } else { "29" }.to_owned()]);
    write_file(&folder.join("ZIKABR20.dbc"), zika, rows);
    let deaths: &Fields = &[("DTOBITO", b'C', 8, 0), ("CAUSABAS", b'C', 4, 0)];
    write_file(&folder.join("DORR2022.dbc"), deaths, (0..5).map(|_| vec!["31012022".to_owned(), "I219".to_owned()]));
    versions(folder);
}

/// Files of which there are several versions: CNES-LT of AC twice the same, CNES-ST of AC twice with other records (the newer
/// has one more), SIM-DO of AC final and preliminary; and parts of SIA-BI of MG without the second.
fn versions(folder: &Path) {
    let codes: &Fields = &[("CNES", b'C', 7, 0), ("CODUFMUN", b'C', 6, 0)];
    let rows = |count: usize| (0..count).map(|row| vec![format!("{:07}", 2_000_000 + row), "120040".to_owned()]);
    let deaths: &Fields = &[("DTOBITO", b'C', 8, 0), ("CAUSABAS", b'C', 4, 0)];
    let dead = |count: usize| (0..count).map(|_| vec!["31012021".to_owned(), "I219".to_owned()]);
    for below in ["novo", "PRELIM", "FINAIS_2021"] {
        std::fs::create_dir_all(folder.join(below)).unwrap();
    }
    write_file(&folder.join("LTAC2401.dbc"), codes, rows(6));
    write_file(&folder.join("LTAC2401 (1).dbc"), codes, rows(6));
    for (name, count, hours) in [("STAC2401.dbc", 8, 0), ("novo/STAC2401.dbc", 9, 1)] {
        let path = folder.join(name);
        write_file(&path, codes, rows(count));
        let time = UNIX_EPOCH + Duration::from_secs(1_709_294_400 + hours * 3600);
        File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    }
    write_file(&folder.join("PRELIM/DOAC2021.dbc"), deaths, dead(3));
    write_file(&folder.join("FINAIS_2021/DOAC2021.dbc"), deaths, dead(7));
    for part in [1, 3] {
        write_file(&folder.join(format!("BIMG2412_{part}.dbc")), codes, rows(2));
    }
}
