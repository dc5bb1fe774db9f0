//! A small SIH-RD set in DBC form: three UFs, two months each, 2,000 made-up admissions a file.

use std::fs::File;
use std::path::{Path, PathBuf};

use datasus::source::dbc::{DbcWriter, WriteOptions};
use datasus::{Catalog, Error, Result};

const ROWS: u64 = 2_000;

/// Writes the files that are not there yet, with the columns and widths of genuine files of 2024.
pub fn write(folder: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(folder).map_err(|error| Error::io(error, folder))?;
    let rd = Catalog::builtin().dataset("SIH-RD").ok_or_else(|| Error::internal("no SIH-RD"))?;
    let columns: Vec<(&str, u8, u8, u8)> = rd
        .columns
        .iter()
        .filter_map(|column| {
            let era = column.eras.iter().find(|era| era.last_year == 2024)?;
            Some((column.name.as_str(), u8::try_from(era.dbf_type).ok()?, u8::try_from(era.width).ok()?, era.decimals))
        })
        .collect();
    for (uf, code) in [("AC", 12), ("RR", 14), ("SE", 28)] {
        for month in 1..=2 {
            let path = folder.join(format!("RD{uf}24{month:02}.dbc"));
            if path.exists() {
                continue;
            }
            let file = File::create(&path).map_err(|error| Error::io(error, &path))?;
            let mut writer = DbcWriter::create(file, &columns, WriteOptions::default())?;
            let mut seed = code * 100 + month;
            for row in 0..ROWS {
                let values: Vec<String> =
                    columns.iter().map(|column| value(column, uf, code, month, row, &mut seed)).collect();
                writer.write(&values.iter().map(String::as_str).collect::<Vec<_>>())?;
            }
            writer.finish()?;
        }
    }
    Ok(folder.to_owned())
}

fn value(column: &(&str, u8, u8, u8), uf: &str, code: u64, month: u64, row: u64, seed: &mut u64) -> String {
    let (name, dbf_type, width, decimals) = *column;
    // xorshift: the same files on every machine.
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    let random = *seed;
    let width = usize::from(width);
    match name {
        "UF_ZI" => format!("{code}0000"),
        "ANO_CMPT" => "2024".into(),
        "MES_CMPT" => format!("{month:02}"),
        "N_AIH" => format!("{code}24{month:02}{row:07}"),
        "SEXO" => ["1", "3"][random as usize % 2].into(),
        "ESPEC" => format!("{:02}", 1 + random % 5),
        "PROC_REA" | "PROC_SOLIC" => format!("03{:02}010{:03}", 1 + random % 4, random % 29),
        "DIAG_PRINC" => format!("{}{:02}{}", char::from(b'A' + (random % 20) as u8), random % 97, random % 10),
        "DT_INTER" | "DT_SAIDA" => format!("2024{month:02}{:02}", 1 + random % 28),
        "NASC" => format!("{}{:02}{:02}", 1930 + random % 94, 1 + random % 12, 1 + random % 28),
        "COD_IDADE" => "4".into(),
        "CNES" => format!("{:07}", 2_000_000 + code * 100 + random % 12),
        "MUNIC_RES" | "MUNIC_MOV" => format!("{code}{:04}", 10 + random % 20),
        "AUD_JUST" | "SIS_JUST" => String::new(),
        "CGC_HOSP" | "CNPJ_MANT" => format!("{uf:0<14}").replace(char::is_alphabetic, "0"),
        _ if dbf_type == b'N' && decimals > 0 => {
            format!("{:>width$}", format!("{}.{:02}", random % 3000, random % 100))
        }
        _ if dbf_type == b'N' => format!("{:>width$}", random % 10),
        _ => String::new(),
    }
}
